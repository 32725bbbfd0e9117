package revocations

import (
	"cmp"
	"context"
	"encoding/hex"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Sealed returns records sealed with a certificate, not annotated yet. It walks
// the files since then: it is asked when a certificate was revoked, which is rare.
func (x *Revocations) Sealed(ctx context.Context, q store.SealedQuery) ([]store.SealedRecord, error) {
	until := int64(math.MaxInt64)
	if !q.Until.IsZero() {
		until = handle.Micros(q.Until)
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT r.facility, r.serial, r.received FROM file f
		JOIN place p ON p.facility = f.facility AND p.file = f.hash
		JOIN record r ON r.facility = p.facility AND r.serial = p.serial AND r.file = f.hash
		WHERE f.received >= $1 AND f.received < $6 AND strpos(f.seals, $2) > 0
		AND NOT EXISTS (SELECT 1 FROM annotation a WHERE a.facility = r.facility AND a.serial = r.serial AND a.what = $3 AND a.fingerprint = $4) LIMIT $5`,
		handle.Micros(q.Since), hex.EncodeToString(q.Fingerprint[:]), q.What, q.Fingerprint[:], handle.Limit(q.Limit), until)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.SealedRecord, err error) {
		var facility string
		var serial pgtype.UUID
		var received int64
		err = row.Scan(&facility, &serial, &received)
		s.ID, s.Received = handle.ID(facility, serial), handle.Moment(received)
		return s, err
	})
	return all, handle.Fault(err)
}

// Annotate keeps annotations with leaves and transitions. Rows are locked in
// order of their record, so that two hubs wait for each other in one direction.
func (x *Revocations) Annotate(ctx context.Context, list []store.Annotation) (int, error) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b store.Annotation) int { return cmp.Compare(a.Record.String(), b.Record.String()) })
	for i := range list {
		if err := store.CheckText(list[i].What, list[i].Source); err != nil {
			return 0, err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.End()
	var leaves []ledger.Leaf
	b := tx.Batch()
	for i := range list {
		a := &list[i]
		b.Queue(`WITH fresh AS (
				INSERT INTO annotation (facility, serial, what, fingerprint, at, since, source) VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT (facility, serial, what, fingerprint) DO NOTHING RETURNING facility, serial)
			INSERT INTO transition (facility, serial, at, what, by, actor, detail)
			SELECT facility, serial, $5, $3, '00000000-0000-0000-0000-000000000000', 'hub', $8 FROM fresh`,
			string(a.Record.Facility), handle.UUID(a.Record.Serial), a.What, a.Fingerprint[:], handle.Micros(a.At), handle.Micros(a.Since), a.Source,
			hex.EncodeToString(a.Fingerprint[:])).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() > 0 {
				leaves = append(leaves, ledger.Leaf{Data: a.Leaf()})
			}
			return nil
		})
		b.Queue(`SELECT 1 FROM record WHERE facility = $1 AND serial = $2`, string(a.Record.Facility), handle.UUID(a.Record.Serial)).QueryRow(func(row pgx.Row) error {
			var one int
			return row.Scan(&one)
		})
	}
	if err := tx.Send(ctx, b); err != nil {
		return 0, err
	}
	if len(leaves) == 0 {
		return 0, nil // End rolls back
	}
	if _, err := x.writer.Commit(ctx, tx, leaves); err != nil {
		return 0, err
	}
	return len(leaves), nil
}

// EachAnnotation gives every annotation.
func (x *Revocations) EachAnnotation(ctx context.Context, fn func(*store.Annotation) error) error {
	rows, err := x.db.Pool.Query(ctx, `SELECT facility, serial, what, fingerprint, at, since, source FROM annotation ORDER BY facility, serial, what, fingerprint`)
	if err != nil {
		return handle.Fault(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a store.Annotation
		var facility string
		var serial pgtype.UUID
		var print []byte
		var at, since int64
		if err := rows.Scan(&facility, &serial, &a.What, &print, &at, &since, &a.Source); err != nil {
			return handle.Fault(err)
		}
		a.Record, a.At, a.Since = handle.ID(facility, serial), handle.Moment(at), handle.Moment(since)
		if err := handle.Digest(&a.Fingerprint, print); err != nil {
			return err
		}
		if err := fn(&a); err != nil {
			return err
		}
	}
	return handle.Fault(rows.Err())
}
