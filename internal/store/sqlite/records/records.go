// Package records is the embedded engine's side of store.Records: lists,
// single records, files and what happened to a record later. It only reads.
package records

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/vessel"
	"lienthong/internal/vault"
)

// Records implements store.Records.
type Records struct{ db *file.DB }

var _ store.Records = (*Records)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Records { return &Records{db: db} }

// Get returns one record of the scope.
func (x *Records) Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error) {
	q, args := file.Select(`SELECT `+file.RecordColumns+` FROM `+file.RecordTables).
		And(`r.facility = ? AND r.serial = ?`, string(id.Facility), id.Serial[:]).
		Within(scope, "r.facility", "r.facility_version").End(``)
	var r store.Record
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		_, err := file.ScanRecord(s.Row(q, args...), &r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Body returns the sealed inner documents, nil for a record without any.
func (x *Records) Body(ctx context.Context, id dossier.ID) (body []byte, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		var erased sql.NullInt64
		var row file.BodyRow
		err := s.Row(`SELECT r.erased, `+file.BodyColumns+` FROM record r `+file.BodyTable+` WHERE r.facility = ? AND r.serial = ?`,
			string(id.Facility), id.Serial[:]).Scan(append([]any{&erased}, row.To()...)...)
		if err != nil {
			return err
		}
		if erased.Valid {
			return store.ErrAbsent
		}
		body, err = s.Bodies().Of(&row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// List returns a page of the scope's records, newest first.
func (x *Records) List(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error) {
	limit := file.Limit(f.Limit)
	var all []store.Record
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		text, args, err := list(s, scope, f, limit)
		if err != nil {
			return err
		}
		var rows *sql.Rows
		if usual(&f) {
			rows, err = s.Rows(text, args...)
		} else {
			rows, err = s.Select(text, args)
		}
		if err != nil {
			return err
		}
		all, err = file.ScanRecords(rows)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all, more := file.Page(all, limit)
	return all, more, nil
}

// usual reports whether a filter is of those that every look at a person asks
// with: their texts are few, and worth keeping.
func usual(f *store.Filter) bool {
	return f.Person != (store.PersonID{}) && len(f.Episode) == 0 && len(f.Subject) == 0 &&
		f.Province == "" && f.Level == "" && f.State == "" && f.Day == 0
}

// list puts the query together. Where a filter names few records, those are
// looked up and sorted; else the list is read along the time until the page is
// full. A "+" keeps SQLite from taking an index of the other way.
func list(s *file.Snapshot, scope role.Scope, f store.Filter, limit int) (string, []any, error) {
	q := file.Select(`SELECT ` + file.RecordColumns + ` FROM ` + file.RecordTables)
	few, err := named(s, q, scope, f)
	if err != nil {
		return "", nil, err
	}
	facility, received := "r.facility", "r.received"
	if few {
		facility, received = "+r.facility", "+r.received"
	}
	q.Within(scope, facility, "r.facility_version")
	if f.Facility != "" {
		q.And(facility+` = ?`, string(f.Facility))
	}
	place(q, f, "r.facility_version")
	if f.Kind != "" {
		q.And(`r.kind = ?`, f.Kind)
	}
	switch f.State {
	case "":
	case dossier.Superseded:
		q.And(file.IsSuperseded)
	case dossier.Withdrawn:
		q.And(`r.withdrawn_by IS NOT NULL`)
	case dossier.Erased:
		q.And(`r.erased IS NOT NULL`)
	case dossier.Standing:
		q.And(`r.state <> 'rejected' AND r.withdraws IS NULL AND r.withdrawn_by IS NULL AND NOT ` + file.IsSuperseded)
	default:
		q.And(`r.state = ?`, string(f.State))
	}
	bounds(q, f, received, facility, "r.serial")
	text, args := q.End(` ORDER BY r.received DESC, r.facility DESC, r.serial DESC LIMIT ?`, limit+1)
	switch { // the records of one moment are sorted as they come; SQLite would rather sort all
	case few:
	case scope.Facility != "" || f.Facility != "":
		text = strings.Replace(text, file.RecordTables, file.RecordsOfFacility, 1)
	default:
		text = strings.Replace(text, file.RecordTables, file.RecordsByTime, 1)
	}
	return text, args, nil
}

// named adds the filters that name records and reports whether they are few.
func named(s *file.Snapshot, q *file.Query, scope role.Scope, f store.Filter) (few bool, err error) {
	of, args := ` IN (SELECT code FROM facility_version)`, []any(nil)
	if code := cmp.Or(f.Facility, scope.Facility); code != "" {
		of, args = ` = ?`, []any{string(code)}
	}
	with := func(keys []vault.Keyed) []any {
		all := slices.Clone(args)
		for _, k := range keys {
			all = append(all, k[:])
		}
		return all
	}
	if len(f.Episode) > 0 {
		few = true
		q.And(`r.id IN (SELECT d.record FROM dossier d WHERE d.facility`+of+` AND d.episode IN (`+file.Marks(len(f.Episode))+`))`, with(f.Episode)...)
	}
	if len(f.Subject) > 0 {
		few = true
		q.And(`r.id IN (SELECT r2.id FROM record r2 INDEXED BY record_subject WHERE r2.facility`+of+
			` AND r2.subject IS NOT NULL AND r2.subject IN (`+file.Marks(len(f.Subject))+`))`, with(f.Subject)...)
	}
	if f.Person != (store.PersonID{}) {
		few = true
		q.And(`r.id IN (SELECT r2.id FROM subject s2 JOIN record r2 ON r2.facility = s2.facility AND r2.subject = s2.key WHERE s2.person = ?)`, f.Person[:])
	}
	if f.Tag == "" {
		return few, nil
	}
	if bit := form.CommonDocument(f.Tag); bit != 0 {
		q.And(`r.documents & ? <> 0 AND r.state <> 'rejected'`, int64(bit))
		return few, nil
	}
	tagged := `SELECT t.record FROM tag t WHERE t.facility` + of + ` AND t.tag = ?`
	var n int
	if err := s.Row(`SELECT count(*) FROM (`+tagged+` LIMIT ?)`, append(slices.Clone(args), f.Tag, fewTagged+1)...).Scan(&n); err != nil {
		return false, err
	}
	if n <= fewTagged {
		q.And(`r.id IN (`+tagged+`)`, append(slices.Clone(args), f.Tag)...)
		return true, nil
	}
	q.And(`EXISTS (SELECT 1 FROM tag t WHERE t.facility = r.facility AND t.tag = ? AND t.received = r.received AND t.record = r.id)`, f.Tag)
	return few, nil
}

// fewTagged is how many records of a tag are rather sorted than searched for.
const fewTagged = 5_000

// place adds what is joined from the facility's version.
func place(q *file.Query, f store.Filter, version string) {
	if f.Province != "" {
		q.And(version+` IN (SELECT id FROM facility_version WHERE province = ?)`, f.Province)
	}
	if f.Level != "" {
		q.And(version+` IN (SELECT id FROM facility_version WHERE level = ?)`, string(f.Level))
	}
}

// bounds adds the times and the place in the list.
func bounds(q *file.Query, f store.Filter, at, facility, serial string) {
	if f.Day != 0 {
		from := time.Date(f.Day/10000, time.Month(f.Day/100%100), f.Day%100, 0, 0, 0, 0, clock.Hanoi)
		q.And(at+` >= ? AND `+at+` < ?`, file.Micros(from), file.Micros(from.AddDate(0, 0, 1)))
	}
	if !f.Since.IsZero() {
		q.And(at+` >= ?`, file.Micros(f.Since))
	}
	if f.Before != (store.Cursor{}) {
		q.And(`(`+at+`, `+facility+`, `+serial+`) < (?, ?, ?)`, file.Micros(f.Before.At), string(f.Before.ID.Facility), f.Before.ID.Serial[:])
	}
}

// File returns a file and the records of its dossiers.
func (x *Records) File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*store.File, []store.Stored, error) {
	f := &store.File{Facility: facility, Hash: hash}
	var stored []store.Stored
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		if err := scanFile(s, f); err != nil {
			return err
		}
		rows, err := s.Rows(`SELECT `+file.RecordColumns+`, p.idx FROM place p JOIN `+file.RecordTables+
			` WHERE r.id = p.record AND p.facility = ? AND p.file = ? ORDER BY p.idx`, string(facility), hash[:])
		if err != nil {
			return err
		}
		stored, err = file.ScanStored(rows)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return f, stored, nil
}

func scanFile(s *file.Snapshot, f *store.File) error {
	var digest, certificates []byte
	var received int64
	var sender, seals string
	var skeleton file.BodyRow
	err := s.Row(`SELECT digest, size, received, sender, lane, wrapped, class, month, certificates, seals, dossiers, skeleton, piece, piece_from, piece_size
 FROM file WHERE facility = ? AND hash = ?`, string(f.Facility), f.Hash[:]).Scan(append([]any{&digest, &f.Size, &received, &sender, &f.Lane,
		&f.Wrapped, &f.Class, &f.Month, &certificates, &seals, &f.Dossiers}, skeleton.To()...)...)
	if err != nil {
		return err
	}
	if copy(f.Digest[:], digest) != 32 {
		return fmt.Errorf("file: a digest of %d bytes", len(digest))
	}
	f.Received = file.Time(received)
	if f.Wrapped != nil { // else erased: what lies there are zeros
		if f.Skeleton, err = s.Bodies().Of(&skeleton); err != nil {
			return err
		}
	}
	if err := s.ReadOrigin(f, sender, certificates, seals); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	for i := range f.Certificates {
		b := &f.Certificates[i]
		if err := s.Row(`SELECT data FROM public_blob WHERE hash = ?`, b.Hash[:]).Scan(&b.Data); err != nil {
			return fmt.Errorf("file: a certificate: %w", err)
		}
	}
	return nil
}

// Timeline returns what happened to a record later: its own events, and those
// of its subject's links.
func (x *Records) Timeline(ctx context.Context, id dossier.ID) ([]store.Transition, error) {
	var out []store.Transition
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		var row, received int64
		var subject []byte
		if err := s.Row(`SELECT id, received, subject FROM record WHERE facility = ? AND serial = ?`, string(id.Facility), id.Serial[:]).Scan(&row, &received, &subject); err != nil {
			return err
		}
		rows, err := s.Rows(`SELECT at, what, by, actor, detail FROM transition WHERE record = ?1
 UNION ALL SELECT since, 'linked', NULL, actor, evidence FROM link WHERE facility = ?2 AND subject = ?3 AND since > ?4
 UNION ALL SELECT until, 'unlinked', NULL, ended_by, why FROM link WHERE facility = ?2 AND subject = ?3 AND until > ?4`,
			row, string(id.Facility), subject, received)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var t store.Transition
			var at int64
			var by []byte
			if err := rows.Scan(&at, &t.What, &by, &t.Actor, &t.Detail); err != nil {
				return err
			}
			t.At = file.Time(at)
			if t.By, err = file.ID(id.Facility, by); err != nil {
				return err
			}
			out = append(out, t)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
	return out, nil
}

// Refusals returns a page of the scope's refused files, newest first.
func (x *Records) Refusals(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Refusal, bool, error) {
	limit := file.Limit(f.Limit)
	q := file.Select(`SELECT facility, serial, at, sender, size, digest, code, lane, facility_version FROM refusal`).Within(scope, "facility", "facility_version")
	if f.Facility != "" {
		q.And(`facility = ?`, string(f.Facility))
	}
	if f.Tag != "" {
		q.And(`code = ?`, f.Tag)
	}
	place(q, f, "facility_version")
	bounds(q, f, "at", "facility", "serial")
	text, args := q.End(` ORDER BY at DESC, facility DESC, serial DESC LIMIT ?`, limit+1)
	var all []store.Refusal
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		all, err = scanRefusals(rows)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all, more := file.Page(all, limit)
	return all, more, nil
}

func scanRefusals(rows *sql.Rows) ([]store.Refusal, error) {
	defer rows.Close()
	var all []store.Refusal
	for rows.Next() {
		var r store.Refusal
		var at int64
		var facility string
		var serial, digest []byte
		if err := rows.Scan(&facility, &serial, &at, &r.Sender, &r.Size, &digest, &r.Code, &r.Lane, &r.FacilityVersion); err != nil {
			return nil, err
		}
		if len(serial) != 16 || copy(r.Digest[:], digest) != 32 {
			return nil, fmt.Errorf("refusal: a serial of %d bytes, a digest of %d", len(serial), len(digest))
		}
		r.At = file.Time(at)
		r.ID = dossier.ID{Facility: care.FacilityCode(facility), Serial: [16]byte(serial)}
		all = append(all, r)
	}
	return all, rows.Err()
}

// walkPage is how many records a walk reads at once: none of them waits for fn
// with the file's state held.
const walkPage = 100

// Walk gives every record of a log in order of its leaf. A row that cannot be
// read ends it, after fn had those before it.
func (x *Records) Walk(ctx context.Context, log int, from uint64, fn func(*store.Record, []byte) error) error {
	for {
		var page []store.Record
		var bodies [][]byte
		var unreadable error
		err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
			page, bodies, unreadable, err = walked(s, log, from)
			return err
		})
		if err != nil {
			return err
		}
		for i := range page {
			if err := fn(&page[i], bodies[i]); err != nil {
				return err
			}
		}
		if unreadable != nil || len(page) < walkPage {
			return file.Fault(unreadable)
		}
		from = page[len(page)-1].Place.Index + 1
	}
}

// walked reads a page of Walk; unreadable is why the record after the last one
// of it cannot be read.
func walked(s *file.Snapshot, log int, from uint64) (page []store.Record, bodies [][]byte, unreadable, err error) {
	rows, err := s.Rows(`SELECT `+file.RecordColumns+`, `+file.BodyColumns+` FROM `+file.RecordTables+` `+file.BodyTable+
		` WHERE r.log = ? AND r.leaf >= ? ORDER BY r.leaf LIMIT ?`, log, int64(from), walkPage)
	if err != nil {
		return nil, nil, nil, err
	}
	defer rows.Close()
	var spans []file.BodyRow
	for rows.Next() {
		var r store.Record
		var row file.BodyRow
		if _, unreadable = file.ScanRecord(rows, &r, row.To()...); unreadable != nil {
			break
		}
		page, spans = append(page, r), append(spans, row)
	}
	if unreadable == nil {
		if err := rows.Err(); err != nil {
			return nil, nil, nil, err
		}
	}
	if err := rows.Close(); err != nil {
		return nil, nil, nil, err
	}
	reader := s.Bodies()
	for i := range spans {
		if !page[i].Erased.IsZero() { // what lies there are zeros
			bodies = append(bodies, nil)
			continue
		}
		body, err := reader.Of(&spans[i])
		if errors.Is(err, vessel.ErrDamaged) {
			return page[:i], bodies, err, nil
		}
		if err != nil {
			return nil, nil, nil, err
		}
		bodies = append(bodies, body)
	}
	return page, bodies, unreadable, nil
}
