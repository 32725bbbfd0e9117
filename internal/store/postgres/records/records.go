// Package records reads records, files and refusals from PostgreSQL. It opens
// nothing: content comes and goes sealed.
package records

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Records is the store.Records of a hub.
type Records struct{ db *handle.DB }

var _ store.Records = (*Records)(nil)

// New returns the slice.
func New(db *handle.DB) *Records { return &Records{db: db} }

const selectRecord = `SELECT ` + handle.RecordColumns + ` FROM record r ` + handle.RecordJoins

// Get returns one record of the scope.
func (x *Records) Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error) {
	if err := store.CheckText(string(id.Facility)); err != nil {
		return nil, store.ErrAbsent // no record has such a name
	}
	var w handle.Where
	w.And("r.facility = ? AND r.serial = ?", string(id.Facility), handle.UUID(id.Serial))
	w.Scope(scope, "r.facility", "v")
	r, err := handle.ScanRecord(x.db.Pool.QueryRow(ctx, selectRecord+w.String(), w.Args...))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &r, nil
}

// Body returns the sealed inner documents, nil for a record without any.
func (x *Records) Body(ctx context.Context, id dossier.ID) ([]byte, error) {
	var body []byte
	err := x.db.Pool.QueryRow(ctx, `SELECT coalesce(b.data, a.data) FROM record r
		LEFT JOIN body b ON b.facility = r.facility AND b.serial = r.serial
		LEFT JOIN body_archive a ON a.facility = r.facility AND a.serial = r.serial
		WHERE r.facility = $1 AND r.serial = $2 AND r.erased = 0`, string(id.Facility), handle.UUID(id.Serial)).Scan(&body)
	return body, handle.Fault(err)
}

// List returns a page of the scope's records, newest first.
func (x *Records) List(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error) {
	if err := checkFilter(f); err != nil {
		return nil, false, err
	}
	var w handle.Where
	w.Scope(scope, "r.facility", "v")
	bounds(&w, f, "r.received", "r")
	chosen(&w, f)
	limit := handle.Limit(f.Limit)
	if ofPerson(&f) {
		return x.listOfPerson(ctx, &w, limit)
	}
	query := selectRecord + tagged(&w, f.Tag) + w.String() + ` ORDER BY r.received DESC, r.facility DESC, r.serial DESC LIMIT ` + w.Arg(limit+1)
	var all []store.Record
	err := x.db.Scan(ctx, handle.ListLimit, query, w.Args, func(rows pgx.Rows) (err error) {
		all, err = handle.CollectRecords(rows)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all, more := handle.Page(all, limit)
	return all, more, nil
}

// ofPerson reports whether a filter is of those that every look at a person asks with.
func ofPerson(f *store.Filter) bool {
	return f.Person != (store.PersonID{}) && len(f.Episode) == 0 && len(f.Subject) == 0 && f.Tag == "" && f.Province == "" && f.Level == "" && f.State == ""
}

// listOfPerson begins with the person's subjects, in the order as it is written: its
// plan is made once a connection, as those of all that looks rows up by key.
func (x *Records) listOfPerson(ctx context.Context, w *handle.Where, limit int) ([]store.Record, bool, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT `+handle.RecordColumns+` FROM subject s
		JOIN record r ON r.facility = s.facility AND r.subject = s.subject
		LEFT JOIN entry e ON e.facility = r.facility AND e.serial = r.serial
		LEFT JOIN facility_version v ON v.id = r.facility_version`+w.String()+
		` ORDER BY r.received DESC, r.facility DESC, r.serial DESC LIMIT `+w.Arg(limit+1), w.Args...)
	if err != nil {
		return nil, false, handle.Fault(err)
	}
	all, err := handle.CollectRecords(rows)
	if err != nil {
		return nil, false, handle.Fault(err)
	}
	all, more := handle.Page(all, limit)
	return all, more, nil
}

// Refusals returns a page of the scope's refused files, newest first.
func (x *Records) Refusals(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Refusal, bool, error) {
	if err := checkFilter(f); err != nil {
		return nil, false, err
	}
	var w handle.Where
	w.Scope(scope, "r.facility", "v")
	bounds(&w, f, "r.at", "r")
	if f.Tag != "" {
		w.And("r.code = ?", f.Tag)
	}
	limit := handle.Limit(f.Limit)
	query := `SELECT r.facility, r.serial, r.at, r.sender, r.size, r.digest, r.code, r.lane, r.facility_version
		FROM refusal r LEFT JOIN facility_version v ON v.id = r.facility_version` + w.String() + `
		ORDER BY r.at DESC, r.facility DESC, r.serial DESC LIMIT ` + w.Arg(limit+1)
	var all []store.Refusal
	err := x.db.Scan(ctx, handle.ListLimit, query, w.Args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, scanRefusal)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all, more := handle.Page(all, limit)
	return all, more, nil
}

func scanRefusal(row pgx.CollectableRow) (store.Refusal, error) {
	var (
		r      store.Refusal
		serial pgtype.UUID
		at     int64
		lane   int16
		digest []byte
	)
	if err := row.Scan(&r.ID.Facility, &serial, &at, &r.Sender, &r.Size, &digest, &r.Code, &lane, &r.FacilityVersion); err != nil {
		return r, err
	}
	r.ID.Serial, r.At, r.Lane = serial.Bytes, handle.Moment(at), store.Lane(lane)
	return r, handle.Digest(&r.Digest, digest)
}

// walkPage is how many records a walk reads at once: no connection is held
// while fn works.
const walkPage = 100

// Walk gives every record of a log in order of its leaf. A row that cannot be
// read ends it, after fn had those before it.
func (x *Records) Walk(ctx context.Context, log int, from uint64, fn func(*store.Record, []byte) error) error {
	for {
		rows, err := x.db.Pool.Query(ctx, `SELECT `+handle.RecordColumns+`, coalesce(b.data, a.data), l.idx
			FROM leaf l JOIN record r ON r.facility = l.facility AND r.serial = l.serial `+handle.RecordJoins+`
			LEFT JOIN body b ON b.facility = r.facility AND b.serial = r.serial
			LEFT JOIN body_archive a ON a.facility = r.facility AND a.serial = r.serial
			WHERE l.log = $1 AND l.idx >= $2 AND l.facility <> '' ORDER BY l.idx LIMIT $3`, log, int64(from), walkPage)
		if err != nil {
			return handle.Fault(err)
		}
		var all []store.Record
		var bodies [][]byte
		var last int64
		var unreadable error
		for unreadable == nil && rows.Next() {
			var r store.Record
			var body []byte
			if r, unreadable = handle.ScanRecord(rows, &body, &last); unreadable == nil {
				all, bodies = append(all, r), append(bodies, body)
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil && unreadable == nil {
			return handle.Fault(err)
		}
		for n := range all {
			if err := fn(&all[n], bodies[n]); err != nil {
				return err
			}
		}
		if unreadable != nil || len(all) < walkPage {
			return handle.Fault(unreadable)
		}
		from = uint64(last) + 1
	}
}
