package score

import (
	"sync"

	"lienthong/internal/score/told"
)

// Report reads marks of the judge's own sheet.
func (j *Judge) Report(m Marks) *told.Report {
	r := &told.Report{Sheet: j.sheet.Name(), Failed: []told.Failure{}}
	words := map[Word]Ratio{}
	for i := range j.sheet.Checks {
		c := &j.sheet.Checks[i]
		switch m.Get(i) {
		case Passed:
			words[c.Word] = words[c.Word].Plus(Ratio{1, 1})
		case Failed:
			words[c.Word] = words[c.Word].Plus(Ratio{0, 1})
			r.Failed = append(r.Failed, told.Failure{Check: c.ID, Word: string(c.Word), Title: c.Word.Title(), Table: c.Table, Field: c.Field, Priority: c.Priority, Text: c.Text})
		}
	}
	for _, w := range Words() {
		if w.Counted() {
			r.Words = append(r.Words, told.Word{Word: string(w), Title: w.Title(), Passed: words[w].Passed, Applied: words[w].Applied})
		}
	}
	return r
}

// StandardJudge returns the judge of a kind by the sheet the program comes with,
// nil for a kind without one.
func StandardJudge(kind string) *Judge { return standardJudges()[kind] }

var standardJudges = sync.OnceValue(func() map[string]*Judge {
	judges := map[string]*Judge{}
	for kind, s := range Standard() {
		judges[kind] = NewJudge(s, nil)
	}
	return judges
})
