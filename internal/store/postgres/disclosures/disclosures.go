// Package disclosures keeps in PostgreSQL who read what. Rows go by a queue of
// their own, so that readers who wait at once share one commit and none waits
// for intake. What may be read, and on what basis, is decided elsewhere.
package disclosures

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Disclosures is the store.Disclosures of a hub.
type Disclosures struct {
	db       *handle.DB
	instance int // number of the log this process holds, -1 none
	queue    *queue
}

var _ store.Disclosures = (*Disclosures)(nil)

// New returns the slice and starts its queue; Close ends it.
func New(db *handle.DB, instance int) *Disclosures {
	x := &Disclosures{db: db, instance: instance}
	x.queue = newQueue(x.insert)
	return x
}

// Close waits for the rows under way. Record after it is ErrStopping.
func (x *Disclosures) Close() { x.queue.close() }

// Record keeps rows and returns when they are durable.
func (x *Disclosures) Record(ctx context.Context, rows []store.Disclosure) error {
	for _, r := range rows {
		if err := store.CheckText(r.Reader, r.Role, string(r.Facility), string(r.Record.Facility), r.Basis, r.Policy, r.Reason, r.Route, r.Purpose, r.Facts); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return x.queue.put(ctx, rows)
}

// insert commits rows by one statement; their ids grow in order.
func (x *Disclosures) insert(ctx context.Context, rows []store.Disclosure) error {
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO disclosure (instance, root_log, root_idx, person, at, reader, role, facility, serial, basis, policy, reason, route, count, staff, opening, purpose, facts)
		SELECT $1, -1, 0, u.* FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::uuid[],
			$8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::uuid[], $14::uuid[], $15::text[], $16::text[]) AS u`, x.instance,
		handle.Column(rows, func(d store.Disclosure) pgtype.UUID { return handle.UUID(d.Person) }),
		handle.Column(rows, func(d store.Disclosure) int64 { return handle.Micros(d.At) }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Reader }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Role }),
		handle.Column(rows, func(d store.Disclosure) string {
			if !d.Record.IsZero() {
				return string(d.Record.Facility)
			}
			return string(d.Facility)
		}),
		handle.Column(rows, func(d store.Disclosure) pgtype.UUID { return handle.UUID(d.Record.Serial) }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Basis }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Policy }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Reason }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Route }),
		handle.Column(rows, func(d store.Disclosure) int32 { return int32(d.Count) }),
		handle.Column(rows, func(d store.Disclosure) pgtype.UUID { return handle.UUID(d.Staff) }),
		handle.Column(rows, func(d store.Disclosure) pgtype.UUID { return handle.UUID(d.Opening) }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Purpose }),
		handle.Column(rows, func(d store.Disclosure) string { return d.Facts }))
	return handle.Fault(err)
}

const selectDisclosure = `SELECT d.id, d.at, d.reader, d.role, d.facility, d.serial, d.person, d.basis, d.policy, d.reason, d.route, d.count,
	d.staff, d.opening, d.purpose, d.facts FROM disclosure d`

// version joins the facility version that decides whose province and unit a
// disclosure is: its record's, else the facility's newest.
const version = `
	LEFT JOIN record r ON r.facility = d.facility AND r.serial = d.serial
	LEFT JOIN facility_version v ON v.id = coalesce(r.facility_version,
		(SELECT n.id FROM facility_version n WHERE n.code = d.facility ORDER BY n.since DESC, n.id DESC LIMIT 1))`

// List returns a page of the scope's disclosures, newest first.
func (x *Disclosures) List(ctx context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	var w handle.Where
	w.Scope(scope, "d.facility", "v")
	if f.Person != (store.PersonID{}) {
		w.And("d.person = ?", handle.UUID(f.Person))
	}
	if !chosen(&w, &f) {
		return nil, false, nil
	}
	limit := handle.Limit(f.Limit)
	all, err := x.read(ctx, selectDisclosure+version+w.String()+` ORDER BY d.id DESC LIMIT `+w.Arg(limit+1), w.Args...)
	if err != nil {
		return nil, false, err
	}
	all, more := handle.Page(all, limit)
	return all, more, nil
}

// ofPerson are looks by the link of their time, and at records by the link of
// now. The session's settings keep the joins in this order: by the person's
// rows, not by all looks.
const ofPerson = `SELECT d.id, d.at, d.reader, d.role, d.facility, d.serial, d.person, d.basis, d.policy, d.reason, d.route, d.count,
	d.staff, d.opening, d.purpose, d.facts
	FROM (SELECT a.person, a.id FROM disclosure a WHERE a.person = $1 UNION
		SELECT b.person, b.id FROM subject s JOIN record r ON r.facility = s.facility AND r.subject = s.subject AND r.subject <> ''
		JOIN disclosure b ON b.facility = r.facility AND b.serial = r.serial WHERE s.person = $1) k
	JOIN disclosure d ON d.person = k.person AND d.id = k.id`

// OfPerson returns a page of the looks at a person, newest first.
func (x *Disclosures) OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	if person == (store.PersonID{}) {
		return nil, false, nil // nobody was looked at
	}
	var w handle.Where
	w.Arg(handle.UUID(person))
	if !chosen(&w, &f) {
		return nil, false, nil
	}
	limit := handle.Limit(f.Limit)
	rows, err := x.db.Pool.Query(ctx, ofPerson+w.String()+` ORDER BY d.id DESC LIMIT `+w.Arg(limit+1), w.Args...)
	if err != nil {
		return nil, false, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, false, handle.Fault(err)
	}
	all, more := handle.Page(all, limit)
	return all, more, nil
}

// chosen adds what else a filter asks; false: it asks for what cannot be.
func chosen(w *handle.Where, f *store.DisclosureFilter) bool {
	if !f.Record.IsZero() {
		if store.CheckText(string(f.Record.Facility)) != nil {
			return false // no record has such a name
		}
		w.And("d.facility = ? AND d.serial = ?", string(f.Record.Facility), handle.UUID(f.Record.Serial))
	}
	if f.Staff != (care.Staff{}) {
		w.And("d.staff = ?", handle.UUID(f.Staff))
	}
	if f.Opening != (consent.OpeningID{}) {
		w.And("d.opening = ?", handle.UUID(f.Opening))
	}
	if !f.Since.IsZero() {
		w.And("d.at >= ?", handle.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		w.And("d.at < ?", handle.Micros(f.Until))
	}
	if f.Before > 0 {
		w.And("d.id < ?", f.Before)
	}
	return true
}

// Unrooted returns disclosures of this instance no leaf covers yet, oldest first.
// Of one instance ids grow in the order of commits: its queue commits alone.
func (x *Disclosures) Unrooted(ctx context.Context, limit int) ([]store.Disclosure, error) {
	if limit <= 0 {
		limit = 50
	}
	return x.read(ctx, selectDisclosure+` WHERE d.instance = $1 AND d.root_log = -1 ORDER BY d.id LIMIT $2`, x.instance, limit)
}

// Root marks disclosures of this instance as covered by a leaf.
func (x *Disclosures) Root(ctx context.Context, upTo int64, place store.LeafPlace) error {
	_, err := x.db.Pool.Exec(ctx, `UPDATE disclosure SET root_log = $3, root_idx = $4 WHERE instance = $1 AND root_log = -1 AND id <= $2`,
		x.instance, upTo, place.Log, int64(place.Index))
	return handle.Fault(err)
}

func (x *Disclosures) read(ctx context.Context, query string, args ...any) ([]store.Disclosure, error) {
	var all []store.Disclosure
	err := x.db.Scan(ctx, handle.ListLimit, query, args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, scan)
		return err
	})
	return all, err
}

func scan(row pgx.CollectableRow) (d store.Disclosure, err error) {
	var at int64
	var serial, person, staff, opening pgtype.UUID
	err = row.Scan(&d.ID, &at, &d.Reader, &d.Role, &d.Facility, &serial, &person, &d.Basis, &d.Policy, &d.Reason, &d.Route, &d.Count,
		&staff, &opening, &d.Purpose, &d.Facts)
	d.At, d.Person, d.Record = handle.Moment(at), person.Bytes, handle.ID(string(d.Facility), serial)
	d.Staff, d.Opening = staff.Bytes, opening.Bytes
	return d, err
}
