package choice_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/store"
)

func TestWhatIsSaidHoldsAtOnceAndUntilItIsTakenBack(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		c := w.say(w.herself(), permit())
		if c.State != consent.Active || c.Version != 1 || c.Signer != consent.Self || c.Law == "" || !w.finding(here).Permitted || w.finding(there).Permitted {
			t.Fatalf("%+v", c)
		}
		r := w.receipt(c)
		if r.State != consent.Active || r.Purpose != consent.Treatment || len(r.Scope.Readers) != 1 || r.Law.Source != "law-15-2023-art-69" || r.Law.Confirmed || !r.Sensitive || r.Issuer != "hub.test" {
			t.Errorf("%+v", r)
		}
		back, err := w.desk.Revoke(t.Context(), w.herself(), c.ID)
		if err != nil || back.State != consent.Revoked || w.finding(here).Permitted {
			t.Fatalf("%+v, %v", back, err)
		}
		if r := w.receipt(back); r.State != consent.Revoked || r.Ended == 0 || !strings.HasSuffix(r.ID, "#2") {
			t.Errorf("%+v", r)
		}
		again, err := w.desk.Revoke(t.Context(), w.herself(), c.ID)
		if err != nil || again.Version != 2 {
			t.Errorf("revoked twice: %+v, %v", again, err)
		}
		w.clock.move(-48 * time.Hour) // a clock that steps back revives nothing
		if w.finding(here).Permitted {
			t.Error("a revoked say revived")
		}
		history, err := w.s.Consents.ConsentHistory(t.Context(), c.ID)
		if err != nil || len(history) != 2 {
			t.Errorf("%d versions, %v", len(history), err)
		}
	})
}

func TestADenialWinsAndNeedsMoreToBeTakenBack(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		careless := w.herself()
		careless.SteppedUp = time.Time{}
		_, err := w.desk.Say(t.Context(), careless, permit())
		w.want(err, choice.ErrStepUp)
		careless.SteppedUp = t0.Add(-time.Hour)
		_, err = w.desk.Say(t.Context(), careless, permit())
		w.want(err, choice.ErrStepUp)
		careless.SteppedUp = t0.Add(time.Hour) // a clock that is ahead
		_, err = w.desk.Say(t.Context(), careless, permit())
		w.want(err, choice.ErrStepUp)
		careless.SteppedUp = time.Time{}

		both := permit()
		both.Scope.Readers = []care.FacilityCode{here, there}
		p := w.say(w.herself(), both)
		d := w.say(careless, denial()) // it closes: no second factor
		if f := w.finding(there); !f.Denied || f.DeniedToo || f.Against != d.ID {
			t.Errorf("%+v", f)
		}
		w.clock.move(-24 * time.Hour)
		if f := w.finding(there); !f.Denied {
			t.Error("the denial does not hold where the clock steps back")
		}
		w.clock.move(24 * time.Hour)
		_, err = w.desk.Revoke(t.Context(), careless, d.ID)
		w.want(err, choice.ErrStepUp)
		if _, err := w.desk.Revoke(t.Context(), careless, p.ID); err != nil { // it closes
			t.Error(err)
		}
		if _, err := w.desk.Revoke(t.Context(), w.herself(), d.ID); err != nil || w.finding(there).Denied {
			t.Error(err)
		}
	})
}

func TestWhatCannotBeSaidIsRefusedWithItsCode(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		other := w.herself()
		other.By = binh
		for name, c := range map[string]struct {
			speaker choice.Speaker
			change  func(c *consent.Consent)
			want    error
		}{
			"for another person":     {other, nil, consent.ErrDelegation},
			"with another's name":    {w.herself(), func(c *consent.Consent) { c.Person = binh }, consent.ErrOtherPerson},
			"no purpose":             {w.herself(), func(c *consent.Consent) { c.Purpose = "" }, consent.ErrPurpose},
			"unknown facility":       {w.herself(), func(c *consent.Consent) { c.Scope.Readers = []care.FacilityCode{"99999"} }, consent.ErrFacility},
			"unknown kind":           {w.herself(), func(c *consent.Consent) { c.Scope.Kinds = []string{"x"} }, consent.ErrKind},
			"ended before it begins": {w.herself(), func(c *consent.Consent) { c.Until = t0.Add(-time.Hour) }, consent.ErrTime},
			"classes for everybody":  {w.herself(), func(c *consent.Consent) { c.Scope.Readers, c.Scope.Classes = nil, care.HIV }, consent.ErrFacility},
			"emergency permission":   {w.herself(), func(c *consent.Consent) { c.Emergency = true }, consent.ErrEffect},
			"a child by itself":      {choice.Speaker{Person: child, Channel: "portal", SteppedUp: t0}, nil, consent.ErrMinor},
			"paper without its scan": {choice.Speaker{Person: an, Channel: "counter_paper", SteppedUp: t0, Staff: nurse}, nil, consent.ErrProof},
			"by no channel":          {choice.Speaker{Person: an, SteppedUp: t0}, nil, consent.ErrProof},
			"a proxy who says he is": {choice.Speaker{Person: an, By: binh, Signer: consent.Proxy, Channel: "portal", SteppedUp: t0}, nil, consent.ErrDelegation},
		} {
			draft := permit()
			if c.change != nil {
				c.change(&draft)
			}
			if _, err := w.desk.Say(t.Context(), c.speaker, draft); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if list, err := w.desk.Said(t.Context(), an); err != nil || len(list) != 0 {
			t.Errorf("%d were kept, %v", len(list), err)
		}
		c := w.say(w.herself(), permit())
		thief := choice.Speaker{Person: binh, Channel: "portal", SteppedUp: t0}
		_, err := w.desk.Revoke(t.Context(), thief, c.ID)
		w.want(err, choice.ErrAbsent)
		_, err = w.desk.Revoke(t.Context(), thief, consent.ID{77})
		w.want(err, choice.ErrAbsent)
		_, err = w.desk.Answer(t.Context(), thief, c.ID, true)
		w.want(err, choice.ErrAbsent)
	})
}

func TestAFormSentTwiceSaysOneThing(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		s := w.herself()
		s.Form = "0123456789abcdef"
		ids := make([]consent.ID, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				c, err := w.desk.Say(context.WithoutCancel(t.Context()), s, permit())
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = c.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Error("it made two says")
			}
		}
		if list, err := w.desk.Said(t.Context(), an); err != nil || len(list) != 1 || list[0].Version != 1 {
			t.Errorf("%d says, %v", len(list), err)
		}
		_, err := w.desk.Say(t.Context(), s, denial())
		w.want(err, choice.ErrForm)
	})
}

func TestTenThousandConsents(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		kept := 0
		for range 10_000 {
			_, err := w.desk.Say(t.Context(), w.herself(), permit())
			if errors.Is(err, store.ErrTooMany) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			kept++
		}
		if kept < 100 || kept > 1000 {
			t.Fatalf("%d were kept", kept)
		}
		if list, err := w.desk.Said(t.Context(), an); err != nil || len(list) != kept {
			t.Fatalf("%d, %v", len(list), err)
		}
		_, err := w.desk.Ask(t.Context(), choice.Request{Person: an, Facility: here, Purpose: consent.Research, Channel: "portal"})
		w.want(err, store.ErrTooMany)
		w.say(w.herself(), denial()) // there is always room to deny
		if !w.finding(there).Denied || !w.finding(here).Permitted {
			t.Error("what was said does not hold")
		}
	})
}

func TestAFacilityAsksAndThePhoneAnswers(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		ask := choice.Request{Person: an, Facility: here, Name: "Bệnh viện A", Staff: nurse, Purpose: consent.Treatment, Channel: "vneid", Actor: "clinician:79901"}
		c, err := w.desk.Ask(t.Context(), ask)
		if err != nil || c.State != consent.Requested || len(w.phone.asked) != 1 || w.phone.asked[0].ID != c.ID || !strings.Contains(w.phone.asked[0].Text.VI, "Bệnh viện A") {
			t.Fatalf("%+v, %v", c, err)
		}
		twice, err := w.desk.Ask(t.Context(), ask)
		if err != nil || twice.ID != c.ID || len(w.phone.asked) != 1 {
			t.Errorf("asked twice: %+v, %v", twice, err)
		}
		notices, err := w.s.Notices.Notices(t.Context(), an, 10)
		if err != nil || len(notices) != 1 || notices[0].Kind != "consent.asked" {
			t.Errorf("%+v, %v", notices, err)
		}
		if w.finding(here).Permitted {
			t.Error("a request permits")
		}
		_, err = w.desk.State(t.Context(), there, c.ID)
		w.want(err, choice.ErrAbsent)
		weak := choice.Request{Person: an, Facility: there, Purpose: consent.Treatment, Channel: "vneid"}
		w.phone.say(choice.Pushed{State: choice.Approved, At: w.clock.Now(), Level: 1, Proof: []byte("signed")})
		low, err := w.desk.Ask(t.Context(), weak)
		if err != nil {
			t.Fatal(err)
		}
		if low, err = w.desk.Asked(t.Context(), low.ID); err != nil || low.State != consent.Requested {
			t.Errorf("agreed by the first level of identity: %+v, %v", low, err)
		}
		w.phone.say(choice.Pushed{State: choice.Approved, At: w.clock.Now(), Level: 2, Proof: []byte("signed")})
		said := w.say(w.herself(), denial())
		_, err = w.desk.Asked(t.Context(), said.ID) // nobody asked for it
		w.want(err, store.ErrAbsent)
		c, err = w.desk.Asked(t.Context(), c.ID)
		if err != nil || c.State != consent.Active || c.Channel != "vneid" || c.Proof == [32]byte{} || !w.finding(here).Permitted {
			t.Fatalf("%+v, %v", c, err)
		}
		history, err := w.s.Consents.ConsentHistory(t.Context(), c.ID)
		if err != nil || len(history) != 3 || history[0].State != consent.Requested || history[1].State != consent.Shown {
			t.Errorf("%+v, %v", history, err)
		}
	})
}

func TestRequestsAreRefusedLapseAndAreFew(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		ask := func(p consent.Purpose, channel string) *consent.Consent {
			t.Helper()
			c, err := w.desk.Ask(t.Context(), choice.Request{Person: an, Facility: here, Staff: nurse, Purpose: p, Channel: channel})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		first, second, third := ask(consent.Treatment, "vneid"), ask(consent.Referral, "vneid"), ask(consent.Research, "portal")
		_, err := w.desk.Ask(t.Context(), choice.Request{Person: an, Facility: here, Purpose: consent.Insurance, Channel: "portal"})
		w.want(err, choice.ErrAsking)
		careless := w.herself()
		careless.SteppedUp = time.Time{}
		_, err = w.desk.Answer(t.Context(), careless, first.ID, true)
		w.want(err, choice.ErrStepUp)
		for range 2 { // the same answer again changes nothing
			if c, err := w.desk.Answer(t.Context(), careless, first.ID, false); err != nil || c.State != consent.Refused {
				t.Fatalf("%+v, %v", c, err)
			}
		}
		_, err = w.desk.Answer(t.Context(), w.herself(), first.ID, true)
		w.want(err, consent.ErrState)
		w.clock.move(consent.AnswerNow)
		_, err = w.desk.Answer(t.Context(), w.herself(), second.ID, true)
		w.want(err, choice.ErrLapsed)
		_, err = w.desk.Answer(t.Context(), w.herself(), second.ID, true)
		w.want(err, choice.ErrLapsed)
		if c, err := w.desk.Answer(t.Context(), w.herself(), third.ID, true); err != nil || c.State != consent.Active {
			t.Errorf("in the pages it waits a week: %+v, %v", c, err)
		}
		// Where the phone is away the request waits in the pages, and lapses.
		w.phone.away = true
		fourth := ask(consent.SecondOpinion, "vneid")
		if c, err := w.desk.State(t.Context(), here, fourth.ID); err != nil || c.State != consent.Requested {
			t.Errorf("%+v, %v", c, err)
		}
		w.clock.move(consent.AnswerNow)
		if c, err := w.desk.State(t.Context(), here, fourth.ID); err != nil || c.State != consent.TimedOut {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestTheKeeperMovesWhatTimeChanges(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		later := permit()
		later.Since, later.Until = t0.Add(time.Hour), t0.Add(2*time.Hour)
		c := w.say(w.herself(), later)
		if c.State != consent.Granted || w.finding(here).Permitted {
			t.Fatalf("%+v", c)
		}
		asked, err := w.desk.Ask(t.Context(), choice.Request{Person: an, Facility: there, Purpose: consent.Research, Channel: "vneid"})
		if err != nil {
			t.Fatal(err)
		}
		state := func(id consent.ID) consent.State {
			t.Helper()
			if err := w.desk.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			c, err := w.s.Consents.Consent(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return c.State
		}
		if s := state(asked.ID); s != consent.Requested {
			t.Errorf("after no time: %s", s)
		}
		w.clock.move(time.Hour)
		if a, b := state(asked.ID), state(c.ID); a != consent.TimedOut || b != consent.Active || !w.finding(here).Permitted {
			t.Errorf("after an hour: %s, %s", a, b)
		}
		w.clock.move(time.Hour)
		if w.finding(here).Permitted {
			t.Error("it holds beyond its end, before the keeper came")
		}
		if s := state(c.ID); s != consent.Expired {
			t.Errorf("after two hours: %s", s)
		}
		w.clock.move(-3 * time.Hour)
		if s := state(c.ID); s != consent.Expired || w.finding(here).Permitted {
			t.Errorf("when the clock stepped back: %s", s)
		}
		// The phone's answer is taken by the keeper too.
		asked, err = w.desk.Ask(t.Context(), choice.Request{Person: an, Facility: there, Purpose: consent.Treatment, Channel: "vneid"})
		if err != nil {
			t.Fatal(err)
		}
		w.phone.say(choice.Pushed{State: choice.Refused, At: w.clock.Now(), Proof: []byte("signed")})
		if s := state(asked.ID); s != consent.Refused {
			t.Errorf("answered by phone: %s", s)
		}
	})
}

func TestSomebodyActsForAnother(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		counter := choice.Speaker{Person: child, By: binh, Channel: "counter_paper", Proof: [32]byte{5}, Staff: nurse, At: here, Actor: "counter:79901", Form: "guardian"}
		g, err := w.desk.Delegate(t.Context(), counter, consent.Delegation{Delegate: binh, Kind: consent.GuardianUnder7})
		if err != nil || !g.Until.Equal(t0.AddDate(2, 0, 0)) {
			t.Fatalf("%+v, %v", g, err)
		}
		if twice, err := w.desk.Delegate(t.Context(), counter, consent.Delegation{Delegate: binh, Kind: consent.GuardianUnder7}); err != nil || twice.ID != g.ID {
			t.Errorf("%+v, %v", twice, err)
		}
		_, err = w.desk.Delegate(t.Context(), counter, consent.Delegation{Delegate: binh, Kind: consent.Guardian7To18})
		w.want(err, consent.ErrDelegationForm)
		mother := choice.Speaker{Person: child, By: binh, Channel: "portal", SteppedUp: t0}
		c := w.say(mother, permit())
		if c.Signer != consent.Guardian || c.By != binh {
			t.Errorf("%+v", c)
		}
		if r := w.receipt(c); r.Signer != "guardian" || strings.Contains(string(c.Receipt), "0200000000") {
			t.Errorf("%+v", r)
		}

		_, err = w.desk.Delegate(t.Context(), choice.Speaker{Person: an, Channel: "portal"}, consent.Delegation{Delegate: binh, Kind: consent.ProxyDelegation})
		w.want(err, choice.ErrStepUp)
		_, err = w.desk.Delegate(t.Context(), choice.Speaker{Person: an, By: binh, Channel: "portal", SteppedUp: t0}, consent.Delegation{Delegate: binh, Kind: consent.ProxyDelegation})
		w.want(err, consent.ErrOtherPerson)
		_, err = w.desk.Delegate(t.Context(), w.herself(), consent.Delegation{Delegate: an, Kind: consent.ProxyDelegation})
		w.want(err, consent.ErrDelegationForm)
		p, err := w.desk.Delegate(t.Context(), w.herself(), consent.Delegation{Delegate: binh, Kind: consent.ProxyDelegation, Until: t0.AddDate(0, 1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		proxy := choice.Speaker{Person: an, By: binh, Channel: "portal", SteppedUp: t0}
		said := w.say(proxy, permit())
		w.want(w.desk.EndDelegation(t.Context(), choice.Speaker{Person: child}, p.ID), choice.ErrAbsent)
		if err := w.desk.EndDelegation(t.Context(), choice.Speaker{Person: an}, p.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.desk.Say(t.Context(), proxy, permit())
		w.want(err, consent.ErrDelegation)
		w.clock.move(-time.Hour)
		_, err = w.desk.Say(t.Context(), proxy, denial())
		w.want(err, consent.ErrDelegation)
		w.clock.move(time.Hour)
		if f := w.finding(here); f.By != said.ID {
			t.Error("what a proxy said does not outlive the delegation")
		}
		_, err = w.desk.Revoke(t.Context(), proxy, said.ID)
		w.want(err, consent.ErrDelegation)
		of, to, err := w.desk.Delegations(t.Context(), binh)
		if err != nil || len(of) != 0 || len(to) != 2 {
			t.Errorf("%d, %d, %v", len(of), len(to), err)
		}
		notices, err := w.s.Notices.Notices(t.Context(), binh, 10)
		if err != nil || len(notices) != 3 {
			t.Errorf("%d notices, %v", len(notices), err)
		}
	})
}

func TestPaperAtACounter(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		s := choice.Speaker{Person: an, Channel: "counter_paper", Proof: [32]byte{1, 2}, Staff: nurse, At: here, Actor: "counter:79901"}
		c := w.say(s, permit())
		if r := w.receipt(c); r.Channel != "counter_paper" || !strings.HasPrefix(r.Proof, "0102") {
			t.Errorf("%+v", r)
		}
		s.Staff = care.Staff{}
		_, err := w.desk.Say(t.Context(), s, permit())
		w.want(err, choice.ErrStepUp) // a paper that nobody took
		s.Channel, s.Staff = "counter_otp", nurse
		_, err = w.desk.Say(t.Context(), s, permit())
		w.want(err, choice.ErrStepUp) // no code was given
		s.SteppedUp = w.clock.Now()
		w.say(s, permit())
	})
}

// counting reckons by what it is given.
type counting struct{ calls [][]consent.Consent }

func (c *counting) Would(_ context.Context, _ care.FacilityCode, p consent.Purpose, _ care.Person, with []consent.Consent) (choice.Effect, error) {
	if p != consent.Treatment {
		return choice.Effect{}, errors.New("another purpose")
	}
	c.calls = append(c.calls, with)
	return choice.Effect{Records: 14, Present: 14 - 9*len(with)}, nil
}

func TestTheSimulatorKeepsNothing(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		x := &counting{}
		now, then, err := w.desk.Simulate(t.Context(), x, w.herself(), denial(), there)
		if err != nil || now.Present != 14 || then.Present != 5 || len(x.calls) != 2 || len(x.calls[1]) != 1 || x.calls[1][0].State != consent.Active {
			t.Errorf("%+v, %+v, %v", now, then, err)
		}
		bad := permit()
		bad.Purpose = ""
		_, _, err = w.desk.Simulate(t.Context(), x, w.herself(), bad, there)
		w.want(err, consent.ErrPurpose)
		if list, err := w.desk.Said(t.Context(), an); err != nil || len(list) != 0 {
			t.Errorf("%d were kept, %v", len(list), err)
		}
	})
}

func TestEveryStepHasItsActAndNamesNobody(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		c := w.say(w.herself(), permit())
		if _, err := w.desk.Revoke(t.Context(), w.herself(), c.ID); err != nil {
			t.Fatal(err)
		}
		var acts []store.Act
		if err := w.s.Audit.Acts(t.Context(), func(a *store.Act) error { acts = append(acts, *a); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(acts) != 2 || acts[0].Action != "consent.say" || acts[1].Action != "consent.revoke" || acts[0].Actor != "session:1" {
			t.Fatalf("%+v", acts)
		}
		var detail struct {
			Receipt string `json:"receipt"`
		}
		if err := json.Unmarshal([]byte(acts[0].Detail), &detail); err != nil || len(detail.Receipt) != 64 || strings.Contains(acts[0].Object, "010000") {
			t.Errorf("%+v, %v", acts[0], err)
		}
	})
}
