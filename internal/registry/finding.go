package registry

import "lienthong/internal/fault"

// Problem is one thing wrong with a declaration, or worth knowing about a change.
type Problem struct {
	Code   string // "declaration.unknown_key"
	Path   string // "fields[2].type", "" the whole file; numbers from 0
	Line   int    // in the file, from 1; 0 unknown
	Column int
	Text   fault.Text
	Note   bool // it does not stand in the way
	Need   Need // of a change: what follows from taking it
}

// Need is what a change of a declaration makes necessary.
type Need string

// The needs.
const (
	Reproject Need = "reproject" // entries are made again from their sources
	Recount   Need = "recount"   // marks are given again
)

// Blocks reports whether a problem among them stands in the way.
func Blocks(problems []Problem) bool {
	for _, p := range problems {
		if !p.Note {
			return true
		}
	}
	return false
}

// Finding is one thing wrong with an entry. It never holds a value.
type Finding struct {
	Code     string // "entry.born.format", "rule.dose.order"
	Word     string // of the eight, as package score names them
	Field    string // "" the whole entry
	Severity string // "warning"; "error": a file's row is not taken with it
	Text     fault.Text
}
