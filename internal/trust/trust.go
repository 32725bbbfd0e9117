// Package trust is the directory of facilities as seals are judged by it: whom a
// certificate speaks for at this moment, and what is known of its revocation. It
// keeps the newest state at hand and asks nobody about certificates; package
// notary does that.
package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// View is the directory of one moment, and whom certificates speak for by it.
type View struct {
	*facility.Directory
	Seals *seal.Trust
	Known Knowledge // nil: nothing beside the directory
}

// Knowledge is what was answered about certificates, and who wants to know
// which of them seal. Both return at once: asking happens elsewhere.
type Knowledge interface {
	seal.Revocation
	Sealed(fingerprint [32]byte, der []byte)
}

// NewView arranges a directory for judging seals.
func NewView(d *facility.Directory) (*View, error) {
	c := seal.TrustConfig{Epoch: strconv.FormatInt(d.Epoch, 10), Pinned: map[string][][32]byte{}, TaxCodes: map[string]string{}}
	for _, der := range d.Anchors {
		root, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("trust: trusted root: %w", err)
		}
		c.Roots = append(c.Roots, root)
	}
	for _, v := range d.All() {
		code := string(v.Code)
		for _, cert := range d.Certificates(v.Code) {
			c.Pinned[code] = append(c.Pinned[code], cert.Fingerprint)
		}
		if v.TaxCode != "" {
			c.TaxCodes[code] = v.TaxCode
		}
	}
	t, err := seal.NewTrust(c)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	return &View{Directory: d, Seals: t}, nil
}

// Status says what the directory knows of a certificate's revocation: that it
// was revoked here; else what its issuer's services answered, as far as that is
// known. It asks nobody.
func (t *View) Status(ctx context.Context, fingerprint [32]byte) seal.Answer {
	if since, ok := t.RevokedAt(fingerprint); ok {
		return seal.Answer{State: seal.Revoked, At: since, Since: since}
	}
	if t.Known != nil {
		return t.Known.Status(ctx, fingerprint)
	}
	return seal.Answer{}
}

// Bind holds one verified signature against the facility it must speak for.
// Faults: seal.untrusted, seal.expired, seal.revoked.
func (t *View) Bind(ctx context.Context, s seal.Signature, v facility.Version, at time.Time) (store.SealNote, error) {
	b, err := t.Seals.Bind(s, seal.Claim{Facility: string(v.Code), At: at, Migration: v.Migrating})
	if err != nil {
		return store.SealNote{}, err
	}
	t.sealed(s)
	answer, err := seal.CheckRevocation(ctx, t, s.Fingerprint)
	if err != nil {
		return store.SealNote{}, err
	}
	return note(s, store.RoleFacility, b.Way, b.Expired, answer), nil
}

// BindPerson names the person who signed beside the facility, as far as trusted
// roots know the certificate. Fault: seal.untrusted, for a facility's certificate.
func (t *View) BindPerson(s seal.Signature, at time.Time) (store.SealNote, error) {
	way, expired, err := t.Seals.Person(s, at)
	if err != nil {
		return store.SealNote{}, err
	}
	t.sealed(s)
	return note(s, store.RolePerson, way, expired, t.Status(context.Background(), s.Fingerprint)), nil
}

// note is what is kept of a signature that was bound.
func note(s seal.Signature, role string, way seal.Way, expired bool, answer seal.Answer) store.SealNote {
	c := s.Certificate
	n := store.SealNote{Fingerprint: s.Fingerprint, Subject: plain(c.Subject.String()), Algorithm: string(s.Algorithm), Bound: string(way),
		Revocation: string(answer.State), Expired: expired, Role: role, Covered: s.Covered, Serial: c.SerialNumber.Text(16), Issuer: plain(c.Issuer.String())}
	if answer.State == seal.NotYetKnown {
		n.Revocation = "not yet known"
	}
	return n
}

func (t *View) sealed(s seal.Signature) {
	if t.Known != nil {
		t.Known.Sealed(s.Fingerprint, s.Certificate.Raw)
	}
}

// plain is a text as every store keeps it: a certificate's subject may hold NUL
// and, in a TeletexString, bytes that are no UTF-8.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Owners returns the facilities a certificate may speak for: those it is
// pinned to, else those whose tax code its subject holds.
func (t *View) Owners(s seal.Signature) []care.FacilityCode {
	codes := t.Seals.Facilities(s.Fingerprint)
	if len(codes) == 0 {
		codes = t.Seals.FacilitiesByTaxCode(s.Certificate)
	}
	out := make([]care.FacilityCode, len(codes))
	for i, c := range codes {
		out[i] = care.FacilityCode(c)
	}
	return out
}

// Watch keeps the newest View at hand: a change made by any process is seen
// within a second.
type Watch struct {
	store store.Facilities
	log   *slog.Logger
	known Knowledge
	now   atomic.Pointer[View]
}

// NewWatch loads the directory; Run keeps it fresh.
func NewWatch(ctx context.Context, s store.Facilities, log *slog.Logger) (*Watch, error) {
	w := &Watch{store: s, log: log}
	return w, w.Refresh(ctx)
}

// Consult has every trust from now on ask known too. It is called once, before Run.
func (w *Watch) Consult(known Knowledge) {
	w.known = known
	t := *w.now.Load()
	t.Known = known
	w.now.Store(&t)
}

// Current returns the trust of this moment.
func (w *Watch) Current() *View { return w.now.Load() }

// Refresh loads the directory when its epoch has moved.
func (w *Watch) Refresh(ctx context.Context) error {
	if old := w.now.Load(); old != nil {
		epoch, err := w.store.Epoch(ctx)
		if err != nil || epoch == old.Epoch {
			return err
		}
	}
	d, err := w.store.Load(ctx)
	if err != nil {
		return fmt.Errorf("trust: loading the directory: %w", err)
	}
	t, err := NewView(d)
	if err != nil {
		return err
	}
	t.Known = w.known
	for { // two may load at once: the older one is not put over the newer
		old := w.now.Load()
		if old != nil && old.Epoch > t.Epoch || w.now.CompareAndSwap(old, t) {
			return nil
		}
	}
}

// Run refreshes every second until ctx ends. A directory that cannot be read
// leaves the last one in force and is logged.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := w.Refresh(ctx); err != nil && ctx.Err() == nil {
				w.log.Error("directory not refreshed", "error", err)
			}
		}
	}
}
