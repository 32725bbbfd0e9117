package duty_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
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
	desk, err := errand.New(errand.Deps{Tasks: s.House.Duties, Items: s.House.DutyItems, Once: s.Access, Clock: c, Facility: func() *facility.Directory { return places },
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
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the pages of tasks were not looked at in a browser")
	}
	browser, stop := start(t, chromium)
	defer stop()
	s, number := house(t)
	for name, path := range map[string]string{"tasks": "/tasks?view=all", "task": "/tasks/" + number, "new": "/tasks/new", "report": "/tasks/report", "units": "/units", "unit": "/units/pb", "programmes": "/programmes?lang=en"} {
		for size, width := range map[string]int64{"desk": 1280, "narrow": 320} {
			tab := open(t, browser, width, false)
			if err := chromedp.Do(tab, chromedp.Navigate(s.URL+path), chromedp.WaitReady("main")); err != nil {
				t.Fatal(err)
			}
			if raw := eval[string](t, tab, `(document.querySelector("main").innerText.match(/\b(duty|nav)\.[a-z_.]+/) || [""])[0]`); raw != "" {
				t.Errorf("%s: a word is missing: %s", name, raw)
			}
			if n := eval[int](t, tab, `document.querySelectorAll("h1").length`); n != 1 {
				t.Errorf("%s: %d headings of the page", name, n)
			}
			if wide := eval[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`); wide > 0 {
				t.Errorf("%s %s: %d px wider than its window", name, size, wide)
			}
			if bare := eval[int](t, tab, `[...document.querySelectorAll("main input:not([type=hidden]), main select, main textarea")].filter(e => !e.labels.length && !e.ariaLabel).length`); bare > 0 {
				t.Errorf("%s: %d fields without a label", name, bare)
			}
			if small := eval[string](t, tab, `[...document.querySelectorAll("main .btn, main input:not([type=hidden]):not([type=radio]):not([type=checkbox]), main select, main textarea")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML).join(", ")`); small != "" {
				t.Errorf("%s %s: small targets: %s", name, size, small)
			}
			picture(t, tab, name+"-"+size)
		}
	}
}

func open(t *testing.T, browser context.Context, width int64, scripts bool) context.Context {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tab, stop := context.WithTimeout(tab, time.Minute)
	t.Cleanup(stop)
	if err := chromedp.Do(tab, call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 768, DeviceScaleFactor: 1, Mobile: width < 500}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})); err != nil {
		t.Fatal(err)
	}
	return tab
}

func picture(t *testing.T, tab context.Context, name string) {
	t.Helper()
	dir := os.Getenv("LIENTHONG_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "duty-"+name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, path string) (context.Context, func()) {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	browser, stopBrowser := chromedp.NewContext(alloc)
	if err := chromedp.Do(browser); err != nil {
		stopAlloc()
		t.Fatal(err)
	}
	return browser, func() {
		err := chromedp.Cancel(browser)
		stopBrowser()
		stopAlloc()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("closing the browser: %v", err)
		}
	}
}

func eval[T any](t *testing.T, tab context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(tab, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, c, params)
		return chromedp.Void{}, err
	}
}
