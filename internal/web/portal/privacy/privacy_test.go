package privacy_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/casework"
	"lienthong/internal/clock"
	"lienthong/internal/review"
	"lienthong/internal/role"
	pages "lienthong/internal/web/portal/privacy"
)

func get(t *testing.T, url string) (int, string) {
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
	return r.StatusCode, string(b)
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

func shown() map[string]string {
	return map[string]string{"queue": "/privacy", "case": "/privacy/cases/" + number, "breaches": "/privacy/breaches", "breach": "/privacy/breaches/" + number, "report": "/privacy/breaches/" + number + "/report",
		"audit": "/audit", "results": "/audit/" + query, "last": "/audit/" + query + "?before=7"}
}

// Every page has its words in both languages, one h1, no script or style of its own,
// and names nobody's number in an address.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"vi", "en"} {
		b := newBureau(t)
		b.lang = lang
		s := b.serve(t)
		for name, path := range shown() {
			status, body := get(t, s.URL+path)
			if status != http.StatusOK || strings.Contains(body, "«") || strings.Count(body, "<h1") != 1 || strings.Contains(body, "style=") || strings.Contains(body, "<script>") {
				t.Errorf("%s %s: %d\n%s", lang, name, status, body)
			}
		}
	}
}

func TestWhatIsNotThereIsAbsent(t *testing.T) {
	t.Parallel()
	s := newBureau(t).serve(t)
	if res, err := http.Post(s.URL+"/audit/"+query+"/export.csv", "application/x-www-form-urlencoded", nil); err != nil {
		t.Fatal(err)
	} else if res.Body.Close(); res.StatusCode != http.StatusOK || res.Header.Get("Lienthong-Partial") != "true" {
		t.Errorf("a table that was cut: %d %v", res.StatusCode, res.Header)
	}
	for _, path := range []string{"/privacy/cases/VV-2026-000999-1", "/privacy/breaches/VV-2026-000999-1", "/privacy/breaches/x/report", "/privacy/breaches/x/report.json", "/privacy/breaches/x/report.pdf", "/audit/" + strings.Repeat("0", 32)} {
		if status, _ := get(t, s.URL+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/privacy/cases/VV-2026-000999-1", "/audit/x/export.json", "/audit/x/export.csv"} {
		if status, _, _ := post(t, s.URL+path, nil); status != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, status)
		}
	}
}

// What was written is still there when a decision was not taken.
func TestADecisionThatIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	s := b.serve(t)
	form := url.Values{"do": {"decide"}, "seen": {"4"}, "outcome": {casework.Unjustified}, "text": {"Lý do của quyết định."}, "suspend": {"yes"}}
	status, next, _ := post(t, s.URL+"/privacy/cases/"+number, form)
	want := review.Decision{Do: review.Decide, Seen: 4, Outcome: casework.Unjustified, Text: "Lý do của quyết định.", Suspend: true}
	if status != http.StatusSeeOther || next != "/privacy/cases/"+number || b.did != want {
		t.Errorf("%d %s %+v", status, next, b.did)
	}
	for _, c := range []struct {
		err    error
		status int
		link   bool
	}{{review.ErrFactor, http.StatusForbidden, true}, {review.ErrReason, http.StatusUnprocessableEntity, false}, {casework.ErrStep, http.StatusConflict, false}, {review.ErrOwn, http.StatusForbidden, false}} {
		b.deny = c.err
		status, _, body := post(t, s.URL+"/privacy/cases/"+number, form)
		if status != c.status && !(c.status == http.StatusUnprocessableEntity && status == http.StatusBadRequest) || !strings.Contains(body, "Lý do của quyết định.") || strings.Contains(body, "/account/step-up?next=%2Fprivacy%2Fcases%2F"+number) != c.link {
			t.Errorf("%v: %d\n%s", c.err, status, body)
		}
	}
	long := url.Values{"do": {strings.Repeat("x", 999)}, "seen": {"one"}, "text": {strings.Repeat("y", 9000)}}
	b.deny = nil
	post(t, s.URL+"/privacy/cases/"+number, long)
	if b.did != (review.Decision{Seen: -1}) {
		t.Errorf("too long a form is taken: %+v", b.did)
	}
}

func TestSmallActs(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	s := b.serve(t)
	post(t, s.URL+"/privacy/lift", url.Values{"staff": {"41" + strings.Repeat("0", 30)}})
	post(t, s.URL+"/privacy/unlock", url.Values{"account": {"account:1"}, "reason": {"Đã hỏi rõ"}})
	if want := []string{"lift A", "unlock account:1 Đã hỏi rõ"}; !slices.Equal(b.asked, want) {
		t.Errorf("%q", b.asked)
	}
	b.deny = review.ErrFactor
	if status, _, body := post(t, s.URL+"/privacy/lift", url.Values{"staff": {"zz"}}); status != http.StatusForbidden || !strings.Contains(body, "/account/step-up") {
		t.Errorf("%d", status)
	}
}

func TestAQuery(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.who = role.Role{Kind: role.Auditor}
	s := b.serve(t)
	form := url.Values{"case": {"TTr-15/2026"}, "from": {"2026-11-01"}, "to": {"2026-11-10"}, "facility": {"22000"}, "basis": {"emergency"}}
	status, next, _ := post(t, s.URL+"/audit", form)
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, clock.Hanoi) }
	if status != http.StatusSeeOther || next != "/audit/"+query || b.query.Case != "TTr-15/2026" || !b.query.From.Equal(day(1)) || !b.query.To.Equal(day(11)) {
		t.Errorf("%d %s %+v", status, next, b.query)
	}
	b.deny = review.ErrCase
	if status, _, body := post(t, s.URL+"/audit", form); status < 400 || status > 499 || !strings.Contains(body, `value="2026-11-10"`) || !strings.Contains(body, "Ghi số quyết định") {
		t.Errorf("%d\n%s", status, body)
	}
	b.deny = nil
	for file, kind := range map[string]string{"json": "application/json", "csv": "text/csv"} {
		r, err := http.PostForm(s.URL+"/audit/"+query+"/export."+file, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if !strings.HasPrefix(r.Header.Get("Content-Type"), kind) || !strings.Contains(r.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v", file, r.Header)
		}
	}
}

func TestABreach(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	s := b.serve(t)
	form := url.Values{"what": {"Mật khẩu bị lộ ra ngoài."}, "known": {"2026-11-13T08:00"}, "from": {"2026-11-01T00:00"}, "to": {"2026-11-13T11:00"}, "accounts": {"session:ab12, 24917-a\r\n24917-b"}, "form": {"F"}}
	status, next, _ := post(t, s.URL+"/privacy/breaches", form)
	if status != http.StatusSeeOther || next != "/privacy/breaches/"+number || len(b.report.Scope.Accounts) != 3 || !b.report.Known.Equal(time.Date(2026, 11, 13, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("%d %s %+v", status, next, b.report)
	}
	b.deny = review.ErrScope
	if status, _, body := post(t, s.URL+"/privacy/breaches", form); status < 400 || status > 499 || !strings.Contains(body, "Mật khẩu bị lộ ra ngoài.") || !strings.Contains(body, "24917-b") {
		t.Errorf("%d\n%s", status, body)
	}
	b.deny = nil
	if status, _, _ := post(t, s.URL+"/privacy/breaches/"+number, url.Values{"do": {"told"}, "seen": {"2"}}); status != http.StatusSeeOther || b.step.Do != review.StepTold || b.step.Seen != 2 {
		t.Errorf("%d %+v", status, b.step)
	}
	for err, link := range map[error]bool{review.ErrFactor: true, review.ErrNobody: false} {
		b.deny = err
		if status, _, body := post(t, s.URL+"/privacy/breaches/"+number, url.Values{"do": {"told"}, "seen": {"2"}}); status < 400 || strings.Contains(body, "/account/step-up") != link {
			t.Errorf("%v: %d", err, status)
		}
	}
	b.deny = nil
	if _, pdf := get(t, s.URL+"/privacy/breaches/"+number+"/report.pdf"); !strings.HasPrefix(pdf, "%PDF-") {
		t.Error("no PDF")
	}
	if status, page := get(t, s.URL+"/privacy/breaches/"+number+"/report"); status != http.StatusOK || !strings.Contains(page, "(Quá hạn)") || !strings.Contains(page, "chưa được xác nhận") {
		t.Errorf("a late report does not say so\n%s", page)
	}
}

// The rooms are those of officers, operators and auditors; no route shows content.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, line := range pages.Routes() {
		audit := strings.HasPrefix(line.Pattern, "/audit")
		for _, k := range role.Kinds() {
			may := slices.ContainsFunc(line.Rooms, func(room role.Room) bool { return role.Role{Kind: k, ID: "24917"}.May(room) })
			want := k == role.Operator || audit && k == role.Auditor || !audit && k == role.Privacy
			if may != want || line.Discloses {
				t.Errorf("%s %s: %s may %v, discloses %v", line.Method, line.Pattern, k, may, line.Discloses)
			}
		}
	}
}

// Why an emergency was opened is said in words: no code, no number of the patient.
func TestAReasonIsSaidInWords(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	s := b.serve(t)
	_, body := get(t, s.URL+"/privacy/cases/"+number)
	if !strings.Contains(body, "Lý do khác: ngã ở chợ") || strings.Contains(body, "TT-261113") || strings.Contains(body, "other:") {
		t.Error("the reason is shown as it is kept")
	}
}
