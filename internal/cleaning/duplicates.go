package cleaning

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"lienthong/internal/care"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/store/house"
)

// widest is how many entries may share a value that is to tell them apart: what more
// of them share, such as a title, says nothing.
const widest = 20

// walk is one detector's way through one database.
type walk struct {
	*Desk
	db       Database
	detector string
	night    int
	report   *night.Report
	waiting  []found
	kept     int
}

// add keeps what was found, in batches, up to the most of a night.
func (w *walk) add(ctx context.Context, all ...found) error {
	for _, f := range all {
		if w.kept >= w.c.Most {
			w.report.Note = "cleaning.most " + string(w.db.ID)
			break
		}
		w.kept++
		w.waiting = append(w.waiting, f)
	}
	if len(w.waiting) < 200 {
		return nil
	}
	return w.flush(ctx)
}

func (w *walk) flush(ctx context.Context) error {
	fresh, err := w.keep(ctx, w.db.ID, w.detector, w.night, w.waiting)
	w.report.Changed += fresh
	w.waiting = w.waiting[:0]
	return err
}

// each walks all databases with a detector: what it finds is kept, what it finds no
// longer is overtaken. Cut off, it begins again, and what it kept stays as it is.
func (d *Desk) each(ctx context.Context, detector string, night int, report *night.Report, look func(context.Context, *walk) error) error {
	if err := d.Resume(ctx); err != nil {
		return err
	}
	for _, db := range d.d.Databases() {
		w := &walk{Desk: d, db: db, detector: detector, night: night, report: report}
		if err := look(ctx, w); err != nil {
			return err
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		if err := d.sweep(ctx, db.ID, detector, night); err != nil {
			return err
		}
	}
	return nil
}

// duplicates finds entries that stand for the same: along each field that entries
// are found by and that tells them apart, those that share its value.
func (d *Desk) duplicates(ctx context.Context, day int) (r night.Report, err error) {
	err = d.each(ctx, Duplicates, day, &r, func(ctx context.Context, w *walk) error {
		seen := map[[2]registry.EntryID]bool{}
		for _, field := range telling(w.db.Declaration) {
			var after []byte
			for {
				groups, err := d.d.Alike.Groups(ctx, w.db.ID, field, after, d.c.Batch, widest+1)
				if err != nil {
					return err
				}
				if len(groups) == 0 {
					break
				}
				after = groups[len(groups)-1].Value
				if err := w.groups(ctx, field, groups, seen); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return r, err
}

// telling are the fields whose value tells an entry from most others: the field of a
// key of one field, the person, and texts that lists can be asked by.
func telling(d *registry.Declaration) (out []string) {
	for i := range d.Fields {
		f := &d.Fields[i]
		if !f.Search || f.Name == d.Facility && !slices.Contains(d.Key, f.Name) {
			continue
		}
		if f.Name == d.Person && ofEvents(d) { // visits looks at those
			continue
		}
		if f.Name == d.Person || f.Type == registry.Text && (!slices.Contains(d.Key, f.Name) || len(d.Key) == 1) {
			out = append(out, f.Name)
		}
	}
	return out
}

// alike is an entry that is compared.
type alike struct {
	row    *house.Row
	clear  registry.Values   // in the clear
	hashes map[string][]byte // what sealed fields are found by
}

// groups looks at entries that share a value of a field.
func (w *walk) groups(ctx context.Context, field string, groups []house.Group, seen map[[2]registry.EntryID]bool) error {
	for chunk := range slices.Chunk(groups, 40) {
		var ids []registry.EntryID
		for _, g := range chunk {
			if len(g.Entries) > 1 && len(g.Entries) <= widest {
				ids = append(ids, g.Entries...)
			}
		}
		if len(ids) == 0 {
			continue
		}
		all, err := w.read(ctx, ids)
		if err != nil {
			return err
		}
		w.report.Seen += int64(len(all))
		for _, g := range chunk {
			if len(g.Entries) > widest {
				continue
			}
			if err := w.group(ctx, field, g, all, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) group(ctx context.Context, field string, g house.Group, all map[registry.EntryID]*alike, seen map[[2]registry.EntryID]bool) error {
	var of []*alike
	for _, id := range g.Entries {
		if a := all[id]; a != nil {
			of = append(of, a)
		}
	}
	slices.SortFunc(of, fuller)
	for i, stays := range of {
		for _, goes := range of[i+1:] {
			pair := [2]registry.EntryID{stays.row.ID, goes.row.ID}
			if bytes.Compare(pair[0][:], pair[1][:]) > 0 {
				pair[0], pair[1] = pair[1], pair[0]
			}
			if seen[pair] {
				continue
			}
			f, ok := w.pair(field, stays, goes)
			if !ok {
				continue
			}
			seen[pair] = true
			if err := w.add(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// fuller puts the entry that says more first, then the one that was there first.
func fuller(a, b *alike) int {
	if n := len(b.clear) + len(b.hashes) - len(a.clear) - len(a.hashes); n != 0 {
		return n
	}
	if !a.row.At.Equal(b.row.At) {
		return a.row.At.Compare(b.row.At)
	}
	return bytes.Compare(a.row.ID[:], b.row.ID[:])
}

// read reads entries with what they are found by; only live ones.
func (w *walk) read(ctx context.Context, ids []registry.EntryID) (map[registry.EntryID]*alike, error) {
	slices.SortFunc(ids, func(a, b registry.EntryID) int { return bytes.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	out := make(map[registry.EntryID]*alike, len(ids))
	for chunk := range slices.Chunk(ids, 500) {
		rows, _, err := w.d.Entries.List(ctx, house.EntryFilter{Database: w.db.ID, IDs: chunk, State: registry.Live, Limit: 1000})
		if err != nil {
			return nil, err
		}
		keys, err := w.d.Alike.KeysOf(ctx, w.db.ID, chunk)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			a := &alike{row: &rows[i], hashes: map[string][]byte{}}
			if err := json.Unmarshal([]byte(rows[i].Open), &a.clear); err != nil {
				return nil, err
			}
			out[rows[i].ID] = a
		}
		for _, k := range keys {
			if a := out[k.Entry]; a != nil && a.clear[k.Field] == "" {
				a.hashes[k.Field] = k.Value
			}
		}
	}
	return out, nil
}

// pair decides whether two entries that share a field stand for the same.
func (w *walk) pair(field string, stays, goes *alike) (f found, ok bool) {
	d := w.db.Declaration
	b := Body{Parts: []Part{{EntryText(stays.row.ID), stays.row.Version}, {EntryText(goes.row.ID), goes.row.Version}}}
	equal, both := 0, 0
	for i := range d.Fields {
		name := d.Fields[i].Name
		x, y := stays.said(name), goes.said(name)
		if x == nil || y == nil {
			continue
		}
		same := bytes.Equal(x, y) || d.Fields[i].Type == registry.Text && !d.Fields[i].Class.Sealed() && near(stays.clear[name], goes.clear[name])
		if same {
			b.Same = append(b.Same, name)
		} else {
			b.Other = append(b.Other, name)
		}
		switch {
		case name == d.Person && !same, name == d.ValidFrom && !same: // two persons, two events
			return f, false
		case name == field || slices.Contains(d.Key, name):
		default:
			both++
			if same {
				equal++
			}
		}
	}
	least, of10 := 3, 8 // a name alone says little
	if field == d.Person {
		least, of10 = 2, 7
	}
	if !w.sameKey(field, stays, goes) && (equal < least || equal*10 < both*of10) {
		return f, false
	}
	b.Signs = []string{"same." + field}
	facts := slices.Concat(stays.row.Content.Bytes(), goes.row.Content.Bytes())
	if bytes.Compare(stays.row.ID[:], goes.row.ID[:]) > 0 {
		facts = slices.Concat(goes.row.Content.Bytes(), stays.row.Content.Bytes())
	}
	return found{kind: Merge, entries: []registry.EntryID{stays.row.ID, goes.row.ID}, facts: facts, body: b}, true
}

// said is what an entry says in a field, to be compared: folded, or a keyed hash.
func (a *alike) said(name string) []byte {
	if v := a.clear[name]; v != "" {
		return []byte(care.Fold(v))
	}
	return a.hashes[name]
}

// sameKey reports whether the keys are one but for how they are written.
func (w *walk) sameKey(field string, a, b *alike) bool {
	key := w.db.Declaration.Key
	if len(key) == 1 && key[0] == field && a.clear[field] != "" {
		return true // folded alike
	}
	for _, name := range key {
		x, y := a.clear[name], b.clear[name]
		if x == "" || squeezed(x) != squeezed(y) {
			return false
		}
	}
	return len(key) > 0
}

// squeezed is the letters and digits of a text, folded.
func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, care.Fold(s))
}

// near reports whether two texts are one to a reader: the same words in another
// order, or one letter in ten written otherwise, two at most. Numbers must be equal.
func near(a, b string) bool {
	x, y := care.NameKey(a), care.NameKey(b)
	if x == y {
		return true
	}
	if digits(x) != digits(y) {
		return false
	}
	p, q := strings.Fields(x), strings.Fields(y)
	slices.Sort(p)
	slices.Sort(q)
	if slices.Equal(p, q) {
		return true
	}
	n := len(x) / 10
	return n > 0 && len(x) < 200 && len(y) < 200 && distance(x, y) <= min(n, 2)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// distance is how many letters must be put in, left out or changed (Levenshtein).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			next := row[j+1]
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(diagonal+cost, row[j]+1, row[j+1]+1)
			diagonal = next
		}
	}
	return row[len(y)]
}
