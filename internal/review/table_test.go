package review_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"lienthong/internal/review"
)

// TestATableThatWasCutSaysSo: in its last line, which is as wide as the others; one
// that is whole has none.
func TestATableThatWasCutSaysSo(t *testing.T) {
	t.Parallel()
	for _, partial := range []bool{true, false} {
		e := review.Export{Rows: make([]review.Row, 2), Partial: partial}
		data, err := e.Table()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if last := rows[len(rows)-1][0]; strings.HasPrefix(last, "KHÔNG ĐỦ") != partial || len(rows) != 3+map[bool]int{true: 1}[partial] {
			t.Errorf("partial %v: %d rows, the last %q", partial, len(rows), last)
		}
	}
}
