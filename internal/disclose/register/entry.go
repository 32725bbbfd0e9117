package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// The bases of a look at entries.
const (
	Steward   = "database_steward" // the unit that answers for the database
	Shared    = "database_share"   // a share or grant that holds
	OwnSource = "own_record"       // a facility, at what its own records say
)

var (
	// ErrSearch: a search by a field that the declaration does not say can be searched, or that the reader does not see.
	ErrSearch = fault.New(fault.Invalid, "entry.search",
		"Không tìm được theo trường này.", "It cannot be searched by this field.")
	// ErrCursor: not a place that a list gave.
	ErrCursor = fault.New(fault.Invalid, "entry.cursor",
		"Vị trí trong danh sách không đúng. Bỏ tham số để đọc lại từ đầu.", "This is no place in the list. Leave it out to read from the beginning.")
)

// Reader is who looks at entries, and how.
type Reader struct {
	Role  role.Role
	Name  string // session or client, never a person's number
	Route string
	Staff care.Staff // who, at a facility; zero: a system
}

// ReaderDeps is what entries are read with.
type ReaderDeps struct {
	Live interface {
		Get(id registry.ID) (*steward.Live, error)
		List() []*steward.Live
	}
	Entries house.Entries
	Log     store.Disclosures
	People  store.People // nil: nobody's book tells of looks at entries
	Vault   *vault.Vault
	Scopes  func(role.Scope) []care.FacilityCode // facilities of a scope; nil: all
	Clock   clock.Clock
	Logger  *slog.Logger // nil: nobody is told of what does not open
}

// Entries reads entries for people and systems.
type Entries struct{ d ReaderDeps }

// NewEntries returns a reader.
func NewEntries(d ReaderDeps) (*Entries, error) {
	if d.Live == nil || d.Entries == nil || d.Log == nil || d.Vault == nil || d.Clock == nil {
		return nil, errors.New("register: a part is missing")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return &Entries{d}, nil
}

// View is a database as a reader sees it.
type View struct {
	*steward.Live
	Sight declaration.Sight
	// Own: a facility sees all fields of what its own records say, and the fields of
	// Sight of the rest, if there is a share at all.
	Own    bool
	Shared bool // there is a share
}

// Databases returns those whose entries a reader may see, by ID.
func (e *Entries) Databases(r Reader) []View {
	var out []View
	for _, l := range e.d.Live.List() {
		if v, ok := e.view(l, r); ok {
			out = append(out, v)
		}
	}
	return out
}

// Database returns one; database.absent where the reader may see none of its entries.
func (e *Entries) Database(r Reader, id registry.ID) (View, error) {
	l, err := e.d.Live.Get(id)
	if err != nil {
		return View{}, err
	}
	v, ok := e.view(l, r)
	if !ok {
		return View{}, steward.ErrAbsent
	}
	return v, nil
}

func (e *Entries) view(l *steward.Live, r Reader) (View, bool) {
	sight, shared := l.Sees(r.Role, e.d.Clock.Now())
	own := r.Role.Kind == role.Facility && r.Role.ID != ""
	return View{Live: l, Sight: sight, Own: own, Shared: shared}, shared || own
}

// fields are those a reader sees of an entry, and on what basis.
func (v *View) fields(r Reader, row *house.Row) (names []string, basis, by string, ok bool) {
	switch {
	case v.Own && row.Origin.Facility == care.FacilityCode(r.Role.ID) && row.Origin.Record != (registry.RecordID{}):
		return v.Names(), OwnSource, "own", true
	case !v.Shared:
		return nil, "", "", false
	case v.Sight.By == "steward":
		return v.Sight.Fields, Steward, v.Sight.By, true
	}
	return v.Sight.Fields, Shared, v.Sight.By, true
}

// sealed reports whether fields have any that is kept sealed.
func (v *View) sealed(names []string) bool {
	for i := range v.Fields {
		if f := &v.Fields[i]; f.Class.Sealed() && slices.Contains(names, f.Name) {
			return true
		}
	}
	return false
}

// places reports whether a reader sees which facility an entry is of.
func (v *View) places() bool {
	return v.Sight.By == "steward" || v.Declaration.Facility != "" && slices.Contains(v.Sight.Fields, v.Declaration.Facility)
}

// blunt reports whether a reader is told days only: a moment of an entry that a closed
// class of records made would lead to the record, whoever may read no more of it.
func (v *View) blunt(basis string) bool { return basis == Shared && v.closed() }

func (v *View) closed() bool {
	return slices.ContainsFunc(v.Sources, func(s registry.Source) bool { return s.Classes != 0 })
}

// dayOf is the beginning of a moment's day in Hanoi.
func dayOf(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	t = t.In(clock.Hanoi)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, clock.Hanoi)
}

// errDamaged: what of an entry lies sealed does not open.
var errDamaged = errors.New("register: an entry does not open")

// show writes down who looks at what, and opens then. An entry that does not open is
// shown as such among others, and logged; alone it is an error.
func (e *Entries) show(ctx context.Context, r Reader, v *View, rows []house.Row, alone bool) ([]registry.Entry, error) {
	damaged, first := 0, error(nil)
	out := make([]registry.Entry, 0, len(rows))
	var looks []store.Disclosure
	for i := range rows {
		row := &rows[i]
		names, basis, by, ok := v.fields(r, row)
		if !ok || !e.within(r, v, row, basis) {
			continue
		}
		values, persons, err := e.told(ctx, v, row, names)
		unreadable := errors.Is(err, errDamaged) && !alone
		if err != nil && !unreadable {
			return nil, err
		}
		if unreadable {
			if damaged++; first == nil {
				first = err
			}
		}
		if v.sealed(names) && len(row.Sealed) > 0 && !unreadable {
			look, err := e.look(r, v, row, names, basis, by)
			if err != nil {
				return nil, err
			}
			look.Person = persons
			looks = append(looks, look)
		}
		shown := registry.Entry{Database: row.Database, ID: row.ID, Version: row.Version, Declared: row.Declared, State: row.State, Into: row.Into, Values: values,
			Origin: origin(v, row, basis), ValidFrom: row.ValidFrom, ValidTo: row.ValidTo, At: row.At, Confirmed: row.Confirmed, Unreadable: unreadable}
		if v.blunt(basis) {
			shown.ValidFrom, shown.ValidTo, shown.At, shown.Confirmed = dayOf(row.ValidFrom), dayOf(row.ValidTo), dayOf(row.At), dayOf(row.Confirmed)
		}
		out = append(out, shown)
	}
	if damaged > 0 {
		e.d.Logger.ErrorContext(ctx, "register: entries do not open", "database", string(v.ID), "entries", damaged, "err", first)
	}
	for i := range looks {
		looks[i].Count = len(looks)
	}
	if err := e.d.Log.Record(ctx, looks); err != nil { // none: the trace of a request is told that it shows nothing of anybody
		return nil, fmt.Errorf("register: writing down a look: %w", err)
	}
	return out, nil
}

// Brought writes down that a reader looks at rows of a file that is brought into a
// database, as they stand in the file: who they are about is not known yet.
func (e *Entries) Brought(ctx context.Context, r Reader, id registry.ID, name string, rows int) error {
	l, err := e.d.Live.Get(id)
	if err != nil {
		return err
	}
	facts, err := json.Marshal(map[string]any{"database": id, "import": name, "rows": rows})
	if err != nil {
		return err
	}
	look := store.Disclosure{At: e.d.Clock.Now(), Reader: r.Name, Role: r.Role.String(), Basis: Steward, Policy: "import@" + string(id) + "/" + fmt.Sprint(l.Taken.Version),
		Route: r.Route, Count: rows, Staff: r.Staff, Purpose: string(Purpose), Facts: string(facts)}
	if err := e.d.Log.Record(ctx, []store.Disclosure{look}); err != nil {
		return fmt.Errorf("register: writing down a look: %w", err)
	}
	return nil
}

// within reports whether an entry lies in a reader's own area, where the reader has one.
func (e *Entries) within(r Reader, v *View, row *house.Row, basis string) bool {
	if basis != Shared {
		return true
	}
	scope := r.Role.Scope()
	return scope.Province == "" || e.d.Scopes == nil || slices.Contains(e.d.Scopes(scope), row.Origin.Facility)
}

// origin says where an entry comes from: who typed it in is for its steward, which
// record for who may read that, which facility for who sees the field that says so.
func origin(v *View, row *house.Row, basis string) registry.Origin {
	o := row.Origin
	if basis == Steward {
		return o
	}
	o.By = ""
	if basis != OwnSource {
		o.Record, o.Import = registry.RecordID{}, ""
		if !v.places() {
			o.Facility = ""
		}
	}
	return o
}

// look is the row of a look at an entry.
func (e *Entries) look(r Reader, v *View, row *house.Row, names []string, basis, by string) (store.Disclosure, error) {
	facts, err := json.Marshal(map[string]any{"database": v.ID, "entry": steward.EntryText(row.ID), "version": row.Version, "fields": names, "by": by})
	purpose := v.Sight.Purpose
	if basis != Shared {
		purpose = string(Purpose)
	}
	return store.Disclosure{At: e.d.Clock.Now(), Reader: r.Name, Role: r.Role.String(), Record: dossier.ID(row.Origin.Record), Facility: row.Origin.Facility, Basis: basis,
		Policy: by + "@" + string(v.ID) + "/" + fmt.Sprint(v.Taken.Version), Route: r.Route, Staff: r.Staff, Purpose: purpose, Facts: string(facts)}, err
}

// open reads what lies sealed of an entry; errDamaged.
func (e *Entries) open(row *house.Row) (registry.Values, error) {
	plain, err := e.d.Vault.Open(steward.SealName(row.Database, row.ID), row.Wrapped, 0, row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", errDamaged, steward.EntryText(row.ID), row.Database, err)
	}
	closed := registry.Values{}
	if err := json.Unmarshal(plain, &closed); err != nil {
		return nil, fmt.Errorf("%w: %s of %s is no object of texts", errDamaged, steward.EntryText(row.ID), row.Database)
	}
	return closed, nil
}

// told gives the values of fields, and the person that they are about where that is
// known. With errDamaged the values are those that lie in the clear.
func (e *Entries) told(ctx context.Context, v *View, row *house.Row, names []string) (registry.Values, store.PersonID, error) {
	all := registry.Values{}
	if err := json.Unmarshal([]byte(row.Open), &all); err != nil {
		return nil, store.PersonID{}, fmt.Errorf("register: an entry of %s: %w", v.ID, err)
	}
	var person store.PersonID
	if len(row.Sealed) > 0 && v.sealed(names) {
		closed, err := e.open(row)
		if err != nil {
			return seen(all, names), person, err
		}
		maps.Copy(all, closed)
		if number := all[v.Person]; v.Person != "" && number != "" && e.d.People != nil {
			who, err := e.d.People.Find(ctx, e.d.Vault.HashAll(vault.Citizen, []byte(number)))
			if err != nil {
				return nil, person, err
			}
			if len(who) == 1 {
				person = who[0]
			}
		}
	}
	return seen(all, names), person, nil
}

// seen leaves the values of fields.
func seen(all registry.Values, names []string) registry.Values {
	maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(names, name) })
	return all
}
