package records

import (
	"context"
	"strings"

	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Plan returns how SQLite would read a list.
func Plan(x *Records, scope role.Scope, f store.Filter) (string, error) {
	var steps []string
	err := x.db.Read(context.Background(), func(s *file.Snapshot) error {
		text, args, err := list(s, scope, f, 50)
		if err != nil {
			return err
		}
		rows, err := s.Select("EXPLAIN QUERY PLAN "+text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			steps = append(steps, detail)
		}
		return rows.Err()
	})
	return strings.Join(steps, "\n"), err
}
