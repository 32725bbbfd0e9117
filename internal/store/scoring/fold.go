package scoring

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	"lienthong/internal/score/tally"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// Group adds the deltas of one commit up: one row for what is of one facility
// version, day, subject and sheet. The zero Group is empty.
type Group struct{ sums map[Row]*tally.Tally }

// Row names what deltas are appended under.
type Row struct {
	Version int64
	Day     int
	Subject string
	Sheet   tally.ID
}

func (a Row) compare(b Row) int {
	return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Subject, b.Subject), slices.Compare(a.Sheet[:], b.Sheet[:]))
}

// Add adds one delta; marks that say nothing are left out. Faults: score.marks,
// store.text.
func (g *Group) Add(d house.ScoreDelta) error {
	if len(d.Marks) == 0 || d.N == 0 {
		return nil
	}
	sheet, err := d.Marks.Sheet()
	if err != nil {
		return err
	}
	if d.Subject == "" || d.Day < 1000_0101 || d.Day > openTo {
		return errors.New("scores: a delta without subject or day")
	}
	if err := base.CheckText(d.Subject); err != nil {
		return err
	}
	if g.sums == nil {
		g.sums = map[Row]*tally.Tally{}
	}
	row := Row{d.FacilityVersion, d.Day, d.Subject, sheet}
	t := g.sums[row]
	if t == nil {
		t = &tally.Tally{}
		g.sums[row] = t
	}
	t.Add(d.Marks, d.N)
	return nil
}

// Rows returns the rows in order, with their vectors; those that came to nothing
// are left out.
func (g *Group) Rows() (rows []Row, vectors [][]byte) {
	for _, r := range slices.SortedFunc(maps.Keys(g.sums), Row.compare) {
		if b := g.sums[r].Marshal(); len(b) > 0 {
			rows, vectors = append(rows, r), append(vectors, b)
		}
	}
	return rows, vectors
}

// Fold adds appended rows up under every scale they are kept in. The zero Fold is
// empty.
type Fold struct{ sums map[Place]*tally.Tally }

// Place names one folded row.
type Place struct {
	Member, Scale, Subject string
	Day                    int
	Sheet                  tally.ID
}

func (a Place) compare(b Place) int {
	return cmp.Or(cmp.Compare(a.Member, b.Member), cmp.Compare(a.Scale, b.Scale), cmp.Compare(a.Subject, b.Subject),
		cmp.Compare(a.Day, b.Day), slices.Compare(a.Sheet[:], b.Sheet[:]))
}

// Add adds one appended row. Fault: score.tally.
func (f *Fold) Add(r Row, at Attributes, vector []byte) error {
	if f.sums == nil {
		f.sums = map[Place]*tally.Tally{}
	}
	version := strconv.FormatInt(r.Version, 10)
	for _, p := range [...]Place{
		{Member: version, Scale: Days, Day: r.Day},
		{Member: version, Scale: Months, Day: r.Day / 100 * 100},
		{Member: at.Province, Scale: Provinces, Day: r.Day},
		{Member: at.Vendor, Scale: Vendors, Day: r.Day},
		{Member: at.Level, Scale: Levels, Day: r.Day},
		{Member: at.Unit, Scale: Units, Day: r.Day},
		{Scale: All, Day: r.Day},
	} {
		p.Subject, p.Sheet = r.Subject, r.Sheet
		t := f.sums[p]
		if t == nil {
			t = &tally.Tally{}
			f.sums[p] = t
		}
		if err := t.PlusBytes(vector); err != nil {
			return err
		}
	}
	return nil
}

// Places lists what changes, in the order that all writers keep.
func (f *Fold) Places() []Place { return slices.SortedFunc(maps.Keys(f.sums), Place.compare) }

// Onto returns the vector of a place with what was kept of it (nil: nothing) added.
func (f *Fold) Onto(p Place, kept []byte) ([]byte, error) {
	t := f.sums[p]
	if err := t.PlusBytes(kept); err != nil {
		return nil, err
	}
	return t.Marshal(), nil
}
