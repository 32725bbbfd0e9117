package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/api"
	"lienthong/internal/web/tlog"
)

// names of one organisation of every kind.
func everyRole(t *testing.T) []role.Role {
	t.Helper()
	ids := map[role.Kind]string{role.Unit: "KCB", role.Province: "79", role.Facility: "79901", role.Partner: "p1", role.Clinician: "79901", role.Privacy: "79901", role.Counter: "79901"}
	var out []role.Role
	for _, k := range role.Kinds() {
		r, err := role.Parse(strings.TrimSuffix(string(k)+":"+ids[k], ":"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func pathFor(pattern string) string {
	return strings.NewReplacer("{id}", id(1).String(), "{log}", "0", "{path...}", "entries/000.p/3", "{size}", "2", "{destination}", "bhxh", "{action}", "m1").Replace(pattern)
}

// routes are all doors that the interface describes: its own, and the public
// ones of the logs.
func routes() []api.Route {
	list := api.Routes()
	for _, r := range tlog.Routes() {
		list = append(list, api.Route{Method: r.Method, Pattern: r.Pattern})
	}
	return list
}

// Every role at every door: let in exactly where the matrix of package role
// says, told nothing where not; without a role only public doors open.
func TestEveryRoleAtEveryDoor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.records.rows = []store.Record{row(1)}
	cells := 0
	for _, route := range routes() {
		path := pathFor(route.Pattern)
		for _, who := range everyRole(t) {
			cells++
			rec := w.request(route.Method, path, who.String(), strings.NewReader(`{"reason":"gửi nhầm"}`), "Disclosure-Reason: xem thử")
			shut := rec.Code == http.StatusForbidden && strings.Contains(rec.Body.String(), "role.not_allowed")
			if may := route.Room == "" || who.May(route.Room); may == shut || rec.Code == http.StatusUnauthorized {
				t.Errorf("%s at %s %s: %d %s", who, route.Method, path, rec.Code, rec.Body)
			}
		}
		rec := w.request(route.Method, path, "", strings.NewReader("ok"))
		if public := route.Room == ""; public == (rec.Code == http.StatusUnauthorized) {
			t.Errorf("nobody at %s %s: %d", route.Method, path, rec.Code)
		}
		if route.Room != "" && rec.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s does not say how to log in", path)
		}
	}
	if cells < 8*23 {
		t.Errorf("only %d cells", cells)
	}
}

// A record of another facility and one that is not there look the same.
func TestNotYoursAndNotThereLookTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t)
	foreign := row(1)
	foreign.ID.Facility = "01901"
	w.records.rows = []store.Record{foreign}
	for _, route := range api.Routes() {
		if !strings.Contains(route.Pattern, "{id}") {
			continue
		}
		ask := func(id dossier.ID) *httptest.ResponseRecorder {
			return w.request(route.Method, strings.Replace(route.Pattern, "{id}", id.String(), 1), hospital, strings.NewReader(`{"reason":"gửi nhầm"}`))
		}
		nowhere := foreign.ID
		nowhere.Serial[0] = 7
		theirs, none := ask(foreign.ID), ask(nowhere)
		if theirs.Code != 404 || theirs.Body.String() != none.Body.String() || none.Code != 404 {
			t.Errorf("%s: %d %s and %d %s", route.Pattern, theirs.Code, theirs.Body, none.Code, none.Body)
		}
		if rec := w.request(route.Method, strings.Replace(route.Pattern, "{id}", "x'--", 1), hospital, strings.NewReader(`{"reason":"x y z"}`)); rec.Code != 404 && rec.Code != 422 {
			t.Errorf("%s with an odd id: %d", route.Pattern, rec.Code)
		}
	}
	if len(w.looks.rows) != 0 {
		t.Error("a look was written for nothing shown")
	}
}

func TestContentNeedsAReasonAndATrace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.records.rows = []store.Record{row(1)}
	for _, door := range []string{"content", "related", "original"} {
		path := "/api/v1/records/" + id(1).String() + "/" + door
		if rec := w.get(path, "operator"); rec.Code != 403 || read[line](t, rec).Code != "disclosure.reason_required" {
			t.Errorf("%s without a reason: %d %s", door, rec.Code, rec.Body)
		}
		w.looks.broken = true
		if rec := w.get(path, "operator", "Disclosure-Reason: khiếu nại 12"); rec.Code != 503 || read[line](t, rec).Code != "disclosure.log_down" || strings.Contains(rec.Body.String(), "gone") {
			t.Errorf("%s without a log: %d %s", door, rec.Code, rec.Body)
		}
		w.looks.broken = false
	}
	if len(w.looks.rows) != 0 {
		t.Errorf("%d looks for nothing shown", len(w.looks.rows))
	}
	rec := w.get("/api/v1/records/"+id(1).String()+"/related", "operator", "Disclosure-Reason: khiếu nại 12")
	if rec.Code != 200 || len(w.looks.rows) != 1 || w.looks.rows[0].Reason != "khiếu nại 12" || w.looks.rows[0].Route != "GET /api/v1/records/{id}/related" {
		t.Errorf("%d %+v", rec.Code, w.looks.rows)
	}
}

type items struct {
	Items []struct {
		Record  string  `json:"record"`
		Episode *string `json:"episode"`
		Person  *string `json:"person"`
	} `json:"items"`
	Next *string `json:"next"`
}

func TestPagesFollowOneAnother(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for n := byte(1); n <= 7; n++ {
		w.records.rows = append(w.records.rows, row(n))
	}
	var seen []string
	path := "/api/v1/records?limit=3"
	for pages := 0; ; pages++ {
		got := read[items](t, w.get(path, hospital))
		for _, it := range got.Items {
			seen = append(seen, it.Record)
		}
		if got.Next == nil {
			break
		}
		if pages > 7 {
			t.Fatal("no end")
		}
		path = "/api/v1/records?limit=3&cursor=" + url.QueryEscape(*got.Next)
	}
	if len(seen) != 7 || seen[0] != id(1).String() || seen[6] != id(7).String() {
		t.Errorf("%v", seen)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w := setup(t)
	q := url.Values{"facility": {"79901"}, "episode": {"HS/1 é"}, "state": {"withdrawn"}, "code": {"time.future"}, "kind": {"qd4750"},
		"since": {"2026-03-02T12:00:00+07:00"}, "day": {"20260302"}, "province": {"79"}, "limit": {"9"}}
	if rec := w.get("/api/v1/records?"+q.Encode(), "ministry"); rec.Code != 200 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	f := w.records.filter
	if f.Facility != "79901" || len(f.Episode) != 2 || f.State != dossier.Withdrawn || f.Tag != "time.future" || f.Kind != "qd4750" ||
		!f.Since.Equal(noon) || f.Day != 20260302 || f.Province != "79" || f.Limit != 9 || !w.records.scope.All {
		t.Errorf("%+v in %+v", f, w.records.scope)
	}
	byOwn := f.Episode[0]
	w.get("/api/v1/records?episode="+url.QueryEscape("HS/1 é"), hospital)
	if got := w.records.filter; len(got.Episode) != 2 || got.Episode[0] != byOwn || w.records.scope != (role.Scope{Facility: "79901"}) || got.Limit != 50 {
		t.Errorf("%+v", got)
	}
	asked := w.records.asked
	for _, bad := range []string{"state=gone", "facility=x", "since=yesterday", "day=x", "day=-1", "limit=0", "limit=1001", "limit=x", "cursor=!!", "cursor=eA",
		"episode=%20", "kind=%00", "code=%ff", "province=" + strings.Repeat("7", 101)} {
		if rec := w.get("/api/v1/records?"+bad, hospital); rec.Code != 422 || read[line](t, rec).Code != "request.filter" {
			t.Errorf("%s: %d %s", bad, rec.Code, rec.Body)
		}
	}
	if rec := w.get("/api/v1/records?episode=HS1", "ministry"); rec.Code != 422 {
		t.Errorf("an episode of no facility: %d", rec.Code)
	}
	if w.records.asked != asked {
		t.Error("the store was asked with a bad filter")
	}
}

// Names are masked for those who only count: no episode, no person.
func TestListsAreMasked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := row(1)
	r.Person = store.PersonID{1, 2, 3}
	r.Erased = noon
	w.records.rows = []store.Record{r}
	for who, person := range map[string]bool{hospital: true, "ministry": false, "operator": false} {
		got := read[items](t, w.get("/api/v1/records", who))
		if len(got.Items) != 1 || got.Items[0].Episode != nil || (got.Items[0].Person != nil) != person {
			t.Errorf("%s: %+v", who, got)
		}
	}
}

func TestARecordAndItsTimeline(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := row(1)
	r.Supersedes, r.SupersededBy, r.WithdrawnBy = id(2), id(3), id(4)
	r.Verdict.Findings = []dossier.Finding{{Code: "time.future", Severity: dossier.Error, Table: "XML1", Row: 1, Field: "NGAY_VAO"}}
	w.records.rows = []store.Record{r}
	got := read[api.Item](t, w.get("/api/v1/records/"+id(1).String(), hospital))
	if got.State != dossier.Withdrawn || got.Verdict != dossier.Accepted || *got.Supersedes != id(2).String() || *got.SupersededBy != id(3).String() ||
		*got.WithdrawnBy != id(4).String() || got.Withdraws != nil || len(got.Findings) != 1 || got.Findings[0].Message.VI == "" || !got.ReceivedAt.Equal(r.Received) {
		t.Errorf("%+v", got)
	}
	events := read[struct {
		Items []struct {
			What string  `json:"what"`
			By   *string `json:"by"`
		} `json:"items"`
	}](t, w.get("/api/v1/records/"+id(1).String()+"/timeline", hospital))
	if len(events.Items) != 4 || events.Items[0].What != "received" || events.Items[1].What != "accepted" || *events.Items[2].By != id(9).String() || events.Items[3].By != nil {
		t.Errorf("%+v", events)
	}
}

// Of an erased record there is a tombstone, and the number of the decision is
// not for everybody.
func TestAnErasedRecordSaysWhenAndWhy(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := row(1)
	r.Erased = noon
	w.records.rows = []store.Record{r}
	rec := w.get("/api/v1/records/"+id(1).String(), "ministry")
	got := read[api.Item](t, rec)
	if got.State != dossier.Erased || got.ErasedAt == nil || !got.ErasedAt.Equal(noon) || got.ErasedFor != "court_order" || strings.Contains(rec.Body.String(), "12/2026") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.get("/api/v1/records/"+id(1).String()+"/original", hospital); rec.Code != 404 || read[line](t, rec).Code != "record.erased" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestWithdrawals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := "/api/v1/records/" + id(1).String() + "/withdraw"
	post := func(body string) *httptest.ResponseRecorder {
		return w.request("POST", path, hospital, strings.NewReader(body))
	}
	var reason string
	w.intake.withdraw = func(got dossier.ID, why string) (*intake.Result, error) {
		reason = why
		if why == "again" {
			return nil, intake.ErrNotWithdrawable
		}
		if why == "full" {
			return nil, store.ErrFull
		}
		return result("", 0), nil
	}
	if rec := post(`{"reason":"gửi nhầm người"}`); rec.Code != 200 || reason != "gửi nhầm người" {
		t.Errorf("%d %s %q", rec.Code, rec.Body, reason)
	}
	for body, want := range map[string]string{
		`{"reason":"again"}`: "409 withdrawal.not_possible", `{"reason":"full"}`: "503 hub.storage_full",
		``: "422 withdrawal.reason", `{}`: "422 withdrawal.reason", `{"reason":1}`: "422 withdrawal.reason", `{"reason":"a b c"} x`: "422 withdrawal.reason",
		`{"reason":"abc","reason":"def"}`: "422 withdrawal.reason", `{"reason":"abc","more":1}`: "422 withdrawal.reason", "{\"reason\":\"ab\xff\"}": "422 withdrawal.reason",
		`{"reason":"` + strings.Repeat("x", 20<<10) + `"}`: "422 withdrawal.reason",
	} {
		if rec := post(body); fmt.Sprint(rec.Code, " ", read[line](t, rec).Code) != want {
			t.Errorf("%.40s: %d %s, want %s", body, rec.Code, rec.Body, want)
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rec := w.get("/api/v1/stats/counts?by=day,measure&from=20260301&to=20260302&measure=accepted,code:time.future&kind=qd4750&facility=79901&province=79", "province:79")
	got := read[struct {
		Items []map[string]any `json:"items"`
	}](t, rec)
	if rec.Code != 200 || len(got.Items) != 1 || got.Items[0]["n"] != 5.0 || got.Items[0]["day"] != "x" || got.Items[0]["measure"] != "x" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	q := w.counts.query
	if q.FromDay != 20260301 || q.ToDay != 20260302 || len(q.Measures) != 2 || q.Kind != "qd4750" || q.Facility != "79901" || q.Province != "79" || len(q.By) != 2 ||
		w.counts.scope != (role.Scope{Province: "79"}) {
		t.Errorf("%+v in %+v", q, w.counts.scope)
	}
	for _, bad := range []string{"by=name", "by=day,day", "from=x", "to=99999999999", "facility=1", "measure=%00", "kind=%ff", "measure=" + strings.Repeat("a,", 200)} {
		if rec := w.get("/api/v1/stats/counts?"+bad, "ministry"); rec.Code != 422 {
			t.Errorf("%s: %d %s", bad, rec.Code, rec.Body)
		}
	}
	if w.get("/api/v1/stats/counts?recount=1", "ministry"); w.counts.recent {
		t.Error("not counted anew")
	}
}

// Counting anew reads every record: one at a time, the others come again.
func TestOneRecountAtATime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.counts.inside, w.counts.leave = make(chan struct{}), make(chan struct{})
	first := make(chan int)
	go func() { first <- w.get("/api/v1/stats/counts?recount=1", "ministry").Code }()
	<-w.counts.inside
	if rec := w.get("/api/v1/stats/counts?recount=1", "ministry"); rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	close(w.counts.leave)
	if code := <-first; code != 200 {
		t.Errorf("%d", code)
	}
}

func TestRefusedFilesAreFoundAgainByTheirSender(t *testing.T) {
	t.Parallel()
	w := setup(t)
	type refusals struct {
		Items []api.Refusal `json:"items"`
		Next  *string       `json:"next"`
	}
	got := read[refusals](t, w.get("/api/v1/refusals?day=20260701", "operator"))
	if len(got.Items) != 1 || got.Items[0].Code != "seal.broken" || !strings.HasPrefix(got.Items[0].SHA256, "ab00") || got.Items[0].Message.VI == "" || got.Next == nil {
		t.Fatalf("%+v", got)
	}
	if w.records.filter.Day != 20260701 {
		t.Errorf("asked %+v", w.records.filter)
	}
	read[refusals](t, w.get("/api/v1/refusals?cursor="+*got.Next, "operator"))
	if w.records.filter.Before.ID.Serial != [16]byte{9} {
		t.Errorf("after %+v", w.records.filter.Before)
	}
	if rec := w.get("/api/v1/refusals?day=x", "operator"); rec.Code != 422 {
		t.Errorf("%d", rec.Code)
	}
}

func TestOnlyKnownReadersHoldIntakeBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, path := range []string{"/openapi.json", "/ledger/0/checkpoint"} {
		w.get(path, "")
	}
	if n := w.intake.readers.Load(); n != 0 {
		t.Errorf("%d strangers kept a place empty", n)
	}
	w.get("/api/v1/records", "operator")
	if n, left := w.intake.readers.Load(), w.intake.left.Load(); n != 1 || left != 1 {
		t.Errorf("%d readers, %d gave their place back", n, left)
	}
}

func TestLooksFollowOneAnother(t *testing.T) {
	t.Parallel()
	w := setup(t)
	type looks struct {
		Items []struct {
			ID     int64   `json:"id"`
			Record *string `json:"record"`
			Reason string  `json:"reason"`
		} `json:"items"`
		Next *int64 `json:"next"`
	}
	first := read[looks](t, w.get("/api/v1/disclosures", "auditor"))
	if len(first.Items) != 2 || first.Next == nil || *first.Next != 7 || first.Items[0].Reason != "khiếu nại" || first.Items[1].Record != nil {
		t.Errorf("%+v", first)
	}
	if next := read[looks](t, w.get("/api/v1/disclosures?before=7", "auditor")); next.Next != nil {
		t.Errorf("%+v", next)
	}
	if rec := w.get("/api/v1/disclosures?before=x", "auditor"); rec.Code != 422 {
		t.Errorf("%d", rec.Code)
	}
}

// A defect that one request meets is that request's: it is answered, the
// operator sees the cause, the sender does not.
func TestADefectIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if rec := w.send("panic"); rec.Code != 500 || read[line](t, rec).Code != "hub.broken" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.intake.withdraw = func(dossier.ID, string) (*intake.Result, error) { return nil, errors.New("sector 7") }
	rec := w.request("POST", "/api/v1/records/"+id(1).String()+"/withdraw", hospital, strings.NewReader(`{"reason":"abc"}`))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "sector") || !strings.Contains(w.log.String(), "sector") || !strings.Contains(w.log.String(), "index out of range") {
		t.Errorf("%d %s\n%s", rec.Code, rec.Body, w.log)
	}
}

// No text in an address is a crash or an answer that is not described; a
// cursor that is taken gives itself again.
func FuzzFilters(f *testing.F) {
	f.Add("cursor=&limit=3")
	f.Add("state=accepted&since=2026-03-02T12:00:00Z&day=20260302")
	f.Add("by=day&measure=a,b&recount=1")
	f.Add("cursor=MTIzNCA3OTkwMS0wMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA")
	f.Fuzz(func(t *testing.T, query string) {
		w := setup(t)
		w.records.rows = []store.Record{row(1), row(2)}
		for _, path := range []string{"/api/v1/records", "/api/v1/stats/counts", "/api/v1/disclosures"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = query
			r.Header.Set("As", "operator")
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			if rec.Code != 200 && rec.Code != 422 {
				t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
			}
		}
		if b := w.records.filter.Before; !b.ID.IsZero() && (b.At.IsZero() || b.At.Location() != time.UTC) {
			t.Errorf("cursor %+v", b)
		}
	})
}
