// Package intake keeps what package internal/intake commits, in PostgreSQL. A
// group is one READ COMMITTED transaction of two round trips: lock and read;
// write, leaves, the log's head and COMMIT. All locks are taken by name in
// one order (episodes, subjects, claims, records, blobs, files, places; each sorted), so
// that no two commits ever wait for each other in a circle and none is aborted.
// It judges nothing: what a commit compares is said by store.Prepared.
package intake

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// atOnce is how many commits of one hub hold a connection at a time; the rest
// of the pool stays free for readers and the lease.
const atOnce = 6

// Intake is the store.Intake of a hub.
type Intake struct {
	db     *handle.DB
	writer *ledger.Writer
	slots  chan struct{}
}

var (
	_ store.Intake = (*Intake)(nil)
	_ store.AtOnce = (*Intake)(nil)
)

// AtOnce is 2: while one group waits for its commit the next locks and reads.
func (i *Intake) AtOnce() int { return 2 }

// New returns the slice; writer nil: it reads and keeps replays, and what needs a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Intake {
	return &Intake{db: db, writer: writer, slots: make(chan struct{}, atOnce)}
}

// Commit stores a group; see store.Intake and the package comment. The lane has
// been obeyed by who orders the groups: here all are alike.
func (i *Intake) Commit(ctx context.Context, _ store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	if len(group) == 0 {
		return nil, nil
	}
	g, err := newGroup(group)
	if err != nil {
		return nil, err
	}
	select {
	case i.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-i.slots }()
	tx, err := i.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	if err := tx.Send(ctx, g.lock(tx.Batch())); err != nil {
		return nil, err
	}
	g.decide()
	if len(g.stored)+len(g.replays) == 0 {
		return g.outcomes, nil
	}
	if len(g.stored) > 0 && i.writer == nil {
		return nil, store.ErrNoLog
	}
	if len(g.stored) == 0 {
		if err := tx.Commit(ctx, g.write(tx.Batch())); err != nil {
			return nil, handle.Fault(err)
		}
		return g.answer(store.LeafPlace{}), nil
	}
	place, err := i.writer.CommitBatch(ctx, tx, func() *pgx.Batch { return g.write(tx.Batch()) }, g.leaves())
	if err != nil {
		return nil, err
	}
	return g.answer(place), nil
}

// leaves lists the leaves of what is stored, in order.
func (g *group) leaves() []ledger.Leaf {
	return handle.Column(g.stored, func(p *store.Prepared) ledger.Leaf { return ledger.Leaf{Data: p.Leaf, Record: p.ID} })
}

// answer fills the outcomes in after the commit.
func (g *group) answer(place store.LeafPlace) []store.Outcome {
	own := make(map[[16]byte]store.LeafPlace, len(g.stored))
	for n, p := range g.stored {
		at := place
		at.Index += uint64(n)
		own[p.ID.Serial] = at
	}
	for n := range g.outcomes {
		p, o := &g.members[n], &g.outcomes[n]
		switch o.Status {
		case store.StatusStored:
			o.Place = own[p.ID.Serial]
		case store.StatusReplay:
			r := g.records[g.replayed[n]]
			if at, fresh := own[r.ID.Serial]; fresh {
				r.Place = at
			}
			o.Stored = &store.Stored{Record: r, Index: p.Index}
		}
	}
	return g.outcomes
}

// each calls fn for every row of a query.
func each(rows pgx.Rows, dest []any, fn func() error) error {
	_, err := pgx.ForEachRow(rows, dest, fn)
	return err
}
