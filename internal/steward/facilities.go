package steward

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/registry"
)

// FacilityDatabase is the database (registry.FacilityDatabase) whose entries come from the hub's own directory,
// where it is declared: fields it has of code, name, tier, type, province, ward,
// tax_code, unit and since are filled.
const FacilityDatabase = registry.FacilityDatabase

// fromDirectory names the source of such entries.
const fromDirectory = "directory"

// Facilities makes entries out of the directory. It writes what is new, and confirms
// what is not where the declaration wants it confirmed.
func (s *Steward) Facilities(ctx context.Context) error {
	l, err := s.Get(FacilityDatabase)
	if errors.Is(err, ErrAbsent) || err == nil && l.Dissolved {
		return nil
	}
	if err != nil {
		return err
	}
	now, d := s.Clock.Now(), s.Directory()
	if of := s.listing.Load(); of != nil && of.d == d && of.version == l.Taken.Version && now.Sub(of.at) < aDay {
		return nil
	}
	mine, err := s.Turn(ctx, "databases.facilities", turn)
	if err != nil || !mine {
		return err
	}
	var drafts []Draft
	for _, code := range d.Codes() {
		v, ok := d.Current(code)
		if !ok {
			continue
		}
		values := registry.Values{}
		for name, value := range map[string]string{"code": string(v.Code), "name": v.Name, "tier": string(v.Level), "type": string(v.Type), "province": v.Province, "ward": v.Ward,
			"tax_code": v.TaxCode, "unit": v.Unit} {
			if value != "" && hasField(l, name) {
				values[name] = value
			}
		}
		drafts = append(drafts, Draft{Values: values, Origin: registry.Origin{Source: fromDirectory, Facility: care.FacilityCode(v.Code)}})
	}
	for len(drafts) > 0 {
		n := min(len(drafts), atOnce)
		if err := s.fresh(ctx, l, drafts[:n]); err != nil {
			return err
		}
		drafts = drafts[n:]
	}
	s.listing.Store(&listing{d, l.Taken.Version, now})
	return nil
}

// listing is the directory that entries were made of.
type listing struct {
	d       *facility.Directory
	version int
	at      time.Time
}

// aDay is how often what is the same is confirmed.
const aDay = 24 * time.Hour

// fresh writes the drafts, which confirms what is the same; an entry that another
// source said last is left: somebody knows more of it than the directory.
func (s *Steward) fresh(ctx context.Context, l *Live, drafts []Draft) error {
	var ids []registry.EntryID
	var keyed []Draft
	for i := range drafts {
		if key, ok := l.Key(l.Check(drafts[i].Values, s.Clock.Now()).Values); ok {
			ids, keyed = append(ids, s.entryIDs(key)[0]), append(keyed, drafts[i])
		}
	}
	known, err := s.Entries.Known(ctx, l.ID, ids)
	if err != nil {
		return err
	}
	var write []Draft
	for i := range keyed {
		if is := &known[i]; is.Version == 0 || is.Origin.Source == fromDirectory {
			write = append(write, keyed[i])
		}
	}
	_, err = s.Write(ctx, l.ID, Writing{Drafts: write})
	return err
}

func hasField(l *Live, name string) bool {
	for i := range l.Fields {
		if l.Fields[i].Name == name {
			return true
		}
	}
	return false
}
