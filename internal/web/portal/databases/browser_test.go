package databases_test

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
	"github.com/chromedp/chromedp"

	"lienthong/internal/steward"
)

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
	if err := os.WriteFile(filepath.Join(dir, "databases-"+name+".png"), png, 0o644); err != nil {
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

// TestTheRoomsInABrowser looks at each page on a desk, a phone and at 320 px: nothing
// wider than the window but what scrolls in itself, a label for each field, targets
// of 24 px at least. Pictures go to LIENTHONG_SHOTS, else nowhere.
func TestTheRoomsInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the pages of databases were not looked at in a browser")
	}
	p := newPlace(t)
	p.send("/databases/food-safety/imports", 200, map[string]string{"file:bep.csv": "Số giấy chứng nhận,Tên,Loại hình,Mã tỉnh,Ngày cấp,Ngày hết hạn\nATTP-0001,Bếp ăn Hoa Sen,kitchen,01,2026-01-05,2029-01-05\nATTP-0002,Nhà hàng Sông Quê,restaurant,24,2026-02-05,2025-01-01\n"})
	imports, err := p.desk.List(t.Context(), stewardOf(p), "food-safety", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.post("/databases/food-safety/entries/new", 200, map[string][]string{"v.number": {"ATTP-0009"}, "v.name": {"Bếp ăn Trường Mầm non Ánh Dương"}, "v.kind": {"kitchen"}, "v.province": {"79"}, "v.granted": {"2026-03-01"}, "v.expires": {"2029-03-01"}})
	browser, stop := start(t, chromium)
	defer stop()
	for name, path := range map[string]string{"list": "/databases", "one": "/databases/food-safety", "entries": "/databases/food-safety/entries", "form": "/databases/food-safety/entries/new",
		"declare": "/databases/new?from=food-safety", "imports": "/databases/food-safety/imports", "import": "/databases/food-safety/imports/" + imports[0].ID} {
		for size, width := range map[string]int64{"desk": 1280, "narrow": 320} {
			tab := open(t, browser, width, false)
			if err := chromedp.Do(tab, chromedp.Navigate(p.url+path), chromedp.WaitReady("main")); err != nil {
				t.Fatal(err)
			}
			if wide := eval[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`); wide > 0 {
				t.Errorf("%s %s: %d px wider than its window", name, size, wide)
			}
			if bare := eval[int](t, tab, `[...document.querySelectorAll("main input:not([type=hidden]), main select, main textarea")].filter(e => !e.labels.length).length`); bare > 0 {
				t.Errorf("%s: %d fields without a label", name, bare)
			}
			if small := eval[string](t, tab, `[...document.querySelectorAll("main .btn, main input:not([type=hidden]):not([type=radio]):not([type=checkbox]), main select, main textarea")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML).join(", ")`); small != "" {
				t.Errorf("%s %s: small targets: %s", name, size, small)
			}
			picture(t, tab, name+"-"+size)
		}
	}
}

func stewardOf(p *place) steward.Who { return steward.Who{Role: p.who, Name: p.who.String()} }
