package compartment

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"lienthong/internal/care"
)

//go:embed lists.tsv
var listData string

//go:embed fields.tsv
var fieldData string

// class is what a field holds, and with it which words are looked for in it.
type class uint8

const (
	nothing class = iota
	diagnosis
	drug
	service
	note
	flag // a code that says yes
	classes
)

var classNames = [classes]string{"", "diagnosis", "drug", "service", "note", "flag"}

func classOf(name string) (class, bool) {
	for i, n := range classNames {
		if n == name && n != "" {
			return class(i), true
		}
	}
	return nothing, false
}

// Entry is one line of the declared lists.
type Entry struct {
	Compartment Set    // one
	What        string // "table", "icd", "diagnosis", "drug", "service", "note", "flag"
	Value       string // "XML6", "B20-B24", "lamivudin"
	Prefix      bool   // words that begin so count too
	Source      string
	ConfirmedBy string // who compared it with the signed text; "" while nobody has
}

// lists is the declared lists, compiled.
type lists struct {
	entries  []Entry
	tables   map[string]Set
	matchers [classes]*matcher
	literals []literal // of notes
	names    []field
	plans    plans
}

// literal is a word of notes in one way of writing it.
type literal struct {
	text string
	set  Set
}

// field says what fields with a name that contains this hold.
type field struct {
	part  string // upper case, without underscores
	class class
}

// compiled parses the embedded data once. It is part of the program: a mistake
// in it is a defect of the build, and panics at first use, which tests make.
var compiled = sync.OnceValue(func() *lists {
	l, err := compile(listData, fieldData)
	if err != nil {
		panic(err)
	}
	return l
})

// Entries returns the declared lists in order; callers must not change them.
func Entries() []Entry { return compiled().entries }

func compile(list, fields string) (*lists, error) {
	l := &lists{tables: map[string]Set{}}
	for i := range l.matchers {
		l.matchers[i] = newMatcher()
	}
	for i, line := range rows(list) {
		c := strings.Split(line, "\t")
		if len(c) != 6 || c[3] != "word" && c[3] != "prefix" {
			return nil, fmt.Errorf("compartment: lists.tsv line %d is wrong", i+2)
		}
		e := Entry{What: c[1], Value: c[2], Prefix: c[3] == "prefix", Source: c[4], ConfirmedBy: c[5]}
		if e.Compartment = care.ParseClass(strings.ToLower(c[0])); e.Compartment == 0 {
			return nil, fmt.Errorf("compartment: lists.tsv line %d: no compartment %q", i+2, c[0])
		}
		if err := l.add(e); err != nil {
			return nil, err
		}
		l.entries = append(l.entries, e)
	}
	for _, m := range l.matchers {
		m.finish()
	}
	for i, line := range rows(fields) {
		c := strings.Split(line, "\t")
		if len(c) != 2 {
			return nil, fmt.Errorf("compartment: fields.tsv line %d is wrong", i+2)
		}
		class, ok := classOf(c[1])
		if !ok && c[1] != "nothing" {
			return nil, fmt.Errorf("compartment: fields.tsv line %d: no class %q", i+2, c[1])
		}
		l.names = append(l.names, field{c[0], class})
	}
	return l, nil
}

func (l *lists) add(e Entry) error {
	switch e.What {
	case "table":
		l.tables[e.Value] |= e.Compartment
	case "icd":
		codes, err := icdRange(e.Value)
		if err != nil {
			return err
		}
		for _, code := range codes {
			l.matchers[diagnosis].add(" "+code, e.Compartment)
		}
	case "note":
		_, first := utf8.DecodeRuneInString(e.Value)
		for _, text := range []string{strings.ToUpper(e.Value), strings.ToLower(e.Value), strings.ToUpper(e.Value[:first]) + e.Value[first:]} {
			l.literals = append(l.literals, literal{text, e.Compartment})
		}
	default:
		class, ok := classOf(e.What)
		if !ok {
			return fmt.Errorf("compartment: lists.tsv: nothing is told by %q", e.What)
		}
		pattern := " " + e.Value
		if !e.Prefix {
			pattern += " "
		}
		l.matchers[class].add(pattern, e.Compartment)
	}
	return nil
}

// icdRange spells out "B20-B24", "Z21" or "O98.7" as text is compared: lower
// case, a point as a blank or left out.
func icdRange(value string) ([]string, error) {
	value = strings.ToLower(value)
	first, last, ranged := strings.Cut(value, "-")
	if !ranged {
		if stem, digit, fine := strings.Cut(value, "."); fine {
			return []string{stem + " " + digit, stem + digit}, nil
		}
		return []string{value}, nil
	}
	if len(first) != 3 || len(last) != 3 || first[0] != last[0] || first > last {
		return nil, fmt.Errorf("compartment: no range of codes: %q", value)
	}
	var out []string
	for n := int(first[1]-'0')*10 + int(first[2]-'0'); n <= int(last[1]-'0')*10+int(last[2]-'0'); n++ {
		out = append(out, fmt.Sprintf("%c%02d", first[0], n))
	}
	return out, nil
}

// rows gives the lines after the heading.
func rows(data string) []string {
	return strings.Split(strings.TrimRight(data, "\n"), "\n")[1:]
}
