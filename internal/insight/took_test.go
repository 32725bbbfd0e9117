package insight_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/insight"
)

func TestTimesFallIntoSteps(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{0: 0, time.Millisecond: 0, time.Millisecond + 1: 1, 2 * time.Millisecond: 1, 90 * time.Millisecond: 6, 100 * time.Second: 15, 101 * time.Second: 16, time.Hour: 16} {
		if got := insight.StepOf(took); got != want {
			t.Errorf("%s: step %d, want %d", took, got, want)
		}
	}
	if _, _, any := insight.Within([insight.Steps]int64{}, 95); any {
		t.Error("of nothing there is a percentile")
	}
	if took, over, _ := insight.Within([insight.Steps]int64{16: 3}, 95); !over || took != 100*time.Second {
		t.Errorf("beyond the last: %s, %v", took, over)
	}
}

// At least the share stays within what is said, and it is never below the time itself.
func TestWithinIsAnUpperEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var counts [insight.Steps]int64
		times := rapid.SliceOfN(rapid.Int64Range(0, 100_000), 1, 50).Draw(t, "ms")
		for _, ms := range times {
			counts[insight.StepOf(time.Duration(ms)*time.Millisecond)]++
		}
		p := rapid.Int64Range(1, 100).Draw(t, "percent")
		took, over, any := insight.Within(counts, p)
		inside := int64(0)
		for _, ms := range times {
			if time.Duration(ms)*time.Millisecond <= took {
				inside++
			}
		}
		if !any || over || inside*100 < p*int64(len(times)) {
			t.Fatalf("%d of %d within %s", inside, len(times), took)
		}
	})
}

func TestEveryFigureSaysWhatItIs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range insight.Figures() {
		if seen[f.ID] || f.Name.VI == "" || f.Name.EN == "" || f.Formula.VI == "" || f.Formula.EN == "" || f.Doubt.VI == "" || f.Doubt.EN == "" || f.Source == "" || f.List == "" {
			t.Errorf("%+v", f)
		}
		seen[f.ID] = true
		if g, ok := insight.FigureByID(f.ID); !ok || g.Name != f.Name {
			t.Errorf("%s is not found", f.ID)
		}
	}
	if f, _ := insight.FigureByID("SL.04"); !f.Pinned() {
		t.Error("prescriptions cannot be pinned")
	}
	if f, _ := insight.FigureByID("SL.05"); f.Pinned() {
		t.Error("look-ups can be pinned")
	}
}
