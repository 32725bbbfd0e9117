package house

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/population"
	"lienthong/internal/care"
	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/disclose/register"
	"lienthong/internal/ledger"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/remark"
	"lienthong/internal/store"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
	pages "lienthong/internal/web/portal/cleaning"
	"lienthong/internal/web/portal/nights"
)

// openCleaning wires what looks through databases at night, and what people decide
// about what it found.
func (h *House) openCleaning(_ context.Context, p Parts) error {
	s := p.Slices.House
	keeper := entryKeeper{h.Steward, h.Entries, p.Clock}
	client := outbound.New(10 * time.Second)
	var err error
	h.Cleaning, err = cleaning.New(cleaning.Deps{Proposals: s.Proposals, Alike: s.Alike, Entries: s.Entries, Databases: keeper.databases, Writer: keeper, Book: keeper,
		Register: func(ctx context.Context) (*cleaning.Register, error) { return residents(ctx, client, p.Slices) }, Directory: p.Directory,
		Act: func(a base.Act) base.Act {
			a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
			return a
		}, Clock: p.Clock}, cleaning.Config{})
	if err != nil {
		return err
	}
	h.Jobs = append(append(h.Jobs, h.Cleaning.Jobs()...), remark.Job(remark.Deps{Steward: h.Steward, Book: h.Entries, Duplicate: h.Cleaning.Duplicate}))
	h.Pages.Cleaning = &pages.Deps{Desk: h.Cleaning, Name: keeper.name, Lines: func(ctx context.Context, r role.Role, c *cleaning.Proposal) ([]pages.Line, error) {
		return sideBySide(ctx, h.Steward, s.Entries, s.Alike, r, c, p.Clock.Now())
	}}
	return nil
}

// inOrder is the order of a night: what is counted first, then what is cleaned and
// marked by it, then what is said and asked because of it.
var inOrder = []string{"counters.", "scores.", "cleaning.", "entries.", "figures.", "debts", "tasks."}

// openNight wires the runner of all jobs; it is opened last.
func (h *House) openNight(_ context.Context, p Parts) error {
	rank := func(j night.Job) int {
		if i := slices.IndexFunc(inOrder, func(prefix string) bool { return strings.HasPrefix(j.ID, prefix) }); i >= 0 {
			return i
		}
		return len(inOrder)
	}
	slices.SortStableFunc(h.Jobs, func(a, b night.Job) int { return cmp.Compare(rank(a), rank(b)) })
	var err error
	h.Night, err = night.New(night.Deps{Nights: p.Slices.House.Nights, Turns: p.Slices.House.Entries, Clock: p.Clock, Jobs: h.Jobs},
		night.Config{Holder: p.Holder, From: p.NightFrom})
	if err != nil {
		return err
	}
	h.Pages.Nights = &nights.Deps{Runner: h.Night}
	h.Rounds = append(h.Rounds, Round{Every: 20 * time.Second, Failed: "jobs of the night not done", Do: h.Night.Round})
	return nil
}

// entryKeeper is how cleaning reads and writes entries: as the unit that answers for
// the database, through the steward and the reader that writes each look down.
type entryKeeper struct {
	steward *steward.Steward
	entries *register.Entries
	clock   clock.Clock
}

func (k entryKeeper) databases() []cleaning.Database {
	var out []cleaning.Database
	for _, l := range k.steward.List() {
		out = append(out, cleaning.Database{Database: l.Database, Dissolved: l.Dissolved, Given: func(r role.Role) []string {
			sight, _ := l.Sees(r, k.clock.Now())
			return sight.Fields
		}})
	}
	return out
}

func (k entryKeeper) reader(id registry.ID) (register.Reader, error) {
	l, err := k.steward.Get(id)
	if err != nil {
		return register.Reader{}, err
	}
	return register.Reader{Role: role.Role{Kind: role.Unit, ID: l.Steward}, Name: "cleaning", Route: "cleaning"}, nil
}

// Open opens entries, in order; one that is gone is left out.
func (k entryKeeper) Open(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]registry.Entry, error) {
	r, err := k.reader(id)
	if err != nil {
		return nil, err
	}
	var out []registry.Entry
	for _, e := range entries {
		one, err := k.entries.Get(ctx, r, id, e, time.Time{})
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// Write writes what was accepted, in one commit.
func (k entryKeeper) Write(ctx context.Context, id registry.ID, w cleaning.Writing) error {
	out := steward.Writing{Closes: w.Closes, Act: &w.Act}
	for _, c := range w.Changes {
		opened, err := k.Open(ctx, id, []registry.EntryID{c.Entry})
		if err != nil {
			return err
		}
		e := opened[0]
		if e.Version != c.Version || e.State != registry.Live {
			return store.ErrChanged
		}
		values := maps.Clone(e.Values)
		maps.Copy(values, c.Set)
		e.Origin.By = c.By
		out.Drafts = append(out.Drafts, steward.Draft{Values: values, Origin: e.Origin})
	}
	_, err := k.steward.Write(ctx, id, out)
	return err
}

// residents is the population register that is approved: the first approved entry.
func residents(ctx context.Context, client *outbound.Client, s *store.Slices) (*cleaning.Register, error) {
	list, _, err := s.Destinations.Destinations(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.Adapter != "population" || !d.Ended.IsZero() || !d.Paused.IsZero() {
			continue
		}
		b, err := population.New(client, d.URL, d.Private)
		if err != nil {
			return nil, err
		}
		return &cleaning.Register{ID: d.ID, Ask: func(ctx context.Context, q cleaning.Question) (cleaning.Answer, error) {
			born, err := care.ParseMoment(strings.ReplaceAll(q.Birth, "-", ""))
			if err != nil {
				return cleaning.Answer{}, err
			}
			a, err := b.Ask(ctx, population.Question{Number: q.Number, Name: q.Name, Birth: born})
			return cleaning.Answer{State: string(a.State), Differs: a.Differs, By: a.By}, err
		}}, nil
	}
	return nil, nil
}

var (
	_ cleaning.Writer = entryKeeper{}
	_ cleaning.Book   = entryKeeper{}
	_ night.Turns     = house.Entries(nil)
)
