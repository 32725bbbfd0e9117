// Package cleaning looks through specialised databases for what should not be there:
// entries that stand for the same, codes that lists no longer have, entries nobody
// confirmed for long, facilities that were merged into others, numbers that the
// population register knows otherwise. What it finds are proposals with their
// evidence. It changes nothing by itself: a person accepts, with a reason, and can
// have it undone.
//
// Entries that say the same are found by their keyed hashes: nothing is opened for it.
// Only two things open entries, through the Book they are handed, which writes each
// look down first: the question to the population register, and the last comparison
// of two events that agree in all that is in the clear.
package cleaning

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// The detectors.
const (
	Duplicates = "duplicates"
	Visits     = "visits"
	Codes      = "codes"
	Stale      = "stale"
	Units      = "units"
	Population = "population"
)

// Detectors lists them in the order of the night.
func Detectors() []string { return []string{Duplicates, Visits, Codes, Stale, Units, Population} }

// What a proposal would do.
const (
	Merge  = "merge"  // another entry stands for this one
	Change = "change" // a field gets another value
	End    = "end"    // the entry ends
	Point  = "point"  // nothing: people have to look, and say that they did
)

// The states of a proposal.
const (
	Open      = "open"
	Applying  = "applying" // accepted, and on its way into the entries
	Accepted  = "accepted"
	Rejected  = "rejected"
	Undone    = "undone"
	Overtaken = "overtaken" // what it rests on has changed
)

// States lists them.
func States() []string { return []string{Open, Applying, Accepted, Rejected, Undone, Overtaken} }

// Part is an entry as a proposal found it.
type Part struct {
	Entry   string `json:"entry"` // 32 hexadecimal digits
	Version int    `json:"version"`
}

// Diff is a field before and after. Of a sealed one there are no values.
type Diff struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Sealed bool   `json:"sealed,omitempty"`
	Hidden bool   `json:"-"` // who reads it is given no field of that name: it has no values here
}

// Body is what a proposal rests on and would do.
type Body struct {
	Parts []Part   `json:"parts,omitempty"` // of a Merge: the one that stays, then the one that goes
	Diffs []Diff   `json:"diffs,omitempty"` // of a Change: what becomes of a field
	Signs []string `json:"signs,omitempty"` // why, as codes: "person", "list.MATINH_CU_TRU", "differs.name"
	Same  []string `json:"same,omitempty"`  // fields that say the same
	Other []string `json:"other,omitempty"` // fields that say something else
	Days  int      `json:"days,omitempty"`  // of Stale: since when nobody confirmed it
}

// Proposal is one as it is kept.
type Proposal struct {
	house.Proposal
	Body Body
}

// EntryText writes an entry's name: 32 hexadecimal digits.
func EntryText(id registry.EntryID) string { return hex.EncodeToString(id[:]) }

func parseEntry(text string) (id registry.EntryID, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, errBody
	}
	return registry.EntryID(b), nil
}

var errBody = errors.New("cleaning: the body of a proposal cannot be read")

// The faults.
var (
	// ErrAbsent: no such proposal, or none of the reader's.
	ErrAbsent = fault.New(fault.Absent, "cleaning.absent", "Không có đề xuất này.", "There is no such proposal.")
	// ErrMay: somebody else answers for the database.
	ErrMay = fault.New(fault.Withheld, "cleaning.steward",
		"Chỉ đơn vị chủ quản quyết định đề xuất của cơ sở dữ liệu này.", "Only the unit that answers for the database decides its proposals.")
	// ErrReason: no reason, or no real one.
	ErrReason = fault.New(fault.Invalid, "cleaning.reason", "Ghi lý do, từ 10 đến 500 ký tự.", "Give a reason of 10 to 500 characters.")
	// ErrMany: more than may be decided at once.
	ErrMany = fault.New(fault.Invalid, "cleaning.many",
		"Chọn từ 1 đến 1.000 đề xuất của một cơ sở dữ liệu mỗi lần.", "Choose 1 to 1,000 proposals of one database at a time.")
	// ErrSecond: more than 100 at once need a second look.
	ErrSecond = fault.New(fault.Invalid, "cleaning.second",
		"Hơn 100 đề xuất một lần: nhập đúng số đề xuất để xác nhận.", "More than 100 proposals at once: type their number to confirm.")
	// ErrState: it is not, or no longer, in the state for that.
	ErrState = fault.New(fault.Conflict, "cleaning.state",
		"Đề xuất không còn ở trạng thái này. Tải lại trang rồi xem.", "The proposal is no longer in that state. Load the page again.")
	// ErrOwn: who typed or brought in one of the entries decides that another stands for it.
	ErrOwn = fault.New(fault.Withheld, "cleaning.own",
		"Có mục do chính người chấp nhận nhập vào, hoặc không rõ có phải không vì đăng nhập bằng đường dẫn. Người khác của đơn vị, đăng nhập bằng tài khoản của mình, phải chấp nhận.",
		"One of the entries was typed by whoever accepts, or nobody can tell because of a login by link. Another person of the unit, logged in with their own account, has to accept.")
	// ErrChanged: the entries were changed after it.
	ErrChanged = fault.New(fault.Conflict, "cleaning.changed",
		"Mục đã thay đổi sau đó, nên chưa làm gì. Xem lịch sử của mục.", "The entries were changed since, so nothing was done. Look at their history.")
	// ErrRegister: the population register does not answer.
	ErrRegister = fault.New(fault.Busy, "cleaning.register",
		"Sổ dân cư chưa trả lời. Chưa thay đổi gì; thử lại sau.", "The population register does not answer. Nothing was changed; try again later.")
	// ErrDatabase: no such database.
	ErrDatabase = fault.New(fault.Absent, "cleaning.database", "Không có cơ sở dữ liệu này.", "There is no such database.")
)

// Database is one as it holds now.
type Database struct {
	*declaration.Database
	Dissolved bool // its steward is no unit any more
	// Given are the fields that who may see proposals and does not decide them is shown;
	// nil: all.
	Given func(role.Role) []string
}

// Writing is what an accepted proposal does to entries, in one commit.
type Writing struct {
	Closes  []house.Close
	Changes []Setting
	Act     base.Act
}

// Setting gives fields of an entry other values.
type Setting struct {
	Entry   registry.EntryID
	Version int
	Set     registry.Values
	By      string
}

// Writer writes entries; the hub hands in package steward's. base.ErrChanged, and
// nothing, where an entry has another version.
type Writer interface {
	Write(ctx context.Context, database registry.ID, w Writing) error
}

// Book opens entries of a database for the comparison with the population register;
// each look is written down first.
type Book interface {
	Open(ctx context.Context, database registry.ID, entries []registry.EntryID) ([]registry.Entry, error)
}

// Answer is what the population register says of a person.
type Answer struct {
	State   string // "match", "differs", "unknown", "cancelled", "replaced"
	Differs []string
	By      care.CitizenID // of "replaced"
}

// Question is who it is asked about.
type Question struct {
	Number care.CitizenID
	Name   string
	Birth  string // yyyy-MM-dd
}

// Register is an approved population register.
type Register struct {
	ID  string
	Ask func(ctx context.Context, q Question) (Answer, error)
}

// Deps is what cleaning works with.
type Deps struct {
	Proposals house.Proposals
	Alike     house.Alike
	Entries   house.Entries
	Databases func() []Database
	Writer    Writer
	Book      Book                                         // nil: the population register is not asked, and what is sealed not compared
	Register  func(ctx context.Context) (*Register, error) // nil, or it returns nil: none is approved
	Directory func() *facility.Directory
	Act       func(a base.Act) base.Act // gives an act its leaf
	Clock     clock.Clock
}

// Config bounds a night. Zero fields are the defaults.
type Config struct {
	Batch     int // entries read at once; 500
	Most      int // proposals of a database and detector in a night; 5,000
	Questions int // to the population register in a night, and entries opened to compare events; 500
}

// Desk finds and decides.
type Desk struct {
	d Deps
	c Config
}

// New returns a desk.
func New(d Deps, c Config) (*Desk, error) {
	if d.Proposals == nil || d.Alike == nil || d.Entries == nil || d.Databases == nil || d.Writer == nil || d.Directory == nil || d.Act == nil || d.Clock == nil {
		return nil, errors.New("cleaning: a part is missing")
	}
	for n, to := range map[*int]int{&c.Batch: 500, &c.Most: 5000, &c.Questions: 500} {
		if *n <= 0 {
			*n = to
		}
	}
	return &Desk{d, c}, nil
}

// Who decides something.
type Who struct {
	Role role.Role
	Name string // as acts keep it
}

func (d *Desk) database(id registry.ID) (Database, error) {
	all := d.d.Databases()
	if i := slices.IndexFunc(all, func(db Database) bool { return db.ID == id }); i >= 0 {
		return all[i], nil
	}
	return Database{}, ErrDatabase
}

// sees reports whether a role knows of a database's proposals: operators and the
// ministry of all, a unit of those it answers for.
func sees(r role.Role, db Database) bool {
	return r.Kind == role.Operator || r.Kind == role.Ministry || r.Kind == role.Unit && r.ID == db.Steward
}

// decides reports whether a role may decide them.
func decides(r role.Role, db Database) bool {
	return r.Kind == role.Operator || r.Kind == role.Unit && r.ID == db.Steward
}

// May reports whether somebody may decide proposals of a database.
func (d *Desk) May(who role.Role, id registry.ID) bool {
	db, err := d.database(id)
	return err == nil && decides(who, db)
}

// found is what a detector found.
type found struct {
	kind    string
	entries []registry.EntryID
	about   string // tells proposals of the same entries apart, such as a field
	facts   []byte // what it rests on
	body    Body
}

// keep turns what was found into proposals: new ones are open; one that is held
// stays as it is while its facts are the same, also rejected or undone; with other
// facts it is open again.
func (d *Desk) keep(ctx context.Context, db registry.ID, detector string, night int, all []found) (fresh int64, err error) {
	for chunk := range slices.Chunk(all, 200) {
		for try := 0; ; try++ {
			n, err := d.keepSome(ctx, db, detector, night, chunk)
			if errors.Is(err, base.ErrChanged) && try < 3 { // somebody decided meanwhile
				continue
			}
			if err != nil {
				return fresh, err
			}
			fresh += n
			break
		}
	}
	return fresh, nil
}

func (d *Desk) keepSome(ctx context.Context, db registry.ID, detector string, night int, all []found) (int64, error) {
	now := d.d.Clock.Now()
	made := map[string]house.Proposal{}
	var ids []string
	for _, f := range all {
		body, err := json.Marshal(f.body)
		if err != nil {
			return 0, err
		}
		facts := sha256.Sum256(f.facts)
		p := house.Proposal{ID: nameOf(db, detector, &f), Database: db, Detector: detector, Kind: f.kind, State: Open, Version: 1, Facts: facts[:16], Night: night,
			Entries: f.entries, At: now, Changed: now, Actor: "hub", Body: string(body)}
		if _, twice := made[p.ID]; !twice {
			ids = append(ids, p.ID)
		}
		made[p.ID] = p
	}
	held, err := d.d.Proposals.Held(ctx, ids)
	if err != nil {
		return 0, err
	}
	var again []string
	for _, h := range held {
		p := made[h.ID]
		same := string(h.Facts) == string(p.Facts)
		if same && (h.State == Rejected || h.State == Undone) || h.State == Applying || same && h.State == Open && h.Body == p.Body {
			delete(made, h.ID)
			again = append(again, h.ID)
			continue
		}
		p.Version, p.At = h.Version+1, h.At
		made[h.ID] = p
	}
	var put []house.Proposal
	for _, id := range ids {
		if p, ok := made[id]; ok {
			put = append(put, p)
		}
	}
	if len(put) > 0 {
		if err := d.d.Proposals.Put(ctx, put, nil); err != nil {
			return 0, err
		}
	}
	return int64(len(put)), d.d.Proposals.Again(ctx, night, again)
}

var names = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// nameOf names a proposal by what it is about: "DX-7gk2...".
func nameOf(db registry.ID, detector string, f *found) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00", db, detector, f.kind, f.about)
	ids := slices.Clone(f.entries)
	slices.SortFunc(ids, func(a, b registry.EntryID) int { return strings.Compare(string(a[:]), string(b[:])) })
	for _, id := range ids {
		h.Write(id[:])
	}
	return "DX-" + names.EncodeToString(h.Sum(nil)[:15])
}

// sweep closes what a whole walk no longer found.
func (d *Desk) sweep(ctx context.Context, db registry.ID, detector string, night int) error {
	after := ""
	for {
		all, more, err := d.d.Proposals.List(ctx, house.ProposalFilter{Databases: []registry.ID{db}, Detector: detector, State: Open, Before: night, After: after, Limit: 200})
		if err != nil || len(all) == 0 {
			return err
		}
		after = all[len(all)-1].ID
		for i := range all {
			d.step(&all[i], Overtaken, "hub", "")
		}
		if err := d.d.Proposals.Put(ctx, all, nil); err != nil && !errors.Is(err, base.ErrChanged) {
			return err
		}
		if !more {
			return nil
		}
	}
}

// step takes a proposal to another state.
func (d *Desk) step(p *house.Proposal, state, actor, reason string) {
	p.State, p.Version, p.Changed, p.Actor, p.Reason = state, p.Version+1, d.d.Clock.Now().Truncate(time.Microsecond), actor, reason
}
