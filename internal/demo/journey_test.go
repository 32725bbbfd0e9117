package demo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// seat is somebody before a browser of their own, who uses the keyboard alone.
type seat struct {
	t     *testing.T
	tab   context.Context
	base  string
	steps int // pages that were gone to
	keys  int
}

// windows opens a browser; each seat has its own cookies.
func windows(t *testing.T, st *staged) func(width, height int64) *seat {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the journeys of the demo were not walked in a browser")
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	browser, stopBrowser := chromedp.NewContext(alloc)
	check(t, chromedp.Do(browser))
	t.Cleanup(func() {
		err := chromedp.Cancel(browser)
		stopBrowser()
		stopAlloc()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("closing the browser: %v", err)
		}
	})
	return func(width, height int64) *seat {
		tab, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
		t.Cleanup(cancel)
		tab, stop := context.WithTimeout(tab, 4*time.Minute)
		t.Cleanup(stop)
		s := &seat{t: t, tab: tab, base: st.server.URL}
		s.do(call(network.Enable, network.EnableParams{}),
			call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500}))
		return s
	}
}

func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, c, params)
		return chromedp.Void{}, err
	}
}

func (s *seat) do(actions ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.tab, actions...); err != nil {
		s.t.Fatalf("%v\nat %s\n%s", err, s.at(), s.text())
	}
}

func eval[T any](s *seat, script string) T {
	s.t.Helper()
	v, err := chromedp.Run(s.tab, chromedp.Evaluate[T](script))
	if err != nil {
		s.t.Fatalf("%s: %v", script, err)
	}
	return v
}

func (s *seat) at() string {
	v, _ := chromedp.Run(s.tab, chromedp.Evaluate[string](`location.href`))
	return v
}

func (s *seat) text() string {
	v, _ := chromedp.Run(s.tab, chromedp.Evaluate[string](`(document.querySelector("main") || document.body).innerText`))
	return v
}

// goes opens an address, as typed into the bar.
func (s *seat) goes(path string) {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.base + path
	}
	s.do(chromedp.Navigate(path), chromedp.WaitReady(chromedp.CSS("main")))
}

// tabs presses Tab until what a selector finds has the focus.
func (s *seat) tabs(what string) {
	s.t.Helper()
	if n := eval[int](s, fmt.Sprintf(`document.querySelectorAll(%q).length`, what)); n == 0 {
		s.t.Fatalf("%s: nothing on %s\n%s", what, s.at(), s.text())
	}
	for range 150 {
		if eval[bool](s, fmt.Sprintf(`!!document.activeElement && document.activeElement.matches(%q)`, what)) {
			return
		}
		s.keys++
		s.do(chromedp.KeyEvent(kb.Tab))
	}
	s.t.Fatalf("%s is not reached by keyboard on %s", what, s.at())
}

// types fills in a field.
func (s *seat) types(what, text string) {
	s.t.Helper()
	s.tabs(what)
	s.do(chromedp.KeyEvent(text))
}

// ticks presses the space bar on a box or a choice.
func (s *seat) ticks(what string) {
	s.t.Helper()
	s.tabs(what)
	s.do(chromedp.KeyEvent(" "))
}

// picks chooses one of several by its value, with the arrow keys.
func (s *seat) picks(group, value string) {
	s.t.Helper()
	s.ticks(group)
	for range 20 {
		if eval[string](s, `document.activeElement.value`) == value {
			return
		}
		s.keys++
		s.do(chromedp.KeyEvent(kb.ArrowDown))
	}
	s.t.Fatalf("%s is not reached by arrow keys on %s", group, s.at())
}

// presses goes on by Enter until another page has what is waited for.
func (s *seat) presses(what, until string) {
	s.t.Helper()
	s.tabs(what)
	s.steps++
	eval[bool](s, `window.before = true`) // gone with this page
	s.do(chromedp.KeyEvent(kb.Enter))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		found, err := chromedp.Run(s.tab, chromedp.Evaluate[bool](fmt.Sprintf(`!window.before && document.readyState == "complete" && !!document.querySelector(%q)`, until)))
		if err == nil && found {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("after %s no %s at %s\n%s", what, until, s.at(), s.text())
		}
	}
}

// as logs in at a simulated provider: the demo's page, then the name there.
func (s *seat) as(key, until string) {
	s.t.Helper()
	s.goes("/try/people")
	s.presses("#"+key+` a.go[href^="/login"]`, `button[name=person]`)
	s.presses(`button[value="`+key+`"]`, until)
}

// steps up with the code that the demo shows, where the page asks for it.
func (s *seat) code(other *seat, key, until string) {
	s.t.Helper()
	last := ""
	for range 4 {
		other.goes("/try/code/" + key)
		code := strings.TrimSpace(eval[string](other, `document.getElementById("code").textContent`))
		if code == last {
			time.Sleep(3 * time.Second)
			continue
		}
		last = code
		s.types("#code", code)
		s.presses(`form[action="/account/step-up"] button`, "main")
		if eval[bool](s, fmt.Sprintf(`!!document.querySelector(%q)`, until)) {
			return
		}
	}
	s.t.Fatalf("%s does not come after the code, but %s\n%s", until, s.at(), s.text())
}

func (s *seat) sees(wants ...string) {
	s.t.Helper()
	text := s.text()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			s.t.Errorf("%s does not say %q:\n%s", s.at(), want, text)
		}
	}
}

func (s *seat) seesNot(never ...string) {
	s.t.Helper()
	page := eval[string](s, `document.documentElement.outerHTML`)
	for _, x := range never {
		if strings.Contains(page, x) {
			s.t.Errorf("%s tells %q", s.at(), x)
		}
	}
}

// shot keeps a picture where LIENTHONG_SHOTS says.
func (s *seat) shot(name string) {
	dir := os.Getenv("LIENTHONG_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(s.tab, chromedp.FullScreenshot(100))
	check(s.t, err)
	check(s.t, os.WriteFile(filepath.Join(dir, "demo-"+name+".png"), png, 0o644))
}

// arrived waits until the cast's records are there.
func (st *staged) arrived(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(st.out.String(), "accepted, 0 không"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the cast's records are not there:\n%s", st.out)
		}
	}
}

// TestTheNightIsWalkedInTheDemo is journey 5 as a newcomer walks it: by keyboard,
// with a stopwatch, in windows of their own for doctor, officer and patient. The
// time is printed, never judged.
func TestTheNightIsWalkedInTheDemo(t *testing.T) {
	t.Parallel()
	st := stage(t, 10)
	open := windows(t, st)
	st.arrived(t)
	doctor, beside := open(1366, 768), open(800, 600)
	doctor.as("bs-minh", "#query")
	doctor.steps, doctor.keys = 0, 0
	began := time.Now()
	doctor.presses(`a[href="/emergency"]`, `form[action="/emergency"]`)
	doctor.presses(`form[action="/emergency"] button`, "#er-relative")
	number := doctor.at()
	doctor.types("#er-relative", "0000912318")
	doctor.types("#er-year", "1991")
	doctor.types("#er-name", "Hà")
	doctor.presses(`form[action$="/search"].lt-er-form button`, "#er-c0")
	doctor.shot("5-candidates")
	doctor.seesNot("Thu Hà", "024991000318")
	doctor.ticks("#er-c0")
	doctor.presses(`form[action$="/confirm"] button`, "main h1")
	doctor.code(beside, "bs-minh", "#er-words")
	doctor.ticks("#er-k0")
	doctor.ticks("#er-k1")
	doctor.ticks("input[name=reason]")
	doctor.types("#er-words", "bất tỉnh, không có giấy tờ")
	doctor.presses(`form[action$="/open"] button`, ".lt-emergency")
	t.Logf("journey 5: from the doctor's first page to the emergency set: %s, %d pages, %d Tabs", time.Since(began).Round(time.Millisecond), doctor.steps, doctor.keys)
	set := doctor.at()
	doctor.sees("penicillin", "Amlodipin", "B+")
	doctor.shot("5-set")

	patient := open(390, 844)
	patient.as("ha", ".lt-mine-who")
	patient.sees("cấp cứu")
	patient.shot("5-book")
	patient.goes("/me/looks")
	patient.sees("Đỗ Quang Minh")
	patient.shot("5-looks")

	doctor.goes(number)
	eval[bool](doctor, `document.querySelectorAll("details").forEach(d => d.open = true), true`)
	doctor.types("#er-card", "024991000318||Lê Thị Thu Hà|21071991|Nữ|Tổ 4|01072024")
	doctor.presses(`form[action$="/card"] button`, `form[action$="/undo"]`)
	doctor.shot("5-linked")

	officer := open(1366, 768)
	officer.as("dpo-tam", "main h1")
	officer.goes("/privacy")
	officer.sees("VV-")
	officer.shot("5-privacy")

	patient.presses(`a[href^="/me/looks/"]`, `form[action^="/me/looks/"]`)
	patient.shot("5-look")
	patient.presses(`form[action^="/me/looks/"] button`, "main h1")
	patient.sees("VV-")
	patient.shot("5-objects")

	doctor.goes(number)
	doctor.presses(`form[action$="/undo"] button`, "main h1")
	doctor.goes(set)
	doctor.seesNot("Amlodipin", "penicillin")
	doctor.shot("5-undone")
	patient.goes("/me")
	patient.sees("penicillin", "đã gỡ")
}

// TestAVisitIsClosedInTheDemo is journey 6 on a phone, by keyboard.
func TestAVisitIsClosedInTheDemo(t *testing.T) {
	t.Parallel()
	st := stage(t, 10)
	open := windows(t, st)
	st.arrived(t)
	patient := open(390, 844)
	patient.goes("/try/people")
	try := eval[string](patient, `document.querySelector("#bs-duong p").innerText.match(/[0-9]{2}S[0-9A-Z]{2}/)[0]`) // the second hospital
	patient.as("binh", ".lt-mine-who")
	patient.seesNot("F32.1")
	patient.shot("6-book")
	patient.goes("/me/choices")
	patient.steps = 0
	began := time.Now()
	patient.presses(`a[href="/me/choices/new?what=visit"]`, "input[name=visit]")
	patient.shot("6-visits")
	visit := eval[string](patient, `[...document.querySelectorAll("label")].find(l => l.innerText.includes("trào ngược")).querySelector("input").value`)
	patient.picks("input[name=visit]", visit)
	patient.types("#try", try)
	patient.presses(`form[action="/me/choices/preview"] button`, `form[action="/me/choices/close"]`)
	patient.shot("6-preview")
	patient.presses(`form[action="/me/choices/close"] button`, `form[action="/me/choices/end"]`)
	t.Logf("journey 6: from choices to a closed visit: %s, %d pages, %d Tabs", time.Since(began).Round(time.Millisecond), patient.steps, patient.keys)
	patient.shot("6-closed")

	doctor, beside := open(1366, 768), open(390, 844)
	doctor.as("bs-duong", "#query")
	doctor.types("#query", "001872000025")
	doctor.presses(`form[action="/patients"] button`, `form[action="/patients/presence/code"]`)
	doctor.presses(`form[action="/patients/presence/code"] button`, `form[action="/patients/presence/told"]`)
	beside.goes("/try/people")
	phone := eval[string](beside, `document.querySelector('#binh a[href*="/phone/"]').href`)
	code := ""
	for end := time.Now().Add(20 * time.Second); code == "" && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		beside.goes(phone)
		code = eval[string](beside, `(document.body.innerText.match(/Mã của bạn là ([0-9]{6,8})/) || ["", ""])[1]`)
	}
	beside.shot("6-phone")
	doctor.types(`form[action="/patients/presence/told"] input:not([type=hidden])`, code)
	doctor.presses(`form[action="/patients/presence/told"] button`, "main h1")
	doctor.shot("6-second")
	doctor.seesNot("F32.1", "trầm cảm", "Sertralin", "K21.0", "trào ngược", visit)
	doctor.sees("Viêm dạ dày")

	patient.goes("/me/choices")
	say := eval[string](patient, `(document.querySelector('a[href^="/me/choices/receipt/"]') || {}).href || ""`)
	if say == "" {
		t.Fatal("no receipt is offered")
	}
	receipt := eval[string](patient, fmt.Sprintf(`(() => { const x = new XMLHttpRequest(); x.open("GET", %q, false); x.send(); return x.responseText })()`, say))
	if strings.Count(receipt, ".") != 2 {
		t.Errorf("the receipt is no JWS: %.80s", receipt)
	}
}
