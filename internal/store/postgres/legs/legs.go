// Package legs keeps deliveries in PostgreSQL: who carries them now, and the
// order of their changes. Couriers of several hubs claim side by side. It knows
// no law of trying again and no destination.
//
// Nobody waits for a leg but Settle, Erase and Open, which lock legs by name in
// one order (facility, record, destination) and after records; Claim, Move and
// what Settle wakes pass over what another holds. After the legs come the numbers
// of changes (leg_seq), by facility, held until the commit: so numbers become
// visible in their order, and a reader passes over none.
//
// Column free says when Claim may look at a leg: when it is due, when its lease
// ends, or when an older leg of its episode may be gone.
package legs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

// Legs is the store.Legs of a hub.
type Legs struct{ db *handle.DB }

var _ store.Legs = (*Legs)(nil)

// New returns the slice.
func New(db *handle.DB) *Legs { return &Legs{db: db} }

// Numbers are those that one transaction takes for changes of legs. The zero
// Numbers is none.
type Numbers struct{ n map[string]int64 }

// Next takes a number for a leg of the facility and returns which of the
// transaction it is.
func (x *Numbers) Next(facility string) int64 {
	if x.n == nil {
		x.n = map[string]int64{}
	}
	x.n[facility]++
	return x.n[facility]
}

// Back is how far behind the last number of the facility the nth is.
func (x *Numbers) Back(facility string, nth int64) int64 { return x.n[facility] - nth }

// Queue takes the numbers, after every other lock but that of a log's head: the
// rows of leg_seq then hold the last of each facility.
func (x *Numbers) Queue(b *pgx.Batch) {
	if len(x.n) == 0 {
		return
	}
	facilities := slices.Sorted(maps.Keys(x.n))
	b.Queue(`INSERT INTO leg_seq AS s (facility, seq) SELECT * FROM unnest($1::text[], $2::bigint[])
		ON CONFLICT (facility) DO UPDATE SET seq = s.seq + excluded.seq`,
		facilities, handle.Column(facilities, func(f string) int64 { return x.n[f] }))
}

// LastSeq is the last number of the facility of k, after Queue. It is asked for
// each row: joined, the planner would rather look legs up by their facility alone.
const LastSeq = `(SELECT s.seq FROM leg_seq s WHERE s.facility = k.facility)`

// columns are what scan reads, of leg l.
const columns = `l.facility, l.serial, l.destination, l.kind, l.episode, l.file, l.lane, l.withdraws, l.state, l.due, l.attempts, l.code, l.reference,
	l.created, l.sent, l.received, l.finalized, l.opened, l.changed`

// scan reads columns, after what first points at and before what more does.
func scan(row pgx.Row, l *store.Leg, first []any, more ...any) error {
	var facility string
	var serial, withdraws pgtype.UUID
	var episode, file []byte
	var lane int16
	var times [7]int64
	to := append(slices.Clone(first), &facility, &serial, &l.Destination, &l.Kind, &episode, &file, &lane, &withdraws, &l.State, &times[0], &l.Attempts, &l.Code, &l.Reference,
		&times[1], &times[2], &times[3], &times[4], &times[5], &times[6])
	if err := row.Scan(append(to, more...)...); err != nil {
		return err
	}
	var err error
	if l.Episode, err = handle.Keyed(episode); err != nil {
		return err
	}
	if l.File, err = handle.Keyed(file); err != nil {
		return err
	}
	l.Record = dossier.ID{Facility: care.FacilityCode(facility), Serial: serial.Bytes}
	l.Withdraws, l.Lane = handle.ID(facility, withdraws), store.Lane(lane)
	for i, t := range []*time.Time{&l.Due, &l.Created, &l.Sent, &l.Received, &l.Finalized, &l.Opened, &l.Changed} {
		*t = handle.Moment(times[i])
	}
	return nil
}

func collect(rows pgx.Rows) ([]store.Leg, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l store.Leg, err error) {
		err = scan(row, &l, nil)
		return l, err
	})
}

// keyColumns are the names of legs for array parameters.
func keyColumns(keys []store.LegKey) []any {
	return []any{
		handle.Column(keys, func(k store.LegKey) string { return string(k.Record.Facility) }),
		handle.Column(keys, func(k store.LegKey) pgtype.UUID { return handle.UUID(k.Record.Serial) }),
		handle.Column(keys, func(k store.LegKey) string { return k.Destination }),
	}
}

// Of returns the legs of records.
func (x *Legs) Of(ctx context.Context, ids ...dossier.ID) ([]store.Leg, error) {
	for _, id := range ids {
		if store.CheckText(string(id.Facility)) != nil {
			return nil, store.ErrText
		}
	}
	ids = form.LegOrder(ids)
	rows, err := x.db.Pool.Query(ctx, `SELECT `+columns+` FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS u (facility, serial, n)
		JOIN leg l ON l.facility = u.facility AND l.serial = u.serial ORDER BY u.n, l.destination`,
		handle.Column(ids, func(id dossier.ID) string { return string(id.Facility) }), handle.Column(ids, func(id dossier.ID) pgtype.UUID { return handle.UUID(id.Serial) }))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := collect(rows)
	return all, handle.Fault(err)
}

// Receipts returns what destinations said of a record.
func (x *Legs) Receipts(ctx context.Context, id dossier.ID) ([]store.LegReceipt, error) {
	if err := store.CheckText(string(id.Facility)); err != nil {
		return nil, err
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT destination, at, wrapped, sealed FROM leg_receipt WHERE facility = $1 AND serial = $2 ORDER BY destination`,
		string(id.Facility), handle.UUID(id.Serial))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r store.LegReceipt, err error) {
		var at int64
		err = row.Scan(&r.Destination, &at, &r.Wrapped, &r.Sealed)
		r.At = handle.Moment(at)
		return r, err
	})
	return all, handle.Fault(err)
}

// version joins the facility's version that a scope asks about.
const version = ` FROM leg l LEFT JOIN facility_version v ON v.id = l.facility_version`

// filtered is the condition of a filter within a scope. The conditions of the
// partial indexes stand in it as they stand there.
func filtered(scope role.Scope, f store.LegFilter) *handle.Where {
	w := &handle.Where{}
	w.Scope(scope, "l.facility", "v")
	if len(f.Records) > 0 {
		w.And(`(l.facility, l.serial) IN (SELECT * FROM unnest(?::text[], ?::uuid[]))`,
			handle.Column(f.Records, func(id dossier.ID) string { return string(id.Facility) }),
			handle.Column(f.Records, func(id dossier.ID) pgtype.UUID { return handle.UUID(id.Serial) }))
	}
	w.And(`l.created > 0`)
	switch f.State {
	case exchange.Waiting:
		w.And(`l.state = 'waiting'`)
	case exchange.Held, exchange.Parked:
		w.And(`l.state IN ('held', 'parked')`)
	}
	for _, c := range []struct{ column, value string }{
		{"l.destination", f.Destination}, {"l.facility", string(f.Facility)}, {"l.kind", f.Kind}, {"l.state", string(f.State)}, {"l.code", f.Code},
	} {
		if c.value != "" {
			w.And(c.column+` = ?`, c.value)
		}
	}
	if !f.From.IsZero() {
		w.And(`l.created >= ?`, handle.Micros(f.From))
	}
	if !f.To.IsZero() {
		w.And(`l.created < ?`, handle.Micros(f.To))
	}
	return w
}

// List returns a page of the scope's legs, newest first.
func (x *Legs) List(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.Leg, bool, error) {
	if err := form.CheckLegFilter(f); err != nil {
		return nil, false, err
	}
	w := filtered(scope, f)
	if f.Before != (store.Cursor{}) {
		w.And(`(l.created, l.facility, l.serial) < (?, ?, ?)`, handle.Micros(f.Before.At), string(f.Before.ID.Facility), handle.UUID(f.Before.ID.Serial))
	}
	limit := handle.Limit(f.Limit)
	var all []store.Leg
	err := x.db.Scan(ctx, handle.ListLimit, `SELECT `+columns+version+w.String()+` ORDER BY l.created DESC, l.facility DESC, l.serial DESC, l.destination LIMIT `+w.Arg(limit+form.LegSpare),
		w.Args, func(rows pgx.Rows) (err error) {
			all, err = collect(rows)
			return err
		})
	if err != nil {
		return nil, false, err
	}
	all, more := form.LegPage(all, limit)
	return all, more, nil
}

// Count counts what List would list.
func (x *Legs) Count(ctx context.Context, scope role.Scope, f store.LegFilter) (n int, err error) {
	if err := form.CheckLegFilter(f); err != nil {
		return 0, err
	}
	w := filtered(scope, f)
	err = x.db.Scan(ctx, handle.ListLimit, `SELECT count(*)`+version+w.String(), w.Args, func(rows pgx.Rows) (err error) {
		n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
		return err
	})
	return n, err
}

// queues counts along the partial indexes: what is done is not read.
const queues = `SELECT destination, sum(waiting)::bigint, sum(carried)::bigint, sum(held)::bigint, sum(parked)::bigint, coalesce(min(oldest), 0), sum(sent)::bigint FROM (
		SELECT destination, count(*) FILTER (WHERE lease = 0 OR free <= $1) AS waiting, count(*) FILTER (WHERE lease <> 0 AND free > $1) AS carried,
			0 AS held, 0 AS parked, min(created) AS oldest, 0 AS sent FROM leg WHERE state = 'waiting' GROUP BY destination
		UNION ALL SELECT destination, 0, 0, count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'parked'), NULL, 0
			FROM leg WHERE state IN ('held', 'parked') GROUP BY destination
		UNION ALL SELECT destination, 0, 0, 0, 0, NULL, sum(n) FROM leg_sent WHERE minute > $2 GROUP BY destination
		UNION ALL SELECT id, 0, 0, 0, 0, NULL, 0 FROM destination) t GROUP BY destination ORDER BY destination`

const day = 24 * time.Hour

func minute(t time.Time) int64 { return handle.Micros(t.Truncate(time.Minute)) }

// Queues tells how every destination's legs stand. It is not planned anew: the
// planner would rather read the table than an index it has no numbers of yet.
func (x *Legs) Queues(ctx context.Context) ([]store.LegQueue, error) {
	now := x.db.Clock.Now()
	rows, err := x.db.Pool.Query(ctx, queues, handle.Micros(now), minute(now.Add(-day)))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (q store.LegQueue, err error) {
		var oldest int64
		err = row.Scan(&q.Destination, &q.Waiting, &q.Carried, &q.Held, &q.Parked, &oldest, &q.Sent24h)
		q.Oldest = handle.Moment(oldest)
		return q, err
	})
	return all, handle.Fault(err)
}

// Changed returns changes of a facility's legs behind a place.
func (x *Legs) Changed(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]store.Leg, string, error) {
	if err := store.CheckText(string(facility)); err != nil {
		return nil, "", err
	}
	var generation string
	if err := x.db.Pool.QueryRow(ctx, `SELECT replace(generation::text, '-', '') FROM exchange WHERE one = 1`).Scan(&generation); err != nil {
		return nil, "", handle.Fault(err)
	}
	name := generation + "-"
	from, err := strconv.ParseInt(strings.TrimPrefix(after, name), 10, 64)
	if err != nil || !strings.HasPrefix(after, name) {
		from = 0 // of another order, or none: all of this one
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT `+columns+`, l.seq FROM leg l WHERE l.facility = $1 AND l.seq > 0 AND l.seq > $2 ORDER BY l.seq LIMIT $3`, string(facility), from, handle.Limit(limit))
	if err != nil {
		return nil, "", handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l store.Leg, err error) {
		err = scan(row, &l, nil, &from)
		return l, err
	})
	if err != nil {
		return nil, "", handle.Fault(err)
	}
	return all, fmt.Sprintf("%s%d", name, from), nil
}
