package standing_test

import (
	"testing"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/cells"
	"lienthong/internal/clock"
	"lienthong/internal/grade"
	"lienthong/internal/score"
	"lienthong/internal/standing"
)

// publicWorld is one month that is over with a small number in one province, and the
// running month.
func publicWorld() *world {
	w := &world{words: []grade.Line{
		word("", score.Correct, 9_999, 10_000), word("", score.Clean, 9_998, 9_999),
		{Subject: "db:vaccination", Words: map[score.Word]score.Ratio{score.Correct: {Applied: 1_000_000}}},
	}}
	for i, p := range catalog.Provinces() {
		w.rows = append(w.rows, row{20261001 + i%31, "01001", p.Code, "", "qd4750", "accepted", int64(100 + i)}, row{20261105, "01001", p.Code, "", "qd4750", "accepted", 5000})
	}
	w.rows[0].n = 4 // the first province's
	w.rows = append(w.rows, row{20251130, "01001", "01", "", "qd4750", "rejected", 20}, row{20251031, "01001", "01", "", "qd4750", "accepted", 20})
	return w
}

func TestEditionIsOfMonthsThatAreOver(t *testing.T) {
	t.Parallel()
	e, err := publicWorld().desk(t).Edition(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e.Version != "2026-10" || len(e.Months) != 2 || e.Months[0].Month != 202610 || e.Months[1].Month != 202511 {
		t.Fatalf("%s: %+v", e.Version, e.Months)
	}
	for _, m := range e.Months {
		if len(m.Numbers) != 3 || m.Numbers[0].ID != "records" || m.Numbers[1].ID != "referrals" || m.Numbers[2].ID != "prescriptions" || m.Statement != "" {
			t.Errorf("%+v", m)
		}
		for _, n := range m.Numbers {
			if len(n.Codes) != len(catalog.Provinces()) || len(n.Cells) != len(n.Codes) {
				t.Errorf("%v %s: %d codes, %d cells", m.Month, n.ID, len(n.Codes), len(n.Cells))
			}
		}
	}
}

func TestEditionTellsNoSmallNumber(t *testing.T) {
	t.Parallel()
	e, err := publicWorld().desk(t).Edition(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := e.Months[0].Numbers[0]
	first := catalog.Provinces()[0].Code
	var told, hidden int64
	guards := 0
	for i, code := range n.Codes {
		c := n.Cells[i]
		switch {
		case code == first && (c != cells.Cell{Hide: cells.Small}):
			t.Errorf("of %s is told %+v", code, c)
		case code != first && c.Hide == cells.Small:
			t.Errorf("%s is no small one: %+v", code, c)
		case c.Hide == cells.Guard:
			guards++
			fallthrough
		default:
			if c.Hide == cells.Told {
				told += c.N
			} else {
				hidden++
			}
		}
	}
	if guards == 0 || n.Total.Hide != cells.Told || n.Total.N-told < 10*hidden { // what is left over says nothing of the small one
		t.Errorf("%d guards, %d told of %+v", guards, told, n.Total)
	}
	if r := e.Months[0].Numbers[1]; r.Total.N != 0 { // of nothing nothing is told but what there is: all are small
		t.Errorf("referrals %+v", r.Total)
	}
}

// A share of few checks would tell how many failed; databases are nobody's records.
func TestEditionTellsAShareOfManyOnly(t *testing.T) {
	t.Parallel()
	w := publicWorld()
	e, err := w.desk(t).Edition(t.Context())
	if err != nil || len(e.Words) != len(score.Words()) {
		t.Fatalf("%v %v", e, err)
	}
	for _, x := range e.Words {
		want := -1
		if x.Word == score.Correct {
			want = 999 // rounded down
		}
		if x.Permille != want {
			t.Errorf("%s: %d", x.Word, x.Permille)
		}
	}
	if q := w.asked[0]; q.FromDay != 20261001 || q.ToDay != 20261031 {
		t.Errorf("words of %d to %d", q.FromDay, q.ToDay)
	}
}

// The day the month is over another edition is there, and not before.
func TestEditionChangesWhenAMonthIsOver(t *testing.T) {
	t.Parallel()
	w := publicWorld()
	w.clock = clock.NewFake(time.Date(2026, 11, 30, 16, 59, 59, 0, time.UTC))
	d := w.desk(t)
	for _, want := range []string{"2026-10", "2026-11"} {
		if e, err := d.Edition(t.Context()); err != nil || e.Version != want || e.Months[0].Month.String() != want {
			t.Errorf("%v %v, not %s", e, err, want)
		}
		w.clock.Advance(time.Second)
	}
}

// What was pinned is told as it was pinned, whatever counters say by now.
func TestEditionTellsWhatWasPinned(t *testing.T) {
	t.Parallel()
	w := publicWorld()
	pin := []standing.PublicNumber{{ID: "records", Codes: []string{"01"}, Column: cells.Tell([]int64{77}, 10)}}
	w.pinned = map[standing.Month][]standing.PublicNumber{202609: pin}
	e, err := w.desk(t).Edition(t.Context())
	if err != nil || len(e.Months) != 3 {
		t.Fatalf("%+v %v", e, err)
	}
	if m := e.Months[1]; m.Month != 202609 || m.Statement != "pinned-2026-09" || len(m.Numbers) != 1 || m.Numbers[0].Total.N != 77 {
		t.Errorf("%+v", m)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]cells.Cell{"12": {N: 12}, "0": {}, "<10": {Hide: cells.Small}, "": {Hide: cells.Guard}} {
		if got := standing.Shown(c); got != want {
			t.Errorf("%+v is %q", c, got)
		}
	}
}
