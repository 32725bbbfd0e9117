package steward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Others reads another database's entries for one, as its steward may see them.
type Others interface {
	// Changes returns entries of a database behind a place in its order of changes,
	// with the values that the unit sees, and the place after the last.
	Changes(ctx context.Context, of registry.ID, unit string, after int64, limit int) ([]registry.Entry, int64, error)
}

// fromOthers makes entries out of entries of other databases.
func (s *Steward) fromOthers(ctx context.Context) (some bool, err error) {
	if s.Others == nil {
		return false, nil
	}
	for _, l := range s.List() {
		for i := range l.Sources {
			if src := &l.Sources[i]; src.Kind == registry.FromDatabase && !l.Dissolved {
				did, err := s.fromOther(ctx, l, src)
				if err != nil {
					return some, err
				}
				some = some || did
			}
		}
	}
	return some, nil
}

func (s *Steward) fromOther(ctx context.Context, l *Live, src *registry.Source) (bool, error) {
	places, err := s.Entries.Places(ctx, l.ID)
	if err != nil {
		return false, err
	}
	p := house.Place{Database: l.ID, Source: src.ID}
	for _, x := range places {
		if x.Source == src.ID {
			p = x
		}
	}
	was, after := p.Cursor, int64(0)
	if p.Declared == l.Taken.Version && p.Cursor != "" {
		if err := json.Unmarshal([]byte(p.Cursor), &after); err != nil {
			return false, err
		}
	}
	entries, next, err := s.Others.Changes(ctx, src.From, l.Steward, after, atOnce)
	if errors.Is(err, ErrAbsent) || errors.Is(err, store.ErrAbsent) {
		return false, s.StandStill(ctx, p, was, l, "database.not_shared")
	}
	if err != nil || len(entries) == 0 {
		return false, err
	}
	p.Declared, p.At, p.Code, p.Cursor = l.Taken.Version, s.Clock.Now(), "", fmt.Sprint(next)
	w := Writing{Place: &p, Was: was}
	for _, e := range entries {
		p.Seen++
		made := l.ProjectEntry(src.ID, e.Values)
		if made == nil {
			continue
		}
		if e.State != registry.Live {
			if key, ok := l.Key(l.Check(made.Values, s.Clock.Now()).Values); ok {
				w.Closes = append(w.Closes, house.Close{ID: s.entryIDs(key)[0], State: registry.Ended, Until: s.Clock.Now()})
			}
			continue
		}
		w.Drafts = append(w.Drafts, Draft{Values: made.Values, Origin: registry.Origin{Source: src.ID, Facility: e.Origin.Facility}, taken: asSayer(src.From, e.ID)})
	}
	_, err = s.Write(ctx, l.ID, w)
	return true, err
}

// StandStill keeps why a source gives nothing, once. Under another version of the
// declaration nothing was read yet: what comes then is read from the first.
func (s *Steward) StandStill(ctx context.Context, p house.Place, was string, l *Live, code string) error {
	if p.Code == code {
		return nil
	}
	if p.Declared != l.Taken.Version {
		p.Cursor, p.Seen = "", 0
	}
	p.Code, p.At, p.Declared = code, s.Clock.Now(), l.Taken.Version
	return s.Entries.Put(ctx, l.ID, house.Batch{Place: &p}, was)
}
