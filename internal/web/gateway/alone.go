package gateway

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/store"
)

// Alone is one account whose sessions are kept in memory: the agent's, on a
// facility's own machine. After a restart the HIS takes a new token.
type Alone struct {
	account store.GatewayAccount

	mu       sync.Mutex
	sessions map[[32]byte]store.GatewaySession
	failed   map[string]store.GatewayFailures
	let      map[string]time.Time
}

var _ Accounts = (*Alone)(nil)

// NewAlone returns the account of a user with a hash made by Hash; an error for
// a hash that is none.
func NewAlone(a store.GatewayAccount) (*Alone, error) {
	if err := CheckHash(a.Hash); err != nil {
		return nil, err
	}
	return &Alone{account: a, sessions: map[[32]byte]store.GatewaySession{}, failed: map[string]store.GatewayFailures{}, let: map[string]time.Time{}}, nil
}

// mostKept bounds what is kept in memory of sessions, names and addresses.
const mostKept = 10_000

// Account implements Accounts.
func (x *Alone) Account(_ context.Context, user string) (store.GatewayAccount, error) {
	if user != x.account.User {
		return store.GatewayAccount{}, store.ErrAbsent
	}
	return x.account, nil
}

// Failures implements Accounts.
func (x *Alone) Failures(_ context.Context, who []string, since time.Time) ([]store.GatewayFailures, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]store.GatewayFailures, len(who))
	for i, w := range who {
		if f := x.failed[w]; f.Last.After(since) {
			out[i] = f
		}
	}
	return out, nil
}

// Failed implements Accounts.
func (x *Alone) Failed(_ context.Context, who []string, at, since time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	forget(x.failed, func(f store.GatewayFailures) bool { return f.Last.After(since) })
	for _, w := range who {
		x.failed[w] = store.GatewayFailures{N: x.failed[w].N + 1, Last: at}
	}
	return nil
}

// Passed implements Accounts.
func (x *Alone) Passed(_ context.Context, who []string, pair string, at, since time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, w := range who {
		delete(x.failed, w)
	}
	forget(x.let, func(t time.Time) bool { return t.After(since) })
	x.let[pair] = at
	return nil
}

// Let implements Accounts.
func (x *Alone) Let(_ context.Context, pair string, since time.Time) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.let[pair].After(since), nil
}

// Begin implements Accounts.
func (x *Alone) Begin(_ context.Context, s store.GatewaySession, now time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	forget(x.sessions, func(s store.GatewaySession) bool { return s.Expires.After(now) })
	x.sessions[s.Token] = s
	return nil
}

// Session implements Accounts.
func (x *Alone) Session(_ context.Context, token [32]byte, now time.Time) (store.GatewaySession, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, ok := x.sessions[token]
	if !ok || !s.Expires.After(now) {
		return store.GatewaySession{}, store.ErrAbsent
	}
	s.Roaming = x.account.Roaming
	return s, nil
}

// forget drops what no longer counts, and everything when there is too much.
func forget[K comparable, V any](of map[K]V, counts func(V) bool) {
	for k, v := range of {
		if !counts(v) {
			delete(of, k)
		}
	}
	if len(of) >= mostKept {
		clear(of)
	}
}
