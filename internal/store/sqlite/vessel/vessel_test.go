package vessel_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/store/sqlite/vessel"
)

// vesselOf is an archive file of three pieces from 7 on, the second of them gone.
func vesselOf(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	pieces := map[int64][]byte{7: bytes.Repeat([]byte("seven"), 900), 9: []byte("nine")}
	if err := errors.Join(vessel.Write(f, 7, 3, func(id int64) ([]byte, error) { return pieces[id], nil }), f.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnArchiveFileGivesItsPieces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, vesselOf(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64]int{7: 4500, 8: 0, 9: 4} {
		got, err := read(path, 7, 9, id)
		if err != nil || len(got) != want {
			t.Errorf("piece %d: %d bytes, %v", id, len(got), err)
		}
	}
	for _, c := range [][3]int64{{7, 9, 6}, {7, 9, 10}, {6, 9, 7}, {7, 8, 7}} {
		if _, err := read(path, c[0], c[1], c[2]); !errors.Is(err, vessel.ErrDamaged) {
			t.Errorf("piece %d of %d to %d: %v", c[2], c[0], c[1], err)
		}
	}
}

// Whatever the bytes of an archive file are, a piece is read or the fault is ErrArchive.
func FuzzArchiveFile(f *testing.F) {
	good := vesselOf(f)
	f.Add(good)
	f.Add(good[:5000])
	f.Add([]byte{})
	for _, at := range []int{0, 25, 31, 39, 43, 60, len(good) - 4090} {
		bad := bytes.Clone(good)
		bad[at] ^= 0x40
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for id := int64(7); id < 10; id++ {
			if got, err := read(path, 7, 9, id); err != nil && !errors.Is(err, vessel.ErrDamaged) || len(got) > len(b) {
				t.Errorf("piece %d: %d bytes, %v", id, len(got), err)
			}
		}
	})
}

func read(path string, first, last, id int64) ([]byte, error) {
	v, err := vessel.Open(path, first, last)
	if err != nil {
		return nil, err
	}
	data, err := v.Piece(id)
	return data, errors.Join(err, v.Close())
}
