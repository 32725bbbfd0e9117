package cleaning

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/store/house"
)

// ofEvents reports whether entries are what happened to a person at a facility on a
// day, numbered by the facility: visits, doses. One person has many, so that the
// person tells nothing apart; the number does, unless one thing was numbered twice.
func ofEvents(d *registry.Declaration) bool {
	return d.Person != "" && d.Facility != "" && d.ValidFrom != "" && !slices.Contains(d.Key, d.Person) && slices.Contains(d.Key, d.Facility) && len(d.Key) > 1
}

// mostEvents is how many events of one person are compared with each other.
const mostEvents = 500

// visits finds one event sent under two numbers: of one person, at one facility, at
// the same time, with the same in all that both say. What is sealed is opened last,
// of those that agree in everything else, and each look is written down first.
func (d *Desk) visits(ctx context.Context, day int) (r night.Report, err error) {
	left := d.c.Questions
	err = d.each(ctx, Visits, day, &r, func(ctx context.Context, w *walk) error {
		if !ofEvents(w.db.Declaration) {
			return nil
		}
		e := &events{walk: w, left: &left, began: d.d.Clock.Now().Truncate(time.Microsecond)}
		if err := e.resume(ctx); err != nil {
			return err
		}
		if err := e.persons(ctx); err != nil {
			return err
		}
		return e.rest(ctx)
	})
	return r, err
}

// events is a walk through one database of events.
type events struct {
	*walk
	left  *int // how many entries may still be opened this night
	began time.Time
	place house.Place
	from  opened
	ran   []byte // the person at whom nothing more could be opened, nil: nobody
}

// opened is up to where sealed values were compared: those of persons before From at
// the place's moment, of the others at Old. A pair that did not change since is not
// opened again.
type opened struct {
	From string    `json:"from"` // hexadecimal
	Old  time.Time `json:"old"`
}

func (e *events) resume(ctx context.Context) error {
	e.place = house.Place{Database: e.db.ID, Source: "cleaning." + Visits}
	places, err := e.d.Entries.Places(ctx, e.db.ID)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(places, func(p house.Place) bool { return p.Source == e.place.Source }); i >= 0 {
		e.place = places[i]
	}
	if e.place.Cursor == "" {
		return nil
	}
	return json.Unmarshal([]byte(e.place.Cursor), &e.from)
}

// since is when pairs of a person were last looked at.
func (e *events) since(person []byte) time.Time {
	if e.place.Cursor != "" && hex.EncodeToString(person) >= e.from.From {
		return e.from.Old
	}
	return e.place.At
}

// rest keeps how far sealed values were compared.
func (e *events) rest(ctx context.Context) error {
	was, next := e.place.Cursor, ""
	if e.ran != nil {
		old := e.place.At
		if was != "" {
			old = e.from.Old
		}
		text, err := json.Marshal(opened{From: hex.EncodeToString(e.ran), Old: old})
		if err != nil {
			return err
		}
		next = string(text)
		e.report.Note = "cleaning.most " + string(e.db.ID)
	}
	e.place.Cursor, e.place.At = next, e.began
	return e.d.Entries.Put(ctx, e.db.ID, house.Batch{Place: &e.place}, was)
}

func (e *events) persons(ctx context.Context) error {
	var after []byte
	for {
		groups, err := e.d.Alike.Groups(ctx, e.db.ID, e.db.Person, after, e.c.Batch, mostEvents)
		if err != nil || len(groups) == 0 {
			return err
		}
		after = groups[len(groups)-1].Value
		for chunk := range slices.Chunk(groups, 40) {
			if err := e.some(ctx, chunk); err != nil {
				return err
			}
		}
	}
}

func (e *events) some(ctx context.Context, groups []house.Group) error {
	var ids []registry.EntryID
	for _, g := range groups {
		if len(g.Entries) > 1 {
			ids = append(ids, g.Entries...)
		}
	}
	all, err := e.read(ctx, ids)
	if err != nil {
		return err
	}
	e.report.Seen += int64(len(all))
	for _, g := range groups {
		var of []*alike
		for _, id := range g.Entries {
			if a := all[id]; a != nil {
				of = append(of, a)
			}
		}
		slices.SortFunc(of, fuller)
		for i, stays := range of {
			for _, goes := range of[i+1:] {
				f, ok, err := e.twice(ctx, g.Value, stays, goes)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				if err := e.add(ctx, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// twice decides whether two events of one person are one.
func (e *events) twice(ctx context.Context, person []byte, stays, goes *alike) (f found, ok bool, err error) {
	c := comparing{events: e, stays: stays, goes: goes}
	if !c.clear() {
		return f, false, nil
	}
	facts := slices.Concat(stays.row.Content.Bytes(), goes.row.Content.Bytes())
	if bytes.Compare(stays.row.ID[:], goes.row.ID[:]) > 0 {
		facts = slices.Concat(goes.row.Content.Bytes(), stays.row.Content.Bytes())
	}
	f = found{kind: Merge, entries: []registry.EntryID{stays.row.ID, goes.row.ID}, facts: facts}
	c.body.Parts = []Part{{EntryText(stays.row.ID), stays.row.Version}, {EntryText(goes.row.ID), goes.row.Version}}
	if sealed := c.sealed(); len(sealed) > 0 {
		since := e.since(person)
		if !since.IsZero() && stays.row.At.Before(since) && goes.row.At.Before(since) {
			f.body, ok, err = e.before(ctx, &f, c.body.Parts)
			return f, ok, err
		}
		if *e.left < 2 {
			if e.ran == nil {
				e.ran = person
			}
			return f, false, nil
		}
		*e.left -= 2
		if ok, err := c.open(ctx, sealed); err != nil || !ok {
			return f, false, err
		}
	}
	f.body = c.body
	return f, c.enough(3), nil
}

// before is what was proposed of two entries that did not change since they were
// opened; ok is false where that told them apart.
func (e *events) before(ctx context.Context, f *found, parts []Part) (Body, bool, error) {
	held, err := e.d.Proposals.Held(ctx, []string{nameOf(e.db.ID, e.detector, f)})
	if err != nil || len(held) == 0 {
		return Body{}, false, err
	}
	all, err := read(held)
	if err != nil {
		return Body{}, false, err
	}
	b := all[0].Body
	b.Parts = parts
	return b, true, nil
}

// comparing is two entries beside each other.
type comparing struct {
	*events
	stays, goes *alike
	body        Body
	agree       int // fields of the event that say the same
	filled      int // fields of the event that one of them fills
	days        int // days that are the same
	key         bool
}

// enough reports whether enough of what they say agrees.
func (c *comparing) enough(least int) bool {
	return c.key || c.agree >= least && c.agree*10 >= c.filled*7
}

// clear compares what is in the clear, and keyed hashes.
func (c *comparing) clear() bool {
	d, shifted := c.db.Declaration, 0
	for _, name := range d.Key { // the number may differ, nothing else
		i := slices.IndexFunc(d.Fields, func(f registry.Field) bool { return f.Name == name })
		if x, y := c.stays.said(name), c.goes.said(name); (name == d.Facility || d.Fields[i].Type != registry.Text) && (x == nil || !bytes.Equal(x, y)) {
			return false
		}
	}
	if c.key = c.sameKey("", c.stays, c.goes); c.key {
		c.body.Signs = []string{"key"}
	} else {
		c.body.Signs = []string{"visit"}
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		x, y := c.stays.said(f.Name), c.goes.said(f.Name)
		switch {
		case f.Name == d.Person:
			c.body.Same = append(c.body.Same, f.Name)
			continue
		case x == nil || y == nil:
			if f.Name == d.ValidFrom {
				return false
			}
			if (x != nil || y != nil) && !slices.Contains(d.Key, f.Name) {
				c.filled++
			}
			continue
		case slices.Contains(d.Key, f.Name):
			c.put(f.Name, bytes.Equal(x, y))
			continue
		}
		how := apart
		if bytes.Equal(x, y) {
			how = equal
		} else if !f.Class.Sealed() {
			how = window(f.Type, c.stays.clear[f.Name], c.goes.clear[f.Name])
		}
		if how == apart && !c.key || how != equal && c.key && f.Name == d.ValidFrom {
			return false
		}
		c.put(f.Name, how == equal)
		if how == nearby {
			c.body.Signs = append(c.body.Signs, "close."+f.Name)
		}
		if isDay := f.Type == registry.Date || f.Type == registry.Moment; isDay && how == equal {
			c.days++
		} else if isDay && how == nearby {
			shifted++
		}
		if f.Name != d.ValidFrom {
			c.count(how != apart)
		}
	}
	// two days that both moved by one are a course of visits, not one of them
	return (shifted == 0 || c.days > 0) && c.enough(2)
}

func (c *comparing) put(field string, same bool) {
	if same {
		c.body.Same = append(c.body.Same, field)
	} else {
		c.body.Other = append(c.body.Other, field)
	}
}

func (c *comparing) count(agrees bool) {
	c.filled++
	if agrees {
		c.agree++
	}
}

// sealed are the fields that only opening compares.
func (c *comparing) sealed() (out []string) {
	if c.d.Book == nil || c.key {
		return nil
	}
	for i := range c.db.Fields {
		f := &c.db.Fields[i]
		if f.Class.Sealed() && f.Name != c.db.Person && c.stays.hashes[f.Name] == nil && c.goes.hashes[f.Name] == nil && !slices.Contains(c.db.Declaration.Key, f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}

// open opens both and compares fields; false where one tells them apart.
func (c *comparing) open(ctx context.Context, fields []string) (bool, error) {
	both, err := c.d.Book.Open(ctx, c.db.ID, []registry.EntryID{c.stays.row.ID, c.goes.row.ID})
	if err != nil || len(both) != 2 {
		return false, err
	}
	c.body.Signs = append(c.body.Signs, "opened")
	for _, name := range fields {
		x, y := care.Fold(both[0].Values[name]), care.Fold(both[1].Values[name])
		switch {
		case x == "" && y == "":
		case x == "" || y == "":
			c.filled++
		case x != y:
			return false, nil
		default:
			c.put(name, true)
			c.count(true)
		}
	}
	return true, nil
}

// How two values that are in the clear stand to each other.
const (
	apart  = iota
	nearby // within a day, an hour, one part in a hundred
	equal
)

// window compares two values that are not the same text.
func window(t registry.Type, a, b string) int {
	switch t {
	case registry.Date:
		x, err1 := time.Parse(time.DateOnly, a)
		y, err2 := time.Parse(time.DateOnly, b)
		if err1 == nil && err2 == nil && x.Sub(y).Abs() <= 24*time.Hour {
			return nearby
		}
	case registry.Moment:
		x, err1 := time.Parse(time.RFC3339, a)
		y, err2 := time.Parse(time.RFC3339, b)
		switch {
		case err1 != nil || err2 != nil:
		case x.Equal(y):
			return equal
		case x.Sub(y).Abs() <= time.Hour:
			return nearby
		}
	case registry.Decimal:
		x, err1 := strconv.ParseFloat(a, 64)
		y, err2 := strconv.ParseFloat(b, 64)
		switch {
		case err1 != nil || err2 != nil:
		case x == y:
			return equal
		case math.Abs(x-y) <= math.Max(math.Abs(x), math.Abs(y))/100:
			return nearby
		}
	case registry.Text:
		if near(a, b) {
			return nearby
		}
	}
	return apart
}
