package steward

import (
	"context"
	"encoding/json"
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/store/house"
)

// ReadAgain has a feed read from its first line again: under no version of the
// declaration it was read yet. Faults: database.source, those of Managed, store.changed.
func (s *Steward) ReadAgain(ctx context.Context, who Who, id registry.ID, source string) error {
	l, err := s.Managed(who, id)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(l.Sources, func(x registry.Source) bool { return x.ID == source && x.Kind == registry.FromFeed }) {
		return ErrSource
	}
	places, err := s.Entries.Places(ctx, l.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(places, func(p house.Place) bool { return p.Source == source })
	if i < 0 || places[i].Declared == 0 {
		return nil // nothing was read yet
	}
	detail, err := json.Marshal(map[string]string{"source": source})
	if err != nil {
		return err
	}
	p, was := places[i], places[i].Cursor
	p.Declared, p.Code = 0, ""
	act := s.act(who.Name, "database.feed_again", string(l.ID), string(detail))
	return s.Entries.Put(ctx, l.ID, house.Batch{Place: &p, Act: &act}, was)
}
