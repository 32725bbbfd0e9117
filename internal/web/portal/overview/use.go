package overview

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// useDays is how far back use is shown.
const useDays = 30

// Uses counts how often boards are opened. Nobody is named.
type Uses struct {
	boards house.Boards

	mu   sync.Mutex
	uses map[house.Use]int64 // not kept yet; N is 0 in the key
}

// NewUses returns a counter that keeps its counts in boards.
func NewUses(boards house.Boards) *Uses { return &Uses{boards: boards, uses: map[house.Use]int64{}} }

// Opened counts that a board was opened.
func (x *Uses) Opened(day int, kind role.Kind, board string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.uses[house.Use{Day: day, Role: string(kind), Board: board}]++
}

// Keep keeps how often boards were opened since the last time.
func (x *Uses) Keep(ctx context.Context) error {
	x.mu.Lock()
	uses := x.uses
	x.uses = map[house.Use]int64{}
	x.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	var list []house.Use
	for u, n := range uses {
		u.N = n
		list = append(list, u)
	}
	err := x.boards.AddUse(ctx, list)
	if err != nil { // counted with the next ones
		x.mu.Lock()
		for u, n := range uses {
			x.uses[u] += n
		}
		x.mu.Unlock()
	}
	return err
}

// used is how the centre was used.
type used struct {
	Rows   []useRow
	Alarms *acting // nil: the reader does not see alarms
}

type useRow struct {
	Board, Role      string
	Today, Week, All int64
}

// acting is what became of alarms.
type acting struct {
	Opened, Taken, Alone int // alone: closed by itself, its cause gone, before anybody took it
	Half, Slowest        time.Duration
}

func (x *Room) use(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "overview", "ioc.use.title")
	if x.Uses != nil {
		if err := x.Uses.Keep(r.Context()); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	uses, err := x.Boards.Uses(r.Context(), clock.Day(p.Now.AddDate(0, 0, 1-useDays)))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := map[[2]string]*useRow{}
	today, week := clock.Day(p.Now), clock.Day(p.Now.AddDate(0, 0, -6))
	for _, u := range uses {
		k := [2]string{u.Board, u.Role}
		if rows[k] == nil {
			rows[k] = &useRow{Board: u.Board, Role: u.Role}
		}
		rows[k].All += u.N
		if u.Day >= week {
			rows[k].Week += u.N
		}
		if u.Day >= today {
			rows[k].Today += u.N
		}
	}
	var u used
	for _, row := range rows {
		u.Rows = append(u.Rows, *row)
	}
	slices.SortFunc(u.Rows, func(a, b useRow) int { return cmp.Or(cmp.Compare(a.Board, b.Board), cmp.Compare(a.Role, b.Role)) })
	if x.Acts != nil && view.National(p.Reader.Role) {
		a, err := x.acts.since(r.Context(), x.Acts, p.Now.AddDate(0, 0, -useDays))
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		u.Alarms = &a
	}
	x.frame.Show(w, r, http.StatusOK, usePage(p, u))
}

// acted remembers the acts about alarms, so that only new ones are read.
type acted struct {
	mu   sync.Mutex
	seen int64
	list []store.Act // oldest first
}

// since reads what became of alarms that were opened since.
func (a *acted) since(ctx context.Context, acts Acts, from time.Time) (acting, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.read(ctx, acts, from); err != nil {
		return acting{}, err
	}
	var out acting
	opened := map[string]time.Time{}
	var took []time.Duration
	for _, act := range a.list {
		at, open := opened[act.Object]
		switch act.Action {
		case "alarm.opened":
			opened[act.Object] = act.At
			out.Opened++
		case "alarm.acknowledged":
			if open {
				took = append(took, act.At.Sub(at))
				delete(opened, act.Object) // who takes it over later does not count again
			}
		case "alarm.closed":
			if open {
				out.Alone++
				delete(opened, act.Object)
			}
		}
	}
	if out.Taken = len(took); out.Taken > 0 {
		slices.Sort(took)
		out.Half, out.Slowest = took[len(took)/2], took[len(took)-1]
	}
	return out, nil
}

func (a *acted) read(ctx context.Context, acts Acts, from time.Time) error {
	var fresh []store.Act
	var newest, before int64
	for more := true; more; {
		page, err := acts.Acts(ctx, before, 1000)
		if err != nil {
			return err
		}
		more = len(page) == 1000
		for _, act := range page {
			newest, before = max(newest, act.ID), act.ID
			if act.ID <= a.seen || act.At.Before(from) {
				more = false
				break
			}
			if act.Action == "alarm.opened" || act.Action == "alarm.acknowledged" || act.Action == "alarm.closed" {
				fresh = append(fresh, act)
			}
		}
	}
	slices.Reverse(fresh)
	a.seen = max(a.seen, newest)
	a.list = append(slices.DeleteFunc(a.list, func(act store.Act) bool { return act.At.Before(from) }), fresh...)
	return nil
}
