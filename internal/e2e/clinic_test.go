package e2e_test

import (
	"net/url"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestAClinicianWalks is the patient look-up of SCREENS.md in a browser, by the
// keyboard, on a screen of 390 px and at 320 px; each page held against axe-core.
func TestAClinicianWalks(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the look-up was not walked in a browser")
	}
	t.Parallel()
	p := newCitizen()
	walks(t, func(t *testing.T, w *world) {
		_, rec := w.wroteElsewhere()
		anna := w.clinician("79901", 1)
		browser, stop := phone(t, chromium)
		defer stop()
		tab := anna.tab(t, browser, 390)
		began := time.Now()
		anna.walk(t, tab, "/patients")
		axe(t, tab, "/patients")
		shot(t, tab, "clinic-find")
		steps := func(actions ...chromedp.Action[chromedp.Void]) {
			t.Helper()
			if err := chromedp.Do(tab, actions...); err != nil {
				t.Fatal(err)
			}
		}
		steps(chromedp.SendKeys(chromedp.ID("query"), theirs+"\r"), chromedp.WaitReady(`#c-basis`))
		axe(t, tab, "/patients found")
		shot(t, tab, "clinic-ways")
		steps(chromedp.SendKeys(`form[action="/patients/presence"] button`, "\r"), chromedp.WaitReady(`#proof`))
		nonce := ask[string](t, tab, `document.querySelector("input[name=nonce]").value`)
		shot(t, tab, "clinic-challenge")
		steps(chromedp.SendKeys(chromedp.ID("proof"), p.scans(w.clock.Now(), theirs, nonce, "79901")), chromedp.SendKeys(`form[action="/patients/presence/shown"] button`, "\r"), chromedp.WaitReady(`#summary`))
		t.Logf("from the look-up to the summary by keyboard: %s", time.Since(began).Round(time.Millisecond))
		path := ask[string](t, tab, `location.pathname`)
		pages := []string{"/patients", path, path + "/why", path + "/records/" + rec}
		wide := anna.tab(t, browser, 1366)
		narrow := anna.tab(t, browser, 320)
		for i, page := range pages {
			anna.walk(t, tab, page)
			axe(t, tab, page)
			shot(t, tab, "clinic-"+string(rune('0'+i)))
			anna.walk(t, narrow, page)
			anna.walk(t, wide, page)
			shot(t, wide, "clinic-wide-"+string(rune('0'+i)))
		}
		_, next, _ := anna.ask("POST", path+"/end", url.Values{})
		if next != "/patients" {
			t.Errorf("ended, and led to %s", next)
		}
	}, p.has)
}
