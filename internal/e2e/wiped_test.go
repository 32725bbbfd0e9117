package e2e_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/errand"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	shippedfiles "lienthong/internal/registry/shipped"
	"lienthong/internal/score"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// TestEntriesOfAnErasedRecordAreWiped: in all databases and of all versions, also in
// one that takes from another; what another record says too stays.
func TestEntriesOfAnErasedRecordAreWiped(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		pb, qld := steward.Who{Role: asRole("unit:pb").Role, Name: "pb"}, steward.Who{Role: asRole("unit:qld").Role, Name: "qld"}
		must(w.hub.House.Steward.Declare(w.ctx, steward.Who{Role: asRole("ministry").Role, Name: "ministry"}, []byte(sore)))
		must(w.hub.House.Steward.Give(w.ctx, pb, house.Grant{Database: "sore-throats", To: "unit:qld", Fields: []string{"episode"}, Purpose: "thống kê thuốc"}))
		must(w.hub.House.Steward.Declare(w.ctx, qld, []byte(copied)))
		first, other := newVisit(), newVisit()
		first.set("XML2", "SO_DANG_KY", "VD-12345-20") // both say one medicine
		other.set("XML2", "SO_DANG_KY", "VD-12345-20").set("XML2", "TEN_THUOC", "Tên khác")
		w.one("79901", dated("20261101", first), fine)
		w.made()
		w.one("79901", dated("20261101", other), fine)
		w.made()
		if got := w.entries("unit:qld", "medicines"); len(got) != 1 || got[0].Version != 1 || got[0].Values["name"] == "Tên khác" {
			t.Errorf("who said it first does not stand: %+v", got)
		}
		find := func(who string, id registry.ID, episode string) registry.Entry {
			t.Helper()
			all := w.entries(who, id)
			i := slices.IndexFunc(all, func(e registry.Entry) bool { return e.Values["episode"] == episode })
			if i < 0 {
				t.Fatalf("%s has no %s: %+v", id, episode, all)
			}
			return all[i]
		}
		one := find("unit:pb", "sore-throats", first.lk)
		visit, copy := find("unit:kcb", "visits", first.lk), find("unit:qld", "throat-copy", first.lk)
		keeps := find("unit:qld", "throat-copy", other.lk)
		record := dossier.ID(one.Origin.Record)
		if _, err := w.hub.Office.Erase(w.ctx, "operator An", eraseOf(record)); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		w.made()
		entries := w.hub.Slices.House.Entries
		for _, c := range []struct {
			id    registry.ID
			entry registry.EntryID
		}{{"sore-throats", one.ID}, {"visits", visit.ID}, {"throat-copy", copy.ID}} {
			history := must(entries.History(w.ctx, c.id, c.entry, 10))
			if len(history) < 2 || history[0].State != registry.Ended {
				t.Errorf("%s: %d versions, %s", c.id, len(history), history[0].State)
			}
			for _, v := range history {
				if v.Open != "{}" || len(v.Sealed)+len(v.Wrapped) > 0 || !v.Content.IsZero() {
					t.Errorf("%s, version %d still has values", c.id, v.Version)
				}
			}
		}
		if got := find("unit:qld", "throat-copy", other.lk); got.ID != keeps.ID || got.State != registry.Live {
			t.Errorf("what another record says went too: %+v", got)
		}
		if got := w.entries("unit:qld", "medicines"); len(got) != 1 || got[0].State != registry.Live || got[0].Values["name"] != "Tên khác" {
			t.Errorf("a medicine that another record says: %+v", got)
		}
		for _, l := range w.hub.House.Steward.List() {
			rows, _, err := entries.List(w.ctx, house.EntryFilter{Database: l.ID, Limit: 500})
			w.check(err)
			for _, r := range rows {
				if r.Origin.Record == one.Origin.Record && (r.Open != "{}" || len(r.Sealed) > 0) {
					t.Errorf("%s still has values of the erased record", l.ID)
				}
			}
		}
		if list := must(entries.Erased(w.ctx, 10)); len(list) != 0 {
			t.Errorf("still to be done: %v", list)
		}
		acts, err := w.hub.Slices.Keys.Acts(w.ctx, 0, 1000)
		w.check(err)
		if !slices.ContainsFunc(acts, func(a store.Act) bool {
			return a.Action == "database.erase" && a.Object == "visits" && a.Actor == "hub"
		}) {
			t.Error("no act says so")
		}
		if n := must(entries.Left(w.ctx)); n != 0 {
			t.Errorf("%d versions of erased records have values", n)
		}
	}, shipped)
}

// TestADatabaseNeedsAUnitThatIsAtWork: no declaration by a unit that there is not, and
// one whose unit is dissolved later is read and nothing of it changes.
func TestADatabaseNeedsAUnitThatIsAtWork(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		s, operator := w.hub.House.Steward, steward.Who{Role: asRole("operator").Role, Name: "operator"}
		nobody := strings.Replace(sore, "steward: pb", "steward: nobody", 1)
		if _, err := s.Declare(w.ctx, operator, []byte(nobody)); !errors.Is(err, steward.ErrUnit) {
			t.Fatalf("declared for nobody: %v", err)
		}
		must(s.Declare(w.ctx, operator, []byte(sore)))
		w.check(s.Refresh(w.ctx))
		if l := must(s.Get("sore-throats")); l.Dissolved {
			t.Fatal("its unit is at work")
		}
		must(w.hub.House.Errands.Dissolve(w.ctx, errand.Who{Role: asRole("ministry").Role, Name: "ministry"}, "pb", "kcb", clock.Day(w.clock.Now())))
		w.check(s.Refresh(w.ctx))
		if l := must(s.Get("sore-throats")); !l.Dissolved {
			t.Error("its unit was dissolved and nobody sees it")
		}
		pb := steward.Who{Role: asRole("unit:pb").Role, Name: "pb"}
		if _, err := s.Give(w.ctx, pb, house.Grant{Database: "sore-throats", To: "unit:qld", Purpose: "thống kê thuốc"}); !errors.Is(err, steward.ErrUnit) {
			t.Errorf("a dissolved unit gives: %v", err)
		}
		if _, err := s.Declare(w.ctx, operator, []byte(strings.Replace(sore, "id: sore-throats", "id: other-throats", 1))); !errors.Is(err, steward.ErrUnit) {
			t.Errorf("declared for a dissolved unit: %v", err)
		}
		if got := w.entries("unit:kcb", "visits"); len(got) != 0 { // another's goes on
			t.Errorf("%+v", got)
		}
		must(s.Declare(w.ctx, operator, []byte(strings.Replace(sore, "steward: pb", "steward: kcb", 1))))
		if l := must(s.Get("sore-throats")); l.Dissolved || l.Steward != "kcb" {
			t.Errorf("handed over: %+v", l)
		}
	}, shipped)
}

// TestScoresOfEntriesAreCountedAgainAtNight: and a count that nobody made is found.
func TestScoresOfEntriesAreCountedAgainAtNight(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		first := w.one("79901", dated("20261101", newVisit()), fine)
		w.one("79901", dated("20261101", newVisit()), fine)
		w.made()
		w.clock.Advance(time.Minute)
		path := "/api/v1/records/" + first.Record + "/withdraw"
		if status, _, body := w.do("79901", "POST", path, "application/json", []byte(`{"reason":"gửi nhầm"}`)); status != http.StatusOK {
			t.Fatalf("HTTP %d %s", status, body)
		}
		w.made()
		day := clock.Day(w.clock.Now())
		h := w.hub.House
		job := h.Jobs[slices.IndexFunc(h.Jobs, func(j night.Job) bool { return j.ID == "scores.recount" })]
		r := must(job.Run(w.ctx, day))
		if r.Unequal != 0 || r.Note != "" {
			t.Errorf("%+v", r)
		}
		found, err := w.hub.Grades.RecountEntries(w.ctx, w.hub.Slices.House.Entries, []int{day})
		seen := found[day].Seen
		if err != nil || seen == 0 || found[day].Unequal != 0 {
			t.Fatalf("%+v, %v", found, err)
		}
		rows, _, err := w.hub.Slices.House.Entries.List(w.ctx, house.EntryFilter{Database: "visits", State: registry.Live})
		w.check(err)
		w.check(w.hub.Slices.House.Scores.Append(w.ctx, []house.ScoreDelta{{Day: day, Subject: "db:visits", Marks: rows[0].Marks, N: 1}}))
		if r = must(job.Run(w.ctx, day)); r.Unequal != 1 || r.Note != "scores.unequal" {
			t.Errorf("a count that nobody made: %+v", r)
		}
		if kept := must(w.hub.Grades.Recounts(w.ctx, day)); len(kept) != 1 || kept[0].Unequal != 1 || kept[0].Seen < seen {
			t.Errorf("kept: %+v", kept)
		}
	}, shipped)
}

// facilitiesAreHeldAgainstTheirList: the text that names a facility is told where the
// shared list has no such code, and taken; a list that nobody has filled makes nothing
// wrong.
func (w *world) facilitiesAreHeldAgainstTheirList() {
	w.t.Helper()
	w.declared("devices", "medicines")
	for code, want := range map[string]string{"79901": "", "79809": "entry.facility.not_in_list warning ", "7980": "entry.facility.format error "} {
		got := ""
		for _, f := range must(w.hub.House.Steward.Get("devices")).Check(registry.Values{"facility": code, "serial": "SN-1", "name": "Máy thở", "risk": "C", "state": "working"}, w.clock.Now()).Findings {
			if f.Field == "facility" {
				got += f.Code + " " + f.Severity + " "
			}
		}
		if got != want {
			w.t.Errorf("a device at %s: %q, want %q", code, got, want)
		}
	}
	device := func(code string) registry.Values {
		return registry.Values{"facility": code, "serial": "SN-" + code, "name": "Máy thở", "risk": "C", "state": "working", "next_check": "2099-01-01"}
	}
	e := w.entered("devices", "httb", device("79901"), device("79809"))
	l := must(w.hub.House.Steward.Get("devices"))
	at := l.Judge.Sheet().Index("unified.facility")
	for i, want := range []score.Mark{score.Passed, score.Failed} {
		if got := score.Marks(w.row("devices", e[i]).Marks).Get(at); at < 0 || got != want {
			w.t.Errorf("device %d is marked %v by check %d, want %v", i, got, at, want)
		}
	}
	const empty = `id: orders
name: {vi: Đơn đặt, en: Orders}
entry: {vi: Đơn, en: Order}
steward: qld
legal: [law-15-2023]
fields:
  - {name: number, label: {vi: Số, en: Number}, type: text, class: open, priority: 1, max_length: 20}
  - {name: medicine, label: {vi: Thuốc, en: Medicine}, type: code, class: open, list: "db:medicines.registration"}
key: [number]
sources:
  - {id: form, kind: form}
retention: y10
`
	if c, err := w.hub.House.Steward.Declare(w.ctx, steward.Who{Role: asRole("operator").Role, Name: "operator"}, []byte(empty)); err != nil {
		w.t.Fatalf("%v %+v", err, c.Problems)
	}
	w.made()
	if got := must(w.hub.House.Steward.Get("orders")).Check(registry.Values{"number": "1", "medicine": "VD-1-20"}, w.clock.Now()); len(got.Findings) > 0 {
		w.t.Errorf("held against an empty list: %+v", got.Findings)
	}
}

// TestCodesOfAnotherDatabaseAreChecked: a device at a facility that is not in the
// database of facilities is told, and no longer when it is there.
func TestCodesOfAnotherDatabaseAreChecked(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		s := w.hub.House.Steward
		files := must(shippedfiles.Files())
		i := slices.IndexFunc(files, func(f shippedfiles.File) bool { return strings.Contains(string(f.Text), "\nid: devices\n") })
		text := strings.Replace(string(files[i].Text), "\nid: devices\n", "\nid: devices-listed\n", 1)
		text = strings.Replace(text, `type: text, class: open, priority: 1, format: "[0-9A-Z]{5}"`, "type: code, list: db:facilities.code, class: open, priority: 1", 1)
		checked, err := s.Declare(w.ctx, steward.Who{Role: asRole("operator").Role, Name: "operator"}, []byte(text))
		if err != nil {
			t.Fatalf("%v %+v", err, checked.Problems)
		}
		w.check(s.Facilities(w.ctx))
		w.made()
		wrong := func(code string) bool {
			l := must(s.Get("devices-listed"))
			got := l.Check(registry.Values{"facility": code, "serial": "SN-1", "name": "Máy thở", "risk": "C", "state": "working"}, w.clock.Now())
			return slices.ContainsFunc(got.Findings, func(f registry.Finding) bool { return f.Field == "facility" })
		}
		if wrong("79901") {
			t.Error("a facility of the directory is told to be none")
		}
		if !wrong("79809") {
			t.Error("a facility that there is not was not told")
		}
		w.facilitiesAreHeldAgainstTheirList()
		kcb := steward.Who{Role: asRole("unit:kcb").Role, Name: "session:kcb"}
		added := must(s.Enter(w.ctx, kcb, "facilities", registry.Values{"code": "79809", "name": "Trạm thử", "level": "initial", "province": "79", "licence": "GP-1"}))
		w.made()
		if wrong("79809") {
			t.Error("one that was entered is told to be none")
		}
		w.check(s.End(w.ctx, kcb, "facilities", "nhập nhầm", []house.Close{{ID: added.ID, State: registry.Ended}}))
		w.made()
		if !wrong("79809") {
			t.Error("one that ended is told to be there")
		}
	}, shipped)
}

// TestACatalogueKeepsItsWords: a medicine that many records name each in their own
// words has one version, until a unit says otherwise; then the unit's stands.
func TestACatalogueKeepsItsWords(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		says := func(names ...string) {
			t.Helper()
			for _, name := range names {
				w.one("79901", dated("20261101", newVisit().set("XML2", "SO_DANG_KY", "VD-12345-20").set("XML2", "TEN_THUOC", name)), fine)
			}
			w.made()
		}
		is := func(version int, name string) registry.Entry {
			t.Helper()
			got := w.entries("unit:qld", "medicines")
			if len(got) != 1 || got[0].Version != version || got[0].Values["name"] != name || got[0].State != registry.Live {
				t.Fatalf("want version %d, %s: %+v", version, name, got)
			}
			return got[0]
		}
		says("Thuốc một", "Thuốc hai") // in one batch
		says("Thuốc ba")
		was := is(1, "Thuốc một")
		w.clock.Advance(time.Minute)
		says("Thuốc bốn")
		if now := is(1, "Thuốc một"); !now.Confirmed.Equal(was.Confirmed) {
			t.Errorf("confirmed again within the hour: %+v", now)
		}
		w.clock.Advance(time.Hour)
		says("Thuốc bốn rưỡi")
		if now := is(1, "Thuốc một"); !now.Confirmed.After(was.Confirmed) || now.Origin.Record != was.Origin.Record {
			t.Errorf("not confirmed: %+v", now)
		}
		qld := steward.Who{Role: asRole("unit:qld").Role, Name: "session:qld"}
		must(w.hub.House.Steward.Enter(w.ctx, qld, "medicines", registry.Values{"registration": "VD-12345-20", "name": "Tên đúng", "substance": "40.1"}))
		is(2, "Tên đúng")
		says("Thuốc năm")
		is(2, "Tên đúng")
	}, shipped)
}
