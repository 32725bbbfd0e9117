package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/store"
)

func gatewayCases() []testCase {
	return []testCase{
		{"an account of the gateway is one facility's, and changes with its act", gatewayAccounts},
		{"a session of the gateway ends with its time and with its account", gatewaySessions},
		{"failed logins are counted by name, from any hub, and forgotten", gatewayFailures},
	}
}

func gatewayAccounts(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	g := w.s.Gateways
	a := store.GatewayAccount{Facility: cityHospital, User: "79901_BV", Hash: "$argon2id$…", Roaming: true, Since: w.clock.Now()}
	b := store.GatewayAccount{Facility: hillStation, User: "24604_TYT", Hash: "h", Since: w.clock.Now()}
	if _, err := g.Account(w.ctx(), a.User); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before it was made: %v", err)
	}
	size := w.logSize()
	w.must(g.PutAccount(w.ctx(), a, w.act("facility.gateway")))
	w.must(g.PutAccount(w.ctx(), b, w.act("facility.gateway")))
	taken := b
	taken.User = a.User
	if err := g.PutAccount(w.ctx(), taken, w.act("facility.gateway")); !errors.Is(err, store.ErrTaken) {
		t.Errorf("another facility's user: %v", err)
	}
	if n := w.logSize() - size; n != 2 {
		t.Errorf("%d leaves for two acts", n)
	}
	w.reopen()
	g = w.s.Gateways
	got, err := g.Account(w.ctx(), a.User)
	w.must(err)
	if diff := cmp.Diff(a, got); diff != "" {
		t.Error(diff)
	}
	changed := a
	changed.Hash, changed.Roaming, changed.Since = "other", false, a.Since.Add(time.Hour)
	w.must(g.PutAccount(w.ctx(), changed, w.act("facility.gateway")))
	if got, err = g.Account(w.ctx(), a.User); err != nil || got != changed {
		t.Errorf("changed: %+v, %v", got, err)
	}
	at := w.clock.Now().Add(2 * time.Hour)
	w.must(g.RevokeAccount(w.ctx(), b.User, at, w.act("facility.gateway_revoke")))
	for _, user := range []string{b.User, "nobody", "a\x00b", "\xff"} {
		if _, err := g.Account(w.ctx(), user); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%q: %v", user, err)
		}
	}
	for _, user := range []string{b.User, "nobody"} {
		if err := g.RevokeAccount(w.ctx(), user, at, w.act("facility.gateway_revoke")); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("revoked again: %v", err)
		}
	}
	b.Hash, changed.Hash, b.Revoked = "", "", at
	all, err := g.Accounts(w.ctx(), "")
	w.must(err)
	if diff := cmp.Diff([]store.GatewayAccount{b, changed}, all); diff != "" {
		t.Error(diff)
	}
	own, err := g.Accounts(w.ctx(), cityHospital)
	w.must(err)
	if diff := cmp.Diff([]store.GatewayAccount{changed}, own); diff != "" {
		t.Error(diff)
	}
	b.Hash = "again"
	w.must(g.PutAccount(w.ctx(), b, w.act("facility.gateway")))
	if got, err := g.Account(w.ctx(), b.User); err != nil || !got.Revoked.IsZero() {
		t.Errorf("made again: %+v, %v", got, err)
	}
	if err := g.PutAccount(w.ctx(), store.GatewayAccount{Facility: cityHospital, User: "a\x00"}, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

func gatewaySessions(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	g, now := w.s.Gateways, w.clock.Now()
	for user, f := range map[string]store.GatewayAccount{"one": {Facility: cityHospital, Roaming: true}, "two": {Facility: hillStation}} {
		f.User, f.Hash, f.Since = user, "h", now
		w.must(g.PutAccount(w.ctx(), f, w.act("facility.gateway")))
	}
	s := store.GatewaySession{Token: [32]byte{1}, ID: [32]byte{2}, Bound: [32]byte{3}, Facility: cityHospital, User: "one", Address: "203.0.113.7", Roaming: true, Expires: now.Add(10 * time.Minute)}
	other := store.GatewaySession{Token: [32]byte{4}, Facility: hillStation, User: "two", Expires: now.Add(20 * time.Minute)}
	w.must(g.Begin(w.ctx(), s, now))
	w.must(g.Begin(w.ctx(), other, now))
	w.reopen()
	g = w.s.Gateways
	got, err := g.Session(w.ctx(), s.Token, s.Expires.Add(-time.Microsecond))
	w.must(err)
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	for what, ask := range map[string]struct {
		token [32]byte
		at    time.Time
	}{"at its end": {s.Token, s.Expires}, "nobody's": {[32]byte{9}, now}} {
		if _, err := g.Session(w.ctx(), ask.token, ask.at); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%s: %v", what, err)
		}
	}
	next := s
	next.Token, next.Expires = [32]byte{5}, now.Add(30*time.Minute)
	w.must(g.Begin(w.ctx(), next, s.Expires))
	if _, err := g.Session(w.ctx(), s.Token, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("one that was over is still there: %v", err)
	}
	w.must(g.RevokeAccount(w.ctx(), "two", now, w.act("facility.gateway_revoke")))
	if _, err := g.Session(w.ctx(), other.Token, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of a revoked account: %v", err)
	}
	w.must(g.Begin(w.ctx(), other, now)) // begun by a hub that had looked before
	if _, err := g.Session(w.ctx(), other.Token, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("begun on a revoked account: %v", err)
	}
	w.must(g.PutAccount(w.ctx(), store.GatewayAccount{Facility: cityHospital, User: "one", Hash: "new", Since: now}, w.act("facility.gateway")))
	if _, err := g.Session(w.ctx(), next.Token, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of an account whose password changed: %v", err)
	}
}

func gatewayFailures(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	g, at := w.s.Gateways, w.clock.Now()
	hour := at.Add(-time.Hour)
	const workers, each = 8, 5
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			who := []string{"both", "a"}
			if i%2 == 1 {
				who = []string{"b", "both"}
			}
			for range each {
				if err := g.Failed(w.ctx(), who, at, hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.reopen()
	g = w.s.Gateways
	check := func(what string, since time.Time, want ...int) {
		t.Helper()
		got, err := g.Failures(w.ctx(), []string{"a", "b", "both", "none"}, since)
		w.must(err)
		for i, f := range got {
			if f.N != want[i] || (f.N > 0) == f.Last.IsZero() {
				t.Errorf("%s: %+v, want %v", what, got, want)
				return
			}
		}
	}
	check("counted", hour, workers/2*each, workers/2*each, workers*each, 0)
	check("long ago", at, 0, 0, 0, 0)
	let := func(want bool, pair string, since time.Time) {
		t.Helper()
		if got, err := g.Let(w.ctx(), pair, since); err != nil || got != want {
			t.Errorf("%s let in after %v: %v, %v", pair, since, got, err)
		}
	}
	let(false, "pair", hour)
	w.must(g.Passed(w.ctx(), []string{"both", "none"}, "pair", at, hour))
	w.must(g.Passed(w.ctx(), nil, "pair", at.Add(-time.Minute), hour))
	let(true, "pair", at.Add(-time.Microsecond))
	let(false, "pair", at)
	let(false, "another", hour)
	w.must(g.Passed(w.ctx(), nil, "another", at.Add(2*time.Hour), at))
	let(false, "pair", hour)
	check("passed", hour, workers/2*each, workers/2*each, 0, 0)
	later := at.Add(2 * time.Hour)
	w.must(g.Failed(w.ctx(), []string{"a"}, later, at))
	check("begins anew", hour, 1, 0, 0, 0)
	if got, err := g.Failures(w.ctx(), []string{"a"}, hour); err != nil || !got[0].Last.Equal(later) {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range 30 {
		w.must(g.Failed(w.ctx(), []string{fmt.Sprint("many ", i)}, at, hour))
	}
	if got, err := g.Failures(w.ctx(), nil, hour); err != nil || len(got) != 0 {
		t.Errorf("of nobody: %+v, %v", got, err)
	}
}
