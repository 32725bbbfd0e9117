package e2e_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Journey 5 in a browser, on a tablet: from the first press to the emergency
// set, with a stopwatch; each page held against axe-core.
func TestANightInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the emergency was not walked in a browser")
	}
	t.Parallel()
	walks(t, func(t *testing.T, w *world) { walkNight(t, w, chromium) })
}

func walkNight(t *testing.T, w *world, chromium string) {
	w.unnamed()
	anna := w.clinician("79901", 1)
	browser, stop := phone(t, chromium)
	defer stop()
	tab := anna.tab(t, browser, 1024)
	var spent time.Duration
	step := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		began := time.Now()
		if err := chromedp.Do(tab, actions...); err != nil {
			t.Fatal(err)
		}
		spent += time.Since(began)
	}
	step(chromedp.Navigate(w.server.URL+"/emergency"), chromedp.WaitReady(chromedp.CSS(".lt-er")))
	axe(t, tab, "step 1")
	step(chromedp.Click(chromedp.CSS(`form[action="/emergency"] button`)), chromedp.WaitReady(chromedp.ID("er-relative")))
	axe(t, tab, "step 2")
	step(chromedp.SendKeys(chromedp.ID("er-relative"), "0912345318"), chromedp.SendKeys(chromedp.ID("er-name"), "Hà"),
		chromedp.Click(chromedp.CSS(`form[action$="/search"].lt-er-form button`)), chromedp.WaitReady(chromedp.ID("er-c0")))
	axe(t, tab, "candidates")
	step(chromedp.Click(chromedp.ID("er-c0")), chromedp.Click(chromedp.CSS(`form[action$="/confirm"] button`)), chromedp.WaitReady(chromedp.ID("er-words")))
	axe(t, tab, "step 3")
	step(chromedp.Click(chromedp.ID("er-k0")), chromedp.Click(chromedp.ID("er-k1")), chromedp.Click(chromedp.ID("er-r0")), chromedp.SendKeys(chromedp.ID("er-words"), "bất tỉnh, không có giấy tờ"),
		chromedp.Click(chromedp.CSS(`form[action$="/open"] button`)), chromedp.WaitReady(chromedp.CSS(".lt-emergency")))
	axe(t, tab, "step 4")
	t.Logf("from the first page to the emergency set in a browser: %s of the pages, 4 steps", spent.Round(time.Millisecond))
}
