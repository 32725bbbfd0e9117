package scores

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
)

// Sample draws records of a day.
func (x *Scores) Sample(ctx context.Context, day, n int) (out []house.ScoreSampled, err error) {
	w := marked(role.Scope{All: true}, house.ScoreQuery{FromDay: day, ToDay: day})
	text := `SELECT r.facility, r.serial, r.marks FROM record r LEFT JOIN facility_version v ON v.id = r.facility_version` + w.String() +
		` ORDER BY random() LIMIT ` + w.Arg(max(n, 0))
	err = x.db.Scan(ctx, recountLimit, text, w.Args, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s house.ScoreSampled, err error) {
			var facility string
			var serial pgtype.UUID
			err = row.Scan(&facility, &serial, &s.Marks)
			s.ID = handle.ID(facility, serial)
			return s, err
		})
		return err
	})
	return out, err
}
