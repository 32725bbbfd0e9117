package grade

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
)

// recounting names the job.
const recounting = "scores.recount"

// Recount is the job of the night that counts scores again out of the marks of
// records, for the day and for every day that was changed since the last night that
// was counted to its end began. What differs is kept and shown; nothing is mended.
func (b *Book) Recount() night.Job {
	return night.Job{ID: recounting, Run: func(ctx context.Context, day int) (night.Report, error) {
		days, err := b.touched(ctx, day)
		if err != nil {
			return night.Report{}, err
		}
		kept, err := b.kept(ctx, slices.Min(days))
		if err != nil {
			return night.Report{}, err
		}
		var all night.Report
		for _, d := range days {
			r, err := b.RecountDay(ctx, d)
			if err != nil {
				return all, err
			}
			r.Sampled, r.Differing = kept[d].Sampled, kept[d].Differing // what was judged again stays found
			if err := b.Scores.PutRecount(ctx, r); err != nil {
				return all, fmt.Errorf("grade: keeping a recount: %w", err)
			}
			all.Seen += r.Seen
			all.Unequal += r.Unequal
		}
		if all.Unequal > 0 {
			all.Note = "scores.unequal"
		}
		return all, nil
	}}
}

// touched lists the days to count: the one that is over, and those changed since the
// last time all was counted. Of a night that failed, or never was, the next one counts
// what changed too.
func (b *Book) touched(ctx context.Context, day int) ([]int, error) {
	since, err := b.counted(ctx)
	if err != nil {
		return nil, err
	}
	today := clock.Day(b.Clock.Now())
	days, err := b.Scores.Touched(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("grade: which days changed: %w", err)
	}
	days = slices.DeleteFunc(append(days, day), func(d int) bool { return d >= today && d != day })
	slices.Sort(days)
	return slices.Compact(days), nil
}

// lookBack is how many days back a night is looked for that was counted to its end.
const lookBack = 60

// counted is when the last such night began; zero where there is none.
func (b *Book) counted(ctx context.Context) (since time.Time, err error) {
	if b.Nights == nil {
		return since, nil
	}
	all, err := b.Nights.Nights(ctx, clock.Day(b.Clock.Now().AddDate(0, 0, -lookBack)), 0)
	if err != nil {
		return since, fmt.Errorf("grade: reading nights: %w", err)
	}
	for _, n := range all {
		if n.Job == recounting && n.State == house.NightDone && n.Started.After(since) {
			since = n.Started
		}
	}
	return since, nil
}

// RecountDay counts one day again. While records still come for it the two may
// differ for a moment: what differs is read again, and counts only when it differs
// every time.
func (b *Book) RecountDay(ctx context.Context, day int) (house.ScoreRecount, error) {
	q := house.ScoreQuery{FromDay: day, ToDay: day, By: []house.ScoreDimension{house.ScoreByDay, house.ScoreByFacility}}
	r := house.ScoreRecount{Day: day}
	for range 3 {
		counted, err := b.Scores.Sum(ctx, role.Scope{All: true}, q)
		if err != nil {
			return r, fmt.Errorf("grade: reading scores: %w", err)
		}
		again, err := b.Scores.Recount(ctx, role.Scope{All: true}, q)
		if err != nil {
			return r, fmt.Errorf("grade: counting scores again: %w", err)
		}
		r.Seen, r.Unequal = compare(counted, again)
		if r.At = b.Clock.Now(); r.Unequal == 0 {
			break
		}
	}
	return r, nil
}

// compare returns how many records were counted again and how many sums differ.
// Databases are left out: their entries are counted by their own.
func compare(counted, again []house.ScoreSum) (seen, unequal int64) {
	name := func(s *house.ScoreSum) string { return fmt.Sprint(s.Subject, "\x00", s.Sheet, s.Key) }
	of := map[string]*house.ScoreSum{}
	for i := range counted {
		if s := &counted[i]; len(s.Subject) < 3 || s.Subject[:3] != "db:" {
			of[name(s)] = s
		}
	}
	for i := range again {
		s := &again[i]
		var most int64
		for _, c := range s.Tally {
			most = max(most, c.Applied)
		}
		seen += most
		if o := of[name(s)]; o != nil {
			diff := slices.Clone(o.Tally)
			diff.Minus(s.Tally)
			if diff.IsZero() {
				delete(of, name(s))
				continue
			}
		}
		unequal++
		delete(of, name(s))
	}
	return seen, unequal + int64(len(of))
}

// Recounts returns what counting again gave of the days from one on, newest first.
func (b *Book) Recounts(ctx context.Context, fromDay int) ([]house.ScoreRecount, error) {
	return b.Scores.Recounts(ctx, fromDay)
}
