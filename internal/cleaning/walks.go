package cleaning

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/store/house"
)

// Jobs are the jobs of the night, in order.
func (d *Desk) Jobs() []night.Job {
	return []night.Job{
		{ID: "cleaning." + Duplicates, Run: d.duplicates, Present: true},
		{ID: "cleaning." + Visits, Run: d.visits, Present: true},
		{ID: "cleaning." + Codes, Run: d.codes, Present: true},
		{ID: "cleaning." + Stale, Run: d.stale, Present: true},
		{ID: "cleaning." + Units, Run: d.units, Present: true},
		{ID: "cleaning." + Population, Run: d.population, Present: true},
	}
}

// live walks the live entries of a database with what is in the clear.
func (w *walk) live(ctx context.Context, f house.EntryFilter, each func(row *house.Row, clear registry.Values) error) error {
	f.Database, f.State, f.Limit = w.db.ID, registry.Live, w.c.Batch
	for {
		rows, more, err := w.d.Entries.List(ctx, f)
		if err != nil {
			return err
		}
		for i := range rows {
			var clear registry.Values
			if err := json.Unmarshal([]byte(rows[i].Open), &clear); err != nil {
				return err
			}
			w.report.Seen++
			if err := each(&rows[i], clear); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		f.After = rows[len(rows)-1].ID
	}
}

// change proposes another value of a field, or, where there is none or the field is
// of the key, that people look.
func (w *walk) change(row *house.Row, field, before, after, sign string) found {
	f := found{kind: Point, entries: []registry.EntryID{row.ID}, about: field, facts: []byte(field + "\x00" + before + "\x00" + after + "\x00" + sign),
		body: Body{Parts: []Part{{EntryText(row.ID), row.Version}}, Signs: []string{sign}, Diffs: []Diff{{Field: field, Before: before, After: after}}}}
	if after != "" && !slices.Contains(w.db.Declaration.Key, field) {
		f.kind = Change
	}
	return f
}

// codes finds codes that their list no longer has, and what stands for them now.
func (d *Desk) codes(ctx context.Context, day int) (r night.Report, err error) {
	err = d.each(ctx, Codes, day, &r, func(ctx context.Context, w *walk) error {
		var fields []*registry.Field
		for i := range w.db.Fields {
			if f := &w.db.Fields[i]; f.Type == registry.Code && !f.Class.Sealed() {
				fields = append(fields, f)
			}
		}
		if len(fields) == 0 {
			return nil
		}
		lists := &lists{w: w, day: day, known: map[string]verdict{}}
		return w.live(ctx, house.EntryFilter{}, func(row *house.Row, clear registry.Values) error {
			for _, f := range fields {
				code := clear[f.Name]
				if code == "" {
					continue
				}
				v, err := lists.ask(ctx, f, code)
				if err != nil {
					return err
				}
				if v.dead {
					if err := w.add(ctx, w.change(row, f.Name, code, v.now, "list."+f.List)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	return r, err
}

// verdict is what a list says of a code.
type verdict struct {
	dead bool
	now  string // what stands for it, "" unknown
}

// lists asks lists, and remembers.
type lists struct {
	w     *walk
	day   int
	known map[string]verdict
}

const mostRemembered = 50_000

func (l *lists) ask(ctx context.Context, f *registry.Field, code string) (verdict, error) {
	key := f.List + "\x00" + code
	if v, ok := l.known[key]; ok {
		return v, nil
	}
	v, err := l.look(ctx, f, code)
	if err != nil {
		return v, err
	}
	if len(l.known) >= mostRemembered {
		clear(l.known)
	}
	l.known[key] = v
	return v, nil
}

func (l *lists) look(ctx context.Context, f *registry.Field, code string) (verdict, error) {
	if f.Values != nil {
		return verdict{dead: !slices.ContainsFunc(f.Values, func(v registry.Value) bool { return v.Code == code })}, nil
	}
	if id, field, ok := declaration.OtherList(f.List); ok {
		return l.other(ctx, id, field, code)
	}
	list := catalog.List(f.List)
	if !slices.Contains(catalog.Lists(), list) {
		return verdict{}, nil
	}
	ok, _ := catalog.Has(list, code, l.day)
	v := verdict{dead: !ok}
	if v.dead && list == catalog.ProvinceCode {
		v.now, _ = catalog.ProvinceNow(code)
	}
	return v, nil
}

// other asks a list that is a field of another database: a code is dead where no
// live entry has it; where its entry was merged, the code of the one that stands.
func (l *lists) other(ctx context.Context, id registry.ID, field, code string) (verdict, error) {
	db, err := l.w.database(id)
	if err != nil { // that database is gone: nobody knows
		return verdict{}, nil
	}
	i := slices.IndexFunc(db.Fields, func(f registry.Field) bool { return f.Name == field })
	if i < 0 || !db.Fields[i].Search || db.Fields[i].Class.Sealed() {
		return verdict{}, nil
	}
	rows, _, err := l.w.d.Entries.List(ctx, house.EntryFilter{Database: id, Match: []house.Match{{Field: field, Values: [][]byte{foldedKey(code)}}}, Limit: 20})
	if err != nil {
		return verdict{}, err
	}
	v := verdict{dead: true}
	for i := range rows {
		switch rows[i].State {
		case registry.Live:
			return verdict{}, nil
		case registry.Merged:
			into, err := l.w.d.Entries.Get(ctx, id, rows[i].Into, time.Time{})
			if err != nil {
				return verdict{}, err
			}
			var clear registry.Values
			if err := json.Unmarshal([]byte(into.Open), &clear); err != nil {
				return verdict{}, err
			}
			v.now = clear[field]
		}
	}
	return v, nil
}

// foldedKey is what an open field's value is found by, as package steward writes it.
func foldedKey(v string) []byte {
	b := []byte(care.Fold(v))
	return b[:min(len(b), 200)]
}

// stale finds entries that no source confirmed for longer than their database says.
func (d *Desk) stale(ctx context.Context, day int) (r night.Report, err error) {
	err = d.each(ctx, Stale, day, &r, func(ctx context.Context, w *walk) error {
		limit := w.db.Refresh.Stale
		if limit <= 0 {
			return nil
		}
		now := d.d.Clock.Now()
		return w.live(ctx, house.EntryFilter{Before: now.Add(-limit)}, func(row *house.Row, _ registry.Values) error {
			return w.add(ctx, found{kind: End, entries: []registry.EntryID{row.ID}, facts: []byte(row.Confirmed.String()),
				body: Body{Parts: []Part{{EntryText(row.ID), row.Version}}, Signs: []string{"stale"}, Days: int(limit / (24 * time.Hour))}})
		})
	})
	return r, err
}

// units finds entries that name a facility which was merged into another, and
// databases whose own unit is no more.
func (d *Desk) units(ctx context.Context, day int) (r night.Report, err error) {
	gone := map[care.FacilityCode]care.FacilityCode{}
	for _, v := range d.d.Directory().All() {
		for _, before := range v.Predecessors {
			if before != v.Code {
				gone[before] = v.Code
			}
		}
	}
	err = d.each(ctx, Units, day, &r, func(ctx context.Context, w *walk) error {
		if w.db.Dissolved {
			if err := w.add(ctx, found{kind: Point, about: "steward", facts: []byte(w.db.Steward), body: Body{Signs: []string{"steward." + w.db.Steward}}}); err != nil {
				return err
			}
		}
		field := w.db.Declaration.Facility
		i := slices.IndexFunc(w.db.Fields, func(f registry.Field) bool { return f.Name == field })
		if i < 0 || w.db.Fields[i].Class.Sealed() || len(gone) == 0 {
			return nil
		}
		// along the facilities that are gone, not along all entries
		for _, code := range sorted(gone) {
			if err := w.live(ctx, house.EntryFilter{Facility: code}, func(row *house.Row, clear registry.Values) error {
				if clear[field] != string(code) {
					return nil
				}
				return w.add(ctx, w.change(row, field, string(code), string(stands(gone, code)), "facility"))
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

func sorted(gone map[care.FacilityCode]care.FacilityCode) []care.FacilityCode {
	var out []care.FacilityCode
	for code := range gone {
		out = append(out, code)
	}
	slices.Sort(out)
	return out
}

// stands follows mergers of mergers; a circle ends where it began.
func stands(gone map[care.FacilityCode]care.FacilityCode, code care.FacilityCode) care.FacilityCode {
	at := code
	for range len(gone) {
		next, ok := gone[at]
		if !ok || next == code {
			break
		}
		at = next
	}
	return at
}

// asking names how far the population register was asked about a database.
const asking = "cleaning.population"

// rest is how long the register is not asked again about a database it was asked
// about from the first entry to the last.
const rest = 30 * 24 * time.Hour

// population asks the register about the next persons of each database, and goes on
// there the next night. A register that does not answer is ErrRegister: the job is
// tried again later, from there.
func (d *Desk) population(ctx context.Context, day int) (r night.Report, err error) {
	if d.d.Book == nil || d.d.Register == nil {
		return night.Report{Note: "verification.none"}, nil
	}
	reg, err := d.d.Register(ctx)
	if err != nil {
		return r, err
	}
	if reg == nil {
		return night.Report{Note: "verification.none"}, nil
	}
	if err := d.Resume(ctx); err != nil {
		return r, err
	}
	left := d.c.Questions
	for _, db := range d.d.Databases() {
		f, ok := facesOf(db.Declaration)
		if !ok || left <= 0 {
			continue
		}
		w := &walk{Desk: d, db: db, detector: Population, night: day, report: &r}
		if err := w.askAll(ctx, reg, f, &left); err != nil {
			return r, err
		}
	}
	return r, nil
}

// faces are the fields the register is asked about.
type faces struct{ number, name, born string }

// facesOf finds them: the person's number as declared, with a name and a day of
// birth by their usual names.
func facesOf(d *registry.Declaration) (f faces, ok bool) {
	f.number = d.Person
	for i := range d.Fields {
		switch x := &d.Fields[i]; {
		case x.Type == registry.Text && slices.Contains([]string{"name", "full_name", "ho_ten"}, x.Name):
			f.name = x.Name
		case x.Type == registry.Date && slices.Contains([]string{"born", "birth", "birth_date", "ngay_sinh"}, x.Name):
			f.born = x.Name
		}
	}
	return f, f.number != "" && f.name != "" && f.born != ""
}

func (w *walk) askAll(ctx context.Context, reg *Register, f faces, left *int) error {
	places, err := w.d.Entries.Places(ctx, w.db.ID)
	if err != nil {
		return err
	}
	place := house.Place{Database: w.db.ID, Source: asking}
	if i := slices.IndexFunc(places, func(p house.Place) bool { return p.Source == asking }); i >= 0 {
		place = places[i]
	}
	now := w.d.Clock.Now()
	last, began, err := roundAt(place.Cursor, w.night)
	if err != nil {
		return err
	}
	if place.Cursor == "" && !place.At.IsZero() && now.Sub(place.At) < rest {
		return nil
	}
	for *left > 0 {
		filter := house.EntryFilter{Database: w.db.ID, State: registry.Live, After: last, Limit: min(50, *left)}
		rows, more, err := w.d.Entries.List(ctx, filter)
		if err != nil {
			return err
		}
		was := place.Cursor
		if err := w.askSome(ctx, reg, f, rows); err != nil {
			return err
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		*left -= len(rows)
		place.Seen, place.At, place.Cursor = place.Seen+int64(len(rows)), now, ""
		if more {
			last = rows[len(rows)-1].ID
			place.Cursor = EntryText(last) + "/" + strconv.Itoa(began)
		}
		if err := w.d.Entries.Put(ctx, w.db.ID, house.Batch{Place: &place}, was); err != nil {
			return err
		}
		if !more {
			if began == 0 { // nobody noted it
				return nil
			}
			// found in a round before this one and not in it: no longer so
			return w.sweep(ctx, w.db.ID, Population, began)
		}
	}
	return nil
}

// roundAt reads how far a round is: the entry that was asked about last, and the night
// it began on ("9f…/20261122"); an earlier night that is done by hand moves that back.
// Of a round that a release before this one began the night is not known: 0.
func roundAt(cursor string, night int) (last registry.EntryID, began int, err error) {
	if cursor == "" {
		return last, night, nil
	}
	entry, text, noted := strings.Cut(cursor, "/")
	if last, err = parseEntry(entry); err != nil || !noted {
		return last, 0, err
	}
	began, err = strconv.Atoi(text)
	return last, min(began, night), err
}

func (w *walk) askSome(ctx context.Context, reg *Register, f faces, rows []house.Row) error {
	ids := make([]registry.EntryID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	entries, err := w.d.Book.Open(ctx, w.db.ID, ids)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		w.report.Seen++
		number, err := care.ParseCitizenID(e.Values[f.number])
		if err != nil || e.Values[f.name] == "" || e.Values[f.born] == "" {
			continue
		}
		a, err := reg.Ask(ctx, Question{Number: number, Name: e.Values[f.name], Birth: e.Values[f.born]})
		if err != nil {
			return ErrRegister.Because(err)
		}
		if found, ok := w.answered(e, f, a); ok {
			if err := w.add(ctx, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// answered makes a proposal of an answer that does not agree. A number that gave way
// to another is changed, when that is accepted, by asking again: it is not kept here.
func (w *walk) answered(e *registry.Entry, f faces, a Answer) (found, bool) {
	out := found{kind: Point, entries: []registry.EntryID{e.ID}, about: f.number, facts: []byte(a.State + " " + strings.Join(a.Differs, ",")),
		body: Body{Parts: []Part{{EntryText(e.ID), e.Version}}}}
	switch a.State {
	case "differs":
		for _, name := range a.Differs {
			out.body.Signs = append(out.body.Signs, "differs."+name)
		}
	case "cancelled", "unknown":
		out.body.Signs = []string{a.State}
	case "replaced":
		out.body.Signs = []string{a.State}
		if a.By != "" && !slices.Contains(w.db.Declaration.Key, f.number) {
			out.kind, out.body.Diffs = Change, []Diff{{Field: f.number, Sealed: true}}
		}
	default:
		return out, false
	}
	return out, true
}
