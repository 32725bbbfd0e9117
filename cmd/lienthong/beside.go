package main

import (
	"bytes"
	"errors"
	"io"

	"lienthong/internal/agent"
	"lienthong/internal/intake"
)

// beside reads what lies beside a file, as `submit` sends it: its detached seal,
// and papers with theirs.
func beside(f *intake.File, path string) error {
	for x := range agent.Paths(path) {
		seal, err := readBeside(x.Seal, 64<<10)
		if err != nil {
			return err
		}
		f.Seal = string(bytes.TrimSpace(seal))
		for _, p := range x.Papers {
			raw, err := readBeside(p.Open, 32<<20)
			if err != nil {
				return err
			}
			if seal, err = readBeside(p.Seal, 64<<10); err != nil {
				return err
			}
			f.Beside = append(f.Beside, intake.Paper{Name: p.Name, Bytes: raw, Seal: string(bytes.TrimSpace(seal))})
		}
	}
	return nil
}

// readBeside reads at most limit bytes and one more; nil where there is nothing.
func readBeside(open func() (io.ReadCloser, error), limit int64) ([]byte, error) {
	if open == nil {
		return nil, nil
	}
	r, err := open()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	return b, errors.Join(err, r.Close())
}
