package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"lienthong/internal/consent"
	"lienthong/internal/store"
	"lienthong/internal/web/browsertest"
)

// TestACitizenWalksOnAPhone is journey 6 on a screen of 390 px, and every page of
// citizens held against axe-core, in large type and at 320 px. The time is
// printed. Pictures go to LIENTHONG_SHOTS where that is set.
func TestACitizenWalksOnAPhone(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, journey 6 was not walked in a browser")
	}
	t.Parallel()
	walks(t, func(t *testing.T, w *world) {
		person, record, _ := w.treated("079990888351")
		other := newVisit().set("XML1", "SO_CCCD", "079990888351").set("XML1", "HO_TEN", "TRẦN THỊ THU HÀ").set("XML1", "CHAN_DOAN_RV", "Viêm phổi").set("XML1", "MA_BENH_CHINH", "J18.9")
		w.one("79901", ours(pairs().ec, envelope(other)), "accepted")
		reader := clinicianAt("79902", w.opening(person, "79902", nil))
		glass := reader
		glass.Opening = w.opening(person, "79902", func(o *consent.Opening) { o.Basis, o.Reason = "emergency", "khó thở, lơ mơ" })
		must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))
		w.clock.Advance(time.Hour)
		must(w.hub.Disclose.EmergencySet(w.ctx, glass, person))
		me := w.citizen(person, w.clock.Now())
		browser, stop := phone(t, chromium)
		defer stop()
		tab := me.tab(t, browser, 390)
		began := time.Now()
		me.walk(t, tab, "/me/choices")
		ask[bool](t, tab, `document.querySelector("main").insertAdjacentHTML("beforeend", '<p id=wide class=lt-nums>' + "0".repeat(400) + '</p>') === undefined`)
		if browsertest.Wide(t, tab) == 0 {
			t.Error("the control: a line of 400 digits fits on a phone")
		}
		ask[bool](t, tab, `document.getElementById("wide").remove() === undefined`)
		press(t, tab, `a[href="/me/choices/new?what=visit"]`, `input[name=visit]`)
		press(t, tab, `input[name=visit][value="`+record+`"]`, `#try`)
		if err := chromedp.Do(tab, chromedp.SendKeys(chromedp.ID("try"), "79902")); err != nil {
			t.Fatal(err)
		}
		press(t, tab, `form[action="/me/choices/preview"] button`, `form[action="/me/choices/close"]`)
		shot(t, tab, "me-preview")
		press(t, tab, `form[action="/me/choices/close"] button`, `form[action="/me/choices/end"]`)
		t.Logf("journey 6 on a phone, from choices to a closed visit: %s", time.Since(began).Round(time.Millisecond))
		if n := len(must(w.hub.Disclose.Person(w.ctx, reader, person, store.Filter{}))); n != 1 {
			t.Errorf("the second hospital lists %d of the two visits after one was closed", n)
		}
		_, _, page := me.ask(http.MethodPost, "/me/share", url.Values{"record": {record}, "pin": {"482913"}, "hours": {"24"}, "label": {"Cho bác sĩ Lan"}})
		first(t, uriOf, page)
		request := me.goes("/me/requests", url.Values{"kind": {"request.see"}, "text": {"Cho tôi bản sao"}})
		look := must2(w.hub.Slices.Disclosures.OfPerson(w.ctx, person, store.DisclosureFilter{Limit: 1}))
		me.goes("/me/own/edit", entryForm("Tôm hùm đất, nổi mẩn"))
		me.goes("/me/own/edit", entryForm("Tôm hùm đất, nổi mẩn khắp người\nPenicillin"))
		pages := []string{"/me/own", "/me/own/edit", "/me", "/me/private", "/me/health", "/me/records/" + record, "/me/papers", "/me/looks", "/me/looks?all=1&only=own", "/me/looks/" + strconv.FormatInt(look[0].ID, 10), "/me/choices?try=79902",
			"/me/choices/new?what=visit", "/me/choices/new?what=place", "/me/choices/new?what=kind", "/me/choices/new?what=permit", "/me/choices/new?what=emergency", "/me/choices/new?what=research",
			"/me/share", "/me/download", "/me/requests", request}
		for _, path := range pages {
			me.walk(t, tab, path)
			axe(t, tab, path)
			if red := ask[int](t, tab, `document.querySelectorAll(".lt-look-red").length`); path == "/me/looks" && red != 1 {
				t.Errorf("%d looks are marked as emergencies, want one", red)
			}
			if strings.HasPrefix(path, "/me/records/") {
				path = "/me/record"
			}
			shot(t, tab, strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(strings.TrimPrefix(path, "/")))
		}
		narrow := me.tab(t, browser, 320)
		large := call(network.SetCookie, network.SetCookieParams{Name: "type", Value: "large", URL: w.server.URL})
		if err := chromedp.Do(narrow, large); err != nil {
			t.Fatal(err)
		}
		for _, path := range pages {
			me.walk(t, narrow, path)
		}
		shot(t, narrow, "me-large")
	}, public)
}

func must2[T any](v T, _ bool, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// tab is a tab of a screen of that width, with the person's session.
func (c *clinician) tab(t *testing.T, browser context.Context, width int64) context.Context {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tab, stop := context.WithTimeout(tab, 3*time.Minute)
	t.Cleanup(stop)
	steps := []chromedp.Action[chromedp.Void]{call(network.Enable, network.EnableParams{}), call(network.ClearBrowserCookies, cdp.Empty{}),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1, Mobile: true})}
	at := must(url.Parse(c.w.server.URL))
	for _, cookie := range c.http.Jar.Cookies(at) {
		steps = append(steps, call(network.SetCookie, network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: at.String()}))
	}
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
	return tab
}

// walk opens a page and checks what holds of every page on a phone.
func (c *clinician) walk(t *testing.T, tab context.Context, path string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Navigate(c.w.server.URL+path), chromedp.WaitReady("main")); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if n := ask[int](t, tab, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%s has %d h1", path, n)
	}
	browsertest.Fits(t, tab, path)
	if at := ask[string](t, tab, `location.pathname`); !strings.HasPrefix(path, at) {
		t.Errorf("%s led to %s", path, at)
	}
	small := ask[string](t, tab, `[...document.querySelectorAll("main button, main .btn, .lt-nav a, main select, main input:not([type=hidden]):not([type=checkbox]):not([type=radio])")].filter(e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height < 43.5 }).map(e => e.outerHTML.slice(0, 90)).join("\n")`)
	if small != "" {
		t.Errorf("%s has targets below 44 px:\n%s", path, small)
	}
}

// axe holds the page before it against axe-core, by WCAG 2.2 A and AA.
func axe(t *testing.T, tab context.Context, path string) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("..", "..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Logf("NOT CHECKED, LOUDLY: axe-core is not installed (npm ci), %s was not held against it", path)
		return
	}
	if err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](string(script)+";0")); err != nil {
		t.Fatal(err)
	}
	found, err := chromedp.Run(tab, chromedp.Evaluate[string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => r.passes.length < 10 ? "it looked at nothing" : r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 160)).join(" | ")).join("\n"))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if found != "" {
		t.Errorf("%s: axe-core: %s", path, found)
	}
}

// press clicks what a selector finds and waits for what comes.
func press(t *testing.T, tab context.Context, what, until string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Click(chromedp.CSS(what)), chromedp.WaitReady(chromedp.CSS(until))); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func shot(t *testing.T, tab context.Context, name string) {
	t.Helper()
	dir := os.Getenv("LIENTHONG_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func ask[T any](t *testing.T, tab context.Context, script string) T {
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

func phone(t *testing.T, path string) (context.Context, func()) {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
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
