// Package proposals keeps in PostgreSQL what cleaning proposes, and finds entries
// that say the same. It decides nothing.
package proposals

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/registry"
	"lienthong/internal/store/base"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Proposals implements house.Proposals and house.Alike.
type Proposals struct {
	db     *handle.DB
	writer *ledger.Writer
}

var (
	_ house.Proposals = (*Proposals)(nil)
	_ house.Alike     = (*Proposals)(nil)
)

// New returns the slices; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Proposals { return &Proposals{db, writer} }

const (
	columns = `id, database, detector, kind, state, version, facts, night, entries, at, changed, actor, reason, body, undo`
	// Of two at once the second waits for the first, and finds its version.
	put = `INSERT INTO proposal AS p (` + columns + `) SELECT $1, $2, $3, $4, $5, $6::bigint, $7, $8, $9, $10, $11, $12, $13, $14, $15
		WHERE $6::bigint = 1 OR EXISTS (SELECT 1 FROM proposal WHERE id = $1)
		ON CONFLICT (id) DO UPDATE SET kind = $4, state = $5, version = $6::bigint, facts = $7, night = $8, entries = $9, at = $10, changed = $11, actor = $12, reason = $13, body = $14, undo = $15
		WHERE p.version = $6::bigint - 1`
)

// Held returns those there are.
func (x *Proposals) Held(ctx context.Context, all []string) ([]house.Proposal, error) {
	if err := base.CheckText(all...); err != nil {
		return nil, err
	}
	return x.read(ctx, `SELECT `+columns+` FROM proposal WHERE id = ANY($1) ORDER BY id`, all)
}

func (x *Proposals) read(ctx context.Context, q string, args ...any) ([]house.Proposal, error) {
	rows, err := x.db.Pool.Query(ctx, q, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (house.Proposal, error) { return scan(row.Scan) })
	return out, handle.Fault(err)
}

// Put keeps proposals.
func (x *Proposals) Put(ctx context.Context, all []house.Proposal, act *base.Act) error {
	if err := house.CheckProposals(all); err != nil {
		return err
	}
	if act != nil {
		if err := ledger.CheckAct(*act); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	for i := range all {
		p := &all[i]
		b.Queue(put, p.ID, string(p.Database), p.Detector, p.Kind, p.State, p.Version, p.Facts, p.Night, house.EntriesText(p.Entries), entry.Micros(p.At), entry.Micros(p.Changed), p.Actor, p.Reason, p.Body, p.Undo).
			Exec(func(tag pgconn.CommandTag) error { return handle.OrChanged(tag) })
		b.Queue(`INSERT INTO proposal_step (proposal, n, at, state, actor, reason) VALUES ($1, $2, $3, $4, $5, $6)`, p.ID, p.Version, entry.Micros(p.Changed), p.State, p.Actor, p.Reason)
		b.Queue(`DELETE FROM proposal_entry WHERE proposal = $1 AND database = $2 AND entry <> ALL($3)`, p.ID, string(p.Database), idsOf(p.Entries))
		b.Queue(`INSERT INTO proposal_entry (database, entry, proposal) SELECT $2, e, $1 FROM unnest($3::bytea[]) AS e ON CONFLICT DO NOTHING`, p.ID, string(p.Database), idsOf(p.Entries))
	}
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	if act == nil {
		return handle.Fault(tx.Commit(ctx, tx.Batch()))
	}
	return x.writer.CommitAct(ctx, tx, tx.Batch(), *act)
}

func idsOf(all []registry.EntryID) [][]byte {
	return handle.Column(all, func(id registry.EntryID) []byte { return id[:] })
}

// Again says that proposals were found again.
func (x *Proposals) Again(ctx context.Context, night int, all []string) error {
	if err := base.CheckText(all...); err != nil || len(all) == 0 {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `UPDATE proposal SET night = $1 WHERE id = ANY($2)`, night, all)
	return handle.Fault(err)
}

// List returns proposals.
func (x *Proposals) List(ctx context.Context, f house.ProposalFilter) ([]house.Proposal, bool, error) {
	limit := handle.Limit(f.Limit)
	if base.CheckText(f.After, f.Detector, f.State) != nil {
		return nil, false, nil
	}
	var w handle.Where
	w.And(`id > ?`, f.After)
	if f.Databases != nil {
		w.And(`database = ANY(?)`, handle.Column(f.Databases, func(d registry.ID) string { return string(d) }))
	}
	if f.Detector != "" {
		w.And(`detector = ?`, f.Detector)
	}
	if f.State != "" {
		w.And(`state = ?`, f.State)
	}
	if f.Before > 0 {
		w.And(`night < ?`, f.Before)
	}
	q := `SELECT ` + columns + ` FROM proposal` + w.String() + ` ORDER BY id LIMIT ` + w.Arg(limit+1)
	out, err := x.read(ctx, q, w.Args...)
	out, more := handle.Page(out, limit)
	return out, more, err
}

// Counts counts them.
func (x *Proposals) Counts(ctx context.Context) ([]house.ProposalCount, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT database, detector, state, count(*) FROM proposal GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c house.ProposalCount, err error) {
		return c, row.Scan(&c.Database, &c.Detector, &c.State, &c.N)
	})
	return out, handle.Fault(err)
}

// Steps returns what one went through.
func (x *Proposals) Steps(ctx context.Context, id string) ([]house.ProposalStep, error) {
	if base.CheckText(id) != nil {
		return nil, nil
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT n, at, state, actor, reason FROM proposal_step WHERE proposal = $1 ORDER BY n`, id)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (st house.ProposalStep, err error) {
		var at int64
		err = row.Scan(&st.N, &at, &st.State, &st.Actor, &st.Reason)
		st.At = entry.Moment(at)
		return st, err
	})
	return out, handle.Fault(err)
}

// About returns proposals about entries.
func (x *Proposals) About(ctx context.Context, database registry.ID, detector, state string, about []registry.EntryID) ([]house.Proposal, error) {
	return x.read(ctx, `SELECT `+columns+` FROM proposal WHERE id IN (SELECT proposal FROM proposal_entry WHERE database = $1 AND entry = ANY($2))
		AND ($3 = '' OR detector = $3) AND ($4 = '' OR state = $4) ORDER BY id LIMIT 1000`, string(database), idsOf(about), detector, state)
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
