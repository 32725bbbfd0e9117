package duty_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/web/browsertest"
	"lienthong/internal/web/portal/asset"
	rooms "lienthong/internal/web/portal/duty"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

// frame is the portal around the rooms, for one role.
type frame struct {
	t      testing.TB
	words  *words.Catalogue
	assets *asset.Set
	now    time.Time
	role   role.Role
}

func (f frame) Page(r *http.Request, nav, title string, args ...any) view.Page {
	lang := "vi"
	if r.URL.Query().Get("lang") == "en" {
		lang = "en"
	}
	w := f.words.In(lang)
	return view.Page{W: w, Title: w.T(title, args...), Nav: nav, Path: r.URL.RequestURI(), Theme: "light", Demo: true, Now: f.now, Asset: f.assets.URL,
		Reader: &view.Reader{Role: f.role, Name: "Người Thử", Mark: "k1"}}
}

func (f frame) Show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	w.WriteHeader(status)
	if err := c.Render(r.Context(), w); err != nil {
		f.t.Error(err)
	}
}

func (f frame) Fail(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, fault.Of(err).Code, http.StatusTeapot)
}

func (f frame) CSV(w http.ResponseWriter, _ *http.Request, _ string, rows [][]string) {
	for _, row := range rows {
		_, _ = w.Write([]byte(strings.Join(row, ";") + "\n"))
	}
}

func (f frame) See(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// house is a desk with tasks in every state, served to the ministry.
func house(t testing.TB) (*httptest.Server, string) {
	t.Helper()
	c := clock.NewFake(time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC))
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: "test"})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	places := facility.NewDirectory(facility.Contents{Versions: []facility.Version{{ID: 1, Code: "79901", Name: "Bệnh viện Đa khoa khu vực Thử Nghiệm Một", Province: "79", From: c.Now()}}})
	desk, err := errand.New(errand.Deps{Tasks: s.House.Duties, Items: s.House.DutyItems, Clock: c, Facility: func() *facility.Directory { return places },
		Databases: func() []errand.Database {
			return []errand.Database{{ID: "vaccination", Name: fault.Text{VI: "Tiêm chủng", EN: "Vaccination"}, Steward: "pb"}, {ID: "medicines", Name: fault.Text{VI: "Thuốc", EN: "Medicines"}, Steward: "qld"}}
		}})
	must(t, err)
	ctx, by := t.Context(), errand.Who{Role: role.Role{Kind: role.Ministry}, Name: "portal ministry k1"}
	open := func(owner duty.Party, title, database string, due int) string {
		x := duty.Task{Title: fault.Text{VI: title, EN: title}, Database: database, Due: due, Source: duty.Source{Kind: duty.FromProgramme, Ref: "de-an-06"}}
		x.Own(owner)
		ids, err := desk.Open(ctx, by, "", x)
		must(t, err)
		return ids[0]
	}
	one := open("unit:pb", "Đối chiếu dữ liệu tiêm chủng với cơ sở dữ liệu quốc gia về dân cư", "vaccination", 20260710)
	two := open("facility:79901", "Bổ sung số thẻ bảo hiểm y tế", "", 20260705)
	three := open("unit:qld", "Công bố danh mục thuốc dùng chung", "medicines", 20260820)
	_, err = desk.Take(ctx, by, one, 0, duty.Step{What: duty.StepBlocked, By: "unit:c06", Why: "Chờ lịch kết nối thử"})
	must(t, err)
	_, err = desk.Take(ctx, by, three, 0, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "Đã công bố", Passed: 98, Of: 100, Kind: "figure", Ref: "SL.30"}})
	must(t, err)
	_, err = desk.RemindAll(ctx, by, []string{two})
	must(t, err)
	must(t, desk.PutRole(ctx, by, duty.Role{Unit: "ttyt", Database: "vaccination", Does: duty.Operates}))
	c.Advance(14 * 24 * time.Hour)
	w, err := words.Load()
	must(t, err)
	set, err := asset.Load()
	must(t, err)
	room := rooms.New(rooms.Deps{Desk: desk, Facility: func(code care.FacilityCode) string { v, _ := places.Current(code); return v.Name }},
		frame{t, w, set, c.Now(), by.Role})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", set)
	for _, line := range rooms.Routes() {
		mux.HandleFunc(line.Method+" "+line.Pattern, func(rw http.ResponseWriter, r *http.Request) { line.Serve(room, rw, r) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server, one
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheRoomsInABrowser looks at each page on a desk, a phone and at 320 px: nothing
// wider than the window but what scrolls in itself, a label for each field, targets
// of 24 px at least. Pictures go to LIENTHONG_SHOTS, else nowhere.
func TestTheRoomsInABrowser(t *testing.T) {
	tab := browsertest.Tab(t, browsertest.Start(t, "the pages of tasks"))
	s, number := house(t)
	for page, path := range map[string]string{"tasks": "/tasks?view=all", "task": "/tasks/" + number, "new": "/tasks/new", "report": "/tasks/report", "units": "/units", "unit": "/units/pb", "programmes": "/programmes?lang=en"} {
		browsertest.Open(t, tab, s.URL+path)
		browsertest.Headed(t, tab, page)
		if raw := browsertest.Eval[string](t, tab, `(document.querySelector("main").innerText.match(/\b(duty|nav)\.[a-z_.]+/) || [""])[0]`); raw != "" {
			t.Errorf("%s: a word is missing: %s", page, raw)
		}
		for size, width := range browsertest.Sizes() {
			name := page + "-" + size
			browsertest.Do(t, tab, browsertest.Window(width, 768))
			browsertest.Fits(t, tab, name)
			browsertest.Usable(t, tab, name)
			browsertest.Picture(t, tab, "duty-"+name)
		}
	}
}
