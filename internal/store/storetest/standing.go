package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func standingCases() []testCase {
	return []testCase{
		{"what provinces mean to reach is kept as versions", targetsKept},
		{"deliveries are counted once each, and by record", deliveredOnce},
		{"results of tests elsewhere before are counted, without knowing which", testedBefore},
		{"records opened elsewhere are counted once each", openedElsewhere},
		{"work is counted by the maker of the software of the day", workByVendor},
	}
}

func targetsKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now().Truncate(time.Microsecond).UTC()
	target := func(province, id string, version int, value int64) house.Target {
		return house.Target{Province: province, ID: id, Version: version, At: at, By: "province:79", Value: value, Due: 20261231, Note: "Kế hoạch 02"}
	}
	one, two, other := target("79", "connected", 1, 400), target("79", "connected", 2, 500), target("24", "connected", 1, 90)
	two.Ended = true
	word := target("79", "word.sufficient", 1, 950)
	targets := w.s.House.Targets
	size := w.logSize()
	for _, x := range []house.Target{one, other, two, word} {
		w.must(targets.PutTarget(w.ctx(), x, w.act("target.set")))
	}
	if w.logSize() != size+4 {
		t.Error("a target has no leaf")
	}
	for what, x := range map[string]house.Target{"again": two, "a gap": target("79", "connected", 4, 1), "the first of another is not 2": target("24", "sending", 2, 1)} {
		if err := targets.PutTarget(w.ctx(), x, w.act("target.set")); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := targets.PutTarget(w.ctx(), house.Target{Province: "79", ID: "a", Version: 1, Note: "\x00"}, w.act("target.set")); !errors.Is(err, store.ErrText) {
		t.Errorf("NUL: %v", err)
	}
	w.reopen()
	got, err := w.s.House.Targets.Targets(w.ctx(), "79")
	w.must(err)
	if diff := cmp.Diff([]house.Target{one, two, word}, got); diff != "" {
		t.Error(diff)
	}
	if got, err = w.s.House.Targets.Targets(w.ctx(), "01"); err != nil || len(got) != 0 {
		t.Errorf("of a province without: %v, %v", got, err)
	}
}

// around is everything until now.
func (w *world) around() house.Span {
	return house.Span{From: w.clock.Now().Add(-24 * 365 * time.Hour), To: w.clock.Now().Add(time.Second)}
}

func deliveredOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.sendLegs(say{episode: "1", content: "1"}, legsTo(insurer, healthy)...)
	w.sendLegs(say{episode: "2", content: "2"}, legsTo(insurer)...)
	w.sendLegs(say{episode: "3", content: "3"}, legsTo(insurer)...)
	done := w.claim(insurer, "h", 2)
	w.settleLegs("h", exchange.Done, done...)
	w.settleLegs("h", exchange.Done, w.claim(healthy, "h", 10)...)
	got, err := w.s.House.Benefits.Delivered(w.ctx(), w.around())
	w.must(err)
	if want := (house.Delivered{Legs: 3, Records: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	before := house.Span{From: began.AddDate(0, -2, 0), To: began.AddDate(0, -1, 0)}
	if got, err = w.s.House.Benefits.Delivered(w.ctx(), before); err != nil || got != (house.Delivered{}) {
		t.Errorf("of before: %+v, %v", got, err)
	}
}

func testedBefore(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	const tests = "doc:XML4"
	day := 24 * time.Hour
	linked := func(key string, p int, fresh bool) *store.NewSubject {
		return &store.NewSubject{Key: keyed("bn %s", key), Person: person(p), NewPerson: fresh, Evidence: "citizen_id"}
	}
	w.send(say{episode: "a", content: "a", tags: []string{tests}, subject: linked("a", 1, true)}) // 1: the first
	w.clock.Advance(5 * day)
	w.send(say{facility: hillStation, episode: "b", content: "b", tags: []string{tests}, subject: linked("b", 1, false)}) // 2: within
	w.send(say{facility: hillStation, episode: "c", content: "c", subject: linked("c", 1, false)})                        // no tests
	w.send(say{facility: hillStation, episode: "d", content: "d", tags: []string{tests}, subject: linked("d", 2, true)})  // 3: another person
	w.send(say{facility: hillStation, episode: "e", content: "e", tags: []string{tests}})                                 // 4: nobody's
	w.clock.Advance(3 * day)
	w.send(say{facility: hillStation, episode: "f", content: "f", tags: []string{tests}, state: dossier.Rejected, subject: linked("b", 1, false)}) // rejected
	w.clock.Advance(20 * day)
	w.send(say{episode: "g", content: "g", tags: []string{tests}, subject: linked("a", 1, false)}) // 5: too long after b
	ask := func(within time.Duration, want house.Tested) {
		t.Helper()
		got, err := w.s.House.Benefits.Tested(w.ctx(), w.around(), within)
		w.must(err)
		if got != want {
			t.Errorf("within %v: %+v, want %+v", within, got, want)
		}
	}
	ask(14*day, house.Tested{Records: 5, Before: 1})
	ask(4*day, house.Tested{Records: 5})
	ask(40*day, house.Tested{Records: 5, Before: 2})
	a := w.known(say{episode: "a", content: "a"})
	w.commit(w.withdrawal(say{episode: "a", content: "a"}, a.Head.Current))
	ask(14*day, house.Tested{Records: 4})
}

func openedElsewhere(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	id := w.send(say{episode: "1", content: "1"}).ID
	other := w.send(say{episode: "2", content: "2"}).ID
	look := func(id dossier.ID, r, basis string) store.Disclosure {
		return store.Disclosure{At: w.clock.Now(), Reader: "r", Role: r, Record: id, Facility: cityHospital, Basis: basis, Count: 1}
	}
	w.must(w.s.Disclosures.Record(w.ctx(), []store.Disclosure{look(id, "clinician:"+string(hillStation), "presence"), look(id, "clinician:"+string(coastClinic), "emergency"),
		look(other, "clinician:"+string(cityHospital), "presence"), look(other, "destination:bhxh", "route"), look(other, "operator", "reason"),
		{At: w.clock.Now(), Reader: "r", Role: "clinician:" + string(hillStation), Facility: cityHospital, Basis: "presence", Count: 3}}))
	ask := func(s house.Span, want int64, bases ...string) {
		t.Helper()
		if got, err := w.s.House.Looks.Elsewhere(w.ctx(), s, bases); err != nil || got != want {
			t.Errorf("%v: %d, want %d, %v", bases, got, want, err)
		}
	}
	ask(w.around(), 1, "presence", "emergency")
	ask(w.around(), 1, "emergency")
	ask(w.around(), 0, "consent")
	ask(w.around(), 0)
	ask(house.Span{From: w.clock.Now().Add(time.Second), To: w.clock.Now().Add(time.Hour)}, 0, "presence")
}

func workByVendor(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	v, ok := w.dir.Current(cityHospital)
	hill, known := w.dir.Current(hillStation)
	if !ok || !known || v.Vendor == "" || v.Vendor == hill.Vendor {
		t.Fatalf("vendors %q and %q", v.Vendor, hill.Vendor)
	}
	w.sendLegs(say{episode: "1", content: "1"}, legsTo(insurer, healthy)...)
	w.sendLegs(say{facility: hillStation, episode: "2", content: "2"}, legsTo(insurer)...)
	w.settleLegs("h", exchange.Done, w.claim(healthy, "h", 10)...)
	got, err := w.s.House.Benefits.Work(w.ctx(), w.around(), v.Vendor)
	w.must(err)
	if got.Files != 1 || got.Bytes <= 0 || got.Legs != 2 || got.Done != 1 {
		t.Errorf("%+v", got)
	}
	if got, err = w.s.House.Benefits.Work(w.ctx(), w.around(), "nobody's"); err != nil || got != (house.Work{}) {
		t.Errorf("nobody's: %+v, %v", got, err)
	}
}
