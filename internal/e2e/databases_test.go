package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/disclose/register"
	"lienthong/internal/dossier"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/hub"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// made has the hub make entries of all that came.
func (w *world) made() {
	w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.hub.House.Steward.Round(w.ctx); err != nil {
			w.t.Fatal(err)
		}
	}
}

func asRole(text string) register.Reader {
	r, err := role.Parse(text)
	if err != nil {
		panic(err)
	}
	return register.Reader{Role: r, Name: "session:test", Route: "/databases"}
}

func (w *world) entries(who string, id registry.ID, by ...string) []registry.Entry {
	w.t.Helper()
	q := register.Query{By: map[string]string{}}
	for i := 0; i+1 < len(by); i += 2 {
		q.By[by[i]] = by[i+1]
	}
	page, err := w.hub.House.Entries.List(w.ctx, asRole(who), id, q)
	if err != nil {
		w.t.Fatalf("%s reads %s: %v", who, id, err)
	}
	return page.Entries
}

func shipped(c *hub.Config) { c.Shipped = true }

func TestRecordsBecomeEntries(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit()
		v.set("XML2", "SO_DANG_KY", "VD-12345-20")
		a := w.one("79901", dated("20261101", v), fine)
		w.made()
		// one dossier, three databases
		one := w.entries("unit:kcb", "visits", "facility", "79901")
		if len(one) != 1 || one[0].Version != 1 || one[0].State != registry.Live || one[0].Values["episode"] != v.lk || one[0].Values["diagnosis"] != "J02.9" || one[0].Values["person"] == "" {
			t.Fatalf("visits: %+v", one)
		}
		medicines := w.entries("unit:qld", "medicines")
		books := w.entries("unit:"+w.stewardOf("health-books"), "health-books")
		if len(medicines) != 1 || len(books) != 1 {
			t.Fatalf("medicines %d, books %d", len(medicines), len(books))
		}
		if got := w.entries("unit:kcb", "visits", "person", one[0].Values["person"]); len(got) != 1 {
			t.Errorf("not found by a sealed number: %d", len(got))
		}
		// the look says who, what and by which share; the record was opened for databases once
		rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 500})
		w.check(err)
		opened, looks := 0, 0
		for _, r := range rows {
			if r.Role == "destination:databases" && r.Record.String() == a.Record {
				opened++
			}
			if r.Role == "unit:kcb" && strings.Contains(r.Facts, `"database":"visits"`) && strings.Contains(r.Facts, `"by":"steward"`) && r.Basis == register.Steward {
				looks++
			}
		}
		if opened != 1 || looks != 2 {
			t.Errorf("opened %d times for databases, %d looks at the entry", opened, looks)
		}
		// others see what is shared, or nothing at all
		if got := w.entries("ministry", "visits"); len(got) != 1 || got[0].Values["person"] != "" || got[0].Values["diagnosis"] != "" || got[0].Origin.Record != (registry.RecordID{}) {
			t.Errorf("the ministry: %+v", got)
		}
		if got := w.entries("facility:79901", "visits"); len(got) != 1 || got[0].Values["diagnosis"] != "J02.9" {
			t.Errorf("its own facility: %+v", got)
		}
		if got := w.entries("facility:79902", "visits"); len(got) != 0 {
			t.Errorf("another facility: %+v", got)
		}
		for _, who := range []string{"facility:79902", "partner:x"} {
			if _, err := w.hub.House.Entries.Get(w.ctx, asRole(who), "visits", one[0].ID, time.Time{}); !errors.Is(err, steward.ErrAbsent) {
				t.Errorf("%s: %v", who, err)
			}
		}
		// a new version replaces
		w.clock.Advance(time.Minute)
		w.one("79901", dated("20261102", v.set("XML1", "MA_BENH_CHINH", "J03.9").drop("XML2")), fine)
		w.made()
		two := w.entries("unit:kcb", "visits")
		if len(two) != 1 || two[0].Version != 2 || two[0].Values["diagnosis"] != "J03.9" || two[0].ID != one[0].ID {
			t.Errorf("replaced: %+v", two)
		}
		if got := w.entries("unit:qld", "medicines"); len(got) != 1 || got[0].State != registry.Ended {
			t.Errorf("a medicine that is no longer said: %+v", got)
		}
		if was, err := w.hub.House.Entries.Get(w.ctx, asRole("unit:kcb"), "visits", one[0].ID, one[0].At); err != nil || was.Values["diagnosis"] != "J02.9" {
			t.Errorf("as it was known: %+v %v", was, err)
		}
		// withdrawn: ends
		record := string(two[0].Origin.Record.Facility)
		if record != "79901" {
			t.Errorf("an entry does not name its record: %+v", two[0].Origin)
		}
		items := w.entries("facility:79901", "visits")
		path := "/api/v1/records/" + idText(items[0].Origin.Record) + "/withdraw"
		if status, _, body := w.do("79901", "POST", path, "application/json", []byte(`{"reason":"gửi nhầm"}`)); status != http.StatusOK {
			t.Fatalf("withdrawing: HTTP %d %s", status, body)
		}
		w.made()
		if got := w.entries("unit:kcb", "visits"); len(got) != 1 || got[0].State != registry.Ended || got[0].ValidTo.IsZero() {
			t.Errorf("withdrawn: %+v", got)
		}
		w.made() // nothing more, and nothing twice
		if got, err := w.hub.House.Entries.History(w.ctx, asRole("unit:kcb"), "visits", one[0].ID); err != nil || len(got) != 3 {
			t.Errorf("history: %d %v", len(got), err)
		}
	}, shipped)
}

func idText(r registry.RecordID) string { return dossier.ID(r).String() }

func (w *world) stewardOf(id registry.ID) string {
	l, err := w.hub.House.Steward.Get(id)
	w.check(err)
	return l.Steward
}

// TestClosedClassesEnterTheirOwnDatabase: HIV goes to the HIV database and no other.
func TestClosedClassesEnterTheirOwnDatabase(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit()
		v.add("XML6", "MA_LK", v.lk, "NGAYKD_HIV", "202001010000", "BDDT_ARV", "202002010000", "MA_PHAC_DO_DIEU_TRI", "1a")
		a, _ := w.send("79901", dated("20261101", v))
		if !strings.HasPrefix(a[0].State, "accepted") {
			t.Fatalf("%+v", a[0])
		}
		coded := newVisit().set("XML1", "MA_BENH_CHINH", "B20") // told by its diagnosis, in any table
		b, _ := w.send("79901", dated("20261101", coded))
		if !strings.HasPrefix(b[0].State, "accepted") {
			t.Fatalf("%+v", b[0])
		}
		w.made()
		hiv := w.entries("unit:"+w.stewardOf("hiv"), "hiv")
		if len(hiv) != 1 || hiv[0].Values["episode"] != v.lk || hiv[0].Values["regimen"] == "" {
			t.Errorf("the HIV database: %+v", hiv)
		}
		for _, l := range w.hub.House.Steward.List() {
			if l.ID == "hiv" {
				continue
			}
			for _, e := range w.entries("unit:"+l.Steward, l.ID) {
				if e.Values["episode"] == coded.lk || e.Values["diagnosis"] == "B20" {
					t.Errorf("%s holds what HIV tells: %+v", l.ID, e.Values)
				}
			}
		}
		for _, id := range []registry.ID{"hiv", "tb"} {
			for _, who := range []string{"unit:kcb", "unit:bhxh", "province:79", "partner:x"} {
				if page, err := w.hub.House.Entries.List(w.ctx, asRole(who), id, register.Query{}); err == nil && len(page.Entries) > 0 {
					t.Errorf("%s reads %s: %+v", who, id, page.Entries)
				}
			}
		}
		w.closedDebts()
	}, shipped)
}

// closedDebts: what the HIV entries of one facility lack is a task of the database's
// steward, over all facilities; who may not read its numbers sees no such task.
func (w *world) closedDebts() {
	w.t.Helper()
	w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
	desk, owner := w.hub.House.Errands, w.stewardOf("hiv")
	ministry := errand.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry"}
	w.check(desk.PutLimits(w.ctx, ministry, errand.Limits{Percent: 100, Least: 1, Each: 200}))
	w.check(w.hub.Grades.Refresh(w.ctx))
	must(desk.Round(w.ctx, w.hub.House.Debts))
	all := must(w.hub.Slices.House.Duties.Tasks(w.ctx, duty.Filter{Sight: duty.Sight{All: true}, Database: "hiv", Limit: 1000}))
	if len(all) == 0 {
		w.t.Fatal("the control: the HIV entries lack nothing")
	}
	for _, x := range all {
		if x.Facility != "" || x.Unit != owner || strings.Contains(x.Debt, "79901") {
			w.t.Errorf("a debt of the HIV database names a facility: %+v", x)
		}
	}
	one, today := all[0], duty.DayText(desk.Today())
	keeper := errand.Who{Role: role.Role{Kind: role.Unit, ID: owner}, Name: owner}
	must(desk.Take(w.ctx, keeper, one.ID, 0, duty.Step{What: duty.StepBlocked, By: duty.UnitParty("ttyt"), Why: "chờ danh mục"}))
	for who, sees := range map[role.Role]bool{
		{Kind: role.Ministry}: true, keeper.Role: true, // the focal unit, who holds it up, and where the entries are from
		{Kind: role.Unit, ID: "khcn"}: false, {Kind: role.Unit, ID: "ttyt"}: false, {Kind: role.Province, ID: "24"}: false, {Kind: role.Facility, ID: "79901"}: false,
	} {
		at := w.desk(who.Kind, who.ID)
		for _, path := range []string{"/tasks?view=all&database=hiv", "/tasks.csv?view=all&database=hiv", "/tasks/report?from=" + today + "&to=" + today} {
			if page := at.reads(path, http.StatusOK); strings.Contains(page, one.ID) != sees {
				w.t.Errorf("%s: %s shows the debt: %v", who, path, !sees)
			}
		}
		status := http.StatusNotFound
		if sees {
			status = http.StatusOK
		}
		at.reads("/tasks/"+one.ID, status)
	}
	focal := errand.Who{Role: role.Role{Kind: role.Unit, ID: "khcn"}, Name: "khcn"}
	if _, err := desk.RemindAll(w.ctx, focal, []string{one.ID}); !errors.Is(err, store.ErrAbsent) {
		w.t.Errorf("the focal unit reminds of what it does not see: %v", err)
	}
	if _, err := desk.Take(w.ctx, ministry, one.ID, 0, duty.Step{What: duty.StepMoved, Owner: duty.FacilityParty("79901"), Why: "thử giao"}); !errors.Is(err, errand.ErrClosed) {
		w.t.Errorf("handed to a facility: %v", err)
	}
}

// follows reads a feed a page at a time until its place moves no more, and counts the entries.
func (w *world) follows(who person, path string) (n int) {
	for since := ""; ; {
		status, body := who.call("GET", path+"&since="+since, nil)
		var page struct {
			Entries []json.RawMessage `json:"entries"`
			Next    *string           `json:"next"`
		}
		if err := json.Unmarshal(body, &page); err != nil || status != 200 || page.Next == nil || *page.Next == "" {
			w.t.Fatalf("HTTP %d, %v: %s", status, err, body)
		}
		if n += len(page.Entries); *page.Next == since {
			return n
		}
		since = *page.Next
	}
}

const sore = `id: sore-throats
name: {vi: Viêm họng, en: Sore throats}
entry: {vi: Ca, en: Case}
steward: pb
legal: [law-15-2023]
fields:
  - {name: episode, label: {vi: Mã liên kết, en: Episode}, type: text, class: internal, priority: 1}
  - {name: facility, label: {vi: Cơ sở, en: Facility}, type: text, class: open, priority: 1, search: true}
  - {name: code, label: {vi: Mã bệnh, en: Diagnosis}, type: text, class: sensitive, priority: 1}
key: [facility, episode]
facility: facility
sources:
  - id: visits
    kind: records
    records: [qd4750]
    table: XML1
    where: row.MA_BENH_CHINH.startsWith("J02")
    map: {episode: row.MA_LK, facility: record.facility, code: row.MA_BENH_CHINH}
refresh: {every: 1 days, stale: 30 days}
retention: y10
`

// TestADatabaseIsDeclaredLive: by a file, without a restart, and it gets its entries
// from records that are there already.
func TestADatabaseIsDeclaredLive(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		for range 5 {
			w.one("79901", dated("20261101", newVisit()), fine)
		}
		w.one("79901", dated("20261101", newVisit().set("XML1", "MA_BENH_CHINH", "A09")), fine)
		w.made()
		s := w.hub.House.Steward
		if _, err := s.Declare(w.ctx, steward.Who{Role: role.Role{Kind: role.Unit, ID: "kcb"}, Name: "kcb"}, []byte(sore)); !errors.Is(err, steward.ErrSteward) {
			t.Errorf("another unit declares: %v", err)
		}
		own := steward.Who{Role: role.Role{Kind: role.Unit, ID: "pb"}, Name: "session:pb"}
		if _, err := s.Declare(w.ctx, own, []byte(sore)); !errors.Is(err, steward.ErrRecords) {
			t.Errorf("a unit lets itself read records: %v", err)
		}
		who := steward.Who{Role: role.Role{Kind: role.Ministry}, Name: "session:ministry"}
		checked, err := s.Declare(w.ctx, who, []byte(sore))
		if err != nil {
			t.Fatalf("%v %+v", err, checked.Problems)
		}
		w.made()
		if got := w.entries("unit:pb", "sore-throats"); len(got) != 5 {
			t.Fatalf("%d entries", len(got))
		}
		w.one("79901", dated("20261101", newVisit()), fine)
		w.made()
		if got := w.entries("unit:pb", "sore-throats"); len(got) != 6 {
			t.Errorf("%d entries after another record", len(got))
		}
		// a second version that takes less ends what it no longer takes
		if _, err := s.Declare(w.ctx, who, []byte(strings.Replace(sore, `startsWith("J02")`, `startsWith("J03")`, 1))); err != nil {
			t.Fatal(err)
		}
		w.made()
		live := 0
		for _, e := range w.entries("unit:pb", "sore-throats") {
			if e.State == registry.Live {
				live++
			}
		}
		if live != 0 {
			t.Errorf("%d entries live on that the new version does not take", live)
		}
		if _, err := s.Declare(w.ctx, own, []byte(strings.Replace(sore, `startsWith("J02")`, `startsWith("J03")`, 1))); errors.Is(err, steward.ErrRecords) {
			t.Errorf("a unit says the same again of what it reads: %v", err)
		}
		if _, err := s.DeclareOver(w.ctx, who, []byte(sore), steward.Base{Database: "sore-throats", Version: checked.Was}); !errors.Is(err, declaration.ErrChanged) {
			t.Errorf("over what somebody else wrote meanwhile: %v", err)
		}
		if checked, err := s.Declare(w.ctx, who, []byte(strings.Replace(sore, "{name: code", "{name: cause", 1))); err == nil || len(checked.Problems) == 0 {
			t.Errorf("a field in use was taken away: %v", err)
		}
	}, shipped)
}

const shifts = `id: shifts
name: {vi: Ca trực, en: Shifts}
entry: {vi: Ca trực, en: Shift}
steward: kcb
legal: [law-15-2023]
fields:
  - {name: number, label: {vi: Số, en: Number}, type: text, class: open, priority: 1, max_length: 20, search: true}
  - {name: began, label: {vi: Bắt đầu, en: Began}, type: moment, class: open, search: true}
  - {name: called, label: {vi: Gọi lúc, en: Called}, type: moment, class: personal, search: true}
key: [number]
sources:
  - {id: form, kind: form}
retention: y10
`

// searchedByDay: a day finds the entries of which a moment is on it, sealed or not, and no others.
func (w *world) searchedByDay(unit person) {
	w.t.Helper()
	if c, err := w.hub.House.Steward.Declare(w.ctx, steward.Who{Role: role.Role{Kind: role.Operator}, Name: "test"}, []byte(shifts)); err != nil {
		w.t.Fatalf("%v %+v", err, c)
	}
	for n, at := range []string{"2026-10-31 23:59", "2026-11-01 00:00", "01/11/2026 08:30", "2026-11-01T23:59:00+07:00", "2026-11-02"} {
		w.entered("shifts", "kcb", registry.Values{"number": fmt.Sprint(n), "began": at, "called": at})
	}
	for asked, want := range map[string]int{"2026-11-01": 3, "01/11/2026": 3, "20261101": 3, "2026-11-02": 1, "2026-11-03": 0, "2026-11-01 08:30": 1, "2026-11-01 08:31": 0} {
		for _, field := range []string{"began", "called"} {
			if got := w.entries("unit:kcb", "shifts", field, asked); len(got) != want {
				w.t.Errorf("%s %s: %d entries, want %d", field, asked, len(got), want)
			}
		}
		status, body := unit.call("GET", "/api/v1/databases/shifts/entries?by.began="+url.QueryEscape(asked), nil)
		if status != 200 || strings.Count(string(body), `"number"`) != want {
			w.t.Errorf("%s by the interface: HTTP %d %s", asked, status, body)
		}
		if page := unit.ask("POST", "/databases/shifts/entries", url.Values{"by.called": {asked}}).Body.String(); strings.Count(page, "/databases/shifts/entries/")-1 != want { // one leads to the form
			w.t.Errorf("%s on the page: %d, want %d", asked, strings.Count(page, "/databases/shifts/entries/")-1, want)
		}
	}
}

const copied = `id: throat-copy
name: {vi: Bản chép, en: Copy}
entry: {vi: Ca, en: Case}
steward: qld
legal: [law-15-2023]
fields:
  - {name: episode, label: {vi: Mã liên kết, en: Episode}, type: text, class: internal, priority: 1}
key: [episode]
sources:
  - {id: other, kind: database, from: sore-throats, map: {episode: row.episode}}
refresh: {every: 1 days, stale: 30 days}
retention: y10
`

// TestADatabaseIsMadeOfAnother: as far as that one is shared, and never in a circle.
func TestADatabaseIsMadeOfAnother(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		first := dated("20261101", newVisit())
		a := w.one("79901", first, fine)
		s := w.hub.House.Steward
		pb, qld := steward.Who{Role: asRole("unit:pb").Role, Name: "pb"}, steward.Who{Role: asRole("unit:qld").Role, Name: "qld"}
		for who, text := range map[*steward.Who]string{{Role: role.Role{Kind: role.Ministry}, Name: "ministry"}: sore} {
			if c, err := s.Declare(w.ctx, *who, []byte(text)); err != nil {
				t.Fatalf("%v %+v", err, c)
			}
		}
		if c, err := s.Declare(w.ctx, qld, []byte(copied)); err != nil {
			t.Fatalf("%v %+v", err, c)
		}
		w.made()
		if got := w.entries("unit:qld", "throat-copy"); len(got) != 0 {
			t.Errorf("taken from a database that is not shared: %+v", got)
		}
		places, err := w.hub.Slices.House.Entries.Places(w.ctx, "throat-copy")
		if err != nil || len(places) != 1 || places[0].Code != "database.not_shared" {
			t.Errorf("%+v %v", places, err)
		}
		if _, err := s.Give(w.ctx, pb, house.Grant{Database: "sore-throats", To: "unit:qld", Fields: []string{"episode"}, Purpose: "thống kê thuốc"}); err != nil {
			t.Fatal(err)
		}
		w.made()
		if got := w.entries("unit:qld", "throat-copy"); len(got) != 1 || got[0].Values["episode"] == "" || got[0].State != registry.Live {
			t.Fatalf("%+v", got)
		}
		// a version that came while it was not shared is read from the first when it is again
		grant := must(w.hub.Slices.House.Grants.Given(w.ctx, "sore-throats", ""))[0].ID
		w.check(s.EndGrant(w.ctx, pb, "sore-throats", grant))
		if c, err := s.Declare(w.ctx, qld, []byte(strings.Replace(copied, "{episode: row.episode}", "{episode: row.episode + \"-2\"}", 1))); err != nil {
			t.Fatalf("%v %+v", err, c)
		}
		w.made()
		if _, err := s.Give(w.ctx, pb, house.Grant{Database: "sore-throats", To: "unit:qld", Fields: []string{"episode"}, Purpose: "thống kê thuốc"}); err != nil {
			t.Fatal(err)
		}
		w.made()
		if got := w.entries("unit:qld", "throat-copy"); !slices.ContainsFunc(got, func(e registry.Entry) bool { return strings.HasSuffix(e.Values["episode"], "-2") }) {
			t.Errorf("a new version was not read from the first: %+v", got)
		}
		if c, err := s.Declare(w.ctx, qld, []byte(copied)); err != nil {
			t.Fatalf("%v %+v", err, c)
		}
		w.made()
		if status, _, body := w.do("79901", "POST", "/api/v1/records/"+a.Record+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm"}`)); status != http.StatusOK {
			t.Fatalf("HTTP %d %s", status, body)
		}
		w.made()
		if got := w.entries("unit:qld", "throat-copy"); slices.ContainsFunc(got, func(e registry.Entry) bool {
			return e.State == registry.Live && !strings.HasSuffix(e.Values["episode"], "-2")
		}) {
			t.Errorf("its source ended: %+v", got)
		}
		round := strings.Replace(sore, "refresh:", "  - {id: back, kind: database, from: throat-copy, map: {episode: row.episode, facility: row.episode}}\nrefresh:", 1)
		if _, err := s.Declare(w.ctx, pb, []byte(round)); !errors.Is(err, steward.ErrCircle) {
			t.Errorf("a circle: %v", err)
		}
		// steps, one at a time and with evidence
		for _, c := range []struct {
			to       registry.State
			evidence string
			want     error
		}{{registry.Operating, "Biên bản số 12/BB", registry.ErrStep}, {registry.Building, "x", registry.ErrEvidence}, {registry.Building, "Biên bản số 12/BB", nil}} {
			if err := s.Reach(w.ctx, pb, "sore-throats", c.to, c.evidence); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.to, err, c.want)
			}
		}
		if l, err := s.Get("sore-throats"); err != nil || l.State() != registry.Building || l.Steps[0].Evidence == "" {
			t.Errorf("%+v %v", l, err)
		}
	})
}
