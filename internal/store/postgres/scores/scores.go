// Package scores keeps in PostgreSQL the sheets of quality, appended vectors and
// their sums, and counts the same anew from the marks of records.
package scores

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/store/scoring"
)

// Scores is the house.Scores of a hub.
type Scores struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ house.Scores = (*Scores)(nil)

// New returns the slice; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Scores { return &Scores{db, writer} }

// Sheets lists sheets.
func (x *Scores) Sheets(ctx context.Context) ([]house.ScoreSheet, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT subject, sheet, body, since, actor FROM score_sheet ORDER BY since, actor <> '', subject, sheet`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k house.ScoreSheet, err error) {
		var sheet []byte
		var body string
		var since int64
		if err := row.Scan(&k.Subject, &sheet, &body, &since, &k.Actor); err != nil {
			return k, err
		}
		k.Body, k.Since = []byte(body), handle.Moment(since)
		k.Sheet, err = idOf(sheet)
		return k, err
	})
	return out, handle.Fault(err)
}

// PutSheet keeps a sheet.
func (x *Scores) PutSheet(ctx context.Context, k house.ScoreSheet, act store.Act) error {
	if err := store.CheckText(k.Subject, string(k.Body), k.Actor, act.Actor, act.Action, act.Object, act.Detail); err != nil {
		return err
	}
	const insert = `INSERT INTO score_sheet (subject, sheet, body, since, actor) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject, sheet) DO `
	args := []any{k.Subject, k.Sheet[:], string(k.Body), handle.Micros(k.Since), k.Actor}
	if act.Action == "" {
		_, err := x.db.Pool.Exec(ctx, insert+`NOTHING`, args...)
		return handle.Fault(err)
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(insert+`UPDATE SET since = excluded.since, actor = excluded.actor`, args...)
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// Queue appends to a transaction what it counts. It takes no lock that anyone waits
// for.
func Queue(b *pgx.Batch, g *scoring.Group) {
	rows, vectors := g.Rows()
	if len(rows) == 0 {
		return
	}
	b.Queue(`INSERT INTO score_delta (facility_version, day, subject, sheet, vector)
		SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bytea[], $5::bytea[])`,
		handle.Column(rows, func(r scoring.Row) int64 { return r.Version }),
		handle.Column(rows, func(r scoring.Row) int32 { return int32(r.Day) }),
		handle.Column(rows, func(r scoring.Row) string { return r.Subject }),
		handle.Column(rows, func(r scoring.Row) []byte { return r.Sheet[:] }), vectors)
}

// Append appends what belongs to no commit.
func (x *Scores) Append(ctx context.Context, deltas []house.ScoreDelta) error {
	var g scoring.Group
	for _, d := range deltas {
		if err := g.Add(d); err != nil {
			return err
		}
	}
	b := &pgx.Batch{}
	Queue(b, &g)
	if b.Len() == 0 {
		return nil
	}
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

const (
	// foldRows is how many deltas one transaction folds.
	foldRows = 4000
	// foldLock is held by the hub that folds: vectors are added up outside the server,
	// so two that did it would lose what the other added.
	foldLock = 0x6c74_7363_6f72 // "ltscor"
)

// Fold adds deltas up; where another hub is at it, nothing is left to do.
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
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.End()
	mine := false
	b := tx.Batch()
	b.Queue(`SELECT pg_try_advisory_xact_lock($1)`, int64(foldLock)).QueryRow(func(row pgx.Row) error { return row.Scan(&mine) })
	if err := tx.Send(ctx, b); err != nil || !mine {
		return 0, err
	}
	var f scoring.Fold
	b = tx.Batch()
	b.Queue(`WITH gone AS (
			DELETE FROM score_delta WHERE ctid = ANY (ARRAY(SELECT ctid FROM score_delta LIMIT $1)) RETURNING facility_version, day, subject, sheet, vector
		) SELECT g.facility_version, g.day, g.subject, g.sheet, g.vector,
			coalesce(v.province, ''), coalesce(v.vendor, ''), coalesce(v.level, ''), coalesce(v.unit, '')
		FROM gone g LEFT JOIN facility_version v ON v.id = g.facility_version`, foldRows).Query(func(rows pgx.Rows) error {
		var r scoring.Row
		var at scoring.Attributes
		var sheet, vector []byte
		_, err := pgx.ForEachRow(rows, []any{&r.Version, &r.Day, &r.Subject, &sheet, &vector, &at.Province, &at.Vendor, &at.Level, &at.Unit}, func() (err error) {
			n++
			if r.Sheet, err = idOf(sheet); err != nil {
				return err
			}
			return f.Add(r, at, vector)
		})
		return err
	})
	if err := tx.Send(ctx, b); err != nil || n == 0 {
		return 0, err
	}
	if err := x.put(ctx, tx, &f); err != nil {
		return 0, err
	}
	return n, nil
}

// put adds what was folded to what is kept, and commits.
func (x *Scores) put(ctx context.Context, tx *handle.Tx, f *scoring.Fold) error {
	places := f.Places()
	kept := make([][]byte, len(places))
	keys := []any{
		handle.Column(places, func(p scoring.Place) string { return p.Member }),
		handle.Column(places, func(p scoring.Place) string { return p.Scale }),
		handle.Column(places, func(p scoring.Place) string { return p.Subject }),
		handle.Column(places, func(p scoring.Place) int32 { return int32(p.Day) }),
		handle.Column(places, func(p scoring.Place) []byte { return p.Sheet[:] }),
	}
	b := tx.Batch()
	b.Queue(`SELECT u.n, s.vector FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bytea[]) WITH ORDINALITY
			AS u (member, scale, subject, day, sheet, n)
		JOIN score s ON s.member = u.member AND s.scale = u.scale AND s.subject = u.subject AND s.day = u.day AND s.sheet = u.sheet`, keys...).Query(func(rows pgx.Rows) error {
		var at int64
		var vector []byte
		_, err := pgx.ForEachRow(rows, []any{&at, &vector}, func() error {
			kept[at-1] = append([]byte{}, vector...)
			return nil
		})
		return err
	})
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	vectors := make([][]byte, len(places))
	for i, p := range places {
		v, err := f.Onto(p, kept[i])
		if err != nil {
			return err
		}
		vectors[i] = handle.Bytes(v)
	}
	b = tx.Batch()
	b.Queue(`INSERT INTO score (member, scale, subject, day, sheet, vector, changed)
		SELECT u.*, $7 FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bytea[], $6::bytea[]) AS u
		ON CONFLICT (member, scale, subject, day, sheet) DO UPDATE SET vector = excluded.vector, changed = excluded.changed`,
		append(keys, vectors, handle.Micros(x.db.Clock.Now()))...)
	return handle.Fault(tx.Commit(ctx, b))
}

// Touched lists days.
func (x *Scores) Touched(ctx context.Context, since time.Time) ([]int, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT DISTINCT day FROM (SELECT day FROM score WHERE scale = 'a' AND changed >= $1 UNION ALL SELECT day FROM score_delta) d ORDER BY day`,
		handle.Micros(since))
	if err != nil {
		return nil, handle.Fault(err)
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[int])
	return days, handle.Fault(err)
}

// PutRecount keeps what counting a day again gave.
func (x *Scores) PutRecount(ctx context.Context, r house.ScoreRecount) error {
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO score_recount (day, at, seen, unequal, sampled, differing) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (day) DO UPDATE SET at = excluded.at, seen = excluded.seen, unequal = excluded.unequal, sampled = excluded.sampled, differing = excluded.differing`,
		int32(r.Day), handle.Micros(r.At), r.Seen, r.Unequal, r.Sampled, r.Differing)
	return handle.Fault(err)
}

// Recounts lists what was kept.
func (x *Scores) Recounts(ctx context.Context, fromDay int) ([]house.ScoreRecount, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT day, at, seen, unequal, sampled, differing FROM score_recount WHERE day >= $1 ORDER BY day DESC`, int32(fromDay))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r house.ScoreRecount, err error) {
		var at int64
		err = row.Scan(&r.Day, &at, &r.Seen, &r.Unequal, &r.Sampled, &r.Differing)
		r.At = handle.Moment(at)
		return r, err
	})
	return out, handle.Fault(err)
}

// conditions adds what a query asks of a facility's version, v.
func conditions(w *handle.Where, scope role.Scope, q house.ScoreQuery) {
	w.Scope(scope, "v.code", "v")
	for _, c := range []struct{ column, value string }{
		{"v.code", string(q.Facility)}, {"v.province", q.Province}, {"v.vendor", q.Vendor}, {"v.level", q.Level}, {"v.unit", q.Unit},
	} {
		if c.value != "" {
			w.And(c.column+` = ?`, c.value)
		}
	}
}

// columns are the attributes of v in the order of scoring.Attributes, those that a
// query does not split by as empty text.
func columns(q house.ScoreQuery) string { return strings.Join(columnList(q), ", ") }

// namedColumns are the same with the names f, p, e, u, n.
func namedColumns(q house.ScoreQuery) string {
	list := columnList(q)
	for i, name := range []string{"f", "p", "e", "u", "n"} {
		list[i] += ` AS ` + name
	}
	return strings.Join(list, ", ")
}

func columnList(q house.ScoreQuery) []string {
	list := []string{"''", "''", "''", "''", "''"}
	for i, c := range []struct {
		by     house.ScoreDimension
		column string
	}{{house.ScoreByFacility, "code"}, {house.ScoreByProvince, "province"}, {house.ScoreByVendor, "vendor"}, {house.ScoreByLevel, "level"}, {house.ScoreByUnit, "unit"}} {
		for _, by := range q.By {
			if by == c.by {
				list[i] = `coalesce(v.` + c.column + `, '')`
			}
		}
	}
	return list
}

func idOf(b []byte) (id tally.ID, err error) {
	if copy(id[:], b) != len(id) || len(b) != len(id) {
		return id, errors.New("scores: the id of a sheet is cut off")
	}
	return id, nil
}
