package grade

import (
	"context"
	"fmt"
	"slices"

	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
)

// Entries counts the marks of entries of databases anew; house.Entries is one.
type Entries interface {
	RecountScores(ctx context.Context, day int) ([]house.ScoreSum, error)
}

// WithEntries has the recount of the night count the entries of databases too, for
// the same days: what differs is kept with the day and shown.
func (b *Book) WithEntries(recount night.Job, of Entries) night.Job {
	records := recount.Run
	recount.Run = func(ctx context.Context, day int) (night.Report, error) {
		began := b.Clock.Now()
		all, err := records(ctx, day)
		if err != nil {
			return all, err
		}
		days, err := b.touched(ctx, day)
		if err != nil || len(days) == 0 {
			return all, err
		}
		kept, err := b.Scores.Recounts(ctx, days[0])
		if err != nil {
			return all, fmt.Errorf("grade: reading recounts: %w", err)
		}
		for _, d := range days {
			i := slices.IndexFunc(kept, func(r house.ScoreRecount) bool { return r.Day == d })
			if i < 0 || kept[i].At.Before(began) { // changed meanwhile: its records are counted next night, and these with them
				continue
			}
			seen, unequal, err := b.RecountEntries(ctx, of, d)
			if err != nil {
				return all, err
			}
			all.Seen += seen
			all.Unequal += unequal
			if seen+unequal > 0 {
				kept[i].Seen += seen
				kept[i].Unequal += unequal
				if err := b.Scores.PutRecount(ctx, kept[i]); err != nil {
					return all, fmt.Errorf("grade: keeping a recount: %w", err)
				}
			}
		}
		if all.Unequal > 0 {
			all.Note = "scores.unequal"
		}
		return all, nil
	}
	return recount
}

// RecountEntries counts the entries of one day again, of all databases: how many there
// are, and how many sums of a database and sheet are not what was counted. A day's
// entries may change meanwhile: what differs counts only when it does every time.
func (b *Book) RecountEntries(ctx context.Context, of Entries, day int) (seen, unequal int64, err error) {
	q := house.ScoreQuery{FromDay: day, ToDay: day, By: []house.ScoreDimension{house.ScoreByDay}}
	for range 3 {
		counted, err := b.Scores.Sum(ctx, role.Scope{All: true}, q)
		if err != nil {
			return 0, 0, fmt.Errorf("grade: reading scores: %w", err)
		}
		again, err := of.RecountScores(ctx, day)
		if err != nil {
			return 0, 0, fmt.Errorf("grade: counting scores of entries again: %w", err)
		}
		if seen, unequal = compareEntries(counted, again); unequal == 0 {
			break
		}
	}
	return seen, unequal, nil
}

func compareEntries(counted, again []house.ScoreSum) (seen, unequal int64) {
	of := map[string]*house.ScoreSum{}
	for i := range counted {
		s := &counted[i]
		if _, database := score.DatabaseOf(s.Subject); database && !s.Tally.IsZero() {
			of[s.Subject+"\x00"+string(s.Sheet[:])] = s
		}
	}
	for i := range again {
		s := &again[i]
		var most int64
		for _, c := range s.Tally {
			most = max(most, c.Applied)
		}
		seen += most
		name := s.Subject + "\x00" + string(s.Sheet[:])
		o := of[name]
		delete(of, name)
		if o == nil {
			unequal++
			continue
		}
		diff := slices.Clone(o.Tally)
		if diff.Minus(s.Tally); !diff.IsZero() {
			unequal++
		}
	}
	return seen, unequal + int64(len(of))
}
