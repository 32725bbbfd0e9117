package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

func matterCases() []testCase {
	return []testCase{
		{"no number of a matter is given twice", matterNumbers},
		{"a matter comes back as it was, with every version", matterComesBack},
		{"matters are found by person, facility, kind and whether they are open, the soonest due first", mattersFound},
	}
}

func matterNumbers(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	const workers, each = 6, 5
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				s, err := w.s.Matters.NextMatter(w.ctx(), w.clock.Now())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[s] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != workers*each || !seen[matter.Number(2026, 1)] || !seen[matter.Number(2026, workers*each)] {
		t.Errorf("%d numbers: %v", len(seen), seen)
	}
	// a year begins in Hanoi, seven hours before it does in UTC
	s, err := w.s.Matters.NextMatter(w.ctx(), time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC))
	w.must(err)
	if s != matter.Number(2027, 1) {
		t.Errorf("the first of a year: %s", s)
	}
}

func matterComesBack(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, p := w.logSize(), person(1)
	m := w.newMatter("look.unrecognised", p, cityHospital)
	m.Opening, m.Records, m.Looks = [16]byte{4}, []string{"79901-01", "79901-02"}, []int64{7, 1 << 40}
	m.Owner, m.Law, m.Sealed, m.Wrapped = "an.nguyen", "decree-356-2025", []byte{1, 2}, []byte{3}
	n := w.notice(p, "matter.opened")
	w.must(w.s.Matters.PutMatter(w.ctx(), m, &n, w.act("matter.open")))
	next := m
	next.Version, next.State, next.Acked, next.Closed, next.Outcome, next.Sealed = 2, "closed", w.clock.Now(), w.clock.Now().Add(time.Hour), "justified", []byte("another")
	w.must(w.s.Matters.PutMatter(w.ctx(), next, nil, store.Act{}))
	if got := w.logSize() - size; got != 1 {
		t.Errorf("%d leaves for one act", got)
	}
	w.reopen()
	got, err := w.s.Matters.Matter(w.ctx(), m.Number)
	w.must(err)
	history, err := w.s.Matters.MatterHistory(w.ctx(), m.Number)
	w.must(err)
	if diff := cmp.Diff([]matter.Matter{next, m, next}, append([]matter.Matter{*got}, history...)); diff != "" {
		t.Error(diff)
	}
	for _, version := range []int{1, 2, 4} {
		wrong := next
		wrong.Version = version
		told := w.notice(p, "lost")
		if err := w.s.Matters.PutMatter(w.ctx(), wrong, &told, store.Act{}); !errors.Is(err, store.ErrChanged) {
			t.Errorf("version %d over 2: %v", version, err)
		}
	}
	if told, err := w.s.Notices.Notices(w.ctx(), p, 10); err != nil || len(told) != 1 {
		t.Errorf("told of what was not kept: %+v, %v", told, err)
	}
	var wg sync.WaitGroup
	results := make([]error, 6)
	for i := range results {
		wg.Go(func() {
			third := next
			third.Version = 3
			results[i] = w.s.Matters.PutMatter(w.ctx(), third, nil, w.act("matter.again"))
		})
	}
	wg.Wait()
	done := 0
	for _, err := range results {
		if err == nil {
			done++
		} else if !errors.Is(err, store.ErrChanged) {
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d of those who changed it at once did", done)
	}
	for _, number := range []string{"", "VV-2026-999999-0", "\x00", "\xff"} {
		if _, err := w.s.Matters.Matter(w.ctx(), number); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%q: %v", number, err)
		}
	}
	for name, change := range map[string]func(*matter.Matter){
		"no number": func(m *matter.Matter) { m.Number = "" }, "no version": func(m *matter.Matter) { m.Version = 0 }, "no day": func(m *matter.Matter) { m.Due = time.Time{} },
		"no text": func(m *matter.Matter) { m.Records = []string{"\xff"} },
	} {
		wrong := w.newMatter("request.see", p, "")
		change(&wrong)
		if err := w.s.Matters.PutMatter(w.ctx(), wrong, nil, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
}

func mattersFound(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	var numbers []string
	for _, x := range []struct {
		p     int
		f     care.FacilityCode
		kind  string
		state string
		due   int
	}{{1, cityHospital, "request.see", "open", 3}, {1, "", "request.see", "closed", 1}, {2, cityHospital, "emergency.review", "in_work", 2}, {0, "", "breach", "open", 4}, {2, hillStation, "emergency.review", "closed", 0}} {
		m := w.newMatter(x.kind, store.PersonID{}, x.f)
		if x.p > 0 {
			m.Person = person(x.p)
		}
		m.State, m.Due = x.state, at.AddDate(0, 0, x.due)
		w.must(w.s.Matters.PutMatter(w.ctx(), m, nil, store.Act{}))
		numbers = append(numbers, m.Number)
	}
	for name, x := range map[string]struct {
		f    matter.Filter
		want []int
	}{
		"all":             {matter.Filter{}, []int{4, 1, 2, 0, 3}},
		"two of them":     {matter.Filter{Limit: 2}, []int{4, 1}},
		"open":            {matter.Filter{Open: true}, []int{2, 0, 3}},
		"a person's":      {matter.Filter{Person: person(1)}, []int{1, 0}},
		"a facility's":    {matter.Filter{Facility: cityHospital}, []int{2, 0}},
		"the hub's":       {matter.Filter{Hub: true}, []int{1, 3}},
		"of a kind":       {matter.Filter{Kind: "emergency.review"}, []int{4, 2}},
		"together":        {matter.Filter{Kind: "emergency.review", Open: true, Facility: cityHospital, Person: person(2)}, []int{2}},
		"of nobody there": {matter.Filter{Person: person(9)}, nil},
	} {
		all, err := w.s.Matters.Matters(w.ctx(), x.f)
		w.must(err)
		var got, want []string
		for _, m := range all {
			got = append(got, m.Number)
		}
		for _, i := range x.want {
			want = append(want, numbers[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		counted, by := 0, map[care.FacilityCode]matter.Waiting{}
		waiting, err := w.s.Matters.MattersWaiting(w.ctx(), x.f)
		w.must(err)
		for i, f := range waiting {
			if counted += f.N; i > 0 && f.Due.Before(waiting[i-1].Due) || by[f.Facility].N > 0 {
				t.Errorf("%s: %+v", name, waiting)
			}
			by[f.Facility] = f
		}
		for _, m := range all {
			if f := by[m.Facility]; f.N == 0 || m.Due.Before(f.Due) {
				t.Errorf("%s: %s is due before %+v", name, m.Number, f)
			}
		}
		if x.f.Limit == 0 && counted != len(all) {
			t.Errorf("%s: %d counted of %d", name, counted, len(all))
		}
	}
}
