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
		return s.Row(`SELECT origin, epoch, size, checkpoint FROM head WHERE log = ?`, number).Scan(&h.Origin, &h.Epoch, &size, &h.Checkpoint)
	})
	if err != nil {
		return store.Head{}, err
	}
	h.Size = uint64(size)
	return h, nil
}
