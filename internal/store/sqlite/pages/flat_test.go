package pages_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/store/sqlite/pages"
	"lienthong/internal/store/sqlite/vessel"
)

func TestAnArchiveFileIsGivenPageByPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte("piece"), 2000)
	if err := errors.Join(vessel.Write(f, 1, 3, func(int64) ([]byte, error) { return piece, nil }), f.Close()); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x, err := pages.OpenFlat(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	if err := x.Each(context.Background(), func(n uint32, page []byte) error { got = append(got, page...); return nil }); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if int(x.Pages())*x.PageSize() != len(want) {
		t.Errorf("%d pages of %d", x.Pages(), x.PageSize())
	}
	if err := errors.Join(x.Close(), os.Truncate(path, 5000)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + " that is not there", filepath.Dir(path)} {
		if _, err := pages.OpenFlat(name); !errors.Is(err, vessel.ErrDamaged) {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
}
