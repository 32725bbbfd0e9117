// Package standings keeps in PostgreSQL what provinces mean to reach, and counts
// from the rows what having data once saves. It says nothing of any person.
package standings

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store/base"
	"lienthong/internal/store/form"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Standings implements house.Targets, house.Benefits and house.Looks.
type Standings struct {
	db     *handle.DB
	writer *ledger.Writer
}

var (
	_ house.Targets  = (*Standings)(nil)
	_ house.Benefits = (*Standings)(nil)
	_ house.Looks    = (*Standings)(nil)
)

// New returns the slice; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Standings { return &Standings{db, writer} }

// limit is how long a count over the rows of some months may take.
const limit = 10 * time.Minute

const none = `'00000000-0000-0000-0000-000000000000'`

// PutTarget keeps a version with its act.
func (x *Standings) PutTarget(ctx context.Context, t house.Target, act base.Act) error {
	if err := base.CheckText(t.Province, t.ID, t.By, t.Note); err != nil {
		return err
	}
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	// of two at once the second waits for the first, and finds its version
	b.Queue(`INSERT INTO target (province, id, version, at, by, value, due, note, ended)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE $3 = 1 + coalesce((SELECT max(version) FROM target WHERE province = $1 AND id = $2), 0)
		ON CONFLICT DO NOTHING`, t.Province, t.ID, t.Version, handle.Micros(t.At), t.By, t.Value, t.Due, t.Note, t.Ended).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return base.ErrChanged
		}
		return nil
	})
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	return x.writer.CommitAct(ctx, tx, tx.Batch(), act)
}

// Targets returns every version of a province.
func (x *Standings) Targets(ctx context.Context, province string) ([]house.Target, error) {
	if base.CheckText(province) != nil {
		return nil, nil
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT id, version, at, by, value, due, note, ended FROM target WHERE province = $1 ORDER BY id, version`, province)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (house.Target, error) {
		t := house.Target{Province: province}
		var at int64
		err := row.Scan(&t.ID, &t.Version, &at, &t.By, &t.Value, &t.Due, &t.Note, &t.Ended)
		t.At = handle.Moment(at)
		return t, err
	})
	return all, handle.Fault(err)
}

// one reads a row of numbers out of many rows.
func (x *Standings) one(ctx context.Context, to []any, text string, args ...any) error {
	return x.db.Scan(ctx, limit, text, args, func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(to...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// Delivered counts legs that are done, and their records.
func (x *Standings) Delivered(ctx context.Context, s house.Span) (d house.Delivered, err error) {
	err = x.one(ctx, []any{&d.Legs, &d.Records}, `SELECT coalesce(sum(n), 0)::bigint, count(*) FROM (SELECT count(*) AS n FROM leg
		WHERE created >= $1 AND created < $2 AND state = 'done' AND withdraws = `+none+` GROUP BY facility, serial) q`, handle.Micros(s.From), handle.Micros(s.To))
	return d, err
}

// Tested looks for results of the same person at another facility.
func (x *Standings) Tested(ctx context.Context, s house.Span, within time.Duration) (t house.Tested, err error) {
	has := func(r string) string {
		return fmt.Sprintf(` AND %[1]s.current AND %[1]s.state <> 'rejected' AND %[1]s.withdraws = %[3]s AND %[1]s.withdrawn_by = %[3]s AND %[1]s.documents & %[2]d <> 0`,
			r, form.CommonDocument("doc:XML4"), none)
	}
	err = x.one(ctx, []any{&t.Records, &t.Before}, `SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM subject s
		JOIN subject o ON o.person = s.person AND o.facility <> s.facility
		JOIN record e ON e.facility = o.facility AND e.subject = o.subject
		WHERE s.facility = r.facility AND s.subject = r.subject AND s.person <> `+none+` AND e.received < r.received AND e.received >= r.received - $3::bigint`+has("e")+`))
		FROM record r WHERE r.received >= $1 AND r.received < $2`+has("r"), handle.Micros(s.From), handle.Micros(s.To), within.Microseconds())
	return t, err
}

// Work counts files and legs of one maker's facilities.
func (x *Standings) Work(ctx context.Context, s house.Span, vendor string) (w house.Work, err error) {
	if err := base.CheckText(vendor); err != nil {
		return w, err
	}
	from, to := handle.Micros(s.From), handle.Micros(s.To)
	if err = x.one(ctx, []any{&w.Files, &w.Bytes}, `SELECT count(*), coalesce(sum(size), 0)::bigint FROM file f WHERE received >= $1 AND received < $2
		AND (SELECT v.vendor FROM facility_version v WHERE v.code = f.facility AND v.since <= f.received ORDER BY v.since DESC, v.id DESC LIMIT 1) = $3`, from, to, vendor); err != nil {
		return w, err
	}
	err = x.one(ctx, []any{&w.Legs, &w.Done}, `SELECT count(*), count(*) FILTER (WHERE l.state = 'done') FROM leg l JOIN facility_version v ON v.id = l.facility_version
		WHERE l.created >= $1 AND l.created < $2 AND v.vendor = $3`, from, to, vendor)
	return w, err
}

// Elsewhere counts records that others than their author opened.
func (x *Standings) Elsewhere(ctx context.Context, s house.Span, bases []string) (n int64, err error) {
	err = x.one(ctx, []any{&n}, `SELECT count(*) FROM (SELECT DISTINCT facility, serial FROM disclosure
		WHERE at >= $1 AND at < $2 AND serial <> `+none+` AND basis = ANY ($3) AND strpos(role, ':') > 0 AND substr(role, strpos(role, ':') + 1) <> facility) q`,
		handle.Micros(s.From), handle.Micros(s.To), bases)
	return n, err
}
