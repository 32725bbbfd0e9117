package scores

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
)

// Sum adds what is folded to what is not, of one state of the file.
func (x *Scores) Sum(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]house.ScoreSum, error) {
	parts, err := scoring.Plan(scope, q)
	if err != nil || scope.IsEmpty() {
		return nil, err
	}
	var add *scoring.Adder
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		add = scoring.NewAdder(q)
		for _, p := range parts {
			if err := folded(s, add, p, scope, q); err != nil {
				return err
			}
		}
		return unfolded(s, add, scope, q)
	})
	if err != nil {
		return nil, err
	}
	return add.Sums(), nil
}

// folded adds the rows of one part.
func folded(s *file.Snapshot, add *scoring.Adder, p scoring.Part, scope role.Scope, q house.ScoreQuery) error {
	var sel *file.Query
	if !p.ByVersion() {
		sel = file.Select(`SELECT s.member, s.day, s.subject, s.sheet, s.vector FROM score s`)
		if p.Has {
			sel.And(`s.member = ?`, p.Member)
		}
		sel.And(`s.scale = ?`, p.Scale)
	} else {
		from := `FROM score s LEFT JOIN facility_version v ON v.id = CAST(s.member AS INTEGER)`
		if narrow(scope, q) {
			from = `FROM facility_version v CROSS JOIN score s INDEXED BY score_member ON s.member = CAST(v.id AS TEXT)`
		}
		sel = file.Select(`SELECT `+columns(q)+`s.day, s.subject, s.sheet, s.vector `+from).And(`s.scale = ?`, p.Scale)
		conditions(sel, scope, q)
	}
	sel.And(`s.day BETWEEN ? AND ?`, int64(p.From), int64(p.To))
	if q.Subject != "" {
		sel.And(`s.subject = ?`, q.Subject)
	}
	text, args := sel.End(``)
	var (
		member, subject string
		at              scoring.Attributes
		day             int
		sheet, vector   []byte
	)
	to := []any{&member}
	if p.ByVersion() {
		to = targets(q, &at)
	}
	to = append(to, &day, &subject, &sheet, &vector)
	rows, err := s.Select(text, args)
	return file.Each(rows, err, func(row file.Scanner) error {
		if err := row.Scan(to...); err != nil {
			return err
		}
		if !p.ByVersion() {
			at = p.Attributes(member)
		}
		id, err := idOf(sheet)
		if err != nil {
			return err
		}
		return add.Bytes(subject, id, at, day, vector)
	})
}

// unfolded adds what was appended since the last fold.
func unfolded(s *file.Snapshot, add *scoring.Adder, scope role.Scope, q house.ScoreQuery) error {
	sel := file.Select(`SELECT ` + columns(q) + `d.day, d.subject, d.sheet, d.vector
 FROM score_delta d LEFT JOIN facility_version v ON v.id = d.facility_version`)
	conditions(sel, scope, q)
	sel.And(`d.day BETWEEN ? AND ?`, int64(q.FromDay), int64(toDay(q)))
	if q.Subject != "" {
		sel.And(`d.subject = ?`, q.Subject)
	}
	text, args := sel.End(``)
	var (
		subject       string
		at            scoring.Attributes
		day           int
		sheet, vector []byte
	)
	to := append(targets(q, &at), &day, &subject, &sheet, &vector)
	rows, err := s.Select(text, args)
	return file.Each(rows, err, func(row file.Scanner) error {
		if err := row.Scan(to...); err != nil {
			return err
		}
		id, err := idOf(sheet)
		if err != nil {
			return err
		}
		return add.Bytes(subject, id, at, day, vector)
	})
}

func toDay(q house.ScoreQuery) int { return cmp.Or(q.ToDay, 99991231) }

// marked selects the current records that have marks, newest last, with the columns
// that are named before.
func marked(columns string, scope role.Scope, q house.ScoreQuery) *file.Query {
	sel := file.Select(`SELECT ` + columns + ` FROM record r LEFT JOIN facility_version v ON v.id = r.facility_version`).
		And(`r.current = 1`).And(`r.marks IS NOT NULL`)
	conditions(sel, scope, q)
	if code := cmp.Or(q.Facility, scope.Facility); code != "" { // its index begins with the facility
		sel.And(`r.facility = ?`, string(code))
	}
	if q.FromDay != 0 {
		sel.And(`r.received >= ?`, file.Micros(startOf(q.FromDay)))
	}
	if q.ToDay != 0 {
		sel.And(`r.received < ?`, file.Micros(startOf(q.ToDay).AddDate(0, 0, 1)))
	}
	if q.Subject != "" {
		sel.And(`r.kind = ?`, q.Subject)
	}
	return sel
}

// startOf is the first moment of a day in Hanoi.
func startOf(day int) time.Time {
	return time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, clock.Hanoi)
}

// Recount counts marks anew.
func (x *Scores) Recount(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]house.ScoreSum, error) {
	if _, err := scoring.Plan(scope, q); err != nil || scope.IsEmpty() {
		return nil, err
	}
	text, args := marked(columns(q)+`r.received, r.kind, r.marks`, scope, q).End(``)
	var add *scoring.Adder
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		add = scoring.NewAdder(q)
		var (
			subject  string
			at       scoring.Attributes
			received int64
			marks    []byte
		)
		to := append(targets(q, &at), &received, &subject, &marks)
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			if err := row.Scan(to...); err != nil {
				return err
			}
			id, err := tally.Marks(marks).Sheet()
			if err != nil {
				return err
			}
			add.Of(subject, id, at, clock.Day(file.Time(received))).Add(marks, 1)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return add.Sums(), nil
}

// searched is how many records Failing looks at.
const searched = 100_000

// Failing lists records that fail a check.
func (x *Scores) Failing(ctx context.Context, scope role.Scope, q house.ScoreQuery, sheet tally.ID, check, limit int) (out []dossier.ID, err error) {
	if scope.IsEmpty() || check < 0 {
		return nil, nil
	}
	limit = cmp.Or(max(limit, 0), 50)
	text, args := marked(`r.facility, r.serial, r.marks`, scope, q).End(` ORDER BY r.received DESC LIMIT ` + strconv.Itoa(searched))
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for len(out) < limit && rows.Next() {
			var code string
			var serial, marks []byte
			if err := rows.Scan(&code, &serial, &marks); err != nil {
				return err
			}
			m := tally.Marks(marks)
			if id, err := m.Sheet(); err != nil || id != sheet || m.Get(check) != tally.Failed {
				continue
			}
			id, err := file.ID(care.FacilityCode(code), serial)
			if err != nil {
				return err
			}
			out = append(out, id)
		}
		return rows.Err()
	})
	return out, err
}
