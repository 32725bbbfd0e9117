package steward

import (
	"context"
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/store/house"
)

// unsay finds entries that records no longer say: of records that were superseded or
// withdrawn, and of those read again. An entry that another record still says is made
// of that one; one that nobody says ends.
func (s *Steward) unsay(ctx context.Context, f *follower, gone, reread []registry.RecordID, w *Writing) error {
	if len(gone)+len(reread) == 0 {
		return nil
	}
	before, err := s.Entries.SaidBy(ctx, f.ID, slices.Concat(gone, reread))
	if err != nil || len(before) == 0 {
		return err
	}
	says := map[house.Said]bool{}
	drafted := map[registry.EntryID]bool{}
	for i := range w.Drafts {
		d := &w.Drafts[i]
		key, ok := f.Key(f.Check(d.Values, s.Clock.Now()).Values)
		if !ok {
			continue
		}
		for _, id := range s.entryIDs(key) {
			says[house.Said{Record: d.Origin.Record, Entry: id}], drafted[id] = true, true
		}
	}
	unsaid := map[house.Said]bool{}
	var ids []registry.EntryID
	for _, x := range before {
		if says[x] || unsaid[x] {
			continue
		}
		unsaid[x] = true
		w.Unsaid = append(w.Unsaid, x)
		if !drafted[x.Entry] && !slices.Contains(ids, x.Entry) {
			ids = append(ids, x.Entry)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return s.orphans(ctx, f, ids, unsaid, w)
}

// orphans finds who else says entries.
func (s *Steward) orphans(ctx context.Context, f *follower, ids []registry.EntryID, unsaid map[house.Said]bool, w *Writing) error {
	known, err := s.Entries.Known(ctx, f.ID, ids)
	if err != nil {
		return err
	}
	sayers, err := s.Entries.Sayers(ctx, f.ID, ids)
	if err != nil {
		return err
	}
	other := map[registry.EntryID]registry.RecordID{}
	for _, x := range sayers {
		if !unsaid[x] {
			other[x.Entry] = x.Record
		}
	}
	now := s.Clock.Now()
	var again []registry.RecordID
	for i, id := range ids {
		is := &known[i]
		if !unsaid[house.Said{Record: is.Origin.Record, Entry: id}] || is.State != registry.Live {
			continue // somebody else said it later, or it is over
		}
		if r, ok := other[id]; ok {
			if !slices.Contains(again, r) {
				again = append(again, r)
			}
			continue
		}
		w.Closes = append(w.Closes, house.Close{ID: id, Version: is.Version, State: registry.Ended, Until: now})
	}
	return s.readAgain(ctx, f, again, w)
}

// readAgain puts before a writing's drafts what other records say.
func (s *Steward) readAgain(ctx context.Context, f *follower, records []registry.RecordID, w *Writing) error {
	if len(records) == 0 {
		return nil
	}
	asked := make([]Asked, len(records))
	for i, r := range records {
		asked[i] = Asked{ID: dossier.ID(r), Names: string(f.ID)}
		for k := range f.kinds {
			asked[i].Sets = withSets(asked[i].Sets, f, k)
		}
	}
	opened, err := s.Records.Open(ctx, asked)
	if err != nil {
		return err
	}
	var first []Draft
	for i, r := range records {
		if err := opened[i].Damaged; err != nil {
			s.Logger.Error("record not read for databases", "record", dossier.ID(r).String(), "error", err)
		}
		for k := range f.kinds { // the kind that it is not of gives nothing
			first = append(first, s.drafts(f.Live, dossier.ID(r), k, s.Clock.Now(), opened[i].Contents)...)
		}
	}
	w.Drafts = append(first, w.Drafts...)
	return nil
}
