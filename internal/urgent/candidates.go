package urgent

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Candidate is somebody it may be, masked: nothing clinical, no number, no whole name.
type Candidate struct {
	Ref      string // names the candidate within this number, and nowhere else
	Initials string // "T.T.T.H."
	Year     int    // of birth; 0 unknown
	Commune  string // as written, or its code; "" unknown
	Sex      care.Sex
	Fits     []identity.Fact
	Misses   []identity.Fact
}

// opened is how many persons are looked at for one search: those that most
// features fit.
const opened = 12

// candidate is one with what must not leave.
type candidate struct {
	Candidate
	person store.PersonID
}

// searches counts the searches of members of staff on this hub.
type searches struct {
	mu sync.Mutex
	by map[care.Staff][]time.Time
}

// take counts one search, false over the limit.
func (s *searches) take(who care.Staff, now time.Time, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[care.Staff][]time.Time{}
	}
	for w, times := range s.by { // few search at all in a day
		times = slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t) >= 24*time.Hour || t.After(now) })
		if s.by[w] = times; len(times) == 0 {
			delete(s.by, w)
		}
	}
	if len(s.by[who]) >= limit {
		return false
	}
	s.by[who] = append(s.by[who], now)
	return true
}

// Search looks for who it may be by what is known now, keeps that in the sheet,
// and returns at most five candidates, who fit most first. With fewer than two
// facts it finds nobody, and neither does whoever fits fewer. Each search is an
// act of its own, and each person looked at has a row among the looks.
// Faults: temporary.over, emergency.searches, and those of Temporary.
func (d *Desk) Search(ctx context.Context, by Member, number string, known Sheet) ([]Candidate, error) {
	t, old, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	if !t.IsOpen() {
		return nil, identity.ErrOver
	}
	now := d.Clock.Now()
	if old.Searched >= d.cfg.Searches || !d.counts.take(by.Staff, now, d.cfg.SearchesDay) {
		return nil, ErrSearches
	}
	known.Searched = old.Searched + 1
	known.Marks, known.Found = or(known.Marks, old.Marks), or(known.Found, old.Found)
	known.Age = or(known.Age, old.Age)
	if err := d.seal(ctx, t, known.tidy()); err != nil {
		return nil, err
	}
	t.Version++
	if err := d.Temporaries.PutTemporary(ctx, *t, d.act(by, "temporary.searched", t.Number, "")); err != nil {
		return nil, wrap("keeping a search", err)
	}
	told := known.Told(now)
	list, err := d.candidates(ctx, by, t, &told)
	return shown(list), err
}

// Candidates returns what the last search showed, by what the sheet says. Faults
// as Temporary; temporary.over.
func (d *Desk) Candidates(ctx context.Context, by Member, number string) ([]Candidate, error) {
	t, s, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	if !t.IsOpen() {
		return nil, identity.ErrOver
	}
	told := s.Told(d.Clock.Now())
	list, err := d.candidates(ctx, by, t, &told)
	return shown(list), err
}

func shown(list []candidate) []Candidate {
	out := make([]Candidate, len(list))
	for i := range list {
		out[i] = list[i].Candidate
	}
	return out
}

func (d *Desk) candidates(ctx context.Context, by Member, t *identity.Temporary, told *identity.Told) ([]candidate, error) {
	if err := d.named(ctx, by); err != nil {
		return nil, err
	}
	facts := told.Facts()
	if len(facts) < identity.LeastFacts {
		return nil, nil
	}
	wanted := kind.Wanted(d.Vault, told.Wanted())
	if len(wanted) == 0 {
		return nil, nil
	}
	found, err := d.Temporaries.Candidates(ctx, wanted, opened)
	if err != nil || len(found) == 0 {
		return nil, wrap("looking for candidates", err)
	}
	persons := make([]store.PersonID, 0, len(found))
	for _, f := range found {
		if f.Person != t.Person {
			persons = append(persons, f.Person)
		}
	}
	faces, err := d.Looks.Faces(ctx, by.reader(consent.OpeningID{}, t.Number), persons)
	if err != nil {
		return nil, err
	}
	var out []candidate
	for i, face := range faces {
		if face == nil {
			continue
		}
		fits := told.Fits(face)
		if len(fits) < identity.LeastFacts {
			continue
		}
		out = append(out, candidate{d.mask(t.Number, persons[i], face, facts, fits), persons[i]})
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return cmp.Compare(len(b.Fits), len(a.Fits)) })
	return out[:min(len(out), identity.MostCandidates)], nil
}

func (d *Desk) mask(number string, person store.PersonID, f *identity.Face, facts, fits []identity.Fact) Candidate {
	c := Candidate{Ref: d.ref(number, person), Initials: care.MaskName(f.Name), Year: f.Birth.Year(), Commune: f.Commune(), Sex: f.Sex, Fits: fits}
	for _, fact := range facts {
		if !slices.Contains(fits, fact) {
			c.Misses = append(c.Misses, fact)
		}
	}
	return c
}

// candidateDomain keeps references apart from all that is stored.
const candidateDomain vault.Domain = "candidate"

// ref names a person within one number: it cannot be turned into a person, and
// says nothing under another number.
func (d *Desk) ref(number string, person store.PersonID) string {
	k := d.Vault.Hash(candidateDomain, []byte(number), person[:])
	return hex.EncodeToString(k[1:])
}

// chosen finds the candidate that a reference names, by what the sheet says.
func (d *Desk) chosen(ctx context.Context, by Member, t *identity.Temporary, s *Sheet, ref string) (*candidate, error) {
	told := s.Told(d.Clock.Now())
	list, err := d.candidates(ctx, by, t, &told)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if ref != "" && list[i].Ref == ref {
			return &list[i], nil
		}
	}
	return nil, ErrCandidate
}

// since is when a day of limits began.
func (d *Desk) since() time.Time { return d.Clock.Now().Add(-24 * time.Hour) }

// hanoi is the day of a moment, for what people read.
func hanoi(t time.Time) string { return t.In(clock.Hanoi).Format(time.RFC3339) }
