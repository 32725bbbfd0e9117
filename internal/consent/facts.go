package consent

import (
	"slices"
	"time"

	"lienthong/internal/care"
)

// Record is what of a record a scope is about.
type Record struct {
	Author   care.FacilityCode
	Kind     string
	Episode  [17]byte // its key (vault.Episode)
	Received time.Time
	Classes  care.Classes // sensitive ones, those of closed tables too
}

// Asker is who wants to read, as far as says are about it.
type Asker struct {
	Facility care.FacilityCode // "": no facility (an operator, a link, the citizen)
	Purpose  Purpose
}

// Covers reports whether a record and its reader lie in every part of a scope. Its
// classes are looked at by CoversFor: they mean one thing in a permission and
// another in a denial.
func (s *Scope) Covers(r *Record, reader care.FacilityCode) bool {
	return among(s.Readers, reader) && among(s.Authors, r.Author) && among(s.Kinds, r.Kind) &&
		among(s.Visits, Visit{r.Author, r.Episode}) &&
		(s.From.IsZero() || !r.Received.Before(s.From)) && (s.To.IsZero() || r.Received.Before(s.To))
}

func among[T comparable](list []T, x T) bool { return len(list) == 0 || slices.Contains(list, x) }

// CoversFor reports whether a say is about a record, for who asks, leaving aside
// whether it holds. A permission is for its purpose; a denial without one is for
// all, and one that names classes is about records that have one of them.
func (c *Consent) CoversFor(r *Record, by Asker) bool {
	if !c.Scope.Covers(r, by.Facility) {
		return false
	}
	if c.Effect == Deny {
		return (c.Purpose == "" || c.Purpose == by.Purpose) && (c.Scope.Classes == 0 || c.Scope.Classes&r.Classes != 0)
	}
	return c.Effect == Permit && c.Purpose != "" && c.Purpose == by.Purpose
}

// Finding is what says come to for one record and one reader.
type Finding struct {
	Permitted bool         // a permission covers the record
	Opened    care.Classes // classes that permissions name for this reader by its code
	Denied    bool         // a denial covers it
	DeniedToo bool         // one that holds in an emergency too
	By        ID           // the permission, the first found; of those that name classes rather
	Against   ID           // the denial, the first found; of those for emergencies rather
}

// Facts finds what says come to. It takes those of standing.Consents that hold at
// the moment, whatever else is among them. Sensitive classes are opened only by a
// permission that names its readers: "everybody" opens none.
func Facts(standing Standing, r *Record, by Asker, at time.Time) Finding {
	var f Finding
	for i := range standing.Consents {
		c := &standing.Consents[i]
		if !Holds(c, at) || !c.CoversFor(r, by) {
			continue
		}
		if c.Effect == Deny {
			if !f.Denied || c.Emergency && !f.DeniedToo {
				f.Against = c.ID
			}
			f.Denied, f.DeniedToo = true, f.DeniedToo || c.Emergency
			continue
		}
		opens := care.Classes(0)
		if by.Facility != "" && len(c.Scope.Readers) > 0 {
			opens = c.Scope.Classes & care.AllClasses
		}
		if !f.Permitted || opens != 0 && f.Opened == 0 {
			f.By = c.ID
		}
		f.Permitted, f.Opened = true, f.Opened|opens
	}
	return f
}

// Stands reports whether an opening is a basis at a moment: it is live, and one by
// consent only while that consent holds.
func (s *Standing) Stands(at time.Time) bool {
	o := s.Opening
	if o == nil || !o.Live(at) {
		return false
	}
	if o.Consent == (ID{}) {
		return o.Basis != "consent" // policy.ByConsent
	}
	return slices.ContainsFunc(s.Consents, func(c Consent) bool {
		return c.ID == o.Consent && c.Effect == Permit && Holds(&c, at)
	})
}
