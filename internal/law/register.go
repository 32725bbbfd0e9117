package law

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

//go:embed sources.tsv
var sourceData string

//go:embed deadlines.tsv
var deadlineData string

//go:embed uses.tsv
var useData string

// table is the register, compiled.
type table struct {
	sources []Source
	byID    map[string]int
	uses    map[string]Use
	terms   map[string]Term
	kinds   []string
}

// register parses the embedded data once. They are part of the program: a mistake
// in them is a defect of the build, and panics at first use, which tests make.
var register = sync.OnceValue(func() *table {
	t, err := compile(sourceData, deadlineData, useData)
	if err != nil {
		panic(err)
	}
	return t
})

var goodID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)

func compile(sources, deadlines, uses string) (*table, error) {
	t := &table{byID: map[string]int{}, uses: map[string]Use{}, terms: map[string]Term{}}
	for _, step := range []struct {
		name, data string
		columns    int
		add        func(c []string) error
	}{{"sources", sources, 9, t.addSource}, {"deadlines", deadlines, 6, t.addTerm}, {"uses", uses, 5, t.addUse}} {
		for i, line := range strings.Split(strings.TrimRight(step.data, "\n"), "\n") {
			c := strings.Split(line, "\t")
			if len(c) != step.columns {
				return nil, fmt.Errorf("law: %s.tsv line %d has %d columns", step.name, i+1, len(c))
			}
			if i == 0 {
				continue // names of the columns
			}
			if err := step.add(c); err != nil {
				return nil, fmt.Errorf("law: %s.tsv line %d: %w", step.name, i+1, err)
			}
		}
	}
	return t, nil
}

func (t *table) addSource(c []string) error {
	s := Source{ID: c[0], Kind: c[1], Title: fault.Text{VI: c[2], EN: c[3]}, Article: c[4], ConfirmedBy: c[7], Note: c[8]}
	if _, twice := t.byID[s.ID]; twice || !goodID.MatchString(s.ID) || s.Title.VI == "" || s.Title.EN == "" {
		return fmt.Errorf("source %q", s.ID)
	}
	var err error
	if s.Since, err = day(c[5]); err != nil {
		return err
	}
	if c[6] != "" {
		if s.Until, err = day(c[6]); err != nil {
			return err
		}
	}
	t.byID[s.ID] = len(t.sources)
	t.sources = append(t.sources, s)
	return nil
}

func day(text string) (time.Time, error) {
	return time.ParseInLocation(time.DateOnly, text, clock.Hanoi)
}

func (t *table) addTerm(c []string) error {
	n, err := strconv.Atoi(c[1])
	if err != nil || n <= 0 {
		return fmt.Errorf("amount %q", c[1])
	}
	d := Term{Source: c[4], Note: c[5]}
	switch c[2] {
	case "working":
		d.Days, d.Working = n, true
	case "days":
		d.Days = n
	case "hours":
		d.Hours = n
	default:
		return fmt.Errorf("unit %q", c[2])
	}
	if c[3] != "" {
		if d.Longer, err = strconv.Atoi(c[3]); err != nil || d.Longer <= d.Days {
			return fmt.Errorf("longer %q", c[3])
		}
	}
	if _, ok := t.byID[d.Source]; !ok {
		return fmt.Errorf("source %q", d.Source)
	}
	t.terms[c[0]] = d
	t.kinds = append(t.kinds, c[0])
	return nil
}

func (t *table) addUse(c []string) error {
	if _, ok := t.byID[c[2]]; !ok || c[0] != "purpose" && c[0] != "basis" {
		return fmt.Errorf("%s %q has source %q", c[0], c[1], c[2])
	}
	t.uses[c[0]+":"+c[1]] = Use{Name: c[1], Source: c[2], Title: fault.Text{VI: c[3], EN: c[4]}}
	return nil
}
