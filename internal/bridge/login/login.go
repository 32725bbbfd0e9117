// Package login keeps a bridge's sessions at destinations: one login at a time
// for each facility, used until it ends, and a brake on logins that fail, since
// the other side locks accounts that try too often. It knows no protocol.
package login

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/bridge/verdict"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
)

// Who names a session: whose account at which destination.
type Who struct {
	Destination string
	Facility    care.FacilityCode
	User        string
}

// Keeper keeps sessions of one sort.
type Keeper[S any] struct {
	speaker verdict.Speaker
	clock   clock.Clock
	mu      sync.Mutex
	of      map[Who]*seat[S]
}

// seat is one account's. Its lock makes one login at a time.
type seat[S any] struct {
	mu       sync.Mutex
	session  *S
	until    time.Time
	failures int
	closed   time.Time // no login before
}

// New returns a keeper; its codes begin with the speaker's name.
func New[S any](speaker verdict.Speaker, clk clock.Clock) *Keeper[S] {
	return &Keeper[S]{speaker: speaker, clock: clk, of: map[Who]*seat[S]{}}
}

func (k *Keeper[S]) seat(who Who) *seat[S] {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.of[who]
	if s == nil {
		s = &seat[S]{}
		k.of[who] = s
	}
	return s
}

// Get returns the session that lives, or takes one: login returns it and how
// long it lives, or the answer that stands for there being none; denied says
// that the account was turned away, which is what the brake counts. Of a life a
// minute is taken off, of a short one half.
func (k *Keeper[S]) Get(ctx context.Context, who Who, login func(context.Context) (s *S, life time.Duration, bad *exchange.Answer, denied bool)) (*S, *exchange.Answer) {
	at := k.seat(who)
	at.mu.Lock()
	defer at.mu.Unlock()
	now := k.clock.Now()
	if at.session != nil && now.Before(at.until) {
		return at.session, nil
	}
	at.session = nil
	if now.Before(at.closed) {
		return nil, &exchange.Answer{Outcome: exchange.Again, Code: string(k.speaker) + ".login_paused", Wait: at.closed.Sub(now)}
	}
	s, life, bad, denied := login(ctx)
	if bad == nil {
		at.session, at.until, at.failures = s, now.Add(life-min(time.Minute, life/2)), 0
		return s, nil
	}
	bad.Sent = false // nothing of a record left
	if denied {
		at.failures++
		bad.Wait = max(bad.Wait, min(time.Minute<<min(at.failures, 8), time.Hour))
		at.closed = now.Add(bad.Wait)
	}
	return nil, bad
}

// Drop forgets a session the other side no longer takes.
func (k *Keeper[S]) Drop(who Who, old *S) {
	at := k.seat(who)
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.session == old {
		at.session = nil
	}
}
