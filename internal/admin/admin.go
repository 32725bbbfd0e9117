// Package admin is what an operator does to a hub: register facilities, trust
// authorities, give out credentials and login links. Each act is kept with who
// did it and a leaf in the ledger. It does not know whether it is called
// from a command line, a socket or a page.
package admin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/keep"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// LinkLife is how long a login link is good for (DESIGN §6 "link").
const LinkLife = 10 * time.Minute

var (
	// ErrName: a facility needs a name.
	ErrName = fault.New(fault.Invalid, "facility.name", "Ghi tên cơ sở.", "Give the facility's name.")
	// ErrProvince: not one of the 34 provinces.
	ErrProvince = fault.New(fault.Invalid, "facility.province",
		"Mã tỉnh phải là một trong 34 tỉnh, thành phố.", "The province must be one of the 34.")
	// ErrCertificate: not a PEM certificate.
	ErrCertificate = fault.New(fault.Invalid, "trust.certificate",
		"Không đọc được chứng thư số dạng PEM.", "This is not a PEM certificate.")
	// ErrAuthority: a root that may not issue.
	ErrAuthority = fault.New(fault.Invalid, "trust.not_authority",
		"Chứng thư này không phải của tổ chức cấp chứng thư số.", "This certificate is not an authority's.")
	// ErrUnknown: no such facility.
	ErrUnknown = fault.New(fault.Absent, "facility.unknown", "Hub chưa có cơ sở này.", "The hub does not know this facility.")
	// ErrNamed: a link is nobody's, and this role is always somebody's.
	ErrNamed = fault.New(fault.Invalid, "link.role_named",
		"Vai trò này phải đăng nhập bằng danh tính của từng người, không mở bằng đường dẫn.", "This role is always a person's by name: they log in as themselves, not by a link.")
	// ErrKey: a credential's key is not P-256.
	ErrKey = fault.New(fault.Invalid, "credential.key", "Khóa phải là ECDSA P-256.", "The key must be ECDSA P-256.")
)

// Office does the acts. Its methods are the whole of what an operator can do
// from outside the portal.
type Office struct{ Deps }

// Deps is what an office works with; store.Slices has the first five.
type Deps struct {
	Facilities store.Facilities
	Access     store.Access
	Records    Records
	People     People
	Acts       Acts
	Trail      Trail // who looked; nil: nobody is named
	Services   store.Services
	Gateways   store.Gateways
	Watch      store.Witness
	Enrolments store.Enrolments
	Surveys    store.Surveys
	Keeper     *keep.Keeper
	ExchangeDeps
	Clock  clock.Clock
	Random io.Reader // nil: the operating system's
}

// Records finds the record a link is taken from.
type Records interface {
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
}

// People takes links away.
type People interface {
	Unlink(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, actor, reason string, at time.Time) error
	Links(ctx context.Context, facility care.FacilityCode, subject vault.Keyed) ([]store.Link, error)
}

// Acts keeps acts that change no directory.
type Acts interface {
	Act(ctx context.Context, act store.Act) error
}

// New returns an office.
func New(d Deps) *Office {
	if d.Random == nil {
		d.Random = rand.Reader
	}
	return &Office{d}
}

// Of returns an office over the slices of a store.
func Of(s *store.Slices, c clock.Clock) *Office {
	return New(Deps{Facilities: s.Facilities, Access: s.Access, Records: s.Records, People: s.People, Acts: s.Keys, Trail: s.Disclosures, Services: s.Services, Gateways: s.Gateways, Watch: s.Witness,
		Enrolments:   s.Enrolments,
		Surveys:      s.Surveys,
		ExchangeDeps: ExchangeDeps{Destinations: s.Destinations, Secrets: s.Secrets, Legs: s.Legs, Files: s.Records},
		Keeper:       keep.New(keep.Store{Retention: s.Retention, Records: s.Records, Ledger: s.Ledger}, c, nil), Clock: c})
}

// Facility is what an operator says of a facility. Of one that is known only
// the fields given change, in a new version.
type Facility struct {
	Code         string   `json:"code"`
	Name         string   `json:"name,omitempty"`
	Level        string   `json:"level,omitempty"`
	Type         string   `json:"type,omitempty"`
	Province     string   `json:"province,omitempty"`
	Ward         string   `json:"ward,omitempty"`
	Unit         string   `json:"unit,omitempty"`
	Vendor       string   `json:"vendor,omitempty"`
	TaxCode      string   `json:"tax_code,omitempty"`
	Migrating    string   `json:"migrating,omitempty"`    // "on", "off": in a declared migration, where expired seals are a finding
	Certificates []string `json:"certificates,omitempty"` // PEM
}

// AddFacility registers facilities: a new code begins with its first version, a
// known one gets a new version when anything but certificates is given.
func (o *Office) AddFacility(ctx context.Context, actor string, list ...Facility) error {
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return err
	}
	now := o.Clock.Now()
	var change store.DirectoryChange
	codes := make([]string, 0, len(list))
	for _, f := range list {
		v, changed, err := version(d, f, now)
		if err != nil {
			return err
		}
		if changed {
			change.Versions = append(change.Versions, v)
		}
		for _, text := range f.Certificates {
			certs, err := parseCertificates([]byte(text))
			if err != nil {
				return err
			}
			for _, c := range certs {
				change.Certificates = append(change.Certificates, facility.Certificate{Facility: v.Code, Fingerprint: sha256.Sum256(c.Raw), DER: c.Raw, Since: now})
			}
		}
		codes = append(codes, f.Code)
	}
	return o.change(ctx, change, actor, "facility.add", strings.Join(codes, ","), map[string]any{"versions": len(change.Versions), "certificates": len(change.Certificates)})
}

func version(d *facility.Directory, f Facility, now time.Time) (facility.Version, bool, error) {
	code, err := care.ParseFacilityCode(f.Code)
	if err != nil {
		return facility.Version{}, false, err
	}
	v, known := d.Current(code)
	before := v
	v.Code = code
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	set(&v.Name, care.Clean(f.Name))
	set(&v.Type, f.Type)
	set(&v.Province, f.Province)
	set(&v.Ward, f.Ward)
	set(&v.Unit, f.Unit)
	set(&v.Vendor, f.Vendor)
	set(&v.TaxCode, f.TaxCode)
	if f.Migrating != "" {
		v.Migrating = f.Migrating == "on"
	}
	if f.Level != "" || !known {
		if v.Level, err = facility.ParseLevel(f.Level); err != nil {
			return v, false, err
		}
	}
	if v.Name == "" {
		return v, false, ErrName
	}
	if _, ok := catalog.ProvinceByCode(v.Province); !ok {
		return v, false, ErrProvince
	}
	changed := !known || !same(before, v)
	v.ID, v.From = 0, now
	return v, changed, nil
}

func same(a, b facility.Version) bool {
	return a.Name == b.Name && a.Level == b.Level && a.Type == b.Type && a.Province == b.Province && a.Ward == b.Ward &&
		a.Unit == b.Unit && a.Vendor == b.Vendor && a.TaxCode == b.TaxCode && a.Migrating == b.Migrating && slices.Equal(a.Predecessors, b.Predecessors)
}

// AddAnchor trusts an authority: certificates it issues bind by tax code.
func (o *Office) AddAnchor(ctx context.Context, actor, text string) error {
	certs, err := parseCertificates([]byte(text))
	if err != nil {
		return err
	}
	var change store.DirectoryChange
	names := make([]string, 0, len(certs))
	for _, c := range certs {
		if !c.IsCA {
			return ErrAuthority
		}
		change.Anchors = append(change.Anchors, c.Raw)
		sum := sha256.Sum256(c.Raw)
		names = append(names, hex.EncodeToString(sum[:8]))
	}
	return o.change(ctx, change, actor, "trust.add", strings.Join(names, ","), map[string]any{"anchors": len(certs)})
}

func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if text = rest; block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, ErrCertificate.Because(err)
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, ErrCertificate.Because(errors.New("no certificate in it"))
	}
	return certs, nil
}

// AddClient gives a facility's systems a credential: the key stays with them,
// the hub keeps its public half. It returns the client's id and key id.
func (o *Office) AddClient(ctx context.Context, actor, code string, spki []byte) (id, kid string, err error) {
	_, c, err := o.known(ctx, code)
	if err != nil {
		return "", "", err
	}
	client, err := o.newClient(code, spki)
	if err != nil {
		return "", "", err
	}
	client.Facility = c
	change := store.DirectoryChange{Clients: []facility.Client{client}}
	return client.ID, client.KeyID, o.change(ctx, change, actor, "facility.credential", code, map[string]any{"client": client.ID, "kid": client.KeyID})
}

// newClient makes a credential of an ECDSA key on P-256, named after whose it is:
// "NAME-xxxxxxxxxxxx". Fault: credential.key.
func (o *Office) newClient(name string, spki []byte) (facility.Client, error) {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return facility.Client{}, ErrKey.Because(err)
	}
	if k, ok := pub.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return facility.Client{}, ErrKey
	}
	var b [6]byte
	if _, err := io.ReadFull(o.Random, b[:]); err != nil {
		return facility.Client{}, err
	}
	sum := sha256.Sum256(spki)
	return facility.Client{ID: name + "-" + hex.EncodeToString(b[:]), KeyID: hex.EncodeToString(sum[:8]), PublicKey: spki, Since: o.Clock.Now()}, nil
}

// RevokeCertificate ends a certificate's right to seal for a facility, pinned
// or issued: what it sealed stays valid, what comes from now on is refused.
func (o *Office) RevokeCertificate(ctx context.Context, actor, code, text string) error {
	certs, err := parseCertificates([]byte(text))
	if err != nil {
		return err
	}
	d, c, err := o.known(ctx, code)
	if err != nil {
		return err
	}
	print := sha256.Sum256(certs[0].Raw)
	change := store.DirectoryChange{RevokeCertificate: print}
	pinned := slices.ContainsFunc(d.Certificates(c), func(x facility.Certificate) bool { return x.Fingerprint == print })
	if !pinned { // kept, so that it is known when it comes
		change.Certificates = []facility.Certificate{{Facility: c, Fingerprint: print, DER: certs[0].Raw, Since: o.Clock.Now()}}
	}
	return o.change(ctx, change, actor, "facility.revoke_certificate", code, map[string]any{"fingerprint": hex.EncodeToString(print[:])})
}

// RevokeClient ends a credential: its tokens are refused from the next request on.
func (o *Office) RevokeClient(ctx context.Context, actor, id string) error {
	return o.change(ctx, store.DirectoryChange{RevokeClient: id}, actor, "facility.revoke_client", id, map[string]any{"client": id})
}

// known returns the directory and the code of a facility in it.
func (o *Office) known(ctx context.Context, code string) (*facility.Directory, care.FacilityCode, error) {
	c, err := care.ParseFacilityCode(code)
	if err != nil {
		return nil, "", err
	}
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return nil, "", err
	}
	if _, known := d.Current(c); !known {
		return nil, "", ErrUnknown
	}
	return d, c, nil
}

// MakeLink makes a one-time login link for a role and returns its token. next
// is the path opened after logging in.
func (o *Office) MakeLink(ctx context.Context, actor, roleText, next string) (string, error) {
	r, err := role.Parse(roleText)
	if err != nil {
		return "", err
	}
	switch r.Kind {
	case role.Facility:
		if _, _, err := o.known(ctx, r.ID); err != nil {
			return "", err
		}
	case role.Clinician, role.Privacy, role.Counter, role.Citizen:
		return "", ErrNamed
	}
	if _, ok := catalog.ProvinceByCode(r.ID); r.Kind == role.Province && !ok {
		return "", ErrProvince
	}
	var b [32]byte
	if _, err := io.ReadFull(o.Random, b[:]); err != nil {
		return "", err
	}
	token := base64.RawURLEncoding.EncodeToString(b[:])
	link := store.LoginLink{Hash: sha256.Sum256(b[:]), Role: r.String(), Expires: o.Clock.Now().Add(LinkLife), Next: next}
	if err := o.Access.PutLink(ctx, link); err != nil {
		return "", err
	}
	return token, o.change(ctx, store.DirectoryChange{}, actor, "link.make", r.String(), map[string]any{"expires": link.Expires})
}

// ErrReason: an act on a person's records needs its reason.
var ErrReason = fault.New(fault.Invalid, "link.reason", "Ghi lý do, từ 3 đến 500 ký tự.", "Give the reason, 3 to 500 characters.")

// Unlink takes the patient of a record from the person it was linked to: the
// records stay where they are, the history stays, and the hub does not link
// the two again by itself. The act is in the ledger before it is done. It returns
// who saw the two mixed since they were linked: newest first, at most 10,000.
func (o *Office) Unlink(ctx context.Context, actor, record, reason string) ([]Look, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < 3 || n > 500 {
		return nil, ErrReason
	}
	id, err := dossier.ParseID(record)
	if err != nil {
		return nil, err
	}
	r, err := o.Records.Get(ctx, role.Scope{All: true}, id)
	if err != nil {
		return nil, err
	}
	saw, err := o.saw(ctx, r)
	if err != nil {
		return nil, err
	}
	now := o.Clock.Now()
	act := store.Act{At: now, Actor: actor, Action: "person.unlink", Object: id.String(), Detail: "{}"}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	if err := o.Acts.Act(ctx, act); err != nil {
		return nil, err
	}
	return saw, o.People.Unlink(ctx, id.Facility, r.Subject, actor, reason, now)
}

// change applies a change with its act and the act's leaf. An act that leaves
// the directory as it is moves no epoch. The detail keeps the
// change's marks: the leaf then vouches for every row of the directory.
func (o *Office) change(ctx context.Context, c store.DirectoryChange, actor, action, object string, detail map[string]any) error {
	now := o.Clock.Now()
	marks := c.Marks(now)
	if len(marks) > 0 {
		detail["marks"] = marks
	}
	b, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	act := store.Act{At: now, Actor: actor, Action: action, Object: object, Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	if len(marks) == 0 { // nothing of the directory: its epoch stays
		return o.Acts.Act(ctx, act)
	}
	return o.Facilities.Change(ctx, c, act)
}
