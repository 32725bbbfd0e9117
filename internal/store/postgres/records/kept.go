package records

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Kept returns what reading records needs, by one statement.
func (x *Records) Kept(ctx context.Context, ids []dossier.ID) ([]store.Kept, error) {
	out := make([]store.Kept, len(ids))
	rows, err := x.db.Pool.Query(ctx, `SELECT u.n, r.wrapped, coalesce(b.data, a.data), f.seals
		FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS u (facility, serial, n)
		JOIN record r ON r.facility = u.facility AND r.serial = u.serial AND r.erased = 0
		JOIN file f ON f.facility = r.facility AND f.hash = r.file
		LEFT JOIN body b ON b.facility = r.facility AND b.serial = r.serial
		LEFT JOIN body_archive a ON a.facility = r.facility AND a.serial = r.serial`,
		handle.Column(ids, func(id dossier.ID) string { return string(id.Facility) }),
		handle.Column(ids, func(id dossier.ID) pgtype.UUID { return handle.UUID(id.Serial) }))
	if err != nil {
		return nil, handle.Fault(err)
	}
	var n int64
	var k store.Kept
	var seals, last string
	var notes []store.SealNote
	_, err = pgx.ForEachRow(rows, []any{&n, &k.Wrapped, &k.Body, &seals}, func() (err error) {
		if notes == nil || seals != last { // files of one sender mostly say the same
			if notes, err = readSeals(seals); err != nil {
				return err
			}
			last = seals
		}
		k.Seals = notes
		out[n-1], k = k, store.Kept{}
		return nil
	})
	if err != nil {
		return nil, handle.Fault(err)
	}
	return out, nil
}
