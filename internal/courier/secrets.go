package courier

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// ErrBraked: credentials are opened faster than deliveries ever need.
var ErrBraked = fault.New(fault.Busy, "leg.secret_braked",
	"Đang mở thông tin đăng nhập quá nhanh; chờ một lúc.", "Credentials are being opened too fast; wait a while.")

// The brake and the life of an opened credential.
const (
	secretRate = 20 // openings a second
	secretLife = time.Minute
)

// SecretName is what the credential of a facility ("" of the hub) for a
// destination is sealed under.
func SecretName(destination string, code care.FacilityCode) string {
	return "destination/" + destination + "/" + string(code)
}

// secrets opens credentials, counted and braked, and keeps them for a moment:
// a queue of one facility's records does not open its credential for each.
type secrets struct {
	store    Secrets
	vault    *vault.Vault
	observer Observer

	mu    sync.Mutex
	pace  *exchange.Pace
	known map[string]known
}

type known struct {
	plain []byte // nil: there is none
	until time.Time
}

func newSecrets(s Secrets, v *vault.Vault, o Observer) *secrets {
	return &secrets{store: s, vault: v, observer: o, pace: exchange.NewPace(secretRate, time.Now()), known: map[string]known{}}
}

// of returns a copy of the facility's credential, else of the hub's, else nil.
func (s *secrets) of(ctx context.Context, destination string, code care.FacilityCode) ([]byte, error) {
	for _, whose := range []care.FacilityCode{code, ""} {
		plain, err := s.one(ctx, destination, whose)
		if plain != nil || err != nil {
			return plain, err
		}
	}
	return nil, nil
}

func (s *secrets) one(ctx context.Context, destination string, whose care.FacilityCode) ([]byte, error) {
	name := SecretName(destination, whose)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if k, ok := s.known[name]; ok && now.Before(k.until) {
		return slices.Clone(k.plain), nil
	}
	sealed, err := s.store.Secret(ctx, destination, whose)
	if errors.Is(err, store.ErrAbsent) {
		s.known[name] = known{nil, now.Add(secretLife)}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.pace.Take(now) > 0 {
		return nil, ErrBraked
	}
	plain, err := s.vault.OpenSecret(name, sealed)
	if err != nil {
		return nil, err
	}
	s.observer.SecretOpened(destination)
	s.known[name] = known{plain, now.Add(secretLife)}
	return slices.Clone(plain), nil
}

// forget drops what is kept: credentials may have changed.
func (s *secrets) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.known {
		clear(k.plain)
	}
	clear(s.known)
}
