package register

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Query asks for entries.
type Query struct {
	By       map[string]string // field -> value; a value of an open field that ends in "*" is how it begins
	State    registry.EntryState
	Facility care.FacilityCode
	Import   string
	Stale    bool   // not confirmed in the time the declaration gives
	Newest   bool   // the last changed first; goes without By
	Cursor   string // what List gave
	Limit    int    // at most 500; 0: 50
}

// Page is part of a list.
type Page struct {
	Entries []registry.Entry
	Next    string // "" at the end
}

// List returns entries as the reader sees them; one that does not open is Unreadable. One row is written for each entry of
// which something sealed is opened, and one for the list where nothing is.
func (e *Entries) List(ctx context.Context, r Reader, id registry.ID, q Query) (Page, error) {
	v, err := e.Database(r, id)
	if err != nil {
		return Page{}, err
	}
	f, err := e.filter(r, &v, q)
	if err != nil {
		return Page{}, err
	}
	rows, more, err := e.d.Entries.List(ctx, f)
	if err != nil {
		return Page{}, err
	}
	p := Page{}
	if more && f.Newest {
		p.Next = fmt.Sprintf("n%d", rows[len(rows)-1].Seq)
	} else if more {
		p.Next = steward.EntryText(rows[len(rows)-1].ID)
	}
	if p.Entries, err = e.show(ctx, r, &v, rows, false); err != nil || len(p.Entries) > 0 || q.Cursor != "" {
		return p, err
	}
	return p, e.inVain(ctx, r, &v, f.Match)
}

// inVain writes down that a reader asked by a value that lies sealed, and was shown
// nothing: that nobody has such a number is an answer too. It keeps which fields were
// asked by and a digest of their keyed hashes, no value.
func (e *Entries) inVain(ctx context.Context, r Reader, v *View, asked []house.Match) error {
	var fields []string
	sum := sha256.New()
	for _, m := range asked {
		if i := slices.IndexFunc(v.Fields, func(f registry.Field) bool { return f.Name == m.Field }); i >= 0 && v.Fields[i].Class.Sealed() && len(m.Values) > 0 {
			fields = append(fields, m.Field)
			sum.Write(m.Values[0])
		}
	}
	if len(fields) == 0 {
		return nil
	}
	facts, err := json.Marshal(map[string]any{"database": v.ID, "asked": fields, "digest": hex.EncodeToString(sum.Sum(nil)[:8]), "found": 0})
	if err != nil {
		return err
	}
	basis, purpose := Shared, v.Sight.Purpose
	if v.Sight.By == "steward" {
		basis, purpose = Steward, string(Purpose)
	} else if !v.Shared {
		basis, purpose = OwnSource, string(Purpose)
	}
	look := store.Disclosure{At: e.d.Clock.Now(), Reader: r.Name, Role: r.Role.String(), Basis: basis, Policy: "search@" + string(v.ID) + "/" + fmt.Sprint(v.Taken.Version),
		Route: r.Route, Staff: r.Staff, Purpose: purpose, Facts: string(facts)}
	if err := e.d.Log.Record(ctx, []store.Disclosure{look}); err != nil {
		return fmt.Errorf("register: writing down a search: %w", err)
	}
	return nil
}

func (e *Entries) filter(r Reader, v *View, q Query) (house.EntryFilter, error) {
	f := house.EntryFilter{Database: v.ID, State: q.State, Facility: q.Facility, Import: q.Import, Newest: q.Newest && len(q.By) == 0, Limit: min(max(q.Limit, 0), 500)}
	if q.Facility != "" && v.Shared && !v.places() {
		return f, ErrSearch
	}
	if q.Stale && v.Refresh.Stale > 0 {
		f.Before = e.d.Clock.Now().Add(-v.Refresh.Stale)
	}
	if v.Own && !v.Shared {
		f.Facilities = []care.FacilityCode{care.FacilityCode(r.Role.ID)}
	} else if scope := r.Role.Scope(); v.Sight.By != "steward" && scope.Province != "" && e.d.Scopes != nil {
		f.Facilities = e.d.Scopes(scope)
		if f.Facilities == nil {
			f.Facilities = []care.FacilityCode{}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.By)) {
		if v.Own && v.Sight.By != "steward" && !slices.Contains(v.Sight.Fields, name) { // of others it would tell who they are
			f.Facilities = []care.FacilityCode{care.FacilityCode(r.Role.ID)}
		}
		m, err := e.match(v, name, q.By[name])
		if err != nil {
			return f, err
		}
		f.Match = append(f.Match, m)
	}
	switch {
	case q.Cursor == "":
	case f.Newest:
		if _, err := fmt.Sscanf(q.Cursor, "n%d", &f.AfterSeq); err != nil || fmt.Sprintf("n%d", f.AfterSeq) != q.Cursor {
			return f, ErrCursor
		}
	default:
		var err error
		if f.After, err = steward.ParseEntry(q.Cursor); err != nil {
			return f, ErrCursor
		}
	}
	return f, nil
}

func (e *Entries) match(v *View, name, value string) (house.Match, error) {
	i := slices.IndexFunc(v.Fields, func(f registry.Field) bool { return f.Name == name && f.Search })
	if i < 0 || !slices.Contains(v.Sight.Fields, name) && !v.Own {
		return house.Match{}, ErrSearch
	}
	value = strings.TrimSpace(value)
	prefix, begins := strings.CutSuffix(value, "*")
	if !begins || v.Fields[i].Class.Sealed() {
		prefix, begins = v.Check(registry.Values{name: value}, e.d.Clock.Now()).Values[name], false
	}
	if m, err := care.ParseDate(value); v.Fields[i].Type == registry.Moment && err == nil && m.Precision() == care.ByDay { // all of that day
		day := m.Time().In(clock.Hanoi).Format(time.DateOnly)
		if v.Fields[i].Class.Sealed() {
			return house.Match{Field: steward.DayKey(name), Values: steward.SearchKeys(e.d.Vault, v.ID, steward.DayKey(name), day)}, nil
		}
		return house.Match{Field: name, Values: [][]byte{steward.Folded(day + "T")}, Prefix: true}, nil
	}
	if v.Fields[i].Class.Sealed() {
		return house.Match{Field: name, Values: steward.SearchKeys(e.d.Vault, v.ID, name, prefix)}, nil
	}
	folded := steward.Folded(prefix)
	if len(folded) == 0 {
		return house.Match{}, ErrSearch
	}
	return house.Match{Field: name, Values: [][]byte{folded}, Prefix: begins}, nil
}

// Get returns an entry as it was known at a moment (zero: now). Faults: database.absent.
func (e *Entries) Get(ctx context.Context, r Reader, id registry.ID, entry registry.EntryID, at time.Time) (registry.Entry, error) {
	v, err := e.Database(r, id)
	if err != nil {
		return registry.Entry{}, err
	}
	if v.blunt(Shared) && v.Sight.By != "steward" {
		at = dayOf(at)
	}
	row, err := e.d.Entries.Get(ctx, id, entry, at)
	if err != nil {
		return registry.Entry{}, absent(err)
	}
	out, err := e.show(ctx, r, &v, []house.Row{*row}, true)
	if err == nil && len(out) == 0 {
		err = steward.ErrAbsent
	}
	if err != nil {
		return registry.Entry{}, err
	}
	return out[0], nil
}

// History returns the versions of an entry, the newest first; one that does not open
// is Unreadable.
func (e *Entries) History(ctx context.Context, r Reader, id registry.ID, entry registry.EntryID) ([]registry.Entry, error) {
	v, err := e.Database(r, id)
	if err != nil {
		return nil, err
	}
	rows, err := e.d.Entries.History(ctx, id, entry, 200)
	if err != nil {
		return nil, absent(err)
	}
	out, err := e.show(ctx, r, &v, rows, false)
	if err == nil && len(out) == 0 {
		err = steward.ErrAbsent
	}
	return out, err
}

// absent tells what is not there as what may not be known of.
func absent(err error) error {
	if errors.Is(err, store.ErrAbsent) {
		return steward.ErrAbsent
	}
	return err
}

// Feed returns entries whose last change is behind a place ("" from the first), and
// the place after them: who asks again with it misses nothing, and gets an entry that
// ended with its state; one that does not open is Unreadable. A facility without a share has no feed: it lists its own.
func (e *Entries) Feed(ctx context.Context, r Reader, id registry.ID, since string, limit int) ([]registry.Entry, string, error) {
	v, err := e.Database(r, id)
	if err != nil {
		return nil, "", err
	}
	var after int64
	if since != "" {
		if _, err := fmt.Sscanf(since, "%d", &after); err != nil || fmt.Sprint(after) != since || after < 0 {
			return nil, "", ErrCursor
		}
	}
	if !v.Shared { // places in the order of all changes tell how many entries others have
		return nil, "", steward.ErrAbsent
	}
	rows, err := e.d.Entries.Changes(ctx, id, after, min(max(limit, 0), 500))
	if err != nil {
		return nil, "", err
	}
	for i := range rows {
		after = rows[i].Seq
	}
	out, err := e.show(ctx, r, &v, rows, false)
	return out, fmt.Sprint(after), err
}

// Changes is what package steward makes entries of another database from: as the
// steward unit of that one may see them. What does not open is left out: the other
// database keeps what it made of it before.
func (e *Entries) Changes(ctx context.Context, of registry.ID, unit string, after int64, limit int) ([]registry.Entry, int64, error) {
	r := Reader{Role: role.Role{Kind: role.Unit, ID: unit}, Name: Databases, Route: "databases:" + string(of)}
	out, next, err := e.Feed(ctx, r, of, fmt.Sprint(after), limit)
	if err != nil {
		return nil, 0, err
	}
	out = slices.DeleteFunc(out, func(e registry.Entry) bool { return e.Unreadable })
	_, err = fmt.Sscanf(next, "%d", &after)
	return out, after, err
}
