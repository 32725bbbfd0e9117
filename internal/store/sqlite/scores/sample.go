package scores

import (
	"bytes"
	"context"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Sample draws records of a day.
func (x *Scores) Sample(ctx context.Context, day, n int) (out []house.ScoreSampled, err error) {
	text, args := marked(`r.facility, r.serial, r.marks`, role.Scope{All: true}, house.ScoreQuery{FromDay: day, ToDay: day}).End(` ORDER BY random() LIMIT ?`, max(n, 0))
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		var code string
		var serial, marks []byte
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			if err := row.Scan(&code, &serial, &marks); err != nil {
				return err
			}
			id, err := file.ID(care.FacilityCode(code), serial)
			if err != nil {
				return err
			}
			out = append(out, house.ScoreSampled{ID: id, Marks: tally.Marks(bytes.Clone(marks))})
			return nil
		})
	})
	return out, err
}
