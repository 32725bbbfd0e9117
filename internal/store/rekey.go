package store

import "context"

// Wrapped is a row's wrapped key, found to be wrapped anew. Key is the row's
// primary key as text, bytes in hexadecimal.
type Wrapped struct {
	Table   string
	Key     []string
	Was, Is []byte
}

// Rekeys moves what is wrapped by keys that turn. See package rekey.
type Rekeys interface {
	// Wrapped returns rows of a table whose wrapped key begins with prefix, in order
	// of their keys after one (nil: from the first), at most limit.
	// The tables are those of RekeyTables.
	Wrapped(ctx context.Context, table string, prefix []byte, after []string, limit int) ([]Wrapped, error)
	// Rewrap puts Is in the place of Was, where that still stands; moved counts them.
	Rewrap(ctx context.Context, rows []Wrapped) (moved int, err error)
	// ReplaceMonth puts a month key wrapped anew in the place of the same one; ErrChanged.
	ReplaceMonth(ctx context.Context, was, is MonthKey) error
	// DropGenerations destroys the keys of a class and month before a generation,
	// with the act, and tells what is to be cleaned (Retention.Clean).
	DropGenerations(ctx context.Context, class string, month, before int, act Act) ([]Residue, error)
}

// RekeyTable is a table that holds wrapped keys or sealed secrets.
type RekeyTable struct {
	Table  string   // "": as it is called here
	Key    []string // columns of its primary key
	Column string
	Secret bool // Column is a sealed secret, which begins with 1 and the mark of its master key
}

// RekeyTables are all of them.
var RekeyTables = map[string]RekeyTable{
	"record":           {Key: []string{"facility", "serial"}, Column: "wrapped"},
	"file":             {Key: []string{"facility", "hash"}, Column: "wrapped"},
	"leg_receipt":      {Key: []string{"facility", "serial", "destination"}, Column: "wrapped"},
	"temporary":        {Key: []string{"number"}, Column: "wrapped"},
	"matter_version":   {Key: []string{"number", "version"}, Column: "sealed", Secret: true},
	"matter_paper":     {Table: "matter_version", Key: []string{"number", "version"}, Column: "wrapped"},
	"db_entry":         {Key: []string{"database", "id"}, Column: "wrapped"},
	"db_entry_version": {Key: []string{"database", "id", "version"}, Column: "wrapped"},
	"staff":            {Key: []string{"id"}, Column: "sealed", Secret: true},
	"eid_address":      {Key: []string{"person"}, Column: "sealed", Secret: true},
	"secret":           {Key: []string{"facility", "destination"}, Column: "sealed", Secret: true},
}
