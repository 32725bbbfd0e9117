// Package browsertest looks at pages in headless Chromium, for tests: one browser
// a test, a tab that goes from page to page, and what must be true of every page.
// Where the machine has no Chromium a test is skipped and says so. It is not for
// walking a journey (internal/demo and internal/e2e do), and nothing that is
// delivered imports it.
package browsertest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long a tab may be used.
const patience = 3 * time.Minute

// Start starts a browser that ends with the test. what names, for the reader of a
// log, the pages that nobody looked at where there is no Chromium.
func Start(t *testing.T, what string) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: no chromium on this machine, %s were not looked at in a browser", what)
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "hide-scrollbars"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stopAlloc)
	browser, stopBrowser := chromedp.NewContext(alloc)
	t.Cleanup(stopBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("closing the browser: %v", err)
		}
	})
	return browser
}

// Tab opens a tab, as wide as a desk and without scripts until told otherwise.
func Tab(t *testing.T, browser context.Context) context.Context {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tab, stop := context.WithTimeout(tab, patience)
	t.Cleanup(stop)
	Do(t, tab, Window(1280, 768), Scripts(false))
	return tab
}

// Window is a window of that many CSS pixels; one below 500 is a phone's.
func Window(width, height int64) chromedp.Action[chromedp.Void] {
	return call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
}

// Scripts switches scripts on or off, for pages opened from then on.
func Scripts(on bool) chromedp.Action[chromedp.Void] {
	return call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// Print makes pages look as on paper.
func Print() chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
}

// Cookies are all cookies there are, for the host of a URL; an empty value is none.
func Cookies(url string, values map[string]string) chromedp.Action[chromedp.Void] {
	steps := []chromedp.Action[chromedp.Void]{call(network.ClearBrowserCookies, cdp.Empty{})}
	for name, v := range values {
		if v != "" {
			steps = append(steps, call(network.SetCookie, network.SetCookieParams{Name: name, Value: v, URL: url}))
		}
	}
	return chromedp.Steps(steps...)
}

// Do takes steps in a tab.
func Do(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
}

// Leave leaves the page, which ends what it still asks for: a script may call that
// an error, and none of the next page's.
func Leave(t *testing.T, tab context.Context) {
	t.Helper()
	Do(t, tab, chromedp.Navigate("about:blank"))
}

// Open goes to a page and waits until it is loaded.
func Open(t *testing.T, tab context.Context, url string) {
	t.Helper()
	Do(t, tab, chromedp.Navigate(url), chromedp.WaitReady("main"))
}

// Rest waits until fonts are there and what scripts began at loading has come to
// rest. It takes scripts.
func Rest(t *testing.T, tab context.Context) {
	t.Helper()
	Do(t, tab, chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => new Promise(r => setTimeout(r, 30)))`, chromedp.EvalAwaitPromise))
}

// Eval works a script out in the page.
func Eval[T any](t *testing.T, tab context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(tab, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Picture keeps a picture of the whole page as NAME.png in the folder that
// LIENTHONG_SHOTS names; without one it does nothing.
func Picture(t *testing.T, tab context.Context, name string) {
	t.Helper()
	dir := os.Getenv("LIENTHONG_SHOTS")
	if dir == "" {
		return
	}
	time.Sleep(150 * time.Millisecond) // what moves comes to rest
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// call is one command of the browser's protocol as an action.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, c, params)
		return chromedp.Void{}, err
	}
}
