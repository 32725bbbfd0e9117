package consent_test

import (
	"errors"
	"testing"
	"time"

	"lienthong/internal/consent"
)

var t0 = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// world is one say and the clock, moved by three actors: the facility that asks,
// the citizen, and the keeper with its clock, which may step back.
type world struct {
	say     consent.Consent
	now     time.Time
	shown   bool
	granted bool
	over    bool // revoked, refused, timed out or expired once
}

type op struct {
	name string
	do   func(w *world)
}

func event(e consent.Event) op {
	return op{string(e), func(w *world) { w.apply(e) }}
}

func (w *world) apply(e consent.Event) {
	to, err := consent.Next(w.say.State, e)
	if err != nil {
		return
	}
	w.say.State = to
	switch e {
	case consent.Ask:
		w.say.Asked = w.now
	case consent.Show:
		w.shown = true
	case consent.Say, consent.Grant:
		w.granted, w.say.Decided, w.say.Since, w.say.Until = true, w.now, w.now, w.now.Add(24*time.Hour)
	case consent.Revoke, consent.Expire, consent.Refuse, consent.TimeOut:
		w.over = true
		if e == consent.Revoke || e == consent.Expire {
			w.say.Ended = w.now
		}
	}
}

func ops() []op {
	out := []op{
		{"tick", func(w *world) {
			if e := w.say.Due(w.now); e != "" {
				w.apply(e)
			}
		}},
		{"later", func(w *world) { w.now = w.now.Add(15 * time.Minute) }},
		{"much later", func(w *world) { w.now = w.now.Add(48 * time.Hour) }},
		{"clock back", func(w *world) { w.now = w.now.Add(-72 * time.Hour) }},
	}
	for _, e := range []consent.Event{consent.Ask, consent.Say, consent.Show, consent.Grant, consent.Refuse, consent.Revoke} {
		out = append(out, event(e))
	}
	return out
}

// TestTheLifeOfASay goes through every order of six things that may happen, in a
// permission and in a denial, and looks at each step at what must always be so.
func TestTheLifeOfASay(t *testing.T) {
	t.Parallel()
	all, steps, held := ops(), 0, 0
	var walk func(w world, depth int, path []string)
	walk = func(w world, depth int, path []string) {
		for _, o := range all {
			after := w
			o.do(&after)
			steps++
			if why := broken(&w, &after); why != "" {
				t.Fatalf("after %v, %s: %s", path, o.name, why)
			}
			if consent.Holds(&after.say, after.now) {
				held++
			}
			if depth > 1 {
				walk(after, depth-1, append(path[:len(path):len(path)], o.name))
			}
		}
	}
	for _, effect := range []consent.Effect{consent.Permit, consent.Deny} {
		walk(world{say: consent.Consent{Effect: effect}, now: t0}, 6, nil)
	}
	if steps < 2_000_000 || held == 0 {
		t.Errorf("%d steps, of which %d hold: the walk is broken", steps, held)
	}
}

func broken(was, is *world) string {
	holds := consent.Holds(&is.say, is.now)
	switch {
	case holds && !is.granted:
		return "holds and nobody granted it"
	case holds && is.over:
		return "holds after it was over: a revoked say revived"
	case was.over && is.say.State != was.say.State:
		return "moved on after it was over"
	case is.granted && !is.shown && is.say.Asked != (time.Time{}):
		return "granted unseen"
	case is.over != is.say.State.IsOver():
		return "is over in one view only"
	case is.say.Effect == consent.Deny && is.granted && !is.over && is.now.Before(is.say.Until) && !holds:
		return "a denial that was not ended does not hold"
	}
	return ""
}

func TestWhatMayFollow(t *testing.T) {
	t.Parallel()
	if _, err := consent.Next(consent.Requested, consent.Grant); !errors.Is(err, consent.ErrState) {
		t.Errorf("granted before it was shown: %v", err)
	}
	n := 0
	for _, s := range append(consent.States(), "") {
		for _, e := range consent.Events() {
			to, err := consent.Next(s, e)
			if err == nil {
				n++
			}
			if (err == nil) != (to != "") || err == nil && s.IsOver() {
				t.Errorf("%s %s: %q, %v", s, e, to, err)
			}
		}
	}
	if n != 13 {
		t.Errorf("%d steps are possible", n)
	}
}

func TestRequestsLapse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		channel string
		until   time.Time
		want    time.Duration
	}{
		{"vneid", time.Time{}, 10 * time.Minute},
		{"counter_otp", time.Time{}, 10 * time.Minute},
		{"portal", time.Time{}, 7 * 24 * time.Hour},
		{"portal", t0.Add(time.Hour), time.Hour},
	} {
		say := consent.Consent{Effect: consent.Permit, State: consent.Shown, Asked: t0, Channel: c.channel, Until: c.until}
		if by := say.AnswerBy(); by.Sub(t0) != c.want {
			t.Errorf("%s: answered by %s", c.channel, by)
		}
		if say.Due(t0.Add(c.want-time.Second)) != "" || say.Due(t0.Add(c.want)) != consent.TimeOut {
			t.Errorf("%s lapses at another moment", c.channel)
		}
	}
	if (&consent.Consent{State: consent.Active}).AnswerBy() != (time.Time{}) {
		t.Error("an active say waits for an answer")
	}
	over := consent.Consent{Effect: consent.Permit, State: consent.Granted, Since: t0, Until: t0.Add(time.Hour)}
	if over.Due(t0.Add(-time.Second)) != "" || over.Due(t0) != consent.Begin || over.Due(t0.Add(time.Hour)) != consent.Expire {
		t.Error("begin and end come at other moments")
	}
}
