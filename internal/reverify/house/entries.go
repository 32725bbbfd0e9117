package house

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/store/form"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// entries holds the values of every entry, as it is now, against their keyed hash.
func (c *check) entries(ctx context.Context) error {
	if c.House.Entries == nil || c.House.Databases == nil || c.Vault == nil {
		return nil
	}
	declared, err := c.House.Databases.Declared(ctx)
	if err != nil {
		return fmt.Errorf("house: entries: %w", err)
	}
	for i := range declared {
		for f := (house.EntryFilter{Database: declared[i].Database, Limit: 1000}); ; {
			page, more, err := c.House.Entries.List(ctx, f)
			if err != nil {
				return fmt.Errorf("house: entries: %w", err)
			}
			for k := range page {
				if c.nth++; c.Sample > 1 && c.nth%c.Sample != 0 {
					continue
				}
				if !c.entry(&page[k]) {
					c.differ("entry.edited", "db_entry", string(page[k].Database)+"/"+steward.EntryText(page[k].ID), "")
				}
			}
			if !more || len(page) == 0 {
				break
			}
			f.After = page[len(page)-1].ID
		}
	}
	return nil
}

// entry reports whether the values of an entry are those its hash is of. Of one that
// was wiped nothing is left to hold.
func (c *check) entry(r *house.Row) bool {
	values := registry.Values{}
	if r.Content == (vault.Keyed{}) {
		return len(r.Sealed) == 0 && len(r.Wrapped) == 0 && (r.Open == "" || r.Open == "{}")
	}
	if form.Exact(r.Open, &values) != nil {
		return false
	}
	if len(r.Sealed) > 0 {
		plain, err := c.Vault.Open(steward.SealName(r.Database, r.ID), r.Wrapped, 0, r.Sealed)
		closed := registry.Values{}
		if err != nil || json.Unmarshal(plain, &closed) != nil {
			return false
		}
		maps.Copy(values, closed)
	}
	return slices.Contains(steward.Contents(c.Vault, r.Database, values), r.Content)
}
