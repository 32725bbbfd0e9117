// Package duty is the portal's rooms of units and their tasks: who owes what by
// when, what holds it up, the report a meeting looks at, units with what each does
// for a database, and the programmes tasks come from. It asks the desk of package
// errand, which decides who sees and may do what, and shows what it answers.
package duty

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Desk     *errand.Desk
	Facility func(code care.FacilityCode) string // its name; "" for none known
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
	rooms := []role.Room{role.Duty}
	line := func(method, pattern string, s func(*Room, http.ResponseWriter, *http.Request)) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: rooms, Serve: s}
	}
	return []view.Route[Room]{
		line("GET", "/tasks", (*Room).list),
		line("GET", "/tasks.csv", (*Room).listCSV),
		line("POST", "/tasks/bulk", (*Room).bulk),
		line("GET", "/tasks/new", (*Room).newTask),
		line("POST", "/tasks/new", (*Room).openTask),
		line("GET", "/tasks/report", (*Room).report),
		line("GET", "/tasks/report.pdf", (*Room).reportPDF),
		line("GET", "/tasks/report.csv", (*Room).reportCSV),
		line("POST", "/tasks/limits", (*Room).limits),
		line("GET", "/tasks/{number}", (*Room).oneTask),
		line("POST", "/tasks/{number}", (*Room).step),

		line("GET", "/units", (*Room).units),
		line("GET", "/units.csv", (*Room).unitsCSV),
		line("POST", "/units", (*Room).addUnit),
		line("GET", "/units/{id}", (*Room).unit),
		line("POST", "/units/{id}", (*Room).changeUnit),

		line("GET", "/programmes", (*Room).programmes),
		line("GET", "/programmes.csv", (*Room).programmesCSV),
		line("POST", "/programmes", (*Room).putProgramme),
	}
}

// who is who presses.
func who(p *view.Page) errand.Who {
	return errand.Who{Role: p.Reader.Role, Name: strings.TrimSpace("portal " + p.Reader.Role.String() + " " + p.Reader.Mark)}
}

// field reads a short form field, "" when it is longer than limit bytes.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}

// dayField reads a day of a form, 0 for none; one that is no day is -1, which no
// task takes.
func dayField(r *http.Request, name string) int {
	text := field(r, name, 20)
	if text == "" {
		return 0
	}
	day, err := duty.ParseDay(text)
	if err != nil {
		return -1
	}
	return day
}

const longest = 8000 // bytes of words

// names are the names of everybody a page speaks of.
type names struct {
	x         *Room
	p         *view.Page
	units     *duty.Units
	databases []errand.Database
}

func (x *Room) names(ctx context.Context, p *view.Page) (*names, error) {
	u, err := x.Desk.AllUnits(ctx)
	return &names{x, p, u, x.Desk.AllDatabases()}, err
}

// party is who owns a task or holds it up, by name.
func (n *names) party(p duty.Party) string {
	if id := p.Unit(); id != "" {
		if u, ok := n.units.Get(id); ok {
			return n.p.W.Text(u.Name)
		}
		return id
	}
	code := p.Facility()
	if name := n.x.Facility(code); name != "" {
		return string(code) + " " + name
	}
	return string(code)
}

func (n *names) database(id string) string {
	for _, b := range n.databases {
		if b.ID == id {
			return n.p.W.Text(b.Name)
		}
	}
	return id
}

func (n *names) source(s duty.Source, programmes []duty.Programme) string {
	if s.Kind == duty.FromProgramme {
		for _, q := range programmes {
			if q.ID == s.Ref {
				return n.p.W.Text(q.Title)
			}
		}
	}
	text := n.p.W.T("duty.source." + s.Kind)
	if s.Ref != "" {
		text += ": " + s.Ref
	}
	return text
}

// date writes a day for people.
func date(p *view.Page, day int) string {
	if !duty.ValidDay(day) {
		return "–"
	}
	return p.W.Date(duty.DayTime(day))
}

func attr(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// look is the mark and tone of a task's state.
func look(t *duty.Task, today int) (tone, mark string) {
	switch {
	case t.State == duty.Done:
		return "ok", "ok"
	case t.State == duty.Cancelled:
		return "off", "none"
	case t.State == duty.Blocked:
		return "bad", "hold"
	case t.Late(today):
		return "bad", "bad"
	case t.State == duty.InProgress:
		return "wait", "wait"
	}
	return "wait", "wait"
}

func today(p *view.Page) int { return clock.Day(p.Now) }

// link is a local path with a query; what is empty is left out.
func link(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

func taskHref(id string) string { return "/tasks/" + url.PathEscape(id) }
func unitHref(id string) string { return "/units/" + url.PathEscape(id) }
