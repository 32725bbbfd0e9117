package scores

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/scoring"
)

// How long a sum may take, and a recount, which reads every record of its days.
const (
	sumLimit     = 30 * time.Second
	recountLimit = 30 * time.Minute
)

// Sum adds what is folded to what is not: one statement reads both in one snapshot.
func (x *Scores) Sum(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]house.ScoreSum, error) {
	parts, err := scoring.Plan(scope, q)
	if err != nil || scope.IsEmpty() {
		return nil, err
	}
	if err := checkQuery(q); err != nil {
		return nil, err
	}
	var args []any
	var from []string
	for n, p := range parts {
		w := handle.Where{Args: args}
		w.And(`s.scale = ?`, p.Scale)
		w.And(`s.day BETWEEN ? AND ?`, p.From, p.To)
		if q.Subject != "" {
			w.And(`s.subject = ?`, q.Subject)
		}
		join, attributes := ``, `'', '', '', '', ''`
		if p.ByVersion() {
			conditions(&w, scope, q)
			join, attributes = ` LEFT JOIN facility_version v ON v.id = s.member::bigint`, columns(q)
		} else if p.Has {
			w.And(`s.member = ?`, p.Member)
		}
		from = append(from, `SELECT `+strconv.Itoa(n)+`, s.member, `+attributes+`, s.day, s.subject, s.sheet, s.vector FROM score s`+join+w.String())
		args = w.Args
	}
	w := handle.Where{Args: args}
	conditions(&w, scope, q)
	w.And(`d.day BETWEEN ? AND ?`, q.FromDay, cmp.Or(q.ToDay, 99991231))
	if q.Subject != "" {
		w.And(`d.subject = ?`, q.Subject)
	}
	from = append(from, `SELECT -1, '', `+columns(q)+`, d.day, d.subject, d.sheet, d.vector FROM score_delta d LEFT JOIN facility_version v ON v.id = d.facility_version`+w.String())
	add := scoring.NewAdder(q)
	err = x.db.Scan(ctx, sumLimit, strings.Join(from, ` UNION ALL `), w.Args, func(rows pgx.Rows) error {
		var (
			part, day       int
			member, subject string
			at              scoring.Attributes
			sheet, vector   []byte
		)
		_, err := pgx.ForEachRow(rows, []any{&part, &member, &at.Facility, &at.Province, &at.Vendor, &at.Level, &at.Unit, &day, &subject, &sheet, &vector}, func() error {
			if part >= 0 && !parts[part].ByVersion() {
				at = parts[part].Attributes(member)
			}
			id, err := idOf(sheet)
			if err != nil {
				return err
			}
			return add.Bytes(subject, id, at, day, vector)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return add.Sums(), nil
}

func checkQuery(q house.ScoreQuery) error {
	return store.CheckText(q.Subject, string(q.Facility), q.Province, q.Vendor, q.Level, q.Unit)
}

// marked are the conditions of current records that have marks.
func marked(scope role.Scope, q house.ScoreQuery) *handle.Where {
	w := &handle.Where{}
	w.And(`r.current AND r.marks <> ''`)
	conditions(w, scope, q)
	if code := cmp.Or(q.Facility, scope.Facility); code != "" {
		w.And(`r.facility = ?`, string(code))
	}
	if q.FromDay != 0 {
		w.And(`r.day >= ?`, q.FromDay)
		w.And(`r.received >= ?`, handle.Micros(startOf(q.FromDay)))
	}
	if q.ToDay != 0 {
		w.And(`r.day <= ?`, q.ToDay)
		w.And(`r.received < ?`, handle.Micros(startOf(q.ToDay).AddDate(0, 0, 1)))
	}
	if q.Subject != "" {
		w.And(`r.kind = ?`, q.Subject)
	}
	return w
}

// Recount counts marks anew; records with the same marks are counted by the server.
func (x *Scores) Recount(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]house.ScoreSum, error) {
	if _, err := scoring.Plan(scope, q); err != nil || scope.IsEmpty() {
		return nil, err
	}
	if err := checkQuery(q); err != nil {
		return nil, err
	}
	w := marked(scope, q)
	add := scoring.NewAdder(q)
	err := x.db.Scan(ctx, recountLimit, `SELECT `+columns(q)+`, r.day, r.kind, r.marks, count(*) FROM record r
		LEFT JOIN facility_version v ON v.id = r.facility_version`+w.String()+` GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`, w.Args, func(rows pgx.Rows) error {
		var (
			day     int
			subject string
			at      scoring.Attributes
			marks   []byte
			n       int64
		)
		_, err := pgx.ForEachRow(rows, []any{&at.Facility, &at.Province, &at.Vendor, &at.Level, &at.Unit, &day, &subject, &marks, &n}, func() error {
			id, err := tally.Marks(marks).Sheet()
			if err != nil {
				return err
			}
			add.Of(subject, id, at, day).Add(marks, n)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return add.Sums(), nil
}

// searched is how many records Failing looks at.
const searched = 100_000

// Failing lists records that fail a check: the server looks at the two bits.
func (x *Scores) Failing(ctx context.Context, scope role.Scope, q house.ScoreQuery, sheet tally.ID, check, limit int) ([]dossier.ID, error) {
	if scope.IsEmpty() || check < 0 || check >= tally.MaxChecks {
		return nil, nil
	}
	if err := checkQuery(q); err != nil {
		return nil, err
	}
	w := marked(scope, q)
	at, shift := len(sheet)+check/4, 2*(check%4)
	text := `SELECT facility, serial FROM (SELECT r.facility, r.serial, r.received, r.marks FROM record r
			LEFT JOIN facility_version v ON v.id = r.facility_version` + w.String() + ` ORDER BY r.received DESC LIMIT ` + strconv.Itoa(searched) + `) r
		WHERE substr(marks, 1, 4) = ` + w.Arg(sheet[:]) + ` AND length(marks) > ` + strconv.Itoa(at) + `
			AND CASE WHEN length(marks) > ` + strconv.Itoa(at) + ` THEN (get_byte(marks, ` + strconv.Itoa(at) + `) >> ` + strconv.Itoa(shift) + `) & 3 ELSE 0 END = 2
		ORDER BY received DESC LIMIT ` + w.Arg(cmp.Or(max(limit, 0), 50))
	var out []dossier.ID
	err := x.db.Scan(ctx, sumLimit, text, w.Args, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (dossier.ID, error) {
			var facility string
			var serial pgtype.UUID
			err := row.Scan(&facility, &serial)
			return handle.ID(facility, serial), err
		})
		return err
	})
	return out, err
}

// startOf is the first moment of a day in Hanoi.
func startOf(day int) time.Time {
	return time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, clock.Hanoi)
}
