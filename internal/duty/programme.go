package duty

import (
	_ "embed"
	"regexp"
	"slices"
	"sync"

	"lienthong/internal/fault"
)

// Programme is where tasks come from: a project, plan, resolution, meeting. What
// is said of it is a reading of a public text until somebody confirms it.
type Programme struct {
	ID          string     `json:"id"`
	Version     int        `json:"version"` // 0: as in the default list
	Kind        string     `json:"kind"`    // "project", "plan", "resolution", "decree", "decision", "meeting", "other"
	Title       fault.Text `json:"title"`
	Note        fault.Text `json:"note"`
	ConfirmedBy string     `json:"confirmed_by"` // who compared it with the text, "" nobody yet
}

// Confirmed reports whether somebody compared it with the text.
func (p Programme) Confirmed() bool { return p.ConfirmedBy != "" }

// ProgrammeKinds lists the kinds.
func ProgrammeKinds() []string {
	return []string{"project", "plan", "resolution", "decree", "decision", "meeting", "other"}
}

// ErrProgramme: a programme that cannot be kept, or that nobody knows.
var ErrProgramme = fault.New(fault.Invalid, "programme.form",
	"Chương trình cần mã (chữ thường, số, gạch nối), tên và loại đúng danh mục.",
	"A programme needs an id (small letters, digits, hyphens), a title and one of the kinds.")

var programmeID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)

// Check reports why a programme cannot be kept.
func (p Programme) Check() error {
	if !programmeID.MatchString(p.ID) || !slices.Contains(ProgrammeKinds(), p.Kind) || CheckLine(p.Title.VI) != nil || CheckLine(p.Title.EN) != nil {
		return ErrProgramme
	}
	for _, s := range []string{p.Note.VI, p.Note.EN, p.ConfirmedBy} {
		if err := CheckText(s); err != nil {
			return err
		}
	}
	return nil
}

//go:embed programmes.tsv
var programmeList []byte

var defaultProgrammes = sync.OnceValue(func() []Programme {
	var all []Programme
	for _, r := range table(programmeList, 7) {
		all = append(all, Programme{ID: r[0], Kind: r[1], Title: fault.Text{VI: r[2], EN: r[3]}, Note: fault.Text{VI: r[4], EN: r[5]}, ConfirmedBy: r[6]})
	}
	return all
})

// Programmes lays changed ones over the default list, in its order, new ones after it.
func Programmes(changed []Programme) []Programme {
	all := slices.Clone(defaultProgrammes())
	for _, p := range changed {
		if i := slices.IndexFunc(all, func(q Programme) bool { return q.ID == p.ID }); i >= 0 {
			all[i] = p
		} else {
			all = append(all, p)
		}
	}
	return all
}

// Does is what a unit does for a database.
type Does string

// What units do.
const (
	Builds   Does = "build"
	Manages  Does = "manage"
	Operates Does = "operate"
)

// AllDoes lists them.
func AllDoes() []Does { return []Does{Builds, Manages, Operates} }

// Role is what a unit does for a database.
type Role struct {
	Unit     string `json:"unit"`
	Database string `json:"database"`
	Does     Does   `json:"does"`
	Ended    bool   `json:"ended,omitempty"`
	Version  int    `json:"version"`
	ByFile   bool   `json:"-"` // the database's declaration says it: its steward
}

// ID names the role.
func (r Role) ID() string { return r.Database + "/" + string(r.Does) + "/" + r.Unit }

// ErrRole: not a role a unit may have.
var ErrRole = fault.New(fault.Invalid, "unit.role",
	"Chọn cơ sở dữ liệu và vai trò: xây dựng, quản lý hoặc vận hành.", "Choose a database and a role: build, manage or operate.")

var databaseID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// Check reports why a role cannot be kept.
func (r Role) Check() error {
	if !databaseID.MatchString(r.Database) || !unitID.MatchString(r.Unit) || !slices.Contains(AllDoes(), r.Does) {
		return ErrRole
	}
	return nil
}
