package score

import (
	"sync"

	"lienthong/internal/fault"
)

// Report is what the marks of one dossier say, as people and senders read it. Its
// JSON form is part of what `dossier check --json` prints.
type Report struct {
	Sheet  string      `json:"sheet"`
	Words  []WordRatio `json:"words"`  // the words that are counted by checks
	Failed []Failure   `json:"failed"` // never null
}

// WordRatio is how many of the checks of a word that applied were passed.
type WordRatio struct {
	Word Word `json:"word"`
	Ratio
}

// Failure is one check that the dossier fails.
type Failure struct {
	Check    string     `json:"check"`
	Word     Word       `json:"word"`
	Table    string     `json:"table,omitempty"`
	Field    string     `json:"field,omitempty"`
	Priority int        `json:"priority,omitempty"`
	Text     fault.Text `json:"text"`
}

// Report reads marks of the judge's own sheet.
func (j *Judge) Report(m Marks) *Report {
	r := &Report{Sheet: j.sheet.Name(), Failed: []Failure{}}
	words := map[Word]Ratio{}
	for i := range j.sheet.Checks {
		c := &j.sheet.Checks[i]
		switch m.Get(i) {
		case Passed:
			words[c.Word] = words[c.Word].Plus(Ratio{1, 1})
		case Failed:
			words[c.Word] = words[c.Word].Plus(Ratio{0, 1})
			r.Failed = append(r.Failed, Failure{c.ID, c.Word, c.Table, c.Field, c.Priority, c.Text})
		}
	}
	for _, w := range Words() {
		if w.Counted() {
			r.Words = append(r.Words, WordRatio{w, words[w]})
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
