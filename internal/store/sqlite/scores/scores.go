// Package scores is the embedded engine's side of house.Scores: sheets, appended
// vectors and their sums, and the same counted anew from the marks of records.
package scores

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
)

// Scores implements house.Scores.
type Scores struct {
	db    *file.DB
	clock clock.Clock
}

var _ house.Scores = (*Scores)(nil)

// New returns the slice of an open file; c says when sums were changed.
func New(db *file.DB, c clock.Clock) *Scores { return &Scores{db: db, clock: c} }

// Sheets lists sheets.
func (x *Scores) Sheets(ctx context.Context) ([]house.ScoreSheet, error) {
	var out []house.ScoreSheet
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT subject, sheet, body, since, actor FROM score_sheet ORDER BY since, actor <> '', subject, sheet`)
		return file.Each(rows, err, func(row file.Scanner) error {
			var k house.ScoreSheet
			var sheet, body []byte
			var since int64
			if err := row.Scan(&k.Subject, &sheet, &body, &since, &k.Actor); err != nil {
				return err
			}
			k.Body, k.Since = body, file.Time(since)
			out = append(out, k)
			return file.Fill(out[len(out)-1].Sheet[:], sheet)
		})
	})
	return out, err
}

// PutSheet keeps a sheet.
func (x *Scores) PutSheet(ctx context.Context, k house.ScoreSheet, act store.Act) error {
	if err := errors.Join(store.CheckText(k.Subject, string(k.Body), k.Actor), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		on := ` ON CONFLICT DO NOTHING`
		if act.Action != "" {
			on = ` ON CONFLICT (subject, sheet) DO UPDATE SET since = excluded.since, actor = excluded.actor`
		}
		_, err := tx.Exec(`INSERT INTO score_sheet (subject, sheet, body, since, actor) VALUES (?, ?, ?, ?, ?)`+on,
			k.Subject, k.Sheet[:], string(k.Body), file.Micros(k.Since), k.Actor)
		if err != nil || act.Action == "" {
			return err
		}
		return tx.ActOf(act)
	})
}

var insertDeltas = file.Insert(`score_delta (facility_version, day, subject, sheet, vector)`, ``)

// Append writes what one write of any slice counts, in order.
func Append(tx *file.Tx, g *scoring.Group) error {
	rows, vectors := g.Rows()
	args := make([]any, 0, 5*len(rows))
	for i, r := range rows {
		args = append(args, r.Version, int64(r.Day), r.Subject, r.Sheet[:], vectors[i])
	}
	_, err := tx.ExecBulk(insertDeltas, args)
	return err
}

// Append appends what belongs to no commit.
func (x *Scores) Append(ctx context.Context, deltas []house.ScoreDelta) error {
	var g scoring.Group
	for _, d := range deltas {
		if err := g.Add(d); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error { return Append(tx, &g) })
}

// foldRows is how many deltas one write folds, so that intake waits for at most
// some 20 ms.
const foldRows = 400

// Fold adds deltas up.
func (x *Scores) Fold(ctx context.Context) (folded int, err error) {
	for {
		n, err := x.foldSome(ctx)
		folded += n
		if err != nil || n < foldRows {
			return folded, err
		}
	}
}

func (x *Scores) foldSome(ctx context.Context) (n int, err error) {
	some := false
	if err := x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT EXISTS (SELECT 1 FROM score_delta)`).Scan(&some)
	}); err != nil || !some {
		return 0, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		var f scoring.Fold
		var last int64
		n = 0
		rows, err := tx.Rows(`SELECT d.id, d.facility_version, d.day, d.subject, d.sheet, d.vector,
 coalesce(v.province, ''), coalesce(v.vendor, ''), coalesce(v.level, ''), coalesce(v.unit, '')
 FROM (SELECT * FROM score_delta ORDER BY id LIMIT ?) d LEFT JOIN facility_version v ON v.id = d.facility_version ORDER BY d.id`, foldRows)
		err = file.Each(rows, err, func(row file.Scanner) error {
			var r scoring.Row
			var at scoring.Attributes
			var sheet, vector []byte
			if err := row.Scan(&last, &r.Version, &r.Day, &r.Subject, &sheet, &vector, &at.Province, &at.Vendor, &at.Level, &at.Unit); err != nil {
				return err
			}
			n++
			if err := file.Fill(r.Sheet[:], sheet); err != nil {
				return err
			}
			return f.Add(r, at, vector)
		})
		if err != nil || n == 0 {
			return err
		}
		if err := x.put(tx, &f); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM score_delta WHERE id <= ?`, last)
		return err
	})
	return n, err
}

// put adds what was folded to what is kept.
func (x *Scores) put(tx *file.Tx, f *scoring.Fold) error {
	now := file.Micros(x.clock.Now())
	for _, p := range f.Places() {
		var kept []byte
		err := tx.Row(`SELECT vector FROM score WHERE member = ? AND scale = ? AND subject = ? AND day = ? AND sheet = ?`,
			p.Member, p.Scale, p.Subject, int64(p.Day), p.Sheet[:]).Scan(&kept)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		vector, err := f.Onto(p, kept)
		if err != nil {
			return err
		}
		if vector == nil {
			vector = []byte{}
		}
		if _, err := tx.Exec(`INSERT INTO score (scale, member, subject, day, sheet, vector, changed) VALUES (?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT DO UPDATE SET vector = excluded.vector, changed = excluded.changed`,
			p.Scale, p.Member, p.Subject, int64(p.Day), p.Sheet[:], vector, now); err != nil {
			return err
		}
	}
	return nil
}

// Touched lists days.
func (x *Scores) Touched(ctx context.Context, since time.Time) (days []int, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		days = nil
		rows, err := s.Rows(`SELECT DISTINCT day FROM (SELECT day FROM score WHERE scale = 'a' AND changed >= ? UNION ALL SELECT day FROM score_delta) ORDER BY day`, file.Micros(since))
		return file.Each(rows, err, func(row file.Scanner) error {
			days = append(days, 0)
			return row.Scan(&days[len(days)-1])
		})
	})
	return days, err
}

// PutRecount keeps what counting a day again gave.
func (x *Scores) PutRecount(ctx context.Context, r house.ScoreRecount) error {
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT OR REPLACE INTO score_recount (day, at, seen, unequal, sampled, differing) VALUES (?, ?, ?, ?, ?, ?)`,
			int64(r.Day), file.Micros(r.At), r.Seen, r.Unequal, r.Sampled, r.Differing)
		return err
	})
}

// Recounts lists what was kept.
func (x *Scores) Recounts(ctx context.Context, fromDay int) (out []house.ScoreRecount, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT day, at, seen, unequal, sampled, differing FROM score_recount WHERE day >= ? ORDER BY day DESC`, int64(fromDay))
		return file.Each(rows, err, func(row file.Scanner) error {
			var r house.ScoreRecount
			var at int64
			if err := row.Scan(&r.Day, &at, &r.Seen, &r.Unequal, &r.Sampled, &r.Differing); err != nil {
				return err
			}
			r.At = file.Time(at)
			out = append(out, r)
			return nil
		})
	})
	return out, err
}

// conditions adds what a query asks of a facility's version, v.
func conditions(q *file.Query, scope role.Scope, sq house.ScoreQuery) {
	q.Within(scope, "v.code", "v.id")
	for _, c := range []struct{ column, value string }{
		{"v.code", string(sq.Facility)}, {"v.province", sq.Province}, {"v.vendor", sq.Vendor}, {"v.level", sq.Level}, {"v.unit", sq.Unit},
	} {
		if c.value != "" {
			q.And(c.column+` = ?`, c.value)
		}
	}
}

// narrow reports whether a query is about few facility versions, so that rows are
// best found by them.
func narrow(scope role.Scope, q house.ScoreQuery) bool {
	return !scope.All || q.Facility != "" || q.Province != "" || q.Unit != ""
}

// columns are the attributes that a query splits by, others as empty text: a board
// of the nation reads 13,000 rows, and each column counts.
func columns(q house.ScoreQuery) string {
	of := map[house.ScoreDimension]string{house.ScoreByFacility: "code", house.ScoreByProvince: "province", house.ScoreByVendor: "vendor",
		house.ScoreByLevel: "level", house.ScoreByUnit: "unit"}
	var list []string
	for _, by := range q.By {
		if c := of[by]; c != "" {
			list = append(list, `coalesce(v.`+c+`, '')`)
		}
	}
	return strings.Join(append(list, ""), ", ")
}

// targets are where the columns go.
func targets(q house.ScoreQuery, at *scoring.Attributes) []any {
	var to []any
	for _, by := range q.By {
		switch by {
		case house.ScoreByFacility:
			to = append(to, &at.Facility)
		case house.ScoreByProvince:
			to = append(to, &at.Province)
		case house.ScoreByVendor:
			to = append(to, &at.Vendor)
		case house.ScoreByLevel:
			to = append(to, &at.Level)
		case house.ScoreByUnit:
			to = append(to, &at.Unit)
		}
	}
	return to
}

func idOf(b []byte) (id tally.ID, err error) { return id, file.Fill(id[:], b) }

// Leave takes the marks of a record out of what g counts, if they count: it is
// called in the write that makes the record not current, or erases it, before that.
func Leave(tx *file.Tx, g *scoring.Group, id dossier.ID) error {
	var d house.ScoreDelta
	var received int64
	var marks []byte
	err := tx.Row(`SELECT facility_version, received, kind, marks FROM record WHERE facility = ? AND serial = ? AND current = 1 AND marks IS NOT NULL`,
		string(id.Facility), id.Serial[:]).Scan(&d.FacilityVersion, &received, &d.Subject, &marks)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	d.Day, d.Marks, d.N = clock.Day(file.Time(received)), marks, -1
	return g.Add(d)
}
