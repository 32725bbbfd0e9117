package chart

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// The lists are data: places.tsv says which fields of which tables hold a fact
// and how surely, lists.tsv the codes and words that tell of one. A mistake in them
// is a defect of the build and panics at first use, which tests make.
var (
	//go:embed places.tsv
	placeData string
	//go:embed lists.tsv
	listData string

	places = sync.OnceValue(func() map[string][]place { return readPlaces(placeData) })
	lists  = sync.OnceValue(func() map[string][]listed { return readLists(listData) })
)

// place is a field that may hold a fact.
type place struct {
	fact, field string
	how         How
}

// listed is one entry of a list: a code or a run of codes, or a word, folded.
type listed struct {
	entry string
	label fault.Text
}

func readLines(data string, columns int, each func(c []string)) {
	for i, line := range strings.Split(strings.TrimRight(data, "\n"), "\n") {
		c := strings.Split(line, "\t")
		if len(c) != columns {
			panic("chart: data line " + strconv.Itoa(i+1))
		}
		if i > 0 {
			each(c)
		}
	}
}

func readPlaces(data string) map[string][]place {
	m := map[string][]place{}
	readLines(data, 4, func(c []string) {
		how := How(c[3])
		if how != ByField && how != ByNote && how != ByOwn {
			panic("chart: no such way: " + c[3])
		}
		m[c[1]] = append(m[c[1]], place{c[0], c[2], how})
	})
	return m
}

func readLists(data string) map[string][]listed {
	m := map[string][]listed{}
	readLines(data, 5, func(c []string) {
		m[c[0]] = append(m[c[0]], listed{c[1], fault.Text{VI: c[2], EN: c[3]}})
	})
	return m
}

// icdIn finds an ICD-10 code on a list of codes and runs ("Z95.0", "O10-O16").
func icdIn(list, code string) (fault.Text, bool) {
	for _, l := range lists()[list] {
		from, to, run := strings.Cut(l.entry, "-")
		if !run {
			to = from
		}
		if n := len(from); len(code) >= n && code[:n] >= from && code[:n] <= to {
			return l.label, true
		}
	}
	return fault.Text{}, false
}

// folds keeps folded texts: names of drugs, tests and supplies, and notes that
// several facts are looked for in, come again and again.
type folds map[string]string

func (f folds) of(s string) string {
	folded, ok := f[s]
	if !ok {
		folded = care.Fold(s)
		f[s] = folded
	}
	return folded
}

// hasWord reports whether folded text holds a word of a list.
func hasWord(list, folded string) bool {
	for _, l := range lists()[list] {
		if strings.Contains(folded, l.entry) {
			return true
		}
	}
	return false
}

// without takes the words of a list out of folded text.
func without(list, folded string) string {
	for _, l := range lists()[list] {
		if strings.Contains(folded, l.entry) {
			folded = strings.ReplaceAll(folded, l.entry, " ")
		}
	}
	return folded
}

// plain is the words of a text, folded, single blanks around each.
func plain(s string) string { return " " + care.NameKey(s) + " " }

// stateOf says what a text that stands where a fact belongs says of it: that it
// is so, that it is not (None), or that nobody knows (Nothing). about is the
// list of the fact's own words, which say nothing alone.
func stateOf(s, about string) State {
	words := plain(s)
	if strings.Trim(words, " 0123456789") == "" {
		return Nothing
	}
	if rest := strings.TrimSpace(words); listHas("unknown", rest) {
		return Nothing
	}
	rest := words
	for _, list := range []string{about, "filler"} {
		for _, l := range lists()[list] {
			for w := " " + l.entry + " "; strings.Contains(rest, w); {
				rest = strings.ReplaceAll(rest, w, " ")
			}
		}
	}
	switch rest = strings.TrimSpace(rest); {
	case listHas("none", rest):
		return None
	case listHas("unknown", rest):
		return Nothing
	}
	return Recorded
}

func listHas(list, s string) bool {
	for _, l := range lists()[list] {
		if l.entry == s {
			return true
		}
	}
	return false
}

// denies reports whether a clause denies something.
func denies(clause string) bool {
	words := plain(clause)
	return strings.Contains(words, " khong ") || strings.Contains(words, " chua ")
}

// sentences cuts a note into its sentences: at line breaks, semicolons and full
// stops that are not inside a number.
func sentences(s string) []string {
	var out []string
	from := 0
	cut := func(to, next int) {
		if part := strings.TrimSpace(s[from:to]); part != "" {
			out = append(out, part)
		}
		from = next
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\n', '\r', ';':
			cut(i, i+1)
		case '.', '!', '?':
			if i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n' || s[i+1] == '\r' {
				cut(i, i+1)
			}
		}
	}
	cut(len(s), len(s))
	return out
}

// clauses cuts a sentence at its commas, those of decimals aside.
func clauses(s string) []string {
	var out []string
	from := 0
	for i := 0; i < len(s); i++ {
		if s[i] == ',' && (i+1 == len(s) || s[i+1] == ' ') {
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}
