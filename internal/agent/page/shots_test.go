package page_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"lienthong/internal/fault"
	"lienthong/internal/manifest"
)

type look struct {
	tag, theme, lang string
	width, height    int64
	plain            bool // without scripts
}

// TestEveryPageInABrowser opens each page in headless Chromium in both
// languages, on a desktop and on a phone, and each without scripts. It fails on
// an error in the console, on a page wider than its window and on a page without
// exactly one h1. Pictures go to LIENTHONG_SHOTS, else to out/shots at the root.
func TestEveryPageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the agent's pages were not looked at in a browser")
	}
	w := setup(t, way{pin: true})
	rejected, accepted := shownDay(w)
	srv := httptest.NewServer(w.page)
	t.Cleanup(srv.Close)
	pages := [][2]string{{"today", "/"}, {"rejects", "/rejects?code=time.order"}, {"files", "/files"}, {"file-rejected", "/files/" + rejected}, {"file-accepted", "/files/" + accepted},
		{"receipts", "/receipts?day=2026-11-22"}, {"check", "/check"}, {"days", "/days"}, {"day", "/days/20261122"}, {"settings", "/settings"}}
	dir := shotsDir(t)
	browser, stop := startBrowser(t, chromium)
	defer stop()
	for _, l := range []look{{"desktop-vi", "light", "vi", 1280, 800, false}, {"desktop-en", "dark", "en", 1280, 800, false}, {"phone-vi", "light", "vi", 390, 844, false},
		{"narrow-en", "light", "en", 320, 640, false}, {"plain-vi", "light", "vi", 1280, 800, true}} {
		for _, p := range pages {
			t.Run(p[0]+"/"+l.tag, func(t *testing.T) {
				tab := w.visit(t, browser, srv.URL, p[1], l)
				picture(t, tab, filepath.Join(dir, "agent-"+p[0]+"-"+l.tag+".png"))
			})
		}
	}
	t.Run("closed", func(t *testing.T) {
		cookie := w.cookie
		defer func() { w.cookie = cookie }()
		w.cookie = nil
		at := w.at
		w.at = ""
		defer func() { w.at = at }()
		tab := w.visit(t, browser, srv.URL, "/", look{"closed", "light", "vi", 1280, 800, false})
		picture(t, tab, filepath.Join(dir, "agent-closed.png"))
	})
	t.Run("live", func(t *testing.T) {
		refreshed(t, w.visit(t, browser, srv.URL, "/", look{"live", "light", "vi", 1280, 800, false}), w.at)
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
	if !evaluate[bool](t, tab, `!!window.htmx`) {
		t.Skip("SKIPPED LOUDLY: asset/dist is not built (make assets), pages were looked at without scripts")
	}
	if err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](`new Promise(r => { document.addEventListener("htmx:afterSettle", () => setTimeout(r, 100), {once: true});
		htmx.ajax("GET", "`+at+`/live", {target: "#live", swap: "innerHTML", source: "#live"}) })`, chromedp.EvalAwaitPromise)); err != nil {
		t.Fatal(err)
	}
	if n := evaluate[int](t, tab, `document.querySelectorAll("#live .lt-kpi").length`); n != 4 {
		t.Errorf("%d tiles after a refresh", n)
	}
}

// visit opens a page in a tab of its own and checks what must hold of every page.
func (w *world) visit(t *testing.T, browser context.Context, url, path string, l look) context.Context {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	problems := listen(t, tab)
	t.Cleanup(func() {
		for _, p := range problems() {
			t.Errorf("%s: console: %s", path, p)
		}
	})
	tab, stop := context.WithTimeout(tab, time.Minute)
	t.Cleanup(stop)
	steps := []chromedp.Action[chromedp.Void]{call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500}),
		call(network.ClearBrowserCookies, cdp.Empty{}),
		call(network.SetCookie, network.SetCookieParams{Name: "lang", Value: l.lang, URL: url}), call(network.SetCookie, network.SetCookieParams{Name: "theme", Value: l.theme, URL: url})}
	if w.cookie != nil {
		steps = append(steps, call(network.SetCookie, network.SetCookieParams{Name: w.cookie.Name, Value: w.cookie.Value, URL: url}))
	}
	if l.plain {
		steps = append(steps, call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	}
	steps = append(steps, chromedp.Navigate(url+w.at+path), chromedp.WaitReady("main"))
	if !l.plain {
		steps = append(steps, chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => new Promise(r => setTimeout(r, 100)))`, chromedp.EvalAwaitPromise))
	}
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
	if wide := evaluate[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`); wide > 0 {
		t.Errorf("%s is %d px wider than its window of %d", path, wide, l.width)
	}
	if n := evaluate[int](t, tab, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%s has %d h1", path, n)
	}
	return tab
}

func picture(t *testing.T, tab context.Context, file string) {
	t.Helper()
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func startBrowser(t *testing.T, path string) (context.Context, func()) {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "hide-scrollbars"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	browser, stopBrowser := chromedp.NewContext(alloc)
	if err := chromedp.Do(browser); err != nil {
		stopAlloc()
		t.Fatal(err)
	}
	return browser, func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Logf("closing the browser: %v", err)
		}
		stopBrowser()
		stopAlloc()
	}
}

func evaluate[T any](t *testing.T, tab context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(tab, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// call is one command of the browser's protocol as an action.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, c, params)
		return chromedp.Void{}, err
	}
}

// listen gathers errors of the console, uncaught exceptions and blocked loads.
func listen(t *testing.T, tab context.Context) func() []string {
	t.Helper()
	var mu sync.Mutex
	var list []string
	err := chromedp.Listen(tab, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError || strings.Contains(e.Entry.Text, "Content Security Policy") {
				list = append(list, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				list = append(list, fmt.Sprint(e.Args))
			}
		case *runtime.EventExceptionThrown:
			list = append(list, e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), list...)
	}
}

func shotsDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LIENTHONG_SHOTS")
	if dir == "" {
		root, err := filepath.Abs("../../..")
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(root, "out", "shots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
