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
		{"access", "auditor", "/access"}, {"acts", "auditor", "/acts"}, {"login", "", "/login?token=good"}, {"try", "", "/try"},
	}
	dir := shotsDir(t)
	browser, stop := startBrowser(t, chromium)
	defer stop()
	for _, s := range shots {
		for _, look := range []struct {
			tag, theme, lang string
			width, height    int64
		}{{"laptop-light", "light", "vi", 1366, 768}, {"laptop-dark", "dark", "en", 1366, 768}, {"phone-light", "light", "vi", 390, 844}} {
			t.Run(s.name+"/"+look.tag, func(t *testing.T) {
				tab, cancel := chromedp.NewContext(browser)
				defer cancel()
				problems := listen(t, tab)
				tab, stop := context.WithTimeout(tab, time.Minute)
				defer stop()
				err := chromedp.Do(tab, call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}),
					call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
						Width: look.width, Height: look.height, DeviceScaleFactor: 1, Mobile: look.width < 500}),
					cookies(srv.URL, map[string]string{"test-role": s.role, "theme": look.theme, "lang": look.lang}),
					chromedp.Navigate(srv.URL+s.path), chromedp.WaitReady("main"),
					chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => new Promise(r => setTimeout(r, 150)))`, chromedp.EvalAwaitPromise))
				if err != nil {
					t.Fatal(err)
				}
				wide := evaluate[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`)
				headings := evaluate[int](t, tab, `document.querySelectorAll("h1").length`)
				png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range problems() {
					t.Errorf("console: %s", p)
				}
				if wide > 0 {
					t.Errorf("the page is %d px wider than its window", wide)
				}
				if headings != 1 {
					t.Errorf("%d h1", headings)
				}
				if err := os.WriteFile(filepath.Join(dir, s.name+"-"+look.tag+".png"), png, 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
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
