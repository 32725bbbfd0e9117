// Package chart reads opened records as a clinician or citizen would: a timeline
// of visits, problems, medicines, results in series, what is recorded of
// allergies, blood group, implants, pregnancy and contacts, slips, vaccinations,
// and every document in words. It makes of them the one-page summary and the
// emergency set.
//
// Each item says where it stands: record, facility, table, row, field, date. What
// is recorded, what is recorded as none and what nobody recorded are three
// things and stay so; nothing is concluded from a field that is empty. Where
// sources contradict one another all are shown.
//
// It decides nothing about who may read (package disclose has left out what this
// reader may not see), reads no bytes, keeps nothing and has no clock.
package chart

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart/readable"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/schema"
)

// Entry is one opened record. Only ID, Received and Read.Content are needed;
// an entry without content counts as a document nobody can read.
type Entry struct {
	ID       dossier.ID
	Kind     string // "qd4750", "prescription", "emr", "checkup", "slip", "checkin", Own
	Received time.Time
	Version  int           // of the record within its episode; 0 where not known
	State    dossier.State // what the record is now; "" counts as accepted
	Read     kind.Dossier
	View     kind.View
}

// When is a date as a document states it, possibly coarse. In JSON it is a FHIR
// dateTime: "2026", "2026-11", "2026-11-22" or "2026-11-22T10:42:00+07:00".
type When struct{ care.Moment }

// String writes the FHIR dateTime, "" where nothing is stated.
func (w When) String() string {
	t := w.Time()
	switch w.Precision() {
	case 0:
		return ""
	case care.ByYear:
		return t.Format("2006")
	case care.ByMonth:
		return t.Format("2006-01")
	case care.ByDay:
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// MarshalText is String.
func (w When) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// Source says where an item stands. Row counts from 1; Field is "" where the
// item is made of a whole row.
type Source struct {
	Record   dossier.ID
	Facility care.FacilityCode
	Kind     string // of the record
	Table    string
	Row      int
	Field    string
	At       When       // what the document says of the time; zero: nothing
	Received time.Time  // by the hub
	Title    fault.Text // of the record's kind
	Part     fault.Text // of the table
}

// MarshalJSON writes the fields with stable names; record is the id's text.
func (s Source) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Record   string            `json:"record"`
		Facility care.FacilityCode `json:"facility"`
		Kind     string            `json:"kind"`
		Table    string            `json:"table"`
		Row      int               `json:"row,omitempty"`
		Field    string            `json:"field,omitempty"`
		At       When              `json:"at,omitzero"`
		Received time.Time         `json:"received,omitzero"`
		Title    fault.Text        `json:"title,omitzero"`
		Part     fault.Text        `json:"part,omitzero"`
	}{s.Record.String(), s.Facility, s.Kind, s.Table, s.Row, s.Field, s.At, s.Received.UTC().Truncate(time.Second), s.Title, s.Part})
}

// moment is when an item counts as being from: its document's date, without one
// the time it arrived.
func (s Source) moment() time.Time {
	if !s.At.IsZero() {
		return s.At.Time()
	}
	return s.Received
}

// reading is one entry made ready: where it stands among the versions and what
// dates it gives its rows.
type reading struct {
	*Entry
	episode  string // MA_LK, else the entry's own name
	at       When   // of the visit: start
	versions int    // folded into this one, itself included
	adult    bool   // for certain
}

// fold gives the newest version of each document, newest visit first. Entries
// that are withdrawn or replaced are left out.
func fold(entries []Entry) []reading {
	type key struct {
		facility            care.FacilityCode
		kind, episode, line string
	}
	at := make(map[key]int, len(entries))
	out := make([]reading, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.State == dossier.Withdrawn || e.State == dossier.Superseded || e.State == dossier.Erased || e.State == dossier.Rejected {
			continue
		}
		k := key{e.ID.Facility, e.Kind, strings.TrimSpace(e.Read.Episode), e.Read.Line}
		if k.episode == "" {
			k.episode = e.ID.String()
		}
		j, met := at[k]
		if !met {
			at[k] = len(out)
			out = append(out, reading{Entry: e, versions: 1})
			continue
		}
		n := out[j].versions + 1
		if newer(e, out[j].Entry) {
			out[j].Entry = e
		}
		out[j].versions = n
	}
	for i := range out {
		out[i].prepare()
	}
	slices.SortStableFunc(out, func(a, b reading) int {
		return cmp.Or(b.when().Compare(a.when()), b.Received.Compare(a.Received), strings.Compare(a.ID.String(), b.ID.String()))
	})
	return out
}

func newer(a, b *Entry) bool {
	if a.Version != b.Version {
		return a.Version > b.Version
	}
	return a.Received.After(b.Received)
}

// prepare finds the visit a record is of and its day.
func (r *reading) prepare() {
	r.episode = cmp.Or(strings.TrimSpace(r.Read.Episode), r.ID.String())
	tables := r.tables()
	for _, t := range tables {
		if lk := text(t, 0, "MA_LK"); lk != "" {
			r.episode = lk
			break
		}
	}
	for _, field := range visitDates {
		for _, t := range tables {
			if w := date(t, 0, field); !w.IsZero() {
				r.at = w
				r.adult = adult(r.Read.Patient.Birth, w.Time())
				return
			}
		}
	}
	r.adult = adult(r.Read.Patient.Birth, r.Received)
}

// visitDates are the fields that say when a document's visit began, the surest first.
var visitDates = []string{"NGAY_VAO", "NGAY_KHAM", "NGAY_GIO_KE_DON", "NGAY_RA", "NGAY_CT", "NGAY_YL", "NGAY_KQ", "NGAY_KET_LUAN", "NGAY_LAP", "NGAY_GHI"}

func (r *reading) when() time.Time {
	if !r.at.IsZero() {
		return r.at.Time()
	}
	return r.Received
}

// tables are the record's, those without columns left out.
func (e *Entry) tables() []*dossier.Table {
	if e.Read.Content == nil {
		return nil
	}
	all := e.Read.Content.All
	if !slices.ContainsFunc(all, unusable) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), unusable)
}

func unusable(t *dossier.Table) bool { return t == nil || t.Columns == nil }

// spec is the specification the record's tables were read by.
func (e *Entry) spec() *schema.Version {
	if e.Read.Spec != nil {
		return e.Read.Spec
	}
	return schema.For(clock.Day(e.Received))
}

// source says where a cell of the record stands. at is the first of the fields
// that states a date, else the visit's.
func (r *reading) source(t *dossier.Table, row int, field string, dates ...string) Source {
	s := Source{Record: r.ID, Facility: r.ID.Facility, Kind: r.Kind, Table: t.Columns.Table, Row: row + 1, Field: field, At: r.at, Received: r.Received, Title: r.View.Title,
		Part: readable.Title(r.spec(), t.Columns.Table)}
	for _, d := range dates {
		if w := date(t, row, d); !w.IsZero() {
			s.At = w
			break
		}
	}
	return s
}

// text is a cell without the white space around it.
func text(t *dossier.Table, row int, fields ...string) string {
	for _, f := range fields {
		if s := strings.TrimSpace(t.Cell(row, f).Text); s != "" {
			return s
		}
	}
	return ""
}

// date reads a date of any kind's form; zero for what is none.
func date(t *dossier.Table, row int, field string) When {
	s := t.Cell(row, field).Text
	if s == "" || len(s) > 40 {
		return When{}
	}
	m, err := care.ParseDate(s)
	if err != nil {
		return When{}
	}
	return When{m}
}

// adultYears is from when on intervals of adults may be held against results.
const adultYears = 18

// adult reports whether somebody born then is an adult for certain.
func adult(birth string, at time.Time) bool {
	m, err := care.ParseDate(birth)
	return err == nil && !m.End().AddDate(adultYears, 0, 0).After(at)
}

// Sections is the record in readable form, its main documents first.
func (e *Entry) Sections() []readable.Section {
	return readable.Reader{Date: care.ParseDate}.Sections(e.Read.Content, e.spec(), e.View.Documents)
}
