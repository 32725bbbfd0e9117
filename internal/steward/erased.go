package steward

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"lienthong/internal/care"
	"lienthong/internal/registry"
	"lienthong/internal/store/house"
)

// erased wipes what was made of records that were erased since, in all databases:
// some, so that another round follows. Which records they are comes onto a list with
// the erasure and goes off it when all is done, so that a hub that is killed between
// goes on; doing it twice does nothing the second time.
func (s *Steward) erased(ctx context.Context) (some bool, err error) {
	records, err := s.Entries.Erased(ctx, atOnce)
	if err != nil || len(records) == 0 {
		return false, err
	}
	s.settle() // what was read ahead may be of them
	for _, l := range s.List() {
		if err := s.wipe(ctx, l, records); err != nil {
			return false, fmt.Errorf("steward: wiping in %s: %w", l.ID, err)
		}
	}
	return true, s.Entries.Wiped(ctx, records)
}

// wipe wipes what one database has of erased records: their versions of entries. An
// entry that another record says too is made of that one; one that nobody else says
// ends.
func (s *Steward) wipe(ctx context.Context, l *Live, records []registry.RecordID) error {
	said, err := s.Entries.SaidBy(ctx, l.ID, records)
	if err != nil {
		return err
	}
	made, err := s.Entries.MadeOf(ctx, l.ID, records)
	if err != nil || len(said)+len(made) == 0 {
		return err
	}
	if err := s.wipeTaken(ctx, l.ID, made); err != nil { // of others first: after it nobody knows any more which they are
		return err
	}
	w := Writing{Wipe: records, Unsaid: said}
	if err := s.replace(ctx, l, records, made, &w); err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]any{"records": len(records), "entries": len(made)})
	if err != nil {
		return err
	}
	act := s.act("hub", "database.erase", string(l.ID), string(detail))
	w.Act = &act
	_, err = s.Write(ctx, l.ID, w)
	return err
}

// replace says what becomes of entries whose newest version is of a record that was
// erased.
func (s *Steward) replace(ctx context.Context, l *Live, erased []registry.RecordID, ids []registry.EntryID, w *Writing) error {
	known, err := s.Entries.Known(ctx, l.ID, ids)
	if err != nil {
		return err
	}
	sayers, err := s.Entries.Sayers(ctx, l.ID, ids)
	if err != nil {
		return err
	}
	var again []registry.RecordID
	for _, x := range sayers {
		if !slices.Contains(erased, x.Record) && !isEntry(x.Record) && !slices.Contains(again, x.Record) {
			again = append(again, x.Record)
		}
	}
	if err := s.readAgain(ctx, followerOf(l), again, w); err != nil {
		return err
	}
	drafted := map[registry.EntryID]bool{}
	w.Drafts = slices.DeleteFunc(w.Drafts, func(d Draft) bool { // what else they say stands as it is
		key, ok := l.Key(l.Check(d.Values, s.Clock.Now()).Values)
		if !ok {
			return true
		}
		for _, id := range s.entryIDs(key) {
			i := slices.Index(ids, id)
			if i >= 0 && slices.Contains(erased, known[i].Origin.Record) && known[i].State == registry.Live {
				drafted[id] = true
				return false
			}
		}
		return true
	})
	now := s.Clock.Now()
	for i, id := range ids {
		is := &known[i]
		if is.State != registry.Live || drafted[id] || !slices.Contains(erased, is.Origin.Record) {
			continue
		}
		w.Closes = append(w.Closes, house.Close{ID: id, Version: is.Version, State: registry.Ended, Until: now})
	}
	return nil
}

// asSayer is an entry as the one who says entries of a database that takes from its
// own; isEntry tells such.
func asSayer(of registry.ID, entry registry.EntryID) registry.RecordID {
	return registry.RecordID{Facility: care.FacilityCode("db:" + string(of)), Serial: entry}
}

func isEntry(r registry.RecordID) bool { return len(r.Facility) > 3 && r.Facility[:3] == "db:" }

// wipeTaken wipes what other databases took from entries, and has these databases
// take all again that there is: an entry that somebody else says comes back.
func (s *Steward) wipeTaken(ctx context.Context, from registry.ID, entries []registry.EntryID) error {
	if len(entries) == 0 {
		return nil
	}
	for _, l := range s.List() {
		if !slices.ContainsFunc(l.Sources, func(src registry.Source) bool { return src.Kind == registry.FromDatabase && src.From == from }) {
			continue
		}
		sayers := make([]registry.RecordID, len(entries))
		for i := range entries {
			sayers[i] = asSayer(from, entries[i])
		}
		said, err := s.Entries.SaidBy(ctx, l.ID, sayers)
		if err != nil {
			return err
		}
		var ids []registry.EntryID
		for _, x := range said {
			if !slices.Contains(ids, x.Entry) {
				ids = append(ids, x.Entry)
			}
		}
		if len(ids) == 0 {
			continue
		}
		if err := s.wipeTaken(ctx, l.ID, ids); err != nil {
			return err
		}
		if err := s.wipeAll(ctx, l, from, ids); err != nil {
			return err
		}
	}
	return nil
}

// wipeAll wipes all versions of entries that were taken from another database, and
// begins to take from that one anew.
func (s *Steward) wipeAll(ctx context.Context, l *Live, from registry.ID, ids []registry.EntryID) error {
	detail, err := json.Marshal(map[string]any{"entries": len(ids), "from": from})
	if err != nil {
		return err
	}
	act := s.act("hub", "database.erase", string(l.ID), string(detail))
	w := Writing{Act: &act}
	for _, id := range ids {
		w.Closes = append(w.Closes, house.Close{ID: id, State: registry.Ended, Until: s.Clock.Now(), Wipe: true})
	}
	if _, err := s.Write(ctx, l.ID, w); err != nil {
		return err
	}
	places, err := s.Entries.Places(ctx, l.ID)
	if err != nil {
		return err
	}
	for _, p := range places {
		if !slices.ContainsFunc(l.Sources, func(src registry.Source) bool { return src.Kind == registry.FromDatabase && src.ID == p.Source }) {
			continue
		}
		was := p.Cursor
		p.Cursor = ""
		if err := s.Entries.Put(ctx, l.ID, house.Batch{Place: &p}, was); err != nil {
			return err
		}
	}
	return nil
}
