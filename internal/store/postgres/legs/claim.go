package legs

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/vault"
)

// claimRounds is how often one claim looks again, where what it found waits for
// older legs: those give way to the next ones.
const claimRounds = 8

const (
	// older is when the last older leg of leg l's episode is free, 0 without one.
	// An empty text behind a column keeps a planner without statistics from reading
	// along it where an episode or a file is the better way.
	older = `coalesce((SELECT max(o.free) FROM leg o WHERE o.state = 'waiting' AND o.episode = l.episode AND o.facility || '' = l.facility
		AND o.destination || '' = l.destination AND o.kind = l.kind AND (o.ord, o.version, o.serial) < (l.ord, l.version, l.serial)`
	ofLane = `SELECT * FROM (SELECT * FROM leg WHERE state = 'waiting' AND destination = $1 AND free <= $2 AND lane = `
	locked = ` ORDER BY free LIMIT $3 FOR UPDATE SKIP LOCKED)`
	// due are legs that may be claimed, lane by lane: the next lane is read where
	// the one before it is not enough.
	due = ` FROM (` + ofLane + `0` + locked + ` a UNION ALL ` + ofLane + `1` + locked + ` b UNION ALL ` + ofLane + `2` + locked + ` c LIMIT $3) l`
	// waitingOf gives every waiting leg of files, locked, and what it waits for
	// outside of its file; countOf how many there are.
	ofFiles = ` FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS k (facility, file, n)
		JOIN leg l ON l.file = k.file AND l.facility || '' = k.facility AND l.destination || '' = $3 AND l.state = 'waiting'`
	waitingOf = `SELECT k.n, l.free, l.lease, ` + older + ` AND o.file <> l.file), 0), ` + columns + ofFiles + ` ORDER BY k.n, l.ord, l.version, l.serial FOR UPDATE OF l SKIP LOCKED`
	countOf   = `SELECT k.n, count(*)` + ofFiles + ` GROUP BY k.n`
)

// Claim leases legs.
func (x *Legs) Claim(ctx context.Context, c store.LegClaim) ([]store.Leg, error) {
	if err := form.CheckLegClaim(c); err != nil {
		return nil, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	a := claiming{LegClaim: c, tx: tx, now: handle.Micros(c.Now)}
	changed := false
	for range claimRounds {
		want := c.Limit - len(a.got)
		a.later, a.taken = nil, len(a.got)
		n, err := a.round(ctx, want)
		if err != nil {
			return nil, err
		}
		changed = changed || len(a.later) > 0 || len(a.got) > 0
		if n < want || len(a.got) >= c.Limit {
			break
		}
		if err := tx.Send(ctx, a.write(tx.Batch())); err != nil {
			return nil, err
		}
		a.later, a.taken = nil, len(a.got)
	}
	if !changed {
		return nil, nil
	}
	if err := tx.Commit(ctx, a.write(tx.Batch())); err != nil {
		return nil, handle.Fault(err)
	}
	return a.got, nil
}

// claiming is one Claim within its transaction.
type claiming struct {
	store.LegClaim
	tx    *handle.Tx
	now   int64
	got   []store.Leg
	taken int // of got, how many are written
	later []putOff
}

// putOff is a leg that is to be looked at again later.
type putOff struct {
	store.LegKey
	free int64
}

// write queues what was decided since the last time.
func (a *claiming) write(b *pgx.Batch) *pgx.Batch {
	if fresh := a.got[a.taken:]; len(fresh) > 0 {
		b.Queue(`UPDATE leg l SET holder = $4, lease = $5, free = $5 FROM unnest($1::text[], $2::uuid[], $3::text[]) AS k (facility, serial, destination)
			WHERE l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination`,
			append(keyColumns(handle.Column(fresh, func(l store.Leg) store.LegKey { return l.LegKey })), a.Holder, handle.Micros(a.Until))...)
	}
	if len(a.later) > 0 {
		b.Queue(`UPDATE leg l SET free = k.free FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[]) AS k (facility, serial, destination, free)
			WHERE l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination`,
			append(keyColumns(handle.Column(a.later, func(p putOff) store.LegKey { return p.LegKey })), handle.Column(a.later, func(p putOff) int64 { return p.free }))...)
	}
	return b
}

func (a *claiming) round(ctx context.Context, want int) (int, error) {
	if a.Whole {
		return a.files(ctx, want)
	}
	return a.single(ctx, want)
}

// one is a waiting leg as it was found.
type one struct {
	free, lease, older int64
	leg                store.Leg
}

func (a *claiming) take(o *one) {
	o.leg.Lapsed = o.lease != 0
	a.got = append(a.got, o.leg)
}

func (a *claiming) putOff(k store.LegKey, until int64) {
	a.later = append(a.later, putOff{k, handle.Micros(form.Deferred(a.Now, handle.Moment(until)))})
}

func (a *claiming) single(ctx context.Context, want int) (n int, err error) {
	b := a.tx.Batch()
	b.Queue(`SELECT l.free, l.lease, `+older+`), 0), `+columns+due, a.Destination, a.now, want).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for ; rows.Next(); n++ {
			var o one
			if err := scan(rows, &o.leg, []any{&o.free, &o.lease, &o.older}); err != nil {
				return err
			}
			if o.older != 0 {
				a.putOff(o.leg.LegKey, o.older)
				continue
			}
			a.take(&o)
		}
		return rows.Err()
	})
	return n, a.tx.Send(ctx, b)
}

// whole is a file with what waits of it.
type whole struct {
	due  []store.LegKey // what was found due
	legs []one
	all  int
}

// files takes legs with all that wait of their files. A file of which another
// holds a leg just now is left to the next claim.
func (a *claiming) files(ctx context.Context, want int) (n int, err error) {
	type key struct {
		facility care.FacilityCode
		file     vault.Keyed
	}
	var keys []key
	known := map[key]*whole{}
	b := a.tx.Batch()
	b.Queue(`SELECT `+columns+due, a.Destination, a.now, want).Query(func(rows pgx.Rows) error {
		found, err := collect(rows)
		n = len(found)
		for _, l := range found {
			k := key{l.Record.Facility, l.File}
			if known[k] == nil {
				known[k] = &whole{}
				keys = append(keys, k)
			}
			known[k].due = append(known[k].due, l.LegKey)
		}
		return err
	})
	if err := a.tx.Send(ctx, b); err != nil || n == 0 {
		return n, err
	}
	args := []any{handle.Column(keys, func(k key) string { return string(k.facility) }), handle.Column(keys, func(k key) []byte { return handle.Hash(k.file) }), a.Destination}
	of := func(nth int64) *whole { return known[keys[nth-1]] }
	b = a.tx.Batch()
	b.Queue(waitingOf, args...).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			var o one
			var nth int64
			if err := scan(rows, &o.leg, []any{&nth, &o.free, &o.lease, &o.older}); err != nil {
				return err
			}
			of(nth).legs = append(of(nth).legs, o)
		}
		return rows.Err()
	})
	b.Queue(countOf, args...).Query(func(rows pgx.Rows) error {
		var nth int64
		var count int
		_, err := pgx.ForEachRow(rows, []any{&nth, &count}, func() error {
			of(nth).all = count
			return nil
		})
		return err
	})
	if err := a.tx.Send(ctx, b); err != nil {
		return n, err
	}
	for _, k := range keys {
		if len(a.got) < a.Limit {
			a.file(known[k])
		}
	}
	return n, nil
}

// file takes a file, or puts it off.
func (a *claiming) file(f *whole) {
	if len(f.legs) != f.all {
		return
	}
	var until int64
	for i := range f.legs {
		o := &f.legs[i]
		until = max(until, o.older)
		if o.lease != 0 && o.free > a.now { // carried by another
			until = max(until, o.free)
		}
	}
	if until != 0 {
		for _, k := range f.due {
			a.putOff(k, until)
		}
		return
	}
	for i := range f.legs {
		a.take(&f.legs[i])
	}
}
