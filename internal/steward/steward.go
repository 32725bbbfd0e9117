// Package steward keeps specialised databases at work: it takes declarations while
// the hub runs, makes entries out of what facilities send, of files, of forms and of
// other databases, and gives units what they may have. What a database is its
// declaration says; what values are right package registry/declaration says; who
// reads records and entries, and that it is written down, is package
// disclose/register's.
package steward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// The faults.
var (
	// ErrAbsent: no such database or entry, or none that the reader may know of.
	ErrAbsent = fault.New(fault.Absent, "database.absent", "Không có cơ sở dữ liệu hoặc mục này.", "There is no such database or entry.")
	// ErrSteward: only the unit that answers for a database changes it.
	ErrSteward = fault.New(fault.Withheld, "database.steward",
		"Chỉ đơn vị chủ quản được thay đổi cơ sở dữ liệu này.", "Only the unit that answers for this database may change it.")
	// ErrUnit: a declaration names a steward that is no unit (any more).
	ErrUnit = fault.New(fault.Invalid, "database.unit",
		"Đơn vị chủ quản không có hoặc đã giải thể. Nêu một đơn vị đang hoạt động.",
		"The steward unit does not exist or was dissolved. Name one that is at work.")
	// ErrCircle: databases would take their entries from one another in a circle.
	ErrCircle = fault.New(fault.Invalid, "database.circle",
		"Các cơ sở dữ liệu lấy dữ liệu của nhau thành vòng. Bỏ một nguồn.", "Databases would take entries from one another in a circle. Leave one source out.")
	// ErrRefused: values that cannot become an entry.
	ErrRefused = fault.New(fault.Invalid, "entry.refused",
		"Có giá trị chưa đúng nên chưa ghi. Xem từng trường rồi sửa.", "Some values are not right, so nothing was written. Look at each field and mend it.")
	// ErrSource: the database has no such source.
	ErrSource = fault.New(fault.Invalid, "database.source",
		"Cơ sở dữ liệu này không nhận dữ liệu theo cách đó.", "This database takes no entries in that way.")
)

// Domains of keyed hashes.
const (
	entryDomain   vault.Domain = "db_entry"   // an entry's key, with its database
	contentDomain vault.Domain = "db_content" // an entry's values
	searchDomain  vault.Domain = "db_search"  // a sealed field's value, with database and field
)

// Deps is what a steward works with.
type Deps struct {
	Databases house.Databases
	Entries   house.Entries
	Grants    house.Grants
	Flow      house.Flow
	Scores    house.Scores
	Keys      store.Keys
	Records   Records // nil: no entries are made of records
	Others    Others  // nil: none are made of other databases
	Vault     *vault.Vault
	Directory func() *facility.Directory
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Config says how.
type Config struct {
	Holder string // names this process among the hubs of a store
	// Tables returns the tables of a kind of records; nil: the QĐ 4750 family's.
	Tables func(kind string) map[string][]string
	// Unit reports whether a unit is at work now; nil: every one is. It is asked every
	// second for each database.
	Unit func(ctx context.Context, id string) (bool, error)
}

// Live is a database as it holds now.
type Live struct {
	*declaration.Database
	Judge     *score.EntryJudge
	Taken     house.Declared
	Steps     []house.Step
	Grants    []house.Grant // also those that are over
	Dissolved bool          // its steward is no unit any more: it is read, and nothing of it changes
	Problems  []registry.Problem
}

// State is how far it has come.
func (l *Live) State() registry.State {
	if len(l.Steps) == 0 {
		return registry.Surveyed
	}
	return l.Steps[len(l.Steps)-1].State
}

// Holding are the permissions that hold at a moment: shares and grants.
func (l *Live) Holding(at time.Time) []declaration.Permission {
	out := declaration.Shares(l.Declaration, at)
	for i := range l.Grants {
		if g := &l.Grants[i]; g.Holds(at) {
			out = append(out, declaration.Permission{ID: g.ID, To: g.To, Fields: g.Fields, Purpose: g.Purpose})
		}
	}
	return out
}

// Sees says what a reader sees of it.
func (l *Live) Sees(r role.Role, at time.Time) (declaration.Sight, bool) {
	return declaration.Sees(l.Declaration, r, l.Holding(at))
}

// shelf is the databases as of an epoch.
type shelf struct {
	epoch int64
	list  []*Live
	byID  map[registry.ID]*Live
}

// Steward keeps databases. It is safe for use by many.
type Steward struct {
	Deps
	conf  Config
	now   atomic.Pointer[shelf]
	lists lists      // of fields that are "db:ID.FIELD"
	reads sync.Mutex // one reader of lists at a time
	load  sync.Mutex
	round sync.Mutex // one round at a time

	listing atomic.Pointer[listing]
	reading *ahead   // within a round
	sheets  sync.Map // names of sheets that are kept
}

// New returns a steward with the databases as they are kept.
func New(ctx context.Context, d Deps, c Config) (*Steward, error) {
	if d.Databases == nil || d.Entries == nil || d.Grants == nil || d.Flow == nil || d.Keys == nil || d.Vault == nil || d.Directory == nil || d.Clock == nil || d.Logger == nil {
		return nil, errors.New("steward: a part is missing")
	}
	if c.Tables == nil {
		c.Tables = declaration.Family
	}
	if c.Unit == nil {
		c.Unit = func(context.Context, string) (bool, error) { return true, nil }
	}
	s := &Steward{Deps: d, conf: c, lists: lists{all: map[string]*codeList{}}}
	s.now.Store(&shelf{epoch: -1, byID: map[registry.ID]*Live{}})
	return s, s.Refresh(ctx)
}

// List returns the databases by ID.
func (s *Steward) List() []*Live { return s.now.Load().list }

// Get returns a database; ErrAbsent.
func (s *Steward) Get(id registry.ID) (*Live, error) {
	if l := s.now.Load().byID[id]; l != nil {
		return l, nil
	}
	return nil, ErrAbsent
}

// Refresh reads what was declared, reached and given since, by any hub: called about
// once a second, it costs one small question when there is nothing.
func (s *Steward) Refresh(ctx context.Context) error {
	epoch, err := s.Databases.Epoch(ctx)
	if err != nil {
		return err
	}
	moved, err := s.moved(ctx, epoch)
	if err != nil || !moved {
		return err
	}
	s.load.Lock()
	defer s.load.Unlock()
	if moved, err = s.moved(ctx, epoch); err != nil || !moved {
		return err
	}
	declared, err := s.Databases.Declared(ctx)
	if err != nil {
		return err
	}
	steps, err := s.Databases.Steps(ctx, "")
	if err != nil {
		return err
	}
	grants, err := s.Grants.Given(ctx, "", "")
	if err != nil {
		return err
	}
	next := &shelf{epoch: epoch, byID: map[registry.ID]*Live{}}
	parsed := map[registry.ID]*registry.Declaration{}
	for _, d := range declared {
		p, _, err := declaration.Parse(d.Text)
		if err != nil {
			return fmt.Errorf("steward: the declaration of %s that was taken cannot be read: %w", d.Database, err)
		}
		p.Version = d.Version
		parsed[d.Database] = p
	}
	for _, d := range declared {
		l, err := s.live(ctx, parsed, d)
		if err != nil {
			return err
		}
		for _, st := range steps {
			if st.Database == d.Database {
				l.Steps = append(l.Steps, st)
			}
		}
		for _, g := range grants {
			if g.Database == d.Database {
				l.Grants = append(l.Grants, g)
			}
		}
		next.list, next.byID[d.Database] = append(next.list, l), l
	}
	s.now.Store(next)
	return nil
}

// moved reports whether what is known is not what there is: something was declared,
// reached or given, or a unit that answers for a database came or went.
func (s *Steward) moved(ctx context.Context, epoch int64) (bool, error) {
	now := s.now.Load()
	if now.epoch != epoch {
		return true, nil
	}
	for _, l := range now.list {
		if stands, err := s.conf.Unit(ctx, l.Steward); err != nil || stands == l.Dissolved {
			return true, err
		}
	}
	return false, nil
}

func (s *Steward) live(ctx context.Context, parsed map[registry.ID]*registry.Declaration, d house.Declared) (*Live, error) {
	p := parsed[d.Database]
	db, problems := declaration.Compile(p, s.config(parsed))
	if db == nil { // taken by a program with other tables or lists
		return nil, fmt.Errorf("steward: the declaration of %s that was taken does not fit this program: %s", d.Database, problems[0].Code)
	}
	judge, err := score.NewEntryJudge(p)
	if err != nil {
		return nil, fmt.Errorf("steward: the sheet of %s: %w", d.Database, err)
	}
	if err := s.sheet(ctx, p); err != nil { // a newer program may count more of the same declaration
		return nil, err
	}
	stands, err := s.conf.Unit(ctx, p.Steward)
	if err != nil {
		return nil, err
	}
	return &Live{Database: db, Judge: judge, Taken: d, Dissolved: !stands, Problems: problems}, nil
}

// config is what declarations refer to, with the fields of those given.
func (s *Steward) config(parsed map[registry.ID]*registry.Declaration) declaration.Config {
	return declaration.Config{Tables: s.conf.Tables, Lists: s.listed, Fields: func(id registry.ID) []string {
		d := parsed[id]
		if d == nil {
			return nil
		}
		names := make([]string, len(d.Fields))
		for i := range d.Fields {
			names[i] = d.Fields[i].Name
		}
		return names
	}}
}

// listed answers for lists that are a field of another database. The list of
// facilities is that of their database and the hub's own directory; while both are
// empty nothing is known.
func (s *Steward) listed(list, code string) (known, has bool) {
	if list == registry.FacilityList {
		all := s.Directory().Codes()
		if _, has := slices.BinarySearch(all, care.FacilityCode(code)); has {
			return true, true
		}
		if len(all) > 0 {
			_, has := s.lists.has(list, code)
			return true, has
		}
	}
	return s.lists.has(list, code)
}

// act makes an act with its leaf.
func (s *Steward) act(actor, action, object, detail string) store.Act {
	act := store.Act{At: s.Clock.Now().Truncate(time.Microsecond), Actor: actor, Action: action, Object: object, Detail: detail}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act
}
