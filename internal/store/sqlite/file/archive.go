package file

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"lienthong/internal/store/sqlite/vessel"
)

// archive is a row of the table archive.
type archive struct {
	first, last int64
	name        string
	written     bool
}

const selectArchive = `SELECT first, last, name, written FROM archive`

func scanArchive(row Scanner) (a archive, err error) {
	err = row.Scan(&a.first, &a.last, &a.name, &a.written)
	return a, err
}

// holder returns the archive whose range holds a piece; sql.ErrNoRows.
func holder(row func(string, ...any) Row, id int64) (archive, error) {
	a, err := scanArchive(row(selectArchive+` WHERE first <= ? ORDER BY first DESC LIMIT 1`, id))
	if err == nil && id > a.last {
		err = sql.ErrNoRows
	}
	return a, err
}

// archived reads a piece that is not in the file; nil where it is nowhere,
// vessel.ErrDamaged where it should be in an archive and cannot be read.
func (s *Snapshot) archived(id int64) ([]byte, error) {
	a, err := holder(s.Row, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !a.written {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := s.db.vessel(a)
	if err != nil {
		return nil, err
	}
	return v.Piece(id)
}

// vessel returns the open archive file of a row, opened once.
func (d *DB) vessel(a archive) (*vessel.File, error) {
	d.vesselsMu.Lock()
	defer d.vesselsMu.Unlock()
	if v := d.vessels[a.first]; v != nil {
		return v, nil
	}
	v, err := vessel.Open(vessel.Path(filepath.Dir(d.path), a.name), a.first, a.last)
	if err != nil {
		return nil, err
	}
	if d.vessels == nil {
		d.vessels = map[int64]*vessel.File{}
	}
	d.vessels[a.first] = v
	return v, nil
}

func (d *DB) closeVessels() error {
	d.vesselsMu.Lock()
	defer d.vesselsMu.Unlock()
	var errs []error
	for _, v := range d.vessels {
		errs = append(errs, v.Close())
	}
	d.vessels = nil
	return errors.Join(errs...)
}

// Archive moves up to limit pieces of records received before a moment into an
// archive file, and returns how many it moved; 0: none is left. What lies in one
// piece with a later record stays.
//
// First the range is noted, so that an erasure beside it leaves a note too
// (archive_blank); then the file is written under another name, made durable,
// read back against the rows and given its name; only after that is committed
// do rows go. Ended at any point, the next call goes on: a piece is in the main
// file, in the archive or in both. Rows are read from the main file first.
func (d *DB) Archive(ctx context.Context, before time.Time, limit int) (int, error) {
	moved, err := d.goOn(ctx)
	if err != nil || moved > 0 {
		return moved, err
	}
	noted, err := d.note(ctx, before, max(1, min(limit, vessel.MaxPieces)))
	if err != nil || !noted {
		return 0, err
	}
	return d.goOn(ctx)
}

// goOn brings what is noted to its end.
func (d *DB) goOn(ctx context.Context) (int, error) {
	var all []archive
	err := d.Read(ctx, func(s *Snapshot) error {
		all = nil
		rows, err := s.Rows(selectArchive + ` WHERE written = 0 OR EXISTS (SELECT 1 FROM piece WHERE id BETWEEN first AND last) ORDER BY first`)
		if err != nil {
			return err
		}
		return scanAll(rows, func(row Scanner) error {
			a, err := scanArchive(row)
			all = append(all, a)
			return err
		})
	})
	moved := 0
	for _, a := range all {
		if !a.written && err == nil {
			err = d.put(ctx, &a)
		}
		if err == nil {
			var n int
			n, err = d.leave(ctx, a)
			moved += n
		}
	}
	return moved, err
}

// old returns the first piece and the one after the last that may go; what comes
// in meanwhile lies after it. It reads along the index of times, and is not for
// the committer, where all others would wait.
func (d *DB) old(ctx context.Context, before time.Time) (first, end sql.NullInt64, err error) {
	err = d.Read(ctx, func(s *Snapshot) error {
		if err := s.Row(`SELECT min(id), max(id) + 1 FROM piece`).Scan(&first, &end); err != nil || !first.Valid {
			return err
		}
		var later int64
		err := s.Row(`SELECT piece FROM record WHERE id >= (SELECT min(id) FROM record WHERE received >= ?) AND piece IS NOT NULL ORDER BY id LIMIT 1`,
			Micros(before)).Scan(&later)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		end.Int64 = min(end.Int64, later)
		return err
	})
	return first, end, err
}

// note claims the next pieces; false where there are none, or another process
// claims them.
func (d *DB) note(ctx context.Context, before time.Time, limit int) (bool, error) {
	first, end, err := d.old(ctx, before)
	if err != nil || !first.Valid {
		return false, err
	}
	last := min(end.Int64, first.Int64+int64(limit)) - 1
	if last < first.Int64 {
		return false, nil
	}
	var n int64
	err = d.Write(ctx, Administrative, 1, func(tx *Tx) (err error) {
		n, err = tx.Exec(`INSERT INTO archive (first, last, name, written) SELECT ?1, ?2, ?3, 0 WHERE NOT EXISTS (SELECT 1 FROM archive WHERE last >= ?1)`,
			first.Int64, last, fmt.Sprintf("archive-%012d-%012d.lta", first.Int64, last))
		return err
	})
	return n > 0, err
}

// put writes the file of a range and commits that it is there.
func (d *DB) put(ctx context.Context, a *archive) error {
	dir := filepath.Join(filepath.Dir(d.path), vessel.Dir)
	path := vessel.Path(filepath.Dir(d.path), a.name)
	if !vessel.IsFile(path) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Fault(err)
		}
		if err := d.pour(ctx, dir, path, *a); err != nil {
			return err
		}
	}
	if err := d.overwrite(ctx, a.first, a.last); err != nil {
		return err
	}
	err := d.Write(ctx, Administrative, 1, func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE archive SET written = 1 WHERE first = ? AND last = ?`, a.first, a.last)
		return err
	})
	if err != nil {
		return err
	}
	a.written = true
	return d.Overwrite(ctx) // what was erased since the last time
}

// pour writes the file under another name and gives it its own when what can be
// read of it is what the rows hold. A file of that name is never replaced.
func (d *DB) pour(ctx context.Context, dir, path string, a archive) (err error) {
	f, err := os.CreateTemp(dir, a.name+".tmp-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	count := a.last - a.first + 1
	if err := vessel.Write(f, a.first, count, d.pieces(ctx, a.last)); err != nil {
		return err
	}
	v, err := vessel.Reread(f)
	if err != nil {
		return err
	}
	piece := d.pieces(ctx, a.last)
	for id := a.first; id <= a.last; id++ {
		want, err := piece(id)
		if err != nil {
			return err
		}
		got, err := v.Piece(id)
		if err != nil {
			return err
		}
		if !sameOrErased(got, want) {
			return vessel.ErrDamaged.Because(fmt.Errorf("piece %d was not read back as it was written", id))
		}
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// sameOrErased reports whether got is want, but for bytes that were erased since
// it was copied.
func sameOrErased(got, want []byte) bool {
	if len(want) == 0 { // gone as a whole
		return true
	}
	if bytes.Equal(got, want) {
		return true
	}
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if want[i] != 0 && want[i] != got[i] {
			return false
		}
	}
	return true
}

// syncDir makes the names in a directory last. Windows keeps them by itself and
// has no way to ask.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// readAhead is how many pieces are read in one snapshot.
const readAhead = 64

// pieces reads pieces in order of their ids, up to last, some at a time; nil for
// one that is gone.
func (d *DB) pieces(ctx context.Context, last int64) func(id int64) ([]byte, error) {
	held := map[int64][]byte{}
	end := int64(-1)
	return func(id int64) ([]byte, error) {
		if id <= end {
			return held[id], nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(held)
		end = min(last, id+readAhead-1)
		err := d.Read(ctx, func(s *Snapshot) error {
			rows, err := s.Rows(`SELECT id, data FROM piece WHERE id BETWEEN ? AND ?`, id, end)
			if err != nil {
				return err
			}
			return scanAll(rows, func(row Scanner) error {
				var n int64
				var data []byte
				err := row.Scan(&n, &data)
				held[n] = data
				return err
			})
		})
		return held[id], err
	}
}

// leave takes the rows of a written range out of the file, some at a time so
// that nobody waits long. Their pages are used again as they are.
func (d *DB) leave(ctx context.Context, a archive) (moved int, err error) {
	if _, err := d.vessel(a); err != nil { // nothing goes on the word of a row alone
		return 0, err
	}
	for n := int64(1); n > 0; moved += int(n) {
		err := d.Write(ctx, Administrative, 1, func(tx *Tx) (err error) {
			n, err = tx.Exec(`DELETE FROM piece WHERE id IN (SELECT id FROM piece WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 256)`, a.first, a.last)
			return err
		})
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// Overwrite overwrites with zeros in archive files what was erased of them.
func (d *DB) Overwrite(ctx context.Context) error { return d.overwrite(ctx, 0, 0) }

type blankRow struct{ id, piece, from, size int64 }

// overwrite does so for all files that are written, or for that of one range,
// written or not.
func (d *DB) overwrite(ctx context.Context, first, last int64) error {
	var all []blankRow
	var held []archive
	err := d.Read(ctx, func(s *Snapshot) error {
		all, held = nil, nil
		rows, err := s.Rows(`SELECT id, piece, piece_from, piece_size FROM archive_blank b WHERE CASE WHEN ?2 > 0 THEN piece BETWEEN ?1 AND ?2
 ELSE EXISTS (SELECT 1 FROM archive a WHERE b.piece BETWEEN a.first AND a.last AND a.written = 1) END ORDER BY piece`, first, last)
		if err != nil {
			return err
		}
		if err := scanAll(rows, func(row Scanner) error {
			var b blankRow
			err := row.Scan(&b.id, &b.piece, &b.from, &b.size)
			all = append(all, b)
			return err
		}); err != nil {
			return err
		}
		for _, b := range all {
			a, err := holder(s.Row, b.piece)
			if err != nil {
				return err
			}
			held = append(held, a)
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		return err
	}
	touched := map[*vessel.File]bool{}
	for i, b := range all {
		v, err := d.vessel(held[i])
		if err != nil {
			return err
		}
		if err := v.Blank(b.piece, b.from, b.size); err != nil {
			return err
		}
		touched[v] = true
	}
	for v := range touched {
		if err := v.Sync(); err != nil {
			return ErrSync.Because(err)
		}
	}
	return d.Write(ctx, Administrative, 1, func(tx *Tx) error {
		for _, b := range all {
			if _, err := tx.Exec(`DELETE FROM archive_blank WHERE id = ?`, b.id); err != nil {
				return err
			}
		}
		return nil
	})
}
