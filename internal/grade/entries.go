package grade

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
)

// Entries counts the marks of entries of databases anew, of days from one to another;
// house.Entries is one.
type Entries interface {
	RecountScores(ctx context.Context, from, to int) ([]house.ScoreSum, error)
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
		kept, err := b.kept(ctx, days[0])
		if err != nil {
			return all, err
		}
		// changed meanwhile: its records are counted next night, and these with them
		days = slices.DeleteFunc(days, func(d int) bool { r, is := kept[d]; return !is || r.At.Before(began) })
		found, err := b.RecountEntries(ctx, of, days)
		if err != nil {
			return all, err
		}
		for _, d := range days {
			f := found[d]
			all.Seen += f.Seen
			all.Unequal += f.Unequal
			if f.Seen+f.Unequal == 0 {
				continue
			}
			r := kept[d]
			r.Seen, r.Unequal = r.Seen+f.Seen, r.Unequal+f.Unequal
			if err := b.Scores.PutRecount(ctx, r); err != nil {
				return all, fmt.Errorf("grade: keeping a recount: %w", err)
			}
		}
		if all.Unequal > 0 {
			all.Note = "scores.unequal"
		}
		return all, nil
	}
	return recount
}

// Found is what counting the entries of a day again gave.
type Found struct{ Seen, Unequal int64 }

// RecountEntries counts the entries of days again, of all databases: how many there
// are, and how many sums of a database and sheet are not what was counted. Entries may
// change meanwhile: what differs counts only when it does every time. All days are read
// in one go, and again only those that differ.
func (b *Book) RecountEntries(ctx context.Context, of Entries, days []int) (map[int]Found, error) {
	out, left := make(map[int]Found, len(days)), slices.Clone(days)
	for range 3 {
		if len(left) == 0 {
			break
		}
		from, to := slices.Min(left), slices.Max(left)
		q := house.ScoreQuery{FromDay: from, ToDay: to, By: []house.ScoreDimension{house.ScoreByDay}}
		counted, err := b.Scores.Sum(ctx, role.Scope{All: true}, q)
		if err != nil {
			return nil, fmt.Errorf("grade: reading scores: %w", err)
		}
		again, err := of.RecountScores(ctx, from, to)
		if err != nil {
			return nil, fmt.Errorf("grade: counting scores of entries again: %w", err)
		}
		one, other := byDay(counted), byDay(again)
		left = slices.DeleteFunc(left, func(d int) bool {
			var f Found
			f.Seen, f.Unequal = compareEntries(one[d], other[d])
			out[d] = f
			return f.Unequal == 0
		})
	}
	return out, nil
}

// byDay are sums split by day alone.
func byDay(sums []house.ScoreSum) map[int][]house.ScoreSum {
	out := map[int][]house.ScoreSum{}
	for _, s := range sums {
		if day, err := strconv.Atoi(s.Key[0]); err == nil {
			out[day] = append(out[day], s)
		}
	}
	return out
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
