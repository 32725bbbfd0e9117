// Package cells is the rule for small numbers in tables that anybody may read: what
// is below a bound is not told, and neither is what would give it away by
// subtraction. A column is one table: its cells and their total. No number is
// changed and no total is made of anything but its cells; what is told is exact.
// The rule is decided by one column alone, so that a column that is over is told
// the same way in every edition. It formats nothing.
package cells

import (
	"cmp"
	"slices"
)

// Least is the smallest number of people that is told.
const Least = 10

// Cell is one number as it is told.
type Cell struct {
	N    int64 // 0 where it is not told
	Hide Hide
}

// Hide is why a number is not told.
type Hide string

// The reasons.
const (
	Told  Hide = ""
	Small Hide = "small" // it lies below the bound
	Guard Hide = "guard" // it does not; telling it would tell a small one
)

// Column is the cells of one table and their total, as they are told.
type Column struct {
	Cells []Cell
	Total Cell
}

// Tell makes what is told of a column of numbers that are not negative, with their
// exact total. Numbers below least are small and hidden. The total less what is told
// is the sum of what is hidden: so the smallest others are hidden beside them, as
// few as leave each small number free. Where no choice does, nothing is told.
//
// Free means more than that it cannot be subtracted: somebody who knows this rule
// and reads the whole column can take every small number for anything from 0 to
// least-1, all at once. For the hidden others could be as good as equal, at sum less
// whatever the small ones are: the first condition below keeps them from becoming
// small then, the second from passing one that is told, and with equal ones no fewer
// would have done, so that the rule would have told the same.
func Tell(numbers []int64, least int64) Column {
	c := Column{Cells: make([]Cell, len(numbers))}
	var large []int // by size, then place
	var hidden, small int64
	for i, n := range numbers {
		c.Total.N += n
		c.Cells[i].N = n
		if n < least {
			c.Cells[i] = Cell{Hide: Small}
			hidden += n
			small++
		} else {
			large = append(large, i)
		}
	}
	if small == 0 {
		return c
	}
	slices.SortStableFunc(large, func(a, b int) int { return cmp.Compare(numbers[a], numbers[b]) })
	for at, i := range large {
		hidden += numbers[i]
		c.Cells[i] = Cell{Hide: Guard}
		m := int64(at + 1)
		roomy := hidden-(least-1)*small > least*m
		below := at+1 == len(large) || hidden <= m*numbers[large[at+1]]-(m+1)
		if roomy && below {
			return c
		}
	}
	c.Total = Cell{Hide: Guard}
	return c
}
