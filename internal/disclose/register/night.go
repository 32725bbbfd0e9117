package register

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// What rows say of entries that the night marks again: only marks leave.
const (
	Recheck       = "recheck"
	recheckPolicy = "recheck/1"
)

// Recheck gives all values of entries to the night, which marks them again: no person
// reads them. One row says first which entries of a database are opened, from which to
// which in their order; where nothing is sealed there is none. Of an entry that does not
// open, as of one whose key is destroyed, there is nil.
func (e *Entries) Recheck(ctx context.Context, id registry.ID, rows []house.Row) ([]registry.Values, error) {
	var sealed []*house.Row
	for i := range rows {
		if len(rows[i].Sealed) > 0 {
			sealed = append(sealed, &rows[i])
		}
	}
	if len(sealed) > 0 {
		facts, err := json.Marshal(map[string]any{"database": id, "from": steward.EntryText(sealed[0].ID), "to": steward.EntryText(sealed[len(sealed)-1].ID), "entries": len(sealed)})
		if err != nil {
			return nil, err
		}
		look := store.Disclosure{At: e.d.Clock.Now(), Reader: "night", Role: "hub", Basis: Recheck, Policy: recheckPolicy, Reason: "entries/" + string(id), Route: "night",
			Count: len(sealed), Facts: string(facts)}
		if err := e.d.Log.Record(ctx, []store.Disclosure{look}); err != nil {
			return nil, fmt.Errorf("register: writing down a look: %w", err)
		}
	}
	out := make([]registry.Values, len(rows))
	for i := range rows {
		all := registry.Values{}
		if err := json.Unmarshal([]byte(rows[i].Open), &all); err != nil {
			return nil, fmt.Errorf("register: an entry of %s: %w", id, err)
		}
		if len(rows[i].Sealed) > 0 {
			closed, err := e.open(&rows[i])
			if err != nil {
				continue
			}
			maps.Copy(all, closed)
		}
		out[i] = all
	}
	return out, nil
}
