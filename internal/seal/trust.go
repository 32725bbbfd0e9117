package seal

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Grace is how long after notAfter a certificate still seals, with a finding,
// while no trusted time proves when it sealed (DESIGN §3, "seal").
const Grace = 30 * 24 * time.Hour

// FindingExpired is the code of the finding a Binding with Expired set leads to.
const FindingExpired = "SEAL.CERTIFICATE.expired"

// TrustConfig is what an operator has declared. All of it is optional.
type TrustConfig struct {
	// Epoch names this state of trust; verdicts carry it.
	Epoch string
	// Roots are the authorities whose certificates bind by tax code.
	Roots []*x509.Certificate
	// Pinned are the SHA-256 fingerprints (DER) registered for a facility code.
	Pinned map[string][][sha256.Size]byte
	// TaxCodes are the registered tax codes by facility code, without prefix.
	TaxCodes map[string]string
}

// Trust is one immutable state of what binds certificates to facilities; a
// change makes a new one. It is safe for use by many goroutines.
type Trust struct {
	epoch    string
	roots    *x509.CertPool
	rooted   bool
	pinned   map[[sha256.Size]byte][]string // facility codes, sorted
	taxCodes map[string]string
	byTax    map[string][]string // facility codes, sorted

	mu     sync.Mutex
	proved map[[sha256.Size]byte]window // chains that were proved, by leaf and what came with it
}

// window is when every certificate above the leaf is valid.
type window struct{ from, to time.Time }

const maxProved = 8192

// NewTrust copies c into a snapshot. An empty facility code or a nil root is an error.
func NewTrust(c TrustConfig) (*Trust, error) {
	t := &Trust{
		epoch: c.Epoch, roots: x509.NewCertPool(), rooted: len(c.Roots) > 0,
		pinned: map[[sha256.Size]byte][]string{}, taxCodes: map[string]string{}, byTax: map[string][]string{},
		proved: map[[sha256.Size]byte]window{},
	}
	for _, r := range c.Roots {
		if r == nil {
			return nil, errors.New("seal: a trusted root is nil")
		}
		t.roots.AddCert(r)
	}
	for facility, prints := range c.Pinned {
		if facility == "" {
			return nil, errors.New("seal: a certificate is pinned to no facility")
		}
		for _, p := range prints {
			if !slices.Contains(t.pinned[p], facility) {
				t.pinned[p] = append(t.pinned[p], facility)
			}
		}
	}
	for facility, tax := range c.TaxCodes {
		tax = bareTaxCode(tax)
		if facility == "" {
			return nil, errors.New("seal: a tax code of no facility")
		}
		if tax != "" {
			t.taxCodes[facility] = tax
			t.byTax[tax] = append(t.byTax[tax], facility)
		}
	}
	for _, codes := range t.pinned {
		slices.Sort(codes)
	}
	for _, codes := range t.byTax {
		slices.Sort(codes)
	}
	return t, nil
}

// Epoch names this state of trust.
func (t *Trust) Epoch() string { return t.epoch }

// Facilities returns the codes of the facilities a certificate is pinned to, sorted.
func (t *Trust) Facilities(fingerprint [sha256.Size]byte) []string {
	return slices.Clone(t.pinned[fingerprint])
}

// FacilitiesByTaxCode returns the codes of the facilities whose registered tax
// code is in the certificate's subject, sorted. It does not say that the
// certificate is trusted: Bind does.
func (t *Trust) FacilitiesByTaxCode(c *x509.Certificate) []string {
	var out []string
	for _, tax := range subjectCodes(c) {
		for _, facility := range t.byTax[tax] {
			if !slices.Contains(out, facility) {
				out = append(out, facility)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Claim is what a seal is judged against.
type Claim struct {
	Facility string    // MACSKCB or MA_CSKCB of the file
	At       time.Time // when it was received
	// Sealed is when something trusted proves it was sealed; zero when nothing
	// does. It then takes the place of At, and there is no grace.
	Sealed time.Time
	// Migration: the file came in a declared migration, so that a certificate
	// expired for longer than Grace is a finding too.
	Migration bool
}

// Way is how a certificate is bound to a facility.
type Way string

// The ways of binding.
const (
	Pinned  Way = "pinned"
	Chained Way = "chained" // to a trusted root, with the facility's tax code in its subject
)

// Unproved: a person's certificate under no trusted root. It binds no facility.
const Unproved Way = "unproved"

// Binding is the proof that a certificate speaks for a facility.
type Binding struct {
	Facility string
	Way      Way
	Expired  bool   // accepted within the grace: the finding FindingExpired
	Epoch    string // of the Trust that decided
}

// Bind decides whether the signature's certificate speaks for the facility. It
// returns ErrUntrusted when it does not, ErrExpired when it does but was not yet
// valid or expired beyond the grace, else the binding. Extended key usages are
// not looked at: facilities' certificates have any or none. Certificates
// between leaf and root must be valid at the judged time whatever the leaf's
// grace.
func (t *Trust) Bind(s Signature, c Claim) (Binding, error) {
	if s.Certificate == nil || c.Facility == "" {
		return Binding{}, because(ErrUntrusted, "no certificate or no facility")
	}
	b := Binding{Facility: c.Facility, Epoch: t.epoch}
	moment := c.At
	if !c.Sealed.IsZero() {
		moment = c.Sealed
	}
	if slices.Contains(t.pinned[s.Fingerprint], c.Facility) {
		b.Way = Pinned
	} else {
		tax := t.taxCodes[c.Facility]
		if tax == "" || !slices.Contains(subjectCodes(s.Certificate), tax) {
			return Binding{}, because(ErrUntrusted, "neither pinned nor with the facility's tax code")
		}
		if err := t.chain(s, moment); err != nil {
			return Binding{}, err
		}
		b.Way = Chained
	}
	switch leaf := s.Certificate; {
	case moment.Before(leaf.NotBefore):
		return Binding{}, because(ErrExpired, "not yet valid")
	case !moment.After(leaf.NotAfter):
		return b, nil
	case !c.Sealed.IsZero() || !c.Migration && moment.After(leaf.NotAfter.Add(Grace)):
		return Binding{}, because(ErrExpired, "expired")
	}
	b.Expired = true
	return b, nil
}

// Person says how well the certificate of a person who signs beside a facility
// is known: Chained under a trusted root, else Unproved. expired tells that the
// moment is outside its validity. A certificate that speaks for a facility is no
// person's: ErrUntrusted.
func (t *Trust) Person(s Signature, moment time.Time) (way Way, expired bool, err error) {
	switch {
	case s.Certificate == nil:
		return "", false, because(ErrUntrusted, "no certificate")
	case len(t.pinned[s.Fingerprint]) > 0 || len(t.FacilitiesByTaxCode(s.Certificate)) > 0:
		return "", false, because(ErrUntrusted, "a facility's certificate in a person's place")
	}
	way = Unproved
	if t.chain(s, moment) == nil {
		way = Chained
	}
	return way, moment.Before(s.Certificate.NotBefore) || moment.After(s.Certificate.NotAfter), nil
}

// chain proves that the leaf is issued under a trusted root. Those above the leaf
// are judged at moment; its own validity is Bind's business, and may lie wholly
// before that of a renewed root.
func (t *Trust) chain(s Signature, moment time.Time) error {
	if !t.rooted {
		return because(ErrUntrusted, "no trusted root")
	}
	h := sha256.New()
	h.Write(s.Fingerprint[:])
	for _, c := range s.Chain {
		sum := fingerprint(c)
		h.Write(sum[:])
	}
	key := [sha256.Size]byte(h.Sum(nil))
	t.mu.Lock()
	w, known := t.proved[key]
	t.mu.Unlock()
	if known && w.holds(moment) {
		return nil
	}
	w, err := t.prove(s, moment)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.proved) >= maxProved {
		clear(t.proved)
	}
	t.proved[key] = w
	return nil
}

func (w window) holds(moment time.Time) bool {
	return !moment.Before(w.from) && !moment.After(w.to)
}

func (t *Trust) prove(s Signature, moment time.Time) (window, error) {
	leaf := *s.Certificate // as if it were valid at the moment
	leaf.NotBefore, leaf.NotAfter = moment, moment
	between := x509.NewCertPool()
	for _, c := range s.Chain {
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() > maxRSABits {
			continue // a hundred tries of a key of 100,000 bits take seconds
		}
		between.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: moment,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return window{}, ErrUntrusted.Because(err)
	}
	for _, chain := range chains {
		if w := above(chain); w.holds(moment) {
			return w, nil
		}
	}
	return window{}, because(ErrUntrusted, "a certificate above the signer's is not valid at this time")
}

// above returns when all certificates of chain but the leaf are valid.
func above(chain []*x509.Certificate) window {
	w := window{to: time.Unix(1<<40, 0)}
	for _, c := range chain[min(1, len(chain)):] {
		if c.NotBefore.After(w.from) {
			w.from = c.NotBefore
		}
		if c.NotAfter.Before(w.to) {
			w.to = c.NotAfter
		}
	}
	return w
}

// Attributes of a subject that may hold the tax code: serialNumber (X.520),
// organizationIdentifier (ETSI EN 319 412-1), UID (RFC 4519).
var (
	oidSerialNumber   = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidOrganizationID = asn1.ObjectIdentifier{2, 5, 4, 97}
	oidUID            = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
)

// subjectCodes returns what the subject's identifying attributes hold, without
// the prefix MST- or MST:.
func subjectCodes(c *x509.Certificate) []string {
	var out []string
	for _, a := range c.Subject.Names {
		if !a.Type.Equal(oidSerialNumber) && !a.Type.Equal(oidOrganizationID) && !a.Type.Equal(oidUID) {
			continue
		}
		if code := bareTaxCode(fmt.Sprint(a.Value)); code != "" {
			out = append(out, code)
		}
	}
	return out
}

func bareTaxCode(s string) string {
	s = strings.TrimSpace(s)
	for _, prefix := range []string{"MST-", "MST:"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	return s
}
