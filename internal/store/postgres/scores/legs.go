package scores

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/scoring"
)

// Undelivered counts records with open legs.
func (x *Scores) Undelivered(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]house.Undelivered, error) {
	if _, err := scoring.Plan(scope, q); err != nil || scope.IsEmpty() {
		return nil, err
	}
	if err := checkQuery(q); err != nil {
		return nil, err
	}
	w := &handle.Where{}
	w.And(`l.state IN ('waiting', 'held', 'parked')`)
	conditions(w, scope, q)
	if q.Subject != "" {
		w.And(`l.kind = ?`, q.Subject)
	}
	if q.FromDay != 0 {
		w.And(`l.created >= ?`, handle.Micros(startOf(q.FromDay)))
	}
	if q.ToDay != 0 {
		w.And(`l.created < ?`, handle.Micros(startOf(q.ToDay).AddDate(0, 0, 1)))
	}
	count := scoring.NewCount(q)
	err := x.db.Scan(ctx, sumLimit, `SELECT f, p, e, u, n, kind, day, count(*) FROM (
			SELECT `+namedColumns(q)+`, l.kind, to_char(to_timestamp(min(l.created) / 1000000.0) AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYYMMDD')::integer AS day
			FROM leg l LEFT JOIN facility_version v ON v.id = l.facility_version`+w.String()+`
			GROUP BY 1, 2, 3, 4, 5, l.kind, l.facility, l.serial) x
		GROUP BY 1, 2, 3, 4, 5, 6, 7`, w.Args, func(rows pgx.Rows) error {
		var at scoring.Attributes
		var kind string
		var day int
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&at.Facility, &at.Province, &at.Vendor, &at.Level, &at.Unit, &kind, &day, &n}, func() error {
			count.Add(kind, at, day, n)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return count.Sums(), nil
}
