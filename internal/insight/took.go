package insight

import (
	"slices"
	"time"
)

// steps are the upper ends of the steps in which times are counted, in
// milliseconds; one more holds what took longer.
var steps = [...]int64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000}

// Steps is how many steps there are.
const Steps = len(steps) + 1

// StepOf returns the step of a time.
func StepOf(took time.Duration) int {
	ms := (took + time.Millisecond - 1).Milliseconds()
	i, _ := slices.BinarySearch(steps[:], ms)
	return i
}

// Within returns a time that a share of the counted stayed within, the upper end of
// its step; over is true where it lies beyond the last, and any is false where
// nothing was counted.
func Within(counts [Steps]int64, percent int64) (took time.Duration, over, any bool) {
	var total, sum int64
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return 0, false, false
	}
	for i, n := range counts {
		if sum += n; sum*100 >= total*percent {
			if i == len(steps) {
				return time.Duration(steps[i-1]) * time.Millisecond, true, true
			}
			return time.Duration(steps[i]) * time.Millisecond, false, true
		}
	}
	return 0, false, false
}
