package privacy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/fault"
	"lienthong/internal/review"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
)

// auditForm is the page of queries.
type auditForm struct {
	Query   review.Query
	List    []review.Asked
	Bases   []string
	Problem string
}

// bases are those an auditor may choose among.
var bases = []string{"", "own_record", "presence", "referral", "consent", "emergency", "operator_reason", "self", "delegate", "share_link", "counter", "candidate", "law", "assignment", "register", "features", "refused_compartment"}

func (x *Room) queries(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "audit", "privacy.audit")
	x.showQueries(w, r, http.StatusOK, auditForm{Query: review.Query{From: p.Now.AddDate(0, 0, -30), To: p.Now}})
}

func (x *Room) showQueries(w http.ResponseWriter, r *http.Request, status int, f auditForm) {
	p := x.frame.Page(r, "audit", "privacy.audit")
	var err error
	if f.List, err = x.Desk.Queries(r.Context(), officer(&p), 50); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	f.Bases = bases
	x.frame.Show(w, r, status, auditPage(p, f))
}

func (x *Room) ask(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "audit", "privacy.audit")
	q := review.Query{Case: field(r, "case", 240), About: field(r, "about", 40), Staff: field(r, "staff", 64), Facility: care.FacilityCode(field(r, "facility", 10)),
		Opening: field(r, "opening", 64), Basis: field(r, "basis", 40), From: moment(field(r, "from", 30))}
	if to := moment(field(r, "to", 30)); !to.IsZero() {
		q.To = to.Add(24 * time.Hour) // the day named is in it
	}
	id, err := x.Desk.Ask(r.Context(), officer(&p), q)
	if err == nil {
		x.frame.See(w, r, "/audit/"+id)
		return
	}
	f := fault.Of(err)
	if f.Kind != fault.Invalid {
		x.frame.Fail(w, r, err)
		return
	}
	if !q.To.IsZero() {
		q.To = q.To.Add(-24 * time.Hour)
	}
	x.showQueries(w, r, problem.Status(f), auditForm{Query: q, Problem: p.W.Text(f.Text)})
}

func (x *Room) results(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "audit", "privacy.audit.results")
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	got, err := x.Desk.Page(r.Context(), officer(&p), r.PathValue("query"), before)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	names := map[care.Staff]string{}
	for i := range got.Rows {
		if id := got.Rows[i].Staff; id != (care.Staff{}) && names[id] == "" {
			names[id] = x.who(r.Context(), id, "")
		}
	}
	x.frame.Show(w, r, http.StatusOK, resultsPage(p, x, got, names))
}

func (x *Room) exportJSON(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "audit", "privacy.audit")
	e, err := x.Desk.Export(r.Context(), officer(&p), r.PathValue("query"))
	var data []byte
	if err == nil {
		data, err = json.MarshalIndent(e, "", " ")
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/json", "luot-xem.json", data)
}

func (x *Room) exportCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "audit", "privacy.audit")
	data, partial, err := x.Desk.CSV(r.Context(), officer(&p), r.PathValue("query"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if partial {
		w.Header().Set("Lienthong-Partial", "true")
	}
	send(w, "text/csv; charset=utf-8", "luot-xem.csv", data)
}

// send answers with a file to keep.
func send(w http.ResponseWriter, kind, name string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(data) // the reader is gone: nobody to tell
}

// conditions are a query in words.
func conditions(p *view.Page, q *review.Query) string {
	out := []string{p.W.T("privacy.from_to", p.W.Time(q.From), p.W.Time(q.To))}
	for _, c := range []struct{ key, value string }{{"privacy.audit.about", q.About}, {"privacy.audit.facility", string(q.Facility)}, {"privacy.audit.staff", q.Staff}, {"privacy.audit.opening", q.Opening}} {
		if c.value != "" {
			out = append(out, p.W.T(c.key)+": "+c.value)
		}
	}
	if q.Basis != "" {
		out = append(out, p.W.T("privacy.basis")+": "+basis(p, q.Basis))
	}
	return strings.Join(out, "; ")
}

// fhirOf is the address of the same time and case as FHIR AuditEvents.
func fhirOf(q *review.Query) string {
	v := url.Values{"case": {q.Case}, "date": {"ge" + q.From.UTC().Format(time.RFC3339), "lt" + q.To.UTC().Format(time.RFC3339)}}
	return "/fhir/AuditEvent?" + v.Encode()
}

func nextOf(got *review.Result) string {
	return "/audit/" + got.Asked.ID + "?before=" + strconv.FormatInt(got.Next, 10)
}

// outcomeKey is the word for a decision about a kind.
func outcomeKey(kind, outcome string) string {
	if outcome == casework.Granted {
		return strings.TrimPrefix(kind, "request.")
	}
	return outcome
}

// draftPlace is how the notice of a breach names who tells.
func draftPlace(p *view.Page, x *Room, code care.FacilityCode) string {
	if code == "" {
		return p.W.T("me.notice.somewhere")
	}
	if name := x.Facility(code); name != "" {
		return name
	}
	return string(code)
}
