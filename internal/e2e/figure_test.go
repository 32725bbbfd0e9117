package e2e_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/figure"
)

// askFor makes the question of a figure.
func askFor(t *testing.T, id string, p figure.Place, day int) figure.Query {
	t.Helper()
	return must(figure.Ask(id, p, day, day))
}

// TestFiguresAreClosedAndChangeOnlyByVersions: the day is closed at night; what a
// facility corrects or withdraws later makes version 2, which says why, and version
// 1 counted again gives the same bytes.
func TestFiguresAreClosedAndChangeOnlyByVersions(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		day := clock.Day(w.clock.Now())
		var sent []answer
		for i := range 4 {
			a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode(fmt.Sprint("LK-", i)))))
			sent = append(sent, a[0])
		}
		figures := w.hub.House.Figures
		if _, err := figures.Close(w.ctx, day); !errors.Is(err, figure.ErrSpan) {
			t.Errorf("a day that is not over: %v", err)
		}
		w.clock.Advance(24 * time.Hour)
		check := must(figures.Compare(w.ctx, day))
		if check.Seen == 0 || check.Unequal != 0 {
			t.Errorf("compared %+v", check)
		}
		if kept := must(w.hub.Slices.House.Boards.Checks(w.ctx, 1)); len(kept) != 1 || kept[0].Unequal != 0 {
			t.Errorf("kept %+v", kept)
		}
		closed := must(figures.Close(w.ctx, day))
		if closed.Changed < 6*35 {
			t.Errorf("closed %+v", closed)
		}
		if again := must(figures.Close(w.ctx, day)); again.Changed != 0 {
			t.Errorf("closed twice: %+v", again)
		}
		bacNinh := figure.Place{Province: "24"}
		first := must(figures.Statement(w.ctx, askFor(t, "SL.09", bacNinh, day).Subject()))
		if first.Read().N != 4 || first.Read().By["79901"] != 4 || first.Version != 1 || len(first.Logs) != 1 || first.Pack == "" {
			t.Fatalf("%s", first.Bytes())
		}
		if n := must(figures.Statement(w.ctx, askFor(t, "SL.09", figure.Place{}, day).Subject())).Read(); n.N != 4 || n.By["24"] != 4 {
			t.Errorf("of the country %+v", n)
		}
		if n := must(figures.Statement(w.ctx, askFor(t, "SL.04", figure.Place{Province: "01"}, day).Subject())).Read(); n.N != 0 {
			t.Errorf("of another province %+v", n)
		}

		// the next day: one is withdrawn, one corrected
		status, _, body := w.do("79901", "POST", "/api/v1/records/"+sent[0].Record+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm người"}`))
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-1").set("XML2", "TEN_THUOC", "Thuốc khác")))); a[0].Supersedes == nil {
			t.Fatalf("%+v", a[0])
		}
		w.clock.Advance(24 * time.Hour)
		if r := must(figures.Close(w.ctx, clock.Day(w.clock.Now().AddDate(0, 0, -1)))); r.Changed < 6*35+4 {
			t.Errorf("the next night %+v", r)
		}
		second := must(figures.Statement(w.ctx, first.Query.Subject()))
		c := second.Changed
		if second.Version != 2 || second.Read().N != 2 || c == nil || c.Before != 4 || c.Now != 2 || c.Withdrawn != 1 || c.Superseded != 1 || c.Late != 0 || c.Erased != 0 {
			t.Fatalf("%s", second.Bytes())
		}
		if s := must(figures.Statement(w.ctx, askFor(t, "SL.04", bacNinh, day).Subject())); s.Version != 1 {
			t.Errorf("what was received that day changed: %s", s.Bytes())
		}
		for _, s := range []*figure.Statement{first, second} {
			if o := must(figures.Recompute(w.ctx, s)); !o.Same {
				t.Errorf("%s: pinned %s, recounted %s", s.ID, s.Value, o.Bytes)
			}
		}
		// a control: a statement of another number is not confirmed
		false1 := *first
		false1.Value = second.Value
		if o := must(figures.Recompute(w.ctx, &false1)); o.Same {
			t.Error("a false statement is confirmed")
		}
		var acts int
		for _, a := range must(w.hub.Slices.Keys.Acts(w.ctx, 0, 1000)) {
			if a.Action == "figure.pinned" {
				acts++
			}
		}
		if acts != 3 { // the first night, the day before changed, the second night
			t.Errorf("%d acts of pinning", acts)
		}
	})
}
