package file

import (
	"database/sql"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

// RecordColumns are the columns ScanRecord reads, of RecordTables.
const RecordColumns = `r.id, r.facility, r.serial, r.kind, r.facility_version, r.received, r.state, r.findings, r.pack, r.trust_epoch,
 r.version, r.current, r.supersedes, r.superseded_by, r.withdrawn_by, r.withdraws, r.erased, r.documents, r.lane, r.file, r.idx,
 r.subject, s.person, r.episode, r.class, r.month, r.wrapped, r.head, r.log, r.leaf,
 (SELECT min(c.size) FROM checkpoint c WHERE c.log = r.log AND c.size > r.leaf)`

// RecordTables are record r with the link of its subject s.
const RecordTables = `record r ` + recordSubject

const recordSubject = `LEFT JOIN subject s ON s.facility = r.facility AND s.key = r.subject`

// RecordTables, read along the time: of all facilities, or of one.
const (
	RecordsByTime     = `record r INDEXED BY record_time ` + recordSubject
	RecordsOfFacility = `record r INDEXED BY record_facility_time ` + recordSubject
)

// IsSuperseded is the condition of the counter "superseded", on record r.
const IsSuperseded = `(r.state <> 'rejected' AND (r.superseded_by IS NOT NULL OR r.late = 1))`

// Scanner is a row.
type Scanner interface{ Scan(...any) error }

// ScanRecord reads RecordColumns, and more columns into more. It returns the
// record's address in the file.
func ScanRecord(row Scanner, r *store.Record, more ...any) (int64, error) {
	var id, received, leaf int64
	var facility string
	var serial, supersedes, supersededBy, withdrawnBy, withdraws, file, subject, person, episode []byte
	var erased, size sql.NullInt64 // size is null within the transaction of the leaf
	var findings sql.NullString
	to := []any{&id, &facility, &serial, &r.Kind, &r.FacilityVersion, &received, &r.Verdict.State, &findings, &r.Verdict.Pack, &r.Verdict.TrustEpoch,
		&r.Version, &r.Current, &supersedes, &supersededBy, &withdrawnBy, &withdraws, &erased, &r.Documents, &r.Lane, &file, &r.Index,
		&subject, &person, &episode, &r.Class, &r.Month, &r.Wrapped, &r.Head, &r.Place.Log, &leaf, &size}
	if err := row.Scan(append(to, more...)...); err != nil {
		return 0, err
	}
	f := care.FacilityCode(facility)
	for _, x := range []struct {
		to     *dossier.ID
		serial []byte
	}{{&r.ID, serial}, {&r.Supersedes, supersedes}, {&r.SupersededBy, supersededBy}, {&r.WithdrawnBy, withdrawnBy}, {&r.Withdraws, withdraws}} {
		var err error
		if *x.to, err = ID(f, x.serial); err != nil {
			return 0, err
		}
	}
	var err error
	if r.Verdict.Findings, err = FindingsOf(findings); err != nil {
		return 0, err
	}
	if r.File, err = KeyedOf(file); err != nil {
		return 0, err
	}
	if r.Episode, err = KeyedOf(episode); err != nil {
		return 0, err
	}
	if r.Subject, err = KeyedOf(subject); err != nil {
		return 0, err
	}
	if r.Person, err = PersonOf(person); err != nil {
		return 0, err
	}
	r.Received, r.Erased = Time(received), TimeOrZero(erased)
	r.Place.Index, r.Place.Size = uint64(leaf), uint64(size.Int64)
	return id, nil
}

// ScanRecords reads all rows of RecordColumns and closes them.
func ScanRecords(rows *sql.Rows) ([]store.Record, error) {
	defer rows.Close()
	var all []store.Record
	for rows.Next() {
		all = append(all, store.Record{})
		if _, err := ScanRecord(rows, &all[len(all)-1]); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

// ScanStored reads all rows of RecordColumns with the index in the file asked
// by, and closes them.
func ScanStored(rows *sql.Rows) ([]store.Stored, error) {
	defer rows.Close()
	var all []store.Stored
	for rows.Next() {
		var s store.Stored
		if _, err := ScanRecord(rows, &s.Record, &s.Index); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// ScanPersons reads all rows of one person column and closes them.
func ScanPersons(rows *sql.Rows) ([]store.PersonID, error) {
	defer rows.Close()
	var all []store.PersonID
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		p, err := PersonOf(b)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
