package urgent_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/role"
	"lienthong/internal/urgent"
	pages "lienthong/internal/web/portal/urgent"
)

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

func post(t *testing.T, to string, form url.Values) (status int, next, body string) {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.PostForm(to, form)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("Location"), string(b)
}

func TestFourSteps(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"vi", "en"} {
		w := newWard(t)
		w.lang = lang
		s := w.serve(t)
		ref := "/emergency/at/" + w.Path("")
		check := func(step int, path string) string {
			t.Helper()
			status, body, _ := get(t, s.URL+path)
			if status != http.StatusOK || strings.Contains(body, "«") || strings.Count(body, "<h1") != 1 || strings.Count(body, `aria-current="step"`) != 1 {
				t.Errorf("%s: %d\n%s", path, status, body)
			}
			if at := strings.Count(body[:strings.Index(body, `aria-current="step"`)], "<li") - strings.Count(body[:strings.Index(body, `<ol class="lt-er-steps"`)], "<li"); at != step {
				t.Errorf("%s is step %d, want %d", path, at, step)
			}
			return body
		}
		check(1, "/emergency")
		status, next, _ := post(t, s.URL+"/emergency", url.Values{"sex": {"2"}, "age": {"65"}})
		if status != http.StatusSeeOther || next != ref || w.known.Age != 65 {
			t.Fatalf("%d %s %+v", status, next, w.known)
		}
		if strings.Contains(next, "24917") {
			t.Error("a number in an address")
		}
		check(2, ref)
		status, next, _ = post(t, s.URL+ref+"/search", url.Values{"relative": {"0912 345 318"}, "name": {"Hà"}, "year": {"1962"}, "birth": {"1961-05-02"}})
		if status != http.StatusSeeOther || next != ref+"/candidates" || w.known.Birth != "19610502" || len(w.known.Phones) != 1 {
			t.Fatalf("%d %s %+v", status, next, w.known)
		}
		if body := check(2, next); strings.Count(body, `type="radio"`) != 3 || strings.Contains(body, "checked") {
			t.Error("three to choose from, none chosen")
		}
		check(3, ref+"/confirm?who="+strings.Repeat("a", 32))
		status, next, _ = post(t, s.URL+ref+"/open", url.Values{"who": {strings.Repeat("a", 32)}, "fact": {"phone", "name"}, "reason": {"unconscious"}, "words": {"bất tỉnh, không giấy tờ"}})
		if status != http.StatusSeeOther || !w.opened || !slices.Equal(w.glass.Confirmed, []identity.Fact{"phone", "name"}) {
			t.Fatalf("%d %+v", status, w.glass)
		}
		if body := check(4, next); strings.Count(body, "BS. Lê Hồng Minh") < 12 {
			t.Error("no watermark")
		}
		w.late = true
		if body := check(4, next); !strings.Contains(body, `role="alert"`) {
			t.Error("a look that is not in the log yet is not told")
		}
	}
}

func TestWhatWasNotChosenIsAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.known.Name = "Hà"
	s := w.serve(t)
	for _, who := range []string{"", "x", strings.Repeat("0", 32)} {
		if status, body, _ := get(t, s.URL+"/emergency/at/"+w.Path("")+"/confirm?who="+who); status != http.StatusUnprocessableEntity || strings.Contains(body, `name="words"`) {
			t.Errorf("%q: %d", who, status)
		}
	}
}

func TestARefusalIsTold(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	s := w.serve(t)
	ref := s.URL + "/emergency/at/" + w.Path("")
	for _, c := range []struct {
		err    error
		status int
	}{{urgent.ErrReason, 422}, {urgent.ErrFactor, 403}, {urgent.ErrSuspended, 403}, {urgent.ErrFacts, 422}, {urgent.ErrCandidate, 404}} {
		w.deny = c.err
		f := fault.Of(c.err)
		status, _, body := post(t, ref+"/open", url.Values{"who": {"a"}})
		if status != c.status || !strings.Contains(body, f.Code) || !strings.Contains(body, f.Text.VI[:20]) {
			t.Errorf("%s: %d", f.Code, status)
		}
	}
	w.deny = nil
	for _, path := range []string{"/emergency/at/" + strings.Repeat("0", 32), "/emergency/at/TT-251114-24917-0713-K", "/emergency/set/xyz", "/emergency/set/" + strings.Repeat("01", 16)} {
		if status, _, _ := get(t, s.URL+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := post(t, s.URL+"/emergency", url.Values{"marks": {strings.Repeat("x", 20_000)}}); status != http.StatusUnprocessableEntity {
		t.Errorf("a form of 20 kB: %d", status)
	}
}

func TestHowANumberEnds(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	s := w.serve(t)
	ref := s.URL + "/emergency/at/" + w.Path("")
	for path, form := range map[string]url.Values{"/card": {"card": {"0919|x"}}, "/propose": nil, "/second": nil, "/release": {"how": {"died"}}, "/undo": nil} {
		if status, next, _ := post(t, ref+path, form); status != http.StatusSeeOther || !strings.HasSuffix(ref, next) {
			t.Errorf("%s: %d %s", path, status, next)
		}
	}
	for _, want := range []string{"card 0919|x", "propose", "second", "release died", "undo"} {
		if !slices.Contains(w.asked, want) {
			t.Errorf("%s was not done: %v", want, w.asked)
		}
	}
	for _, how := range []string{identity.IDScan, identity.SecondPerson, identity.Left, identity.Died} {
		w.state.State, w.state.How = identity.Resolved, how
		if status, body, _ := get(t, ref); status != 200 || strings.Contains(body, "«") || strings.Contains(body, `id="er-relative"`) {
			t.Errorf("%s: %d", how, status)
		}
	}
	w.mine = false
	if status, body, _ := get(t, s.URL+"/emergency/set/07"+strings.Repeat("0", 30)); status != 200 || slices.Contains(w.asked, "set") || !strings.Contains(body, "/renew") {
		t.Errorf("a colleague: %d, asked %v", status, w.asked)
	}
	if status, next, _ := post(t, s.URL+"/emergency/set/07"+strings.Repeat("0", 30)+"/renew", nil); status != 303 || !strings.HasSuffix(next, "/emergency/set/07"+strings.Repeat("0", 30)) {
		t.Errorf("renewed: %d %s", status, next)
	}
}

// The page of a number leads to what is open for it, of whoever looks first, and
// its clock stands still; once it is resolved the list leads to it still.
func TestWhatIsOpenIsFoundAgain(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	s := w.serve(t)
	ref := s.URL + "/emergency/at/" + w.Path("")
	if _, body, _ := get(t, ref); strings.Contains(body, "/emergency/set/") || !strings.Contains(body, "data-since") {
		t.Error("nothing is open: the clock runs")
	}
	mine := consent.Opening{ID: consent.OpeningID{7}, Staff: care.Staff{1}, From: night.Add(20 * time.Second), Until: night.Add(4 * time.Hour)}
	other := consent.Opening{ID: consent.OpeningID{8}, Staff: care.Staff{2}, From: night.Add(25 * time.Second), Until: night.Add(4 * time.Hour)}
	w.openings = []consent.Opening{other, mine}
	_, body, _ := get(t, ref)
	at, search := strings.Index(body, "/emergency/set/07"), strings.Index(body, `id="er-relative"`)
	if at < 0 || search < at || strings.Contains(body, "/emergency/set/08") || strings.Contains(body, "data-since") || !strings.Contains(body, "00:20") {
		t.Errorf("set at %d, search at %d", at, search)
	}
	w.now = night.Add(5 * time.Hour)
	if _, body, _ := get(t, ref); strings.Contains(body, "/emergency/set/") || strings.Contains(body, "data-since") {
		t.Error("it is over: no link, and the clock stands")
	}
	if _, body, _ := get(t, s.URL+"/emergency"); strings.Contains(body, `id="er-over"`) {
		t.Error("nothing was resolved")
	}
	w.openings, w.state.State, w.state.How, w.state.Ended = nil, identity.Resolved, identity.IDScan, night.Add(time.Hour)
	if _, body, _ := get(t, s.URL+"/emergency"); !strings.Contains(body[strings.Index(body, `id="er-over"`)+1:], w.Path("")) {
		t.Error("what was resolved is not listed")
	}
	if _, body, _ := get(t, ref); strings.Contains(body, "data-since") || !strings.Contains(body, "60:00") || !strings.Contains(body, "/undo") {
		t.Error("resolved: the clock stands, and it may be undone")
	}
}

func TestTheWristband(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	s := w.serve(t)
	status, body, h := get(t, s.URL+"/emergency/at/"+w.Path("")+"/wristband")
	if status != 200 || h.Get("Content-Type") != "application/pdf" || !bytes.HasPrefix([]byte(body), []byte("%PDF-")) {
		t.Errorf("%d %s", status, h.Get("Content-Type"))
	}
}

// Every page of this room is behind the clinic's door, and what shows somebody
// is marked as disclosing; what opens asks for the second factor.
func TestRoutes(t *testing.T) {
	t.Parallel()
	want := map[string]string{"GET /emergency/at/{ref}/candidates": "d-", "GET /emergency/at/{ref}/confirm": "df", "POST /emergency/at/{ref}/open": "-f", "GET /emergency/set/{id}": "d-", "POST /emergency/set/{id}/renew": "-f"}
	mark := map[bool]string{true: "d", false: "-"}
	factor := map[bool]string{true: "f", false: "-"}
	for _, r := range pages.Routes() {
		name := r.Method + " " + r.Pattern
		got := mark[r.Discloses] + factor[r.SteppedUp]
		if w, ok := want[name]; (ok && w != got) || (!ok && got != "--") {
			t.Errorf("%s: %s, want %s", name, got, w)
		}
		if fmt.Sprint(r.Rooms) != fmt.Sprint([]role.Room{role.Clinic}) {
			t.Errorf("%s: rooms %v", name, r.Rooms)
		}
	}
}
