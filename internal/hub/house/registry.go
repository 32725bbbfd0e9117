package house

import (
	"context"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/disclose/register"
	"lienthong/internal/duty"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/steward/bring"
	shelf "lienthong/internal/store/house"
	"lienthong/internal/store/importspool"
	"lienthong/internal/web/portal/databases"
)

// wordsDays is how many days the numbers beside a database are of.
const wordsDays = 30

// openRegistry wires the pages of databases, and files that are brought into them.
func (h *House) openRegistry(_ context.Context, p Parts) error {
	s := p.Slices.House
	d := &databases.Deps{Steward: h.Steward, Entries: h.Entries, Law: law.Text, Nothing: disclose.Nothing,
		Counts: func(ctx context.Context) (map[registry.ID]map[registry.EntryState]int64, error) {
			counts, err := s.Entries.Counts(ctx, "")
			out := map[registry.ID]map[registry.EntryState]int64{}
			for _, c := range counts {
				if out[c.Database] == nil {
					out[c.Database] = map[registry.EntryState]int64{}
				}
				out[c.Database][c.State] += c.N
			}
			return out, err
		}}
	if p.Grades != nil {
		d.Words = p.databaseWords
	}
	h.Pages.Databases = d
	if p.Imports == "" {
		return nil
	}
	spool, err := importspool.Open(p.Imports, p.Vault)
	if err != nil {
		return err
	}
	machine, err := spool.Machine()
	if err != nil {
		return err
	}
	desk, err := bring.New(bring.Deps{Imports: s.Imports, Entries: s.Entries, Steward: h.Steward, Files: spool, Clock: p.Clock, Logger: p.Logger,
		History: func(ctx context.Context, steward string, id registry.ID, entry registry.EntryID) ([]registry.Entry, error) {
			r := register.Reader{Role: role.Role{Kind: role.Unit, ID: steward}, Name: "import", Route: "import.undo"}
			return h.Entries.History(ctx, r, id, entry)
		}}, bring.Config{Holder: p.Holder, Place: machine})
	if err != nil {
		return err
	}
	d.Imports, h.Imports = desk, desk
	h.Rounds = append(h.Rounds,
		Round{Every: 2 * time.Second, Failed: "imports not worked off", Do: desk.Work},
		Round{Every: time.Hour, Failed: "old import files not destroyed", Do: desk.Sweep})
	return nil
}

// unitName is what a unit is called now; one that cannot be read is called as in the
// default list.
func (h *House) unitName(id string) fault.Text {
	if h.Errands != nil {
		if all, err := h.Errands.AllUnits(context.Background()); err == nil {
			u, _ := all.Get(id)
			return u.Name
		}
	}
	u, _ := duty.NewUnits(nil).Get(id)
	return u.Name
}

// databaseWords are the eight words of each database over the last days.
func (p Parts) databaseWords(ctx context.Context) (map[registry.ID][]databases.Word, error) {
	from := clock.Day(p.Clock.Now().AddDate(0, 0, 1-wordsDays))
	lines, err := p.Grades.Words(ctx, role.Scope{All: true}, shelf.ScoreQuery{FromDay: from})
	if err != nil {
		return nil, err
	}
	out := map[registry.ID][]databases.Word{}
	for _, l := range lines {
		id, ok := score.DatabaseOf(l.Subject)
		if !ok {
			continue
		}
		for _, w := range score.Words() {
			out[id] = append(out[id], databases.Word{Name: string(w), Passed: int64(l.Words[w].Passed), Applied: int64(l.Words[w].Applied)})
		}
	}
	return out, nil
}
