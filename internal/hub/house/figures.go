package house

import (
	"context"
	"time"

	"lienthong/internal/figure"
	"lienthong/internal/matter"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/desk"
	"lienthong/internal/web/portal/overview"
)

// openFigures wires what boards say and can be asked to say again.
func (h *House) openFigures(_ context.Context, p Parts) error {
	var err error
	if h.Figures, err = figure.New(figure.Deps{Figures: p.Slices.House.Figures, Checks: p.Slices.House.Boards, Counters: p.Slices.Counters, Ledger: p.Slices.Ledger,
		Directory: p.Directory, Pack: p.pack, Hub: p.Hub, Clock: p.Clock}); err != nil {
		return err
	}
	h.Jobs = append(h.Jobs, h.Figures.Jobs()...)
	h.keeping = desk.NewKeeper(p.Slices.Keys, p.Slices.Counters, p.Room).Keeping
	h.Pages.Overview = p.overview(h.Figures)
	h.Pages.Overview.Keeping = h.keeping
	h.Pages.Overview.Databases, h.Pages.Overview.Tasks = h.databaseStates, h.tasksLate
	h.Rounds = append(h.Rounds, Round{10 * time.Second, "use of boards not kept", h.Pages.Overview.Uses.Keep})
	if p.Took != nil {
		h.Rounds = append(h.Rounds, Round{10 * time.Second, "times to retrievable not kept", p.keepTook})
	}
	return nil
}

// tookKept is for how long times to retrievable are kept.
const tookKept = 48 * time.Hour

// keepTook keeps how long files took since the last time.
func (p Parts) keepTook(ctx context.Context) error {
	now := p.Clock.Now()
	var took []house.Took
	for step, n := range p.Took() {
		if n > 0 {
			took = append(took, house.Took{Minute: now.Truncate(time.Minute), Bucket: step, N: n})
		}
	}
	if len(took) == 0 {
		return nil
	}
	return p.Slices.House.Boards.AddTook(ctx, took, now.Add(-tookKept))
}

// overview is what the first page asks of the house.
func (p Parts) overview(figures *figure.Desk) *overview.Deps {
	d := &overview.Deps{Figures: figures, Boards: p.Slices.House.Boards, Counters: p.Slices.Counters, Acts: p.Slices.Keys, Ways: p.Ways,
		Emergencies: p.unreviewed, Uses: overview.NewUses(p.Slices.House.Boards), Clock: p.Clock}
	if p.Grades != nil {
		d.Quality = p.quality
	}
	if p.Alarms != nil {
		d.Alarms = p.Alarms
	}
	return d
}

// databaseStates are how many databases have come how far.
func (h *House) databaseStates(context.Context) ([]overview.Count, error) {
	by := map[registry.State]int{}
	for _, l := range h.Steward.List() {
		by[l.State()]++
	}
	var out []overview.Count
	for _, state := range registry.States() {
		if by[state] > 0 {
			out = append(out, overview.Count{State: string(state), N: by[state]})
		}
	}
	return out, nil
}

// tasksLate are the tasks in a reader's sight that are not ended.
func (h *House) tasksLate(ctx context.Context, r role.Role, _ time.Time) (late, open int, err error) {
	l, o, err := h.Errands.Late(ctx, r)
	return int(l), int(o), err
}

// unreviewed is how many openings in emergencies nobody has reviewed, by facility.
func (p Parts) unreviewed(ctx context.Context) ([]matter.Waiting, error) {
	return p.Slices.Matters.MattersWaiting(ctx, matter.Filter{Kind: matter.EmergencyReview, Open: true})
}

// pack names the rules in force.
func (p Parts) pack() string { return p.Rules().String() }
