package house

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/cleaning"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	pages "lienthong/internal/web/portal/cleaning"
)

// name is what a database is called.
func (k entryKeeper) name(id registry.ID) fault.Text {
	if l, err := k.steward.Get(id); err == nil {
		return l.Name
	}
	return fault.Text{VI: string(id), EN: string(id)}
}

// sideBySide is what a reader may see of the entries of a proposal: fields in the
// clear with their values, sealed ones only as the same or other, by what they are
// found by. Nothing is opened.
func sideBySide(ctx context.Context, s *steward.Steward, entries house.Entries, by house.Alike, r role.Role, p *cleaning.Proposal, now time.Time) ([]pages.Line, error) {
	l, err := s.Get(p.Database)
	if err != nil {
		return nil, err
	}
	sight, ok := l.Sees(r, now)
	if r.Kind == role.Operator {
		sight.Fields, ok = l.Names(), true
	}
	if !ok || len(p.Body.Parts) == 0 {
		return nil, nil
	}
	said := make([]registry.Values, len(p.Body.Parts))
	found := make([]map[string][]byte, len(p.Body.Parts))
	for i, part := range p.Body.Parts {
		id, err := hex.DecodeString(part.Entry)
		if err != nil || len(id) != 16 {
			return nil, errors.New("house: a proposal names an entry that is none")
		}
		row, err := entries.Get(ctx, p.Database, registry.EntryID(id), time.Time{})
		if errors.Is(err, store.ErrAbsent) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(row.Open), &said[i]); err != nil {
			return nil, err
		}
		keys, err := by.KeysOf(ctx, p.Database, []registry.EntryID{registry.EntryID(id)})
		if err != nil {
			return nil, err
		}
		found[i] = map[string][]byte{}
		for _, k := range keys {
			found[i][k.Field] = k.Value
		}
	}
	var out []pages.Line
	for i := range l.Fields {
		f := &l.Fields[i]
		if !slices.Contains(sight.Fields, f.Name) {
			continue
		}
		line := pages.Line{Field: f.Name, Label: f.Label, Sealed: f.Class.Sealed()}
		var say [][]byte
		for n := range said {
			if line.Sealed {
				say = append(say, found[n][f.Name])
				continue
			}
			line.Values = append(line.Values, said[n][f.Name])
			say = append(say, []byte(care.Fold(said[n][f.Name])))
		}
		line.Known = !slices.ContainsFunc(say, func(b []byte) bool { return len(b) == 0 })
		line.Same = line.Known && !slices.ContainsFunc(say, func(b []byte) bool { return !bytes.Equal(b, say[0]) })
		if line.Sealed && !line.Known { // opened when it was found
			line.Same = slices.Contains(p.Body.Same, f.Name)
			line.Known = line.Same || slices.Contains(p.Body.Other, f.Name)
		}
		if line.Sealed || slices.ContainsFunc(line.Values, func(v string) bool { return v != "" }) {
			out = append(out, line)
		}
	}
	return out, nil
}
