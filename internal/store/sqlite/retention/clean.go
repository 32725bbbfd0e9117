package retention

import (
	"bytes"
	"context"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Clean overwrites what was erased wherever an earlier form of a page still has
// it and in archive files, and moves the write-ahead log into the file. It reads the whole file: rows
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
	if err := x.db.Overwrite(ctx); err != nil {
		return err
	}
	return x.db.Checkpoint(ctx)
}

// finder finds residues in pages: by their first two bytes.
type finder map[[2]byte][]*store.Residue

func finderOf(erased []store.Residue) finder {
	f := finder{}
	for i := range erased {
		if b := erased[i].Bytes; len(b) >= 16 {
			f[[2]byte(b)] = append(f[[2]byte(b)], &erased[i])
		}
	}
	return f
}

// each calls fn for every residue of a page until it returns false.
func (f finder) each(page []byte, fn func(at int, r *store.Residue) bool) {
	for at := 0; at+2 <= len(page); at++ {
		for _, r := range f[[2]byte(page[at:])] {
			if bytes.HasPrefix(page[at:], r.Bytes) && !fn(at, r) {
				return
			}
		}
	}
}

// pagesWith finds the pages that hold a residue.
func (x *Retention) pagesWith(ctx context.Context, erased []store.Residue) (found []int64, err error) {
	f := finderOf(erased)
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
			f.each(page, func(int, *store.Residue) bool {
				found = append(found, n)
				return false
			})
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return found, err
}

// wipe overwrites residues in pages with zeros. Within the transaction no row
// has them: not even one of a subject that is known again, which is left out.
func wipe(tx *file.Tx, pages []int64, erased []store.Residue) error {
	gone := make([]store.Residue, 0, len(erased))
	for _, r := range erased {
		known := false
		if r.Subject != (store.SubjectOf{}) {
			if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM subject WHERE facility = ?1 AND key = ?2) OR EXISTS (SELECT 1 FROM record WHERE facility = ?1 AND subject = ?2)
 OR EXISTS (SELECT 1 FROM link WHERE facility = ?1 AND subject = ?2) OR EXISTS (SELECT 1 FROM bar WHERE facility = ?1 AND subject = ?2)`,
				string(r.Subject.Facility), r.Subject.Key[:]).Scan(&known); err != nil {
				return err
			}
		}
		if !known {
			gone = append(gone, r)
		}
	}
	f := finderOf(gone)
	for _, n := range pages {
		var page []byte
		if err := tx.Row(`SELECT data FROM sqlite_dbpage('main') WHERE pgno = ?`, n).Scan(&page); err != nil {
			return err
		}
		clean := bytes.Clone(page)
		f.each(page, func(at int, r *store.Residue) bool {
			clear(clean[at : at+len(r.Bytes)])
			return true
		})
		if bytes.Equal(clean, page) {
			continue
		}
		if _, err := tx.Exec(`UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, clean, n); err != nil {
			return err
		}
	}
	return nil
}
