package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

func consentCases() []testCase {
	return []testCase{
		{"a say comes back as it was, with every version", consentComesBack},
		{"of two who change one say at once one is told", consentsAtOnce},
		{"a say of which nothing holds is absent, and one with a bad text is refused", consentRefused},
		{"a person's says have a limit, counted by what may still hold", consentLimit},
		{"requests wait at their facility and are due by time", consentsAsked},
		{"the next to ask after a revocation knows of it", standingKnows},
		{"an opening stands while it lives, is that person's, and its consent holds", standingOpening},
		{"who may act for whom is told to both until it ends", delegations},
	}
}

// sayOf makes a say with every field set.
func (w *world) sayOf(n int, p store.PersonID) consent.Consent {
	at := w.clock.Now()
	return consent.Consent{
		ID: consent.ID{1, byte(n >> 8), byte(n)}, Person: p, Version: 1, Effect: consent.Permit, State: consent.Granted, Purpose: consent.Treatment,
		Scope: consent.Scope{
			Readers: []care.FacilityCode{cityHospital, hillStation}, Authors: []care.FacilityCode{coastClinic}, Kinds: []string{"xml130", "checkup"},
			Visits: []consent.Visit{{Facility: coastClinic, Episode: keyed("visit %d", n)}},
			From:   at.AddDate(-1, 0, 0), To: at.AddDate(1, 0, 0), Classes: care.HIV | care.MentalHealth,
		},
		Emergency: true, Since: at, Until: at.AddDate(0, 6, 0), Asked: at.Add(-time.Minute), Decided: at, Asker: cityHospital, Staff: care.Staff{7},
		Signer: consent.Guardian, By: person(99), Channel: "vneid", Proof: [32]byte{3, 2, 1}, Law: "law-91-2025-art-19", Receipt: []byte("eyJ.e30.c2ln"),
	}
}

func (w *world) notice(p store.PersonID, kind string) matter.Notice {
	return matter.Notice{Person: p, At: w.clock.Now(), Kind: kind, About: "0a0b", Detail: `{"facility":"79901"}`}
}

func (w *world) put(c consent.Consent) {
	w.t.Helper()
	w.must(w.s.Consents.PutConsent(w.ctx(), c, nil, store.Act{}))
}

func (w *world) standing(p store.PersonID, o consent.OpeningID) consent.Standing {
	w.t.Helper()
	got, err := w.s.Consents.Standing(w.ctx(), p, o, w.clock.Now())
	w.must(err)
	return got
}

func consentComesBack(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, p := w.logSize(), person(1)
	c := w.sayOf(1, p)
	bare := consent.Consent{ID: consent.ID{9}, Person: p, Version: 1, Effect: consent.Deny, State: consent.Granted, Decided: w.clock.Now().Add(-time.Hour), Since: w.clock.Now()}
	n := w.notice(p, "consent.granted")
	w.must(w.s.Consents.PutConsent(w.ctx(), c, &n, w.act("consent.granted")))
	w.put(bare)
	next := c
	next.Version, next.State, next.Ended, next.Receipt = 2, consent.Revoked, w.clock.Now().Add(time.Hour), []byte("another")
	w.must(w.s.Consents.PutConsent(w.ctx(), next, nil, w.act("consent.revoked")))
	if got := w.logSize() - size; got != 2 {
		t.Errorf("%d leaves for two acts", got)
	}
	w.reopen()
	got, err := w.s.Consents.Consent(w.ctx(), c.ID)
	w.must(err)
	if diff := cmp.Diff(&next, got); diff != "" {
		t.Error(diff)
	}
	history, err := w.s.Consents.ConsentHistory(w.ctx(), c.ID)
	w.must(err)
	if diff := cmp.Diff([]consent.Consent{c, next}, history); diff != "" {
		t.Error(diff)
	}
	all, err := w.s.Consents.Consents(w.ctx(), p, 10)
	w.must(err)
	if diff := cmp.Diff([]consent.Consent{next, bare}, all); diff != "" {
		t.Error(diff)
	}
	if all, err = w.s.Consents.Consents(w.ctx(), p, 1); err != nil || len(all) != 1 {
		t.Errorf("a limit of one: %d, %v", len(all), err)
	}
	told, err := w.s.Notices.Notices(w.ctx(), p, 10)
	w.must(err)
	if len(told) != 1 || told[0].Kind != n.Kind {
		t.Errorf("told %+v", told)
	}
}

func consentsAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	c := w.sayOf(1, person(1))
	for version := 1; version <= 3; version++ {
		c.Version = version
		var done, changed atomic.Int32
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				switch err := w.s.Consents.PutConsent(w.ctx(), c, nil, w.act("consent.said")); {
				case err == nil:
					done.Add(1)
				case errors.Is(err, store.ErrChanged):
					changed.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 || changed.Load() != 5 {
			t.Errorf("version %d: %d did, %d were told", version, done.Load(), changed.Load())
		}
	}
	for _, version := range []int{1, 3, 5} {
		c.Version = version
		n := w.notice(c.Person, "lost")
		if err := w.s.Consents.PutConsent(w.ctx(), c, &n, store.Act{}); !errors.Is(err, store.ErrChanged) {
			t.Errorf("version %d over 3: %v", version, err)
		}
	}
	if history, err := w.s.Consents.ConsentHistory(w.ctx(), c.ID); err != nil || len(history) != 3 {
		t.Errorf("%d versions, %v", len(history), err)
	}
	if told, err := w.s.Notices.Notices(w.ctx(), c.Person, 10); err != nil || len(told) != 0 {
		t.Errorf("told of what was not kept: %+v, %v", told, err)
	}
}

func consentRefused(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if _, err := w.s.Consents.Consent(w.ctx(), consent.ID{1}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of nobody: %v", err)
	}
	if all, err := w.s.Consents.ConsentHistory(w.ctx(), consent.ID{1}); err != nil || len(all) != 0 {
		t.Errorf("of nobody: %v %v", all, err)
	}
	for name, change := range map[string]func(*consent.Consent){
		"a kind":    func(c *consent.Consent) { c.Scope.Kinds = []string{"a\x00"} },
		"a reader":  func(c *consent.Consent) { c.Scope.Readers = []care.FacilityCode{"\xff"} },
		"an author": func(c *consent.Consent) { c.Scope.Authors = []care.FacilityCode{"\x00"} },
		"a visit":   func(c *consent.Consent) { c.Scope.Visits[0].Facility = "\xff" },
		"a channel": func(c *consent.Consent) { c.Channel = "\xc3" },
		"a law":     func(c *consent.Consent) { c.Law = "\x00" },
		"an asker":  func(c *consent.Consent) { c.Asker = "\x00" },
	} {
		c := w.sayOf(1, person(1))
		change(&c)
		if err := w.s.Consents.PutConsent(w.ctx(), c, nil, store.Act{}); !errors.Is(err, store.ErrText) {
			t.Errorf("%s that is no text: %v", name, err)
		}
	}
	c := w.sayOf(1, person(1))
	n := w.notice(c.Person, "\xff")
	if err := w.s.Consents.PutConsent(w.ctx(), c, &n, store.Act{}); !errors.Is(err, store.ErrText) {
		t.Errorf("a notice that is no text: %v", err)
	}
	act := w.act("consent.said")
	act.Detail = "\x00"
	if err := w.s.Consents.PutConsent(w.ctx(), c, nil, act); !errors.Is(err, store.ErrText) {
		t.Errorf("an act that is no text: %v", err)
	}
	for name, change := range map[string]func(*consent.Consent){
		"no id": func(c *consent.Consent) { c.ID = consent.ID{} }, "nobody": func(c *consent.Consent) { c.Person = store.PersonID{} },
		"no version": func(c *consent.Consent) { c.Version = 0 },
	} {
		c := w.sayOf(1, person(1))
		change(&c)
		if err := w.s.Consents.PutConsent(w.ctx(), c, nil, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
	if all, err := w.s.Consents.Consents(w.ctx(), person(1), 10); err != nil || len(all) != 0 {
		t.Errorf("kept: %v %v", all, err)
	}
}

func consentLimit(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := person(1)
	states := []consent.State{consent.Requested, consent.Shown, consent.Granted, consent.Active}
	for n := range 500 {
		c := w.sayOf(n, p)
		c.State = states[n%len(states)]
		w.put(c)
	}
	over := w.sayOf(500, p)
	if err := w.s.Consents.PutConsent(w.ctx(), over, nil, store.Act{}); !errors.Is(err, store.ErrTooMany) {
		t.Errorf("the 501st: %v", err)
	}
	refused := w.sayOf(501, p)
	refused.State = consent.Refused
	w.put(refused) // holds nothing
	other := w.sayOf(502, person(2))
	w.put(other)
	ended := w.sayOf(2, p)
	ended.Version, ended.State = 2, consent.Revoked
	w.put(ended)
	w.put(over)
	if got := w.standing(p, consent.OpeningID{}); len(got.Consents) != 250 { // 249 left, and the last
		t.Errorf("%d hold", len(got.Consents))
	}
	if err := w.s.Consents.PutConsent(w.ctx(), w.sayOf(503, p), nil, store.Act{}); !errors.Is(err, store.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
}

func consentsAsked(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	ask := func(n int, state consent.State, f care.FacilityCode, asked, since, until time.Time) {
		w.put(consent.Consent{ID: consent.ID{byte(n)}, Person: person(n), Version: 1, Effect: consent.Permit, State: state, Asker: f, Asked: asked, Since: since, Until: until})
	}
	never := time.Time{}
	ask(1, consent.Requested, cityHospital, at.Add(time.Minute), never, never)
	ask(2, consent.Shown, cityHospital, at, never, never)
	ask(3, consent.Granted, cityHospital, at, at.Add(time.Hour), never)
	ask(4, consent.Requested, hillStation, at, never, never)
	ask(5, consent.Refused, cityHospital, at, never, never)
	ask(6, consent.Active, coastClinic, at, at, at.Add(2*time.Hour))
	ask(7, consent.Active, coastClinic, at, at, never)
	w.put(consent.Consent{ID: consent.ID{8}, Person: person(8), Version: 1, Effect: consent.Permit, State: consent.Requested, Asker: coastClinic, Asked: at, Channel: "portal"})
	named := func(all []consent.Consent, err error) (ids []int) {
		t.Helper()
		w.must(err)
		for _, c := range all {
			ids = append(ids, int(c.ID[0]))
		}
		return ids
	}
	if diff := cmp.Diff([]int{2, 1}, named(w.s.Consents.Asked(w.ctx(), cityHospital))); diff != "" {
		t.Error(diff)
	}
	for after, want := range map[time.Duration][]int{
		0: nil, 10 * time.Minute: {2, 4}, time.Hour: {2, 4, 1, 3}, 2*time.Hour - time.Microsecond: {2, 4, 1, 3}, 2 * time.Hour: {2, 4, 1, 3, 6},
		consent.AnswerLater: {2, 4, 1, 3, 6, 8}, // a request in the person's pages waits a week
	} {
		if diff := cmp.Diff(want, named(w.s.Consents.Due(w.ctx(), at.Add(after), 10))); diff != "" {
			t.Errorf("after %v: %s", after, diff)
		}
	}
	if got := named(w.s.Consents.Due(w.ctx(), at.Add(3*time.Hour), 2)); len(got) != 2 {
		t.Errorf("two of them: %v", got)
	}
	if _, err := w.s.Consents.Asked(w.ctx(), "\xff"); err != nil && !errors.Is(err, store.ErrText) {
		t.Error(err)
	}
}

func standingKnows(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	other := w.s
	if h.Hubs > 1 {
		other = w.open(1)
	}
	p := person(1)
	c := w.sayOf(1, p)
	for range 25 {
		c.State = consent.Active
		w.put(c)
		got, err := other.Consents.Standing(w.ctx(), p, consent.OpeningID{}, w.clock.Now())
		w.must(err)
		want := c
		want.Receipt = nil // not what decides
		if diff := cmp.Diff(consent.Standing{Consents: []consent.Consent{want}}, got); diff != "" {
			t.Fatal(diff)
		}
		c.Version, c.State = c.Version+1, consent.Revoked
		w.put(c)
		if got, err = other.Consents.Standing(w.ctx(), p, consent.OpeningID{}, w.clock.Now()); err != nil || len(got.Consents) != 0 {
			t.Fatalf("revoked, and standing: %+v, %v", got, err)
		}
		c.Version++
	}
	c.State = consent.Granted
	w.put(c)
	for at, want := range map[time.Time]int{c.Since.Add(-time.Microsecond): 0, c.Since: 1, c.Until.Add(-time.Microsecond): 1, c.Until: 0} {
		if got, err := w.s.Consents.Standing(w.ctx(), p, consent.OpeningID{}, at); err != nil || len(got.Consents) != want {
			t.Errorf("at %v: %d hold, want %d, %v", at, len(got.Consents), want, err)
		}
	}
	if got := w.standing(person(2), consent.OpeningID{}); len(got.Consents) != 0 {
		t.Errorf("another person has %+v", got)
	}
}

func standingOpening(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := person(1)
	c := w.sayOf(1, p)
	c.State = consent.Active
	w.put(c)
	o := w.opening(1, p, "consent")
	o.Consent = c.ID
	w.begin(o)
	here := w.opening(2, p, "presence")
	w.begin(here)
	stands := func(p store.PersonID, o consent.Opening, at time.Time, want bool) {
		t.Helper()
		got, err := w.s.Consents.Standing(w.ctx(), p, o.ID, at)
		w.must(err)
		if (got.Opening != nil) != want {
			t.Errorf("stands %+v, want %v", got.Opening, want)
		}
		if want && !cmp.Equal(o, *got.Opening) {
			t.Error(cmp.Diff(o, *got.Opening))
		}
	}
	at := w.clock.Now()
	for _, o := range []consent.Opening{o, here} {
		stands(p, o, at, true)
		stands(p, o, o.From.Add(-time.Microsecond), false)
		stands(p, o, o.Until, false)
		stands(person(2), o, at, false)
	}
	stands(p, consent.Opening{ID: consent.OpeningID{77}}, at, false)
	c.Version, c.State = 2, consent.Revoked
	w.put(c)
	stands(p, o, at, false)
	stands(p, here, at, true)
	w.must(w.s.Openings.EndOpening(w.ctx(), here.ID, at, "discharge", store.Act{}))
	stands(p, here, at, false)
}

func delegations(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	child, mother := person(1), person(2)
	d := consent.Delegation{ID: [16]byte{1}, Person: child, Delegate: mother, Kind: "guardian_under_7", From: at, Until: at.AddDate(5, 0, 0), Proof: [32]byte{5}}
	bare := consent.Delegation{ID: [16]byte{2}, Person: child, Delegate: person(3), Kind: "proxy", From: at.Add(time.Hour)}
	w.must(w.s.Consents.PutDelegation(w.ctx(), d, w.act("delegation.made")))
	w.must(w.s.Consents.PutDelegation(w.ctx(), bare, store.Act{}))
	check := func(p store.PersonID, wantOf, wantTo []consent.Delegation) {
		t.Helper()
		of, to, err := w.s.Consents.Delegations(w.ctx(), p)
		w.must(err)
		if diff := cmp.Diff([][]consent.Delegation{wantOf, wantTo}, [][]consent.Delegation{of, to}); diff != "" {
			t.Error(diff)
		}
	}
	check(child, []consent.Delegation{bare, d}, nil)
	check(mother, nil, []consent.Delegation{d})
	d.Ended = at.Add(2 * time.Hour)
	w.must(w.s.Consents.PutDelegation(w.ctx(), d, w.act("delegation.ended")))
	check(mother, nil, []consent.Delegation{d})
	d.Ended = time.Time{}
	if err := w.s.Consents.PutDelegation(w.ctx(), d, store.Act{}); !errors.Is(err, store.ErrChanged) {
		t.Errorf("one that ended begins again: %v", err)
	}
	bare.Delegate = mother
	if err := w.s.Consents.PutDelegation(w.ctx(), bare, store.Act{}); !errors.Is(err, store.ErrChanged) {
		t.Errorf("given to another: %v", err)
	}
	for i, wrong := range []consent.Delegation{{Person: child, Delegate: mother}, {ID: [16]byte{3}, Delegate: mother}, {ID: [16]byte{3}, Person: child}, {ID: [16]byte{3}, Person: child, Delegate: child}} {
		if err := w.s.Consents.PutDelegation(w.ctx(), wrong, store.Act{}); err == nil {
			t.Errorf("kept number %d: %s", i, fmt.Sprint(wrong.Kind))
		}
	}
}
