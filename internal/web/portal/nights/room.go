// Package nights is the portal's room of what was done at night: each night's jobs,
// with what they looked at, changed and found unequal.
package nights

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// Runner knows; *night.Runner does.
type Runner interface {
	Nights(ctx context.Context, from, to int) ([]house.Night, error)
	Jobs() []string
}

// Deps is what the room asks.
type Deps struct{ Runner Runner }

// Room serves it.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the room within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes are the room's routes.
func Routes() []view.Route[Room] {
	return []view.Route[Room]{{Method: "GET", Pattern: "/night", Rooms: []role.Room{role.Rulebook}, Serve: (*Room).list}}
}

// one is a night with its jobs in the order they are run.
type one struct {
	Day  int
	Jobs []house.Night
}

// shownDays is how many nights a page shows.
const shownDays = 14

func (x *Room) list(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "night.title")
	all, err := x.Runner.Nights(r.Context(), clock.Day(p.Now.AddDate(0, 0, -shownDays)), 0)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	order := x.Runner.Jobs()
	var out []one
	for _, n := range all {
		if len(out) == 0 || out[len(out)-1].Day != n.Day {
			out = append(out, one{Day: n.Day})
		}
		last := &out[len(out)-1]
		last.Jobs = append(last.Jobs, n)
	}
	for i := range out {
		slices.SortStableFunc(out[i].Jobs, func(a, b house.Night) int { return slices.Index(order, a.Job) - slices.Index(order, b.Job) })
	}
	x.frame.Show(w, r, http.StatusOK, listPage(p, out))
}

// dayID names a night within the page.
func dayID(n one) string { return "n-" + strconv.Itoa(n.Day) }

// jobName is what a job is called; its id where the catalogue has no words for it.
func jobName(p view.Page, id string) string {
	if key := "night." + id; p.W.Has(key) {
		return p.W.T(key)
	}
	return id
}

// href is where what a job found is looked at, "" nowhere.
func href(id string) string {
	switch kind, what, _ := strings.Cut(id, "."); kind {
	case "cleaning":
		return "/cleaning?detector=" + what
	case "scores":
		return "/quality"
	case "figures", "counters":
		return "/figures"
	case "debts", "tasks":
		return "/tasks"
	}
	return ""
}

// tone and mark of a job's badge.
func tone(n house.Night) (string, string) {
	switch {
	case n.State == house.NightFailed || n.Unequal > 0:
		return "bad", "bad"
	case n.State == house.NightRunning:
		return "warn", "wait"
	}
	return "ok", "ok"
}

func tones(n house.Night) string { t, _ := tone(n); return t }
func marks(n house.Night) string { _, m := tone(n); return m }

// took is how long a job took, in seconds; "" while it runs.
func took(p view.Page, n house.Night) string {
	if n.Ended.IsZero() {
		return ""
	}
	return p.W.Age(max(n.Ended.Sub(n.Started), time.Second))
}
