package grade_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"lienthong/internal/grade"
	"lienthong/internal/night"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
)

func TestRecountDayCountsWhatDiffers(t *testing.T) {
	t.Parallel()
	s, db := sheet(t, "qd4750", "clean", "correct"), sheet(t, "db:a", "clean")
	other := sheet(t, "qd4750", "clean")
	ten, nine := score.Tally{{Applied: 10, Failed: 1}, {Applied: 6}}, score.Tally{{Applied: 9, Failed: 1}, {Applied: 6}}
	slip := score.Tally{{Applied: 10, Failed: 2}, {Applied: 6}}
	at := func(s *score.Sheet, facility string, tally score.Tally) counted {
		return counted{s, facility, 20261121, tally}
	}
	for name, c := range map[string]struct {
		kept, again   []counted
		seen, unequal int64
	}{
		"nothing":                    {nil, nil, 0, 0},
		"the same":                   {[]counted{at(s, "01001", ten), at(s, "01002", nine)}, []counted{at(s, "01002", nine), at(s, "01001", ten)}, 19, 0},
		"one record was not counted": {[]counted{at(s, "01001", nine)}, []counted{at(s, "01001", ten)}, 10, 1},
		"one mark was not counted":   {[]counted{at(s, "01001", ten)}, []counted{at(s, "01001", slip)}, 10, 1},
		"a facility was not counted": {[]counted{at(s, "01001", ten)}, []counted{at(s, "01001", ten), at(s, "01002", ten)}, 20, 1},
		"a facility has no records":  {[]counted{at(s, "01001", ten), at(s, "01002", ten)}, []counted{at(s, "01001", ten)}, 10, 1},
		"counted of another":         {[]counted{at(s, "01002", ten)}, []counted{at(s, "01001", ten)}, 10, 2},
		"counted by another sheet":   {[]counted{at(other, "01001", score.Tally{{Applied: 10, Failed: 1}})}, []counted{at(s, "01001", score.Tally{{Applied: 10, Failed: 1}})}, 10, 2},
		"of another day":             {[]counted{{s, "01001", 20261120, ten}}, []counted{at(s, "01001", ten)}, 10, 1},
		"databases are not its own":  {[]counted{at(s, "01001", ten), at(db, "", ten)}, []counted{at(s, "01001", ten)}, 10, 0},
	} {
		x := &scores{rows: c.kept, again: [][]counted{c.again}}
		r, err := book(t, x, grade.Deps{}).RecountDay(t.Context(), 20261121)
		if err != nil || r.Seen != c.seen || r.Unequal != c.unequal || r.Day != 20261121 || !r.At.Equal(noon) {
			t.Errorf("%s: %+v %v", name, r, err)
		}
		if want := 1 + 2*min(1, int(c.unequal)); x.sums != want { // what differs is looked at again, twice
			t.Errorf("%s: looked %d times", name, x.sums)
		}
	}
}

// While records come the two may differ for a moment: that is not told.
func TestRecountDayLooksAgain(t *testing.T) {
	t.Parallel()
	s := sheet(t, "qd4750", "clean")
	now := []counted{{s, "01001", 20261121, score.Tally{{Applied: 10}}}}
	soon := []counted{{s, "01001", 20261121, score.Tally{{Applied: 11}}}}
	x := &scores{rows: now, again: [][]counted{soon, soon, now}}
	if r, err := book(t, x, grade.Deps{}).RecountDay(t.Context(), 20261121); err != nil || r.Unequal != 0 || r.Seen != 10 || x.sums != 3 {
		t.Errorf("%+v %v, looked %d times", r, err, x.sums)
	}
}

func run(t *testing.T, j night.Job, day int) night.Report {
	t.Helper()
	r, err := j.Run(t.Context(), day)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The job counts the day that is over and every one changed since, but none that is
// not over; what was judged again of them stays.
func TestRecountOfTheNight(t *testing.T) {
	t.Parallel()
	s := sheet(t, "qd4750", "clean")
	row := func(day int, n int64) counted { return counted{s, "01001", day, score.Tally{{Applied: n}}} }
	x := &scores{touched: []int{20261122, 20261110, 20261121, 20261123, 20261110}, again: [][]counted{{row(20261110, 5), row(20261121, 7)}},
		rows: []counted{row(20261110, 4), row(20261121, 7)}, recounts: map[int]house.ScoreRecount{20261110: {Day: 20261110, Seen: 99, Unequal: 88, Sampled: 50, Differing: 2}}}
	began := noon.Add(-60 * time.Hour)
	x.nights = []house.Night{ // the last one that came to its end, whatever failed since
		{Day: 20261121, Job: "scores.recount", State: house.NightRunning, Started: noon}, {Day: 20261120, Job: "scores.recount", State: house.NightFailed, Started: noon.Add(-30 * time.Hour)},
		{Day: 20261120, Job: "counters.recount", State: house.NightDone, Started: noon.Add(-30 * time.Hour)},
		{Day: 20261119, Job: "scores.recount", State: house.NightDone, Started: began}, {Day: 20261118, Job: "scores.recount", State: house.NightDone, Started: began.Add(-24 * time.Hour)}}
	b := book(t, x, grade.Deps{Nights: x})
	if r := run(t, b.Recount(), 20261121); r.Seen != 12 || r.Unequal != 1 || r.Note != "scores.unequal" {
		t.Errorf("%+v", r)
	}
	if !x.since.Equal(began) {
		t.Errorf("changed since %v", x.since)
	}
	kept, err := b.Recounts(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []house.ScoreRecount{{Day: 20261121, At: b.Clock.Now(), Seen: 7}, {Day: 20261110, At: b.Clock.Now(), Seen: 5, Unequal: 1, Sampled: 50, Differing: 2}}
	if !slices.Equal(kept, want) {
		t.Errorf("%+v, not %+v", kept, want)
	}
	x.rows[0] = row(20261110, 5)
	if r := run(t, b.Recount(), 20261121); r.Unequal != 0 || r.Note != "" {
		t.Errorf("mended: %+v", r)
	}
	x.nights = nil
	if run(t, b.Recount(), 20261121); !x.since.IsZero() {
		t.Errorf("no night came to its end: changed since %v", x.since)
	}
}

func entriesOf(s *score.Sheet, tally score.Tally) house.ScoreSum {
	return house.ScoreSum{Subject: s.Subject, Sheet: s.ID(), Key: []string{"20261121"}, Tally: tally}
}

func TestRecountEntriesCountsWhatDiffers(t *testing.T) {
	t.Parallel()
	a, b, records := sheet(t, "db:a", "clean"), sheet(t, "db:b", "clean", "correct"), sheet(t, "qd4750", "clean")
	five, six := score.Tally{{Applied: 5, Failed: 1}}, score.Tally{{Applied: 6, Failed: 1}}
	for name, c := range map[string]struct {
		kept          []counted
		again         []house.ScoreSum
		seen, unequal int64
	}{
		"nothing":                  {nil, nil, 0, 0},
		"the same":                 {[]counted{{a, "", 20261121, five}, {b, "", 20261121, six}}, []house.ScoreSum{entriesOf(a, five), entriesOf(b, six)}, 11, 0},
		"of several facilities":    {[]counted{{b, "01001", 20261121, five}, {b, "01002", 20261121, score.Tally{{Applied: 1}}}}, []house.ScoreSum{entriesOf(b, six)}, 6, 0},
		"one entry more":           {[]counted{{a, "", 20261121, five}}, []house.ScoreSum{entriesOf(a, six)}, 6, 1},
		"a database not counted":   {nil, []house.ScoreSum{entriesOf(a, five)}, 5, 1},
		"entries that are not":     {[]counted{{a, "", 20261121, five}}, nil, 0, 1},
		"another database's":       {[]counted{{a, "", 20261121, five}}, []house.ScoreSum{entriesOf(b, five)}, 5, 2},
		"records are not its own":  {[]counted{{records, "01001", 20261121, five}}, nil, 0, 0},
		"of a day that came later": {[]counted{{a, "", 20261122, five}}, nil, 0, 0},
	} {
		x := &scores{rows: c.kept, entries: c.again}
		found, err := book(t, x, grade.Deps{}).RecountEntries(t.Context(), x, []int{20261121})
		if err != nil || found[20261121] != (grade.Found{Seen: c.seen, Unequal: c.unequal}) || len(found) != 1 {
			t.Errorf("%s: %+v %v", name, found, err)
		}
	}
}

// Days are read in one go, each for itself; those that differ are looked at again.
func TestRecountEntriesOfDays(t *testing.T) {
	t.Parallel()
	a := sheet(t, "db:a", "clean")
	five, six := score.Tally{{Applied: 5, Failed: 1}}, score.Tally{{Applied: 6, Failed: 1}}
	x := &scores{rows: []counted{{a, "", 20261119, five}, {a, "", 20261121, five}}, entries: []house.ScoreSum{
		{Subject: "db:a", Sheet: a.ID(), Key: []string{"20261119"}, Tally: five}, {Subject: "db:a", Sheet: a.ID(), Key: []string{"20261120"}, Tally: six}, entriesOf(a, six)}}
	found, err := book(t, x, grade.Deps{}).RecountEntries(t.Context(), x, []int{20261119, 20261121})
	if err != nil || len(found) != 2 || found[20261119] != (grade.Found{Seen: 5}) || found[20261121] != (grade.Found{Seen: 6, Unequal: 1}) || x.sums != 3 {
		t.Errorf("%+v %v, looked %d times", found, err, x.sums)
	}
	if found, err := book(t, x, grade.Deps{}).RecountEntries(t.Context(), x, nil); err != nil || len(found) != 0 || x.sums != 3 {
		t.Errorf("no days: %+v %v, looked %d times", found, err, x.sums)
	}
}

// Entries are counted with the records of the same night, and kept with their day.
func TestRecountOfTheNightCountsEntriesToo(t *testing.T) {
	t.Parallel()
	s, a := sheet(t, "qd4750", "clean"), sheet(t, "db:a", "clean")
	rows := []counted{{s, "01001", 20261121, score.Tally{{Applied: 7}}}}
	x := &scores{rows: append(slices.Clone(rows), counted{a, "", 20261121, score.Tally{{Applied: 5}}}), again: [][]counted{rows},
		entries: []house.ScoreSum{entriesOf(a, score.Tally{{Applied: 6}})}}
	b := book(t, x, grade.Deps{})
	for range 2 { // and are not added up from night to night
		if r := run(t, b.WithEntries(b.Recount(), x), 20261121); r != (night.Report{Seen: 13, Unequal: 1, Note: "scores.unequal"}) {
			t.Errorf("%+v", r)
		}
		if kept := x.recounts[20261121]; kept.Seen != 13 || kept.Unequal != 1 {
			t.Errorf("%+v", kept)
		}
	}
	// a day that changed since it was asked which did is the next night's
	before := house.ScoreRecount{Day: 20261110, Seen: 50, At: noon.Add(-24 * time.Hour)}
	x.recounts[20261110], x.meanwhile = before, []int{20261110}
	if r := run(t, b.WithEntries(b.Recount(), x), 20261121); r.Seen != 13 || x.recounts[20261110] != before {
		t.Errorf("%+v, kept %+v", r, x.recounts[20261110])
	}
	failing := night.Job{Run: func(context.Context, int) (night.Report, error) { return night.Report{Seen: 3}, fmt.Errorf("no store") }}
	if r, err := b.WithEntries(failing, x).Run(t.Context(), 20261121); err == nil || r.Seen != 3 {
		t.Errorf("what failed went on: %+v %v", r, err)
	}
}
