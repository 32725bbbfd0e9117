// Package privacy is the portal's rooms of privacy officers and auditors: what
// waits for an answer, one case with who looked and why, breaches with their clock,
// and questions to the log of looks. It asks the small interface below and shows
// what it answers; who may enter a room the portal checks, and what an officer
// answers for package review decides. No page shows what a record says.
package privacy

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/review"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// Desk is the service; *review.Desk is one.
type Desk interface {
	Queue(ctx context.Context, o review.Officer) (*review.Queue, error)
	Case(ctx context.Context, o review.Officer, number string) (*review.Case, error)
	Act(ctx context.Context, o review.Officer, number string, v review.Decision) (*matter.Matter, error)
	Lift(ctx context.Context, o review.Officer, whose care.Staff) error
	Unlock(ctx context.Context, o review.Officer, mark, reason string) error

	Ask(ctx context.Context, o review.Officer, q review.Query) (string, error)
	Queries(ctx context.Context, o review.Officer, limit int) ([]review.Asked, error)
	Page(ctx context.Context, o review.Officer, id string, before int64) (*review.Result, error)
	Export(ctx context.Context, o review.Officer, id string) (*review.Export, error)
	CSV(ctx context.Context, o review.Officer, id string) (table []byte, partial bool, err error)

	OpenBreach(ctx context.Context, o review.Officer, r review.Report) (*matter.Matter, error)
	Breaches(ctx context.Context, o review.Officer) ([]review.Breach, error)
	Breach(ctx context.Context, o review.Officer, number string) (*review.Breach, error)
	Affected(ctx context.Context, o review.Officer, number string) (*review.Affected, error)
	MoveBreach(ctx context.Context, o review.Officer, number string, v review.StepBreach) (*review.Breach, error)
	Summary(ctx context.Context, o review.Officer, number string) (*review.Summary, error)
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Desk      Desk
	Facility  func(code care.FacilityCode) string // its name; "" for none known
	StaffName func(ctx context.Context, id care.Staff) string
	Law       func(source string) fault.Text
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table. No route shows what a record says.
func Routes() []view.Route[Room] {
	officer := []role.Room{role.Reviews, role.Administer}
	audit := []role.Room{role.Audit}
	line := func(method, pattern string, rooms []role.Room, s func(*Room, http.ResponseWriter, *http.Request)) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: rooms, Serve: s}
	}
	return []view.Route[Room]{
		line("GET", "/privacy", officer, (*Room).queue),
		line("GET", "/privacy/cases/{number}", officer, (*Room).oneCase),
		line("POST", "/privacy/cases/{number}", officer, (*Room).act),
		line("POST", "/privacy/lift", officer, (*Room).lift),
		line("POST", "/privacy/unlock", officer, (*Room).unlock),

		line("GET", "/privacy/breaches", officer, (*Room).breaches),
		line("POST", "/privacy/breaches", officer, (*Room).openBreach),
		line("GET", "/privacy/breaches/{number}", officer, (*Room).breach),
		line("POST", "/privacy/breaches/{number}", officer, (*Room).moveBreach),
		line("GET", "/privacy/breaches/{number}/report", officer, (*Room).report),
		line("GET", "/privacy/breaches/{number}/report.json", officer, (*Room).reportJSON),
		line("GET", "/privacy/breaches/{number}/report.pdf", officer, (*Room).reportPDF),

		line("GET", "/audit", audit, (*Room).queries),
		line("POST", "/audit", audit, (*Room).ask),
		line("GET", "/audit/{query}", audit, (*Room).results),
		line("POST", "/audit/{query}/export.json", audit, (*Room).exportJSON),
		line("POST", "/audit/{query}/export.csv", audit, (*Room).exportCSV),
	}
}

func officer(p *view.Page) review.Officer {
	return review.Officer{Role: p.Reader.Role, Staff: p.Reader.Staff, Mark: p.Reader.Mark, SteppedUp: p.Reader.SteppedUp}
}

// again is where the second factor is given, and where that leads back.
func again(path string) string { return "/account/step-up?next=" + url.QueryEscape(path) }

// field reads a short form field, "" when it is longer than limit.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}

const longest = 8000 // bytes of words

func number(r *http.Request, name string) int {
	n, err := strconv.Atoi(field(r, name, 10))
	if err != nil {
		return -1
	}
	return n
}

// moment reads a time of a form field as browsers send it, in Hanoi; zero for none.
func moment(text string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, clock.Hanoi); err == nil {
			return t
		}
	}
	return time.Time{}
}

func fieldTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Hanoi).Format("2006-01-02T15:04")
}

func fieldDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Hanoi).Format(time.DateOnly)
}

func attrTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// words splits a field of ids.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '\n' || r == '\r' || r == '\t' })
}

// place is a facility's name with its code.
func (x *Room) place(code care.FacilityCode) string {
	if code == "" {
		return "–"
	}
	if name := x.Facility(code); name != "" {
		return name + " (" + string(code) + ")"
	}
	return string(code)
}

// who is a member of staff by name, else by the mark of their session.
func (x *Room) who(ctx context.Context, id care.Staff, mark string) string {
	if id != (care.Staff{}) {
		if name := x.StaffName(ctx, id); name != "" {
			return name
		}
		return hex.EncodeToString(id[:4])
	}
	return mark
}

// word is a key's word where there is one, else what was to be said.
func word(p *view.Page, prefix, what string) string {
	if p.W.Has(prefix + what) {
		return p.W.T(prefix + what)
	}
	return what
}

func basis(p *view.Page, what string) string {
	if p.W.Has("privacy.basis." + what) {
		return p.W.T("privacy.basis." + what)
	}
	return word(p, "basis.", what)
}

func hexOf(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(id[:])
}

func staffOf(text string) (id care.Staff) {
	if b, err := hex.DecodeString(text); err == nil && len(b) == len(id) {
		copy(id[:], b)
	}
	return id
}
