package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func figureCases() []testCase {
	return []testCase{
		{"rows say what they said at a checkpoint", recountAsOf},
		{"what stands is neither superseded nor withdrawn", recountStanding},
		{"statements are pinned and never changed", statementsPinned},
		{"boards keep what they show beside counters", boardsKept},
	}
}

// sizes are the sizes of all logs.
func (w *world) sizes() map[int]uint64 {
	w.t.Helper()
	logs, err := w.s.Ledger.Logs(w.ctx())
	w.must(err)
	out := map[int]uint64{}
	for _, log := range logs {
		head, err := w.s.Ledger.Head(w.ctx(), log)
		w.must(err)
		out[log] = head.Size
	}
	return out
}

func (w *world) recount(q store.CountQuery) []store.Count {
	w.t.Helper()
	c, err := w.s.Counters.Recount(w.ctx(), everything, q)
	w.must(err)
	return c
}

// leaved are the measures of what has a leaf.
var leaved = []string{"accepted", "accepted_with_warnings", "rejected", "superseded", "withdrawn", "doc:XML7", "doc:XML2", "code:XML1.MA_BENH.form", "code:time.future"}

func recountAsOf(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	type moment struct {
		sizes         map[int]uint64
		all, standing []store.Count
	}
	q := store.CountQuery{Measures: leaved, By: everyDimension}
	stood := q
	stood.Standing = true
	var moments []moment
	for seed := range uint64(4) {
		moments = append(moments, moment{sizes: w.sizes(), all: w.recount(q), standing: w.recount(stood)})
		w.someDays(seed)
	}
	if len(moments[3].all) == len(moments[1].all) {
		t.Fatal("the days were too quiet")
	}
	changed := false
	for i, m := range moments {
		q.AsOf, stood.AsOf = m.sizes, m.sizes
		if diff := cmp.Diff(m.all, w.recount(q), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("moment %d, then (-), as of then (+): %s", i, diff)
		}
		if diff := cmp.Diff(m.standing, w.recount(stood), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("moment %d, what stood, then (-), as of then (+): %s", i, diff)
		}
		// the control: of the same days, what is known since differs
		if i > 0 {
			last := clock.Day(w.clock.Now().AddDate(0, 0, -1))
			now, then := stood, stood
			now.AsOf, now.ToDay, then.ToDay = w.sizes(), last, last
			changed = changed || fmt.Sprint(w.recount(now)) != fmt.Sprint(w.recount(then))
		}
	}
	if !changed {
		t.Error("nothing was superseded or withdrawn later: the test shows nothing")
	}
	q.AsOf = map[int]uint64{}
	if c := w.recount(q); len(c) != 0 {
		t.Errorf("of no log: %v", c)
	}
	// days are what their own parts add up to
	q.AsOf, stood.AsOf = w.sizes(), nil
	var parts int64
	days := q
	days.By = nil
	for at := began.AddDate(0, 0, -1); !at.After(w.clock.Now().AddDate(0, 0, 1)); at = at.AddDate(0, 0, 1) {
		days.FromDay, days.ToDay = clock.Day(at), clock.Day(at)
		for _, c := range w.recount(days) {
			parts += c.N
		}
	}
	days.FromDay, days.ToDay = 0, 0
	if c := w.recount(days); len(c) != 1 || c[0].N != parts {
		t.Errorf("%v in all, %d in its days", c, parts)
	}
}

// someDays sends new dossiers, new and late versions of older ones, withdrawals, rejects.
func (w *world) someDays(seed uint64) {
	w.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	facilities := []care.FacilityCode{cityHospital, hillStation, coastClinic}
	for i := range 40 {
		w.clock.Advance(time.Duration(rng.IntN(7200)) * time.Second)
		x := say{facility: facilities[rng.IntN(3)], episode: fmt.Sprint("e", rng.IntN(12)), content: fmt.Sprint("c", seed, "/", i)}
		k := w.known(x)
		switch rng.IntN(6) {
		case 0:
			x.state = dossier.Rejected
			x.findings = []dossier.Finding{{Code: "time.future", Severity: dossier.Error}}
		case 1:
			x.state, x.tags = dossier.AcceptedWithWarnings, []string{"XML1.MA_BENH.form", "doc:XML7"}
			x.findings = []dossier.Finding{{Code: "XML1.MA_BENH.form", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment}}}
		case 2:
			x.late = !k.Head.Current.IsZero()
		case 3:
			if !k.Head.Current.IsZero() {
				w.commit(w.withdrawal(x, k.Head.Current))
				continue
			}
		}
		w.send(x)
	}
}

func recountStanding(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.send(say{episode: "a", content: "a", tags: []string{"doc:XML13"}})
	w.send(say{episode: "b", content: "b", tags: []string{"doc:XML13"}})
	w.send(say{episode: "c", content: "c", state: dossier.Rejected})
	before := w.sizes()
	ask := func(asOf map[int]uint64, measure string) int64 {
		c := w.recount(store.CountQuery{Measures: []string{measure}, Standing: true, AsOf: asOf})
		if len(c) == 0 {
			return 0
		}
		return c[0].N
	}
	if n, d := ask(nil, "accepted"), ask(nil, "doc:XML13"); n != 2 || d != 2 || ask(nil, "rejected") != 0 {
		t.Errorf("%d stand, with %d slips", n, d)
	}
	x := say{episode: "a", content: "a2"}
	w.send(x)
	if n, d := ask(nil, "accepted"), ask(nil, "doc:XML13"); n != 2 || d != 1 {
		t.Errorf("after a new version %d stand, with %d slips", n, d)
	}
	b := w.known(say{episode: "b", content: "b"})
	w.commit(w.withdrawal(say{episode: "b", content: "b"}, b.Head.Current))
	if n, d := ask(nil, "accepted"), ask(nil, "doc:XML13"); n != 1 || d != 0 {
		t.Errorf("after a withdrawal %d stand, with %d slips", n, d)
	}
	if n, d := ask(before, "accepted"), ask(before, "doc:XML13"); n != 2 || d != 2 {
		t.Errorf("as of before %d stand, with %d slips", n, d)
	}
	if first.ID.IsZero() {
		t.Error("no id")
	}
}

func statementsPinned(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	st := func(subject string, version int, body string) house.Statement {
		return house.Statement{Subject: subject, Version: version, At: at.Truncate(time.Microsecond).UTC(), Body: body}
	}
	f := w.s.House.Figures
	one, two, other := st("SL.04-20260701-p24", 1, `{"n":1}`), st("SL.04-20260701-p24", 2, `{"n":2}`), st("SL.04-20260701-vn", 1, `{"Bắc":"Ninh"}`)
	if _, err := f.Statement(w.ctx(), one.Subject, 0); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("one that is not there: %v", err)
	}
	size := w.logSize()
	w.must(f.Pin(w.ctx(), []house.Statement{one, other}, w.act("figure.pinned")))
	if w.logSize() != size+1 {
		t.Error("pinning has no leaf")
	}
	for what, list := range map[string][]house.Statement{"again": {one}, "a gap": {st(one.Subject, 3, "{}")}, "with a good one": {two, st(other.Subject, 1, "{}")}} {
		if err := f.Pin(w.ctx(), list, w.act("figure.pinned")); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Pin(w.ctx(), []house.Statement{st("a\x00", 1, "{}")}, w.act("figure.pinned")); !errors.Is(err, store.ErrText) {
		t.Errorf("NUL: %v", err)
	}
	w.must(f.Pin(w.ctx(), []house.Statement{two}, w.act("figure.pinned")))
	w.reopen()
	f = w.s.House.Figures
	for version, want := range map[int]house.Statement{0: two, 1: one, 2: two} {
		got, err := f.Statement(w.ctx(), one.Subject, version)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("version %d: %s", version, diff)
		}
	}
	if _, err := f.Statement(w.ctx(), one.Subject, 3); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("version 3: %v", err)
	}
	all, err := f.Versions(w.ctx(), one.Subject)
	w.must(err)
	if diff := cmp.Diff([]house.Statement{one, two}, all); diff != "" {
		t.Error(diff)
	}
	for prefix, want := range map[string][]house.Statement{"SL.04-20260701-": {two, other}, "SL.04-20260701-v": {other}, "SL.05": nil} {
		got, err := f.Newest(w.ctx(), prefix)
		w.must(err)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", prefix, diff)
		}
	}
}

func boardsKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	b := w.s.House.Boards
	now := w.clock.Now().Truncate(time.Minute).UTC()
	c := house.Check{Day: 20260701, At: now, Counted: 10, Unequal: 1, Detail: `["x"]`}
	w.must(b.PutCheck(w.ctx(), c))
	c.Unequal, c.Detail = 0, "[]"
	w.must(b.PutCheck(w.ctx(), c))
	w.must(b.PutCheck(w.ctx(), house.Check{Day: 20260630, At: now, Detail: "[]"}))
	checks, err := b.Checks(w.ctx(), 1)
	w.must(err)
	if diff := cmp.Diff([]house.Check{c}, checks); diff != "" {
		t.Error(diff)
	}
	old := now.Add(-time.Hour)
	w.must(b.AddTook(w.ctx(), []house.Took{{Minute: old, Bucket: 3, N: 5}, {Minute: now, Bucket: 3, N: 1}, {Minute: now, Bucket: 3, N: 1}, {Minute: now, Bucket: 7, N: 2}}, old))
	w.must(b.AddTook(w.ctx(), []house.Took{{Minute: now, Bucket: 7, N: 3}}, old))
	for since, want := range map[time.Time][]house.Took{old: {{Minute: now, Bucket: 3, N: 7}, {Minute: now, Bucket: 7, N: 5}}, now: {{Minute: now, Bucket: 3, N: 2}, {Minute: now, Bucket: 7, N: 5}}, now.Add(time.Minute): nil} {
		got, err := b.TookSince(w.ctx(), since)
		w.must(err)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("since %s: %s", since, diff)
		}
	}
	w.must(b.AddTook(w.ctx(), nil, now))
	if got, err := b.TookSince(w.ctx(), old); err != nil || len(got) != 2 || got[0].N != 2 {
		t.Errorf("what is old is kept: %v, %v", got, err)
	}
	w.must(b.AddUse(w.ctx(), []house.Use{{Day: 20260701, Role: "ministry", Board: "wall", N: 2}, {Day: 20260701, Role: "ministry", Board: "overview", N: 1}}))
	w.must(b.AddUse(w.ctx(), []house.Use{{Day: 20260701, Role: "ministry", Board: "wall", N: 1}, {Day: 20260630, Role: "province", Board: "wall", N: 9}}))
	w.must(b.AddUse(w.ctx(), nil))
	uses, err := b.Uses(w.ctx(), 20260701)
	w.must(err)
	if diff := cmp.Diff([]house.Use{{Day: 20260701, Role: "ministry", Board: "overview", N: 1}, {Day: 20260701, Role: "ministry", Board: "wall", N: 3}}, uses); diff != "" {
		t.Error(diff)
	}
}
