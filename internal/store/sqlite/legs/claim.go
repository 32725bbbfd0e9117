package legs

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

const (
	// claimRounds is how often one claim looks again, where what it found waits
	// for older legs: those give way to the next ones, some at a time, so that
	// the committer is never long at it.
	claimRounds = 8
	// legsPerRecord is how many legs the committer writes in the time of a record.
	legsPerRecord = 4
)

// weight is what n legs weigh in the committer's queue.
func weight(n int) int { return 1 + n/legsPerRecord }

const (
	anyDue = `SELECT EXISTS (SELECT 1 FROM leg INDEXED BY leg_due WHERE state = 'waiting' AND destination = ?1 AND lane IN (0, 1, 2) AND free <= ?2)`
	// older is when the last older leg of leg l's episode is free, null without one.
	older = `(SELECT max(o.free) FROM leg o INDEXED BY leg_episode WHERE o.state = 'waiting' AND o.facility = l.facility AND o.episode = l.episode
  AND o.destination = l.destination AND o.kind = l.kind AND o.ord < l.ord`
	found     = `SELECT l.id, l.free, l.lease, `
	dueOfLane = ` FROM leg l INDEXED BY leg_due WHERE l.state = 'waiting' AND l.destination = ? AND l.lane = ? AND l.free <= ? ORDER BY l.free LIMIT ?`
	dueLegs   = found + older + `), ` + columns + dueOfLane
	dueFiles  = `SELECT l.id, l.facility, l.file` + dueOfLane
)

var (
	// waitingOf gives every waiting leg of files, and what it waits for outside of its file.
	waitingOf = file.Asking(`n, facility, file, destination`, `SELECT l.id, l.free, l.lease, `+older+` AND o.file <> l.file), `+columns+`, k.n
 FROM k CROSS JOIN leg l INDEXED BY leg_file ON l.state = 'waiting' AND l.facility = k.facility AND l.file = k.file AND l.destination = k.destination ORDER BY k.n, l.ord`)
	leaseLegs = file.NewBulk(`WITH k (id, holder, until) AS (VALUES `, 3, `) UPDATE leg SET holder = k.holder, lease = k.until, free = k.until FROM k WHERE leg.id = k.id`)
	freeLegs  = file.NewBulk(`WITH k (id, free) AS (VALUES `, 2, `) UPDATE leg SET free = k.free FROM k WHERE leg.id = k.id`)
)

// Claim leases legs. Where nothing is due it only reads.
func (x *Legs) Claim(ctx context.Context, c store.LegClaim) ([]store.Leg, error) {
	if err := form.CheckLegClaim(c); err != nil {
		return nil, err
	}
	due := false
	if err := x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(anyDue, c.Destination, file.Micros(c.Now)).Scan(&due)
	}); err != nil || !due {
		return nil, err
	}
	var got []store.Leg
	err := x.db.Write(ctx, file.Administrative, weight(c.Limit), func(tx *file.Tx) (err error) {
		a := claiming{LegClaim: c, tx: tx, now: file.Micros(c.Now)}
		err = a.run()
		got = a.got
		return err
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// claiming is one Claim within its transaction.
type claiming struct {
	store.LegClaim
	tx  *file.Tx
	now int64
	got []store.Leg

	lease, later []any // arguments of leaseLegs and freeLegs
}

// one is a waiting leg as it was found.
type one struct {
	id, free, lease int64
	older           *int64
	leg             store.Leg
}

func (o *one) scan(row file.Scanner, more ...any) error {
	id, free, lease, older := &o.id, &o.free, &o.lease, &o.older
	return scan(shifted{row, []any{id, free, lease, older}}, &o.leg, more...)
}

// shifted is a row with columns before those that are asked for.
type shifted struct {
	file.Scanner
	first []any
}

func (s shifted) Scan(to ...any) error { return s.Scanner.Scan(append(s.first, to...)...) }

func (a *claiming) run() error {
	rounds := claimRounds
	for lane := store.Urgent; lane <= store.Backlog; lane++ {
		for more := true; more && len(a.got) < a.Limit && rounds > 0; rounds-- {
			want := a.Limit - len(a.got)
			n, err := a.round(lane, want)
			if err != nil {
				return err
			}
			more = n == want
		}
	}
	return nil
}

// round takes what is due of a lane, and puts off what has to wait.
func (a *claiming) round(lane store.Lane, want int) (n int, err error) {
	a.lease, a.later = a.lease[:0], a.later[:0]
	if a.Whole {
		n, err = a.files(lane, want)
	} else {
		n, err = a.single(lane, want)
	}
	if err != nil {
		return n, err
	}
	if _, err := a.tx.ExecBulk(leaseLegs, a.lease); err != nil {
		return n, err
	}
	_, err = a.tx.ExecBulk(freeLegs, a.later)
	return n, err
}

// take leases a leg.
func (a *claiming) take(o *one) {
	o.leg.Lapsed = o.lease != 0
	a.got = append(a.got, o.leg)
	a.lease = append(a.lease, o.id, a.Holder, file.Micros(a.Until))
}

// putOff has a leg looked at again when what it waits for may be gone.
func (a *claiming) putOff(id, until int64) {
	a.later = append(a.later, id, file.Micros(form.Deferred(a.Now, file.Time(until))))
}

// waits returns until when a leg waits for others, 0: it does not.
func (a *claiming) waits(o *one) int64 {
	var until int64
	if o.older != nil {
		until = *o.older
	}
	if o.lease != 0 && o.free > a.now { // carried by another
		until = max(until, o.free)
	}
	return until
}

func (a *claiming) single(lane store.Lane, want int) (int, error) {
	rows, err := a.tx.Rows(dueLegs, a.Destination, int64(lane), a.now, int64(want))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var o one
		if err := o.scan(rows); err != nil {
			return n, err
		}
		if o.older != nil {
			a.putOff(o.id, *o.older)
			continue
		}
		a.take(&o)
	}
	return n, rows.Err()
}

// files takes legs with all that wait of their files.
func (a *claiming) files(lane store.Lane, want int) (int, error) {
	type key struct {
		facility care.FacilityCode
		file     vault.Keyed
	}
	type whole struct {
		due  []int64 // what was found due
		legs []one
	}
	var files []*whole
	var args []any
	rows, err := a.tx.Rows(dueFiles, a.Destination, int64(lane), a.now, int64(want))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	known := map[key]*whole{}
	n := 0
	for ; rows.Next(); n++ {
		var id int64
		var facility string
		var hash []byte
		if err := rows.Scan(&id, &facility, &hash); err != nil {
			return n, err
		}
		h, err := file.KeyedOf(hash)
		if err != nil {
			return n, err
		}
		k := key{care.FacilityCode(facility), h}
		if known[k] == nil {
			known[k] = &whole{}
			args = append(args, int64(len(files)), facility, h[:], a.Destination)
			files = append(files, known[k])
		}
		known[k].due = append(known[k].due, id)
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	if err := a.tx.AskBulk(waitingOf, args, func(row file.Scanner) error {
		var o one
		var i int
		err := o.scan(row, &i)
		files[i].legs = append(files[i].legs, o)
		return err
	}); err != nil {
		return n, err
	}
	for _, f := range files {
		if len(a.got) >= a.Limit {
			break
		}
		var until int64
		for i := range f.legs {
			until = max(until, a.waits(&f.legs[i]))
		}
		for _, id := range f.due {
			if until != 0 {
				a.putOff(id, until)
			}
		}
		for i := range f.legs {
			if until == 0 {
				a.take(&f.legs[i])
			}
		}
	}
	return n, nil
}

var (
	// awaited gives the legs that were put off and now need not wait for k any more.
	awaited = file.Asking(`facility, episode, destination`, `SELECT s.id, s.due FROM k
 CROSS JOIN leg n INDEXED BY leg_episode ON n.state = 'waiting' AND n.facility = k.facility AND n.episode = k.episode AND n.destination = k.destination
 CROSS JOIN leg s INDEXED BY leg_file ON s.state = 'waiting' AND s.facility = n.facility AND s.file = n.file AND s.destination = n.destination
 WHERE s.lease = 0 AND s.free > s.due`)
)

// wake frees what waited for legs that wait no more; args are those of awaited.
func wake(tx *file.Tx, args []any) error {
	var free []any
	if err := tx.AskBulk(awaited, args, func(row file.Scanner) error {
		var id, due int64
		err := row.Scan(&id, &due)
		free = append(free, id, due)
		return err
	}); err != nil {
		return err
	}
	_, err := tx.ExecBulk(freeLegs, free)
	return err
}
