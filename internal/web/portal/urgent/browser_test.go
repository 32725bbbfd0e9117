package urgent_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestTheRoomInABrowser looks at each step on a tablet, a phone and at 320 px:
// nothing wider than the window, targets of 52 px, one h1; and goes from the
// first press to the set with scripts switched off. Pictures go to
// LIENTHONG_SHOTS, else nowhere.
func TestTheRoomInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the emergency pages were not looked at in a browser")
	}
	browser, stop := start(t, chromium)
	defer stop()
	w := newWard(t)
	w.known.Name = "Hà"
	s := w.serve(t)
	ref := "/emergency/at/" + w.Path("")
	for name, path := range map[string]string{"start": "/emergency", "who": ref, "candidates": ref + "/candidates", "confirm": ref + "/confirm?who=" + strings.Repeat("a", 32), "set": "/emergency/set/07" + strings.Repeat("0", 30)} {
		for size, width := range map[string]int64{"tablet": 1024, "phone": 390, "narrow": 320} {
			tab := open(t, browser, width, true)
			if err := chromedp.Do(tab, chromedp.Navigate(s.URL+path), chromedp.WaitReady("main")); err != nil {
				t.Fatal(err)
			}
			if wide := eval[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`); wide > 0 {
				t.Errorf("%s %s: %d px wider than its window", name, size, wide)
			}
			if n := eval[int](t, tab, `document.querySelectorAll("h1").length`); n != 1 {
				t.Errorf("%s: %d h1", name, n)
			}
			small := eval[string](t, tab, `[...document.querySelectorAll(".lt-er .btn, .lt-er input:not([type=hidden]):not([type=radio]):not([type=checkbox]), .lt-er select, .lt-er textarea, .lt-er summary, .lt-er-check, .lt-er-candidate, .lt-er-list a")]
				.filter(e => e.offsetParent && e.getBoundingClientRect().height < 52).map(e => e.className + " " + e.getBoundingClientRect().height).join(", ")`)
			if small != "" {
				t.Errorf("%s %s: targets under 52 px: %s", name, size, small)
			}
			picture(t, tab, name+"-"+size)
		}
	}
	t.Run("without scripts", func(t *testing.T) { journey(t, open(t, browser, 1024, false), newWard(t)) })
}

// journey goes the four steps by the pages alone.
func journey(t *testing.T, tab context.Context, w *ward) {
	s := w.serve(t)
	began := time.Now()
	step := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(tab, actions...); err != nil {
			t.Fatal(err)
		}
	}
	step(chromedp.Navigate(s.URL+"/emergency"), chromedp.Click(chromedp.CSS(`form[action="/emergency"] button`)), chromedp.WaitReady(chromedp.ID("er-relative")))
	step(chromedp.SendKeys(chromedp.ID("er-relative"), "0912345318"), chromedp.SendKeys(chromedp.ID("er-name"), "Hà"), chromedp.Click(chromedp.CSS(`form[action$="/search"].lt-er-form button`)), chromedp.WaitReady(chromedp.ID("er-c0")))
	step(chromedp.Click(chromedp.ID("er-c0")), chromedp.Click(chromedp.CSS(`form[action$="/confirm"] button`)), chromedp.WaitReady(chromedp.ID("er-words")))
	step(chromedp.Click(chromedp.ID("er-k0")), chromedp.Click(chromedp.ID("er-k1")), chromedp.Click(chromedp.ID("er-r0")),
		chromedp.SendKeys(chromedp.ID("er-words"), "bất tỉnh, không giấy tờ"), chromedp.Click(chromedp.CSS(`form[action$="/open"] button`)), chromedp.WaitReady(chromedp.CSS(".lt-er-set")))
	t.Logf("from the first page to the emergency set: %s, 4 pages, without scripts", time.Since(began).Round(time.Millisecond))
	if !w.opened || len(w.glass.Confirmed) != 2 || w.glass.Reason != "unconscious" {
		t.Errorf("%+v", w.glass)
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
	if err := os.WriteFile(filepath.Join(dir, "emergency-"+name+".png"), png, 0o644); err != nil {
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
