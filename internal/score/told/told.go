// Package told is what the marks of one dossier say, as people and senders read it:
// shapes only, made by package score and shown by pages.
package told

import "lienthong/internal/fault"

// Report is of one dossier. Its JSON form is part of what `dossier check --json` prints.
type Report struct {
	Sheet  string    `json:"sheet"`
	Words  []Word    `json:"words"`  // the words that are counted by checks
	Failed []Failure `json:"failed"` // never null
}

// Word is how many of the checks of a word that applied were passed.
type Word struct {
	Word    string     `json:"word"`
	Title   fault.Text `json:"-"`
	Passed  int64      `json:"passed"`
	Applied int64      `json:"applied"`
}

// Applicable reports whether there was anything to look at.
func (w Word) Applicable() bool { return w.Applied > 0 }

// Failure is one check that the dossier fails.
type Failure struct {
	Check    string     `json:"check"`
	Word     string     `json:"word"`
	Title    fault.Text `json:"-"` // of the word
	Table    string     `json:"table,omitempty"`
	Field    string     `json:"field,omitempty"`
	Priority int        `json:"priority,omitempty"`
	Text     fault.Text `json:"text"`
}
