package notary

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// Responder asks a service about a certificate; bridge/revocation is one.
type Responder interface {
	// Ask returns a verified answer that holds at now. An error means that there
	// is none: unreachable, or not to be used.
	Ask(ctx context.Context, s store.Service, c, issuer *x509.Certificate, now time.Time) (*store.Revocation, error)
}

// errNoService (revocation.no_service): nobody is approved to be asked about this issuer's certificates.
var errNoService = fault.New(fault.Absent, "revocation.no_service",
	"Chưa có dịch vụ tra cứu thu hồi nào được duyệt cho tổ chức cấp chứng thư này.",
	"No revocation service is approved for the issuer of this certificate.")

// When is asked again.
const (
	recheck     = 24 * time.Hour   // after an answer (TRUST §6.4), or after its nextUpdate where that is sooner
	soonest     = 10 * time.Minute // but never sooner
	unserved    = 10 * time.Minute // when nobody is approved to be asked
	firstRetry  = time.Minute      // after a failure, doubled each time
	lastRetry   = time.Hour        // at most
	forgiveness = time.Hour        // an answer counts a little beyond its time, so that a slow round does not unsay it
	perRound    = 200
	mostPending = 1 << 16
)

// CheckerDeps is what a checker works with.
type CheckerDeps struct {
	Store     store.Revocations
	Services  store.Services
	Responder Responder
	Clock     clock.Clock
	Logger    *slog.Logger // nil: silent
}

// Checker knows what was answered about signers' certificates, has them asked
// about, and annotates records whose seal turns out to be revoked or disputed.
type Checker struct {
	CheckerDeps
	known atomic.Pointer[map[[32]byte]store.Revocation]

	mu      sync.Mutex
	seen    map[[32]byte]bool   // told to the store
	pending map[[32]byte][]byte // seen since the last round
	status  Checked
}

// Checked is how the checking stands, as of the last round.
type Checked struct {
	Known     int       // certificates with an answer
	Revoked   int       // of them revoked
	Due       int       // that wait to be asked about
	Failing   int       // whose last asking failed, in the last round that asked
	Late      time.Time // since when the longest due waits; zero: none
	Annotated int       // records annotated since the start
}

// NewChecker returns a checker; call Load before the first seal is judged.
func NewChecker(d CheckerDeps) (*Checker, error) {
	if d.Store == nil || d.Services == nil || d.Responder == nil || d.Clock == nil {
		return nil, errors.New("notary: a part of the checker is missing")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Checker{CheckerDeps: d, seen: map[[32]byte]bool{}, pending: map[[32]byte][]byte{}}
	c.known.Store(&map[[32]byte]store.Revocation{})
	return c, nil
}

// Load reads what any hub on this store was answered.
func (c *Checker) Load(ctx context.Context) error {
	all, err := c.Store.Newest(ctx)
	if err != nil {
		return err
	}
	m := make(map[[32]byte]store.Revocation, len(all))
	revoked := 0
	for i := range all {
		m[all[i].Fingerprint] = all[i]
		if all[i].State == store.RevocationRevoked {
			revoked++
		}
	}
	c.known.Store(&m)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Known, c.status.Revoked = len(m), revoked
	return nil
}

// Status implements seal.Revocation: at once, from what is known here. Good is
// good until its nextUpdate, or for a day where that is later.
func (c *Checker) Status(_ context.Context, fingerprint [32]byte) seal.Answer {
	a, ok := (*c.known.Load())[fingerprint]
	switch {
	case !ok:
	case a.State == store.RevocationRevoked:
		return seal.Answer{State: seal.Revoked, At: a.At, Since: a.Since}
	case a.State == store.RevocationGood && !c.Clock.Now().After(goodUntil(&a)):
		return seal.Answer{State: seal.Good, At: a.At}
	}
	return seal.Answer{}
}

// Newest tells the newest answer about a certificate, whatever it says.
func (c *Checker) Newest(fingerprint [32]byte) (store.Revocation, bool) {
	a, ok := (*c.known.Load())[fingerprint]
	return a, ok
}

func goodUntil(a *store.Revocation) time.Time {
	until := a.At.Add(recheck)
	if a.NextUpdate.After(until) {
		until = a.NextUpdate
	}
	return until.Add(forgiveness)
}

// Sealed notes a certificate that sealed; a round soon after keeps it and asks
// about it. It returns at once.
func (c *Checker) Sealed(fingerprint [32]byte, der []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.seen[fingerprint] && len(c.pending) < mostPending {
		c.pending[fingerprint] = der
	}
}

// Round keeps the certificates seen since the last one and asks about those
// that are due. An error means that the store failed.
func (c *Checker) Round(ctx context.Context) error {
	if err := c.keepSeen(ctx); err != nil {
		return err
	}
	now := c.Clock.Now()
	due, err := c.Store.Due(ctx, now, perRound)
	if err != nil {
		return err
	}
	services, err := c.services(ctx)
	if err != nil {
		return err
	}
	down := map[string]error{} // services that did not answer in this round are not waited for again
	failing := 0
	for i := range due {
		failed, err := c.check(ctx, due[i], services, down)
		if err != nil {
			return err
		}
		if failed {
			failing++
		}
	}
	c.mu.Lock()
	c.status.Due, c.status.Failing, c.status.Late = len(due), failing, time.Time{}
	if failing > 0 {
		c.status.Late = due[0].Ask
	}
	c.mu.Unlock()
	return c.Load(ctx)
}

// Progress tells how the checking stands.
func (c *Checker) Progress() Checked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

func (c *Checker) keepSeen(ctx context.Context) error {
	c.mu.Lock()
	now := c.Clock.Now()
	list := make([]store.Signer, 0, len(c.pending))
	for print, der := range c.pending {
		list = append(list, store.Signer{Fingerprint: print, DER: der, Seen: now, Ask: now})
	}
	c.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := c.Store.See(ctx, list); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) > mostPending {
		clear(c.seen) // told again, and known there
	}
	for i := range list {
		c.seen[list[i].Fingerprint] = true
		delete(c.pending, list[i].Fingerprint)
	}
	return nil
}

// service is an approved entry and the issuer it answers for.
type service struct {
	store.Service
	issuer *x509.Certificate
}

// services returns the entries in use, OCSP first: it answers for this moment.
func (c *Checker) services(ctx context.Context) ([]service, error) {
	all, err := c.Services.Services(ctx)
	if err != nil {
		return nil, err
	}
	var ocsp, crl []service
	for _, s := range all {
		if !s.Ended.IsZero() || s.Kind != store.ServiceOCSP && s.Kind != store.ServiceCRL {
			continue
		}
		issuers, err := x509.ParseCertificates(s.DER)
		if err != nil {
			c.Logger.Error("a revocation service without its issuer", "url", s.URL, "error", err)
			continue
		}
		for _, issuer := range issuers {
			if s.Kind == store.ServiceOCSP {
				ocsp = append(ocsp, service{s, issuer})
			} else {
				crl = append(crl, service{s, issuer})
			}
		}
	}
	return append(ocsp, crl...), nil
}

// check asks about one certificate, annotates what follows from the answer, and
// keeps it with when to ask next. What follows comes first: after a crash in
// between it is asked again.
func (c *Checker) check(ctx context.Context, s store.Signer, services []service, down map[string]error) (failed bool, err error) {
	now := c.Clock.Now()
	cert, err := x509.ParseCertificate(s.DER)
	if err != nil || now.After(cert.NotAfter.Add(seal.Grace)) {
		s.Ask, s.Code = time.Time{}, "" // what has ended seals no more
		return false, c.Store.Asked(ctx, s, nil)
	}
	a, why := c.ask(ctx, cert, services, down)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	switch {
	case a != nil:
		if err := c.follow(ctx, a); err != nil {
			return false, err
		}
		s.Failures, s.Code, s.Ask = 0, "", next(a, now)
	case errors.Is(why, errNoService):
		s.Code, s.Ask = errNoService.Code, now.Add(unserved)
	default:
		failed = true
		s.Ask = now.Add(min(lastRetry, firstRetry<<min(s.Failures, 6)))
		s.Failures++
		s.Code = fault.Of(why).Code
		c.Logger.Warn("revocation not answered", "failures", s.Failures, "error", why)
	}
	return failed, c.Store.Asked(ctx, s, a)
}

// next is when to ask again after an answer: a day later, or once its
// nextUpdate has passed.
func next(a *store.Revocation, now time.Time) time.Time {
	at := now.Add(recheck)
	if after := a.NextUpdate.Add(time.Minute); !a.NextUpdate.IsZero() && after.Before(at) {
		at = after
	}
	if at.Before(now.Add(soonest)) {
		at = now.Add(soonest)
	}
	return at
}

// ask asks the services of the certificate's issuer until one answers. Where
// that says revoked, a list is asked too: it alone says since when the key may
// have been another's.
func (c *Checker) ask(ctx context.Context, cert *x509.Certificate, services []service, down map[string]error) (*store.Revocation, error) {
	why := error(errNoService)
	var answer *store.Revocation
	for _, s := range services {
		if answer != nil && (answer.State != store.RevocationRevoked || s.Kind == answer.Kind) {
			continue
		}
		if string(s.issuer.RawSubject) != string(cert.RawIssuer) || cert.CheckSignatureFrom(s.issuer) != nil {
			continue
		}
		if err := down[s.URL]; err != nil {
			why = err
			continue
		}
		a, err := c.Responder.Ask(ctx, s.Service, cert, s.issuer, c.Clock.Now())
		switch {
		case err != nil:
			if fault.KindOf(err) == fault.Busy {
				down[s.URL] = err
			}
			why = err
		case answer == nil:
			answer = a
		case a.State == store.RevocationRevoked && !a.Invalid.IsZero():
			answer = a
		}
	}
	return answer, why
}

// follow annotates the records whose seal an answer puts in doubt: received
// after the revocation, or after the key may have been another's. Verdicts stay.
func (c *Checker) follow(ctx context.Context, a *store.Revocation) error {
	if a.State != store.RevocationRevoked {
		return nil
	}
	if err := c.annotate(ctx, a, store.SealedQuery{Since: a.Since, What: store.SealRevoked}, a.Since); err != nil {
		return err
	}
	if a.Invalid.IsZero() || !a.Invalid.Before(a.Since) {
		return nil
	}
	return c.annotate(ctx, a, store.SealedQuery{Since: a.Invalid, Until: a.Since, What: store.SealDisputed}, a.Invalid)
}

func (c *Checker) annotate(ctx context.Context, a *store.Revocation, q store.SealedQuery, since time.Time) error {
	q.Fingerprint, q.Limit = a.Fingerprint, 200 // a commit of a few milliseconds: intake goes on between
	for {
		found, err := c.Store.Sealed(ctx, q)
		if err != nil || len(found) == 0 {
			return err
		}
		list := make([]store.Annotation, len(found))
		for i := range found {
			list[i] = store.Annotation{Record: found[i].ID, What: q.What, Fingerprint: a.Fingerprint, At: c.Clock.Now(), Since: since, Source: a.Source}
		}
		n, err := c.Store.Annotate(ctx, list)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.status.Annotated += n
		c.mu.Unlock()
	}
}
