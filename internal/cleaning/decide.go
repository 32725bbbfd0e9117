package cleaning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// The bounds of one decision.
const (
	MostAtOnce  = 1000
	SecondAbove = 100 // more need their number typed
)

// Decision is what somebody decides about proposals of one database.
type Decision struct {
	IDs    []string
	Reason string
	Second int // their number, as typed by who decides; asked of more than SecondAbove
}

// Outcome is what became of proposals that were decided.
type Outcome struct {
	Done      int
	Overtaken int // the entries were changed since: nothing was done to them
}

// List returns proposals as a role may see them, and whether more follow.
func (d *Desk) List(ctx context.Context, who role.Role, f house.ProposalFilter) ([]Proposal, bool, error) {
	may := []registry.ID{}
	for _, db := range d.d.Databases() {
		if sees(who, db) && (f.Databases == nil || slices.Contains(f.Databases, db.ID)) {
			may = append(may, db.ID)
		}
	}
	f.Databases = may
	if len(may) == 0 {
		return nil, false, nil
	}
	rows, more, err := d.d.Proposals.List(ctx, f)
	if err != nil {
		return nil, false, err
	}
	out, err := read(rows)
	if err != nil {
		return nil, false, err
	}
	for i := range out {
		if err := d.hide(who, &out[i]); err != nil {
			return nil, false, err
		}
	}
	return out, more, nil
}

// hide takes values of fields out of what a proposal would change that are not given
// to who reads it.
func (d *Desk) hide(who role.Role, p *Proposal) error {
	db, err := d.database(p.Database)
	if err != nil || db.Given == nil || decides(who, db) {
		return err
	}
	given := db.Given(who)
	for i := range p.Body.Diffs {
		if x := &p.Body.Diffs[i]; !slices.Contains(given, x.Field) {
			x.Before, x.After, x.Hidden = "", "", true
		}
	}
	text, err := json.Marshal(p.Body)
	p.Proposal.Body = string(text)
	return err
}

func read(rows []house.Proposal) ([]Proposal, error) {
	out := make([]Proposal, len(rows))
	for i := range rows {
		out[i].Proposal = rows[i]
		if err := json.Unmarshal([]byte(rows[i].Body), &out[i].Body); err != nil {
			return nil, errors.Join(errBody, err)
		}
	}
	return out, nil
}

// Get returns a proposal with what it went through; ErrAbsent also where the role
// may not see it.
func (d *Desk) Get(ctx context.Context, who role.Role, id string) (*Proposal, []house.ProposalStep, error) {
	rows, err := d.d.Proposals.Held(ctx, []string{id})
	if errors.Is(err, base.ErrText) || err == nil && len(rows) == 0 {
		return nil, nil, ErrAbsent
	}
	if err != nil {
		return nil, nil, err
	}
	db, err := d.database(rows[0].Database)
	if err != nil || !sees(who, db) {
		return nil, nil, ErrAbsent
	}
	all, err := read(rows)
	if err != nil {
		return nil, nil, err
	}
	if err := d.hide(who, &all[0]); err != nil {
		return nil, nil, err
	}
	steps, err := d.d.Proposals.Steps(ctx, id)
	return &all[0], steps, err
}

// Counts counts proposals of the databases a role may see.
func (d *Desk) Counts(ctx context.Context, who role.Role) ([]house.ProposalCount, error) {
	all, err := d.d.Proposals.Counts(ctx)
	return slices.DeleteFunc(all, func(c house.ProposalCount) bool {
		db, err := d.database(c.Database)
		return err != nil || !sees(who, db)
	}), err
}

// Duplicate reports of entries whether an open proposal has another stand for them, or
// them for another: what score.EntryFacts.Duplicate asks. Of a database that nobody
// looks through for such there is no answer.
func (d *Desk) Duplicate(ctx context.Context, id registry.ID, entries []registry.EntryID) (map[registry.EntryID]bool, error) {
	db, err := d.database(id)
	if err != nil {
		return nil, err
	}
	out := make(map[registry.EntryID]bool, len(entries))
	person := slices.ContainsFunc(db.Fields, func(f registry.Field) bool { return f.Name == db.Person && f.Search })
	if len(telling(db.Declaration)) == 0 && !(ofEvents(db.Declaration) && person) {
		return out, nil
	}
	for _, e := range entries {
		out[e] = false
	}
	for _, detector := range []string{Duplicates, Visits} {
		if err := d.twice(ctx, id, detector, entries, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mostAbout is how many proposals the store names at once.
const mostAbout = 1000

// twice says of which of the entries a detector found that they are there twice.
func (d *Desk) twice(ctx context.Context, id registry.ID, detector string, entries []registry.EntryID, out map[registry.EntryID]bool) error {
	all, err := d.d.Proposals.About(ctx, id, detector, Open, entries)
	if err != nil {
		return err
	}
	if half := len(entries) / 2; len(all) >= mostAbout && half > 0 { // there may be more
		return errors.Join(d.twice(ctx, id, detector, entries[:half], out), d.twice(ctx, id, detector, entries[half:], out))
	}
	for _, p := range all {
		if p.Kind != Merge {
			continue
		}
		for _, e := range p.Entries {
			if _, asked := out[e]; asked {
				out[e] = true
			}
		}
	}
	return nil
}

// take checks a decision and returns its proposals, all in one state and of one
// database that who may decide about.
func (d *Desk) take(ctx context.Context, who Who, v *Decision, state string) ([]Proposal, error) {
	v.Reason = strings.TrimSpace(v.Reason)
	if n := len([]rune(v.Reason)); n < 10 || n > 500 || base.CheckText(v.Reason) != nil {
		return nil, ErrReason
	}
	slices.Sort(v.IDs)
	v.IDs = slices.Compact(v.IDs)
	if len(v.IDs) == 0 || len(v.IDs) > MostAtOnce {
		return nil, ErrMany
	}
	if len(v.IDs) > SecondAbove && v.Second != len(v.IDs) {
		return nil, ErrSecond
	}
	rows, err := d.d.Proposals.Held(ctx, v.IDs)
	if errors.Is(err, base.ErrText) || err == nil && len(rows) < len(v.IDs) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	for i := range rows {
		db, err := d.database(rows[i].Database)
		switch {
		case err != nil || !sees(who.Role, db):
			return nil, ErrAbsent
		case !decides(who.Role, db):
			return nil, ErrMay
		case rows[i].Database != rows[0].Database:
			return nil, ErrMany
		case rows[i].State != state:
			return nil, ErrState
		}
	}
	return read(rows)
}

// act is one act for all proposals of a decision.
func (d *Desk) act(action, actor, reason string, db registry.ID, ids []string, marks ...string) (base.Act, error) {
	say := map[string]any{"proposals": ids, "reason": reason}
	if len(marks) > 0 {
		say["rows"] = marks
	}
	detail, err := json.Marshal(say)
	return d.d.Act(base.Act{At: d.d.Clock.Now(), Actor: actor, Action: action, Object: string(db), Detail: string(detail)}), err
}

// put takes proposals to a state, with an act where action is not "".
func (d *Desk) put(ctx context.Context, all []Proposal, state, actor, reason, action string) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([]house.Proposal, len(all))
	ids := make([]string, len(all))
	for i := range all {
		d.step(&all[i].Proposal, state, actor, reason)
		rows[i], ids[i] = all[i].Proposal, all[i].ID
	}
	if action == "" {
		return d.d.Proposals.Put(ctx, rows, nil)
	}
	marks := make([]string, 0, 2*len(rows))
	for i := range rows {
		p := &rows[i]
		step := house.ProposalStep{N: p.Version, At: p.Changed, State: p.State, Actor: p.Actor, Reason: p.Reason}
		marks = append(marks, p.Mark(), step.StepMark(p.ID))
	}
	act, err := d.act(action, actor, reason, rows[0].Database, ids, marks...)
	if err != nil {
		return err
	}
	return d.d.Proposals.Put(ctx, rows, &act)
}

// Reject closes proposals without changing anything. They do not come again unless
// what they rest on changes. Faults: those of take, base.ErrChanged.
func (d *Desk) Reject(ctx context.Context, who Who, v Decision) (Outcome, error) {
	all, err := d.take(ctx, who, &v, Open)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.put(ctx, all, Rejected, who.Name, v.Reason, "cleaning.reject"); err != nil {
		return Outcome{}, err
	}
	return Outcome{Done: len(all)}, nil
}

// Accept has proposals done: each changes its entries, or is overtaken where they
// were changed since it was made. Accepted in bulk they are kept first, then done one
// commit after another; cut off, Resume goes on. Faults: those of take, ErrOwn,
// ErrRegister.
func (d *Desk) Accept(ctx context.Context, who Who, v Decision) (Outcome, error) {
	all, err := d.take(ctx, who, &v, Open)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.others(ctx, who, all); err != nil {
		return Outcome{}, err
	}
	settings, err := d.settings(ctx, all)
	if err != nil {
		return Outcome{}, err
	}
	for i := range all { // before anything is written: what an entry is found by is not kept of versions
		all[i].Undo = ""
		if err := d.remember(ctx, &all[i], settings[all[i].ID]); err != nil {
			return Outcome{}, err
		}
	}
	if err := d.put(ctx, all, Applying, who.Name, v.Reason, "cleaning.accept"); err != nil {
		return Outcome{}, err
	}
	return d.apply(ctx, all, settings)
}

// others refuses who typed or brought in one of the entries that a merge is about: what
// one person entered twice another person looks at. What a program or a record said is
// nobody's. Fault: ErrOwn.
func (d *Desk) others(ctx context.Context, who Who, all []Proposal) error {
	known, err := d.known(ctx, all)
	if err != nil {
		return err
	}
	for i := range all {
		for _, id := range all[i].Entries {
			by := known[id].Origin.By
			typed := strings.Contains(by, "/") && !strings.HasPrefix(by, "cleaning/")
			if all[i].Kind == Merge && typed && !staff.Another(who.Name, by) {
				return ErrOwn
			}
		}
	}
	return nil
}

// settings are the values that changes give, by proposal. A number that gave way to
// another is asked for again: it is in no proposal. Faults: ErrRegister, ErrChanged.
func (d *Desk) settings(ctx context.Context, all []Proposal) (map[string]registry.Values, error) {
	out := map[string]registry.Values{}
	for i := range all {
		p := &all[i]
		if p.Kind != Change {
			continue
		}
		set := registry.Values{}
		for _, diff := range p.Body.Diffs {
			if !diff.Sealed {
				set[diff.Field] = diff.After
				continue
			}
			number, err := d.askAgain(ctx, p)
			if err != nil {
				return nil, err
			}
			set[diff.Field] = string(number)
		}
		out[p.ID] = set
	}
	return out, nil
}

func (d *Desk) askAgain(ctx context.Context, p *Proposal) (care.CitizenID, error) {
	db, err := d.database(p.Database)
	if err != nil {
		return "", err
	}
	f, ok := facesOf(db.Declaration)
	if !ok || d.d.Book == nil || d.d.Register == nil {
		return "", ErrRegister
	}
	reg, err := d.d.Register(ctx)
	if err != nil {
		return "", err
	}
	if reg == nil {
		return "", ErrRegister
	}
	entries, err := d.d.Book.Open(ctx, p.Database, p.Entries)
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", ErrChanged
	}
	number, err := care.ParseCitizenID(entries[0].Values[f.number])
	if err != nil {
		return "", ErrChanged
	}
	a, err := reg.Ask(ctx, Question{Number: number, Name: entries[0].Values[f.name], Birth: entries[0].Values[f.born]})
	if err != nil {
		return "", ErrRegister.Because(err)
	}
	if a.State != "replaced" || a.By == "" {
		return "", ErrChanged
	}
	return a.By, nil
}
