package rulebook

import (
	"maps"
	"slices"
	"strings"
)

// Change is how one rule differs between two books.
type Change struct {
	Code     string
	Old, New *Rule // nil: it is not there
	Judges   bool  // it may find otherwise; else only its words, cases or source differ
}

// Diff lists the rules that differ, in order of the new book, then those gone.
func Diff(old, fresh []*Rule) []Change {
	var out []Change
	find := func(list []*Rule, code string) *Rule {
		if i := slices.IndexFunc(list, func(r *Rule) bool { return r.Code == code }); i >= 0 {
			return list[i]
		}
		return nil
	}
	for _, n := range fresh {
		o := find(old, n.Code)
		switch {
		case o == nil:
			out = append(out, Change{Code: n.Code, New: n, Judges: true})
		case !o.same(n):
			out = append(out, Change{Code: n.Code, Old: o, New: n, Judges: true})
		case !o.equal(n):
			out = append(out, Change{Code: n.Code, Old: o, New: n})
		}
	}
	for _, o := range old {
		if find(fresh, o.Code) == nil {
			out = append(out, Change{Code: o.Code, Old: o, Judges: true})
		}
	}
	return out
}

// Line is one line of two texts set beside each other.
type Line struct {
	Mark byte // ' ' in both, '-' in the old, '+' in the new
	Text string
}

// mostLines of a text are compared line by line; beyond, texts differ as a whole.
const mostLines = 4_000

// Lines compares two texts: only what differs, with one line around.
func Lines(old, fresh string) []Line {
	a, b := lines(old), lines(fresh)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []Line
	if head > 0 {
		out = append(out, Line{' ', a[head-1]})
	}
	out = append(out, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	if tail > 0 {
		out = append(out, Line{' ', a[len(a)-tail]})
	}
	return out
}

// middle compares what is left by its longest common sequence of lines.
func middle(a, b []string) (out []Line) {
	if len(a)*len(b) > mostLines*mostLines/16 { // whole new
		for _, l := range a {
			out = append(out, Line{'-', l})
		}
		for _, l := range b {
			out = append(out, Line{'+', l})
		}
		return out
	}
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, Line{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, Line{'-', a[i]})
			i++
		default:
			out = append(out, Line{'+', b[j]})
			j++
		}
	}
	return out
}

func lines(text string) []string {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// equal reports whether two rules are the same in everything that is written.
func (r *Rule) equal(o *Rule) bool {
	return r.same(o) && r.Code == o.Code && r.Severity == o.Severity && slices.Equal(r.Blocks, o.Blocks) && r.Word == o.Word && r.Text == o.Text && r.Hint == o.Hint &&
		r.Source == o.Source && r.ConfirmedBy == o.ConfirmedBy && slices.EqualFunc(r.Cases, o.Cases, func(a, b Case) bool {
		return a.Name == b.Name && a.Passes == b.Passes && maps.Equal(a.Row, b.Row) && maps.EqualFunc(a.Tables, b.Tables, func(x, y []map[string]string) bool {
			return slices.EqualFunc(x, y, maps.Equal)
		})
	})
}
