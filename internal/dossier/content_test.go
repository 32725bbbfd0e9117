package dossier_test

import (
	"errors"
	"testing"
	"testing/iotest"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

func TestColumnsKeepTheOrderOfTheSpecification(t *testing.T) {
	t.Parallel()
	c := dossier.NewColumns("XML4", "MA_LK", "STT", "GIA_TRI")
	for i, name := range c.Names() {
		if c.Index(name) != i {
			t.Errorf("%s stands at %d, not %d", name, c.Index(name), i)
		}
	}
	if c.Index("ma_lk") != -1 || c.Index("") != -1 || len(c.Names()) != 3 {
		t.Error("a field that the specification does not have was found")
	}
}

func TestTableSentTwiceStandsTwiceAndTheFirstSpeaks(t *testing.T) {
	t.Parallel()
	cols := dossier.NewColumns("XML1", "MA_LK")
	table := func(text string) *dossier.Table {
		return &dossier.Table{Columns: cols, Rows: []dossier.Row{{Line: 1, Cells: []dossier.Cell{{Text: text, Line: 1}}}}}
	}
	c := &dossier.Content{All: []*dossier.Table{table("A"), table("B")}}
	if len(c.Tables()) != 2 || c.Table("XML1") != c.All[0] || c.Field("XML1", 0, "MA_LK") != "A" {
		t.Errorf("tables %v", c.Tables())
	}
}

func TestShortRowAndNoTableAnswerWithNothing(t *testing.T) {
	t.Parallel()
	short := &dossier.Table{Columns: dossier.NewColumns("XML1", "MA_LK", "STT"), Rows: []dossier.Row{{Cells: []dossier.Cell{{Text: "A"}}}}}
	if short.Cell(0, "STT") != (dossier.Cell{}) || short.Cell(0, "MA_LK").Text != "A" {
		t.Error("a field missing at the end of a row is absent")
	}
	var none *dossier.Table
	if none.Cell(0, "MA_LK") != (dossier.Cell{}) {
		t.Error("no table has no cells")
	}
}

func TestOnlyAcceptedStatesCountAsAccepted(t *testing.T) {
	t.Parallel()
	for state, want := range map[dossier.State]bool{
		dossier.Accepted: true, dossier.AcceptedWithWarnings: true, dossier.Rejected: false,
		dossier.Superseded: false, dossier.Withdrawn: false, dossier.Erased: false, "": false,
	} {
		if state.IsAccepted() != want {
			t.Errorf("%q: %v", state, !want)
		}
	}
}

func TestNoIDWithoutRandomness(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	if id, err := dossier.NewID("79901", time.Unix(1, 0), iotest.ErrReader(broken)); !errors.Is(err, broken) || !id.IsZero() {
		t.Errorf("%v, %v", id, err)
	}
	if (dossier.ID{}).String() != "" {
		t.Error("the zero ID has a name")
	}
	if _, err := dossier.ParseID("79901-"); fault.KindOf(err) != fault.Absent {
		t.Errorf("what cannot be a record's name is absent, got %v", err)
	}
}
