package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

func openingCases() []testCase {
	return []testCase{
		{"an opening is kept with its notice, its matter and its act, or not at all", openingLife},
		{"an opening is renewed once, by another, while it stands", openingRenewed},
		{"openings are found by whom, where, on what and when, and counted", openingsFound},
		{"a discharge ends what a facility holds open", openingsEnd},
		{"a notice is leased to one courier until it was sent, and is seen once", noticeLife},
	}
}

// opening makes one of an hour with every field set that goes with all bases.
func (w *world) opening(n int, p store.PersonID, basis string) consent.Opening {
	at := w.clock.Now()
	return consent.Opening{ID: consent.OpeningID{2, byte(n >> 8), byte(n)}, Person: p, Facility: cityHospital, Basis: basis, Purpose: consent.Treatment, Staff: care.Staff{1},
		How: "vneid_qr", Referral: "79901-0123", From: at, Until: at.Add(time.Hour), Reason: "bất tỉnh: không giấy tờ"}
}

func (w *world) begin(o consent.Opening) {
	w.t.Helper()
	w.must(w.s.Openings.Begin(w.ctx(), o, w.notice(o.Person, "opening."+o.Basis), nil, store.Act{}))
}

func (w *world) newMatter(kind string, p store.PersonID, f care.FacilityCode) matter.Matter {
	w.t.Helper()
	number, err := w.s.Matters.NextMatter(w.ctx(), w.clock.Now())
	w.must(err)
	return matter.Matter{Number: number, Kind: kind, Person: p, Facility: f, Version: 1, State: "open", Opened: w.clock.Now(), Due: w.clock.Now().Add(72 * time.Hour)}
}

func openingLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, p := w.logSize(), person(1)
	if _, err := w.s.Openings.Opening(w.ctx(), consent.OpeningID{2, 0, 1}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before: %v", err)
	}
	o, m := w.opening(1, p, "emergency"), w.newMatter("emergency.review", p, cityHospital)
	m.Opening = o.ID
	w.must(w.s.Openings.Begin(w.ctx(), o, w.notice(p, "opening.emergency"), &m, w.act("opening.begin")))
	if n := w.logSize() - size; n != 1 {
		t.Errorf("%d leaves", n)
	}
	w.reopen()
	got, err := w.s.Openings.Opening(w.ctx(), o.ID)
	w.must(err)
	if diff := cmp.Diff(&o, got); diff != "" {
		t.Error(diff)
	}
	owed, err := w.s.Matters.Matter(w.ctx(), m.Number)
	w.must(err)
	if diff := cmp.Diff(&m, owed); diff != "" {
		t.Error(diff)
	}
	// again: the id is taken, and nothing else is kept
	second := w.newMatter("emergency.review", p, cityHospital)
	if err := w.s.Openings.Begin(w.ctx(), o, w.notice(p, "twice"), &second, store.Act{}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("an id twice: %v", err)
	}
	other := w.opening(2, p, "emergency")
	if err := w.s.Openings.Begin(w.ctx(), other, w.notice(p, "twice"), &m, store.Act{}); !errors.Is(err, store.ErrChanged) {
		t.Errorf("a matter twice: %v", err)
	}
	if _, err := w.s.Openings.Opening(w.ctx(), other.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("kept without its matter: %v", err)
	}
	if _, err := w.s.Matters.Matter(w.ctx(), second.Number); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a matter without its opening: %v", err)
	}
	told, err := w.s.Notices.Notices(w.ctx(), p, 10)
	w.must(err)
	if diff := cmp.Diff([]matter.Notice{w.notice(p, "opening.emergency")}, told, cmpopts.IgnoreFields(matter.Notice{}, "ID")); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*consent.Opening){
		"no id": func(o *consent.Opening) { o.ID = consent.OpeningID{} }, "nobody": func(o *consent.Opening) { o.Person = store.PersonID{} },
		"no end": func(o *consent.Opening) { o.Until = o.From }, "no beginning": func(o *consent.Opening) { o.From = time.Time{} }, "no text": func(o *consent.Opening) { o.Reason = "\xff" },
	} {
		o := w.opening(3, p, "presence")
		change(&o)
		if err := w.s.Openings.Begin(w.ctx(), o, w.notice(p, "x"), nil, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
	end := w.clock.Now().Add(time.Minute)
	w.must(w.s.Openings.EndOpening(w.ctx(), o.ID, end, "citizen", w.act("opening.end")))
	o.Ended, o.EndedBy = end, "citizen"
	if got, err = w.s.Openings.Opening(w.ctx(), o.ID); err != nil || !cmp.Equal(o, *got) {
		t.Errorf("ended: %+v, %v", got, err)
	}
	over := w.opening(4, p, "presence")
	w.begin(over)
	for _, x := range []struct {
		id consent.OpeningID
		at time.Time
	}{{o.ID, end}, {consent.OpeningID{9}, end}, {over.ID, over.Until}} {
		if err := w.s.Openings.EndOpening(w.ctx(), x.id, x.at, "again", w.act("opening.end")); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("ended again: %v", err)
		}
	}
}

func openingRenewed(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := person(1)
	o := w.opening(1, p, "emergency")
	w.begin(o)
	until := o.Until.Add(4 * time.Hour)
	renew := func(id consent.OpeningID, by care.Staff, at time.Time, act store.Act) error {
		n := w.notice(p, "opening.renewed")
		n.At = at
		return w.s.Openings.Renew(w.ctx(), id, by, until, n, act)
	}
	at := w.clock.Now()
	for name, x := range map[string]struct {
		by care.Staff
		at time.Time
	}{"who opened": {o.Staff, at}, "nobody": {care.Staff{}, at}, "too late": {care.Staff{2}, o.Until}} {
		if err := renew(o.ID, x.by, x.at, w.act("opening.renew")); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := renew(consent.OpeningID{9}, care.Staff{2}, at, store.Act{}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of nothing: %v", err)
	}
	var done atomic.Int32
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			err := renew(o.ID, care.Staff{byte(2 + n)}, at, w.act("opening.renew"))
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, store.ErrChanged) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := w.s.Openings.Opening(w.ctx(), o.ID)
	w.must(err)
	if done.Load() != 1 || !got.Until.Equal(until) || got.Renewed == (care.Staff{}) || got.Renewed == o.Staff {
		t.Errorf("renewed %d times: %+v", done.Load(), got)
	}
	told, err := w.s.Notices.Notices(w.ctx(), p, 10)
	w.must(err)
	if len(told) != 2 {
		t.Errorf("told %d times", len(told))
	}
	ended := w.opening(2, p, "emergency")
	w.begin(ended)
	w.must(w.s.Openings.EndOpening(w.ctx(), ended.ID, at, "resolved", store.Act{}))
	if err := renew(ended.ID, care.Staff{2}, at, store.Act{}); !errors.Is(err, store.ErrChanged) {
		t.Errorf("one that ended: %v", err)
	}
}

func openingsFound(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	for n, x := range []struct {
		p     int
		f     care.FacilityCode
		s     byte
		basis string
		from  time.Duration
	}{{1, cityHospital, 1, "presence", 0}, {1, hillStation, 2, "referral", time.Minute}, {2, cityHospital, 2, "emergency", 2 * time.Minute}, {2, cityHospital, 1, "emergency", -2 * time.Hour}, {3, cityHospital, 1, "presence", 3 * time.Minute}} {
		o := w.opening(n, person(x.p), x.basis)
		o.Facility, o.Staff, o.From = x.f, care.Staff{x.s}, at.Add(x.from)
		o.Until = o.From.Add(time.Hour)
		w.begin(o)
	}
	w.must(w.s.Openings.EndOpening(w.ctx(), w.opening(4, person(3), "").ID, at.Add(4*time.Minute), "citizen", store.Act{}))
	for name, x := range map[string]struct {
		f    consent.OpeningFilter
		want []int
	}{
		"all":         {consent.OpeningFilter{}, []int{4, 2, 1, 0, 3}},
		"two of them": {consent.OpeningFilter{Limit: 2}, []int{4, 2}},
		"a person":    {consent.OpeningFilter{Person: person(1)}, []int{1, 0}},
		"a facility":  {consent.OpeningFilter{Facility: cityHospital}, []int{4, 2, 0, 3}},
		"staff":       {consent.OpeningFilter{Staff: care.Staff{1}}, []int{4, 0, 3}},
		"a basis":     {consent.OpeningFilter{Basis: "emergency"}, []int{2, 3}},
		"live":        {consent.OpeningFilter{LiveAt: at.Add(5 * time.Minute)}, []int{2, 1, 0}},
		"next page":   {consent.OpeningFilter{Limit: 2, Before: at.Add(2 * time.Minute)}, []int{1, 0}},
		"since":       {consent.OpeningFilter{Since: at.Add(time.Minute)}, []int{4, 2, 1}},
		"together":    {consent.OpeningFilter{Person: person(2), Facility: cityHospital, Staff: care.Staff{1}, Basis: "emergency", Since: at.Add(-3 * time.Hour)}, []int{3}},
		"nobody":      {consent.OpeningFilter{Person: person(9)}, nil},
	} {
		all, err := w.s.Openings.Openings(w.ctx(), x.f)
		w.must(err)
		var got []int
		for _, o := range all {
			got = append(got, int(o.ID[2]))
		}
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, x := range map[string]struct {
		f     care.FacilityCode
		s     care.Staff
		since time.Time
		want  map[string]int
	}{
		"a facility": {cityHospital, care.Staff{}, at, map[string]int{"presence": 2, "emergency": 1}},
		"staff":      {cityHospital, care.Staff{1}, at.Add(-3 * time.Hour), map[string]int{"presence": 2, "emergency": 1}},
		"later":      {cityHospital, care.Staff{}, at.Add(time.Hour), map[string]int{}},
		"everywhere": {"", care.Staff{2}, at, map[string]int{"referral": 1, "emergency": 1}},
	} {
		got, err := w.s.Openings.CountOpenings(w.ctx(), x.f, x.s, x.since)
		w.must(err)
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("count %s: %s", name, diff)
		}
	}
}

func openingsEnd(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at, p := w.clock.Now(), person(1)
	for n, basis := range []string{"presence", "presence", "referral"} {
		w.begin(w.opening(n, p, basis))
	}
	elsewhere, another := w.opening(3, p, "presence"), w.opening(4, person(2), "presence")
	elsewhere.Facility = hillStation
	w.begin(elsewhere)
	w.begin(another)
	end := func(basis string, at time.Time, want int) {
		t.Helper()
		n, err := w.s.Openings.EndOpenings(w.ctx(), cityHospital, p, basis, at, "discharge")
		w.must(err)
		if n != want {
			t.Errorf("%q: %d ended, want %d", basis, n, want)
		}
	}
	end("emergency", at, 0)
	end("presence", at.Add(time.Minute), 2)
	end("presence", at.Add(time.Minute), 0)
	end("", at.Add(2*time.Hour), 0) // is over by itself
	end("", at.Add(time.Minute), 1)
	live, err := w.s.Openings.Openings(w.ctx(), consent.OpeningFilter{LiveAt: at.Add(2 * time.Minute)})
	w.must(err)
	if diff := cmp.Diff([]consent.Opening{elsewhere, another}, live); diff != "" {
		t.Error(diff)
	}
	got, err := w.s.Openings.Opening(w.ctx(), w.opening(0, p, "").ID)
	w.must(err)
	if got.EndedBy != "discharge" || !got.Ended.Equal(at.Add(time.Minute)) {
		t.Errorf("%+v", got)
	}
}

func noticeLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at, p := w.clock.Now(), person(1)
	for n := range 5 {
		notice := w.notice(p, fmt.Sprint("kind ", n))
		if n == 4 {
			notice.Person = person(2)
		}
		w.must(w.s.Notices.PutNotice(w.ctx(), notice))
	}
	if err := w.s.Notices.PutNotice(w.ctx(), w.notice(p, "\x00")); !errors.Is(err, store.ErrText) {
		t.Errorf("no text: %v", err)
	}
	for _, n := range []matter.Notice{{At: at, Kind: "x"}, {Person: p, Kind: "x"}} {
		if err := w.s.Notices.PutNotice(w.ctx(), n); err == nil {
			t.Errorf("kept %+v", n)
		}
	}
	lease := func(now time.Time, limit int) (kinds []string, all []matter.Notice) {
		t.Helper()
		all, err := w.s.Notices.Unsent(w.ctx(), now, now.Add(time.Minute), limit)
		w.must(err)
		for _, n := range all {
			kinds = append(kinds, n.Kind[5:])
		}
		return kinds, all
	}
	kinds, first := lease(at, 2)
	if diff := cmp.Diff([]string{"0", "1"}, kinds); diff != "" {
		t.Error(diff)
	}
	if kinds, _ = lease(at, 10); !cmp.Equal([]string{"2", "3", "4"}, kinds) {
		t.Errorf("leased then: %v", kinds)
	}
	if kinds, _ = lease(at.Add(time.Minute-time.Microsecond), 10); len(kinds) != 0 {
		t.Errorf("leased twice: %v", kinds)
	}
	w.must(w.s.Notices.SentNotice(w.ctx(), first[0].ID, at.Add(time.Second), true))
	w.must(w.s.Notices.SentNotice(w.ctx(), first[1].ID, at.Add(time.Second), false))
	if err := w.s.Notices.SentNotice(w.ctx(), 1<<40, at, true); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of none: %v", err)
	}
	if kinds, _ = lease(at.Add(time.Minute), 10); !cmp.Equal([]string{"2", "3", "4"}, kinds) {
		t.Errorf("whose lease ended: %v", kinds) // who could not be sent waits longer
	}
	if kinds, _ = lease(at.Add(4*time.Minute), 10); !cmp.Equal([]string{"2", "3", "4", "1"}, kinds) && !cmp.Equal([]string{"1", "2", "3", "4"}, kinds) {
		t.Errorf("all again: %v", kinds)
	}
	w.must(w.s.Notices.SeenNotices(w.ctx(), p, at.Add(time.Hour)))
	w.must(w.s.Notices.SeenNotices(w.ctx(), p, at.Add(2*time.Hour)))
	w.reopen()
	all, err := w.s.Notices.Notices(w.ctx(), p, 3)
	w.must(err)
	want := make([]matter.Notice, 3)
	for i, n := range []int{3, 2, 1} {
		want[i] = w.notice(p, fmt.Sprint("kind ", n))
		want[i].Seen = at.Add(time.Hour)
	}
	want[2].Tries = 1
	if diff := cmp.Diff(want, all, cmpopts.IgnoreFields(matter.Notice{}, "ID")); diff != "" {
		t.Error(diff)
	}
	all, err = w.s.Notices.Notices(w.ctx(), p, 10)
	w.must(err)
	if last := all[len(all)-1]; !last.Sent.Equal(at.Add(time.Second)) || last.Tries != 1 {
		t.Errorf("sent: %+v", last)
	}
}
