package steward

import (
	"slices"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/store/house"
)

// catalogue reports whether a database is of things that many facilities name, each in
// its own words, medicines: its entries are no facility's, and nobody's.
func catalogue(l *Live) bool {
	return l.Facility == "" && !slices.ContainsFunc(l.Fields, func(f registry.Field) bool { return f.Class.Sealed() })
}

func fromRecord(d *Draft) bool { return d.Origin.Record != (registry.RecordID{}) }

// stands reports whether what is kept stays as it is, whatever a record says: an entry
// of a catalogue, which another record said first and says still, or which a unit
// entered or brought in. That the record says it too is kept, and confirms it. A new
// version of the declaration writes anew.
func stands(l *Live, b *house.Batch, d *Draft, id registry.EntryID, is *house.Brief) bool {
	if !fromRecord(d) || is.State != registry.Live || is.Declared != l.Taken.Version || !catalogue(l) {
		return false
	}
	by := is.Origin.Record
	if by == (registry.RecordID{}) {
		return true
	}
	return by != d.Origin.Record && !slices.Contains(b.Wipe, by) && !slices.Contains(b.Unsaid, house.Said{Record: by, Entry: id})
}

// confirms is how often what many records say is confirmed at most: within a minute
// each of hundreds of records names the same medicine, and who asks how old an entry is
// asks for days.
func (l *Live) confirms() time.Duration {
	often := time.Hour
	if every := l.Refresh.Every; every > 0 {
		often = min(often, every/24)
	}
	return often
}
