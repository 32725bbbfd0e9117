// Package entry is how both engines write entries of databases into columns, and
// how a batch is held against what is kept: the same for both, so that they cannot
// differ. It holds no SQL.
package entry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// Columns are the columns of an entry in the order of Values and Scan.
const Columns = `database, id, version, declared, state, merged_into, content, open, sealed, wrapped, class, month,
 source, facility, record_facility, record, brought, actor, valid_from, valid_to, at, confirmed, seq, marks`

// Update sets all of them but the key from the row that was to be inserted.
const Update = `version = excluded.version, declared = excluded.declared, state = excluded.state, merged_into = excluded.merged_into,
 content = excluded.content, open = excluded.open, sealed = excluded.sealed, wrapped = excluded.wrapped, class = excluded.class, month = excluded.month,
 source = excluded.source, facility = excluded.facility, record_facility = excluded.record_facility, record = excluded.record, brought = excluded.brought,
 actor = excluded.actor, valid_from = excluded.valid_from, valid_to = excluded.valid_to, at = excluded.at, confirmed = excluded.confirmed,
  seq = excluded.seq, marks = excluded.marks`

// Micros is a moment as a column holds it: 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Moment reads what Micros wrote.
func Moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Bytes is bytes as a column holds them: never null.
func Bytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Keyed is a keyed hash as a column holds it: empty for none.
func Keyed(k vault.Keyed) []byte {
	if k.IsZero() {
		return []byte{}
	}
	return k.Bytes()
}

func some(id [16]byte) []byte {
	if id == ([16]byte{}) {
		return []byte{}
	}
	return id[:]
}

// Values are an entry as columns hold it.
func Values(r *house.Row) []any {
	return []any{string(r.Database), r.ID[:], int64(r.Version), int64(r.Declared), string(r.State), some(r.Into), Keyed(r.Content), r.Open,
		Bytes(r.Sealed), Bytes(r.Wrapped), r.Class, int64(r.Month), r.Origin.Source, string(r.Origin.Facility), string(r.Origin.Record.Facility), some(r.Origin.Record.Serial),
		r.Origin.Import, r.Origin.By, Micros(r.ValidFrom), Micros(r.ValidTo), Micros(r.At), Micros(r.Confirmed), r.Seq, Bytes(r.Marks)}
}

// Scan reads Columns.
func Scan(scan func(...any) error) (house.Row, error) {
	var r house.Row
	var database, state, facility, recordFacility string
	var id, into, content, record []byte
	var version, declared, month, from, to, at, confirmed int64
	if err := scan(&database, &id, &version, &declared, &state, &into, &content, &r.Open, &r.Sealed, &r.Wrapped, &r.Class, &month,
		&r.Origin.Source, &facility, &recordFacility, &record, &r.Origin.Import, &r.Origin.By, &from, &to, &at, &confirmed, &r.Seq, &r.Marks); err != nil {
		return r, err
	}
	r.Database, r.State = registry.ID(database), registry.EntryState(state)
	r.Version, r.Declared, r.Month = int(version), int(declared), int(month)
	r.ValidFrom, r.ValidTo, r.At, r.Confirmed = Moment(from), Moment(to), Moment(at), Moment(confirmed)
	r.Origin.Facility = care.FacilityCode(facility)
	err := errors.Join(fill(r.ID[:], id), fill(r.Into[:], into), fill(r.Content[:], content), fill(r.Origin.Record.Serial[:], record))
	if len(record) > 0 {
		r.Origin.Record.Facility = care.FacilityCode(recordFacility)
	}
	return r, err
}

// BriefColumns are the columns of ScanBrief.
const BriefColumns = `id, version, declared, state, merged_into, content, source, facility, record_facility, record, brought, actor, at, confirmed, marks`

// ScanBrief reads BriefColumns.
func ScanBrief(scan func(...any) error) (id registry.EntryID, b house.Brief, err error) {
	var state, facility, recordFacility string
	var key, into, content, record []byte
	var version, declared, at, confirmed int64
	if err := scan(&key, &version, &declared, &state, &into, &content, &b.Origin.Source, &facility, &recordFacility, &record,
		&b.Origin.Import, &b.Origin.By, &at, &confirmed, &b.Marks); err != nil {
		return id, b, err
	}
	b.Version, b.Declared, b.State, b.At, b.Confirmed = int(version), int(declared), registry.EntryState(state), Moment(at), Moment(confirmed)
	b.Origin.Facility = care.FacilityCode(facility)
	if len(record) > 0 {
		b.Origin.Record.Facility = care.FacilityCode(recordFacility)
	}
	return id, b, errors.Join(fill(id[:], key), fill(b.Into[:], into), fill(b.Content[:], content), fill(b.Origin.Record.Serial[:], record))
}

// ScanSaid reads entry, facility and serial.
func ScanSaid(scan func(...any) error) (s house.Said, err error) {
	var id, serial []byte
	var facility string
	if err := scan(&id, &facility, &serial); err != nil {
		return s, err
	}
	s.Record.Facility = care.FacilityCode(facility)
	return s, errors.Join(fill(s.Entry[:], id), fill(s.Record.Serial[:], serial))
}

func fill(to, column []byte) error {
	if len(column) != 0 && len(column) != len(to) {
		return fmt.Errorf("%d bytes of a column, not %d", len(column), len(to))
	}
	copy(to, column)
	return nil
}

// Check gives store.ErrText for a text that no engine keeps alike.
func Check(b *house.Batch) error {
	for i := range b.Rows {
		r := &b.Rows[i]
		if err := store.CheckText(string(r.Database), r.Open, r.Class, string(r.State), r.Origin.Source, string(r.Origin.Facility), r.Origin.Import, r.Origin.By); err != nil {
			return err
		}
		for _, k := range r.Keys {
			if err := store.CheckText(k.Field); err != nil {
				return err
			}
		}
	}
	for i := range b.Closes {
		if err := store.CheckText(string(b.Closes[i].State), b.Closes[i].By); err != nil {
			return err
		}
	}
	if p := b.Place; p != nil {
		if err := store.CheckText(string(p.Database), p.Source, p.Cursor, p.Code); err != nil {
			return err
		}
	}
	if b.Act != nil {
		return store.CheckText(b.Act.Actor, b.Act.Action, b.Act.Object, b.Act.Detail)
	}
	return nil
}

// State is what an entry is now, for Sort. Version 0: there is none.
type State struct {
	Version   int
	State     registry.EntryState
	Facility  care.FacilityCode
	Confirmed int64 // as the column holds it
	Marks     []byte
}

// Sorted is a batch held against what is kept.
type Sorted struct {
	Fresh   []*house.Row // first versions
	Next    []*house.Row // versions that follow another
	Same    []*house.Row // confirmed
	Closes  []*house.Close
	Marked  []*house.Marking
	Counts  map[registry.EntryState]int64 // changes
	Changes int64                         // places in the order of changes it takes
}

// IDs are the entries a batch names.
func IDs(b *house.Batch) []registry.EntryID {
	out := make([]registry.EntryID, 0, len(b.Rows)+len(b.Closes)+len(b.Marked))
	for i := range b.Rows {
		out = append(out, b.Rows[i].ID)
	}
	for i := range b.Closes {
		out = append(out, b.Closes[i].ID)
	}
	for i := range b.Marked {
		out = append(out, b.Marked[i].ID)
	}
	return out
}

// Sort holds a batch against what is kept now and gives its changes their places
// behind seq. store.ErrChanged where an entry is not as the batch says; an error of
// its own where the batch names an entry twice.
func Sort(b *house.Batch, now map[registry.EntryID]State, seq int64) (*Sorted, error) {
	s := &Sorted{Counts: map[registry.EntryState]int64{}}
	seen := make(map[registry.EntryID]bool, len(b.Rows)+len(b.Closes)+len(b.Marked))
	other := func(was []byte, is *State) bool { return was != nil && !bytes.Equal(was, is.Marks) }
	for i := range b.Rows {
		r := &b.Rows[i]
		is := now[r.ID]
		if seen[r.ID] {
			return nil, errors.New("entries: a batch names an entry twice")
		}
		seen[r.ID] = true
		switch {
		case is.Version > 0 && other(r.Was, &is):
			return nil, store.ErrChanged
		case r.Version == is.Version && is.Version > 0:
			s.Same = append(s.Same, r)
			continue
		case r.Version != is.Version+1:
			return nil, store.ErrChanged
		case is.Version == 0:
			s.Fresh = append(s.Fresh, r)
		default:
			s.Next = append(s.Next, r)
			s.Counts[is.State]--
		}
		s.Counts[r.State]++
		s.Changes++
		r.Seq = seq + s.Changes
	}
	for i := range b.Closes {
		c := &b.Closes[i]
		is := now[c.ID]
		if seen[c.ID] {
			return nil, errors.New("entries: a batch names an entry twice")
		}
		seen[c.ID] = true
		if is.Version == 0 || is.Version != c.Version || other(c.Was, &is) {
			return nil, store.ErrChanged
		}
		s.Closes = append(s.Closes, c)
		s.Counts[is.State]--
		s.Counts[c.State]++
		s.Changes++
	}
	return s, marked(b, s, now, seen)
}

// marked holds markings against what is kept.
func marked(b *house.Batch, s *Sorted, now map[registry.EntryID]State, seen map[registry.EntryID]bool) error {
	for i := range b.Marked {
		m := &b.Marked[i]
		is := now[m.ID]
		if seen[m.ID] {
			return errors.New("entries: a batch names an entry twice")
		}
		seen[m.ID] = true
		if is.Version == 0 || is.Version != m.Version || is.Facility != m.Facility || is.Confirmed != Micros(m.Confirmed) || !bytes.Equal(m.Was, is.Marks) {
			return store.ErrChanged
		}
		s.Marked = append(s.Marked, m)
	}
	return nil
}

// Fields writes a grant's fields: "null" for all that are not sensitive.
func Fields(fields []string) (string, error) {
	b, err := json.Marshal(fields)
	return string(b), err
}

// ReadFields reads what Fields wrote.
func ReadFields(text string) (fields []string, err error) {
	return fields, json.Unmarshal([]byte(text), &fields)
}

// Serial is a record's serial as a column holds it: empty for none.
func Serial(id registry.RecordID) []byte { return some(id.Serial) }

// Some is an entry's name as a column holds it: empty for none.
func Some(id registry.EntryID) []byte { return some(id) }

// SortSaid puts what records say into the order of entries, then of records.
func SortSaid(all []house.Said) {
	slices.SortFunc(all, func(a, b house.Said) int {
		return cmp.Or(bytes.Compare(a.Entry[:], b.Entry[:]), cmp.Compare(a.Record.Facility, b.Record.Facility), bytes.Compare(a.Record.Serial[:], b.Record.Serial[:]))
	})
}

// PrefixEnd returns the least text that is greater than all that begin with a
// prefix, nil where there is none.
func PrefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	return end
}
