package bring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/registry/table"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// lease is how long an import is one process's without a word of it.
const lease = 2 * time.Minute

// Work does what is to be done of all imports: rows are looked at, written, taken
// back. It is called again and again; several hubs do not disturb one another, and
// what a crash interrupts goes on where it was.
func (d *Desk) Work(ctx context.Context) error {
	var failed error
	for _, l := range d.Steward.List() {
		names, err := d.Imports.ImportsIn(ctx, l.ID, Received, Applying, Undoing)
		if err != nil {
			return err
		}
		for _, name := range names {
			kept, err := d.Imports.Import(ctx, l.ID, name)
			if err == nil {
				err = d.one(ctx, l, kept)
			}
			if err != nil && !errors.Is(err, store.ErrChanged) && !errors.Is(err, ErrElsewhere) {
				failed = errors.Join(failed, fmt.Errorf("import %s: %w", name, err))
			}
		}
	}
	return failed
}

// Sweep destroys files that were not applied for a week.
func (d *Desk) Sweep(context.Context) error {
	return d.Files.Sweep(d.Clock.Now().AddDate(0, 0, -7))
}

func (d *Desk) one(ctx context.Context, l *steward.Live, kept house.Import) error {
	if kept.State != Undoing && !d.here(kept.ID) {
		return nil // another hub has the file, and goes on: its turn is not taken from it
	}
	if mine, err := d.mine(ctx, kept.ID); err != nil || !mine {
		return err
	}
	i, err := read(kept)
	if err != nil {
		return err
	}
	switch i.State {
	case Received:
		return d.check(ctx, l, i)
	case Applying:
		return d.apply(ctx, l, i)
	case Undoing:
		return d.undo(ctx, l, i)
	}
	return nil // another hub has done it meanwhile
}

// here reports whether this hub has the file of an import.
func (d *Desk) here(name string) bool {
	f, err := d.Files.Open(name)
	return err == nil && f.Close() == nil
}

// mine takes the import's turn, or keeps it.
func (d *Desk) mine(ctx context.Context, name string) (bool, error) {
	now := d.Clock.Now()
	return d.Entries.Turn(ctx, "import:"+name, d.conf.Holder, now, now.Add(lease))
}

// tally counts what is wrong, by code.
type tally struct {
	causes map[string]*Cause
	keys   map[uint64]struct{} // of rows that can be taken, the first keysHeld
	seed   maphash.Seed
}

// keysHeld bounds the keys that are held while a file is looked at: of a longer file
// the rows after them are not compared.
const keysHeld = 1 << 20

// twice says whether an earlier row has the same key.
func (t *tally) twice(key []byte) bool {
	h := maphash.Bytes(t.seed, key)
	_, known := t.keys[h]
	if !known && len(t.keys) < keysHeld {
		t.keys[h] = struct{}{}
	}
	return known
}

// keyTwice is the cause told of such a row.
var keyTwice = Cause{Code: "import.key_twice", Word: "clean", Severity: "warning",
	Text: fault.Text{VI: "Dòng trước trong tệp đã có khóa này; dòng sau thay giá trị dòng trước.", EN: "An earlier row of the file has this key; the later row replaces its values."}}

func (t *tally) add(line int64, c Cause) {
	have := t.causes[c.Code]
	if have == nil {
		if len(t.causes) >= 500 {
			return
		}
		have = &c
		t.causes[c.Code] = have
	}
	if have.N++; len(have.Lines) < 5 {
		have.Lines = append(have.Lines, line)
	}
}

func (t *tally) sorted() []Cause {
	var out []Cause
	for _, c := range t.causes {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Cause) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
	return out
}

// rowTexts are what package table's codes of rows mean to people.
var rowTexts = map[string]fault.Text{
	table.Mixed:    {VI: "Dòng có bảng mã khác phần còn lại của tệp; đã đọc theo bảng mã của nó.", EN: "The row is in another encoding than the file; it was read by its own."},
	table.Unread:   {VI: "Dòng có ký tự không đọc được.", EN: "The row has characters that cannot be read."},
	table.Cells:    {VI: "Dòng có nhiều ô hơn tiêu đề; ô thừa bị bỏ.", EN: "The row has more cells than headings; those were left out."},
	table.TooLong:  {VI: "Dòng quá dài, bị bỏ.", EN: "The row is too long and was left out."},
	table.Broken:   {VI: "Dòng không phải một đối tượng JSON gồm các giá trị đơn, bị bỏ.", EN: "The row is no JSON object of plain values and was left out."},
	table.NewNames: {VI: "Dòng có tên cột mà đầu tệp không có; giá trị đó bị bỏ.", EN: "The row has a column that the beginning of the file has not; its value was left out."},
}

// check looks at every row and writes none.
func (d *Desk) check(ctx context.Context, l *steward.Live, i *Import) error {
	t, now := tally{causes: map[string]*Cause{}, keys: map[uint64]struct{}{}, seed: maphash.MakeSeed()}, d.Clock.Now()
	i.Summary.Rows, i.Summary.Refused, i.Declared = 0, 0, l.Taken.Version
	last := int64(0)
	err := d.reading(i.ID, func(r *table.Reader) error {
		for {
			row, err := r.Next()
			if err != nil {
				return end(err)
			}
			last = row.Line
			if i.Summary.Rows++; i.Summary.Rows%20_000 == 0 {
				if mine, err := d.mine(ctx, i.ID); err != nil || !mine {
					return cmp.Or(err, error(store.ErrChanged))
				}
			}
			if d.refuses(l, i, row, &t, now) {
				i.Summary.Refused++
			}
		}
	})
	i.Summary.Causes = t.sorted()
	return d.over(ctx, i, Checked, last, err)
}

// end tells the end of a file from a fault of it.
func end(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// refuses looks at one row.
func (d *Desk) refuses(l *steward.Live, i *Import, row table.Row, t *tally, now time.Time) bool {
	for _, code := range row.Codes {
		severity := "warning"
		if row.Cells == nil {
			severity = "error"
		}
		t.add(row.Line, Cause{Code: code, Severity: severity, Word: "clean", Text: rowTexts[code]})
	}
	if row.Cells == nil {
		return true
	}
	c := l.Check(valuesOf(i.Summary.Fields, row.Cells), now)
	for _, f := range c.Findings {
		t.add(row.Line, Cause{Code: f.Code, Field: f.Field, Word: f.Word, Severity: f.Severity, Text: f.Text})
	}
	key, whole := l.Key(c.Values)
	if !whole || c.Refused() {
		return true
	}
	if t.twice(key) {
		t.add(row.Line, keyTwice)
	}
	return false
}

// over keeps the state that a pass over the file led to. A fault of the file stops
// the import and is told; any other is tried again.
func (d *Desk) over(ctx context.Context, i *Import, state string, line int64, err error) error {
	var f *fault.Error
	switch {
	case err == nil:
		i.State = state
	case errors.As(err, &f) && (f.Kind == fault.Invalid || f.Kind == fault.TooLarge):
		i.State, i.Summary.Code, i.Summary.Line = Stopped, f.Code, line
	default:
		return err
	}
	return d.put(ctx, i, "", "")
}

// apply writes rows in batches. How many were worked off is a place that moves in
// the commit of the batch: none is written twice, none is left out.
func (d *Desk) apply(ctx context.Context, l *steward.Live, i *Import) error {
	if i.Declared != l.Taken.Version {
		i.State, i.Summary.Code = Stopped, ErrDeclared.Code
		return d.put(ctx, i, "", "")
	}
	place, err := d.place(ctx, l, i.ID)
	if err != nil {
		return err
	}
	var done progress
	if err := done.read(place.Cursor); err != nil {
		return err
	}
	last := done.rows
	done.tell(&i.Summary)
	err = d.reading(i.ID, func(r *table.Reader) error {
		n := int64(0)
		for {
			w := steward.Writing{Was: place.Cursor}
			atEnd := false
			for n-last < int64(d.conf.Batch) {
				row, err := r.Next()
				if errors.Is(err, io.EOF) {
					atEnd = true
					break
				}
				if err != nil {
					return err
				}
				if n++; n > last && row.Cells != nil {
					w.Drafts = append(w.Drafts, d.draft(i, row))
				}
			}
			if n > last {
				done.rows, place.Seen, place.At = n, n, d.Clock.Now().Truncate(time.Microsecond)
				moved := place
				w.Place = &moved
				if err := d.write(ctx, l, i, &done, w); err != nil {
					return err
				}
				place, last = moved, n
			}
			if atEnd {
				return nil
			}
		}
	})
	if err := d.over(ctx, i, Done, last, err); err != nil || i.State != Done {
		return err
	}
	return d.Files.Remove(i.ID)
}

func (d *Desk) draft(i *Import, row table.Row) steward.Draft {
	return steward.Draft{Values: valuesOf(i.Summary.Fields, row.Cells), Strict: true, Origin: registry.Origin{Source: i.Source, Import: i.ID, By: i.By}}
}

// progress is how many rows of an import were worked off, and what became of them: the
// cursor of its place, which moves in the commit of the rows, so that no kill loses any.
type progress struct{ rows, made, changed, same, twice int64 }

func (p *progress) read(cursor string) error {
	text := strings.Split(cmp.Or(cursor, "0"), "/")
	for k, to := range []*int64{&p.rows, &p.made, &p.changed, &p.same, &p.twice}[:min(len(text), 5)] { // of before: rows only
		n, err := strconv.ParseInt(text[k], 10, 64)
		if err != nil {
			return err
		}
		*to = n
	}
	return nil
}

func (p *progress) add(out []steward.Written) {
	for _, o := range out {
		switch o.Status {
		case steward.Made:
			p.made++
		case steward.Changed:
			p.changed++
		case steward.Same:
			p.same++
		case steward.Twice:
			p.twice++
		}
	}
}

func (p *progress) tell(s *Summary) {
	s.Done, s.Made, s.Changed, s.Same, s.Twice = p.rows, p.made, p.changed, p.same, p.twice
}

func (p *progress) String() string {
	return fmt.Sprintf("%d/%d/%d/%d/%d", p.rows, p.made, p.changed, p.same, p.twice)
}

// write writes one batch and says how far it is.
func (d *Desk) write(ctx context.Context, l *steward.Live, i *Import, done *progress, w steward.Writing) error {
	if mine, err := d.mine(ctx, i.ID); err != nil || !mine {
		return cmp.Or(err, error(store.ErrChanged))
	}
	w.Counted = func(out []steward.Written) {
		done.add(out)
		w.Place.Cursor = done.String()
	}
	if _, err := d.Steward.Write(ctx, l.ID, w); err != nil {
		return err
	}
	done.tell(&i.Summary)
	return d.put(ctx, i, "", "")
}

// place is how far an import was worked off.
func (d *Desk) place(ctx context.Context, l *steward.Live, name string) (house.Place, error) {
	places, err := d.Entries.Places(ctx, l.ID)
	if err != nil {
		return house.Place{}, err
	}
	for _, p := range places {
		if p.Source == "import:"+name {
			return p, nil
		}
	}
	return house.Place{Database: l.ID, Source: "import:" + name, Declared: l.Taken.Version}, nil
}

// undo takes back what the import did, entry by entry.
func (d *Desk) undo(ctx context.Context, l *steward.Live, i *Import) error {
	f := house.EntryFilter{Database: l.ID, Import: i.ID, Limit: 200}
	for {
		rows, more, err := d.Entries.List(ctx, f)
		if err != nil {
			return err
		}
		w := steward.Writing{}
		for k := range rows {
			f.After = rows[k].ID
			if err := d.back(ctx, l, i, &rows[k], &w); err != nil {
				return err
			}
		}
		if mine, err := d.mine(ctx, i.ID); err != nil || !mine {
			return cmp.Or(err, error(store.ErrChanged))
		}
		if len(w.Drafts)+len(w.Closes) > 0 {
			if _, err := d.Steward.Write(ctx, l.ID, w); err != nil {
				return err
			}
		}
		i.Summary.Ended += int64(len(w.Closes))
		i.Summary.Restored += int64(len(w.Drafts))
		if !more {
			break
		}
	}
	i.State = Undone
	return d.put(ctx, i, "", "")
}

// back says how one entry goes back to what it was before the import.
func (d *Desk) back(ctx context.Context, l *steward.Live, i *Import, row *house.Row, w *steward.Writing) error {
	if row.At.Before(i.Summary.Applied) || row.State != registry.Live {
		return nil // confirmed only, or ended already
	}
	if row.Version == 1 {
		w.Closes = append(w.Closes, house.Close{ID: row.ID, Version: row.Version, State: registry.Ended, Until: midnight(d.Clock.Now()), By: i.By})
		return nil
	}
	versions, err := d.History(ctx, l.Steward, l.ID, row.ID)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.Origin.Import == i.ID && !v.At.Before(i.Summary.Applied) {
			continue
		}
		if v.State != registry.Live { // it came back to life by the import
			w.Closes = append(w.Closes, house.Close{ID: row.ID, Version: row.Version, State: registry.Ended, By: i.By})
			return nil
		}
		if v.Unreadable { // half of it would be written as the whole
			return fmt.Errorf("bring: version %d of an entry of %s does not open", v.Version, l.ID)
		}
		w.Drafts = append(w.Drafts, steward.Draft{Values: v.Values, Origin: v.Origin})
		return nil
	}
	w.Closes = append(w.Closes, house.Close{ID: row.ID, Version: row.Version, State: registry.Ended, By: i.By})
	return nil
}

func midnight(t time.Time) time.Time {
	y, m, day := t.In(clock.Hanoi).Date()
	return time.Date(y, m, day, 0, 0, 0, 0, clock.Hanoi)
}
