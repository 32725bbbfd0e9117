// Package ministry gathers the rooms of the ministry's house, so that the portal
// and the hub's wiring know them as one. It has no page of its own.
package ministry

import (
	"net/http"
	"slices"

	"lienthong/internal/fault"
	"lienthong/internal/web/portal/cleaning"
	"lienthong/internal/web/portal/databases"
	"lienthong/internal/web/portal/duty"
	"lienthong/internal/web/portal/nights"
	"lienthong/internal/web/portal/overview"
	"lienthong/internal/web/portal/rulebook"
	"lienthong/internal/web/portal/scores"
	"lienthong/internal/web/portal/standing"
	"lienthong/internal/web/portal/view"
)

// Deps are what the rooms ask for; what is nil has no pages.
type Deps struct {
	Unit     func(id string) fault.Text // what a unit is called, zero not known; nil: nobody knows
	Facility func(code string) string   // and a facility

	Databases *databases.Deps

	Duty     *duty.Deps
	Overview *overview.Deps
	Rulebook *rulebook.Deps
	Scores   *scores.Deps

	Cleaning *cleaning.Deps
	Nights   *nights.Deps
	Standing *standing.Deps
}

// Rooms are those the hub has.
type Rooms struct {
	absent http.HandlerFunc

	databases *databases.Room

	duty     *duty.Room
	overview *overview.Room
	rulebook *rulebook.Room
	scores   *scores.Room

	cleaning *cleaning.Room
	nights   *nights.Room
	standing *standing.Room
}

// New builds them; absent answers for those that are not there.
func New(d Deps, f view.Frame, absent http.HandlerFunc) *Rooms {
	r := &Rooms{absent: absent}
	if d.Databases != nil {
		r.databases = databases.New(*d.Databases, f)
	}
	if d.Cleaning != nil {
		r.cleaning = cleaning.New(*d.Cleaning, f)
	}
	if d.Nights != nil {
		r.nights = nights.New(*d.Nights, f)
	}
	if d.Standing != nil {
		r.standing = standing.New(*d.Standing, f)
	}
	if d.Duty != nil {
		r.duty = duty.New(*d.Duty, f)
	}
	if d.Rulebook != nil {
		r.rulebook = rulebook.New(*d.Rulebook, f)
	}
	if d.Scores != nil {
		r.scores = scores.New(*d.Scores, f)
	}
	if d.Overview != nil {
		r.overview = overview.New(*d.Overview, f)
	}
	return r
}

// Standing is how facilities take part; nil without it.
func (r *Rooms) Standing() *standing.Room { return r.standing }

// Overview is the operations centre; nil without one.
func (r *Rooms) Overview() *overview.Room { return r.overview }

// Routes are the routes of all.
func Routes() []view.Route[Rooms] {
	return slices.Concat(
		of(cleaning.Routes(), func(r *Rooms) *cleaning.Room { return r.cleaning }),
		of(nights.Routes(), func(r *Rooms) *nights.Room { return r.nights }),
		of(databases.Routes(), func(r *Rooms) *databases.Room { return r.databases }),
		of(duty.Routes(), func(r *Rooms) *duty.Room { return r.duty }),
		of(overview.Routes(), func(r *Rooms) *overview.Room { return r.overview }),
		of(rulebook.Routes(), func(r *Rooms) *rulebook.Room { return r.rulebook }),
		of(scores.Routes(), func(r *Rooms) *scores.Room { return r.scores }),
		of(standing.Routes(), func(r *Rooms) *standing.Room { return r.standing }),
	)
}

// of are the routes of one set of rooms as those of the house.
func of[R any](table []view.Route[R], room func(*Rooms) *R) []view.Route[Rooms] {
	out := make([]view.Route[Rooms], len(table))
	for i, line := range table {
		out[i] = view.Route[Rooms]{Method: line.Method, Pattern: line.Pattern, Rooms: line.Rooms, Discloses: line.Discloses, SteppedUp: line.SteppedUp,
			Serve: func(rooms *Rooms, w http.ResponseWriter, r *http.Request) {
				if at := room(rooms); at != nil {
					line.Serve(at, w, r)
				} else {
					rooms.absent(w, r)
				}
			}}
	}
	return out
}
