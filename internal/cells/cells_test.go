package cells_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lienthong/internal/cells"
)

const least = cells.Least

// columns are as provinces have them: many small, some zero, some large.
func columns() *rapid.Generator[[]int64] {
	return rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 12), rapid.Int64Range(0, 40), rapid.Int64Range(0, 100_000)), 0, 36)
}

func TestWhatIsToldIsTrueAndNeverSmall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbers := columns().Draw(t, "numbers")
		c := cells.Tell(numbers, least)
		var sum int64
		for i, n := range numbers {
			sum += n
			if x := c.Cells[i]; (n < least) != (x.Hide == cells.Small) || x.Hide == cells.Told && x.N != n || x.Hide != cells.Told && x.N != 0 {
				t.Fatalf("%d is told as %+v", n, x)
			}
		}
		if c.Total.Hide == cells.Told && c.Total.N != sum || c.Total.Hide != cells.Told && c.Total.N != 0 {
			t.Fatalf("the total %d is told as %+v", sum, c.Total)
		}
	})
}

// For whatever numbers the small cells could be, there is a column that is told in
// the very same way: so nobody can tell which of them it is, though they know the
// rule and read all that is told.
func TestNoSmallNumberCanBeRecomputed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbers := columns().Draw(t, "numbers")
		c := cells.Tell(numbers, least)
		other := slices.Clone(numbers)
		for i, x := range c.Cells {
			if x.Hide == cells.Small {
				other[i] = rapid.OneOf(rapid.Int64Range(0, least-1), rapid.Just[int64](0), rapid.Just[int64](least-1)).Draw(t, "could be")
			}
		}
		level(c, numbers, other)
		if got := cells.Tell(other, least); fmt.Sprint(got) != fmt.Sprint(c) {
			t.Fatalf("%v is told as %v, %v as %v: they can be told apart", numbers, c, other, got)
		}
	})
}

// level makes the hidden others as good as equal, so that the column has the total
// it is told to have; a column without a total may have any.
func level(c cells.Column, numbers, other []int64) {
	var rest int64
	var guards []int
	for i, n := range numbers {
		if c.Cells[i].Hide == cells.Told {
			continue
		}
		rest += n
		if c.Cells[i].Hide == cells.Guard {
			guards = append(guards, i)
		} else {
			rest -= other[i]
		}
	}
	for at, i := range guards {
		if c.Total.Hide != cells.Told {
			other[i] = least // all are hidden
			continue
		}
		left := int64(len(guards) - at)
		other[i] = rest / left
		rest -= other[i]
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		numbers []int64
		want    string
	}{
		"nothing small":                      {[]int64{10, 500}, "{[{10 } {500 }] {510 }}"},
		"one small: the next larger guards":  {[]int64{3, 500, 25}, "{[{0 small} {500 } {0 guard}] {528 }}"},
		"one guard that is too near another": {[]int64{9, 20, 21, 100}, "{[{0 small} {0 guard} {0 guard} {100 }] {150 }}"},
		"no room: nothing is told":           {[]int64{3, 11}, "{[{0 small} {0 guard}] {0 guard}}"},
		"zero is small":                      {[]int64{0, 40}, "{[{0 small} {0 guard}] {40 }}"},
		"all small":                          {[]int64{9, 9}, "{[{0 small} {0 small}] {0 guard}}"},
		"nobody at all":                      {nil, "{[] {0 }}"},
	} {
		if got := fmt.Sprint(cells.Tell(x.numbers, least)); got != x.want {
			t.Errorf("%s: %s, want %s", name, got, x.want)
		}
	}
}

// The attack the rule is against must work where the rule is not followed.
func TestHidingOnlyWhatIsSmallTellsIt(t *testing.T) {
	t.Parallel()
	numbers := []int64{3, 500, 25}
	c := cells.Tell(numbers, least)
	if all := numbers[0] + numbers[1] + numbers[2]; all-c.Cells[1].N-numbers[2] != numbers[0] || c.Cells[2].Hide != cells.Guard {
		t.Errorf("%+v", c)
	}
}
