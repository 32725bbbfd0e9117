package e2e_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store"
)

// TestAClosedVisitIsMarkedAndItsChangesAreKept: in the book, on the record, by its
// day among the choices, with every version of what was said.
func TestAClosedVisitIsMarkedAndItsChangesAreKept(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, record, _ := w.treated("079990888371")
		me := w.citizen(person, w.clock.Now())
		marked := func(what string, want bool) {
			t.Helper()
			for _, path := range []string{"/me", "/me/records/" + record} {
				if got := strings.Contains(me.reads(path, http.StatusOK), "Đang đóng: "); got != want {
					t.Errorf("%s: %s marked %v, want %v", what, path, got, want)
				}
			}
		}
		marked("open", false)
		me.goes("/me/choices/close", url.Values{"what": {"visit"}, "visit": {record}, "form": {"F1"}})
		marked("closed", true)
		page := me.reads("/me/choices", http.StatusOK)
		if !regexp.MustCompile(`lượt khám tại [^(]+\(\d\d/\d\d/\d{4}, `).MatchString(page) {
			t.Errorf("the closed visit has no day\n%s", page)
		}
		say := first(t, sayOf, page)
		me.goes("/me/choices/end", url.Values{"say": {say}})
		marked("open again", false)
		if page := me.reads("/me/choices/history/"+say, http.StatusOK); !strings.Contains(page, "Lần 1: Đang giữ") || !strings.Contains(page, "Lần 2: Đã thu hồi") {
			t.Errorf("the versions\n%s", page)
		}
		stranger, _, _ := w.treated("079990888372")
		w.citizen(stranger, w.clock.Now()).reads("/me/choices/history/"+say, http.StatusNotFound)
	})
}

// TestResearchIsOffUntilItIsSwitchedOn, and off again without a second factor.
func TestResearchIsOffUntilItIsSwitchedOn(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _, _ := w.treated("079990888373")
		me, stolen := w.citizen(person, w.clock.Now()), w.citizen(person, time.Time{})
		on := func() int {
			n := 0
			for _, c := range must(w.hub.Choices.Said(w.ctx, person)) {
				if c.Purpose == consent.Research && c.State == consent.Active && len(c.Scope.Readers) == 0 {
					n++
				}
			}
			return n
		}
		if page := me.reads("/me/choices", http.StatusOK); !strings.Contains(page, "Đang tắt: không ai") || on() != 0 {
			t.Errorf("it is not off at first\n%s", page)
		}
		me.reads("/me/choices/new?what=research", http.StatusOK)
		_, _, page := me.ask(http.MethodPost, "/me/choices/preview", url.Values{"what": {"research"}})
		form := url.Values{"what": {"research"}, "form": {first(t, formOf, page)}}
		stolen.ask(http.MethodPost, "/me/choices/open", form)
		me.ask(http.MethodPost, "/me/choices/close", form)
		if on() != 0 {
			t.Error("switched on without a second factor, or by the way of closing")
		}
		me.goes("/me/choices/open", form)
		page = me.reads("/me/choices", http.StatusOK)
		if !strings.Contains(page, "Đang bật: cơ sở") || on() != 1 {
			t.Errorf("not on\n%s", page)
		}
		stolen.goes("/me/choices/withdraw", url.Values{"say": {first(t, regexp.MustCompile(`name="say" value="([0-9a-f]{32})">Tắt`), page)}})
		if on() != 0 {
			t.Error("still on")
		}
	})
}

// TestLooksAreFilteredWithoutScript: by place, by time, by sort, each with a reason.
func TestLooksAreFilteredWithoutScript(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _, _ := w.treated("079990888374")
		must(w.hub.Disclose.Chart(w.ctx, clinicianAt("79902", w.opening(person, "79902", nil)), person, 10))
		w.clock.Advance(20 * 24 * time.Hour)
		glass := clinicianAt("79902", w.opening(person, "79902", func(o *consent.Opening) { o.Basis, o.Reason = "emergency", "bất tỉnh" }))
		must(w.hub.Disclose.EmergencySet(w.ctx, glass, person))
		must(w.hub.Disclose.Chart(w.ctx, clinicianAt("79901", consent.OpeningID{}), person, 10))
		me := w.citizen(person, w.clock.Now())
		for query, want := range map[string]int{"": 3, "?place=79902": 2, "?place=79901": 1, "?span=7": 2, "?span=7&place=79902": 1, "?only=emergency": 1, "?only=facility&place=79902": 1, "?span=all": 3, "?place=99999": 3, "?span=x&only=": 3} {
			page := me.reads("/me/looks"+query, http.StatusOK)
			if n := strings.Count(page, "lt-look-head"); n != want {
				t.Errorf("%q: %d looks, want %d", query, n, want)
			}
			if n := len(regexp.MustCompile(`<dt>Vì sao</dt>\s*<dd>\s*[^\s<]`).FindAllString(page, -1)); n != want {
				t.Errorf("%q: %d reasons for %d looks\n%s", query, n, want, page)
			}
		}
		if page := me.reads("/me/looks", http.StatusOK); strings.Count(page, "lt-look-red") != 1 || !strings.Contains(page, "bất tỉnh") {
			t.Errorf("the emergency is not marked\n%s", page)
		}
	})
}

// TestWhoHasNoRecordsHasABook: pages that say so, and nothing to fetch.
func TestWhoHasNoRecordsHasABook(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.treated("079990888375")
		nobody := store.PersonID(care.Person{0xA0, 1})
		me := w.on(nobody, 3, w.clock.Now().Add(-48*time.Hour))
		for _, path := range []string{"/me", "/me/health", "/me/papers", "/me/looks", "/me/choices", "/me/choices/new?what=visit", "/me/share", "/me/download", "/me/requests", "/me/private"} {
			me.reads(path, http.StatusOK)
		}
		if page := me.reads("/me", http.StatusOK); !strings.Contains(page, "/me/requests?kind=request.see") {
			t.Errorf("the empty book leads nowhere\n%s", page)
		}
		me.reads("/me/download/lienthong.json", http.StatusNotFound)
		me.reads("/me/download/lienthong.pdf", http.StatusNotFound)
	})
}
