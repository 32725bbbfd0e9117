package e2e_test

import (
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"lienthong/internal/roster"
	"lienthong/internal/web/browsertest"
)

// TestPeopleLogInByKeyboard walks the ways in with a real browser: a citizen and
// a clinician through their providers' pages, a second factor set up and given;
// each page at 1366, 390 and 320 px and held against axe-core.
func TestPeopleLogInByKeyboard(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, logging in was not walked in a browser")
	}
	t.Parallel()
	walks(t, func(t *testing.T, w *world) {
		x := newIdentities(t, w)
		must(x.hub.Login.Roster.Add(x.ctx, "operator A", roster.Addition{Facility: "79901", Roles: []string{"clinician:79901", "privacy:79901"}, Name: "Lê Thị Lan", Licence: "0012345/hcm-cchn"}))
		browser, stop := phone(t, chromium)
		defer stop()
		copied := *x.server.Client()
		copied.Jar = must(cookiejar.New(nil))
		guest := &clinician{w: x.world, http: &copied}
		for _, width := range []int64{320, 390} {
			guest.walk(t, guest.tab(t, browser, width), "/login")
		}
		tab := guest.tab(t, browser, 390)
		look := func(path string) {
			t.Helper()
			guest.walk(t, tab, path)
			axe(t, tab, path)
			shot(t, tab, "login"+strings.ReplaceAll(path, "/", "-"))
		}
		steps := func(actions ...chromedp.Action[chromedp.Void]) {
			t.Helper()
			if err := chromedp.Do(tab, actions...); err != nil {
				t.Fatal(err)
			}
		}
		look("/login")
		steps(chromedp.SendKeys(`main a[href^="/login/vneid"]`, "\r"), chromedp.WaitReady(`button[value=an]`))
		shot(t, tab, "login-provider")
		steps(chromedp.SendKeys(`button[value=an]`, "\r"), chromedp.WaitReady(`.lt-nav`))
		if at := ask[string](t, tab, `location.pathname`); at != "/me" {
			t.Errorf("a citizen is led to %s", at)
		}
		look("/account")
		look("/account/step-up")
		steps(chromedp.SendKeys(`main a[href^="/account/step-up/vneid"]`, "\r"), chromedp.WaitReady(`button[value=an]`), chromedp.SendKeys(`button[value=an]`, "\r"), chromedp.WaitReady(`.lt-nav`))

		tab = guest.tab(t, browser, 390) // without the citizen's cookies
		steps(chromedp.Navigate(x.server.URL+"/login/staff"), chromedp.WaitReady(`button[value=lan]`), chromedp.SendKeys(`button[value=lan]`, "\r"), chromedp.WaitReady(`form[action="/login/role"]`))
		look("/account")
		look("/account/factor")
		seed := strings.ReplaceAll(ask[string](t, tab, `[...document.querySelectorAll("main code")].map(e => e.textContent).find(s => /^[A-Z2-7 ]{32,}$/.test(s)) || ""`), " ", "")
		code := must(totp.GenerateCode(seed, x.clock.Now()))
		steps(chromedp.SendKeys(`input[name=code]`, code+"\r"), chromedp.WaitReady(`#sessions`))
		look("/account")
		look("/account/step-up")
		for _, width := range []int64{320, 1366} {
			steps(call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1, Mobile: true}))
			for _, path := range []string{"/account", "/account/factor", "/account/step-up"} {
				if width < 1366 {
					guest.walk(t, tab, path)
					continue
				}
				steps(chromedp.Navigate(x.server.URL+path), chromedp.WaitReady("main")) // by a mouse: targets as axe-core wants them
				axe(t, tab, path)
				browsertest.Fits(t, tab, path)
				shot(t, tab, "login-wide"+strings.ReplaceAll(path, "/", "-"))
			}
		}
		if status, _, _ := guest.ask(http.MethodGet, "/account", nil); status == http.StatusOK {
			t.Error("who has no session sees an account")
		}
	})
}
