// Package report has what a run of the re-verifier is told and what it tells. It
// holds no rules.
package report

import "lienthong/internal/fault"

// Options of a run. The zero value will do.
type Options struct {
	Known [][]byte // signed checkpoints known from elsewhere
	Limit int      // how many differences are listed; 0: 1,000
	// Sample n > 1 looks at every row, receipt, leaf, tile, checkpoint and root,
	// and opens every seal, but makes the content again, asks the rows beside it
	// and verifies signatures only of one record in n and of those that are not
	// plain (rejected, superseded, withdrawn or what does so), and does not look
	// for strays. For a store whose files were just held against a signed
	// manifest. 0 and 1: of all.
	Sample   uint64
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Stage   string // "keys", "directory", "log 0", "files", "episodes", "legs", "counters"
	Records int    // looked at so far
}

// Difference is one thing that is not as it was written.
type Difference struct {
	Code  string     `json:"code"`  // stable
	Table string     `json:"table"` // in the words of the store's contract
	Row   string     `json:"row"`   // where: a record's name, a leaf, a file's place; never a person's number
	Field string     `json:"field,omitempty"`
	Text  fault.Text `json:"message"`
}

// Report is what was looked at and what is different.
type Report struct {
	Logs        int          `json:"logs"`
	Leaves      uint64       `json:"leaves"`
	Tiles       uint64       `json:"tiles"`
	Checkpoints uint64       `json:"checkpoints"`
	Records     int          `json:"records"`
	Whole       int          `json:"whole"`  // of them, those whose content was made again
	Erased      int          `json:"erased"` // of them, those of which a tombstone is left
	Files       int          `json:"files"`
	Episodes    int          `json:"episodes"`
	Acts        int          `json:"acts"`
	Disclosures int          `json:"disclosures"`
	Stamps      int          `json:"stamps"`
	Annotations int          `json:"annotations"`
	Refusals    int          `json:"refusals"`
	Legs        int          `json:"legs"`
	Differences []Difference `json:"differences"` // in the order found
	More        int          `json:"more"`        // differences not listed
	// Unheld is how many rows of the ministry's house no mark holds, by table: the acts
	// that wrote them are older than the marks. They are not said to be right.
	Unheld  map[string]int `json:"unheld,omitempty"`
	Skipped []string       `json:"skipped"` // what a hub at work did not let be compared: "counters"
}

// OK reports whether nothing is different.
func (r *Report) OK() bool { return len(r.Differences) == 0 && r.More == 0 }
