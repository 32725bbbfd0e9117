package pages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"lienthong/internal/store/sqlite/vessel"
)

// Flat is an archive file, which is written once; only what is erased changes in
// it, to zeros.
type Flat struct {
	f *os.File
	n uint32
}

// OpenFlat opens an archive file. vessel.ErrDamaged.
func OpenFlat(path string) (*Flat, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, vessel.ErrDamaged.Because(err)
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() == 0 || info.Size()%vessel.PageSize != 0 || info.Size()/vessel.PageSize > 1<<32-1) {
		err = fmt.Errorf("%d bytes are no archive file", info.Size())
	}
	if err != nil {
		return nil, vessel.ErrDamaged.Because(errors.Join(err, f.Close()))
	}
	return &Flat{f: f, n: uint32(info.Size() / vessel.PageSize)}, nil
}

// PageSize is the length of a page in bytes.
func (x *Flat) PageSize() int { return vessel.PageSize }

// Pages is how many pages the file has.
func (x *Flat) Pages() uint32 { return x.n }

// Each gives every page, from number 1, in order. The bytes are fn's only until
// it returns.
func (x *Flat) Each(ctx context.Context, fn func(n uint32, page []byte) error) error {
	page := make([]byte, vessel.PageSize)
	r := io.NewSectionReader(x.f, 0, int64(x.n)*vessel.PageSize)
	for n := uint32(1); n <= x.n; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, page); err != nil {
			return vessel.ErrDamaged.Because(err)
		}
		if err := fn(n, page); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file.
func (x *Flat) Close() error { return x.f.Close() }
