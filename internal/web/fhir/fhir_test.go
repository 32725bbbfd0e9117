package fhir_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/fhir"
)

var at = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// trail is three looks at two persons.
type trail struct{ asked store.DisclosureFilter }

func (trail) rows() []store.Disclosure {
	row := func(id int64, person byte, who string) store.Disclosure {
		return store.Disclosure{ID: id, At: at.Add(-time.Duration(id) * time.Hour), Reader: "session:1", Role: who, Person: store.PersonID{person}, Facility: "79902",
			Record: dossier.ID{Facility: "79902", Serial: [16]byte{person}}, Basis: "presence", Policy: "presence@0123", Count: 1, Staff: care.Staff{9}, Purpose: "treatment", Reason: "lý do", Facts: "{}"}
	}
	return []store.Disclosure{row(3, 1, "clinician:79901"), row(2, 2, "operator"), row(1, 1, "destination:bhxh")}
}

func (x *trail) List(_ context.Context, _ role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	x.asked = f
	return x.rows(), false, nil
}

func (x *trail) OfPerson(_ context.Context, p store.PersonID, f store.DisclosureFilter) (out []store.Disclosure, more bool, _ error) {
	x.asked = f
	for _, r := range x.rows() {
		if r.Person == p {
			out = append(out, r)
		}
	}
	return out, false, nil
}

type answer struct {
	Type  string `json:"resourceType"`
	Entry []struct {
		Resource struct {
			Type   string `json:"resourceType"`
			ID     string `json:"id"`
			Entity []struct {
				What struct {
					Reference string `json:"reference"`
				} `json:"what"`
			} `json:"entity"`
		} `json:"resource"`
	} `json:"entry"`
}

func ask(t *testing.T, who fhir.Caller, path string) (int, answer, string, []store.Act, *trail) {
	t.Helper()
	x, acts := &trail{}, []store.Act(nil)
	d, err := fhir.New(fhir.Deps{Caller: func(*http.Request) (fhir.Caller, error) { return who, nil }, Looks: x,
		Act:       func(_ context.Context, a store.Act) error { acts = append(acts, a); return nil },
		Reference: func(f care.FacilityCode, p store.PersonID) string { return string(f) + "-" + string('a'+rune(p[0])) },
		Hub:       "thử", Clock: clock.NewFake(at), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	d.Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/fhir+json") {
		t.Fatalf("%s: %v %q", path, err, w.Body)
	}
	return w.Code, a, w.Body.String(), acts, x
}

func TestAuditorsAskWithACaseAndAreKeptThemselves(t *testing.T) {
	t.Parallel()
	auditor := fhir.Caller{Role: role.Role{Kind: role.Auditor}, Name: "session:a"}
	if code, a, body, acts, _ := ask(t, auditor, "/fhir/AuditEvent"); code != 403 || a.Type != "OperationOutcome" || !strings.Contains(body, "audit.case_required") || len(acts) != 0 {
		t.Errorf("without a case: %d %s", code, body)
	}
	code, a, body, acts, x := ask(t, auditor, "/fhir/AuditEvent?case=TT-12/2026&date=ge2026-11-01&date=lt2026-11-21&_count=10")
	if code != 200 || a.Type != "Bundle" || len(a.Entry) != 3 || a.Entry[0].Resource.Type != "AuditEvent" {
		t.Fatalf("%d %s", code, body)
	}
	if len(acts) != 1 || acts[0].Action != "audit.searched" || !strings.Contains(acts[0].Detail, "TT-12/2026") {
		t.Errorf("the search is not kept: %+v", acts)
	}
	if !x.asked.Since.Equal(time.Date(2026, 10, 31, 17, 0, 0, 0, time.UTC)) || !x.asked.Until.Equal(time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)) || x.asked.Limit != 10 {
		t.Errorf("%+v", x.asked)
	}
	if _, a, _, _, _ := ask(t, auditor, "/fhir/AuditEvent?case=TT-12&patient=Patient/79902-b"); len(a.Entry) != 2 || a.Entry[0].Resource.Entity[0].What.Reference != "Patient/79902-b" {
		t.Errorf("by a person's reference: %+v", a)
	}
}

func TestACitizenSeesTheirOwn(t *testing.T) {
	t.Parallel()
	me := fhir.Caller{Role: role.Role{Kind: role.Citizen}, Person: care.Person{1}}
	code, a, body, acts, _ := ask(t, me, "/fhir/AuditEvent?patient=Patient/me")
	if code != 200 || len(a.Entry) != 2 || len(acts) != 0 || strings.Contains(body, "lý do") || a.Entry[0].Resource.Entity[0].What.Reference != "Patient/me" {
		t.Errorf("%d %s", code, body)
	}
	if code, _, _, _, _ := ask(t, me, "/fhir/AuditEvent?patient=Patient/79902-c"); code != 422 {
		t.Errorf("somebody else: %d", code)
	}
	for _, k := range role.Kinds() {
		if k == role.Auditor || k == role.Operator {
			continue
		}
		if code, _, _, _, _ := ask(t, fhir.Caller{Role: role.Role{Kind: k, ID: "79901"}}, "/fhir/AuditEvent?case=TT-12"); code != 403 {
			t.Errorf("%s: %d", k, code)
		}
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	auditor := fhir.Caller{Role: role.Role{Kind: role.Auditor}}
	for _, q := range []string{"agent=x", "date=xx2026-01-01", "date=2026-13-01", "_count=0", "_count=1000", "_before=-1", "entity=nobody", "case=", "_format=xml", "patient=", "_count=5&_count=6"} {
		if code, a, _, acts, _ := ask(t, auditor, "/fhir/AuditEvent?"+q); code != 422 || a.Type != "OperationOutcome" || len(acts) != 0 {
			t.Errorf("%s: %d", q, code)
		}
	}
	if code, a, body, _, _ := ask(t, fhir.Caller{}, "/fhir/metadata"); code != 200 || a.Type != "CapabilityStatement" || strings.Contains(body, "create") {
		t.Errorf("%d %s", code, body)
	}
}

func FuzzSearch(f *testing.F) {
	f.Add("date=ge2026-11-01&patient=Patient/x&case=TT-1&_count=3")
	f.Add("date=2026-11-21T10:00:00%2B07:00&entity=79902-x")
	f.Fuzz(func(t *testing.T, q string) {
		if _, err := url.ParseQuery(q); err != nil {
			return
		}
		code, a, _, _, _ := ask(t, fhir.Caller{Role: role.Role{Kind: role.Auditor}}, "/fhir/AuditEvent?"+encoded(q))
		if code != 200 && a.Type != "OperationOutcome" {
			t.Errorf("%q: %d", q, code)
		}
	})
}

// encoded makes a query of any text that a request line may carry.
func encoded(q string) string {
	v, err := url.ParseQuery(q)
	if err != nil {
		return ""
	}
	return v.Encode()
}
