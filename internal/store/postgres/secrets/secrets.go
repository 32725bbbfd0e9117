// Package secrets keeps in PostgreSQL sealed credentials for destinations. It
// opens none: the key is the vault's.
package secrets

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Secrets is the store.Secrets of a hub.
type Secrets struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Secrets = (*Secrets)(nil)

// New returns the slice; writer nil: changes are ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Secrets { return &Secrets{db, writer} }

// PutSecret keeps a sealed credential with its act; the epoch of destinations
// moves, so that who uses the old one learns of it.
func (x *Secrets) PutSecret(ctx context.Context, destination string, facility care.FacilityCode, sealed []byte, act store.Act) error {
	if err := store.CheckText(destination, string(facility)); err != nil {
		return err
	}
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`UPDATE exchange SET epoch = epoch + 1 WHERE one = 1`)
	b.Queue(`INSERT INTO secret (facility, destination, sealed, since) VALUES ($1, $2, $3, $4)
		ON CONFLICT (facility, destination) DO UPDATE SET sealed = excluded.sealed, since = excluded.since`,
		string(facility), destination, handle.Bytes(sealed), handle.Micros(act.At))
	return x.writer.CommitAct(ctx, tx, b, act)
}

// Secret returns a sealed credential.
func (x *Secrets) Secret(ctx context.Context, destination string, facility care.FacilityCode) ([]byte, error) {
	var sealed []byte
	err := x.db.Pool.QueryRow(ctx, `SELECT sealed FROM secret WHERE facility = $1 AND destination = $2`, string(facility), destination).Scan(&sealed)
	if err != nil {
		return nil, handle.Fault(err)
	}
	return sealed, nil
}

// Secrets tells who has a credential since when.
func (x *Secrets) Secrets(ctx context.Context, destination string) (map[care.FacilityCode]time.Time, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT facility, since FROM secret WHERE destination = $1`, destination)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out := map[care.FacilityCode]time.Time{}
	var facility string
	var since int64
	_, err = pgx.ForEachRow(rows, []any{&facility, &since}, func() error {
		out[care.FacilityCode(facility)] = handle.Moment(since)
		return nil
	})
	return out, handle.Fault(err)
}
