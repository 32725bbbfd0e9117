// Package fhir shows who looked as FHIR R4 AuditEvent resources, in the form of
// IHE's Basic Audit Log Patterns (BALP 1.1: patient read, privacy disclosure): to
// auditors, with the number of the case for which they ask, and to a citizen what
// is their own. It shows no record, and is no FHIR server beyond that: /fhir/metadata
// says what there is.
package fhir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
)

// Caller is who asks.
type Caller struct {
	Role   role.Role
	Name   string // as acts keep it
	Person care.Person
}

// Looks reads disclosures; store.Disclosures does.
type Looks interface {
	List(ctx context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
	OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
}

// Deps is what the doors work with.
type Deps struct {
	Caller    func(r *http.Request) (Caller, error)
	Looks     Looks
	Act       func(ctx context.Context, act store.Act) error                 // reading the log is an act itself
	Reference func(facility care.FacilityCode, person store.PersonID) string // of a person, scoped to a facility
	Hub       string
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Doors serves the view.
type Doors struct{ Deps }

// New returns the doors.
func New(d Deps) (*Doors, error) {
	if d.Caller == nil || d.Looks == nil || d.Act == nil || d.Reference == nil || d.Clock == nil || d.Logger == nil {
		return nil, errors.New("fhir: a part is missing")
	}
	return &Doors{d}, nil
}

// Route is one door.
type Route struct {
	Method, Pattern string
	handle          func(*Doors, http.ResponseWriter, *http.Request) error
}

// Routes lists every door.
func Routes() []Route {
	return []Route{
		{"GET", "/fhir/AuditEvent", (*Doors).search},
		{"GET", "/fhir/metadata", (*Doors).metadata},
	}
}

// Register puts every door into mux.
func (d *Doors) Register(mux *http.ServeMux) {
	for _, rt := range Routes() {
		mux.HandleFunc(rt.Method+" "+rt.Pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			if err := rt.handle(d, w, r); err != nil {
				d.fail(w, r, err)
			}
		})
	}
}

// The faults of these doors.
var (
	ErrParameter = fault.New(fault.Invalid, "fhir.parameter",
		"Tham số tìm kiếm không đúng dạng hoặc chưa được hỗ trợ. Xem /fhir/metadata.", "A search parameter is malformed or not supported. See /fhir/metadata.")
	ErrCase = fault.New(fault.Withheld, "audit.case_required",
		"Ghi số vụ việc (tham số case) khi tra nhật ký truy cập. Lần tra được ghi lại.", "Give the number of the case (parameter case) when searching the access log. The search is kept.")
	ErrRole = fault.New(fault.Withheld, "role.not_allowed",
		"Vai trò này không dùng được chức năng này.", "This role may not use this.")
)

// query is a search, as parsed.
type query struct {
	filter  store.DisclosureFilter
	patient string // a scoped reference
	number  string // of the case
}

var caseForm = regexp.MustCompile(`^[\pL\pN][\pL\pN ./-]{2,39}$`)

// parse reads the parameters; unknown ones are errors, for a filter passed over
// would show more than was asked.
func parse(values url.Values, now time.Time) (q query, err error) {
	q.filter.Limit = 50
	for name, list := range values {
		for _, v := range list {
			switch name {
			case "date":
				err = q.date(v, now)
			case "patient":
				q.patient = strings.TrimPrefix(v, "Patient/")
				if q.patient == "" || len(q.patient) > 100 {
					err = ErrParameter
				}
			case "entity":
				q.filter.Record, err = dossier.ParseID(strings.TrimPrefix(v, "DocumentReference/"))
			case "case":
				if !caseForm.MatchString(v) {
					err = ErrParameter
				}
				q.number = v
			case "_count":
				n, bad := strconv.Atoi(v)
				if bad != nil || n < 1 || n > 100 {
					err = ErrParameter
				}
				q.filter.Limit = n
			case "_before":
				q.filter.Before, err = strconv.ParseInt(v, 10, 64)
				if q.filter.Before < 0 {
					err = ErrParameter
				}
			case "_format":
				if v != "json" && v != "application/fhir+json" {
					err = ErrParameter
				}
			default:
				err = ErrParameter
			}
			if err != nil {
				return query{}, ErrParameter.Because(err)
			}
		}
		if len(list) > 1 && name != "date" {
			return query{}, ErrParameter
		}
	}
	return q, nil
}

// date reads one date parameter: eq (also unsaid), ge, gt, lt, le; a day in
// Hanoi or an instant.
func (q *query) date(v string, _ time.Time) error {
	prefix := "eq"
	if len(v) > 2 && v[0] >= 'a' && v[0] <= 'z' {
		prefix, v = v[:2], v[2:]
	}
	from, err := time.ParseInLocation("2006-01-02", v, clock.Hanoi)
	until := from.AddDate(0, 0, 1)
	if err != nil {
		if from, err = time.Parse(time.RFC3339, v); err != nil {
			return err
		}
		until = from.Add(time.Second)
	}
	if from.Year() < 1900 || from.Year() > 9000 {
		return ErrParameter
	}
	set := func(to *time.Time, at time.Time, later bool) {
		if to.IsZero() || later == at.After(*to) {
			*to = at
		}
	}
	switch prefix {
	case "eq":
		set(&q.filter.Since, from, true)
		set(&q.filter.Until, until, false)
	case "ge":
		set(&q.filter.Since, from, true)
	case "gt":
		set(&q.filter.Since, until, true)
	case "le":
		set(&q.filter.Until, until, false)
	case "lt":
		set(&q.filter.Until, from, false)
	default:
		return ErrParameter
	}
	return nil
}

// search answers GET /fhir/AuditEvent.
func (d *Doors) search(w http.ResponseWriter, r *http.Request) error {
	who, err := d.Caller(r)
	if err != nil {
		return err
	}
	q, err := parse(r.URL.Query(), d.Clock.Now())
	if err != nil {
		return err
	}
	citizen := who.Role.Kind == role.Citizen && who.Person != care.Person{}
	if !citizen && !who.Role.May(role.Audit) {
		return ErrRole
	}
	if citizen && q.patient != "" && q.patient != "me" || !citizen && q.patient == "me" {
		return ErrParameter
	}
	list, more, err := d.find(r.Context(), who, q, citizen)
	if err != nil {
		return err
	}
	return give(w, http.StatusOK, d.bundle(r.URL.Query(), list, more, citizen))
}

// pages is how many pages are gone through at most for one reference.
const pages = 100

func (d *Doors) find(ctx context.Context, who Caller, q query, citizen bool) ([]store.Disclosure, bool, error) {
	if citizen {
		return d.Looks.OfPerson(ctx, who.Person, q.filter)
	}
	if q.number == "" {
		return nil, false, ErrCase
	}
	detail, err := json.Marshal(map[string]any{"case": q.number, "since": q.filter.Since, "until": q.filter.Until, "record": !q.filter.Record.IsZero(), "patient": q.patient != ""})
	if err != nil {
		return nil, false, fmt.Errorf("fhir: %w", err)
	}
	if err := d.Act(ctx, store.Act{At: d.Clock.Now(), Actor: who.Name, Action: "audit.searched", Object: "disclosures", Detail: string(detail)}); err != nil {
		return nil, false, err
	}
	if q.patient == "" {
		return d.Looks.List(ctx, role.Scope{All: true}, q.filter)
	}
	var out []store.Disclosure
	f := q.filter
	f.Limit = 1000
	for range pages {
		rows, more, err := d.Looks.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return nil, false, err
		}
		for i := range rows {
			if rows[i].Person != (store.PersonID{}) && d.Reference(rows[i].Facility, rows[i].Person) == q.patient {
				if out = append(out, rows[i]); len(out) == q.filter.Limit {
					return out, true, nil
				}
			}
		}
		if !more {
			return out, false, nil
		}
		f.Before = rows[len(rows)-1].ID
	}
	return out, false, nil
}

func give(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("fhir: %w", err)
	}
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who asked has gone
	return nil
}

// fail answers with an OperationOutcome.
func (d *Doors) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	if f.Kind == fault.Broken {
		d.Logger.ErrorContext(r.Context(), "request failed", "path", r.Pattern, "code", f.Code, "error", err)
	}
	kinds := map[fault.Kind]string{fault.Invalid: "invalid", fault.Unauthenticated: "login", fault.Withheld: "forbidden", fault.Absent: "not-found", fault.Busy: "transient", fault.TooMany: "throttled"}
	code := kinds[f.Kind]
	if code == "" {
		code = "exception"
	}
	if failed := give(w, problem.Status(f), map[string]any{"resourceType": "OperationOutcome", "issue": []any{map[string]any{"severity": "error", "code": code,
		"details": map[string]any{"coding": []any{map[string]string{"system": "urn:lienthong:fault", "code": f.Code}}, "text": f.Text.VI}, "diagnostics": f.Text.EN}}}); failed != nil {
		d.Logger.ErrorContext(r.Context(), "no answer", "error", failed)
	}
}

// metadata answers GET /fhir/metadata: what there is, and no more.
func (d *Doors) metadata(w http.ResponseWriter, _ *http.Request) error {
	param := func(name, kind, doc string) map[string]string {
		return map[string]string{"name": name, "type": kind, "documentation": doc}
	}
	return give(w, http.StatusOK, map[string]any{"resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-22", "kind": "instance", "fhirVersion": "4.0.1",
		"format": []string{"json"}, "implementation": map[string]string{"description": d.Hub},
		"rest": []any{map[string]any{"mode": "server", "documentation": "Read-only: who looked.", "resource": []any{map[string]any{"type": "AuditEvent",
			"interaction": []any{map[string]string{"code": "search-type"}}, "searchParam": []any{
				param("date", "date", "eq, ge, gt, le, lt; a day (Hanoi) or an instant"), param("patient", "reference", "Patient/me for a citizen; a facility's reference of a person for auditors"),
				param("entity", "reference", "a record by its id"), param("case", "string", "number of the case; auditors must give it")}}}}}})
}
