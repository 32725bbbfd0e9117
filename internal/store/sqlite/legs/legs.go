// Package legs is the embedded engine's side of store.Legs: deliveries, who
// carries them now, and the order of their changes. It knows no law of trying
// again and no destination; those are packages exchange and courier.
//
// A waiting leg lies in three partial indexes, one that is done in none of them.
// Column free says when Claim may look at a leg: when it is due, when its lease
// ends, or when an older leg of its episode may be gone. So a claim reads as many
// rows as it takes.
package legs

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Legs implements store.Legs.
type Legs struct {
	db    *file.DB
	clock clock.Clock
}

var _ store.Legs = (*Legs)(nil)

// New returns the slice of an open file; c says what the last 24 hours are.
func New(db *file.DB, c clock.Clock) *Legs { return &Legs{db: db, clock: c} }

// columns are what scan reads, of leg l.
const columns = `l.facility, l.serial, l.destination, l.kind, l.episode, l.file, l.lane, l.withdraws, l.state, l.due, l.attempts, l.code, l.reference,
 l.created, l.sent, l.received, l.finalized, l.opened, l.changed`

// scan reads columns, and more columns into more.
func scan(row file.Scanner, l *store.Leg, more ...any) error {
	var facility string
	var serial, episode, hash, withdraws []byte
	var due, created, sent, received, finalized, opened, changed int64
	to := []any{&facility, &serial, &l.Destination, &l.Kind, &episode, &hash, &l.Lane, &withdraws, &l.State, &due, &l.Attempts, &l.Code, &l.Reference,
		&created, &sent, &received, &finalized, &opened, &changed}
	if err := row.Scan(append(to, more...)...); err != nil {
		return err
	}
	var err error
	f := care.FacilityCode(facility)
	if l.Record, err = file.ID(f, serial); err != nil {
		return err
	}
	if l.Withdraws, err = file.ID(f, withdraws); err != nil {
		return err
	}
	if l.Episode, err = file.KeyedOf(episode); err != nil {
		return err
	}
	if l.File, err = file.KeyedOf(hash); err != nil {
		return err
	}
	for _, t := range []struct {
		to *time.Time
		us int64
	}{{&l.Due, due}, {&l.Created, created}, {&l.Sent, sent}, {&l.Received, received}, {&l.Finalized, finalized}, {&l.Opened, opened}, {&l.Changed, changed}} {
		*t.to = moment(t.us)
	}
	return nil
}

// micros is a moment as a column holds it, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return file.Time(us)
}

var legsOf = file.Asking(`n, facility, serial`, `SELECT `+columns+` FROM k CROSS JOIN leg l ON l.facility = k.facility AND l.serial = k.serial ORDER BY k.n, l.destination`)

// Of returns the legs of records.
func (x *Legs) Of(ctx context.Context, ids ...dossier.ID) ([]store.Leg, error) {
	args := make([]any, 0, 3*len(ids))
	for n, id := range form.LegOrder(ids) {
		args = append(args, int64(n), string(id.Facility), id.Serial[:])
	}
	var all []store.Leg
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		return s.AskBulk(legsOf, args, func(row file.Scanner) error {
			var l store.Leg
			err := scan(row, &l)
			all = append(all, l)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Receipts returns what destinations said of a record.
func (x *Legs) Receipts(ctx context.Context, id dossier.ID) ([]store.LegReceipt, error) {
	var all []store.LegReceipt
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT destination, at, wrapped, sealed FROM leg_receipt WHERE facility = ? AND serial = ? ORDER BY destination`, string(id.Facility), id.Serial[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		all = nil
		for rows.Next() {
			var r store.LegReceipt
			var at int64
			if err := rows.Scan(&r.Destination, &at, &r.Wrapped, &r.Sealed); err != nil {
				return err
			}
			r.At = moment(at)
			all = append(all, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// filtered puts a query together. what is what it selects.
func filtered(what string, scope role.Scope, f store.LegFilter) *file.Query {
	from := ` FROM leg l INDEXED BY leg_created`
	var where string
	switch { // a partial index is taken only where its condition stands in the query
	case len(f.Records) > 0:
		from = ` FROM leg l`
	case f.State == exchange.Waiting:
		from, where = ` FROM leg l INDEXED BY leg_due`, `l.state = 'waiting'`
	case f.State == exchange.Held || f.State == exchange.Parked:
		from, where = ` FROM leg l INDEXED BY leg_stuck`, `l.state IN ('held', 'parked')`
	case f.Facility != "" || scope.Facility != "":
		from = ` FROM leg l INDEXED BY leg_facility`
	}
	q := file.Select(`SELECT ` + what + from)
	if where != "" {
		q.And(where)
	}
	q.Within(scope, "l.facility", "l.facility_version")
	if len(f.Records) > 0 {
		args := make([]any, 0, 2*len(f.Records))
		for _, id := range f.Records {
			args = append(args, string(id.Facility), id.Serial[:])
		}
		q.And(`(l.facility, l.serial) IN (VALUES `+strings.TrimSuffix(strings.Repeat(`(?, ?), `, len(f.Records)), `, `)+`)`, args...)
	}
	for _, c := range []struct{ column, value string }{
		{"l.destination", f.Destination}, {"l.facility", string(f.Facility)}, {"l.kind", f.Kind}, {"l.state", string(f.State)}, {"l.code", f.Code},
	} {
		if c.value != "" {
			q.And(c.column+` = ?`, c.value)
		}
	}
	if !f.From.IsZero() {
		q.And(`l.created >= ?`, micros(f.From))
	}
	if !f.To.IsZero() {
		q.And(`l.created < ?`, micros(f.To))
	}
	return q
}

// List returns a page of the scope's legs, newest first.
func (x *Legs) List(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.Leg, bool, error) {
	if err := form.CheckLegFilter(f); err != nil {
		return nil, false, err
	}
	if scope.IsEmpty() {
		return nil, false, nil
	}
	limit := file.Limit(f.Limit)
	q := filtered(columns, scope, f)
	if f.Before != (store.Cursor{}) {
		at := file.Micros(f.Before.At)
		q.And(`l.created <= ?`, at)
		q.And(`(l.created, l.facility, l.serial) < (?, ?, ?)`, at, string(f.Before.ID.Facility), f.Before.ID.Serial[:])
	}
	text, args := q.End(` ORDER BY l.created DESC, l.facility DESC, l.serial DESC, l.destination LIMIT ?`, limit+form.LegSpare)
	var all []store.Leg
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		all = nil
		for rows.Next() {
			all = append(all, store.Leg{})
			if err := scan(rows, &all[len(all)-1]); err != nil {
				return err
			}
		}
		return rows.Err()
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
	if scope.IsEmpty() {
		return 0, nil
	}
	text, args := filtered(`count(*)`, scope, f).End(``)
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return n, err
}

// queues counts along the partial indexes: what is done is not read.
const queues = `SELECT destination, sum(waiting), sum(carried), sum(held), sum(parked), min(oldest), sum(sent) FROM (
 SELECT destination, sum(lease = 0 OR free <= ?1) AS waiting, sum(lease <> 0 AND free > ?1) AS carried, 0 AS held, 0 AS parked, min(created) AS oldest, 0 AS sent
 FROM leg INDEXED BY leg_due WHERE state = 'waiting' GROUP BY destination
 UNION ALL SELECT destination, 0, 0, sum(state = 'held'), sum(state = 'parked'), NULL, 0
 FROM leg INDEXED BY leg_stuck WHERE state IN ('held', 'parked') GROUP BY destination
 UNION ALL SELECT destination, 0, 0, 0, 0, NULL, sum(n) FROM leg_sent WHERE minute > ?2 GROUP BY destination
 UNION ALL SELECT id, 0, 0, 0, 0, NULL, 0 FROM destination) GROUP BY destination ORDER BY destination`

// Queues tells how every destination's legs stand.
func (x *Legs) Queues(ctx context.Context) ([]store.LegQueue, error) {
	now := x.clock.Now()
	var out []store.LegQueue
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(queues, file.Micros(now), minute(now.Add(-day)))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var q store.LegQueue
			var oldest *int64
			if err := rows.Scan(&q.Destination, &q.Waiting, &q.Carried, &q.Held, &q.Parked, &oldest, &q.Sent24h); err != nil {
				return err
			}
			if oldest != nil {
				q.Oldest = moment(*oldest)
			}
			out = append(out, q)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const day = 24 * time.Hour

func minute(t time.Time) int64 { return t.Unix() / 60 }

// Changed returns changes of a facility's legs behind a place.
func (x *Legs) Changed(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]store.Leg, string, error) {
	var all []store.Leg
	next := ""
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		var generation []byte
		if err := s.Row(`SELECT generation FROM exchange WHERE id = 1`).Scan(&generation); err != nil {
			return err
		}
		name := hex.EncodeToString(generation) + "-"
		from, err := strconv.ParseInt(strings.TrimPrefix(after, name), 10, 64)
		if err != nil || !strings.HasPrefix(after, name) {
			from = 0 // of another order, or none: all of this one
		}
		rows, err := s.Rows(`SELECT `+columns+`, l.seq FROM leg l INDEXED BY leg_changed WHERE l.facility = ? AND l.seq > ? ORDER BY l.seq LIMIT ?`,
			string(facility), from, file.Limit(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		all = nil
		for rows.Next() {
			all = append(all, store.Leg{})
			if err := scan(rows, &all[len(all)-1], &from); err != nil {
				return err
			}
		}
		next = fmt.Sprintf("%s%d", name, from)
		return rows.Err()
	})
	if err != nil {
		return nil, "", err
	}
	return all, next, nil
}
