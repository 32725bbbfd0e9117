package e2e_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/session"
)

// clinician is a browser of a named doctor at a facility, the second factor just given.
type clinician struct {
	w    *world
	http *http.Client
	id   care.Staff
}

func (w *world) clinician(facility string, n byte) *clinician {
	w.t.Helper()
	id := care.Staff{0xC1, n}
	s := staff.Staff{ID: id, Facility: care.FacilityCode(facility), Roles: []string{"clinician:" + facility}, Since: w.clock.Now(), Version: 1}
	if err := w.hub.Slices.Staffs.PutStaff(w.ctx, s, store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}); err != nil {
		w.t.Fatal(err)
	}
	c := &clinician{w: w, id: id, http: w.server.Client()}
	copied := *c.http
	c.http = &copied
	c.http.Jar = must(cookiejar.New(nil))
	c.stepUp(w.clock.Now())
	return c
}

// stepUp logs in anew, with the second factor given at a moment.
func (c *clinician) stepUp(at time.Time) {
	c.w.t.Helper()
	f := must(c.w.hub.Slices.Staffs.Staff(c.w.ctx, c.id)).Facility
	cookie := must(c.w.hub.Sessions.Grant(c.w.ctx, session.Entry{Role: role.Role{Kind: role.Clinician, ID: string(f)}, Name: "BS. Thử Nghiệm", Staff: c.id, Level: 2, SteppedUp: at}))
	c.http.Jar.SetCookies(must(url.Parse(c.w.server.URL)), []*http.Cookie{cookie})
}

// ask is one request; it follows no redirect. next is where one would lead.
func (c *clinician) ask(method, path string, form url.Values) (status int, next, body string) {
	c.w.t.Helper()
	r := must(http.NewRequestWithContext(c.w.ctx, method, c.w.server.URL+path, strings.NewReader(form.Encode())))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	quiet := *c.http
	quiet.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := quiet.Do(r)
	if err != nil {
		c.w.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return a.StatusCode, a.Header.Get("Location"), string(b)
}

// goes posts a form and expects to be led on.
func (c *clinician) goes(path string, form url.Values) string {
	c.w.t.Helper()
	status, next, body := c.ask(http.MethodPost, path, form)
	if status != http.StatusSeeOther || next == "" || strings.HasPrefix(next, "/account") {
		c.w.t.Fatalf("POST %s: %d to %q\n%s", path, status, next, body)
	}
	return next
}

func (c *clinician) reads(path string, want int) string {
	c.w.t.Helper()
	status, _, body := c.ask(http.MethodGet, path, nil)
	if status != want {
		c.w.t.Fatalf("GET %s: %d, want %d\n%s", path, status, want, body)
	}
	return body
}

var refOf = regexp.MustCompile(`name="who" value="([0-9a-f]{32})"`)

// unnamed is a patient who was in care at 79902 and is brought to 79901 without a name.
func (w *world) unnamed() (number string, person store.PersonID) {
	w.t.Helper()
	number = "079990888101"
	w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", number).set("XML1", "HO_TEN", "TRẦN THỊ THU HÀ").set("XML1", "DIEN_THOAI", "0912345318").
		set("XML1", "DIA_CHI", "Thôn 3, xã Tân Hòa, Bắc Ninh")), "accepted")
	return number, w.whoHolds(number)
}

// found goes from the first page to the candidates; it returns the patient's address and the first reference.
func (c *clinician) found(form url.Values) (at, ref string) {
	c.w.t.Helper()
	at = c.goes("/emergency", url.Values{"sex": {"2"}})
	page := c.reads(c.goes(at+"/search", form), http.StatusOK)
	m := refOf.FindStringSubmatch(page)
	if m == nil {
		c.w.t.Fatalf("no candidate:\n%s", page)
	}
	for _, never := range []string{"THU HÀ", "0912345318", "079990888101", "Thôn 3"} {
		if strings.Contains(page, never) {
			c.w.t.Errorf("the candidates show %q", never)
		}
	}
	return at, m[1]
}

var known = url.Values{"relative": {"+84 912 345 318"}, "name": {"Hà"}, "year": {"1991"}, "sex": {"2"}, "commune": {"Tân Hòa"}}

func opens(ref string) url.Values {
	return url.Values{"who": {ref}, "fact": {"phone", "name"}, "reason": {"unconscious"}, "words": {"bất tỉnh, không có giấy tờ"}}
}

// Journey 5 of SCREENS.md, by the pages alone.
func TestAnUnknownPatientAtNight(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		number, person := w.unnamed()
		anna, binh := w.clinician("79901", 1), w.clinician("79901", 2)
		began := time.Now()
		at, ref := anna.found(known)
		if n := len(w.rowsOf(store.DisclosureFilter{Person: person})); n == 0 {
			t.Error("a candidate was looked at and nobody wrote it down")
		}
		anna.reads(at+"/confirm?who="+ref, http.StatusOK)
		set := anna.goes(at+"/open", opens(ref))
		page := anna.reads(set, http.StatusOK)
		t.Logf("from the first page to the emergency set: %s, 4 steps", time.Since(began).Round(time.Millisecond))
		if !strings.Contains(page, "BS. Thử Nghiệm") {
			t.Error("no watermark")
		}
		w.toldOf(person, 1)
		if rows := w.rowsOf(store.DisclosureFilter{Person: person}); !hasLook(rows, anna.id) {
			t.Errorf("the look is not in the log: %+v", rows)
		}
		binh.reads(set, http.StatusOK) // says that it is open, and shows nothing
		w.nightsEnd(anna, binh, at, set, number, person)
	})
}

func hasLook(rows []store.Disclosure, by care.Staff) bool {
	for _, r := range rows {
		if r.Basis == string(policy.BreakGlass) && r.Staff == by && r.Opening != (consent.OpeningID{}) {
			return true
		}
	}
	return false
}

// toldOf checks what must be there of n emergencies opened about a person.
func (w *world) toldOf(person store.PersonID, n int) {
	w.t.Helper()
	openings := must(w.hub.Slices.Openings.Openings(w.ctx, consent.OpeningFilter{Person: person, Basis: string(policy.BreakGlass)}))
	matters := must(w.hub.Slices.Matters.Matters(w.ctx, matter.Filter{Person: person, Kind: matter.EmergencyReview, Facility: "79901"}))
	if len(openings) != n || len(matters) < n {
		w.t.Errorf("%d openings, %d reviews, want %d", len(openings), len(matters), n)
	}
	told := 0
	for _, x := range must(w.hub.Slices.Notices.Notices(w.ctx, person, 100)) {
		if x.Kind == "opening.emergency" {
			told++
		}
	}
	if told != n {
		w.t.Errorf("the person was told %d times, want %d", told, n)
	}
	if got := w.acts("emergency.opened"); got != n {
		w.t.Errorf("%d acts, want %d", got, n)
	}
}

// nightsEnd: a record under the number, the wrong card, the right one, and back.
func (w *world) nightsEnd(anna, binh *clinician, at, set, citizen string, person store.PersonID) {
	t := w.t
	t.Helper()
	list := must(w.hub.Slices.Temporaries.Temporaries(w.ctx, "79901", identity.Open, 10))
	if len(list) != 1 {
		t.Fatalf("%d numbers wait", len(list))
	}
	temp := list[0]
	w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "MA_BN", temp.Number).set("XML1", "SO_CCCD", "").set("XML1", "MA_THE_BHYT", ""))), "accepted")
	subject := w.subject("79901", temp.Number)
	if who := w.linkedTo(subject); who != (store.PersonID{}) {
		t.Errorf("a record under the number is linked to %x before anybody said who it is", who[:2])
	}
	before := must(w.hub.Slices.People.Subjects(w.ctx, person))
	other := "079990888999||NGUYỄN THỊ KHÁC|03021990|Nữ|Bắc Ninh|05062022"
	if status, _, body := anna.ask(http.MethodPost, at+"/card", url.Values{"card": {other}}); status != http.StatusConflict || !strings.Contains(body, "temporary.other_person") {
		t.Errorf("another's card: %d", status)
	}
	anna.goes(at+"/card", url.Values{"card": {citizen + "||TRẦN THỊ THU HÀ|03021990|Nữ|Bắc Ninh|05062022"}})
	if w.linkedTo(subject) != person {
		t.Error("resolved and not linked")
	}
	w.clock.Advance(time.Minute)
	binh.goes(at+"/undo", nil)
	after := must(w.hub.Slices.People.Subjects(w.ctx, person))
	if len(after) != len(before) || after[0] != before[0] {
		t.Errorf("%v is not %v", after, before)
	}
	if w.linkedTo(subject) != temp.Person {
		t.Error("it did not go back to the number")
	}
	told := false
	for _, x := range must(w.hub.Slices.Notices.Notices(w.ctx, person, 100)) {
		told = told || x.Kind == "opening.undone"
	}
	if !told {
		t.Error("the person wrongly opened was not told")
	}
	looked := false
	for _, m := range must(w.hub.Slices.Matters.Matters(w.ctx, matter.Filter{Person: person, Kind: matter.EmergencyReview})) {
		looked = looked || len(m.Looks) > 0
	}
	if !looked {
		t.Error("the privacy officer has no list of those who saw")
	}
	ministry := w.desk(role.Ministry, "") // the number of the first page opens its list
	if body := ministry.reads("/figures/SL.17", http.StatusOK); !strings.Contains(body, `<span class="lt-code">79901</span>`) {
		t.Errorf("the emergencies nobody reviewed are not listed\n%s", body)
	}
	if body := anna.reads(set, http.StatusOK); strings.Contains(body, "lt-emergency") {
		t.Error("the set is shown after it was undone")
	}
}

func (w *world) subject(facility, as string) store.SubjectOf {
	return store.SubjectOf{Facility: care.FacilityCode(facility), Key: w.hub.Vault.Hash(vault.Subject, []byte(facility), []byte(as))}
}

func (w *world) linkedTo(s store.SubjectOf) store.PersonID {
	w.t.Helper()
	links := must(w.hub.Slices.People.Links(w.ctx, s.Facility, s.Key))
	if len(links) == 0 || !links[len(links)-1].To.IsZero() {
		return store.PersonID{}
	}
	return links[len(links)-1].Person
}

func TestAnEmergencyWithoutReasonOrSecondFactor(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed()
		anna := w.clinician("79901", 1)
		at, ref := anna.found(known)
		without := func(name string) url.Values {
			f := opens(ref)
			f.Del(name)
			return f
		}
		for name, code := range map[string]string{"reason": "emergency.reason", "words": "emergency.reason", "fact": "emergency.facts", "who": "emergency.candidate"} {
			if status, _, body := anna.ask(http.MethodPost, at+"/open", without(name)); status < 400 || !strings.Contains(body, code) && status != http.StatusNotFound {
				t.Errorf("without %s: %d", name, status)
			}
		}
		for name, when := range map[string]time.Time{"never": {}, "too long ago": w.clock.Now().Add(-6 * time.Minute), "to come": w.clock.Now().Add(time.Hour)} {
			anna.stepUp(when)
			if status, next, body := anna.ask(http.MethodPost, at+"/open", opens(ref)); status != http.StatusForbidden {
				t.Errorf("second factor %s: %d %s\n%s", name, status, next, body)
			}
		}
		w.toldOf(person, 0)
		anna.stepUp(w.clock.Now())
		first := anna.goes(at+"/open", opens(ref))
		if again := anna.goes(at+"/open", opens(ref)); again != first {
			t.Error("a form sent twice opened twice")
		}
		w.toldOf(person, 1)
	})
}

// Another facility's number and one that does not exist are the same.
func TestAnotherFacilitysEmergencyIsAbsent(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.unnamed()
		anna, other := w.clinician("79901", 1), w.clinician("79902", 2)
		at, ref := anna.found(known)
		set := anna.goes(at+"/open", opens(ref))
		nobody := strings.Repeat("0", 32)
		for _, pair := range [][2]string{{at, "/emergency/at/" + nobody}, {at + "/candidates", "/emergency/at/" + nobody + "/candidates"}, {set, "/emergency/set/" + nobody}} {
			_, _, a := other.ask(http.MethodGet, pair[0], nil)
			status, _, b := other.ask(http.MethodGet, pair[1], nil)
			if status != http.StatusNotFound || strings.ReplaceAll(a, pair[0], "") != strings.ReplaceAll(b, pair[1], "") {
				t.Errorf("%s differs from %s (%d)", pair[0], pair[1], status)
			}
		}
	})
}

func TestTheRightToOpenIsLimited(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed()
		anna, binh := w.clinician("79901", 1), w.clinician("79901", 2)
		for range 3 {
			at, ref := anna.found(known)
			anna.goes(at+"/open", opens(ref))
		}
		at, ref := anna.found(known)
		if status, _, body := anna.ask(http.MethodPost, at+"/open", opens(ref)); status != http.StatusForbidden || !strings.Contains(body, "emergency.suspended") {
			t.Errorf("the fourth: %d\n%s", status, body)
		}
		anna.reads("/emergency", http.StatusOK) // all else goes on
		binh.goes(at+"/open", opens(refFor(binh, at)))
		w.toldOf(person, 4)
	})
}

func refFor(c *clinician, at string) string {
	m := refOf.FindStringSubmatch(c.reads(at+"/candidates", http.StatusOK))
	if m == nil {
		c.w.t.Fatal("no candidate")
	}
	return m[1]
}

func TestNobodyIsFoundByOneFact(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.unnamed()
		anna := w.clinician("79901", 1)
		at := anna.goes("/emergency", nil)
		for name, form := range map[string]url.Values{"a phone": {"phone": {"0912345318"}}, "a name": {"name": {"Trần Thị Thu Hà"}}, "a birth": {"birth": {"1990-02-03"}}, "nothing": {}} {
			if body := anna.reads(anna.goes(at+"/search", form), http.StatusOK); refOf.MatchString(body) {
				t.Errorf("%s found somebody", name)
			}
		}
	})
}
