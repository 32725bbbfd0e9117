package file

import (
	"database/sql"
	"strings"

	"lienthong/internal/role"
	"lienthong/internal/vault"
)

// Query puts a SELECT together from constant text and bound values. No value
// ever becomes text.
type Query struct {
	text  strings.Builder
	where []string
	args  []any
}

// Select begins with constant text up to, and without, WHERE.
func Select(text string, args ...any) *Query {
	q := &Query{args: args}
	q.text.WriteString(text)
	return q
}

// And adds a condition.
func (q *Query) And(condition string, args ...any) *Query {
	q.where = append(q.where, condition)
	q.args = append(q.args, args...)
	return q
}

// In adds that a column is one of keys; of none it is nothing.
func (q *Query) In(column string, keys []vault.Keyed) *Query {
	if len(keys) == 0 {
		return q.And("0")
	}
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k[:]
	}
	return q.And(column+" IN ("+Marks(len(keys))+")", args...)
}

// Within adds a scope: facility is the column of the code, version that of the
// facility's version. The empty scope matches nothing; of a scope that names
// several, all hold.
func (q *Query) Within(s role.Scope, facility, version string) *Query {
	if s.All {
		return q
	}
	if s.IsEmpty() {
		return q.And("0")
	}
	if s.Facility != "" {
		q.And(facility+" = ?", string(s.Facility))
	}
	if s.Province != "" {
		q.And(version+" IN (SELECT id FROM facility_version WHERE province = ?)", s.Province)
	}
	if s.Unit != "" {
		q.And(version+" IN (SELECT id FROM facility_version WHERE unit = ?)", s.Unit)
	}
	return q
}

// End returns text and values, with constant text after the conditions.
func (q *Query) End(text string, args ...any) (string, []any) {
	if len(q.where) > 0 {
		q.text.WriteString(" WHERE ")
		q.text.WriteString(strings.Join(q.where, " AND "))
	}
	q.text.WriteString(text)
	return q.text.String(), append(q.args, args...)
}

// Each reads all rows and closes them.
func Each(rows *sql.Rows, err error, fn func(Scanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Marks returns n question marks.
func Marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Limit is how many rows a list gives: 50 for 0, at most 1,000.
func Limit(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 1000)
}

// Page cuts what was read, one more than the limit, and says whether more follow.
func Page[T any](all []T, limit int) ([]T, bool) {
	if len(all) > limit {
		return all[:limit], true
	}
	return all, false
}
