package errand

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lienthong/internal/duty"
	"lienthong/internal/facility"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// The sorts of items.
const (
	sortUnit      = "unit"
	sortRole      = "role"
	sortProgramme = "programme"
	sortSetting   = "setting"
)

// newest reads the newest version of each item of a sort.
func newest[T any](ctx context.Context, x house.DutyItems, sort string) ([]T, error) {
	all, err := x.Items(ctx, sort)
	if err != nil {
		return nil, err
	}
	return read[T](all)
}

func read[T any](all []house.Item) ([]T, error) {
	out := make([]T, len(all))
	for i := range all {
		if err := json.Unmarshal([]byte(all[i].Said), &out[i]); err != nil {
			return nil, fmt.Errorf("errand: %s %s: %w", all[i].Sort, all[i].ID, err)
		}
	}
	return out, nil
}

func (d *Desk) item(who Who, sort, id string, version int, said any) (house.Item, error) {
	b, err := json.Marshal(said)
	return house.Item{Sort: sort, ID: id, Version: version, At: d.Clock.Now(), Actor: who.Name, Said: string(b)}, err
}

// marksOf are the marks of items, as the act that writes them keeps them.
func marksOf(items []house.Item) []string {
	marks := make([]string, len(items))
	for i := range items {
		marks[i] = items[i].Mark()
	}
	return marks
}

// PutUnit adds a unit, or names one anew; what it was before stays readable, and an
// end that Dissolve planned stays planned. The
// ministry and the focal unit may: duty.ErrUnitForm, duty.ErrPersonal, ErrMay,
// store.ErrTaken where the id is that of a carrier of another kind.
func (d *Desk) PutUnit(ctx context.Context, who Who, u duty.Unit) error {
	all, err := d.AllUnits(ctx)
	if err != nil {
		return err
	}
	if !d.assigns(all, who.Role) {
		return ErrMay
	}
	before, known := all.Get(u.ID)
	u.Version, u.Until, u.Successor = before.Version+1, before.Until, before.Successor // an end that is planned stays
	if err := u.Check(); err != nil {
		return err
	}
	if known && !before.Stands(d.Today()) {
		return duty.ErrDissolved
	}
	if held, ok := d.Facility().Unit(u.ID); ok && held.Kind != u.Kind { // what it may carry would change
		return store.ErrTaken
	}
	return d.putUnits(ctx, who, "unit.put", u)
}

// putUnits keeps versions of units, and their names where facilities and carriers
// know them by, in one commit: neither is there without the other.
func (d *Desk) putUnits(ctx context.Context, who Who, action string, units ...duty.Unit) error {
	var change store.DirectoryChange
	for _, u := range units {
		i, err := d.item(who, sortUnit, u.ID, u.Version, u)
		if err != nil {
			return err
		}
		change.Items = append(change.Items, i)
		if held, ok := d.Facility().Unit(u.ID); !ok || held.Name != u.Name {
			change.Units = append(change.Units, facility.Unit{ID: u.ID, Name: u.Name, Kind: u.Kind})
		}
	}
	if d.Units == nil || len(change.Units) == 0 {
		act, err := d.act(who, action, units[0].ID, map[string]any{"units": units, "rows": marksOf(change.Items)})
		if err != nil {
			return err
		}
		err = d.Items.PutItems(ctx, change.Items, act)
		d.forget()
		return err
	}
	act, err := d.act(who, action, units[0].ID, map[string]any{"units": units, "rows": marksOf(change.Items), "marks": change.Marks(d.Clock.Now())})
	if err != nil {
		return err
	}
	err = d.Units.Change(ctx, change, act)
	d.forget()
	return err
}

// Dissolve ends a unit on a day; its tasks pass to the successor where one is
// named, now when the day has come and else on that day, and stand out where none
// is. Several units with one successor are a merger. It returns how many tasks
// passed. The day is today or later: what happened until now was the unit's own.
// Faults: duty.ErrUnit, duty.ErrDissolved, duty.ErrSuccessor, duty.ErrDay,
// duty.ErrPastEnd.
func (d *Desk) Dissolve(ctx context.Context, who Who, id, successor string, until int) (int, error) {
	all, err := d.AllUnits(ctx)
	if err != nil {
		return 0, err
	}
	if !d.assigns(all, who.Role) {
		return 0, ErrMay
	}
	u, ok := all.Get(id)
	switch {
	case !ok:
		return 0, duty.ErrUnit
	case u.Until != 0 && u.Until <= d.Today():
		return 0, duty.ErrDissolved
	case !duty.ValidDay(until):
		return 0, duty.ErrDay
	case until < d.Today():
		return 0, duty.ErrPastEnd
	}
	if successor != "" {
		s, ok := all.Follow(successor, until)
		if !ok || successor == id || s.ID == id {
			return 0, duty.ErrSuccessor
		}
	}
	u.Version, u.Until, u.Successor = u.Version+1, until, successor
	if err := d.putUnits(ctx, who, "unit.dissolve", u); err != nil {
		return 0, err
	}
	return d.PassOn(ctx)
}

// PassOn gives the tasks of units that are no more to their successors; it returns
// how many it gave. The night does it too: a unit may end on a day to come.
func (d *Desk) PassOn(ctx context.Context) (int, error) {
	all, err := d.AllUnits(ctx)
	if err != nil {
		return 0, err
	}
	today, passed := d.Today(), 0
	for _, u := range all.All() {
		if u.Stands(today) {
			continue
		}
		heir, ok := all.Follow(u.ID, today)
		if !ok {
			continue
		}
		err := d.every(ctx, duty.Filter{Sight: duty.Sight{All: true}, Owner: u.Party()}, func(page []duty.Task) error {
			n, err := d.takeAll(ctx, hub(), "task.passed", page, func(*duty.Task) duty.Step {
				return duty.Step{What: duty.StepMoved, Owner: heir.Party(), Why: u.ID + " → " + heir.ID}
			})
			passed += n
			return err
		})
		if err != nil {
			return passed, err
		}
	}
	return passed, nil
}

// Orphans lists the units that are no more and whose tasks nobody has.
func (d *Desk) Orphans(ctx context.Context) ([]string, error) {
	all, err := d.AllUnits(ctx)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, u := range all.All() {
		if _, ok := all.Follow(u.ID, d.Today()); !ok {
			ids = append(ids, u.ID)
		}
	}
	return ids, nil
}

// UnitVersions returns every version of a unit that was put, oldest first.
func (d *Desk) UnitVersions(ctx context.Context, id string) ([]duty.Unit, []house.Item, error) {
	all, err := d.Items.ItemVersions(ctx, sortUnit, id)
	if err != nil {
		return nil, nil, err
	}
	units, err := read[duty.Unit](all)
	return units, all, err
}

func (d *Desk) databases() []Database {
	if d.Databases == nil {
		return nil
	}
	return d.Databases()
}

// AllDatabases lists the databases tasks can be about.
func (d *Desk) AllDatabases() []Database { return d.databases() }

// Roles returns what units do for databases: stewards as declarations say it, then
// what was given, in order of database, role and unit.
func (d *Desk) Roles(ctx context.Context) ([]duty.Role, error) {
	given, err := newest[duty.Role](ctx, d.Items, sortRole)
	if err != nil {
		return nil, err
	}
	given = slices.DeleteFunc(given, func(r duty.Role) bool { return r.Ended })
	for _, b := range d.databases() {
		if b.Steward == "" {
			continue
		}
		s := duty.Role{Unit: b.Steward, Database: b.ID, Does: duty.Manages, ByFile: true}
		given = slices.DeleteFunc(given, func(r duty.Role) bool { return r.ID() == s.ID() })
		given = append(given, s)
	}
	does := duty.AllDoes()
	slices.SortFunc(given, func(a, b duty.Role) int {
		return cmp.Or(cmp.Compare(a.Database, b.Database), slices.Index(does, a.Does)-slices.Index(does, b.Does), cmp.Compare(a.Unit, b.Unit))
	})
	return given, nil
}

func (d *Desk) databasesOf(ctx context.Context, unit string) ([]string, error) {
	roles, err := d.Roles(ctx)
	var ids []string
	for _, r := range roles {
		if r.Unit == unit && !slices.Contains(ids, r.Database) {
			ids = append(ids, r.Database)
		}
	}
	return ids, err
}

// PutRole gives a unit a role in a database, or ends it (Ended). Whoever assigns
// may. What a declaration says of its steward is changed there, not here.
func (d *Desk) PutRole(ctx context.Context, who Who, r duty.Role) error {
	u, err := d.AllUnits(ctx)
	if err != nil {
		return err
	}
	if !d.assigns(u, who.Role) {
		return ErrMay
	}
	if err := r.Check(); err != nil {
		return err
	}
	if !slices.ContainsFunc(d.databases(), func(b Database) bool { return b.ID == r.Database }) {
		return duty.ErrDatabase
	}
	if _, err := u.Standing(r.Unit, d.Today()); err != nil && (!r.Ended || errors.Is(err, duty.ErrUnit)) {
		return err
	}
	versions, err := d.Items.ItemVersions(ctx, sortRole, r.ID())
	if err != nil {
		return err
	}
	r.Version = len(versions) + 1
	item, err := d.item(who, sortRole, r.ID(), r.Version, r)
	if err != nil {
		return err
	}
	act, err := d.act(who, "unit.role", r.Unit, map[string]any{"role": r, "rows": marksOf([]house.Item{item})})
	if err != nil {
		return err
	}
	return d.Items.PutItems(ctx, []house.Item{item}, act)
}

// Programmes lists where tasks come from.
func (d *Desk) Programmes(ctx context.Context) ([]duty.Programme, error) {
	changed, err := newest[duty.Programme](ctx, d.Items, sortProgramme)
	return duty.Programmes(changed), err
}

// PutProgrammes adds programmes or says them anew, all or none; those that are as
// they stand are left. It returns how many changed.
func (d *Desk) PutProgrammes(ctx context.Context, who Who, all []duty.Programme) (int, error) {
	u, err := d.AllUnits(ctx)
	if err != nil {
		return 0, err
	}
	if !d.assigns(u, who.Role) {
		return 0, ErrMay
	}
	held, err := d.Programmes(ctx)
	if err != nil {
		return 0, err
	}
	var items []house.Item
	for i, p := range all {
		if err := p.Check(); err != nil {
			return 0, err
		}
		if slices.ContainsFunc(all[:i], func(q duty.Programme) bool { return q.ID == p.ID }) {
			return 0, duty.ErrProgramme
		}
		p.Version = 0
		if j := slices.IndexFunc(held, func(q duty.Programme) bool { return q.ID == p.ID }); j >= 0 {
			p.Version = held[j].Version
			if p == held[j] {
				continue
			}
		}
		p.Version++
		item, err := d.item(who, sortProgramme, p.ID, p.Version, p)
		if err != nil {
			return 0, err
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return 0, nil
	}
	act, err := d.act(who, "programme.put", items[0].ID, map[string]any{"n": len(items), "rows": marksOf(items)})
	if err != nil {
		return 0, err
	}
	return len(items), d.Items.PutItems(ctx, items, act)
}
