package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func surveyCases() []testCase {
	return []testCase{
		{"legs that wait for somebody are grouped by their cause", stuckLegs},
		{"rejects are counted by the software that sent them", rejectsBySoftware},
		{"a partner is bound to the name of its software", vendors},
	}
}

func stuckLegs(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	held := store.LegStart{Destination: insurer, State: exchange.Held, Code: "purpose.payment"}
	first := w.sendLegs(say{episode: "1", content: "1"}, held)
	w.clock.Advance(time.Minute)
	w.sendLegs(say{facility: hillStation, episode: "2", content: "2"}, held)
	w.sendLegs(say{episode: "3", content: "3"}, store.LegStart{Destination: insurer, State: exchange.Held, Code: "purpose.statistics"})
	w.sendLegs(say{episode: "4", content: "4"}, legsTo(insurer)...)
	created := w.leg(first.ID, insurer).Created
	ask := func(scope role.Scope, f store.LegFilter) []store.LegGroup {
		t.Helper()
		got, err := w.s.Surveys.Stuck(w.ctx(), scope, f)
		w.must(err)
		return got
	}
	got := ask(everything, store.LegFilter{State: exchange.Held})
	if len(got) != 2 || got[0].N != 2 || got[0].Facilities != 2 || got[0].Code != "purpose.payment" || got[0].State != exchange.Held ||
		got[0].Destination != insurer || !got[0].Oldest.Equal(created) || got[1].N != 1 {
		t.Errorf("%+v", got)
	}
	for name, c := range map[string]struct {
		scope role.Scope
		f     store.LegFilter
		want  int
	}{
		"one code":          {everything, store.LegFilter{State: exchange.Held, Code: "purpose.payment"}, 2},
		"one facility":      {everything, store.LegFilter{State: exchange.Held, Facility: hillStation}, 1},
		"scope":             {role.Scope{Facility: cityHospital}, store.LegFilter{State: exchange.Held}, 2},
		"no scope":          {role.Scope{}, store.LegFilter{State: exchange.Held}, 0},
		"another kind":      {everything, store.LegFilter{State: exchange.Held, Kind: "checkin"}, 0},
		"nothing parked":    {everything, store.LegFilter{State: exchange.Parked}, 0},
		"waiting is no one": {everything, store.LegFilter{State: exchange.Waiting}, 0},
		"later":             {everything, store.LegFilter{State: exchange.Held, From: created.Add(time.Second)}, 2},
		"before":            {everything, store.LegFilter{State: exchange.Held, To: created}, 0},
		"elsewhere":         {everything, store.LegFilter{State: exchange.Held, Destination: healthy}, 0},
	} {
		n := 0
		for _, g := range ask(c.scope, c.f) {
			n += g.N
		}
		if n != c.want {
			t.Errorf("%s: %d, want %d", name, n, c.want)
		}
	}
}

func rejectsBySoftware(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	twice := []dossier.Finding{{Code: "time.order", Severity: dossier.Error, Table: "XML1", Row: 1}, {Code: "time.order", Severity: dossier.Error, Table: "XML1", Row: 2},
		{Code: "subject.sex", Severity: dossier.Error, Table: "XML1", Row: 1}}
	send := func(f care.FacilityCode, software, name string, state dossier.State, findings []dossier.Finding) store.Prepared {
		p := w.prepare(say{facility: f, episode: name, content: name, state: state, findings: findings})
		p.File.Software = software
		w.commit(p)
		w.clock.Advance(time.Minute)
		return p
	}
	began := w.clock.Now()
	send(cityHospital, "HIS Ánh/1.0", "a", dossier.Rejected, twice)
	newest := send(cityHospital, "HIS Ánh/1.0", "b", dossier.Rejected, twice)
	send(hillStation, "HIS Ánh/2.0", "c", dossier.Rejected, twice[:1])
	send(hillStation, "", "d", dossier.Rejected, twice[2:])
	send(cityHospital, "HIS Ánh/1.0", "e", dossier.AcceptedWithWarnings, []dossier.Finding{{Code: "XML4.DON_VI_DO.missing", Severity: dossier.Warning}})
	ask := func(q store.SoftwareQuery) []store.SoftwareCount {
		t.Helper()
		got, err := w.s.Surveys.Rejects(w.ctx(), q)
		w.must(err)
		return got
	}
	total := func(list []store.SoftwareCount) (n int64) {
		for _, c := range list {
			n += c.N
		}
		return n
	}
	all := ask(store.SoftwareQuery{})
	if total(all) != 6 || len(all) != 4 {
		t.Fatalf("%d in %+v", total(all), all)
	}
	dir, _ := w.dir.Current(cityHospital)
	want := store.SoftwareCount{Software: "HIS Ánh/1.0", Vendor: dir.Vendor, Facility: cityHospital, Code: "subject.sex", N: 2, Newest: newest.Received, Example: newest.ID}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		q    store.SoftwareQuery
		want int64
	}{
		"a name without version":   {store.SoftwareQuery{Name: "HIS Ánh"}, 5},
		"a name and version":       {store.SoftwareQuery{Name: "HIS Ánh/2.0"}, 1},
		"part of a name":           {store.SoftwareQuery{Name: "HIS"}, 0},
		"another":                  {store.SoftwareQuery{Name: "x"}, 0},
		"before anything":          {store.SoftwareQuery{To: began}, 0},
		"after the first two":      {store.SoftwareQuery{From: newest.Received.Add(time.Second)}, 2},
		"until the first is taken": {store.SoftwareQuery{From: began, To: newest.Received}, 2},
	} {
		if n := total(ask(c.q)); n != c.want {
			t.Errorf("%s: %d, want %d", name, n, c.want)
		}
	}
}

func vendors(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, at := w.logSize(), w.clock.Now()
	for _, v := range []store.Vendor{{ID: "anh", Name: "cũ", Since: at}, {ID: "anh", Name: "HIS Ánh", Since: at}, {ID: "binh", Name: "B", Since: at}, {ID: "binh"}} {
		w.must(w.s.Surveys.PutVendor(w.ctx(), v, w.act("vendor.bind")))
	}
	w.reopen()
	got, err := w.s.Surveys.Vendors(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]store.Vendor{{ID: "anh", Name: "HIS Ánh", Since: at}}, got); diff != "" {
		t.Error(diff)
	}
	if n := w.logSize() - size; n != 4 {
		t.Errorf("%d leaves", n)
	}
}
