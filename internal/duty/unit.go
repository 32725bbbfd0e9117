package duty

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"regexp"
	"slices"
	"sync"

	"lienthong/internal/fault"
)

// The kinds of units. Those of package facility that carry files have the same words.
const (
	Ministry   = "ministry"
	Department = "department"
	Centre     = "centre"   // of technology
	Province   = "province" // a provincial health department
	Insurer    = "insurer"
	Register   = "register" // of the population
	Body       = "body"     // another ministry or office
	Partner    = "partner"
)

// Kinds lists the kinds that a unit may be added as, in the order they are shown.
func Kinds() []string {
	return []string{Ministry, Department, Centre, Province, Insurer, Register, Body, Partner}
}

// Unit is one version of an organisation that owes work. Its id is the one that
// package facility knows it by.
type Unit struct {
	ID        string     `json:"id"`
	Version   int        `json:"version"` // 0: as in the default list, never changed
	Name      fault.Text `json:"name"`
	Kind      string     `json:"kind"`
	Province  string     `json:"province,omitempty"`  // of a provincial health department
	Focal     bool       `json:"focal,omitempty"`     // follows the progress of others, and assigns
	From      int        `json:"from,omitempty"`      // yyyyMMdd, 0 always
	Until     int        `json:"until,omitempty"`     // the first day it is no more, 0 stands
	Successor string     `json:"successor,omitempty"` // who has its tasks since
}

// Stands reports whether the unit is there on a day.
func (u Unit) Stands(day int) bool { return u.Until == 0 || day < u.Until }

// Party returns the unit as an owner of tasks.
func (u Unit) Party() Party { return UnitParty(u.ID) }

var (
	// ErrPastEnd: a unit is to end on a day that is over.
	ErrPastEnd = fault.New(fault.Invalid, "unit.past",
		"Ngày giải thể phải từ hôm nay trở đi: việc đơn vị đã làm đến nay vẫn là của đơn vị.", "A unit ends today or later: what it did until now stays its own.")
	// ErrUnit: nobody knows the unit.
	ErrUnit = fault.New(fault.Absent, "unit.unknown",
		"Không có đơn vị này. Xem danh sách đơn vị để lấy mã.", "There is no such unit. See the list of units for its id.")
	// ErrUnitForm: a unit that cannot be kept.
	ErrUnitForm = fault.New(fault.Invalid, "unit.form",
		"Đơn vị cần mã (chữ thường, số, gạch nối), tên tiếng Việt, tên tiếng Anh và loại đúng danh mục.",
		"A unit needs an id (small letters, digits, hyphens), a name in Vietnamese and in English, and one of the kinds.")
	// ErrDissolved: the unit is no more.
	ErrDissolved = fault.New(fault.Conflict, "unit.dissolved",
		"Đơn vị này đã giải thể. Giao cho đơn vị kế thừa.", "This unit was dissolved. Assign to its successor.")
	// ErrSuccessor: the successor is the unit itself, is no more, or leads back to it.
	ErrSuccessor = fault.New(fault.Invalid, "unit.successor",
		"Đơn vị kế thừa phải là một đơn vị khác đang hoạt động.", "The successor must be another unit that stands.")
)

var unitID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)

// Check reports why a unit cannot be kept: ErrUnitForm, ErrPersonal.
func (u Unit) Check() error {
	if !unitID.MatchString(u.ID) || !slices.Contains(Kinds(), u.Kind) || CheckLine(u.Name.VI) != nil || CheckLine(u.Name.EN) != nil {
		return ErrUnitForm
	}
	if u.Kind == Province {
		if !slices.ContainsFunc(defaults(), func(d Unit) bool { return d.Kind == Province && d.Province == u.Province }) {
			return ErrUnitForm
		}
	} else if u.Province != "" {
		return ErrUnitForm
	}
	for _, day := range []int{u.From, u.Until} {
		if day != 0 && !ValidDay(day) {
			return ErrDay
		}
	}
	if u.From != 0 && u.Until != 0 && u.Until < u.From {
		return ErrDay
	}
	return nil
}

//go:embed units.tsv
var unitList []byte

var defaults = sync.OnceValue(func() []Unit {
	var all []Unit
	for _, r := range table(unitList, 6) {
		all = append(all, Unit{ID: r[0], Kind: r[1], Name: fault.Text{VI: r[2], EN: r[3]}, Focal: r[4] == "yes", Province: r[5]})
	}
	return all
})

// Defaults are the units a hub begins with: those the public articles speak of
// and a health department for each of the 34 provinces. Callers may keep it.
func Defaults() []Unit { return slices.Clone(defaults()) }

// table reads an embedded list; lines that begin with # are remarks.
func table(text []byte, fields int) [][]string {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.Comment, r.FieldsPerRecord, r.LazyQuotes = '\t', '#', fields, true
	all, err := r.ReadAll()
	if err != nil {
		panic(err) // embedded; a test reads it
	}
	return all
}

// Units is all units at one moment.
type Units struct {
	all []Unit
	at  map[string]int
}

// NewUnits lays changed units over the default list, in its order, new ones after it.
func NewUnits(changed []Unit) *Units {
	x := &Units{all: Defaults(), at: map[string]int{}}
	for i, u := range x.all {
		x.at[u.ID] = i
	}
	for _, u := range changed {
		if i, ok := x.at[u.ID]; ok {
			x.all[i] = u
			continue
		}
		x.at[u.ID] = len(x.all)
		x.all = append(x.all, u)
	}
	return x
}

// All lists them; callers must not change it.
func (x *Units) All() []Unit { return x.all }

// Get returns a unit, dissolved ones too.
func (x *Units) Get(id string) (Unit, bool) {
	i, ok := x.at[id]
	if !ok {
		return Unit{}, false
	}
	return x.all[i], true
}

// Standing returns a unit that is there on a day: ErrUnit, ErrDissolved.
func (x *Units) Standing(id string, day int) (Unit, error) {
	u, ok := x.Get(id)
	if !ok {
		return u, ErrUnit
	}
	if !u.Stands(day) {
		return u, ErrDissolved
	}
	return u, nil
}

// Follow returns who answers for a unit on a day: itself, or its successor's
// successor and so on; false where nobody does.
func (x *Units) Follow(id string, day int) (Unit, bool) {
	for range len(x.all) {
		u, ok := x.Get(id)
		if !ok {
			return Unit{}, false
		}
		if u.Stands(day) {
			return u, true
		}
		id = u.Successor
	}
	return Unit{}, false
}

// OfProvince returns the health department of a province on a day: the one that
// stands, else who answers for one that is no more, which may be another province's;
// false where nobody does.
func (x *Units) OfProvince(code string, day int) (Unit, bool) {
	var gone []string
	for _, u := range x.all {
		switch {
		case u.Kind != Province || u.Province != code:
		case u.Stands(day):
			return u, true
		default:
			gone = append(gone, u.ID)
		}
	}
	for _, id := range gone {
		if u, ok := x.Follow(id, day); ok {
			return u, true
		}
	}
	return Unit{}, false
}

// OfKind lists the ids of units of a kind.
func (x *Units) OfKind(kind string) (ids []string) {
	for _, u := range x.all {
		if u.Kind == kind {
			ids = append(ids, u.ID)
		}
	}
	return ids
}
