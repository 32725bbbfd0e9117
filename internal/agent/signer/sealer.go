package signer

import (
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

// MaxTries is how many wrong PINs in a row are tried. Tokens lock themselves at
// 3 to 10, mostly beyond repair outside the maker's office; 3 is never more.
const MaxTries = 3

// again is how long a source that could not be opened is left alone.
const again = 10 * time.Second

// first is how long the start of an agent waits for a service that is away.
const first = 15 * time.Second

// notice is how long before its end a certificate is spoken of.
const notice = 30 * 24 * time.Hour

// Tries keeps the number of wrong PINs in a row, over restarts too.
type Tries interface {
	Tries() int
	SaveTries(n int) error
}

// Sealer is the Signer over any Source.
type Sealer struct {
	source Source
	tries  Tries
	clock  clock.Clock

	opening sync.Mutex // one at a time asks the source to open

	mu     sync.Mutex
	opened *Opened
	cert   *x509.Certificate // as peeked before it is opened
	pin    string            // known to be right; in memory only
	fault  *fault.Error      // why it is not open
	next   time.Time         // not asked again before
}

var _ Signer = (*Sealer)(nil)

// New returns a signer over a source and opens it when no PIN is needed. What
// does not open is told by State, not here: an agent runs, takes and keeps files
// also while nobody can sign.
func New(ctx context.Context, source Source, tries Tries, c clock.Clock) *Sealer {
	ctx, cancel := context.WithTimeout(ctx, first)
	defer cancel()
	s := &Sealer{source: source, tries: tries, clock: c, cert: source.Peek(ctx)}
	// The outcome is in the state.
	_, _ = s.open(ctx)
	return s
}

// Seal implements Signer.
func (s *Sealer) Seal(ctx context.Context, doc []byte) ([]byte, error) {
	return s.sealed(ctx, func(k seal.KeyPair) ([]byte, error) { return k.Sign(doc, container) })
}

// SealHolder implements Signer.
func (s *Sealer) SealHolder(ctx context.Context, doc []byte, container, holder string) ([]byte, error) {
	return s.sealed(ctx, func(k seal.KeyPair) ([]byte, error) { return k.SignHolder(doc, container, holder) })
}

// SealDetached implements Signer.
func (s *Sealer) SealDetached(ctx context.Context, body []byte) (string, error) {
	out, err := s.sealed(ctx, func(k seal.KeyPair) ([]byte, error) {
		token, err := k.SignDetached(body)
		return []byte(token), err
	})
	return string(out), err
}

// sealed signs with the open key. A key whose way was lost is opened once more,
// with the PIN that was right before; one that is refused now is forgotten.
func (s *Sealer) sealed(ctx context.Context, sign func(seal.KeyPair) ([]byte, error)) ([]byte, error) {
	for second := false; ; second = true {
		o, err := s.open(ctx)
		if err != nil {
			return nil, err
		}
		if f := s.validity(o.Certificate); f != nil && f.Code == ErrExpired.Code {
			return nil, f
		}
		b := &bound{ctx: ctx, key: o.Key, public: o.Certificate.PublicKey}
		out, err := sign(seal.KeyPair{Key: b, Certificate: o.Certificate, Chain: o.Chain})
		if b.err != nil {
			err = b.err
		}
		switch {
		case err == nil:
			return out, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrPINWrong), errors.Is(err, ErrPINLocked):
			return nil, errors.Join(s.refused(o, err), err)
		case !errors.Is(err, ErrUnavailable):
			return nil, err
		}
		s.lose(o, err)
		if second {
			return nil, err
		}
	}
}

// open returns the open key, opening it when that can be done without a person.
func (s *Sealer) open(ctx context.Context) (*Opened, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	o, f, pin, next := s.opened, s.fault, s.pin, s.next
	s.mu.Unlock()
	if o != nil {
		return o, nil
	}
	if f != nil && (pin == "" && f.Code == ErrWaiting.Code || s.clock.Now().Before(next)) {
		return nil, f
	}
	if pin != "" && s.tries.Tries() >= MaxTries {
		return nil, s.hold(ErrPINLocked)
	}
	return s.try(ctx, pin)
}

// try asks the source. A PIN is counted as wrong before it is tried, so that a
// crash in between gives no further try.
func (s *Sealer) try(ctx context.Context, pin string) (*Opened, error) {
	before := 0
	if pin != "" {
		before = s.tries.Tries()
		if err := s.tries.SaveTries(before + 1); err != nil {
			return nil, s.hold(ErrUnavailable.Because(err))
		}
	}
	o, err := s.source.Open(ctx, pin)
	if pin != "" && !errors.Is(err, ErrPINWrong) { // right, or not tried
		if err == nil {
			before = 0
		}
		err = errors.Join(err, s.tries.SaveTries(before))
	}
	if err == nil {
		err = fits(o)
	}
	if err != nil {
		if errors.Is(err, ErrPINWrong) {
			s.mu.Lock()
			s.pin = ""
			s.mu.Unlock()
		}
		return nil, s.hold(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened, s.cert, s.pin, s.fault = o, o.Certificate, pin, nil
	return o, nil
}

// fits refuses keys that a hub would not take, before anything is sealed.
func fits(o *Opened) error {
	_, err := seal.KeyPair{Key: &bound{public: o.Certificate.PublicKey, key: never{}}, Certificate: o.Certificate}.SignDetached(nil)
	if errors.Is(err, errNever) {
		return nil // the key was good enough to be asked
	}
	return ErrKey.Because(err)
}

var errNever = errors.New("never signs")

type never struct{}

// Sign never signs: it stands for a key whose kind and size are looked at.
func (never) Sign(context.Context, []byte) ([]byte, error) { return nil, errNever }

// hold keeps why the key is not open. A wrong PIN leaves the signer waiting for
// the right one.
func (s *Sealer) hold(err error) error {
	f := fault.Of(err)
	if f.Code == "hub.broken" {
		f = ErrUnavailable.Because(err)
	}
	kept := f
	if f.Code == ErrPINWrong.Code {
		kept = ErrWaiting
		if s.tries.Tries() >= MaxTries {
			kept = ErrPINLocked
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.next = kept, s.clock.Now().Add(again)
	return f
}

// lose drops a key whose way is lost, unless it was opened anew meanwhile.
func (s *Sealer) lose(o *Opened, why error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	mine := s.opened == o
	if mine {
		s.opened, s.fault, s.next = nil, fault.Of(why), time.Time{}
	}
	s.mu.Unlock()
	if mine {
		_ = s.source.Close() // it is lost already
	}
}

// refused forgets a PIN that was right once and is no longer, and counts it.
func (s *Sealer) refused(o *Opened, why error) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	mine := s.opened == o
	if mine {
		s.opened, s.pin = nil, ""
	}
	s.mu.Unlock()
	if !mine {
		return nil
	}
	err := errors.Join(s.source.Close(), s.tries.SaveTries(s.tries.Tries()+1))
	_ = s.hold(why) // returned by the caller
	return err
}

// Unlock implements Signer.
func (s *Sealer) Unlock(ctx context.Context, pin string) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	opened := s.opened != nil
	s.mu.Unlock()
	switch {
	case opened:
		return ErrPINUnneeded
	case pin == "":
		return ErrPINWrong
	case s.tries.Tries() >= MaxTries:
		return s.hold(ErrPINLocked)
	}
	_, err := s.try(ctx, pin)
	return err
}

// Forgive allows MaxTries again, after a person has looked at the device.
func (s *Sealer) Forgive() error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if err := s.tries.SaveTries(0); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil && (s.fault.Code == ErrPINLocked.Code || s.fault.Code == ErrPINLast.Code) {
		s.fault = ErrWaiting
	}
	return nil
}

// Certificate implements Signer.
func (s *Sealer) Certificate() *x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cert
}

// State implements Signer.
func (s *Sealer) State() State {
	s.mu.Lock()
	opened, f, cert := s.opened != nil, s.fault, s.cert
	s.mu.Unlock()
	left := max(0, MaxTries-s.tries.Tries())
	about := s.validity(cert)
	switch {
	case about != nil && about.Code == ErrExpired.Code:
		return State{Unavailable, about, left}
	case opened:
		return State{Ready, about, left}
	case f == nil || f.Code == ErrWaiting.Code:
		if left == 0 {
			return State{Unavailable, ErrPINLocked, left}
		}
		return State{WaitingForPIN, ErrWaiting, left}
	}
	return State{Unavailable, f, left}
}

// validity says what is to be said of a certificate's time. What is past its end
// still seals as long as the hub takes it (seal.Grace), with a notice.
func (s *Sealer) validity(c *x509.Certificate) *fault.Error {
	if c == nil {
		return nil
	}
	switch now := s.clock.Now(); {
	case now.Before(c.NotBefore), now.After(c.NotAfter.Add(seal.Grace)):
		return ErrExpired
	case now.After(c.NotAfter.Add(-notice)):
		return ErrExpiring
	}
	return nil
}

// Close implements Signer.
func (s *Sealer) Close() error {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	s.opened, s.pin, s.fault = nil, "", ErrUnavailable
	s.next = s.clock.Now().Add(again)
	s.mu.Unlock()
	return s.source.Close()
}
