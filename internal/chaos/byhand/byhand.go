// Package byhand runs the statements of doc/design/recount.md as an auditor does:
// the text of the page, on the tables, with nothing of the hub between. It is for
// tests; the hub counts by packages of its own, so that one checks the other.
package byhand

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The engines as the page names them.
const (
	SQLite     = "SQLite"
	PostgreSQL = "PostgreSQL"
)

// Statement is one statement of the page.
type Statement struct {
	Name   string // "counters on SQLite", of its first line
	Text   string
	Engine string // "" for both
}

// Page reads doc/design/recount.md of the source this was built from.
func Page() ([]byte, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return nil, fmt.Errorf("byhand: where is the source?")
	}
	return os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", "..", "doc", "design", "recount.md"))
}

// Statements are those of a page for an engine, in its order: what stands fenced
// as sql and begins with a line that names it.
func Statements(page []byte, engine string) (list []Statement) {
	_, rest, found := strings.Cut(string(page), "\n```sql\n-- ")
	for found {
		var text string
		text, rest, _ = strings.Cut(rest, "\n```\n")
		name, body, _ := strings.Cut(text, "\n")
		s := Statement{Name: name, Text: body}
		if _, of, split := strings.Cut(name, " on "); split && of != "both engines" {
			s.Engine = of
		}
		if s.Engine == "" || s.Engine == engine {
			list = append(list, s)
		}
		_, rest, found = strings.Cut("\n"+rest, "\n```sql\n-- ")
	}
	return list
}

// Tables is what a statement is run on: a database, or a transaction of it.
type Tables interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Run runs one statement and returns its rows, each as "column=value" with spaces
// between: what is not equal.
func (s Statement) Run(ctx context.Context, db Tables) (lines []string, err error) {
	rows, err := db.QueryContext(ctx, s.Text)
	if err != nil {
		return nil, fmt.Errorf("byhand: %s: %w", s.Name, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("byhand: %s: %w", s.Name, err)
	}
	values, to := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, fmt.Errorf("byhand: %s: %w", s.Name, err)
		}
		line := make([]string, len(names))
		for i, v := range values {
			line[i] = names[i] + "=" + v.String
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines, rows.Err()
}
