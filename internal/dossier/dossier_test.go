package dossier_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/dossier"
)

func TestIDTextRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	a, err := dossier.NewID("79901", at, nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := dossier.ParseID(a.String())
	if err != nil || back != a {
		t.Fatalf("%s gave %v, %v", a, back, err)
	}
	b, _ := dossier.NewID("79901", at.Add(time.Millisecond), nil)
	if b.String() <= a.String() {
		t.Errorf("later id %s does not sort after %s", b, a)
	}
}

func TestParseIDTakesOnlyItsOwnText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9A-Z]{0,6}-?[0-9a-z]{0,28}`).Draw(t, "text")
		id, err := dossier.ParseID(s)
		if err == nil && id.String() != s {
			t.Fatalf("%q was read as %q", s, id)
		}
	})
}

func TestContentAnswersAbsentWithNothing(t *testing.T) {
	t.Parallel()
	cols := dossier.NewColumns("XML1", "MA_LK", "HO_TEN")
	c := &dossier.Content{All: []*dossier.Table{{Columns: cols, Rows: []dossier.Row{{Cells: []dossier.Cell{{Text: "A1", Line: 2}, {}}}}}}}
	for _, q := range []struct {
		table string
		row   int
		field string
		want  string
	}{{"XML1", 0, "MA_LK", "A1"}, {"XML1", 0, "HO_TEN", ""}, {"XML1", 1, "MA_LK", ""}, {"XML1", -1, "MA_LK", ""}, {"XML1", 0, "NO", ""}, {"XML9", 0, "MA_LK", ""}} {
		if got := c.Field(q.table, q.row, q.field); got != q.want {
			t.Errorf("%v: %q", q, got)
		}
	}
}

func TestOrdersOfOneSortCompare(t *testing.T) {
	t.Parallel()
	for _, q := range []struct {
		a, b string
		want bool
	}{{"d20260101", "d20260102", true}, {"d20260102", "d20260101", false}, {"d20260101", "d20260101", false}, {"s1", "s2", true},
		{"d20260101", "s1", false}, {"s1", "d20260101", false}, {"", "d20260101", false}, {"d20260101", "", false}} {
		if got := dossier.Older(q.a, q.b); got != q.want {
			t.Errorf("%q before %q: %v", q.a, q.b, got)
		}
	}
}
