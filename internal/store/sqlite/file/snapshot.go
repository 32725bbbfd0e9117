package file

import (
	"context"
	"database/sql"
)

// Snapshot is one state of the file, for readers.
type Snapshot struct {
	db  *DB
	tx  *sql.Tx
	ctx context.Context
}

// Read runs fn on one state of the file: every query of it sees the same
// commits. fn closes the rows it opens and does not call Read.
//
// The first use of a text prepares it on a connection beside that of the
// snapshot. At most readers snapshots are open at once and there is one
// connection more: were there not, as many first uses at once would each hold
// one connection and wait for another, for ever.
func (d *DB) Read(ctx context.Context, fn func(*Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.turns }()
	// Reads are short; a context that can end costs a goroutine for each query.
	ctx = context.WithoutCancel(ctx)
	tx, err := d.read.BeginTx(ctx, nil)
	if err != nil {
		return Fault(err)
	}
	err = fn(&Snapshot{db: d, tx: tx, ctx: ctx})
	if end := tx.Rollback(); err == nil {
		err = end
	}
	return Fault(err)
}

// stmt returns the prepared form of constant text.
func (s *Snapshot) stmt(q string) (*sql.Stmt, error) {
	if p, ok := s.db.stmts.Load(q); ok {
		return s.tx.StmtContext(s.ctx, p.(*sql.Stmt)), nil
	}
	p, err := s.db.read.PrepareContext(s.ctx, q)
	if err != nil {
		return nil, err
	}
	if first, raced := s.db.stmts.LoadOrStore(q, p); raced {
		if err := p.Close(); err != nil {
			return nil, err
		}
		p = first.(*sql.Stmt)
	}
	return s.tx.StmtContext(s.ctx, p), nil
}

// Row runs constant text for one row, prepared once for the life of the file.
func (s *Snapshot) Row(q string, args ...any) Row {
	p, err := s.stmt(q)
	if err != nil {
		return Row{err: err}
	}
	return Row{row: p.QueryRowContext(s.ctx, args...)}
}

// Rows runs constant text, prepared once for the life of the file.
func (s *Snapshot) Rows(q string, args ...any) (*sql.Rows, error) {
	p, err := s.stmt(q)
	if err != nil {
		return nil, err
	}
	return p.QueryContext(s.ctx, args...)
}

// Select runs text that was put together.
func (s *Snapshot) Select(text string, args []any) (*sql.Rows, error) {
	return s.tx.QueryContext(s.ctx, text, args...)
}
