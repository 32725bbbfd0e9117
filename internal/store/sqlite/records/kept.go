package records

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Kept returns what reading records needs, in one snapshot. The seals of files of
// one sender are mostly one row, read once.
func (x *Records) Kept(ctx context.Context, ids []dossier.ID) ([]store.Kept, error) {
	out := make([]store.Kept, len(ids))
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		bodies, origins := s.Bodies(), map[string]*store.File{}
		for i, id := range ids {
			out[i] = store.Kept{}
			var seals string
			var row file.BodyRow
			err := s.Row(`SELECT r.wrapped, f.seals, `+file.BodyColumns+` FROM record r `+file.BodyTable+
				` JOIN file f ON f.facility = r.facility AND f.hash = r.file WHERE r.facility = ? AND r.serial = ? AND r.erased IS NULL`,
				string(id.Facility), id.Serial[:]).Scan(append([]any{&out[i].Wrapped, &seals}, row.To()...)...)
			if errors.Is(err, sql.ErrNoRows) || errors.Is(err, store.ErrAbsent) {
				continue
			}
			if err != nil {
				return err
			}
			if out[i].Body, err = bodies.Of(&row); err != nil {
				return err
			}
			origin := origins[seals]
			if origin == nil {
				origin = &store.File{}
				if err := s.ReadOrigin(origin, "", nil, seals); err != nil {
					return fmt.Errorf("file: %w", err)
				}
				origins[seals] = origin
			}
			out[i].Seals = origin.Seals
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
