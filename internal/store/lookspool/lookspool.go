// Package lookspool keeps, in one file on the hub's own machine, the looks of
// emergencies that could not be written into the log of looks, until they can. A
// line is a row and the CRC of it; a line cut off by a crash was never answered
// for, and is left out. It is no log: nothing is read out of it but to be entered.
package lookspool

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"lienthong/internal/store"
)

// File is the spool.
type File struct {
	mu   sync.Mutex
	path string
}

// Open returns the spool of a directory, which is made where it is not there.
func Open(dir string) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lookspool: %w", err)
	}
	return &File{path: filepath.Join(dir, "looks.spool")}, nil
}

// Keep appends rows; they are on disk when it returns.
func (f *File) Keep(rows []store.Disclosure) error {
	var b bytes.Buffer
	for i := range rows {
		line, err := json.Marshal(&rows[i])
		if err != nil {
			return fmt.Errorf("lookspool: %w", err)
		}
		fmt.Fprintf(&b, "%08x %s\n", crc32.ChecksumIEEE(line), line)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("lookspool: %w", err)
	}
	err = mend(out)
	if err == nil {
		_, err = out.Write(b.Bytes())
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("lookspool: %w", err)
	}
	return syncDir(filepath.Dir(f.path))
}

// mend ends a line that a crash cut off, so that the next is one of its own.
func mend(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, end-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = f.Write([]byte{'\n'})
	}
	return err
}

// Drain hands over what is kept, oldest first, and removes it once it was taken.
// Rows that were taken and not removed, by a crash in between, are handed over
// again: an access twice in the log is better than none.
func (f *File) Drain(take func([]store.Disclosure) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lookspool: %w", err)
	}
	rows, err := parse(b)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		if err := take(rows); err != nil {
			return err
		}
	}
	if err := os.Remove(f.path); err != nil {
		return fmt.Errorf("lookspool: %w", err)
	}
	return syncDir(filepath.Dir(f.path))
}

// parse reads whole lines; one that is damaged is left out.
func parse(b []byte) ([]store.Disclosure, error) {
	var out []store.Disclosure
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		sum, line, ok := bytes.Cut(lines.Bytes(), []byte(" "))
		want, err := hex.DecodeString(string(sum))
		if !ok || err != nil || len(want) != 4 {
			continue
		}
		got := crc32.ChecksumIEEE(line)
		if !bytes.Equal(want, []byte{byte(got >> 24), byte(got >> 16), byte(got >> 8), byte(got)}) {
			continue
		}
		var d store.Disclosure
		if json.Unmarshal(line, &d) != nil {
			continue
		}
		d.ID = 0 // given by the log
		out = append(out, d)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("lookspool: %w", err)
	}
	return out, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("lookspool: %w", err)
	}
	err = d.Sync()
	if err = errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("lookspool: %w", err)
	}
	return nil
}
