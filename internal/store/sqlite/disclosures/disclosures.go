// Package disclosures is the embedded engine's side of store.Disclosures. Its
// file and queue are its own: a disclosure is durable before bytes leave and
// does not wait for intake. Records are attached for reading, to know whose
// scope a disclosure is in.
package disclosures

import (
	"context"
	"database/sql"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Disclosures implements store.Disclosures.
type Disclosures struct{ db *file.DB }

var _ store.Disclosures = (*Disclosures)(nil)

// Hub is the schema under which readers see the file of records.
const Hub = "hub"

// New returns the slice of its own open file.
func New(db *file.DB) *Disclosures { return &Disclosures{db: db} }

// Record keeps rows; those that wait at the same time share one fsync.
func (x *Disclosures) Record(ctx context.Context, rows []store.Disclosure) error {
	for _, r := range rows {
		if err := store.CheckText(r.Reader, r.Role, string(r.Facility), r.Basis, r.Policy, r.Reason, r.Route, r.Purpose, r.Facts); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Urgent, len(rows), func(tx *file.Tx) error {
		for i := range rows {
			r := &rows[i]
			f := r.Facility
			if !r.Record.IsZero() {
				f = r.Record.Facility
			}
			if _, err := tx.Exec(`INSERT INTO disclosure (at, reader, role, facility, serial, person, basis, policy, reason, route, count, staff, opening, purpose, facts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				file.Micros(r.At), r.Reader, r.Role, string(f), file.Serial(r.Record), file.Person(r.Person), r.Basis, r.Policy, r.Reason, r.Route, r.Count,
				file.Some(r.Staff[:]), file.Some(r.Opening[:]), r.Purpose, r.Facts); err != nil {
				return err
			}
		}
		return nil
	})
}

const columns = `SELECT d.id, d.at, d.reader, d.role, d.facility, d.serial, d.person, d.basis, d.policy, d.reason, d.route, d.count,
 d.staff, d.opening, d.purpose, d.facts FROM main.disclosure d`

// version is the facility version that decides whose province and unit a
// disclosure is: its record's, else the facility's newest.
const version = `coalesce((SELECT r.facility_version FROM hub.record r WHERE r.facility = d.facility AND r.serial = d.serial),
 (SELECT n.id FROM hub.facility_version n WHERE n.code = d.facility ORDER BY n.since DESC, n.id DESC LIMIT 1))`

// List returns a page of the scope's disclosures, newest first.
func (x *Disclosures) List(ctx context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	q := file.Select(columns).Within(scope, "d.facility", version)
	if f.Person != (store.PersonID{}) {
		q.And(`d.person = ?`, f.Person[:])
	}
	return x.page(ctx, q, f)
}

// ofPerson are looks by the link of their time, and at records by the link of
// now: in this order, not by the facility's looks.
const ofPerson = `d.id IN (SELECT a.id FROM main.disclosure a WHERE a.person = ? UNION
 SELECT b.id FROM hub.subject s CROSS JOIN hub.record r INDEXED BY record_subject ON r.facility = s.facility AND r.subject = s.key
 CROSS JOIN main.disclosure b ON b.facility = r.facility AND b.serial = r.serial WHERE s.person = ? AND r.subject IS NOT NULL)`

// OfPerson returns a page of the looks at a person, newest first.
func (x *Disclosures) OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	return x.page(ctx, file.Select(columns).And(ofPerson, person[:], person[:]), f)
}

// page adds what else a filter asks, and reads.
func (x *Disclosures) page(ctx context.Context, q *file.Query, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	limit := file.Limit(f.Limit)
	if !f.Record.IsZero() {
		q.And(`d.facility = ? AND d.serial = ?`, string(f.Record.Facility), f.Record.Serial[:])
	}
	if f.Staff != (care.Staff{}) {
		q.And(`d.staff = ?`, f.Staff[:])
	}
	if f.Opening != (consent.OpeningID{}) {
		q.And(`d.opening = ?`, f.Opening[:])
	}
	if !f.Since.IsZero() {
		q.And(`d.at >= ?`, file.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.And(`d.at < ?`, file.Micros(f.Until))
	}
	if f.Before > 0 {
		q.And(`d.id < ?`, f.Before)
	}
	text, args := q.End(` ORDER BY d.id DESC LIMIT ?`, limit+1)
	all, err := x.read(ctx, text, args)
	if err != nil {
		return nil, false, err
	}
	all, more := file.Page(all, limit)
	return all, more, nil
}

// Unrooted returns disclosures no leaf covers yet, oldest first.
func (x *Disclosures) Unrooted(ctx context.Context, limit int) ([]store.Disclosure, error) {
	if limit <= 0 {
		limit = 50
	}
	return x.read(ctx, columns+` WHERE d.log IS NULL ORDER BY d.id LIMIT ?`, []any{limit})
}

// Root marks disclosures as covered by a leaf.
func (x *Disclosures) Root(ctx context.Context, upTo int64, place store.LeafPlace) error {
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`UPDATE disclosure SET log = ?, leaf = ? WHERE log IS NULL AND id <= ?`, place.Log, int64(place.Index), upTo)
		return err
	})
}

func (x *Disclosures) read(ctx context.Context, text string, args []any) ([]store.Disclosure, error) {
	var out []store.Disclosure
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		out, err = scan(rows)
		return err
	})
	return out, err
}

func scan(rows *sql.Rows) ([]store.Disclosure, error) {
	defer rows.Close()
	var all []store.Disclosure
	for rows.Next() {
		var d store.Disclosure
		var at int64
		var serial, person, staff, opening []byte
		if err := rows.Scan(&d.ID, &at, &d.Reader, &d.Role, &d.Facility, &serial, &person, &d.Basis, &d.Policy, &d.Reason, &d.Route, &d.Count,
			&staff, &opening, &d.Purpose, &d.Facts); err != nil {
			return nil, err
		}
		d.At = file.Time(at)
		var err error
		if d.Record, err = file.ID(care.FacilityCode(d.Facility), serial); err != nil {
			return nil, err
		}
		if d.Person, err = file.PersonOf(person); err != nil {
			return nil, err
		}
		if err := errors.Join(file.Fill(d.Staff[:], staff), file.Fill(d.Opening[:], opening)); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}
