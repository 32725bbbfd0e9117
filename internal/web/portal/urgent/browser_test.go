package urgent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"lienthong/internal/web/browsertest"
)

// TestTheRoomInABrowser looks at each step on a tablet, a phone and at 320 px:
// nothing wider than the window, targets of 52 px, one h1; and goes from the
// first press to the set with scripts switched off. Pictures go to
// LIENTHONG_SHOTS, else nowhere.
func TestTheRoomInABrowser(t *testing.T) {
	browser := browsertest.Start(t, "the emergency pages")
	w := newWard(t)
	w.known.Name = "Hà"
	s := w.serve(t)
	tab := browsertest.Tab(t, browser)
	browsertest.Do(t, tab, browsertest.Scripts(true))
	ref := "/emergency/at/" + w.Path("")
	for page, path := range map[string]string{"start": "/emergency", "who": ref, "candidates": ref + "/candidates", "confirm": ref + "/confirm?who=" + strings.Repeat("a", 32), "set": "/emergency/set/07" + strings.Repeat("0", 30)} {
		browsertest.Open(t, tab, s.URL+path)
		browsertest.Headed(t, tab, page)
		for size, width := range map[string]int64{"tablet": 1024, "phone": 390, "narrow": 320} {
			name := page + "-" + size
			browsertest.Do(t, tab, browsertest.Window(width, 768))
			browsertest.Fits(t, tab, name)
			small := browsertest.Eval[string](t, tab, `[...document.querySelectorAll(".lt-er .btn, .lt-er input:not([type=hidden]):not([type=radio]):not([type=checkbox]), .lt-er select, .lt-er textarea, .lt-er summary, .lt-er-check, .lt-er-candidate, .lt-er-list a")]
				.filter(e => e.offsetParent && e.getBoundingClientRect().height < 52).map(e => e.className + " " + e.getBoundingClientRect().height).join(", ")`)
			if small != "" {
				t.Errorf("%s: targets under 52 px: %s", name, small)
			}
			browsertest.Picture(t, tab, "emergency-"+name)
		}
	}
	t.Run("without scripts", func(t *testing.T) { journey(t, browsertest.Tab(t, browser), newWard(t)) })
}

// journey goes the four steps by the pages alone.
func journey(t *testing.T, tab context.Context, w *ward) {
	s := w.serve(t)
	began := time.Now()
	step := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		browsertest.Do(t, tab, actions...)
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
