package steward

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Checked is what looking at a declaration gave.
type Checked struct {
	Declaration *registry.Declaration
	Problems    []registry.Problem // also notes, and what follows from a change
	Was         int                // version in force, 0: none
}

// Check looks at a declaration as Declare would, and takes nothing. The error is
// the fault of the whole: declaration.invalid where a problem stands in the way,
// declaration.too_large, declaration.changed, database.unit, database.circle.
func (s *Steward) Check(ctx context.Context, text []byte) (*Checked, error) {
	d, problems, err := declaration.Parse(text)
	out := &Checked{Declaration: d, Problems: problems}
	if err != nil {
		return out, err
	}
	all := map[registry.ID]*registry.Declaration{d.ID: d}
	var others []*registry.Declaration
	for _, l := range s.List() {
		if l.ID != d.ID {
			all[l.ID], others = l.Declaration, append(others, l.Declaration)
		}
	}
	db, more := declaration.Compile(d, s.config(all))
	out.Problems = append(out.Problems, more...)
	if db == nil {
		return out, declaration.ErrInvalid
	}
	switch stands, err := s.conf.Unit(ctx, d.Steward); {
	case err != nil:
		return out, err
	case !stands:
		return out, ErrUnit
	}
	if len(declaration.Cycles(append(slices.Clone(others), d))) > 0 {
		return out, ErrCircle
	}
	old, err := s.Get(d.ID)
	if errors.Is(err, ErrAbsent) {
		return out, nil
	}
	out.Was = old.Taken.Version
	counts, err := s.Entries.Counts(ctx, d.ID)
	if err != nil {
		return out, err
	}
	usage := declaration.Usage{Others: others, Granted: s.granted(old)}
	for _, c := range counts {
		usage.Entries += c.N
	}
	changes, err := declaration.Change(old.Declaration, d, usage)
	out.Problems = append(out.Problems, changes...)
	if err == nil && registry.Blocks(changes) {
		err = declaration.ErrInvalid
	}
	return out, err
}

// granted are the receivers of a database's grants that hold, by field.
func (s *Steward) granted(l *Live) map[string][]string {
	by, now := map[string][]string{}, s.Clock.Now()
	for i := range l.Grants {
		if !l.Grants[i].Holds(now) {
			continue
		}
		for _, f := range l.Grants[i].Fields {
			if !slices.Contains(by[f], l.Grants[i].To) {
				by[f] = append(by[f], l.Grants[i].To)
			}
		}
	}
	return by
}

// Declare takes a declaration: from now on, at every hub within seconds, that is
// what the database is. Who may: the operator, the ministry, and the steward of what is there, who
// lets itself into nothing new. A file that is word for word the one in force changes
// nothing. Faults are Check's; database.steward, database.records, database.closed;
// store.changed when somebody else declared meanwhile.
func (s *Steward) Declare(ctx context.Context, who Who, text []byte) (*Checked, error) {
	return s.DeclareOver(ctx, who, text, Base{})
}

// Base is the version of a database that somebody began to write from; Version 0
// says that there was none. Without Database it says nothing.
type Base struct {
	Database registry.ID
	Version  int
}

// still reports whether that version is the one in force, or of another database.
func (b Base) still(c *Checked) bool {
	return c.Declaration == nil || b.Database != c.Declaration.ID || b.Version == c.Was
}

// DeclareOver is Declare for a text that was begun from a version. Where another one
// is in force by now: declaration.changed.
func (s *Steward) DeclareOver(ctx context.Context, who Who, text []byte, base Base) (*Checked, error) {
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	if d, _, err := declaration.Parse(text); err == nil {
		if l, err := s.Get(d.ID); err == nil && string(l.Taken.Text) == string(text) {
			out := &Checked{Declaration: l.Declaration, Was: l.Taken.Version}
			if who.manages(l.Steward) != nil && who.Role.Kind != role.Ministry {
				return out, nil
			}
			return out, s.sheetBack(ctx, who, l.Declaration) // where it was taken, and its sheet was not
		}
	}
	out, err := s.Look(ctx, who, text, base)
	if err != nil {
		return out, err
	}
	d := out.Declaration
	d.Version = out.Was + 1
	kept := house.Declared{Database: d.ID, Version: d.Version, At: s.Clock.Now(), By: who.Name, Text: text}
	detail, err := json.Marshal(map[string]any{"version": d.Version, "steward": d.Steward, "bytes": len(text), "rows": []string{kept.Mark()}})
	if err != nil {
		return out, err
	}
	if err := s.Databases.Declare(ctx, kept, s.act(who.Name, "database.declare", string(d.ID), string(detail))); err != nil {
		return out, err
	}
	if err := s.sheetBack(ctx, who, d); err != nil {
		return out, err
	}
	return out, s.Refresh(ctx)
}

// Look looks at a declaration as DeclareOver would, and takes nothing. Faults are
// Check's and Declare's.
func (s *Steward) Look(ctx context.Context, who Who, text []byte, base Base) (*Checked, error) {
	out, err := s.Check(ctx, text)
	switch {
	case err != nil:
		return out, err
	case !base.still(out):
		return out, declaration.ErrChanged
	}
	steward := out.Declaration.Steward
	if out.Was > 0 {
		l, err := s.Get(out.Declaration.ID)
		if err != nil {
			return out, err
		}
		steward = l.Steward
	}
	if err := who.manages(steward); err != nil && who.Role.Kind != role.Ministry {
		return out, err
	}
	return out, s.closes(who, out.Declaration)
}

// ErrClosed: a unit that would let itself read what is closed.
var ErrClosed = fault.New(fault.Withheld, "database.closed",
	"Khai báo này đọc nhóm dữ liệu khép kín. Đơn vị không tự mở được cho mình: người vận hành nhận khai báo sau khi có căn cứ pháp lý.",
	"This declaration reads closed classes of records. A unit cannot let itself in: the operator takes the file when the legal basis is there.")

// ErrRecords: a unit that would let itself read what facilities send.
var ErrRecords = fault.New(fault.Withheld, "database.records",
	"Khai báo này đọc hồ sơ của cơ sở. Đơn vị không tự mở được cho mình: Bộ hoặc người vận hành nhận khai báo này.",
	"This declaration reads records of facilities. A unit cannot let itself in: the ministry or the operator takes the file.")

// closes refuses a declaration that reads more than the one in force, from whom it
// would serve: who writes it is not who lets it in. More closed classes are let in by
// the operator, more records and more of their fields by the ministry too.
func (s *Steward) closes(who Who, d *registry.Declaration) error {
	was := &registry.Declaration{}
	if l, err := s.Get(d.ID); err == nil {
		was = l.Declaration
	}
	switch who.Role.Kind {
	case role.Operator:
		return nil
	case role.Ministry:
	default:
		if held := sensitiveOf(was); slices.ContainsFunc(sensitiveOf(d), func(f string) bool { return !slices.Contains(held, f) }) {
			return ErrSensitive
		}
		if reads := readsOf(was); slices.ContainsFunc(readsOf(d), func(r string) bool { return !slices.Contains(reads, r) }) {
			return ErrRecords
		}
	}
	if classesOf(d)&^classesOf(was) != 0 {
		return ErrClosed
	}
	return nil
}

// readsOf are what is taken out of which table of which kinds of records, and of which.
func readsOf(d *registry.Declaration) (all []string) {
	for i := range d.Sources {
		src := &d.Sources[i]
		if src.Kind != registry.FromRecords {
			continue
		}
		for _, kind := range src.Records {
			from := kind + "/" + src.Table + "/" + src.Where
			all = append(all, from)
			for field, text := range src.Map {
				all = append(all, from+"/"+field+"="+text)
			}
		}
	}
	return all
}

func classesOf(d *registry.Declaration) (all care.Classes) {
	for i := range d.Sources {
		all |= d.Sources[i].Classes
	}
	return all
}

// Who changes something: a role, and a name as acts keep it.
type Who struct {
	Role role.Role
	Name string
}

// manages says whether somebody may change what a unit answers for.
func (w Who) manages(steward string) error {
	if w.Role.Kind == role.Operator || w.Role.Kind == role.Unit && w.Role.ID == steward {
		return nil
	}
	return ErrSteward
}

// Managed returns a database that somebody may change. Who may not even know of its
// entries is told the same: declarations are no secret.
func (s *Steward) Managed(who Who, id registry.ID) (*Live, error) {
	l, err := s.Get(id)
	if err != nil {
		return nil, err
	}
	if err := who.manages(l.Steward); err != nil {
		return nil, err
	}
	if l.Dissolved && who.Role.Kind != role.Operator {
		return nil, ErrUnit
	}
	return l, nil
}

// Reach takes a database one step on, or back, with its evidence. Faults:
// database.step, database.evidence, database.steward, store.changed.
func (s *Steward) Reach(ctx context.Context, who Who, id registry.ID, to registry.State, evidence string) error {
	l, err := s.Managed(who, id)
	if err != nil {
		return err
	}
	if err := registry.Step(l.State(), to, evidence); err != nil {
		return err
	}
	step := house.Step{Database: id, N: len(l.Steps) + 1, State: to, At: s.Clock.Now(), By: who.Name, Evidence: strings.TrimSpace(evidence)}
	detail, err := json.Marshal(map[string]any{"from": l.State(), "to": to, "n": step.N, "rows": []string{step.Mark()}})
	if err != nil {
		return err
	}
	if err := s.Databases.Reach(ctx, step, s.act(who.Name, "database.reach", string(id), string(detail))); err != nil {
		return err
	}
	return s.Refresh(ctx)
}

// longestGrant is the longest term of a grant, in years; without one it is a year.
const longestGrant = 5

// ErrSensitive: sensitive fields given away by who answers for them alone.
var ErrSensitive = fault.New(fault.Withheld, "grant.sensitive",
	"Trường nhạy cảm không do riêng đơn vị chủ quản chia sẻ: người vận hành ghi việc này sau khi có căn cứ pháp lý.",
	"Sensitive fields are not shared by their steward alone: the operator does it when the legal basis is there.")

// classOf is the class of a declared field.
func classOf(d *registry.Declaration, field string) registry.Class {
	for i := range d.Fields {
		if d.Fields[i].Name == field {
			return d.Fields[i].Class
		}
	}
	return ""
}

// sensitiveOf are the sensitive fields that a declaration shares, with whom.
func sensitiveOf(d *registry.Declaration) (all []string) {
	for _, share := range d.Sharing {
		for _, f := range share.Fields {
			if classOf(d, f) == registry.Sensitive {
				all = append(all, share.To+"/"+f)
			}
		}
	}
	return all
}

// ErrGrant: a grant that cannot be given as it stands.
var ErrGrant = fault.New(fault.Invalid, "grant.invalid",
	"Quyền chia sẻ cần: bên nhận đang có (ví dụ unit:pb, province:24), trường có trong khai báo, mục đích (ít nhất 5 ký tự) và thời hạn ở tương lai, không quá 5 năm.",
	"A grant needs: a receiver that exists (such as unit:pb, province:24), fields that are declared, a purpose of at least 5 characters, and a term in the future of at most 5 years.")

// Give gives a unit, a partner or a facility fields of a database, for a purpose and
// a term. Both sides see it. Faults: grant.invalid, database.steward.
func (s *Steward) Give(ctx context.Context, who Who, g house.Grant) (house.Grant, error) {
	l, err := s.Managed(who, g.Database)
	if err != nil {
		return g, err
	}
	to, err := role.Parse(g.To)
	now := s.Clock.Now().Truncate(time.Microsecond)
	g.Purpose = strings.TrimSpace(g.Purpose)
	if err != nil || to.Kind == role.Citizen || to.Kind == role.Operator || to.Kind == role.Unit && to.ID == l.Steward ||
		len([]rune(g.Purpose)) < 5 || len([]rune(g.Purpose)) > 500 {
		return g, ErrGrant
	}
	if g.Until.IsZero() {
		g.Until = now.AddDate(1, 0, 0)
	}
	if !g.Until.After(now) || g.Until.After(now.AddDate(longestGrant, 0, 0)) {
		return g, ErrGrant
	}
	if to.Kind == role.Unit {
		if stands, err := s.conf.Unit(ctx, to.ID); err != nil || !stands {
			return g, cmp.Or(err, error(ErrGrant))
		}
	}
	for _, f := range g.Fields {
		if !slices.Contains(l.Names(), f) {
			return g, ErrGrant
		}
		if classOf(l.Declaration, f) == registry.Sensitive && who.Role.Kind != role.Operator {
			return g, ErrSensitive
		}
	}
	g.ID, g.Version, g.Since, g.By = newName("cs", now), l.Taken.Version, now, who.Name
	detail, err := json.Marshal(map[string]any{"grant": g.ID, "to": g.To, "fields": g.Fields, "until": g.Until, "rows": []string{g.Mark()}})
	if err != nil {
		return g, err
	}
	if err := s.Grants.Give(ctx, g, s.act(who.Name, "database.grant", string(g.Database), string(detail))); err != nil {
		return g, err
	}
	return g, s.Refresh(ctx)
}

// EndGrant ends a grant: the steward, or who received it. Fault: record.absent, also
// for others.
func (s *Steward) EndGrant(ctx context.Context, who Who, id registry.ID, grant string) error {
	l, err := s.Get(id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(l.Grants, func(g house.Grant) bool { return g.ID == grant })
	switch {
	case i < 0:
		return store.ErrAbsent
	case l.Grants[i].To != who.Role.String():
		if who.manages(l.Steward) != nil {
			return store.ErrAbsent // whether there is such a grant is told to its two sides
		}
	}
	g := house.Grant{Database: id, ID: grant, Ended: s.Clock.Now(), EndedBy: who.Name}
	detail, err := json.Marshal(map[string]any{"grant": grant, "rows": []string{g.EndMark()}})
	if err != nil {
		return err
	}
	if err := s.Grants.End(ctx, id, grant, g.Ended, who.Name, s.act(who.Name, "database.grant_end", string(id), string(detail))); err != nil {
		return err
	}
	return s.Refresh(ctx)
}
