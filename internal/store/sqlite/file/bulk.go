package file

import (
	"database/sql"
	"strings"
)

// Bulk is constant text over any number of rows of bound values, run in as few
// statements as the sizes below allow: the price of a statement, most of it
// paid on the way to SQLite and back, is then shared by its rows.
type Bulk struct {
	width int
	text  [len(bulkSizes)]string
}

// bulkSizes are the numbers of rows a statement is prepared for, the greatest
// first; 64 is a whole group.
var bulkSizes = [...]int{64, 16, 4, 1}

// NewBulk makes text of head, rows of width values, "(?, ?), (?, ?)", and tail.
func NewBulk(head string, width int, tail string) *Bulk {
	b := &Bulk{width: width}
	row := "(" + Marks(width) + ")"
	for i, n := range bulkSizes {
		b.text[i] = head + strings.TrimSuffix(strings.Repeat(row+", ", n), ", ") + tail
	}
	return b
}

// Insert begins a Bulk that inserts rows; columns are the table's with their
// names, "place (facility, file, idx, record)".
func Insert(columns, tail string) *Bulk {
	return NewBulk("INSERT INTO "+columns+" VALUES ", 1+strings.Count(columns, ","), " "+tail)
}

// Asking asks something of keys: columns names those of k, the query reads from k.
func Asking(columns, query string) *Bulk {
	return NewBulk("WITH k ("+columns+") AS (VALUES ", 1+strings.Count(columns, ","), ") "+query)
}

// each calls run with the text for every piece of args.
func (b *Bulk) each(args []any, run func(text string, args []any) error) error {
	for i, n := range bulkSizes {
		for n *= b.width; len(args) >= n; args = args[n:] {
			if err := run(b.text[i], args[:n:n]); err != nil {
				return err
			}
		}
	}
	return nil
}

// ExecBulk runs a Bulk over args, row after row, and returns how many rows it changed.
func (tx *Tx) ExecBulk(b *Bulk, args []any) (int64, error) {
	var changed int64
	err := b.each(args, func(text string, args []any) error {
		n, err := tx.Exec(text, args...)
		changed += n
		return err
	})
	return changed, err
}

// AskBulk runs a Bulk over args and calls scan for every row of its answers.
func (tx *Tx) AskBulk(b *Bulk, args []any, scan func(Scanner) error) error {
	return b.each(args, func(text string, args []any) error {
		rows, err := tx.Rows(text, args...)
		if err != nil {
			return err
		}
		return scanAll(rows, scan)
	})
}

// AskBulk is AskBulk of a Tx, for readers.
func (s *Snapshot) AskBulk(b *Bulk, args []any, scan func(Scanner) error) error {
	return b.each(args, func(text string, args []any) error {
		rows, err := s.Rows(text, args...)
		if err != nil {
			return err
		}
		return scanAll(rows, scan)
	})
}

func scanAll(rows *sql.Rows, scan func(Scanner) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
