// Package ticket is how simulated gateways give out tokens and know them again:
// random, for a time, bound to whatever the gateway binds them to. It is not
// for the hub's own tokens (web/token).
package ticket

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"lienthong/internal/clock"
)

// Known says what is known of a token.
type Known int

const (
	// Unknown: never given out, or taken back.
	Unknown Known = iota
	// Expired: given out, and its time is over.
	Expired
	// Valid: given out and good.
	Valid
)

// Office gives out tokens, each for one holder. It is safe for use by many
// goroutines.
type Office[T any] struct {
	clock clock.Clock
	life  time.Duration
	mu    sync.Mutex
	given map[string]issue[T]
}

type issue[T any] struct {
	to  T
	end time.Time
}

// New returns an office whose tokens live so long.
func New[T any](c clock.Clock, life time.Duration) *Office[T] {
	return &Office[T]{clock: c, life: life, given: map[string]issue[T]{}}
}

// remembered is how many tokens are known before expired ones are swept out.
const remembered = 10_000

// Issue gives out a token of 32 hex digits and says when it ends.
func (o *Office[T]) Issue(to T) (token string, end time.Time) {
	token = Random()
	now := o.clock.Now()
	end = now.Add(o.life)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.given) >= remembered {
		for t, i := range o.given {
			if !now.Before(i.end) {
				delete(o.given, t)
			}
		}
	}
	o.given[token] = issue[T]{to, end}
	return token, end
}

// Holder returns whom a token was given to.
func (o *Office[T]) Holder(token string) (T, Known) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, ok := o.given[token]
	switch {
	case !ok:
		return i.to, Unknown
	case !o.clock.Now().Before(i.end):
		return i.to, Expired
	}
	return i.to, Valid
}

// Revoke takes a token back.
func (o *Office[T]) Revoke(token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.given, token)
}

// Random returns 32 random hex digits.
func Random() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
