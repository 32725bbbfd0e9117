package portal_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"lienthong/internal/web/browsertest"
)

type shot struct{ name, role, path string }

// TestEveryRoomInABrowser opens each room in headless Chromium, light and
// dark, on a laptop and on a phone. It fails on an error in the console, on a
// page wider than its window and on a page without exactly one h1. Pictures go
// to LIENTHONG_SHOTS, else nowhere.
func TestEveryRoomInABrowser(t *testing.T) {
	browser := browsertest.Start(t, "the rooms of the portal")
	h, w := setup(t)
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	record := "/records/" + w.rows[2].ID.String()
	shots := []shot{
		{"overview", "ministry", "/overview"}, {"provinces", "ministry", "/provinces"}, {"how", "ministry", "/how"},
		{"facilities", "province:25", "/facilities"}, {"messages", "operator", "/messages?state=accepted_with_warnings&day=20260714"},
		{"refused", "operator", "/refused"}, {"record", "facility:22000", record}, {"record-closed", "operator", record},
		{"today", "facility:22000", "/today"}, {"rejects", "facility:22000", "/rejects"}, {"upload", "facility:22000", "/upload"},
		{"legs", "operator", "/legs?state=parked"}, {"moves", "operator", "/legs/acts"}, {"move", "operator", "/legs/acts/m1"}, {"overview-operator", "operator", "/overview"},
		{"reconciliation", "facility:22000", "/reconciliation"}, {"enrolments", "operator", "/enrolments"}, {"alarms", "operator", "/alarms"}, {"software", "ministry", "/software"},
		{"access", "auditor", "/access"}, {"acts", "auditor", "/acts"}, {"login", "", "/login?token=good"}, {"try", "", "/try"},
	}
	for _, l := range []look{{"laptop-light", "light", "vi", 1366, 768}, {"laptop-dark", "dark", "en", 1366, 768}, {"phone-light", "light", "vi", 390, 844}, {"narrow", "light", "en", 320, 640}} {
		t.Run(l.tag, func(t *testing.T) { // 320 px: WCAG 2.2, 1.4.10 reflow
			v := viewing(t, browser, srv.URL)
			for _, s := range shots {
				v.visit(s, l, true)
				browsertest.Picture(t, v.tab, s.name+"-"+l.tag)
			}
		})
	}
	t.Run("wall", func(t *testing.T) {
		v := viewing(t, browser, srv.URL)
		v.visit(shot{"wall", "ministry", "/overview?wall=1"}, look{"wall", "dark", "vi", 1920, 1080}, true)
		if over := browsertest.Eval[int](t, v.tab, `Math.max(0, document.documentElement.scrollHeight - innerHeight)`); over > 0 {
			t.Errorf("the wall scrolls by %d px", over)
		}
		browsertest.Picture(t, v.tab, "wall-dark")
	})
	t.Run("without scripts", func(t *testing.T) {
		v := viewing(t, browser, srv.URL)
		v.visit(shots[0], look{"plain", "light", "vi", 1366, 768}, false)
		browsertest.Picture(t, v.tab, "overview-without-scripts")
	})
	t.Run("print", func(t *testing.T) {
		v := viewing(t, browser, srv.URL)
		browsertest.Do(t, v.tab, browsertest.Print())
		v.visit(shot{"print", "facility:22000", record}, look{"print", "dark", "vi", 794, 1123}, true)
		browsertest.Picture(t, v.tab, "record-print")
	})
	t.Run("live", func(t *testing.T) {
		v := viewing(t, browser, srv.URL)
		v.visit(shots[0], look{"live", "light", "vi", 1366, 768}, true)
		refresh(t, v.tab)
		v.visit(shots[10], look{"upload", "light", "vi", 1366, 768}, true)
		sendFile(t, v.tab, w)
	})
}

type look struct {
	tag, theme, lang string
	width, height    int64
}

// viewer is a tab that pages are looked at in, one after the other.
type viewer struct {
	t        *testing.T
	tab      context.Context
	base     string
	problems func() []string
}

func viewing(t *testing.T, browser context.Context, url string) *viewer {
	t.Helper()
	tab := browsertest.Tab(t, browser)
	return &viewer{t, tab, url, browsertest.Problems(t, tab)}
}

// visit opens a page and checks what must hold of every page.
func (v *viewer) visit(s shot, l look, scripts bool) {
	v.t.Helper()
	browsertest.Leave(v.t, v.tab)
	v.problems() // of the page before, since it was looked at
	browsertest.Do(v.t, v.tab, browsertest.Window(l.width, l.height), browsertest.Scripts(scripts),
		browsertest.Cookies(v.base, map[string]string{"test-role": s.role, "theme": l.theme, "lang": l.lang}))
	browsertest.Open(v.t, v.tab, v.base+s.path)
	if scripts {
		browsertest.Rest(v.t, v.tab)
	}
	name := s.name + "-" + l.tag
	browsertest.Fits(v.t, v.tab, name)
	browsertest.Headed(v.t, v.tab, name)
	for _, p := range v.problems() {
		v.t.Errorf("%s: console: %s", name, p)
	}
}

// refresh fetches the boards again, as happens every ten seconds: still one
// chart, and the state sentence stays in its place.
func refresh(t *testing.T, tab context.Context) {
	t.Helper()
	if !browsertest.Eval[bool](t, tab, `!!window.htmx`) {
		t.Skip("SKIPPED LOUDLY: asset/dist is not built (make assets), pages were looked at without scripts")
	}
	err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](`new Promise(r => { document.addEventListener("htmx:afterSettle", () => setTimeout(r, 100), {once: true});
		htmx.ajax("GET", "/overview/live", {target: "#live", swap: "innerHTML", source: "#live"}) })`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if n := browsertest.Eval[int](t, tab, `document.querySelectorAll(".lt-chart-live svg").length`); n != 1 {
		t.Errorf("%d charts after a refresh", n)
	}
	if n := browsertest.Eval[int](t, tab, `document.querySelectorAll("#state").length`); n != 1 {
		t.Errorf("%d state sentences after a refresh", n)
	}
}

// sendFile goes the two steps of the upload room.
func sendFile(t *testing.T, tab context.Context, w *world) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hoso.xml")
	if err := os.WriteFile(file, []byte("<GIAMDINHHS/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Do(tab, chromedp.SetUploadFiles(chromedp.ID("file"), []string{file}), chromedp.Click(chromedp.CSS("form[data-drop] button")), chromedp.WaitReady(chromedp.ID("u-result")))
	if err != nil {
		t.Fatal(err)
	}
	browsertest.Picture(t, tab, "upload-checked")
	if w.sent != 0 {
		t.Error("checking sent the file")
	}
	if err := chromedp.Do(tab, chromedp.Click(chromedp.CSS("form[action='/upload/send'] button")), chromedp.WaitReady(chromedp.ID("u-sent"))); err != nil {
		t.Fatal(err)
	}
	if w.sent != 1 {
		t.Errorf("%d files were sent", w.sent)
	}
	browsertest.Picture(t, tab, "upload-sent")
}
