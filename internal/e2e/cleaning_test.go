package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/population/simulator"
	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/disclose/register"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	databases "lienthong/internal/registry/shipped"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

var (
	byPersonnel = cleaning.Who{Role: role.Role{Kind: role.Unit, ID: "tccb"}, Name: "unit:tccb/test"}
	byMinistry  = cleaning.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry/test"}
)

const why = "đã xem hồ sơ giấy của hai mục"

// declared takes shipped declarations.
func (w *world) declared(ids ...string) {
	w.t.Helper()
	for _, f := range must(databases.Files()) {
		if slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(f.Name, id) }) {
			_, err := w.hub.House.Steward.Declare(w.ctx, steward.Who{Role: role.Role{Kind: role.Operator}, Name: "test"}, f.Text)
			w.check(err)
		}
	}
}

func practitioner(licence, person, name string) registry.Values {
	return registry.Values{"licence": licence, "person": person, "name": name, "born": "1980-05-17", "title": "doctor", "scope": "Nội khoa", "facility": "79901", "issuer": "Bộ Y tế", "issued": "2024-03-01", "expires": "2029-02-28", "state": "active"}
}

// entered types entries in as the unit that answers for a database.
func (w *world) entered(id registry.ID, unit string, values ...registry.Values) []registry.EntryID {
	w.t.Helper()
	var out []registry.EntryID
	for _, v := range values {
		made, err := w.hub.House.Steward.Enter(w.ctx, steward.Who{Role: role.Role{Kind: role.Unit, ID: unit}, Name: "unit:" + unit}, id, v)
		if err != nil {
			w.t.Fatalf("%v: %+v", err, made.Findings)
		}
		out = append(out, made.ID)
	}
	return out
}

// tonight runs a detector, or the job of that name.
func (w *world) tonight(detector string) house.Night {
	w.t.Helper()
	w.clock.Advance(24 * time.Hour)
	if !strings.Contains(detector, ".") {
		detector = "cleaning." + detector
	}
	all := must(w.hub.House.Night.Do(w.ctx, 0, detector))
	if len(all) != 1 || all[0].State != house.NightDone {
		w.t.Fatalf("%+v", all)
	}
	return all[0]
}

func (w *world) proposed(detector, state string) []cleaning.Proposal {
	w.t.Helper()
	all, _, err := w.hub.House.Cleaning.List(w.ctx, byMinistry.Role, house.ProposalFilter{Detector: detector, State: state, Limit: 1000})
	w.check(err)
	return all
}

func ids(all []cleaning.Proposal) (out []string) {
	for i := range all {
		out = append(out, all[i].ID)
	}
	return out
}

func (w *world) row(id registry.ID, entry registry.EntryID) *house.Row {
	w.t.Helper()
	return must(w.hub.Slices.House.Entries.Get(w.ctx, id, entry, time.Time{}))
}

// values reads an entry as its steward does.
func (w *world) values(id registry.ID, unit string, entry registry.EntryID) registry.Values {
	w.t.Helper()
	return must(w.hub.House.Entries.Get(w.ctx, register.Reader{Role: role.Role{Kind: role.Unit, ID: unit}, Name: "test", Route: "test"}, id, entry, time.Time{})).Values
}

// said is a check of a database, passed of applied, as boards say it after the entries
// were marked again at night; counting it again must give the same.
func (w *world) said(id registry.ID, check string) string {
	w.t.Helper()
	w.check(w.hub.Grades.Refresh(w.ctx))
	lines := must(w.hub.Grades.Check(w.ctx, role.Scope{All: true}, house.ScoreQuery{Subject: score.SubjectOf(id)}, check))
	var r score.Ratio
	for _, l := range lines {
		r = r.Plus(l.Ratio)
	}
	var days []int
	for at := now; !at.After(w.clock.Now()); at = at.AddDate(0, 0, 1) {
		days = append(days, clock.Day(at))
	}
	for day, f := range must(w.hub.Grades.RecountEntries(w.ctx, w.hub.Slices.House.Entries, days)) {
		if f.Unequal != 0 {
			w.t.Errorf("%s: of %d counted again: %+v", check, day, f)
		}
	}
	return fmt.Sprintf("%d/%d", r.Passed, r.Applied)
}

// marked marks entries again, and holds a check against what it should say then.
func (w *world) marked(id registry.ID, want map[string]string) {
	w.t.Helper()
	n := w.tonight("entries.remark")
	for check, want := range want {
		if got := w.said(id, check); got != want {
			w.t.Errorf("%s is %s, not %s (%+v)", check, got, want, n)
		}
	}
}

// Two entries of one practitioner become a proposal at night; accepted, one of them
// stands; undone, both do, with the values they had. The night's marks follow.
func TestTwoEntriesOfOnePractitionerAreCleaned(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel", "hiv")
		desk := w.hub.House.Cleaning
		if is := must(desk.Duplicate(w.ctx, "hiv", []registry.EntryID{{1}})); len(is) != 0 {
			t.Errorf("nobody looks for others there: %v", is)
		}
		e := w.entered("personnel", "tccb", practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"), practitioner("0012354/BYT-CCHN", "079980123456", "NGUYEN THI DAO"),
			practitioner("0099999/BYT-CCHN", "079980123457", "Nguyễn Thị Đào"), // another person of the same name
			practitioner("0077777/BYT-CCHN", "079980123499", "Trần Văn Mận"))
		if n := w.tonight("duplicates"); n.Changed != 1 || n.Seen < 2 {
			t.Fatalf("%+v", n)
		}
		open := w.proposed("duplicates", cleaning.Open)
		if len(open) != 1 || open[0].Kind != cleaning.Merge || strings.Contains(open[0].Proposal.Body, "079980123456") || strings.Contains(open[0].Proposal.Body, "1980") {
			t.Fatalf("%+v", open)
		}
		for entry, want := range map[registry.EntryID]bool{e[0]: true, e[1]: true, e[2]: false} {
			if is := must(desk.Duplicate(w.ctx, "personnel", []registry.EntryID{entry})); is[entry] != want {
				t.Errorf("said to be a duplicate: %v, want %v", is[entry], want)
			}
		}
		if got := w.said("personnel", "clean"); got != "0/0" {
			t.Errorf("before the night: clean is %s", got)
		}
		w.marked("personnel", map[string]string{"clean": "2/4", "alive": "4/4"})
		if n := w.tonight("duplicates"); n.Changed != 0 || len(w.proposed("", "")) != 1 {
			t.Errorf("the next night: %+v", n)
		}
		decision := cleaning.Decision{IDs: ids(open), Reason: why}
		for what, c := range map[string]struct {
			who  cleaning.Who
			v    cleaning.Decision
			want error
		}{
			"the ministry":   {byMinistry, decision, cleaning.ErrMay},
			"another unit":   {cleaning.Who{Role: role.Role{Kind: role.Unit, ID: "pb"}}, decision, cleaning.ErrAbsent},
			"no reason":      {byPersonnel, cleaning.Decision{IDs: ids(open), Reason: "  ừ "}, cleaning.ErrReason},
			"none":           {byPersonnel, cleaning.Decision{Reason: why}, cleaning.ErrMany},
			"one that isn't": {byPersonnel, cleaning.Decision{IDs: []string{"DX-none"}, Reason: why}, cleaning.ErrAbsent},
			"many":           {byPersonnel, cleaning.Decision{IDs: someIDs(101), Reason: why}, cleaning.ErrSecond},
			"a miscount":     {byPersonnel, cleaning.Decision{IDs: someIDs(101), Reason: why, Second: 100}, cleaning.ErrSecond},
			"too many":       {byPersonnel, cleaning.Decision{IDs: someIDs(1001), Reason: why, Second: 1001}, cleaning.ErrMany},
		} {
			if _, err := desk.Accept(w.ctx, c.who, c.v); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		before := []registry.Values{w.values("personnel", "tccb", e[0]), w.values("personnel", "tccb", e[1])}
		if o := must(desk.Accept(w.ctx, byPersonnel, decision)); o.Done != 1 || o.Overtaken != 0 {
			t.Fatalf("%+v", o)
		}
		states := map[registry.EntryState]int{}
		for _, id := range e[:2] {
			states[w.row("personnel", id).State]++
		}
		if states[registry.Live] != 1 || states[registry.Merged] != 1 {
			t.Fatalf("%v", states)
		}
		w.marked("personnel", map[string]string{"clean": "3/3"})
		if n := w.tonight("duplicates"); n.Changed != 0 {
			t.Errorf("after it was accepted: %+v", n)
		}
		if _, err := desk.Reject(w.ctx, byPersonnel, decision); !errors.Is(err, cleaning.ErrState) {
			t.Errorf("rejected after it was accepted: %v", err)
		}
		if o := must(desk.Undo(w.ctx, byPersonnel, decision)); o.Done != 1 {
			t.Fatalf("%+v", o)
		}
		for i, id := range e[:2] {
			if r := w.row("personnel", id); r.State != registry.Live || r.Into != (registry.EntryID{}) || !maps.Equal(w.values("personnel", "tccb", id), before[i]) {
				t.Errorf("%d: %s %v", i, r.State, w.values("personnel", "tccb", id))
			}
		}
		if _, err := desk.Undo(w.ctx, byPersonnel, decision); !errors.Is(err, cleaning.ErrState) {
			t.Errorf("undone twice: %v", err)
		}
		if n := w.tonight("duplicates"); n.Changed != 0 || w.proposed("", "")[0].State != cleaning.Undone {
			t.Errorf("what was undone came again: %+v", n)
		}
		// with other facts it does
		w.entered("personnel", "tccb", practitioner("0012354/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"))
		if n := w.tonight("duplicates"); n.Changed != 1 || w.proposed("", "")[0].State != cleaning.Open {
			t.Errorf("with other facts: %+v, %s", n, w.proposed("", "")[0].State)
		}
		_, steps, err := desk.Get(w.ctx, byPersonnel.Role, open[0].ID)
		w.check(err)
		text := ""
		for _, s := range steps {
			text += s.State + " "
		}
		if text != "open applying accepted undone open " {
			t.Error(text)
		}
		w.clock.Advance(180 * 24 * time.Hour)
		w.marked("personnel", map[string]string{"clean": "2/4", "alive": "0/4", "alive.expires": "4/4"})
		w.clock.Advance(5 * 365 * 24 * time.Hour) // by a rule that asks the day, of entries that are opened
		w.marked("personnel", map[string]string{"alive.expires": "0/4"})
		list, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 5})
		w.check(err)
		if !slices.ContainsFunc(list, func(d store.Disclosure) bool {
			return d.Basis == register.Recheck && d.Reader == "night" && d.Reason == "entries/personnel" && strings.Contains(d.Facts, `"entries":4`)
		}) {
			t.Errorf("that they were opened is not written down: %+v", list)
		}
		// the control of the lists: what was found stays findable
		if _, _, err := desk.Get(w.ctx, role.Role{Kind: role.Unit, ID: "pb"}, open[0].ID); !errors.Is(err, cleaning.ErrAbsent) {
			t.Errorf("seen by another unit: %v", err)
		}
	})
}

func someIDs(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint("DX-", i))
	}
	return out
}

// A proposal whose entries were changed since is overtaken: nothing is done. One
// that is no longer found is overtaken by night; a rejected one stays away.
func TestProposalsAreOvertaken(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		desk := w.hub.House.Cleaning
		a, b := practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"), practitioner("0012354/BYT-CCHN", "079980123456", "Nguyễn Thị Đào")
		w.entered("personnel", "tccb", a, b)
		w.tonight("duplicates")
		v := cleaning.Decision{IDs: ids(w.proposed("", cleaning.Open)), Reason: why}
		b["scope"] = "Ngoại khoa"
		e := w.entered("personnel", "tccb", b)
		if o := must(desk.Accept(w.ctx, byPersonnel, v)); o.Done != 0 || o.Overtaken != 1 {
			t.Fatalf("%+v", o)
		}
		if r := w.row("personnel", e[0]); r.State != registry.Live {
			t.Errorf("it was %s", r.State)
		}
		if n := w.tonight("duplicates"); n.Changed != 1 { // it is still so
			t.Errorf("%+v", n)
		}
		must(desk.Reject(w.ctx, byPersonnel, v))
		if n := w.tonight("duplicates"); n.Changed != 0 || len(w.proposed("", cleaning.Rejected)) != 1 {
			t.Errorf("%+v", n)
		}
		b["scope"] = "Sản khoa"
		w.entered("personnel", "tccb", b)
		w.tonight("duplicates")
		if len(w.proposed("", cleaning.Open)) != 1 {
			t.Fatal("it did not come again with other facts")
		}
		b["person"] = "079980999999"
		w.entered("personnel", "tccb", b)
		w.tonight("duplicates")
		if len(w.proposed("", cleaning.Overtaken)) != 1 {
			t.Errorf("%+v", w.proposed("", ""))
		}
	})
}

// deadProvince is a former province's code that is no province's any more.
func deadProvince(t *testing.T, day int) (old, now string) {
	t.Helper()
	for _, e := range catalog.Entries(catalog.ProvinceCode) {
		if ok, _ := catalog.Has(catalog.ProvinceCode, e.Code, day); !ok {
			if now, ok := catalog.ProvinceNow(e.Code); ok {
				return e.Code, now
			}
		}
	}
	t.Fatal("no province was ever merged")
	return "", ""
}

// Codes that gave way, facilities that were merged, entries nobody confirmed: each
// is proposed, done when accepted, and given back when undone.
func TestCodesFacilitiesAndStaleEntriesAreCleaned(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel", "06-facilities")
		desk := w.hub.House.Cleaning
		old, now := deadProvince(t, clock.Day(w.clock.Now()))
		place := registry.Values{"code": "79977", "name": "Phòng khám Bến Nghé", "level": "initial", "ownership": "private", "province": old, "licence": "123/GPHĐ", "opened": "2010-01-01"}
		byFacilities := cleaning.Who{Role: role.Role{Kind: role.Unit, ID: "kcb"}, Name: "unit:kcb/test"}
		f := w.entered("facilities", "kcb", place)
		p := w.entered("personnel", "tccb", practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"))

		v := facility.Version{Code: "79902", Name: "Bệnh viện hợp nhất", Level: facility.Provincial, Province: "79", Predecessors: []care.FacilityCode{"79901"}, From: w.clock.Now()}
		w.check(w.hub.Slices.Facilities.Change(w.ctx, store.DirectoryChange{Versions: []facility.Version{v}}, store.Act{At: w.clock.Now(), Actor: "test", Action: "facility.add", Object: "79902", Detail: "{}"}))
		w.refresh()

		w.tonight("codes")
		w.tonight("units")
		type step struct {
			who      cleaning.Who
			detector string
			id       registry.ID
			entry    registry.EntryID
			field    string
			was, is  string
		}
		for _, s := range []step{{byFacilities, "codes", "facilities", f[0], "province", old, now}, {byPersonnel, "units", "personnel", p[0], "facility", "79901", "79902"}} {
			var all []cleaning.Proposal
			for _, one := range w.proposed(s.detector, cleaning.Open) {
				if slices.Contains(one.Entries, s.entry) {
					all = append(all, one)
				}
			}
			if len(all) != 1 || all[0].Kind != cleaning.Change {
				t.Fatalf("%s: %+v", s.detector, all)
			}
			before := w.row(s.id, s.entry)
			d := cleaning.Decision{IDs: ids(all), Reason: why}
			if o := must(desk.Accept(w.ctx, s.who, d)); o.Done != 1 {
				t.Fatalf("%s: %+v", s.detector, o)
			}
			unit := s.who.Role.ID
			if got := w.values(s.id, unit, s.entry)[s.field]; got != s.is {
				t.Errorf("%s: %s, want %s", s.detector, got, s.is)
			}
			must(desk.Undo(w.ctx, s.who, d))
			after := w.row(s.id, s.entry)
			if got := w.values(s.id, unit, s.entry)[s.field]; got != s.was || after.Content != before.Content || after.Open != before.Open || after.Version != before.Version+2 {
				t.Errorf("%s undone: %s, version %d", s.detector, got, after.Version)
			}
			// it is found by what it was found by before
			found, _, err := w.hub.Slices.House.Entries.List(w.ctx, house.EntryFilter{Database: s.id, Match: []house.Match{{Field: s.field, Values: [][]byte{steward.Folded(s.was)}}}})
			w.check(err)
			if !slices.ContainsFunc(found, func(r house.Row) bool { return r.ID == s.entry }) {
				t.Errorf("%s undone: not found by %s", s.detector, s.field)
			}
		}

		w.clock.Advance(200 * 24 * time.Hour)
		w.tonight("stale")
		stale := w.proposed("stale", cleaning.Open)
		if len(stale) != 1 || stale[0].Kind != cleaning.End || stale[0].Database != "personnel" {
			t.Fatalf("%+v", stale)
		}
		d := cleaning.Decision{IDs: ids(stale), Reason: why}
		must(desk.Accept(w.ctx, byPersonnel, d))
		if r := w.row("personnel", p[0]); r.State != registry.Ended {
			t.Errorf("it is %s", r.State)
		}
		// its source says it again: undoing would undo that
		w.entered("personnel", "tccb", practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"))
		if _, err := desk.Undo(w.ctx, byPersonnel, d); !errors.Is(err, cleaning.ErrChanged) {
			t.Errorf("undone over a newer version: %v", err)
		}
	})
}

// What the population register knows otherwise is proposed; a number that gave way
// is in no row, and is asked for again when the change is accepted. A register that
// is down changes nothing.
func TestEntriesAreComparedWithThePopulationRegister(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		desk := w.hub.House.Cleaning
		if n := w.tonight("population"); n.Note != "verification.none" {
			t.Errorf("without a register: %+v", n)
		}
		people := []simulator.Resident{
			{Number: "079980123451", Name: "Nguyễn Thị Đào", Birth: "19800517"},
			{Number: "079980123452", Name: "Lê Thị Khác", Birth: "19800517"},
			{Number: "079980123453", State: "cancelled"}, {Number: "079980123454", State: "replaced", By: "079980123459"},
		}
		sim := httptest.NewServer(must(simulator.New(simulator.Config{Residents: people})))
		w.residents(sim.URL)
		var e []registry.EntryID
		for i := range 4 {
			e = append(e, w.entered("personnel", "tccb", practitioner(fmt.Sprintf("001234%d/BYT-CCHN", i), fmt.Sprintf("07998012345%d", i+1), []string{"Nguyễn Thị Đào", "Trần Văn Mận", "Phạm Thị Lý", "Vũ Văn Hồng"}[i]))...)
		}
		if n := w.tonight("population"); n.Seen != 4 || n.Changed != 3 {
			t.Fatalf("%+v", n)
		}
		signs := map[registry.EntryID]string{}
		var replaced cleaning.Proposal
		for _, p := range w.proposed("population", cleaning.Open) {
			signs[p.Entries[0]] = p.Body.Signs[0] + " " + p.Kind
			if p.Kind == cleaning.Change {
				replaced = p
			}
			if text := string(must(json.Marshal(p))); strings.Contains(text, "0799801234") {
				t.Errorf("a number is kept: %s", text)
			}
		}
		if want := map[registry.EntryID]string{e[1]: "differs.name point", e[2]: "cancelled point", e[3]: "replaced change"}; !maps.Equal(signs, want) {
			t.Fatalf("%v", signs)
		}
		v := cleaning.Decision{IDs: []string{replaced.ID}, Reason: why}
		sim.Close()
		if _, err := desk.Accept(w.ctx, byPersonnel, v); !errors.Is(err, cleaning.ErrRegister) {
			t.Errorf("while the register is down: %v", err)
		}
		if p := w.proposed("population", cleaning.Open); len(p) != 3 || w.values("personnel", "tccb", e[3])["person"] != "079980123454" {
			t.Errorf("something was changed: %+v", p)
		}
		w.clock.Advance(40 * 24 * time.Hour)
		all := must(w.hub.House.Night.Do(w.ctx, 0, "cleaning.population"))
		if all[0].State != house.NightFailed || all[0].Code != fault.Of(cleaning.ErrRegister).Code {
			t.Errorf("the night without the register: %+v", all)
		}
		up := httptest.NewServer(must(simulator.New(simulator.Config{Residents: people})))
		defer up.Close()
		w.residents(up.URL)
		if o := must(desk.Accept(w.ctx, byPersonnel, v)); o.Done != 1 || w.values("personnel", "tccb", e[3])["person"] != "079980123459" {
			t.Errorf("%+v, %s", o, w.values("personnel", "tccb", e[3])["person"])
		}
		must(desk.Undo(w.ctx, byPersonnel, v))
		if got := w.values("personnel", "tccb", e[3])["person"]; got != "079980123454" {
			t.Errorf("undone: %s", got)
		}
	})
}

// The rooms: who sees what, bulk decisions by form, and no sealed value on any page.
func TestCleaningInThePortal(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		w.entered("personnel", "tccb", practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"), practitioner("0012354/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"))
		w.tonight("duplicates")
		id := w.proposed("", cleaning.Open)[0].ID
		unit, ministry, other := w.sits("unit:tccb"), w.sits("ministry"), w.sits("unit:pb")
		read := func(p person, path string, want int) string {
			t.Helper()
			rec := p.ask(http.MethodGet, path, nil)
			if rec.Code != want {
				t.Errorf("%s: %d, want %d", path, rec.Code, want)
			}
			return rec.Body.String()
		}
		post := func(p person, v url.Values) (int, string) {
			rec := p.ask(http.MethodPost, "/cleaning", v)
			if to := rec.Header().Get("Location"); to != "" {
				return rec.Code, read(p, to, 200)
			}
			return rec.Code, rec.Body.String()
		}
		for who, b := range map[string]person{"the unit": unit, "the ministry": ministry} {
			for _, path := range []string{"/cleaning", "/cleaning/" + id, "/cleaning?detector=duplicates&state=open"} {
				page := read(b, path, 200)
				if !strings.Contains(page, id) || !strings.Contains(page, "0012345/BYT-CCHN") && who == "the unit" || strings.Contains(page, "079980123456") || strings.Contains(page, "1980-05-17") || strings.Contains(page, "«") {
					t.Errorf("%s at %s:\n%s", who, path, page)
				}
			}
			if page := read(b, "/night", 200); !strings.Contains(page, "/cleaning?detector=duplicates") || strings.Contains(page, "«") {
				t.Errorf("%s: %s", who, page)
			}
		}
		if page := read(other, "/cleaning", 200); strings.Contains(page, id) {
			t.Error("another unit sees it")
		}
		read(other, "/cleaning/"+id, 404)
		if page := read(ministry, "/cleaning/"+id, 200); strings.Contains(page, `name="do"`) {
			t.Error("the ministry is asked to decide")
		}
		if status, page := post(unit, url.Values{"id": {id}, "do": {"accept"}, "reason": {"ngắn"}}); status != 422 || !strings.Contains(page, "10 đến 500") || !strings.Contains(page, "checked") {
			t.Errorf("without a reason: %d", status)
		}
		if status, page := post(unit, url.Values{"id": {id}, "do": {"accept"}, "reason": {why}}); status != 303 || !strings.Contains(page, "Đã xong 1") {
			t.Errorf("accepted: %d %s", status, page)
		}
		if page := read(unit, "/cleaning/"+id, 200); !strings.Contains(page, "Đã chấp nhận") || !strings.Contains(page, `value="undo"`) || !strings.Contains(page, why) {
			t.Error(page)
		}
		if status, page := post(unit, url.Values{"id": {id}, "do": {"undo"}, "reason": {why}, "state": {"accepted"}}); status != 303 || !strings.Contains(page, "Đã xong 1") {
			t.Errorf("undone: %d %s", status, page)
		}
	})
}
