// Package entries writes files that units bring into specialised databases:
// practitioners, devices, medicines, food establishments, systems, cases. They are
// of a synthetic nation, follow from its seed, and hold what such files hold: some
// rows lack something, some say a code nobody has, some tell of a person twice.
// It is for tests and demonstrations; what a database is it does not know.
package entries

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// ErrFile: a file that cannot be made.
var ErrFile = errors.New("synth: no such file of entries")

// The formats.
const (
	CSV    = "csv"    // headings as people here write them, days as dd/mm/yyyy
	NDJSON = "ndjson" // names of fields, days as yyyy-mm-dd
)

// File says which file.
type File struct {
	Database  string
	Rows      int
	Format    string    // "": CSV
	At        time.Time // the day it is written; nothing in it is later but terms
	Faultless bool      // no row has a fault; twins stay
}

// Told is what a file holds.
type Told struct {
	Rows   int // all of them
	Faults int // rows that lack a priority field, have an unknown code or a day that is none
	Twins  int // rows that tell of the row before once more, a little otherwise
}

// Every how many rows there is one with a fault, and a twin.
const (
	faultEvery = 25
	twinEvery  = 40
)

// book is how rows of a database are made.
type book struct {
	fields  []string
	labels  []string
	row     func(m *maker, r *rand.Rand, i int) []string
	twin    func(m *maker, r *rand.Rand, i int, row []string) // nil: none has one
	missing string                                            // a field of the first priority that is no key
	code    string                                            // a field with a list, "" none
	day     string
}

// Databases lists those that files can be made for. The others are made of records.
func Databases() []string {
	return []string{"personnel", "devices", "medicines", "food-safety", "systems", "occupational-health"}
}

func books() map[string]book {
	return map[string]book{"personnel": personnel(), "devices": devices(), "medicines": medicines(),
		"food-safety": establishments(), "systems": systems(), "occupational-health": cases()}
}

// maker makes the rows of one file.
type maker struct {
	land *country.Country
	book
	at   time.Time
	date string // layout of days
}

// Write writes a file: the same country and File give the same bytes.
func Write(w io.Writer, land *country.Country, f File) (Told, error) {
	b, ok := books()[f.Database]
	if !ok || f.Rows < 0 || f.At.IsZero() {
		return Told{}, fmt.Errorf("%w: database %q, %d rows", ErrFile, f.Database, f.Rows)
	}
	m := &maker{land: land, book: b, at: f.At.In(country.Hanoi()), date: "02/01/2006"}
	out := bufio.NewWriter(w)
	put, end, err := m.lines(out, f.Format)
	if err != nil {
		return Told{}, err
	}
	told := Told{Rows: f.Rows}
	for i := range f.Rows {
		row := m.make(f.Database, i, f.Faultless, &told)
		if err := put(row); err != nil {
			return told, err
		}
	}
	if err := end(); err != nil {
		return told, err
	}
	return told, out.Flush()
}

// lines returns what writes a row, and what ends the file.
func (m *maker) lines(w io.Writer, format string) (put func([]string) error, end func() error, err error) {
	switch format {
	case "", CSV:
		c := csv.NewWriter(w)
		return c.Write, func() error { c.Flush(); return c.Error() }, c.Write(m.labels)
	case NDJSON:
		m.date = time.DateOnly
		return func(row []string) error {
			v := make(map[string]string, len(row))
			for i, cell := range row {
				if cell != "" {
					v[m.fields[i]] = cell
				}
			}
			line, err := json.Marshal(v)
			if err == nil {
				_, err = w.Write(append(line, '\n'))
			}
			return err
		}, func() error { return nil }, nil
	}
	return nil, nil, fmt.Errorf("%w: format %q", ErrFile, format)
}

// make makes row i, which is the row before once more where that has a twin.
func (m *maker) make(database string, i int, faultless bool, told *Told) []string {
	of := func(i int) []string { return m.row(m, m.land.Stream("entries "+database, i), i) }
	if m.twin != nil && i%twinEvery == twinEvery-1 {
		told.Twins++
		row := of(i - 1)
		m.twin(m, m.land.Stream("entries twin "+database, i), i, row)
		return row
	}
	row := of(i)
	if faultless || i%faultEvery != faultEvery/2 {
		return row
	}
	told.Faults++
	switch i / faultEvery % 3 {
	case 0:
		row[m.place(m.missing)] = ""
	case 1:
		if m.code == "" {
			row[m.place(m.missing)] = ""
			break
		}
		row[m.place(m.code)] = "??"
	default:
		row[m.place(m.day)] = "31/02/2026"
	}
	return row
}

func (m *maker) place(field string) int {
	for i, f := range m.fields {
		if f == field {
			return i
		}
	}
	panic("synth: no field " + field)
}

// ago is a day between so many days before the file's, as it is written.
func (m *maker) ago(r *rand.Rand, least, most int) (time.Time, string) {
	t := m.at.AddDate(0, 0, -world.Between(r, least, most))
	return t, t.Format(m.date)
}

func (m *maker) facility(r *rand.Rand) *country.Facility {
	return world.Pick(r, m.land.Facilities())
}

// citizen is a citizen's number that nobody has: its century digit is 8 or 9. Two
// rows have two numbers.
func (m *maker) citizen(r *rand.Rand, i, sex int, born time.Time) string {
	return fmt.Sprintf("0%s%d%02d%06d", m.facility(r).Old, 9-sex%2, born.Year()%100, i%1_000_000)
}
