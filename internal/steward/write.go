package steward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/registry"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Draft is values that are to become an entry.
type Draft struct {
	Values registry.Values
	Origin registry.Origin
	Strict bool // of a file or a form: what registry/declaration refuses is not written

	taken registry.RecordID // the entry of another database that says it, as a sayer
}

// What became of a draft.
const (
	Made    = "made"    // a first version
	Changed = "changed" // a new version
	Same    = "same"    // confirmed
	Refused = "refused" // no key, or Strict and not right
	Twice   = "twice"   // a later draft of the same writing is the same entry
)

// Written is what became of a draft.
type Written struct {
	Status   string
	ID       registry.EntryID
	Version  int
	Findings []registry.Finding
}

// Writing is drafts written in one commit, and what goes with them.
type Writing struct {
	Drafts []Draft
	Closes []house.Close
	Unsaid []house.Said
	Wipe   []registry.RecordID // erased: see house.Batch
	Place  *house.Place
	Was    string // Place's cursor before
	// Counted, where it is not nil, is told what becomes of Drafts before all is written,
	// so that Place may say it in the same commit.
	Counted func([]Written)
	Act     *store.Act
}

// ready is a draft on its way.
type ready struct {
	draft   *Draft
	values  registry.Values
	rules   map[string]bool
	ids     []registry.EntryID
	written *Written
	later   bool // another draft of the writing is the same entry, and stands
}

// Write makes entries out of drafts, all in one commit: what a source says again is
// confirmed, what is other is a new version. Many at once, some hundreds, cost least.
// Drafts that are refused are told and do not stop the others. Faults: store.changed
// when somebody else wrote one of the entries meanwhile (write again), database.absent.
func (s *Steward) Write(ctx context.Context, id registry.ID, w Writing) ([]Written, error) {
	l, err := s.Get(id)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now().Truncate(time.Microsecond)
	out := make([]Written, len(w.Drafts))
	all := make([]ready, 0, len(w.Drafts))
	last := map[registry.EntryID]int{}
	for i := range w.Drafts {
		r, ok := s.prepare(l, &w.Drafts[i], &out[i], now)
		if !ok {
			continue
		}
		before, twice := last[r.ids[0]]
		switch {
		case twice && catalogue(l) && fromRecord(all[before].draft) && fromRecord(r.draft): // the first stands
			r.later, r.written.Status = true, Twice
			all = append(all, r)
			continue
		case twice:
			all[before].later, all[before].written.Status = true, Twice
		}
		last[r.ids[0]] = len(all)
		all = append(all, r)
	}
	b := house.Batch{Closes: w.Closes, Unsaid: w.Unsaid, Wipe: w.Wipe, Place: w.Place, Act: w.Act}
	if err := s.batch(ctx, l, all, &b, now); err != nil {
		return nil, err
	}
	if err := s.closing(ctx, l, &b, now); err != nil {
		return nil, err
	}
	if w.Counted != nil {
		w.Counted(out)
	}
	if p := b.Place; p != nil {
		for i := range out {
			if out[i].Status == Made || out[i].Status == Changed {
				p.Made++
			}
		}
		p.Ended += int64(len(b.Closes))
	}
	if len(b.Rows)+len(b.Closes)+len(b.Unsaid)+len(b.Said) == 0 && b.Place == nil && b.Act == nil {
		return out, nil
	}
	return out, s.Entries.Put(ctx, id, b, w.Was)
}

// prepare looks at one draft.
func (s *Steward) prepare(l *Live, d *Draft, out *Written, now time.Time) (ready, bool) {
	c := l.Check(d.Values, now)
	out.Findings = c.Findings
	key, ok := l.Key(c.Values)
	if !ok || d.Strict && c.Refused() {
		out.Status = Refused
		return ready{}, false
	}
	r := ready{draft: d, values: c.Values, rules: c.Rules, ids: s.entryIDs(key), written: out}
	out.ID = r.ids[0]
	return r, true
}

// batch holds what is ready against what is kept.
func (s *Steward) batch(ctx context.Context, l *Live, all []ready, b *house.Batch, now time.Time) error {
	var ids []registry.EntryID
	for i := range all {
		ids = append(ids, all[i].ids...)
	}
	if len(ids) == 0 {
		return nil
	}
	known, err := s.Entries.Known(ctx, l.ID, ids)
	if err != nil {
		return err
	}
	at := 0
	for i := range all {
		r := &all[i]
		n := len(r.ids)
		id, is := r.ids[0], known[at]
		for k := 1; is.Version == 0 && k < n; k++ { // kept under an older pepper
			if known[at+k].Version > 0 {
				id, is = r.ids[k], known[at+k]
			}
		}
		at += n
		r.written.ID = id
		if r.draft.taken != (registry.RecordID{}) {
			b.Said = append(b.Said, house.Said{Record: r.draft.taken, Entry: id})
		}
		if r.later {
			if r.draft.Origin.Record != (registry.RecordID{}) {
				b.Said = append(b.Said, house.Said{Record: r.draft.Origin.Record, Entry: id})
			}
			continue
		}
		if stands(l, b, r.draft, id, &is) {
			r.written.Status, r.written.Version = Same, is.Version
			b.Said = append(b.Said, house.Said{Record: r.draft.Origin.Record, Entry: id})
			if now.Sub(is.Confirmed) < l.confirms() {
				continue
			}
			row := house.Row{Database: l.ID, ID: id, Version: is.Version, State: is.State, Origin: is.Origin, At: is.At, Confirmed: now, Marks: is.Marks}
			if alive, ok := l.Judge.Again(is.Marks, score.EntryFacts{Confirmed: now, Now: now}); ok {
				row.Marks = alive
			}
			b.Rows = append(b.Rows, row)
			continue
		}
		row, err := s.row(ctx, l, r, id, &is, now)
		if err != nil {
			return err
		}
		b.Rows = append(b.Rows, row)
	}
	s.count(l, b, known, ids)
	return nil
}

// row makes the row that a draft writes over what is kept.
func (s *Steward) row(ctx context.Context, l *Live, r *ready, id registry.EntryID, is *house.Brief, now time.Time) (house.Row, error) {
	values := flat(r.values)
	contents := s.Vault.HashAll(contentDomain, append([]byte(l.ID+"\x00"), values...))
	row := house.Row{Database: l.ID, ID: id, Declared: l.Taken.Version, State: registry.Live, Content: contents[0], Origin: r.draft.Origin, At: now, Confirmed: now}
	if l.Facility != "" {
		if code, err := care.ParseFacilityCode(r.values[l.Facility]); err == nil {
			row.Origin.Facility = code
		}
	}
	alike := is.Version > 0 && slices.Contains(contents, is.Content)
	row.Marks = s.marks(l, r, is, alike, now)
	same := alike && slices.Equal(row.Marks[:min(4, len(row.Marks))], is.Marks[:min(4, len(is.Marks))])
	switch {
	case is.State == registry.Merged: // another stands for it, and goes on to
		row.Version, row.Marks, r.written.Status = is.Version, is.Marks, Same
	case same && (is.State == row.State || is.State == registry.Live):
		row.Version, r.written.Status = is.Version, Same
	default:
		row.Version, r.written.Status = is.Version+1, Changed
		if is.Version == 0 {
			r.written.Status = Made
		}
	}
	r.written.Version = row.Version
	if row.Version == is.Version {
		return row, nil
	}
	row.ValidFrom, row.ValidTo = day(r.values[l.ValidFrom]), day(r.values[l.ValidTo])
	return row, s.seal(ctx, l, r.values, &row)
}

// marks judges the entry's values, which a source says now. Whether another entry
// stands for the same nobody looks at here: of values that are what they were it is
// what the last night found.
func (s *Steward) marks(l *Live, r *ready, is *house.Brief, alike bool, now time.Time) []byte {
	e := score.EntryFacts{Values: r.values, Rules: r.rules, Confirmed: now, Now: now, InList: s.InList(l)}
	if alike && is.State == registry.Live {
		e.Duplicate = l.Judge.Looked(is.Marks)
	}
	return l.Judge.MarkEntry(e)
}

// InList says of a database's codes whether they are of their lists now; nothing of a
// list that nobody has.
func (s *Steward) InList(l *Live) func(list, code string) score.Mark {
	of := func(has bool) score.Mark {
		if has {
			return score.Passed
		}
		return score.Failed
	}
	return func(list, code string) score.Mark {
		if field, own := strings.CutPrefix(list, "own:"); own {
			for i := range l.Fields {
				if l.Fields[i].Name == field {
					return of(slices.ContainsFunc(l.Fields[i].Values, func(v registry.Value) bool { return v.Code == code }))
				}
			}
		}
		if known, has := s.listed(list, code); known {
			return of(has)
		}
		if known := catalog.List(list); slices.Contains(catalog.Lists(), known) {
			_, ever := catalog.Has(known, code, 0)
			return of(ever)
		}
		return score.NotApplicable
	}
}

// seal puts values where they belong: in the clear, or sealed, and what the entry is
// found by.
func (s *Steward) seal(ctx context.Context, l *Live, values registry.Values, row *house.Row) error {
	open, closed := registry.Values{}, registry.Values{}
	for i := range l.Fields {
		f := &l.Fields[i]
		v := values[f.Name]
		if v == "" {
			continue
		}
		key := house.Key{Field: f.Name}
		if f.Class.Sealed() {
			closed[f.Name] = v
			key.Value = s.Vault.Hash(searchDomain, []byte(l.ID), []byte(f.Name), []byte(v)).Bytes()
		} else {
			open[f.Name] = v
			key.Value = Folded(v)
		}
		if !f.Search {
			continue
		}
		row.Keys = append(row.Keys, key)
		if f.Type == registry.Moment && f.Class.Sealed() && len(v) >= len(time.DateOnly) {
			day := v[:len(time.DateOnly)]
			row.Keys = append(row.Keys, house.Key{Field: DayKey(f.Name), Value: s.Vault.Hash(searchDomain, []byte(l.ID), []byte(DayKey(f.Name)), []byte(day)).Bytes()})
		}
	}
	text, err := json.Marshal(open)
	if err != nil {
		return err
	}
	row.Open = string(text)
	if len(closed) == 0 {
		return nil
	}
	plain, err := json.Marshal(closed)
	if err != nil {
		return err
	}
	row.Class, row.Month = l.Retention, clock.Day(row.At)/100
	if err := s.month(ctx, row.Class, row.Month); err != nil {
		return err
	}
	sealed, err := s.Vault.Seal(row.Class, row.Month, SealName(l.ID, row.ID), plain)
	if err != nil {
		return err
	}
	row.Sealed, row.Wrapped = sealed.Parts[0], sealed.Wrapped
	return nil
}

// Folded is the text that an open field is found by.
func Folded(v string) []byte {
	b := []byte(care.Fold(v))
	return b[:min(len(b), 200)]
}

// month has the month key of a class.
func (s *Steward) month(ctx context.Context, class string, month int) error {
	if s.Vault.Have(class, month) {
		return nil
	}
	fresh, err := s.Vault.NewMonthKey(class, month)
	if err != nil {
		return err
	}
	kept, err := s.Keys.PutMonth(ctx, fresh)
	if err != nil {
		return err
	}
	return s.Vault.Load([]store.MonthKey{kept})
}

// flat is values as bytes, the same for the same values.
func flat(v registry.Values) []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(v)) {
		b = append(append(append(append(b, name...), 0), v[name]...), 0)
	}
	return b
}

// day reads a canonical day or moment; zero where it is none.
func day(text string) time.Time {
	if t, err := time.ParseInLocation(time.DateOnly, text, clock.Hanoi); err == nil {
		return t
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Delta is what an entry counts, or no longer counts: on the day of its version.
func (s *Steward) Delta(l *Live, state registry.EntryState, facility care.FacilityCode, at time.Time, marks []byte, n int64) (house.ScoreDelta, bool) {
	if state != registry.Live || len(marks) == 0 {
		return house.ScoreDelta{}, false
	}
	d := house.ScoreDelta{Day: clock.Day(at), Subject: score.SubjectOf(l.ID), Marks: marks, N: n}
	if v, ok := s.Directory().At(facility, at); ok {
		d.FacilityVersion = v.ID
	}
	return d, true
}

// count says what the batch's rows count more and less.
func (s *Steward) count(l *Live, b *house.Batch, known []house.Brief, ids []registry.EntryID) {
	was := make(map[registry.EntryID]*house.Brief, len(ids))
	for i := range ids {
		was[ids[i]] = &known[i]
	}
	for i := range b.Rows {
		r := &b.Rows[i]
		is := was[r.ID]
		state, at := r.State, r.At
		if is.Version > 0 {
			r.Was = append([]byte{}, is.Marks...)
		}
		if r.Version == is.Version {
			if r.Origin.Facility == is.Origin.Facility && bytes.Equal(r.Marks, is.Marks) {
				continue
			}
			state, at = is.State, is.At // another facility stands for it now, or it is marked otherwise
		}
		if d, ok := s.Delta(l, is.State, is.Origin.Facility, is.At, is.Marks, -1); ok && is.Version > 0 {
			b.Scores = append(b.Scores, d)
		}
		if d, ok := s.Delta(l, state, r.Origin.Facility, at, r.Marks, 1); ok {
			b.Scores = append(b.Scores, d)
		}
	}
}

// closing gives closes what they need to know and takes what they counted away.
func (s *Steward) closing(ctx context.Context, l *Live, b *house.Batch, now time.Time) error {
	if len(b.Closes) == 0 {
		return nil
	}
	ids := make([]registry.EntryID, len(b.Closes))
	for i := range b.Closes {
		ids[i] = b.Closes[i].ID
	}
	known, err := s.Entries.Known(ctx, l.ID, ids)
	if err != nil {
		return err
	}
	kept := b.Closes[:0]
	for i, c := range b.Closes {
		is := known[i]
		if is.Version == 0 || is.State == c.State && !c.Wipe || slices.ContainsFunc(b.Rows, func(r house.Row) bool { return r.ID == c.ID }) {
			continue
		}
		if c.Version == 0 {
			c.Version = is.Version
		}
		if c.At.IsZero() {
			c.At = now
		}
		c.Was = append([]byte{}, is.Marks...)
		if d, ok := s.Delta(l, is.State, is.Origin.Facility, is.At, is.Marks, -1); ok {
			b.Scores = append(b.Scores, d)
		}
		kept = append(kept, c)
	}
	b.Closes = kept
	return nil
}

// Enter writes the values of a form. Faults: entry.refused (the findings say why),
// database.source, database.steward, store.changed.
func (s *Steward) Enter(ctx context.Context, who Who, id registry.ID, values registry.Values) (Written, error) {
	l, err := s.Managed(who, id)
	if err != nil {
		return Written{}, err
	}
	i := slices.IndexFunc(l.Sources, func(src registry.Source) bool { return src.Kind == registry.FromForm })
	if i < 0 {
		return Written{}, ErrSource
	}
	draft := Draft{Values: values, Strict: true, Origin: registry.Origin{Source: l.Sources[i].ID, By: who.Name}}
	act := s.act(who.Name, "database.entry", string(id), `{"source":"form"}`)
	out, err := s.Write(ctx, id, Writing{Drafts: []Draft{draft}, Act: &act})
	switch {
	case err != nil:
		return Written{}, err
	case out[0].Status == Refused:
		return out[0], ErrRefused
	}
	return out[0], nil
}

// End ends entries by hand, or has another stand for them (Into of the close).
// Faults: database.steward, store.changed.
func (s *Steward) End(ctx context.Context, who Who, id registry.ID, reason string, closes []house.Close) error {
	if _, err := s.Managed(who, id); err != nil {
		return err
	}
	if len(closes) == 0 {
		return errors.New("steward: nothing to end")
	}
	detail, err := json.Marshal(map[string]any{"entries": len(closes), "reason": reason})
	if err != nil {
		return err
	}
	for i := range closes {
		closes[i].By = who.Name
	}
	act := s.act(who.Name, "database.end", string(id), string(detail))
	_, err = s.Write(ctx, id, Writing{Closes: closes, Act: &act})
	return err
}
