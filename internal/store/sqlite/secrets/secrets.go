// Package secrets is the embedded engine's side of store.Secrets: sealed
// credentials for destinations. It opens none: the key is the vault's.
package secrets

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Secrets implements store.Secrets.
type Secrets struct{ db *file.DB }

var _ store.Secrets = (*Secrets)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Secrets { return &Secrets{db: db} }

// PutSecret keeps a sealed credential with its act; the epoch of destinations
// moves, so that who uses the old one learns of it.
func (x *Secrets) PutSecret(ctx context.Context, destination string, facility care.FacilityCode, sealed []byte, act store.Act) error {
	if err := store.CheckText(destination, string(facility)); err != nil {
		return err
	}
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT OR REPLACE INTO secret (facility, destination, sealed, since) VALUES (?, ?, ?, ?)`,
			string(facility), destination, append([]byte{}, sealed...), file.Micros(act.At)); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE exchange SET epoch = epoch + 1 WHERE id = 1`); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Secret returns a sealed credential.
func (x *Secrets) Secret(ctx context.Context, destination string, facility care.FacilityCode) (sealed []byte, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT sealed FROM secret WHERE facility = ? AND destination = ?`, string(facility), destination).Scan(&sealed)
	})
	if err != nil {
		return nil, err
	}
	return sealed, nil
}

// Secrets tells who has a credential since when.
func (x *Secrets) Secrets(ctx context.Context, destination string) (map[care.FacilityCode]time.Time, error) {
	var out map[care.FacilityCode]time.Time
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = map[care.FacilityCode]time.Time{}
		rows, err := s.Rows(`SELECT facility, since FROM secret WHERE destination = ?`, destination)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var facility string
			var since int64
			if err := rows.Scan(&facility, &since); err != nil {
				return err
			}
			out[care.FacilityCode(facility)] = file.Time(since)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
