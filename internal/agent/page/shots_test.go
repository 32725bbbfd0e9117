package page_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"lienthong/internal/fault"
	"lienthong/internal/manifest"
	"lienthong/internal/web/browsertest"
)

type look struct {
	tag, theme, lang string
	width, height    int64
	plain            bool // without scripts
}

// TestEveryPageInABrowser opens each page in headless Chromium in both
// languages, on a desktop and on a phone, and each without scripts. It fails on
// an error in the console, on a page wider than its window and on a page without
// exactly one h1. Pictures go to LIENTHONG_SHOTS, else nowhere.
func TestEveryPageInABrowser(t *testing.T) {
	browser := browsertest.Start(t, "the agent's pages")
	w := setup(t, way{pin: true})
	rejected, accepted := shownDay(w)
	srv := httptest.NewServer(w.page)
	t.Cleanup(srv.Close)
	pages := [][2]string{{"today", "/"}, {"rejects", "/rejects?code=time.order"}, {"files", "/files"}, {"file-rejected", "/files/" + rejected}, {"file-accepted", "/files/" + accepted},
		{"receipts", "/receipts?day=2026-11-22"}, {"check", "/check"}, {"days", "/days"}, {"day", "/days/20261122"}, {"settings", "/settings"}}
	for _, l := range []look{{"desktop-vi", "light", "vi", 1280, 800, false}, {"desktop-en", "dark", "en", 1280, 800, false}, {"phone-vi", "light", "vi", 390, 844, false},
		{"narrow-en", "light", "en", 320, 640, false}, {"plain-vi", "light", "vi", 1280, 800, true}} {
		t.Run(l.tag, func(t *testing.T) {
			v := w.viewer(t, browser, srv.URL, l)
			for _, p := range pages {
				v.visit(p[1])
				browsertest.Picture(t, v.tab, "agent-"+p[0]+"-"+l.tag)
			}
		})
	}
	t.Run("live", func(t *testing.T) {
		v := w.viewer(t, browser, srv.URL, look{"live", "light", "vi", 1280, 800, false})
		v.visit("/")
		refreshed(t, v.tab, w.at)
	})
	t.Run("closed", func(t *testing.T) {
		w.cookie, w.at = nil, ""
		v := w.viewer(t, browser, srv.URL, look{"closed", "light", "vi", 1280, 800, false})
		v.visit("/")
		browsertest.Picture(t, v.tab, "agent-closed")
	})
}

// shownDay is a busy day with a comparison that differs and notices.
func shownDay(w *world) (rejected, accepted string) {
	r, _, a := busyDay(w)
	w.station.Note("watch.half_written", fault.Text{VI: "Tệp trong thư mục còn đang được ghi; trạm gửi chờ cho đến khi ghi xong.", EN: "A file in the folder is still being written; the agent waits until it is done."}, 3)
	w.mu.Lock()
	w.held = []manifest.Held{{Kind: "qd4750", File: [32]byte{9}, Record: "24S00-0000000000000000000000000Z", Accepted: true}}
	w.mu.Unlock()
	w.post("/days", "day", "2026-11-22")
	return string(r.Ref), string(a.Ref)
}

// refreshed fetches the day again, as happens every ten seconds.
func refreshed(t *testing.T, tab context.Context, at string) {
	t.Helper()
	if !browsertest.Eval[bool](t, tab, `!!window.htmx`) {
		t.Skip("SKIPPED LOUDLY: asset/dist is not built (make assets), pages were looked at without scripts")
	}
	browsertest.Do(t, tab, chromedp.Evaluate[chromedp.Void](`new Promise(r => { document.addEventListener("htmx:afterSettle", () => setTimeout(r, 100), {once: true});
		htmx.ajax("GET", "`+at+`/live", {target: "#live", swap: "innerHTML", source: "#live"}) })`, chromedp.EvalAwaitPromise))
	if n := browsertest.Eval[int](t, tab, `document.querySelectorAll("#live .lt-kpi").length`); n != 4 {
		t.Errorf("%d tiles after a refresh", n)
	}
}

// viewer is a tab that pages are looked at in, one after the other.
type viewer struct {
	t        *testing.T
	tab      context.Context
	base     string
	plain    bool
	problems func() []string
}

func (w *world) viewer(t *testing.T, browser context.Context, url string, l look) *viewer {
	t.Helper()
	tab := browsertest.Tab(t, browser)
	v := &viewer{t: t, tab: tab, base: url + w.at, plain: l.plain, problems: browsertest.Problems(t, tab)}
	cookies := map[string]string{"lang": l.lang, "theme": l.theme}
	if w.cookie != nil {
		cookies[w.cookie.Name] = w.cookie.Value
	}
	browsertest.Do(t, tab, browsertest.Window(l.width, l.height), browsertest.Scripts(!l.plain), browsertest.Cookies(url, cookies))
	return v
}

// visit opens a page and checks what must hold of every page.
func (v *viewer) visit(path string) {
	v.t.Helper()
	browsertest.Leave(v.t, v.tab)
	v.problems() // of the page before, since it was looked at
	browsertest.Open(v.t, v.tab, v.base+path)
	if !v.plain {
		browsertest.Rest(v.t, v.tab)
	}
	browsertest.Fits(v.t, v.tab, path)
	browsertest.Headed(v.t, v.tab, path)
	for _, p := range v.problems() {
		v.t.Errorf("%s: console: %s", path, p)
	}
}
