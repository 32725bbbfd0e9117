package scores

import (
	"context"
	"strings"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
)

// Undelivered counts records with open legs: those that wait and those that are
// stuck, each by the index of what is open only.
func (x *Scores) Undelivered(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]house.Undelivered, error) {
	if _, err := scoring.Plan(scope, q); err != nil || scope.IsEmpty() {
		return nil, err
	}
	sel := file.Select(`SELECT ` + columns(q) + `l.kind, min(l.created) FROM
 (SELECT facility, serial, facility_version, kind, created FROM leg WHERE state = 'waiting'
 UNION ALL SELECT facility, serial, facility_version, kind, created FROM leg WHERE state IN ('held', 'parked')) l
 LEFT JOIN facility_version v ON v.id = l.facility_version`)
	conditions(sel, scope, q)
	if q.Subject != "" {
		sel.And(`l.kind = ?`, q.Subject)
	}
	if q.FromDay != 0 {
		sel.And(`l.created >= ?`, file.Micros(startOf(q.FromDay)))
	}
	if q.ToDay != 0 {
		sel.And(`l.created < ?`, file.Micros(startOf(q.ToDay).AddDate(0, 0, 1)))
	}
	text, args := sel.End(` GROUP BY l.facility, l.serial`)
	count := scoring.NewCount(q)
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		count = scoring.NewCount(q)
		var at scoring.Attributes
		var kind string
		var created int64
		to := append(targets(q, &at), &kind, &created)
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			if err := row.Scan(to...); err != nil {
				return err
			}
			count.Add(strings.Clone(kind), at, clock.Day(file.Time(created)), 1)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return count.Sums(), nil
}
