// Package proposals keeps in the embedded engine what cleaning proposes, and finds
// entries that say the same. It decides nothing.
package proposals

import (
	"cmp"
	"context"
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/store/base"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Proposals implements house.Proposals and house.Alike.
type Proposals struct{ db *file.DB }

var (
	_ house.Proposals = (*Proposals)(nil)
	_ house.Alike     = (*Proposals)(nil)
)

// New returns the slices of an open file.
func New(db *file.DB) *Proposals { return &Proposals{db} }

const columns = `id, database, detector, kind, state, version, facts, night, entries, at, changed, actor, reason, body, undo`

var (
	put = `INSERT INTO proposal (` + columns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
 ON CONFLICT (id) DO UPDATE SET kind = ?4, state = ?5, version = ?6, facts = ?7, night = ?8, entries = ?9, at = ?10, changed = ?11, actor = ?12, reason = ?13, body = ?14, undo = ?15
 WHERE version = ?6 - 1`
	putStep    = file.Insert(`proposal_step (proposal, n, at, state, actor, reason)`, ``)
	dropEntry  = `DELETE FROM proposal_entry WHERE proposal = ? AND database = ? AND entry = ?` // one at a time, by its key: there are few
	putEntry   = file.Insert(`proposal_entry (proposal, database, entry)`, `ON CONFLICT DO NOTHING`)
	askHeld    = file.Asking("id", `SELECT p.id, p.database, p.detector, p.kind, p.state, p.version, p.facts, p.night, p.entries, p.at, p.changed, p.actor, p.reason, p.body, p.undo FROM k JOIN proposal p ON p.id = k.id`)
	askVersion = file.Asking("id", `SELECT p.id, p.version, p.entries FROM k JOIN proposal p ON p.id = k.id`)
	found      = file.Asking("night, id", `UPDATE proposal SET night = (SELECT k.night FROM k WHERE k.id = proposal.id) WHERE id IN (SELECT id FROM k)`)
	askAbout   = file.Asking("database, entry", `SELECT DISTINCT e.proposal FROM k JOIN proposal_entry e ON e.database = k.database AND e.entry = k.entry`)
	askKeys    = file.Asking("database, id", `SELECT y.id, y.field, y.value FROM k JOIN db_key y ON y.database = k.database AND y.id = k.id`)
)

func ids(all []string) []any {
	out := make([]any, len(all))
	for i, id := range all {
		out[i] = id
	}
	return out
}

// Held returns those there are.
func (x *Proposals) Held(ctx context.Context, all []string) (out []house.Proposal, err error) {
	if err := base.CheckText(all...); err != nil {
		return nil, err
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		return s.AskBulk(askHeld, ids(all), func(row file.Scanner) error {
			p, err := scan(row.Scan)
			out = append(out, p)
			return err
		})
	})
	slices.SortFunc(out, func(a, b house.Proposal) int { return cmp.Compare(a.ID, b.ID) })
	return out, err
}

type was struct {
	version int
	entries []byte
}

// Put keeps proposals.
func (x *Proposals) Put(ctx context.Context, all []house.Proposal, act *base.Act) error {
	if err := house.CheckProposals(all); err != nil {
		return err
	}
	lane := file.Backlog
	if act != nil {
		if err := file.CheckAct(*act); err != nil {
			return err
		}
		lane = file.Administrative
	}
	return x.db.Write(ctx, lane, min(64, 1+len(all)), func(tx *file.Tx) error {
		if err := write(tx, all); err != nil {
			return err
		}
		if act == nil {
			return nil
		}
		return tx.Act(*act)
	})
}

func write(tx *file.Tx, all []house.Proposal) error {
	var names []string
	for i := range all {
		names = append(names, all[i].ID)
	}
	held := map[string]was{}
	err := tx.AskBulk(askVersion, ids(names), func(row file.Scanner) error {
		var id string
		var w was
		err := row.Scan(&id, &w.version, &w.entries)
		held[id] = w
		return err
	})
	if err != nil {
		return err
	}
	var steps, drop, about []any
	for i := range all {
		p := &all[i]
		w := held[p.ID]
		if p.Version != w.version+1 {
			return base.ErrChanged
		}
		text := house.EntriesText(p.Entries)
		if _, err := tx.Exec(put, p.ID, string(p.Database), p.Detector, p.Kind, p.State, p.Version, p.Facts, p.Night, text, entry.Micros(p.At), entry.Micros(p.Changed), p.Actor, p.Reason, p.Body, p.Undo); err != nil {
			return err
		}
		steps = append(steps, p.ID, int64(p.Version), entry.Micros(p.Changed), p.State, p.Actor, p.Reason)
		if string(w.entries) != string(text) {
			old, err := house.ReadEntries(w.entries)
			if err != nil {
				return err
			}
			drop, about = entries(drop, p, old), entries(about, p, p.Entries)
		}
	}
	if _, err := tx.ExecBulk(putStep, steps); err != nil {
		return err
	}
	for gone := range slices.Chunk(drop, 3) {
		if _, err := tx.Exec(dropEntry, gone...); err != nil {
			return err
		}
	}
	_, err = tx.ExecBulk(putEntry, about)
	return err
}

func entries(to []any, p *house.Proposal, all []registry.EntryID) []any {
	for i := range all {
		to = append(to, p.ID, string(p.Database), all[i][:])
	}
	return to
}

// Again says that proposals were found again.
func (x *Proposals) Again(ctx context.Context, night int, all []string) error {
	if err := base.CheckText(all...); err != nil || len(all) == 0 {
		return err
	}
	var args []any
	for _, id := range all {
		args = append(args, int64(night), id)
	}
	return x.db.Write(ctx, file.Backlog, min(64, len(all)), func(tx *file.Tx) error {
		_, err := tx.ExecBulk(found, args)
		return err
	})
}

// List returns proposals.
func (x *Proposals) List(ctx context.Context, f house.ProposalFilter) ([]house.Proposal, bool, error) {
	limit := file.Limit(f.Limit)
	q := file.Select(`SELECT `+columns+` FROM proposal`).And(`id > ?`, f.After)
	if f.Databases != nil {
		var args []any
		for _, d := range f.Databases {
			args = append(args, string(d))
		}
		q.And(`database IN (`+file.Marks(len(args))+`)`, args...)
	}
	if f.Detector != "" {
		q.And(`detector = ?`, f.Detector)
	}
	if f.State != "" {
		q.And(`state = ?`, f.State)
	}
	if f.Before > 0 {
		q.And(`night < ?`, f.Before)
	}
	text, args := q.End(` ORDER BY id LIMIT ?`, limit+1)
	var out []house.Proposal
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			p, err := scan(row.Scan)
			out = append(out, p)
			return err
		})
	})
	out, more := file.Page(out, limit)
	return out, more, err
}

// Counts counts them.
func (x *Proposals) Counts(ctx context.Context) (out []house.ProposalCount, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT database, detector, state, count(*) FROM proposal GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`)
		return file.Each(rows, err, func(row file.Scanner) error {
			var c house.ProposalCount
			err := row.Scan(&c.Database, &c.Detector, &c.State, &c.N)
			out = append(out, c)
			return err
		})
	})
	return out, err
}

// Steps returns what one went through.
func (x *Proposals) Steps(ctx context.Context, id string) (out []house.ProposalStep, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT n, at, state, actor, reason FROM proposal_step WHERE proposal = ? ORDER BY n`, id)
		return file.Each(rows, err, func(row file.Scanner) error {
			var st house.ProposalStep
			var at int64
			err := row.Scan(&st.N, &at, &st.State, &st.Actor, &st.Reason)
			st.At = entry.Moment(at)
			out = append(out, st)
			return err
		})
	})
	return out, err
}

// About returns proposals about entries.
func (x *Proposals) About(ctx context.Context, database registry.ID, detector, state string, about []registry.EntryID) ([]house.Proposal, error) {
	var args []any
	for i := range about {
		args = append(args, string(database), about[i][:])
	}
	var names []string
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		names = nil
		return s.AskBulk(askAbout, args, func(row file.Scanner) error {
			var id string
			err := row.Scan(&id)
			names = append(names, id)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all, err := x.Held(ctx, slices.Compact(names))
	out := slices.DeleteFunc(all, func(p house.Proposal) bool {
		return detector != "" && p.Detector != detector || state != "" && p.State != state
	})
	return out[:min(len(out), 1000)], err
}

func scan(read func(...any) error) (p house.Proposal, err error) {
	var about []byte
	var at, changed int64
	if err := read(&p.ID, &p.Database, &p.Detector, &p.Kind, &p.State, &p.Version, &p.Facts, &p.Night, &about, &at, &changed, &p.Actor, &p.Reason, &p.Body, &p.Undo); err != nil {
		return p, err
	}
	p.At, p.Changed = entry.Moment(at), entry.Moment(changed)
	p.Entries, err = house.ReadEntries(about)
	return p, err
}
