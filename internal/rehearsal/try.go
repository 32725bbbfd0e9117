package rehearsal

import (
	"context"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/rulebook"
	"lienthong/internal/store"
)

// Sample is what a text finds in one record: places and codes, no value.
type Sample struct {
	Record, Facility string
	At               []rulebook.At
}

const (
	looked   = 40 // records that a text is tried on
	mostSeen = 20 // places of one record that are shown
)

// Try tries a text on the newest accepted records of the kinds it is about, and
// gives those in which it finds something; seen is how many were looked at. Records
// of closed compartments are left out, and what rules find that compare who somebody
// is. What it is for ("r7") is written down with
// the records opened.
func (s *Stage) Try(ctx context.Context, id int, book *rulebook.Book) (found []Sample, seen int, err error) {
	for _, kind := range book.Kinds() {
		list, _, err := s.Records.List(ctx, role.Scope{All: true}, store.Filter{Kind: kind, Limit: looked})
		if err != nil {
			return nil, 0, err
		}
		logs := map[int][]Item{}
		for _, r := range list {
			if !r.Verdict.State.IsAccepted() || !r.Withdraws.IsZero() || !r.Erased.IsZero() || care.ClassesOf(r.Documents) != 0 {
				continue
			}
			sealed, err := s.Records.Body(ctx, r.ID)
			if errors.Is(err, store.ErrAbsent) {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			logs[r.Place.Log] = append([]Item{{Record: r, Body: sealed}}, logs[r.Place.Log]...)
		}
		for log, items := range logs {
			open, err := s.Open(ctx, Name(id), log, items)
			if err != nil {
				return nil, 0, err
			}
			for i := range items {
				fields, err := open(ctx, i)
				if err != nil {
					continue // the rehearsal counts what cannot be read
				}
				seen++
				x := Sample{Record: items[i].Record.ID.String(), Facility: string(items[i].Record.ID.Facility)}
				book.Judge(kind, fields, false, func(at rulebook.At) {
					if len(x.At) < mostSeen && !naming.MatchString(at.Rule.When+" "+at.Rule.Must) {
						x.At = append(x.At, at)
					}
				})
				if len(x.At) > 0 {
					found = append(found, x)
				}
			}
		}
	}
	return found, seen, nil
}
