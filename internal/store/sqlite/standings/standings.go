// Package standings is the embedded engine's side of house.Targets, house.Benefits
// and house.Looks: what provinces mean to reach, and what having data once saves,
// counted from the rows. It says nothing of any person.
package standings

import (
	"context"
	"fmt"
	"time"

	"lienthong/internal/store/base"
	"lienthong/internal/store/form"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Standings implements house.Targets and house.Benefits.
type Standings struct{ db *file.DB }

var (
	_ house.Targets  = (*Standings)(nil)
	_ house.Benefits = (*Standings)(nil)
)

// New returns the slice of an open file.
func New(db *file.DB) *Standings { return &Standings{db} }

// PutTarget keeps a version with its act.
func (x *Standings) PutTarget(ctx context.Context, t house.Target, act base.Act) error {
	if err := base.CheckText(t.Province, t.ID, t.By, t.Note); err != nil {
		return err
	}
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO target (province, id, version, at, by, value, due, note, ended)
 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE ?3 = 1 + coalesce((SELECT max(version) FROM target WHERE province = ?1 AND id = ?2), 0)`,
			t.Province, t.ID, t.Version, file.Micros(t.At), t.By, t.Value, t.Due, t.Note, t.Ended)
		if err != nil {
			return err
		}
		if n == 0 {
			return base.ErrChanged
		}
		return tx.Act(act)
	})
}

// Targets returns every version of a province.
func (x *Standings) Targets(ctx context.Context, province string) ([]house.Target, error) {
	var out []house.Target
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT id, version, at, by, value, due, note, ended FROM target WHERE province = ? ORDER BY id, version`, province)
		return file.Each(rows, err, func(row file.Scanner) error {
			t := house.Target{Province: province}
			var at int64
			if err := row.Scan(&t.ID, &t.Version, &at, &t.By, &t.Value, &t.Due, &t.Note, &t.Ended); err != nil {
				return err
			}
			t.At = file.Time(at)
			out = append(out, t)
			return nil
		})
	})
	return out, err
}

// one reads a row of numbers.
func one(ctx context.Context, db *file.DB, to []any, text string, args ...any) error {
	return db.Read(ctx, func(s *file.Snapshot) error { return s.Row(text, args...).Scan(to...) })
}

// Delivered counts legs that are done, and their records.
func (x *Standings) Delivered(ctx context.Context, s house.Span) (d house.Delivered, err error) {
	err = one(ctx, x.db, []any{&d.Legs, &d.Records},
		`SELECT coalesce(sum(n), 0), count(*) FROM (SELECT count(*) AS n FROM leg WHERE created >= ? AND created < ? AND state = 'done' AND withdraws IS NULL GROUP BY facility, serial)`,
		file.Micros(s.From), file.Micros(s.To))
	return d, err
}

// Tested looks for results of the same person at another facility.
func (x *Standings) Tested(ctx context.Context, s house.Span, within time.Duration) (t house.Tested, err error) {
	has := fmt.Sprintf(` AND %%[1]s.current = 1 AND %%[1]s.state <> 'rejected' AND %%[1]s.withdraws IS NULL AND %%[1]s.withdrawn_by IS NULL AND %%[1]s.documents & %d <> 0`, form.CommonDocument("doc:XML4"))
	err = one(ctx, x.db, []any{&t.Records, &t.Before}, `SELECT count(*), coalesce(sum(EXISTS (SELECT 1 FROM subject s JOIN subject o ON o.person = s.person AND o.facility <> s.facility
 JOIN record e ON e.facility = o.facility AND e.subject = o.key
 WHERE s.facility = r.facility AND s.key = r.subject AND s.person IS NOT NULL AND e.received < r.received AND e.received >= r.received - ?3`+fmt.Sprintf(has, "e")+`)), 0)
 FROM record r WHERE r.received >= ?1 AND r.received < ?2`+fmt.Sprintf(has, "r"),
		file.Micros(s.From), file.Micros(s.To), within.Microseconds())
	return t, err
}

// Work counts files and legs of one maker's facilities.
func (x *Standings) Work(ctx context.Context, s house.Span, vendor string) (w house.Work, err error) {
	if err := base.CheckText(vendor); err != nil {
		return w, err
	}
	from, to := file.Micros(s.From), file.Micros(s.To)
	if err = one(ctx, x.db, []any{&w.Files, &w.Bytes}, `SELECT count(*), coalesce(sum(size), 0) FROM file f WHERE received >= ? AND received < ?
 AND (SELECT v.vendor FROM facility_version v WHERE v.code = f.facility AND v.since <= f.received ORDER BY v.since DESC, v.id DESC LIMIT 1) = ?`, from, to, vendor); err != nil {
		return w, err
	}
	err = one(ctx, x.db, []any{&w.Legs, &w.Done}, `SELECT count(*), coalesce(sum(l.state = 'done'), 0) FROM leg l JOIN facility_version v ON v.id = l.facility_version
 WHERE l.created >= ? AND l.created < ? AND v.vendor = ?`, from, to, vendor)
	return w, err
}

// Looks implements house.Looks.
type Looks struct{ db *file.DB }

var _ house.Looks = (*Looks)(nil)

// NewLooks returns the slice of the open log of access.
func NewLooks(db *file.DB) *Looks { return &Looks{db} }

// Elsewhere counts records that others than their author opened.
func (x *Looks) Elsewhere(ctx context.Context, s house.Span, bases []string) (n int64, err error) {
	if len(bases) == 0 {
		return 0, nil
	}
	args := []any{file.Micros(s.From), file.Micros(s.To)}
	for _, b := range bases {
		args = append(args, b)
	}
	err = one(ctx, x.db, []any{&n}, `SELECT count(*) FROM (SELECT DISTINCT facility, serial FROM main.disclosure
 WHERE at >= ? AND at < ? AND serial IS NOT NULL AND basis IN (`+file.Marks(len(bases))+`)
 AND instr(role, ':') > 0 AND substr(role, instr(role, ':') + 1) <> facility)`, args...)
	return n, err
}
