package disclose

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store"
)

// said is what a person's says come to for one record and one reader.
type said struct {
	permitted, denied, deniedToo bool
	opened                       care.Classes
}

func factsOf(all []consent.Consent, reader care.FacilityCode, r *store.Record, purpose consent.Purpose, at time.Time) (f said) {
	for i := range all {
		c := &all[i]
		if c.State != consent.Active && c.State != consent.Granted || at.Before(c.Since) || !c.Until.IsZero() && !at.Before(c.Until) || !within(&c.Scope, reader, r) {
			continue
		}
		if c.Effect == consent.Deny {
			if classes := withTables(r.Documents); (c.Purpose == "" || c.Purpose == purpose) && (c.Scope.Classes == 0 || c.Scope.Classes&classes != 0) {
				f.denied = true
				f.deniedToo = f.deniedToo || c.Emergency
			}
			continue
		}
		if c.Purpose == purpose {
			f.permitted = true
			f.opened |= c.Scope.Classes
		}
	}
	return f
}

func within(s *consent.Scope, reader care.FacilityCode, r *store.Record) bool {
	return has(s.Readers, reader) && has(s.Authors, r.ID.Facility) && has(s.Kinds, r.Kind) &&
		has(s.Visits, consent.Visit{Facility: r.ID.Facility, Episode: r.Episode}) &&
		(s.From.IsZero() || !r.Received.Before(s.From)) && (s.To.IsZero() || r.Received.Before(s.To))
}

func has[T comparable](list []T, x T) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return len(list) == 0
}
