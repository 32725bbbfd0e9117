package retention

import (
	"bytes"
	"context"
	"slices"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Clean overwrites what was erased wherever an earlier form of a page still has
// it, and moves the write-ahead log into the file. It reads the whole file: rows
// are moved between pages as they come, and SQLite zeroes only what it takes
// out of a page itself (secure_delete).
func (x *Retention) Clean(ctx context.Context, erased []store.Residue) error {
	if len(erased) > 0 {
		pages, err := x.pagesWith(ctx, erased)
		if err != nil {
			return err
		}
		if len(pages) > 0 {
			if err := x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error { return wipe(tx, pages, erased) }); err != nil {
				return err
			}
		}
	}
	return x.db.Checkpoint(ctx)
}

// pagesWith finds the pages that hold a residue.
func (x *Retention) pagesWith(ctx context.Context, erased []store.Residue) (found []int64, err error) {
	first := map[[2]byte][]*store.Residue{} // by their first two bytes
	for i := range erased {
		if b := erased[i].Bytes; len(b) >= 8 {
			k := [2]byte(b)
			first[k] = append(first[k], &erased[i])
		}
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		found = nil
		rows, err := s.Rows(`SELECT pgno, data FROM sqlite_dbpage('main')`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int64
			var page []byte
			if err := rows.Scan(&n, &page); err != nil {
				return err
			}
			if holds(page, first) {
				found = append(found, n)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return found, err
}

func holds(page []byte, first map[[2]byte][]*store.Residue) bool {
	for at := 0; at+2 <= len(page); at++ {
		for _, r := range first[[2]byte(page[at:])] {
			if bytes.HasPrefix(page[at:], r.Bytes) {
				return true
			}
		}
	}
	return false
}

// wipe overwrites residues in pages with zeros. Within the transaction no row
// has them: not even one of a subject that is known again, which is left out.
func wipe(tx *file.Tx, pages []int64, erased []store.Residue) error {
	live := map[store.SubjectOf]bool{}
	for _, r := range erased {
		if r.Subject == (store.SubjectOf{}) {
			continue
		}
		var known bool
		if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM subject WHERE facility = ?1 AND key = ?2) OR EXISTS (SELECT 1 FROM record WHERE facility = ?1 AND subject = ?2)
 OR EXISTS (SELECT 1 FROM link WHERE facility = ?1 AND subject = ?2) OR EXISTS (SELECT 1 FROM bar WHERE facility = ?1 AND subject = ?2)`,
			string(r.Subject.Facility), r.Subject.Key[:]).Scan(&known); err != nil {
			return err
		}
		live[r.Subject] = known
	}
	for _, n := range pages {
		var page []byte
		if err := tx.Row(`SELECT data FROM sqlite_dbpage('main') WHERE pgno = ?`, n).Scan(&page); err != nil {
			return err
		}
		clean := slices.Clone(page)
		for _, r := range erased {
			if live[r.Subject] || len(r.Bytes) < 8 {
				continue
			}
			for at := bytes.Index(clean, r.Bytes); at >= 0; at = bytes.Index(clean, r.Bytes) {
				clear(clean[at : at+len(r.Bytes)])
			}
		}
		if bytes.Equal(clean, page) {
			continue
		}
		if _, err := tx.Exec(`UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, clean, n); err != nil {
			return err
		}
	}
	return nil
}
