package feeds

import (
	"context"

	"lienthong/internal/store/sqlite/file"
)

// Plans returns how SQLite would read on, what a record changed, and how days compared.
func Plans(db *file.DB) (map[string]string, error) {
	out := map[string]string{}
	err := db.Read(context.Background(), func(s *file.Snapshot) error {
		for name, q := range map[string]struct {
			text string
			args int
		}{"following": {following, 4}, "changed": {changed, 6}, "day": {dayOf, 4}} {
			rows, err := s.Select("EXPLAIN QUERY PLAN "+q.text, []any{1, 2, 3, 4, 5, 6}[:q.args])
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
				out[name] += detail + "\n"
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
