// Package ledger is the embedded engine's side of store.Ledger: the rows of the
// log this file carries. Hashing and proofs are package lienthong/internal/ledger's.
package ledger

import (
	"context"
	"database/sql"
	"errors"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Ledger implements store.Ledger.
type Ledger struct{ db *file.DB }

var _ store.Ledger = (*Ledger)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Ledger { return &Ledger{db: db} }

// Append commits leaves that belong to no record.
func (x *Ledger) Append(ctx context.Context, leaves [][]byte) (store.LeafPlace, error) {
	if len(leaves) == 0 {
		return store.LeafPlace{}, errors.New("ledger: no leaf to append")
	}
	var place store.LeafPlace
	err := x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		for i, leaf := range leaves {
			to := &place
			if i > 0 {
				to = nil
			}
			if _, _, err := tx.Leaf(leaf, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store.LeafPlace{}, err
	}
	return place, nil
}

// Head returns the last committed head of a log.
func (x *Ledger) Head(ctx context.Context, log int) (store.Head, error) {
	return x.db.ReadHead(ctx, log)
}

// Logs lists the numbers of all logs.
func (x *Ledger) Logs(ctx context.Context) ([]int, error) {
	var out []int
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT log FROM head ORDER BY log`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				return err
			}
			out = append(out, n)
		}
		return rows.Err()
	})
	return out, err
}

// Checkpoint returns the note committed at a size.
func (x *Ledger) Checkpoint(ctx context.Context, log int, size uint64) (string, error) {
	var note []byte
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT note FROM checkpoint WHERE log = ? AND size = ?`, log, int64(size)).Scan(&note)
	})
	return string(note), err
}

// Key returns where the leaf of a receipt key is.
func (x *Ledger) Key(ctx context.Context, log int, kid string) (store.KeyLeaf, error) {
	k := store.KeyLeaf{KID: kid, Log: log}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		var index int64
		err := s.Row(`SELECT spki, idx FROM receipt_key WHERE kid = ? AND log = ?`, kid, log).Scan(&k.SPKI, &index)
		k.Index = uint64(index)
		return err
	})
	if err != nil {
		return store.KeyLeaf{}, err
	}
	return k, nil
}

// PutKey keeps where the leaf of a receipt key is; the first one stays.
func (x *Ledger) PutKey(ctx context.Context, key store.KeyLeaf) error {
	if err := store.CheckText(key.KID); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO receipt_key (kid, log, spki, idx) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, key.KID, key.Log, key.SPKI, int64(key.Index))
		return err
	})
}

// CloseLog ends a log.
func (x *Ledger) CloseLog(ctx context.Context, log int, known string) error {
	return x.db.CloseLog(ctx, log, append([]byte{}, known...))
}

// ReopenLog lets a closed log go on.
func (x *Ledger) ReopenLog(ctx context.Context, log int) error {
	return x.db.CloseLog(ctx, log, nil)
}

// Source reads a log's leaves and full tiles.
func (x *Ledger) Source(log int) ledger.Source { return Source(x.db, log) }

// Source reads a log of an open file.
func Source(db *file.DB, log int) ledger.Source { return &source{db: db, log: log} }

type source struct {
	db  *file.DB
	log int
}

// Leaves returns the leaves [from, to) that there are.
func (s *source) Leaves(ctx context.Context, from, to uint64) ([][]byte, error) {
	var out [][]byte
	err := s.db.Read(ctx, func(snap *file.Snapshot) error {
		rows, err := snap.Rows(`SELECT idx, data FROM leaf WHERE log = ? AND idx >= ? AND idx < ? ORDER BY idx`, s.log, int64(from), int64(to))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var index int64
			var data []byte
			if err := rows.Scan(&index, &data); err != nil {
				return err
			}
			for uint64(index) > from+uint64(len(out)) { // a missing row
				out = append(out, nil)
			}
			out = append(out, file.WholeLeaf(data))
		}
		return rows.Err()
	})
	return out, err
}

// Tile returns a stored full tile, nil where there is none.
func (s *source) Tile(ctx context.Context, level int, n uint64) ([]byte, error) {
	var data []byte
	err := s.db.Read(ctx, func(snap *file.Snapshot) error {
		err := snap.Row(`SELECT data FROM tile WHERE log = ? AND level = ? AND n = ?`, s.log, level, int64(n)).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return data, err
}
