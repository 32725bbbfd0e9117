package rooms

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/web/his"
	"lienthong/internal/web/portal/clinic"
	"lienthong/internal/web/session"
)

// Proofs are how people show that they are there, and are asked; nil ones are not set up.
type Proofs struct {
	Apps  reading.Keys // of the provider of citizens' logins
	Chips reading.Keys // of whoever reads chips
	Phone reading.Phone
	Asker reading.Asker
	Known reading.Subjects
}

// ReadingDesk is the service of reading across facilities.
func ReadingDesk(p Parts, by Proofs) (*reading.Desk, error) {
	s := p.Slices
	return reading.New(reading.Deps{Records: s.Records, People: s.People, Openings: s.Openings, Once: s.Access, Vault: p.Vault, Facts: stays{p.Disclose},
		Phone: by.Phone, Apps: by.Apps, Chips: by.Chips, Known: by.Known, Asker: by.Asker, Clock: p.Clock}, reading.Config{})
}

// Clinic is what the pages of clinicians ask for.
func Clinic(p Parts, desk *reading.Desk) (*clinic.Deps, error) {
	rules, err := policy.Builtin()
	if err != nil {
		return nil, err
	}
	return &clinic.Deps{Desk: desk, Records: p.Disclose, Facility: p.facilityName, Verified: p.verified, PublicURL: p.PublicURL, Why: reasons{p.Slices.Disclosures, rules}.why}, nil
}

// stays hands on what disclose reads of referrals and stays.
type stays struct{ *disclose.Discloser }

// Referred implements reading.Facts.
func (s stays) Referred(ctx context.Context, person store.PersonID, to care.FacilityCode) ([]reading.Referral, error) {
	list, err := s.Discloser.Referred(ctx, person, to)
	out := make([]reading.Referral, len(list))
	for i, r := range list {
		out[i] = reading.Referral{Record: r.Record.String(), Validity: r.Validity}
	}
	return out, err
}

// reasons tells by which rules an opening was used.
type reasons struct {
	log   store.Disclosures
	rules *policy.Set
}

// looksOf is how many looks of an opening are told of.
const looksOf = 500

func (x reasons) why(ctx context.Context, id consent.OpeningID) ([]clinic.Reason, error) {
	rows, _, err := x.log.List(ctx, role.Scope{All: true}, store.DisclosureFilter{Opening: id, Limit: looksOf})
	if err != nil {
		return nil, err
	}
	var out []clinic.Reason
	at := map[string]int{}
	for _, row := range rows {
		if i, ok := at[row.Policy]; ok {
			out[i].Records++
			continue
		}
		at[row.Policy] = len(out)
		id, _, _ := strings.Cut(row.Policy, "@")
		r := clinic.Reason{Policy: row.Policy, Records: 1}
		if rule, ok := x.rules.Rule(id); ok {
			r.Text, r.Law = rule.Says, law.Text(rule.Law)
		}
		out = append(out, r)
	}
	return out, nil
}

// Systems tells which facility's system makes a request, by its bearer token.
type Systems func(token string) (facility.Client, error)

// errSystem: the token is none of a facility's system.
var errSystem = fault.New(fault.Unauthenticated, "token.invalid",
	"Token không đúng, đã hết hạn, hoặc không phải của một cơ sở.", "The token is wrong, expired, or no facility's.")

// System implements his.Callers.
func (s Systems) System(r *http.Request) (his.System, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return his.System{}, errSystem
	}
	client, err := s(text)
	if err != nil {
		return his.System{}, err
	}
	pub, err := x509.ParsePKIXPublicKey(client.PublicKey)
	if err != nil {
		return his.System{}, errSystem.Because(err)
	}
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok || client.Unit != "" || client.Facility == "" {
		return his.System{}, errSystem
	}
	return his.System{Facility: client.Facility, Client: client.ID, KeyID: client.KeyID, Key: key}, nil
}

// His is the door for facilities' own systems.
func His(p Parts, desk *reading.Desk, staff *roster.Desk, callers his.Callers) (*his.Door, error) {
	pages, err := clinic.NewPages(p.Clock, p.facilityName, p.Demo)
	if err != nil {
		return nil, err
	}
	return his.New(his.Deps{Callers: callers, Roster: staff, Desk: desk, Records: p.Disclose, Links: links{p.Slices.Access, p.Sessions, staff, p}, Once: p.Slices.Access, Verified: p.verified,
		Page: func(lang string, v his.View, fragment bool) templ.Component {
			return pages.Page(lang, clinic.Beside{Summary: v.Summary, Basis: v.Basis, Until: v.Until, Own: v.Own, Others: v.Others, Link: v.Link, Ways: v.Ways, At: v.At, Shown: v.Shown, Checked: v.Checked}, fragment)
		}, Clock: p.Clock, Logger: p.Logger, PublicURL: p.PublicURL})
}

// links are one-time login links that name a clinician. Their role is one that
// nobody logs in as, so that they open nothing at /login.
type links struct {
	access   store.Access
	sessions *session.Keeper
	staff    *roster.Desk
	parts    Parts
}

const linkRole = "his:"

// Put implements his.Links.
func (l links) Put(ctx context.Context, at care.FacilityCode, who care.Staff, next string, until time.Time) (string, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", err
	}
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	hash, ok := session.HashToken(token)
	if !ok {
		return "", errors.New("rooms: a token that is none")
	}
	return token, l.access.PutLink(ctx, store.LoginLink{Hash: hash, Role: linkRole + string(at), Expires: until, Next: hex.EncodeToString(who[:]) + " " + next})
}

// Enter implements his.Links. Fault: login.link.
func (l links) Enter(w http.ResponseWriter, r *http.Request, token string) (string, error) {
	hash, ok := session.HashToken(token)
	if !ok {
		return "", session.ErrLink
	}
	link, err := l.access.UseLink(r.Context(), hash, l.parts.Clock.Now())
	if errors.Is(err, store.ErrAbsent) {
		return "", session.ErrLink
	} else if err != nil {
		return "", err
	}
	code, ok := strings.CutPrefix(link.Role, linkRole)
	id, next, _ := strings.Cut(link.Next, " ")
	who, err := hex.DecodeString(id)
	if !ok || err != nil || len(who) != len(care.Staff{}) || session.LocalPath(next) == "" {
		return "", session.ErrLink.Because(err)
	}
	name, err := l.staff.Name(r.Context(), care.Staff(who))
	if err != nil {
		return "", err
	}
	return next, l.sessions.Open(w, r, session.Entry{Role: role.Role{Kind: role.Clinician, ID: code}, Name: name, Staff: care.Staff(who)}) // level 0: a system says so
}
