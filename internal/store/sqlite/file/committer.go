package file

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// writer is the committer: one goroutine, one connection, its statements
// prepared once.
type writer struct {
	db   *DB
	conn *sql.Conn
	stmt map[string]*sql.Stmt
}

func newWriter(ctx context.Context, d *DB) (*writer, error) {
	w := &writer{db: d, stmt: map[string]*sql.Stmt{}}
	return w, w.connect(ctx)
}

// connect opens the committer's connection and makes sure that what it commits
// is on the disk when COMMIT returns: a pragma SQLite does not take (WAL on a
// file system without shared memory) is silent otherwise.
func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn, err = w.db.write.Conn(ctx); err != nil {
		return err
	}
	var mode string
	var sync int
	if err := w.conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil {
		return err
	}
	if err := w.conn.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&sync); err != nil {
		return err
	}
	if mode != "wal" || sync != syncFull {
		return fmt.Errorf("store: journal mode %s, synchronous %d: commits would not be durable", mode, sync)
	}
	return nil
}

// syncFull is SQLite's number for synchronous=FULL.
const syncFull = 2

// reconnect begins anew on a fresh connection after one that could not roll back.
func (w *writer) reconnect() error {
	for q, s := range w.stmt {
		if err := s.Close(); err != nil {
			w.db.cfg.Logger.Warn("store: closing a statement", "error", err)
		}
		delete(w.stmt, q)
	}
	// ErrBadConn makes database/sql drop the connection instead of reusing it.
	if err := w.conn.Raw(func(any) error { return errBadConn }); err != nil && !errors.Is(err, errBadConn) {
		return err
	}
	if err := w.conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return w.connect(context.Background())
}

func (w *writer) run() {
	defer close(w.db.closed)
	defer w.end()
	for {
		batch, stopped := w.db.queue.take()
		if stopped {
			for _, j := range batch {
				if j.state.CompareAndSwap(waiting, begun) {
					j.finish(store.ErrStopping)
				}
			}
			return
		}
		if len(batch) == 0 {
			<-w.db.queue.wake
			continue
		}
		w.commit(batch)
	}
}

func (w *writer) end() {
	for _, s := range w.stmt {
		if err := s.Close(); err != nil {
			w.db.cfg.Logger.Warn("store: closing a statement", "error", err)
		}
	}
	if err := w.conn.Close(); err != nil {
		w.db.cfg.Logger.Warn("store: closing the committer", "error", err)
	}
}

func (j *job) finish(err error) {
	j.err = err
	close(j.done)
}

// commit decides every job of a batch: together, and where that fails, one by one.
func (w *writer) commit(batch []*job) {
	err := w.transact(batch)
	if err == nil || len(batch) == 1 || errors.Is(err, ErrLocked) || errors.Is(err, ErrSync) {
		for _, j := range batch {
			j.finish(err)
		}
		return
	}
	for _, j := range batch {
		j.finish(w.transact([]*job{j}))
	}
}

// transact runs jobs in one transaction. After an error nothing of it is kept.
func (w *writer) transact(jobs []*job) error {
	if w.db.broken != nil {
		return w.db.broken
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return Fault(err)
	}
	tx := &Tx{w: w}
	b, err := tx.runAll(jobs)
	if err != nil {
		err = Fault(err)
		if b != nil {
			w.db.lease.log.Abandon(b)
		}
		if end := w.rollback(); end != nil {
			w.db.broken = ErrSync.Because(end)
			return errors.Join(err, end)
		}
		return err
	}
	err = w.exec("COMMIT")
	if err == nil {
		tx.confirm(b, jobs)
		return nil
	}
	return w.doubt(tx, b, jobs, Fault(err))
}

// doubt finds out how a commit ended that did not report success.
func (w *writer) doubt(tx *Tx, b *ledger.Batch, jobs []*job, cause error) error {
	if b != nil {
		w.db.lease.log.Doubt(b)
	}
	if errors.Is(cause, ErrSync) {
		w.db.broken = cause
	}
	if err := w.rollback(); err != nil {
		w.db.broken = ErrSync.Because(err)
		return errors.Join(cause, err)
	}
	if b == nil {
		return cause
	}
	head, err := w.head()
	if err != nil {
		w.db.broken = ErrSync.Because(err)
		return errors.Join(cause, err)
	}
	committed, err := w.db.lease.log.Resolve(head)
	if err != nil {
		return errors.Join(store.ErrLeaseLost, cause, err)
	}
	if !committed {
		return cause
	}
	tx.place(b, jobs)
	return nil
}

// rollback ends the transaction, if SQLite has not done so itself.
func (w *writer) rollback() error {
	err := w.exec("ROLLBACK")
	var e *sqlite.Error
	if err == nil || errors.As(err, &e) && e.Code() == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	w.db.cfg.Logger.Warn("store: rolling back", "error", err)
	return w.reconnect()
}

func (w *writer) exec(q string) error {
	s, err := w.prepared(q)
	if err != nil {
		return err
	}
	_, err = s.Exec()
	return err
}

func (w *writer) prepared(q string) (*sql.Stmt, error) {
	if s, ok := w.stmt[q]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), q)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", q, err)
	}
	w.stmt[q] = s
	return s, nil
}
