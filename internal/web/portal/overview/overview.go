// Package overview is the operations centre's rooms beside the first page: what
// services add to it (time to retrievable, deliveries, quality, databases, tasks,
// restore, storage, alarms, the self-check of the counters), how each figure is
// computed, pinned and counted again, and how the centre itself is used. A service
// that is not there has no panel: nothing is shown, not zero.
package overview

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/alarm"
	"lienthong/internal/clock"
	"lienthong/internal/figure"
	"lienthong/internal/insight"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/shelf"
	"lienthong/internal/web/portal/view"
)

// Figures pins and recounts; *figure.Desk is one.
type Figures interface {
	Pin(ctx context.Context, actor string, q figure.Query) (*figure.Statement, error)
	Statement(ctx context.Context, id string) (*figure.Statement, error)
	Versions(ctx context.Context, subject string) ([]*figure.Statement, error)
	Recompute(ctx context.Context, s *figure.Statement) (figure.Outcome, error)
}

// Alarms lists alarms; *alarm.Watch is one.
type Alarms interface {
	Open(ctx context.Context) ([]alarm.Alarm, error)
}

// Acts lists administrative acts, newest first; store.Keys has it.
type Acts interface {
	Acts(ctx context.Context, before int64, limit int) ([]store.Act, error)
}

// Word is one of the eight words over the last days, oldest first.
type Word struct {
	Word string // "correct"
	Days []Share
}

// Share is how many checks passed of those that applied.
type Share struct{ Passed, Applied int64 }

// Count is how many are in a state.
type Count struct {
	State string
	N     int
}

// Deps is what the rooms ask. Figures, Boards and Clock must be there; what else is
// nil has no panel.
type Deps struct {
	Figures     Figures
	Boards      house.Boards
	Counters    figure.Counters // for the number before it is pinned
	Acts        Acts
	Alarms      Alarms
	Ways        func(ctx context.Context) ([]alarm.Way, error)
	Keeping     func(ctx context.Context, now time.Time) (view.Keeping, error)
	Quality     func(ctx context.Context, r role.Role, now time.Time) ([]Word, error)
	Databases   func(ctx context.Context) ([]Count, error)
	Tasks       func(ctx context.Context, r role.Role, now time.Time) (late, open int, err error)
	Emergencies func(ctx context.Context) ([]matter.Waiting, error) // reviews of openings in emergencies that nobody closed
	Uses        *Uses                                               // nil: nobody counts how boards are used
	Clock       clock.Clock
}

// Room serves the rooms.
type Room struct {
	Deps
	frame view.Frame

	acts acted

	keeping shelf.Shelf[dated[view.Keeping]] // of Keeping and Quality, which add up many numbers
	words   shelf.Shelf[dated[[]Word]]

	counting sync.Mutex // held while rows are counted for a page
}

// New returns the rooms.
func New(d Deps, f view.Frame) *Room {
	return &Room{Deps: d, frame: f}
}

// Routes are the rooms' routes.
func Routes() []view.Route[Room] {
	counts := []role.Room{role.Counts}
	return []view.Route[Room]{
		{Method: "GET", Pattern: "/figures", Rooms: counts, Serve: (*Room).list},
		{Method: "GET", Pattern: "/figures/{id}", Rooms: counts, Serve: (*Room).one},
		{Method: "POST", Pattern: "/figures/{id}/pin", Rooms: counts, Serve: (*Room).pin},
		{Method: "GET", Pattern: "/statements/{id}", Rooms: counts, Serve: (*Room).statement},
		{Method: "GET", Pattern: "/statements/{id}/json", Rooms: counts, Serve: (*Room).statementJSON},
		{Method: "GET", Pattern: "/statements/{id}/csv", Rooms: counts, Serve: (*Room).statementCSV},
		{Method: "POST", Pattern: "/statements/{id}/recompute", Rooms: counts, Serve: (*Room).recompute},
		{Method: "GET", Pattern: "/overview/use", Rooms: counts, Serve: (*Room).use},
		{Method: "GET", Pattern: "/wall", Rooms: counts, Serve: (*Room).wall},
	}
}

// wall leads to the board as it hangs on a wall.
func (x *Room) wall(w http.ResponseWriter, r *http.Request) {
	x.frame.See(w, r, "/overview?wall=1")
}

// Centre is what services add to the first page of a reader.
func (x *Room) Centre(ctx context.Context, p view.Page) (*view.Centre, error) {
	who := p.Reader.Role
	c := &view.Centre{}
	add := func(to *[]templ.Component, panel templ.Component, err error) error {
		if err == nil && panel != nil {
			*to = append(*to, panel)
		}
		return err
	}
	for _, step := range []struct {
		to   *[]templ.Component
		make func(context.Context, view.Page, role.Role) (templ.Component, error)
	}{
		{&c.Flow, x.took}, {&c.Flow, x.ways}, {&c.Work, x.quality},
		{&c.Foot, x.databases}, {&c.Foot, x.tasks}, {&c.Foot, x.emergencies}, {&c.Foot, x.alarms}, {&c.Foot, x.kept}, {&c.Foot, x.checked},
	} {
		panel, err := step.make(ctx, p, who)
		if err := add(step.to, panel, err); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// took is how long records took until they could be read; nothing where none came.
func (x *Room) took(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if !view.National(who) {
		return nil, nil
	}
	list, err := x.Boards.TookSince(ctx, p.Now.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	var counts [insight.Steps]int64
	var last time.Time
	for _, t := range list {
		if t.Bucket >= 0 && t.Bucket < insight.Steps {
			counts[t.Bucket] += t.N
		}
		if t.Minute.After(last) {
			last = t.Minute
		}
	}
	share := func(percent int64) (w within, any bool) {
		w.D, w.Over, any = insight.Within(counts, percent)
		return w, any
	}
	t := took{Last: last}
	var any bool
	if t.P95, any = share(95); !any {
		return nil, nil
	}
	t.P50, _ = share(50)
	t.P99, _ = share(99)
	return tookPanel(p, t), nil
}

func (x *Room) ways(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if !view.National(who) || x.Ways == nil {
		return nil, nil
	}
	ways, err := x.Ways(ctx)
	if err != nil || len(carrying(ways)) == 0 {
		return nil, err
	}
	return waysPanel(p, ways), nil
}

func (x *Room) quality(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if x.Quality == nil {
		return nil, nil
	}
	words, err := x.words.Get(ctx, who.String(), func(ctx context.Context) (dated[[]Word], error) {
		now := x.Clock.Now()
		list, err := x.Quality(ctx, who, now)
		return dated[[]Word]{list, now}, err
	})
	if err != nil || len(words.Value) == 0 {
		return nil, err
	}
	return qualityPanel(p, words.Value, words.At), nil
}

func (x *Room) databases(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if x.Databases == nil || !who.May(role.Databases) {
		return nil, nil
	}
	counts, err := x.Databases(ctx)
	if err != nil || len(counts) == 0 {
		return nil, err
	}
	return databasesPanel(p, counts), nil
}

func (x *Room) tasks(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if x.Tasks == nil || !who.May(role.Duty) {
		return nil, nil
	}
	late, open, err := x.Tasks(ctx, who, p.Now)
	if err != nil {
		return nil, err
	}
	return smallPanel(p, small{ID: "SL.19", Title: "ioc.tasks", N: p.W.Int(late), Bad: late > 0, Href: "/tasks?view=late", Line: p.W.T("ioc.tasks.open", open), At: p.Now}), nil
}

func (x *Room) emergencies(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if x.Emergencies == nil || !view.National(who) {
		return nil, nil
	}
	waiting, err := x.Emergencies(ctx)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, f := range waiting {
		n += f.N
	}
	return smallPanel(p, small{ID: "SL.17", Title: "ioc.emergencies", N: p.W.Int(n), Bad: n > 0, Href: "/figures/SL.17#f-reviews", Line: p.W.T("ioc.emergencies.line"), At: p.Now}), nil
}

func (x *Room) alarms(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if x.Alarms == nil || !view.National(who) {
		return nil, nil
	}
	open, err := x.Alarms.Open(ctx)
	if err != nil {
		return nil, err
	}
	return alarmsPanel(p, open), nil
}

func (x *Room) kept(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if x.Keeping == nil || !view.National(who) {
		return nil, nil
	}
	k, err := x.keeping.Get(ctx, "", func(ctx context.Context) (dated[view.Keeping], error) {
		now := x.Clock.Now()
		kept, err := x.Keeping(ctx, now)
		return dated[view.Keeping]{kept, now}, err
	})
	if err != nil {
		return nil, err
	}
	return keptPanel(p, k.Value, k.At), nil
}

func (x *Room) checked(ctx context.Context, p view.Page, who role.Role) (templ.Component, error) {
	if !view.National(who) {
		return nil, nil
	}
	checks, err := x.Boards.Checks(ctx, 1)
	if err != nil || len(checks) == 0 {
		return nil, err
	}
	return checkedPanel(p, checks[0]), nil
}

// Opened counts that a board was opened.
func (x *Room) Opened(p view.Page, board string) {
	if p.Reader != nil && x.Uses != nil {
		x.Uses.Opened(clock.Day(p.Now), p.Reader.Role.Kind, board)
	}
}

// small is a panel of one number.
type small struct {
	ID, Title, N, Href, Line string
	Bad                      bool
	At                       time.Time // when it was counted
}
