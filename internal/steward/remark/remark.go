// Package remark marks the entries of specialised databases again at night. Marks are
// made when an entry is written; what they depend on moves on: days go by and no source
// confirms it, a declaration becomes stricter, a list comes or loses a code, another
// entry is found that stands for the same. Only marks and what is counted by them change,
// on the day an entry counts under already: no version, no value.
//
// Most entries are marked again by what is in the clear. One is opened, with a row in
// the log of looks for its page first, where its declaration is another one than it was
// marked by, or has a rule that asks what day it is.
package remark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/score"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Source names how far a database was walked, among its places.
const Source = "entries.remark"

// Book gives all values of entries; a look at sealed ones is written down first. Of an
// entry that does not open there is nil.
type Book interface {
	Recheck(ctx context.Context, id registry.ID, rows []house.Row) ([]registry.Values, error)
}

// Deps is what entries are marked again with.
type Deps struct {
	Steward *steward.Steward
	Book    Book
	// Duplicate says of entries whether another is proposed to stand for the same; an
	// entry that nobody looks for others of is not among the answers. Nil: nobody looks.
	Duplicate func(ctx context.Context, id registry.ID, entries []registry.EntryID) (map[registry.EntryID]bool, error)
	Page      int // entries of a commit; 0: 500
}

const (
	usualPage = 500
	saidEvery = 20 // pages after which the place is kept though nothing changed
	tries     = 3  // of a page that somebody writes to meanwhile
)

// Job is the job of the night. It looks at what is now, and goes on where it was cut off.
func Job(d Deps) night.Job {
	if d.Page <= 0 {
		d.Page = usualPage
	}
	return night.Job{ID: Source, Present: true, Run: func(ctx context.Context, day int) (r night.Report, err error) {
		if err := d.Steward.ReadLists(ctx); err != nil {
			return r, err
		}
		for _, l := range d.Steward.List() {
			w := &walk{Deps: d, of: l, day: day, report: &r}
			if err := w.run(ctx); err != nil {
				return r, fmt.Errorf("remark: %s: %w", l.ID, err)
			}
		}
		return r, nil
	}}
}

// judged is what a walk judges by.
type judged struct {
	Declared int       `json:"declared,omitempty"`
	Sheet    string    `json:"sheet,omitempty"`
	Began    time.Time `json:"began,omitzero"`
}

func (j judged) same(o judged) bool { return j.Declared == o.Declared && j.Sheet == o.Sheet }

// cursor is the place's.
type cursor struct {
	Day   int    `json:"day"`            // of the night
	Now   judged `json:"now,omitzero"`   // of the walk at hand; zero: it is over
	After string `json:"after,omitzero"` // entry up to which it came
	Last  judged `json:"last,omitzero"`  // of the last walk that came to the end
}

// walk goes through one database.
type walk struct {
	Deps
	of     *steward.Live
	day    int
	report *night.Report
	at     cursor
	place  house.Place
	dated  bool // it has a rule that asks what day it is
	in     func(list, code string) score.Mark
}

func (w *walk) run(ctx context.Context) error {
	whole, err := w.resume(ctx)
	if err != nil || whole {
		return err
	}
	f := house.EntryFilter{Database: w.of.ID, State: registry.Live, Limit: w.Page}
	if w.at.After != "" {
		if f.After, err = steward.ParseEntry(w.at.After); err != nil {
			return err
		}
	}
	for n := 1; ; n++ {
		more, err := w.page(ctx, &f, n%saidEvery == 0)
		if err != nil || !more {
			return err
		}
	}
}

// resume finds where to go on; whole: all was done this night.
func (w *walk) resume(ctx context.Context) (whole bool, err error) {
	w.in = w.Steward.InList(w.of)
	for _, r := range w.of.Rules {
		w.dated = w.dated || strings.Contains(r.When+r.Must, "today")
	}
	w.place = house.Place{Database: w.of.ID, Source: Source}
	places, err := w.Steward.Entries.Places(ctx, w.of.ID)
	if err != nil {
		return false, err
	}
	if i := slices.IndexFunc(places, func(p house.Place) bool { return p.Source == Source }); i >= 0 {
		w.place = places[i]
		if err := json.Unmarshal([]byte(w.place.Cursor), &w.at); err != nil {
			return false, err
		}
	}
	now := judged{w.of.Taken.Version, w.of.Judge.Sheet().ID().String(), w.Steward.Clock.Now()}
	switch {
	case w.at.Day == w.day && w.at.Now == judged{}:
		return true, nil
	case w.at.Day == w.day && w.at.Now.same(now):
		return false, nil
	}
	w.at = cursor{Day: w.day, Now: now, Last: w.at.Last}
	w.place.Seen, w.place.Declared = 0, w.of.Taken.Version
	return false, nil
}

// page marks a page again and moves the filter behind it. What somebody writes to
// meanwhile is looked at anew; where they go on, it is the next night's.
func (w *walk) page(ctx context.Context, f *house.EntryFilter, say bool) (more bool, err error) {
	for try := 1; ; try++ {
		rows, more, err := w.Steward.Entries.List(ctx, *f)
		if err != nil {
			return false, err
		}
		var b house.Batch
		if try <= tries {
			if err := w.mark(ctx, rows, &b); err != nil {
				return false, err
			}
		}
		if len(b.Marked) > 0 || say || !more || try > tries {
			err = w.put(ctx, rows, more, b)
		}
		if errors.Is(err, store.ErrChanged) && try <= tries {
			continue
		}
		if err != nil {
			return false, err
		}
		w.report.Seen += int64(len(rows))
		w.report.Changed += int64(len(b.Marked))
		w.place.Seen += int64(len(rows))
		if more {
			f.After = rows[len(rows)-1].ID
		}
		return more, nil
	}
}

// put writes a page, and how far the walk came, in one commit.
func (w *walk) put(ctx context.Context, rows []house.Row, more bool, b house.Batch) error {
	next := cursor{Day: w.day, Last: w.at.Now}
	if more {
		next = w.at
		next.After = steward.EntryText(rows[len(rows)-1].ID)
	}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	p, was := w.place, w.place.Cursor
	p.Cursor, p.At, p.Seen = string(text), w.Steward.Clock.Now(), p.Seen+int64(len(rows))
	b.Place = &p
	if err := w.Steward.Entries.Put(ctx, w.of.ID, b, was); err != nil {
		return err
	}
	w.at, w.place.Cursor = next, p.Cursor
	return nil
}

// mark finds the entries of a page that have other marks now.
func (w *walk) mark(ctx context.Context, rows []house.Row, b *house.Batch) error {
	twice, err := w.duplicates(ctx, rows)
	if err != nil {
		return err
	}
	now := w.Steward.Clock.Now()
	var whole []int // all values are needed
	for i := range rows {
		r := &rows[i]
		if r.Content.IsZero() || r.Declared > w.of.Taken.Version { // wiped; declared anew meanwhile
			continue
		}
		if w.dated || !w.settled(r) {
			whole = append(whole, i)
			continue
		}
		values := registry.Values{}
		if err := json.Unmarshal([]byte(r.Open), &values); err != nil {
			return err
		}
		marks, ok := w.of.Judge.Again(r.Marks, w.facts(r, twice, values, now))
		if !ok {
			whole = append(whole, i)
			continue
		}
		w.keep(r, marks, b)
	}
	return w.markWhole(ctx, rows, whole, twice, b)
}

// markWhole marks entries by all their values.
func (w *walk) markWhole(ctx context.Context, rows []house.Row, whole []int, twice map[registry.EntryID]bool, b *house.Batch) error {
	if len(whole) == 0 {
		return nil
	}
	asked := make([]house.Row, len(whole))
	for i, at := range whole {
		asked[i] = rows[at]
	}
	values, err := w.Book.Recheck(ctx, w.of.ID, asked)
	if err != nil {
		return err
	}
	now := w.Steward.Clock.Now()
	for i := range asked {
		r := &asked[i]
		if values[i] == nil { // what it has is kept: nobody can say better
			w.report.Note = "entries.unread " + string(w.of.ID)
			continue
		}
		c := w.of.Check(values[i], now)
		e := w.facts(r, twice, c.Values, now)
		e.Rules = c.Rules
		w.keep(r, w.of.Judge.MarkEntry(e), b)
	}
	return nil
}

// settled reports whether an entry was marked by the declaration that holds now: it was
// written under it, or the last whole walk judged by it.
func (w *walk) settled(r *house.Row) bool {
	return r.Declared == w.of.Taken.Version || w.at.Last.same(w.at.Now) && r.At.Before(w.at.Last.Began)
}

func (w *walk) facts(r *house.Row, twice map[registry.EntryID]bool, values registry.Values, now time.Time) score.EntryFacts {
	e := score.EntryFacts{Values: values, Confirmed: r.Confirmed, Now: now, InList: w.in}
	if is, looked := twice[r.ID]; looked {
		e.Duplicate = &is
	}
	return e
}

func (w *walk) duplicates(ctx context.Context, rows []house.Row) (map[registry.EntryID]bool, error) {
	if w.Duplicate == nil || len(rows) == 0 {
		return nil, nil
	}
	ids := make([]registry.EntryID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	return w.Duplicate(ctx, w.of.ID, ids)
}

// keep has other marks written, with what they count less and more.
func (w *walk) keep(r *house.Row, marks []byte, b *house.Batch) {
	if bytes.Equal(marks, r.Marks) {
		return
	}
	b.Marked = append(b.Marked, house.Marking{ID: r.ID, Version: r.Version, Facility: r.Origin.Facility, Confirmed: r.Confirmed, Was: r.Marks, Marks: marks})
	if d, ok := w.Steward.Delta(w.of, r.State, r.Origin.Facility, r.At, r.Marks, -1); ok {
		b.Scores = append(b.Scores, d)
	}
	if d, ok := w.Steward.Delta(w.of, r.State, r.Origin.Facility, r.At, marks, 1); ok {
		b.Scores = append(b.Scores, d)
	}
}
