package file

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

var errBadConn = driver.ErrBadConn

// Tx is the write transaction as one job sees it. It is the job's only until
// its fn returns.
type Tx struct {
	w    *writer
	job  *job
	next uint64 // index of the next leaf
	read bool   // next is known
	last int64  // greatest address of a record; 0: not known
}

// Exec runs a statement, prepared once for the life of the file, and returns
// how many rows it changed. q is a constant: it is kept.
func (tx *Tx) Exec(q string, args ...any) (int64, error) {
	s, err := tx.w.prepared(q)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Insert runs an INSERT and returns the id of the row.
func (tx *Tx) Insert(q string, args ...any) (int64, error) {
	s, err := tx.w.prepared(q)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// Row runs a query for one row; the error comes with Scan, sql.ErrNoRows without one.
func (tx *Tx) Row(q string, args ...any) Row {
	s, err := tx.w.prepared(q)
	if err != nil {
		return Row{err: err}
	}
	return Row{row: s.QueryRow(args...)}
}

// Rows runs a query; the caller closes what it returns.
func (tx *Tx) Rows(q string, args ...any) (*sql.Rows, error) {
	s, err := tx.w.prepared(q)
	if err != nil {
		return nil, err
	}
	return s.Query(args...)
}

// Row is the answer of a query for one row.
type Row struct {
	row *sql.Row
	err error
}

// Scan copies the row's columns.
func (r Row) Scan(to ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.row.Scan(to...)
}

// Leaf puts a leaf in the log with this transaction, in order of the calls,
// and returns its index. Place is filled when the transaction is durable; it
// may be nil. store.ErrNoLog, store.ErrLeaseLost.
func (tx *Tx) Leaf(data []byte, place *store.LeafPlace) (log int, index uint64, err error) {
	l := tx.w.db.lease
	if l == nil {
		return 0, 0, store.ErrNoLog
	}
	if !tx.read {
		head, err := tx.w.head()
		if err != nil {
			return 0, 0, err
		}
		if head.Epoch != l.epoch {
			return 0, 0, store.ErrLeaseLost
		}
		tx.next, tx.read = head.Size, true
	}
	if place == nil {
		place = &store.LeafPlace{}
	}
	index = tx.next
	tx.next++
	*place = store.LeafPlace{Log: l.number, Index: index}
	tx.job.leaves = append(tx.job.leaves, data)
	tx.job.places = append(tx.job.places, place)
	return l.number, index, nil
}

// NextRecord returns an address for a record to be made, greater than that of
// any other.
func (tx *Tx) NextRecord() (int64, error) {
	if tx.last == 0 {
		var last sql.NullInt64
		if err := tx.Row(`SELECT max(id) FROM record`).Scan(&last); err != nil {
			return 0, err
		}
		tx.last = last.Int64
	}
	tx.last++
	return tx.last, nil
}

// Settle fills size and checkpoint of a place whose leaf is of this same
// transaction, when it is durable.
func (tx *Tx) Settle(place *store.LeafPlace) { tx.job.places = append(tx.job.places, place) }

// runAll runs the jobs and puts their leaves in the log last. The batch is not
// nil once the log knows of it, also with an error.
func (tx *Tx) runAll(jobs []*job) (*ledger.Batch, error) {
	var leaves [][]byte
	for _, j := range jobs {
		j.leaves, j.places, tx.job = nil, nil, j
		if err := j.fn(tx); err != nil {
			return nil, err
		}
		leaves = append(leaves, j.leaves...)
	}
	if len(leaves) == 0 {
		return nil, nil
	}
	l := tx.w.db.lease
	b, err := l.log.Append(leaves)
	if err != nil {
		return nil, err
	}
	if want := tx.next - uint64(len(leaves)); b.First != want {
		return b, fmt.Errorf("%w: the log goes on at %d, its rows at %d", store.ErrLeaseLost, b.First, want)
	}
	return b, tx.keep(l, b)
}

var insertLeaves = Insert(`leaf (log, idx, size, data)`, ``)

// keep writes what a batch says to the log's tables.
func (tx *Tx) keep(l *lease, b *ledger.Batch) error {
	leaves := make([]any, 0, 4*len(b.Leaves))
	for i, leaf := range b.Leaves {
		leaves = append(leaves, int64(l.number), int64(b.Index(i)), int64(b.Head.Size), ShortLeaf(leaf))
	}
	if _, err := tx.ExecBulk(insertLeaves, leaves); err != nil {
		return err
	}
	for _, t := range b.Tiles {
		if _, err := tx.Exec(`INSERT INTO tile (log, level, n, data) VALUES (?, ?, ?, ?)`, l.number, t.Level, int64(t.N), t.Data); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`INSERT INTO checkpoint (log, size, note) VALUES (?, ?, ?)`, l.number, int64(b.Head.Size), b.Head.Checkpoint); err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE head SET size = ?, checkpoint = ? WHERE log = ? AND epoch = ? AND size = ?`,
		int64(b.Head.Size), b.Head.Checkpoint, l.number, l.epoch, int64(b.First))
	if err == nil && n != 1 {
		err = store.ErrLeaseLost
	}
	return err
}

// confirm tells the log and the jobs that the transaction is durable.
func (tx *Tx) confirm(b *ledger.Batch, jobs []*job) {
	if b == nil {
		return
	}
	tx.w.db.lease.log.Confirm(b)
	tx.place(b, jobs)
}

func (tx *Tx) place(b *ledger.Batch, jobs []*job) {
	note := string(b.Head.Checkpoint)
	for _, j := range jobs {
		for _, p := range j.places {
			p.Size, p.Checkpoint = b.Head.Size, note
		}
	}
}

// head reads the head row of the leased log within the transaction or outside of one.
func (w *writer) head() (ledger.Head, error) {
	s, err := w.prepared(`SELECT origin, epoch, size, checkpoint FROM head WHERE log = ?`)
	if err != nil {
		return ledger.Head{}, err
	}
	var h ledger.Head
	var size int64
	err = s.QueryRow(w.db.lease.number).Scan(&h.Origin, &h.Epoch, &size, &h.Checkpoint)
	h.Size = uint64(size)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrLeaseLost
	}
	return h, err
}
