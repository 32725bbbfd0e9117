package storetest

import (
	"errors"
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func scopeCases() []testCase {
	return []testCase{
		{"every read shows its scope and nothing else", scopes},
		{"lists are filtered and paged", lists},
	}
}

// within is what a scope means, said once more.
func within(s role.Scope, v facility.Version) bool {
	switch {
	case s.All:
		return true
	case s == role.Scope{}:
		return false
	}
	return (s.Facility == "" || s.Facility == v.Code) && (s.Province == "" || s.Province == v.Province) && (s.Unit == "" || s.Unit == v.Unit)
}

func manyScopes() []role.Scope {
	all := []role.Scope{{}, {All: true}}
	for _, f := range []care.FacilityCode{cityHospital, hillStation, coastClinic, "00000"} {
		all = append(all, role.Scope{Facility: f})
	}
	for _, p := range []string{"74", "79", "24", "48", "99"} {
		all = append(all, role.Scope{Province: p})
	}
	for _, u := range []string{"kcb", "ttb", "zzz"} {
		all = append(all, role.Scope{Unit: u})
	}
	return append(all, role.Scope{Facility: cityHospital, Province: "74"}, role.Scope{Unit: "ttb", Province: "24"}, role.Scope{Facility: hillStation, Unit: "kcb"})
}

// oneEach sends one dossier and one refused file for every facility version,
// and reads each record once.
func (w *world) oneEach() map[dossier.ID]facility.Version {
	w.t.Helper()
	of := map[dossier.ID]facility.Version{}
	for id := int64(1); ; id++ {
		v, ok := w.dir.Version(id)
		if !ok && id > 100 {
			break
		}
		if !ok {
			continue
		}
		w.clock.Advance(time.Second)
		p := w.prepare(say{facility: v.Code, episode: fmt.Sprint("e", id), content: "c"})
		p.FacilityVersion = v.ID
		for i := range p.Deltas {
			p.Deltas[i].FacilityVersion = v.ID
		}
		w.commit(p)
		of[p.ID] = v
		r := store.Refusal{ID: w.newID(v.Code), At: w.clock.Now(), Sender: "x", Code: "file.unreadable", FacilityVersion: v.ID,
			Deltas: []store.Delta{{FacilityVersion: v.ID, Day: 20260701, Measure: "refused", N: 1}}}
		w.must(w.s.Intake.Refuse(w.ctx(), []store.Refusal{r}))
		of[r.ID] = v
		w.must(w.s.Disclosures.Record(w.ctx(), []store.Disclosure{{At: w.clock.Now(), Reader: "r", Role: "operator", Record: p.ID, Facility: v.Code, Basis: "operator_reason", Count: 1}}))
	}
	if len(of) != 8 {
		w.t.Fatalf("%d facility versions", len(of)/2)
	}
	return of
}

func scopes(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	of := w.oneEach()
	for _, folded := range []bool{false, true} {
		if folded {
			_, err := w.s.Counters.Fold(w.ctx())
			w.must(err)
		}
		for _, s := range manyScopes() {
			w.scope(s, of)
		}
	}
}

// scope checks every read call of one scope.
func (w *world) scope(s role.Scope, of map[dossier.ID]facility.Version) {
	t := w.t
	t.Helper()
	var records, refused, disclosed []dossier.ID
	list, _, err := w.s.Records.List(w.ctx(), s, store.Filter{})
	w.must(err)
	for _, r := range list {
		records = append(records, r.ID)
	}
	no, _, err := w.s.Records.Refusals(w.ctx(), s, store.Filter{})
	w.must(err)
	for _, r := range no {
		refused = append(refused, r.ID)
	}
	looks, _, err := w.s.Disclosures.List(w.ctx(), s, store.DisclosureFilter{})
	w.must(err)
	for _, d := range looks {
		disclosed = append(disclosed, d.Record)
	}
	all, _, err := w.s.Records.List(w.ctx(), everything, store.Filter{})
	w.must(err)
	isRecord := map[dossier.ID]bool{}
	for _, r := range all {
		isRecord[r.ID] = true
	}
	var wantRecords, wantRefused []dossier.ID
	counts := map[string]int64{}
	var minutes int64
	for id, v := range of {
		_, err := w.s.Records.Get(w.ctx(), s, id)
		if in := within(s, v) && isRecord[id]; in && err != nil || !in && !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%+v: get of %s in %+v: %v", s, id.Facility, v, err)
		}
		switch {
		case !within(s, v):
		case isRecord[id]:
			wantRecords = append(wantRecords, id)
			counts[string(v.Code)+" accepted"]++
			minutes++
		default:
			wantRefused = append(wantRefused, id)
			counts[string(v.Code)+" refused"]++
		}
	}
	anyOrder := cmpopts.SortSlices(func(a, b dossier.ID) bool { return a.String() < b.String() })
	for name, d := range map[string]string{
		"records": cmp.Diff(wantRecords, records, anyOrder, cmpopts.EquateEmpty()), "refusals": cmp.Diff(wantRefused, refused, anyOrder, cmpopts.EquateEmpty()),
		"disclosures": cmp.Diff(wantRecords, disclosed, anyOrder, cmpopts.EquateEmpty()),
	} {
		if d != "" {
			t.Errorf("%+v: %s: %s", s, name, d)
		}
	}
	q := store.CountQuery{By: []store.Dimension{store.ByFacility, store.ByMeasure}}
	sum, err := w.s.Counters.Sum(w.ctx(), s, q)
	w.must(err)
	again, err := w.s.Counters.Recount(w.ctx(), s, q)
	w.must(err)
	for name, got := range map[string][]store.Count{"sum": sum, "recount": again} {
		m := map[string]int64{}
		for _, c := range got {
			m[c.Key[0]+" "+c.Key[1]] = c.N
		}
		if diff := cmp.Diff(counts, m); diff != "" {
			t.Errorf("%+v: %s: %s", s, name, diff)
		}
	}
	perMinute, err := w.s.Counters.Minutes(w.ctx(), s, began.Add(-time.Hour))
	w.must(err)
	for _, m := range perMinute {
		minutes -= m.N
	}
	if minutes != 0 {
		t.Errorf("%+v: %d records missing in minutes", s, minutes)
	}
	w.lastSeen(s)
}

// lastSeen checks who sent last: a facility is where its newest version is.
func (w *world) lastSeen(s role.Scope) {
	w.t.Helper()
	seen, err := w.s.Facilities.LastSeen(w.ctx(), s)
	w.must(err)
	var got, want []string
	for code, at := range seen {
		if at.Before(began) || at.After(w.clock.Now()) {
			w.t.Errorf("%s was seen at %v", code, at)
		}
		got = append(got, string(code))
	}
	for _, v := range w.dir.All() {
		if within(s, v) {
			want = append(want, string(v.Code))
		}
	}
	sort.Strings(got)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%+v: last seen: %s", s, diff)
	}
}

func lists(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var all []store.Prepared
	add := func(x say) store.Prepared {
		w.clock.Advance(time.Millisecond)
		p := w.send(x)
		all = append(all, p)
		return p
	}
	sum := []dossier.Finding{{Code: "XML1.T_BHTT.sum", Severity: dossier.Warning}}
	for i := range 7 {
		if i%3 == 0 {
			w.clock.Advance(-time.Millisecond) // two in one moment
		}
		add(say{episode: fmt.Sprint("e", i/2), content: fmt.Sprint("c", i), subject: &store.NewSubject{Key: keyed("bn %d", i%2)}})
	}
	add(say{facility: hillStation, episode: "e0", content: "h", kind: "checkin", tags: []string{"doc:XML13"}})
	add(say{episode: "r", content: "r", state: dossier.Rejected})
	add(say{episode: "w", content: "w", state: dossier.AcceptedWithWarnings, findings: sum, tags: []string{"XML1.T_BHTT.sum", "doc:XML13"}})
	w.clock.Advance(24 * time.Hour)
	add(say{episode: "next day", content: "n", tags: []string{"doc:XML13"}})
	gone := w.withdrawal(say{episode: "next day"}, all[len(all)-1].ID)
	w.commit(gone)
	all = append(all, gone)
	since := all[3].Received

	for name, f := range map[string]struct {
		store.Filter
		want func(store.Prepared, *store.Record) bool
	}{
		"all":        {store.Filter{}, func(store.Prepared, *store.Record) bool { return true }},
		"a facility": {store.Filter{Facility: hillStation}, func(p store.Prepared, _ *store.Record) bool { return p.ID.Facility == hillStation }},
		"a province": {store.Filter{Province: "79"}, func(p store.Prepared, _ *store.Record) bool { return p.ID.Facility == cityHospital }},
		"a level":    {store.Filter{Level: facility.Commune}, func(p store.Prepared, _ *store.Record) bool { return p.ID.Facility == hillStation }},
		"an episode": {store.Filter{Episode: keys(keyedUnder(2, "x"), keyed("episode e0"))}, func(p store.Prepared, _ *store.Record) bool { return p.Episode == keyed("episode e0") }},
		"one's own": {store.Filter{Facility: cityHospital, Episode: keys(keyed("episode e0"))}, func(p store.Prepared, _ *store.Record) bool {
			return p.Episode == keyed("episode e0") && p.ID.Facility == cityHospital
		}},
		"a kind":     {store.Filter{Kind: "checkin"}, func(p store.Prepared, _ *store.Record) bool { return p.Kind == "checkin" }},
		"accepted":   {store.Filter{State: dossier.Accepted}, func(p store.Prepared, _ *store.Record) bool { return p.Verdict.State == dossier.Accepted }},
		"rejected":   {store.Filter{State: dossier.Rejected}, func(p store.Prepared, _ *store.Record) bool { return p.Verdict.State == dossier.Rejected }},
		"superseded": {store.Filter{State: dossier.Superseded}, func(_ store.Prepared, r *store.Record) bool { return !r.SupersededBy.IsZero() }},
		"withdrawn":  {store.Filter{State: dossier.Withdrawn}, func(_ store.Prepared, r *store.Record) bool { return !r.WithdrawnBy.IsZero() }},
		"standing": {store.Filter{State: dossier.Standing}, func(p store.Prepared, r *store.Record) bool {
			return p.Verdict.State.IsAccepted() && r.SupersededBy.IsZero() && r.WithdrawnBy.IsZero() && r.Withdraws.IsZero()
		}},
		"a tag":        {store.Filter{Tag: "doc:XML13"}, func(p store.Prepared, _ *store.Record) bool { return len(p.Tags) > 0 }},
		"another case": {store.Filter{Tag: "doc:xml13"}, func(store.Prepared, *store.Record) bool { return false }},
		"a subject": {store.Filter{Facility: cityHospital, Subject: keys(keyed("bn 1"))}, func(p store.Prepared, _ *store.Record) bool {
			return p.Subject != nil && p.Subject.Key == keyed("bn 1")
		}},
		"a day":       {store.Filter{Day: 20260702}, func(p store.Prepared, _ *store.Record) bool { return p.Received.After(began.Add(12 * time.Hour)) }},
		"since":       {store.Filter{Since: since}, func(p store.Prepared, _ *store.Record) bool { return !p.Received.Before(since) }},
		"two at once": {store.Filter{State: dossier.Accepted, Tag: "doc:XML13", Day: 20260701}, func(p store.Prepared, _ *store.Record) bool { return p.ID.Facility == hillStation }},
	} {
		var want []dossier.ID
		sort.SliceStable(all, func(i, j int) bool {
			a, b := all[i], all[j]
			if !a.Received.Equal(b.Received) {
				return a.Received.After(b.Received)
			}
			return a.ID.String() > b.ID.String()
		})
		for _, p := range all {
			if f.want(p, w.get(p.ID)) {
				want = append(want, p.ID)
			}
		}
		for _, limit := range []int{1, 3, 50} {
			if diff := cmp.Diff(want, w.pages(f.Filter, limit), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, %d at a time: %s", name, limit, diff)
			}
		}
	}
}

// pages reads a list to its end.
func (w *world) pages(f store.Filter, limit int) []dossier.ID {
	w.t.Helper()
	var ids []dossier.ID
	f.Limit = limit
	for range 100 {
		list, more, err := w.s.Records.List(w.ctx(), everything, f)
		w.must(err)
		if len(list) > limit || more && len(list) < limit {
			w.t.Fatalf("a page of %d with limit %d, more %v", len(list), limit, more)
		}
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		if !more {
			return ids
		}
		last := list[len(list)-1]
		f.Before = store.Cursor{At: last.Received, ID: last.ID}
	}
	w.t.Fatal("a list without end")
	return nil
}
