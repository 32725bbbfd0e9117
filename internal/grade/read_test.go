package grade_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/grade"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// graded is two sheets of one kind, one of a database, and one that nobody here knows.
func graded(t *testing.T) (x *scores, before, now, db *score.Sheet) {
	before = sheet(t, "qd4750", "clean", "sufficient.XML1.HO_TEN", "correct.XML1.HO_TEN")
	now = sheet(t, "qd4750", "correct.XML1.HO_TEN", "clean", "sufficient.XML1.NGAY_SINH")
	db = sheet(t, "db:a", "clean")
	ahead := sheet(t, "qd4750", "clean", "consistent")
	x = &scores{rows: []counted{
		{before, "01001", 20261101, score.Tally{{Applied: 10, Failed: 1}, {Applied: 10, Failed: 2}, {Applied: 8}}},
		{now, "01001", 20261102, score.Tally{{Applied: 20, Failed: 4}, {Applied: 20}}},
		{now, "01002", 20261102, score.Tally{{Applied: 40}, {Applied: 40, Failed: 39}, {Applied: 30, Failed: 15}}},
		{db, "", 20261102, score.Tally{{Applied: 5, Failed: 5}}},
		{ahead, "01002", 20261103, score.Tally{{Applied: 1000, Failed: 1000}, {Applied: 1000}}},
	}}
	x.keep(before, "ministry", noon.Add(-2*time.Hour))
	x.keep(now, "ministry", noon.Add(-time.Hour))
	x.keep(db, "", noon.Add(-time.Hour))
	return x, before, now, db
}

func ratio(passed, applied int64) score.Ratio { return score.Ratio{Passed: passed, Applied: applied} }

func TestWords(t *testing.T) {
	t.Parallel()
	x, _, _, _ := graded(t)
	x.open = []house.Undelivered{{Subject: "qd4750", N: 7}, {Subject: "fhir", N: 3}, {Subject: "db:a", N: 9}}
	l := &looks{counts: []store.Count{{Key: []string{"qd4750", "lookup"}, N: 50}, {Key: []string{"qd4750", "lookup.elsewhere"}, N: 20}, {Key: []string{"emr", "lookup"}, N: 2}}}
	got, err := book(t, x, grade.Deps{Counters: l}).Words(t.Context(), nation, house.ScoreQuery{FromDay: 20261101})
	if err != nil {
		t.Fatal(err)
	}
	want := []grade.Line{
		{Subject: "db:a", Words: map[score.Word]score.Ratio{score.Clean: ratio(0, 5)}}, // entries are on no leg: nothing is synchronous or not
		{Subject: "emr", Words: map[score.Word]score.Ratio{score.Shared: ratio(0, 2)}},
		{Subject: "fhir", Words: map[score.Word]score.Ratio{score.Synchronous: ratio(0, 3)}},
		{Subject: "qd4750", Words: map[score.Word]score.Ratio{
			score.Clean: ratio(9+20+1, 70), score.Sufficient: ratio(8+15, 40), score.Correct: ratio(8+16+40, 68),
			score.Synchronous: ratio(70-7, 70), score.Shared: ratio(20, 50)}},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i].Subject != want[i].Subject || !reflect.DeepEqual(got[i].Words, want[i].Words) {
			t.Errorf("%+v, not %+v", got[i], want[i])
		}
	}
	if q := l.asked[0]; q.FromDay != 20261101 || !slices.Equal(q.By, []store.Dimension{store.ByKind, store.ByMeasure}) || !slices.Equal(q.Measures, []string{"lookup", "lookup.elsewhere"}) {
		t.Errorf("looks were asked for by %+v", q)
	}
}

func TestWordsAreSplit(t *testing.T) {
	t.Parallel()
	x, _, _, _ := graded(t)
	x.open = []house.Undelivered{{Subject: "qd4750", Key: []string{"01002", "20261102"}, N: 1}}
	l := &looks{counts: []store.Count{{Key: []string{"qd4750", "lookup", "01001", "20261101"}, N: 4}}}
	q := house.ScoreQuery{Subject: "qd4750", By: []house.ScoreDimension{house.ScoreByFacility, house.ScoreByDay}}
	got, err := book(t, x, grade.Deps{Counters: l}).Words(t.Context(), nation, q)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, w := range got {
		keys = append(keys, strings.Join(w.Key, "/")+" "+fmt.Sprint(w.Words[score.Synchronous], w.Words[score.Shared]))
	}
	want := []string{"01001/20261101 {10 10} {0 4}", "01001/20261102 {20 20} {0 0}", "01002/20261102 {39 40} {0 0}"}
	if !slices.Equal(keys, want) {
		t.Errorf("%q, not %q", keys, want)
	}
	if by := l.asked[0].By; !slices.Equal(by, []store.Dimension{store.ByKind, store.ByMeasure, store.ByFacility, store.ByDay}) || l.asked[0].Kind != "qd4750" {
		t.Errorf("looks were asked for by %+v", l.asked[0])
	}
}

// Looks are not counted by maker, level or unit, nor of databases: none are said then.
func TestWordsSayNothingOfLooksWhereNoneAreCounted(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]house.ScoreQuery{"maker": {Vendor: "A"}, "level": {Level: "4"}, "unit": {Unit: "u"}, "database": {Subject: "db:a"}} {
		x, _, _, _ := graded(t)
		l := &looks{counts: []store.Count{{Key: []string{"qd4750", "lookup"}, N: 50}}}
		got, err := book(t, x, grade.Deps{Counters: l}).Words(t.Context(), nation, q)
		if err != nil || len(l.asked) != 0 {
			t.Errorf("%s: %v, asked %v", name, err, l.asked)
		}
		for _, line := range got {
			if _, said := line.Words[score.Shared]; said {
				t.Errorf("%s: %+v", name, line)
			}
		}
	}
}

func check(l grade.CheckLine) string {
	return fmt.Sprintf("%s %s %v %d/%d", l.Subject, l.Check.ID, l.Key, l.Passed, l.Applied)
}

func TestChecksTheWorstFirst(t *testing.T) {
	t.Parallel()
	x, _, now, _ := graded(t)
	b := book(t, x, grade.Deps{})
	for word, want := range map[score.Word][]string{
		"": {"db:a clean [] 0/5", "qd4750 clean [] 30/70", "qd4750 sufficient.XML1.NGAY_SINH [] 15/30",
			"qd4750 sufficient.XML1.HO_TEN [] 8/10", "qd4750 correct.XML1.HO_TEN [] 64/68"},
		score.Sufficient: {"qd4750 sufficient.XML1.NGAY_SINH [] 15/30", "qd4750 sufficient.XML1.HO_TEN [] 8/10"},
		score.Unified:    nil,
	} {
		lines, err := b.Checks(t.Context(), nation, house.ScoreQuery{}, word)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range lines {
			got = append(got, check(l))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", word, got, want)
		}
	}
	// one check, of whatever sheet, by facility
	lines, err := b.Check(t.Context(), nation, house.ScoreQuery{Subject: "qd4750", By: []house.ScoreDimension{house.ScoreByFacility}}, "clean")
	if err != nil || len(lines) != 2 || check(lines[0]) != "qd4750 clean [01002] 1/40" || check(lines[1]) != "qd4750 clean [01001] 29/30" {
		t.Errorf("%+v %v", lines, err)
	}
	if lines, err := b.Check(t.Context(), nation, house.ScoreQuery{}, "no.such"); err != nil || len(lines) != 0 {
		t.Errorf("no such check: %+v %v", lines, err)
	}
	// equally bad: what weighs more stands first
	x.rows = []counted{{now, "01001", 20261101, score.Tally{{Applied: 2, Failed: 1}, {Applied: 4, Failed: 2}, {Applied: 2, Failed: 1}}}}
	if lines, err = b.Checks(t.Context(), nation, house.ScoreQuery{}, ""); err != nil || len(lines) != 3 || lines[0].Check.ID != "clean" || lines[1].Check.ID != "correct.XML1.HO_TEN" {
		t.Errorf("%+v %v", lines, err)
	}
}

// Of all lines only those that are wanted are kept, added up over sheets before they
// are asked about.
func TestChecksThatAreWanted(t *testing.T) {
	t.Parallel()
	x, _, _, _ := graded(t)
	var asked []string
	lines, err := book(t, x, grade.Deps{}).ChecksThat(t.Context(), nation, house.ScoreQuery{By: []house.ScoreDimension{house.ScoreByFacility}}, func(l *grade.CheckLine) bool {
		asked = append(asked, check(*l))
		return l.Passed < l.Applied && l.Subject == "qd4750"
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(asked)
	if want := []string{"db:a clean [] 0/5", "qd4750 clean [01001] 29/30", "qd4750 clean [01002] 1/40", "qd4750 correct.XML1.HO_TEN [01001] 24/28",
		"qd4750 correct.XML1.HO_TEN [01002] 40/40", "qd4750 sufficient.XML1.HO_TEN [01001] 8/10", "qd4750 sufficient.XML1.NGAY_SINH [01002] 15/30"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %q, not %q", asked, want)
	}
	var got []string
	for _, l := range lines {
		got = append(got, check(l))
	}
	if want := []string{"qd4750 clean [01002] 1/40", "qd4750 sufficient.XML1.NGAY_SINH [01002] 15/30", "qd4750 sufficient.XML1.HO_TEN [01001] 8/10",
		"qd4750 correct.XML1.HO_TEN [01001] 24/28", "qd4750 clean [01001] 29/30"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestSamplesAreOfTheSheetInForce(t *testing.T) {
	t.Parallel()
	x, _, _, _ := graded(t)
	b := book(t, x, grade.Deps{})
	for _, c := range []struct{ subject, check string }{{"qd4750", "sufficient.XML1.HO_TEN"}, {"qd4750", "no.such"}, {"letter", "clean"}} {
		if ids, err := b.Samples(t.Context(), nation, house.ScoreQuery{Subject: c.subject}, c.check, 5); ids != nil || err != nil || len(x.failing) != 0 {
			t.Errorf("%v: %v %v, asked %v", c, ids, err, x.failing)
		}
	}
	if _, err := b.Samples(t.Context(), nation, house.ScoreQuery{Subject: "qd4750"}, "clean", 5); err != nil || !slices.Equal(x.failing, []int{1, 5}) {
		t.Errorf("%v, asked %v", err, x.failing)
	}
}
