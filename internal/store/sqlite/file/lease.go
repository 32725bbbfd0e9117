package file

import (
	"context"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// lease is a log this process writes.
type lease struct {
	number int
	epoch  int64
	log    store.Log
}

// Lease takes the log with the given number and origin and opens its writer.
// It is called once, before anything else is written; that no other process
// holds the log is for the caller to make sure.
func (d *DB) Lease(ctx context.Context, number int, origin, owner string, open store.OpenLog, source ledger.Source) error {
	var h store.Head
	err := d.Write(ctx, Urgent, 1, func(tx *Tx) error {
		h = store.Head{Log: number, Head: ledger.Head{}}
		if _, err := tx.Exec(`INSERT INTO head (log, origin, epoch, size, owner) VALUES (?, ?, 0, 0, ?) ON CONFLICT (log) DO NOTHING`, number, origin, owner); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE head SET epoch = epoch + 1, owner = ? WHERE log = ?`, owner, number); err != nil {
			return err
		}
		var size int64
		err := tx.Row(`SELECT origin, epoch, size, checkpoint FROM head WHERE log = ?`, number).Scan(&h.Origin, &h.Epoch, &size, &h.Checkpoint)
		h.Size = uint64(size)
		return err
	})
	if err != nil {
		return err
	}
	log, err := open(ctx, h, source)
	if err != nil {
		return err
	}
	// The committer reads the lease: hand it over in a write of its own.
	return d.Write(ctx, Urgent, 1, func(*Tx) error {
		d.lease = &lease{number: number, epoch: h.Epoch, log: log}
		return nil
	})
}

// ReadHead returns the committed head of a log; store.ErrAbsent.
func (d *DB) ReadHead(ctx context.Context, number int) (store.Head, error) {
	h := store.Head{Log: number}
	var size int64
	err := d.Read(ctx, func(s *Snapshot) error {
		return s.Row(`SELECT origin, epoch, size, checkpoint, closed FROM head WHERE log = ?`, number).Scan(&h.Origin, &h.Epoch, &size, &h.Checkpoint, &h.Closed)
	})
	if err != nil {
		return store.Head{}, err
	}
	h.Size = uint64(size)
	return h, nil
}

// OpenLog is the number of the log that a process which opens the file is to
// lease: the last one, or the one after it where that is closed.
func (d *DB) OpenLog(ctx context.Context) (int, error) {
	number := 0
	err := d.Read(ctx, func(s *Snapshot) error {
		return s.Row(`SELECT coalesce(max(CASE WHEN closed IS NULL THEN log ELSE log + 1 END), 0) FROM head`).Scan(&number)
	})
	return number, err
}

// CloseLog ends a log, also for who holds it; with a nil note it goes on again.
func (d *DB) CloseLog(ctx context.Context, number int, note []byte) error {
	return d.Write(ctx, Administrative, 1, func(tx *Tx) error {
		var later bool
		if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM head WHERE log > ? AND closed IS NULL)`, number).Scan(&later); err != nil {
			return err
		}
		if note == nil && later {
			return store.ErrLogFollowed
		}
		var value any
		if note != nil {
			value = note
		}
		n, err := tx.Exec(`UPDATE head SET closed = ?, epoch = epoch + 1 WHERE log = ?`, value, number)
		if err == nil && n == 0 {
			err = store.ErrAbsent
		}
		if err != nil || note == nil {
			return err
		}
		return tx.DoubtLegs()
	})
}
