package portal_test

import (
	"context"
	"errors"
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
)

type shot struct{ name, role, path string }

// TestEveryRoomInABrowser opens each room in headless Chromium, light and
// dark, on a laptop and on a phone. It fails on an error in the console, on a
// page wider than its window and on a page without exactly one h1. Pictures go
// to LIENTHONG_SHOTS, else to out/shots at the root of the repository.
func TestEveryRoomInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the portal was not looked at in a browser")
	}
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
	dir := shotsDir(t)
	browser, stop := startBrowser(t, chromium)
	defer stop()
	for _, s := range shots {
		for _, look := range []look{{"laptop-light", "light", "vi", 1366, 768}, {"laptop-dark", "dark", "en", 1366, 768}, {"phone-light", "light", "vi", 390, 844}} {
			t.Run(s.name+"/"+look.tag, func(t *testing.T) {
				tab := visit(t, browser, srv.URL, s, look)
				picture(t, tab, filepath.Join(dir, s.name+"-"+look.tag+".png"))
			})
		}
	}
	t.Run("wall", func(t *testing.T) {
		tab := visit(t, browser, srv.URL, shot{"wall", "ministry", "/overview?wall=1"}, look{"wall", "dark", "vi", 1920, 1080})
		if over := evaluate[int](t, tab, `Math.max(0, document.documentElement.scrollHeight - innerHeight)`); over > 0 {
			t.Errorf("the wall scrolls by %d px", over)
		}
		picture(t, tab, filepath.Join(dir, "wall-dark.png"))
	})
	t.Run("narrow", func(t *testing.T) {
		for _, s := range shots { // 320 px: WCAG 2.2, 1.4.10 reflow
			t.Run(s.name, func(t *testing.T) { visit(t, browser, srv.URL, s, look{"narrow", "light", "en", 320, 640}) })
		}
	})
	t.Run("without scripts", func(t *testing.T) {
		tab := visit(t, browser, srv.URL, shots[0], look{"plain", "light", "vi", 1366, 768},
			call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
		picture(t, tab, filepath.Join(dir, "overview-without-scripts.png"))
	})
	t.Run("print", func(t *testing.T) {
		media := "print"
		tab := visit(t, browser, srv.URL, shot{"print", "facility:22000", record}, look{"print", "dark", "vi", 794, 1123},
			call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media}))
		picture(t, tab, filepath.Join(dir, "record-print.png"))
	})
	t.Run("live", func(t *testing.T) {
		refresh(t, visit(t, browser, srv.URL, shots[0], look{"live", "light", "vi", 1366, 768}))
	})
	t.Run("upload", func(t *testing.T) {
		sendFile(t, visit(t, browser, srv.URL, shots[10], look{"upload", "light", "vi", 1366, 768}), w, dir)
	})
}

type look struct {
	tag, theme, lang string
	width, height    int64
}

// visit opens a page in a tab of its own and checks what must hold of every page.
func visit(t *testing.T, browser context.Context, url string, s shot, l look, first ...chromedp.Action[chromedp.Void]) context.Context {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	problems := listen(t, tab)
	t.Cleanup(func() {
		for _, p := range problems() {
			t.Errorf("%s: console: %s", s.path, p)
		}
	})
	tab, stop := context.WithTimeout(tab, time.Minute)
	t.Cleanup(stop)
	steps := append([]chromedp.Action[chromedp.Void]{call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500}),
		cookies(url, map[string]string{"test-role": s.role, "theme": l.theme, "lang": l.lang})}, first...)
	steps = append(steps, chromedp.Navigate(url+s.path), chromedp.WaitReady("main"))
	if len(first) == 0 || l.tag == "print" { // without scripts there is no waiting in the page
		steps = append(steps, chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => new Promise(r => setTimeout(r, 150)))`, chromedp.EvalAwaitPromise))
	}
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
	if wide := evaluate[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`); wide > 0 {
		t.Errorf("%s is %d px wider than its window of %d", s.path, wide, l.width)
	}
	if n := evaluate[int](t, tab, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%s has %d h1", s.path, n)
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

// refresh fetches the boards again, as happens every ten seconds: still one
// chart, and the state sentence stays in its place.
func refresh(t *testing.T, tab context.Context) {
	t.Helper()
	if !evaluate[bool](t, tab, `!!window.htmx`) {
		t.Skip("SKIPPED LOUDLY: asset/dist is not built (make assets), pages were looked at without scripts")
	}
	err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](`new Promise(r => { document.addEventListener("htmx:afterSettle", () => setTimeout(r, 100), {once: true});
		htmx.ajax("GET", "/overview/live", {target: "#live", swap: "innerHTML", source: "#live"}) })`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if n := evaluate[int](t, tab, `document.querySelectorAll(".lt-chart-live svg").length`); n != 1 {
		t.Errorf("%d charts after a refresh", n)
	}
	if n := evaluate[int](t, tab, `document.querySelectorAll("#state").length`); n != 1 {
		t.Errorf("%d state sentences after a refresh", n)
	}
}

// sendFile goes the two steps of the upload room.
func sendFile(t *testing.T, tab context.Context, w *world, dir string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hoso.xml")
	if err := os.WriteFile(file, []byte("<GIAMDINHHS/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Do(tab, chromedp.SetUploadFiles(chromedp.ID("file"), []string{file}), chromedp.Click(chromedp.CSS("form[data-drop] button")), chromedp.WaitReady(chromedp.ID("u-result")))
	if err != nil {
		t.Fatal(err)
	}
	picture(t, tab, filepath.Join(dir, "upload-checked.png"))
	if w.sent != 0 {
		t.Error("checking sent the file")
	}
	if err := chromedp.Do(tab, chromedp.Click(chromedp.CSS("form[action='/upload/send'] button")), chromedp.WaitReady(chromedp.ID("u-sent"))); err != nil {
		t.Fatal(err)
	}
	if w.sent != 1 {
		t.Errorf("%d files were sent", w.sent)
	}
	picture(t, tab, filepath.Join(dir, "upload-sent.png"))
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
		err := chromedp.Cancel(browser)
		stopBrowser()
		stopAlloc()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("closing the browser: %v", err)
		}
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

func cookies(url string, values map[string]string) chromedp.Action[chromedp.Void] {
	steps := []chromedp.Action[chromedp.Void]{call(network.ClearBrowserCookies, cdp.Empty{})}
	for name, v := range values {
		if v != "" {
			steps = append(steps, call(network.SetCookie, network.SetCookieParams{Name: name, Value: v, URL: url}))
		}
	}
	return chromedp.Steps(steps...)
}

func shotsDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LIENTHONG_SHOTS")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "out", "shots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
