package file_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/store/sqlite/file"
)

// What is dropped is zeros in the file, and its neighbours in the same piece are whole.
func TestDroppedBodiesAreOverwritten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, err := file.Open(ctx, filepath.Join(t.TempDir(), "x.db"), file.Config{Migrations: os.DirFS("../migrations/main")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	bodies := [][]byte{bytes.Repeat([]byte("a"), 900), bytes.Repeat([]byte("b"), 40_000), nil, bytes.Repeat([]byte("c"), 700), bytes.Repeat([]byte("d"), 300)}
	err = db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error {
		spans, err := tx.PutBodies(bodies)
		if err != nil {
			return err
		}
		for i, s := range spans[:4] {
			piece, from, size := s.Columns()
			if _, err := tx.Exec(`INSERT INTO record (id, facility, serial, kind, facility_version, received, state, version, current, late, documents, lane,
 file, idx, episode, content, log, leaf, pack, trust_epoch, class, month, piece, piece_from, piece_size)
 VALUES (?, '', ?, '', 0, 0, '', 0, 0, 0, 0, 0, x'', 0, x'', x'', 0, 0, '', 0, '', 0, ?, ?, ?)`, i+1, []byte{byte(i)}, piece, from, size); err != nil {
				return err
			}
		}
		piece, from, size := spans[4].Columns()
		_, err = tx.Exec(`INSERT INTO file (id, facility, hash, digest, size, received, sender, lane, class, month, certificates, seals, dossiers, piece, piece_from, piece_size)
 VALUES (1, '', x'', x'', 0, 0, '', 0, '', 0, x'', '', 0, ?, ?, ?)`, piece, from, size)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for record, want := range bodies[:4] {
		if got := bodyOf(t, db, `SELECT `+file.BodyColumns+` FROM record r `+file.BodyTable+` WHERE r.id = ?`, record+1); !bytes.Equal(got, want) {
			t.Errorf("body %d: %d bytes of %d", record, len(got), len(want))
		}
	}
	err = db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error {
		if err := tx.DropBody(2); err != nil {
			return err
		}
		if err := tx.DropBody(3); err != nil { // has none
			return err
		}
		return tx.DropSkeleton(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	for record, want := range [][]byte{bodies[0], nil, nil, bodies[3]} {
		if got := bodyOf(t, db, `SELECT `+file.BodyColumns+` FROM record r `+file.BodyTable+` WHERE r.id = ?`, record+1); !bytes.Equal(got, want) {
			t.Errorf("after dropping, body %d: %d bytes of %d", record, len(got), len(want))
		}
	}
	if got := bodyOf(t, db, `SELECT skeleton, piece, piece_from, piece_size FROM file WHERE id = ?`, 1); got != nil {
		t.Errorf("the dropped skeleton is %d bytes", len(got))
	}
	err = db.Read(ctx, func(s *file.Snapshot) error { // no piece has a part of what was dropped
		rows, err := s.Rows(`SELECT data FROM piece`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var data []byte
			if err := rows.Scan(&data); err != nil {
				return err
			}
			for _, part := range [][]byte{bodies[1][:64], bodies[1][20_000:20_064], bodies[1][39_900:], bodies[4][:64]} {
				if bytes.Contains(data, part) {
					t.Error("dropped bytes are in a piece")
				}
			}
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func bodyOf(t *testing.T, db *file.DB, query string, id int) (body []byte) {
	t.Helper()
	err := db.Read(context.Background(), func(s *file.Snapshot) error {
		var row file.BodyRow
		if err := s.Row(query, id).Scan(row.To()...); err != nil {
			return err
		}
		var err error
		body, err = s.Bodies().Of(&row)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}
