package retention_test

import (
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/retention"
)

func one(table string, cells map[string]string) *dossier.Content {
	var names []string
	row := dossier.Row{}
	for name, text := range cells {
		names = append(names, name)
		row.Cells = append(row.Cells, dossier.Cell{Text: text})
	}
	return &dossier.Content{All: []*dossier.Table{{Columns: dossier.NewColumns(table, names...), Rows: []dossier.Row{row}}}}
}

func TestTheLongestTermThatAppliesHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  string
		cells map[string]string
		want  string
	}{
		{"qd4750", map[string]string{"KET_QUA_DTRI": "1", "MA_BENH_CHINH": "J18.9"}, retention.Visit},
		{"qd4750", map[string]string{"KET_QUA_DTRI": "5", "MA_TAI_NAN": "1"}, retention.Death},
		{"qd4750", map[string]string{"MA_TAI_NAN": "1"}, retention.Accident},
		{"qd4750", map[string]string{"MA_TAI_NAN": "0"}, retention.Visit},
		{"qd4750", map[string]string{"MA_BENH_CHINH": "I10", "MA_BENH_KT": "E11.9; F32.1"}, retention.Accident},
		{"prescription", map[string]string{"MA_CHAN_DOAN": "F41"}, retention.Accident},
		{"checkup", map[string]string{"MA_BENH": "Z00"}, retention.Checkup},
		{"checkup", map[string]string{"MA_BENH": "F20"}, retention.Accident},
		{"qd4750", nil, retention.Visit},
	} {
		if got := retention.ClassOf(c.kind, one("XML1", c.cells)); got != c.want {
			t.Errorf("%s %v is of class %s", c.kind, c.cells, got)
		}
	}
}

func TestTermsEndAfterTheMonth(t *testing.T) {
	t.Parallel()
	last := 0
	for _, c := range retention.Classes() {
		if c.Years <= last || c.What.VI == "" || c.What.EN == "" || c.Source == "" {
			t.Errorf("%+v after %d years", c, last)
		}
		last = c.Years
	}
	if got := retention.ByName(retention.Visit).Ends(202612, clock.Hanoi); !got.Equal(time.Date(2037, 1, 1, 0, 0, 0, 0, clock.Hanoi)) {
		t.Errorf("a visit of December 2026 may be destroyed from %v", got)
	}
	for _, name := range []string{retention.Former, "no such class", retention.Longest} {
		if got := retention.ByName(name); got.Years != 30 {
			t.Errorf("%s is kept %d years", name, got.Years)
		}
	}
}
