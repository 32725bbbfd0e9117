package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/cleaning"
	"lienthong/internal/disclose/register"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/figure"
	"lienthong/internal/hub"
	"lienthong/internal/registry"
	databases "lienthong/internal/registry/shipped"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal"
)

// A facility that is given the open fields of others' entries does not ask by a field
// that it is not given, of them: an answer would tell whose number it is.
func TestNobodyAsksByAFieldTheyDoNotSee(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		there := practitioner("012345/HCM-CCHN", "079088000011", "Trần Văn An")
		there["facility"] = "79902"
		w.entered("personnel", "tccb", there)
		w.asks("facility:79901", "personnel", "licence", "012345/HCM-CCHN", 1)
		w.asks("facility:79901", "personnel", "person", "079088000011", 0)
		w.asks("unit:tccb", "personnel", "person", "079088000011", 1)
		w.asks("unit:tccb", "personnel", "person", "079088000099", 0) // that nobody has it is an answer too
		rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 1})
		w.check(err)
		if f := rows[0].Facts; !strings.Contains(f, `"asked":["person"]`) || !strings.Contains(f, `"digest":"`) || strings.Contains(f, "079088000099") || rows[0].Role != "unit:tccb" {
			t.Errorf("a search in vain is not written down: %+v", rows)
		}
		if _, err := w.hub.House.Entries.List(w.ctx, asRole("partner:x"), "personnel", register.Query{By: map[string]string{"person": "079088000011"}}); !errors.Is(err, register.ErrSearch) {
			t.Errorf("a partner: %v", err)
		}
	})
}

func (w *world) asks(who string, id registry.ID, field, value string, want int) {
	w.t.Helper()
	if got := w.entries(who, id, field, value); len(got) != want {
		w.t.Errorf("%s asks %s by %s: %d entries, want %d", who, id, field, len(got), want)
	}
}

// What HIV records make is told to the ministry without what leads to a record: no
// facility, no hour, no number that grows when one comes.
func TestAClosedDatabaseLeadsToNoRecord(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit()
		v.add("XML6", "MA_LK", v.lk, "NGAYKD_HIV", "202001010000", "BDDT_ARV", "202002010000", "MA_PHAC_DO_DIEU_TRI", "1a")
		if a, _ := w.send("79901", dated("20261101", v)); !strings.HasPrefix(a[0].State, "accepted") {
			t.Fatalf("%+v", a)
		}
		w.made()
		e := w.hub.House.Entries
		keeper := w.entries("unit:pb", "hiv")
		told := w.entries("ministry", "hiv")
		if len(keeper) != 1 || len(told) != 1 {
			t.Fatalf("the steward %d, the ministry %d", len(keeper), len(told))
		}
		one, day := told[0], clockDay(keeper[0].At)
		if one.Origin.Facility != "" || one.Origin.Record != (registry.RecordID{}) || !one.At.Equal(day) || !one.Confirmed.IsZero() && !one.Confirmed.Equal(clockDay(one.Confirmed)) || keeper[0].At.Equal(day) {
			t.Errorf("the ministry is told %+v, the steward at %s", one, keeper[0].At)
		}
		if _, err := e.List(w.ctx, asRole("ministry"), "hiv", register.Query{Facility: "79901"}); !errors.Is(err, register.ErrSearch) {
			t.Errorf("the ministry asks by facility: %v", err)
		}
		if _, err := e.Get(w.ctx, asRole("ministry"), "hiv", one.ID, keeper[0].At.Add(time.Second)); !errors.Is(err, steward.ErrAbsent) {
			t.Errorf("the hour is found by asking as of an hour: %v", err)
		}
		if _, _, err := e.Feed(w.ctx, asRole("facility:79902"), "hiv", "", 1); !errors.Is(err, steward.ErrAbsent) {
			t.Errorf("a facility reads the order of all changes: %v", err)
		}
		number := regexp.MustCompile(`(?s)/databases/hiv">.*?class="num lt-r">(?:<a [^>]*>)?([^<]*)<`)
		for who, want := range map[string]string{"facility:79902": "–", "province:79": "–", "partner:x": "–", "insurer": "–", "unit:kcb": "–", "ministry": "1", "unit:pb": "1"} {
			r, err := role.Parse(who)
			w.check(err)
			page := w.desk(r.Kind, r.ID).reads("/databases", http.StatusOK)
			if m := number.FindStringSubmatch(page); m == nil || m[1] != want {
				t.Errorf("%s reads how many there are: %q, want %q", who, m, want)
			}
		}
		// No unit lets itself in.
		for _, f := range must(databases.Files()) {
			if strings.Contains(f.Name, "hiv") {
				mine := strings.NewReplacer("id: hiv\n", "id: mine\n", "steward: pb\n", "steward: vpb\n").Replace(string(f.Text))
				office := steward.Who{Role: role.Role{Kind: role.Unit, ID: "vpb"}, Name: "unit:vpb"}
				if _, err := w.hub.House.Steward.Declare(w.ctx, office, []byte(mine)); !errors.Is(err, steward.ErrRecords) {
					t.Errorf("the office declares itself a database of HIV: %v", err)
				}
				office.Role = role.Role{Kind: role.Ministry}
				if _, err := w.hub.House.Steward.Declare(w.ctx, office, []byte(mine)); !errors.Is(err, steward.ErrClosed) {
					t.Errorf("the ministry lets it into a closed class: %v", err)
				}
				office.Role = role.Role{Kind: role.Operator}
				if _, err := w.hub.House.Steward.Declare(w.ctx, office, []byte(mine)); err != nil {
					t.Errorf("the control: the operator takes it: %v", err)
				}
			}
		}
	}, shipped)
}

func clockNumber(at time.Time) int { return at.Year()*10000 + int(at.Month())*100 + at.Day() }

func clockDay(at time.Time) time.Time {
	at = at.In(time.FixedZone("", 7*3600))
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
}

// owned is something of the ministry's house: the routes it is named by, and who may
// know of it.
type owned struct {
	under    string            // how these routes begin
	param    string            // that names it
	fixed    map[string]string // the others of them
	id, none string
	knows    []string // roles
}

func (o *owned) at(pattern string) (path, none string, ok bool) {
	if !strings.HasPrefix(pattern, o.under) || !strings.Contains(pattern, "{"+o.param+"}") {
		return "", "", false
	}
	for name, value := range o.fixed {
		pattern = strings.ReplaceAll(pattern, "{"+name+"}", value)
	}
	path, none = strings.ReplaceAll(pattern, "{"+o.param+"}", url.PathEscape(o.id)), strings.ReplaceAll(pattern, "{"+o.param+"}", url.PathEscape(o.none))
	return path, none, !strings.Contains(path, "{")
}

// housed makes one of each thing of the ministry's house.
func (w *world) housed() (all []owned, left func() string) {
	w.t.Helper()
	w.one("79901", dated("20261101", newVisit()), fine)
	w.made()
	visit := w.entries("unit:kcb", "visits")[0]
	s := w.hub.House

	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	file := must(m.CreateFormFile("file", "x.csv"))
	_, err := file.Write([]byte("number,name\n1,a\n"))
	w.check(errors.Join(err, m.Close()))
	res := must(w.desk(role.Unit, "attp").http.Post(w.server.URL+"/databases/food-safety/imports", m.FormDataContentType(), &form))
	w.check(res.Body.Close())
	imports := must(w.hub.Slices.House.Imports.Imports(w.ctx, "food-safety", 5))
	if len(imports) != 1 {
		w.t.Fatalf("%d imports: HTTP %d", len(imports), res.StatusCode)
	}
	w.until("looked at", func() bool { // its rows, by the hub, which is no stranger
		return must(w.hub.Slices.House.Imports.Import(w.ctx, "food-safety", imports[0].ID)).State != bring.Received
	})
	w.desk(role.Unit, "attp").reads("/databases/food-safety/imports/"+imports[0].ID, http.StatusOK) // its holder, who is written down
	if rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 5}); err != nil || !strings.Contains(rows[0].Facts, imports[0].ID) {
		w.t.Errorf("the look at a file is not written down: %+v %v", rows, err)
	}
	for _, path := range []string{"/databases/food-safety/entries", "/databases/food-safety/entries/new", "/databases/medicines/entries"} { // nobody's values are on them
		w.desk(role.Unit, "attp").reads(path, http.StatusOK)
	}
	w.desk(role.Unit, "kcb").reads("/databases/visits/entries/"+steward.EntryText(visit.ID), http.StatusOK)
	grant := must(s.Steward.Give(w.ctx, steward.Who{Role: role.Role{Kind: role.Unit, ID: "kcb"}, Name: "kcb"}, house.Grant{Database: "visits", To: "unit:qld", Fields: []string{"arrived"}, Purpose: "Theo dõi đơn thuốc", Until: w.clock.Now().AddDate(0, 1, 0)}))
	task := must(s.Errands.Open(w.ctx, errand.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry"}, "", duty.Task{Unit: "kcb", Title: fault.Text{VI: "Việc kín của một cục", EN: "A unit's own task"}, Due: clockNumber(w.clock.Now().AddDate(0, 1, 0)), Source: duty.Source{Kind: duty.FromOther, Ref: "x"}}))[0]
	statement := must(s.Figures.Pin(w.ctx, "test", must(figure.Ask("SL.02", figure.Place{Facility: "79901"}, 20261101, 20261101))))
	w.entered("personnel", "tccb", practitioner("012345/HCM-CCHN", "079088000012", "Lê Thị Bình"), practitioner("012346/HCM-CCHN", "079088000012", "Lê Thị Bình"))
	w.tonight("duplicates")
	proposals := w.proposed("duplicates", cleaning.Open)
	if len(proposals) == 0 {
		w.t.Fatal("nothing is proposed")
	}
	proposal := proposals[0].ID
	book := rehearsal.Name(must(w.hub.Rulebook.Draw(w.ctx, "unit:kcb/An", bookOf("high", many, "30", "9000"))))
	w.check(w.hub.Office.SetApproval(w.ctx, "operator An", "second"))
	system, status := w.outpost().enrol(w.invite("operator An", "79901"))
	if status != http.StatusCreated || system.State != "waiting" {
		w.t.Fatalf("%d %+v", status, system)
	}
	other := func(id string) string { return id[:len(id)-4] + "zzzz" }
	of := map[string]string{"id": "visits"}
	return []owned{
			{"/databases/", "entry", of, steward.EntryText(visit.ID), strings.Repeat("5e", 16), []string{"operator", "ministry", "unit:kcb"}},
			{"/databases/", "import", map[string]string{"id": "food-safety"}, imports[0].ID, other(imports[0].ID), []string{"operator"}},
			{"/databases/", "grant", of, grant.ID, other(grant.ID), []string{"operator"}},
			{"/tasks/", "number", nil, task, duty.Number(2030, 7), []string{"operator", "ministry"}},
			{"/statements/", "id", nil, statement.ID, strings.Replace(statement.ID, "79901", "79909", 1), []string{"operator", "ministry"}},
			{"/rulebook/", "book", nil, book, "r77", []string{"ministry", "operator", "unit:KCB"}}, // and its rehearsal
			{"/enrolments/", "client", nil, system.Client, other(system.Client), []string{"operator"}},
			{"/province/enrolments/", "client", map[string]string{"what": "approve"}, system.Client, other(system.Client), nil},
			{"/cleaning/", "id", nil, proposal, other(proposal), []string{"operator", "ministry"}},
		}, func() string {
			var b strings.Builder
			fmt.Fprintln(&b, w.row("visits", visit.ID).Version, must(w.hub.Slices.House.Imports.Imports(w.ctx, "food-safety", 5))[0].Version, w.proposed("duplicates", cleaning.Open)[0].Version)
			fmt.Fprintln(&b, must(w.hub.Slices.House.Duties.Task(w.ctx, task)).Version, len(must(w.hub.House.Figures.Versions(w.ctx, statement.Query.Subject()))))
			l := must(s.Steward.Get("visits"))
			fmt.Fprintln(&b, l.Grants, len(l.Steps), l.Taken.Version)
			rules := must(w.hub.Rulebook.Book(w.ctx, 1))
			fmt.Fprintln(&b, rules.State, rules.Edition, len(must(w.hub.Office.Enrolment(w.ctx)).Waiting))
			return b.String()
		}
}

// TestEveryThingOfTheHouseForEveryStranger: each route that names an entry, an import,
// a grant, a task, a statement or a proposal, for everybody whose it is not: nothing
// of it, nothing happens to it, and the answer is that of an id that does not exist.
func TestEveryThingOfTheHouseForEveryStranger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engines(t, func(t *testing.T, w *world) {
		all, left := w.housed()
		strangers := w.strangers() // they bring a record of their own
		before, asked, walked := left(), 0, map[string]bool{}
		for _, e := range strangers {
			e.Name = "thử"
			who := w.sitting(e)
			for i := range all {
				o := &all[i]
				if slices.Contains(o.knows, e.Role.String()) {
					continue
				}
				for _, r := range portal.Routes() {
					path, none, ok := o.at(r.Pattern)
					if !ok {
						continue
					}
					walked[r.Method+" "+r.Pattern] = true
					asked++
					a, b := who.answer(r.Method, path, o.id), who.answer(r.Method, none, o.none)
					if a != b || strings.HasPrefix(a, "200") {
						t.Errorf("%s at %s %s:\n%.700s\n--- of one that is not there:\n%.700s", e.Role, r.Method, path, a, b)
					}
				}
			}
			for _, do := range []string{"accept", "reject", "undo"} { // together, by the list's own form
				if e.Role.Kind != role.Operator {
					who.ask(http.MethodPost, "/cleaning", url.Values{"do": {do}, "id": {all[len(all)-1].id}, "reason": {"một lý do đủ dài"}, "database": {"personnel"}})
				}
			}
			for _, path := range []string{"/databases/visits/steps", "/databases/visits/grants", "/databases/visits/entries/new"} {
				if e.Role.Kind != role.Operator {
					who.ask(http.MethodPost, path, url.Values{"state": {"building"}, "evidence": {"Biên bản số 1"}, "to": {e.Role.String()}, "purpose": {"cho chính mình"}, "fields": {"person"}, "until": {"2099-01-01"}})
				}
			}
		}
		// At the door of systems an entry of others is as one that is not there.
		for _, tail := range []string{"", "/history", "?at=2026-11-22T00:00:00Z"} {
			entry := &all[0]
			ask := func(id string) string {
				status, _, body := w.do("79902", "GET", "/api/v1/databases/visits/entries/"+id+tail, "", nil)
				return fmt.Sprint(status, strings.ReplaceAll(string(body), id, "ID"))
			}
			if a, b := ask(entry.id), ask(entry.none); a != b || !strings.HasPrefix(a, "404") {
				t.Errorf("a system asks for another's entry%s: %s, of none: %s", tail, a, b)
			}
		}
		// What the administrator's socket does nobody does at the public door.
		public := *w.server.Client()
		public.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for _, path := range []string{"/rules", "/databases", "/staff/add", "/facility/approve", "/facility/invite", "/link", "/erase", "/keys/master"} {
			res := must(public.Post(w.server.URL+path, "application/json", strings.NewReader(`{"actor":"operator An","client":"x","rules":{"do":"list"}}`)))
			w.check(res.Body.Close())
			if res.StatusCode < 300 || strings.Contains(res.Header.Get("Content-Type"), "json") && res.StatusCode < 400 {
				t.Errorf("POST %s at the public door: %d", path, res.StatusCode)
			}
		}
		if now := left(); now != before {
			t.Errorf("something happened:\n%s\n%s", before, now)
		}
		t.Logf("%d questions over %d routes", asked, len(walked))
		if len(walked) < 10 || asked < 100 {
			t.Errorf("only %d questions over %d routes: the table is not walked: %v", asked, len(walked), walked)
		}
	}, shipped, func(c *hub.Config) { c.Imports = dir })
}
