// Package importspool keeps the files that units bring, until their import is done or
// given up, on the hub's own machine. They are sealed as they come in, piece by
// piece, and opened piece by piece: nothing of them lies in the clear. They are in no
// backup, as whoever brought a file has it.
package importspool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"lienthong/internal/steward/bring"
)

// piece is how many bytes are sealed at once.
const piece = 32 << 10

// Sealer seals small pieces; *vault.Vault is one.
type Sealer interface {
	SealSecret(name string, plain []byte) ([]byte, error)
	OpenSecret(name string, sealed []byte) ([]byte, error)
}

// Spool is a directory of sealed files.
type Spool struct {
	dir  string
	seal Sealer
}

var _ bring.Files = (*Spool)(nil)

// Open returns the spool of a directory, which is made where it is not there.
func Open(dir string, s Sealer) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("importspool: %w", err)
	}
	return &Spool{dir: dir, seal: s}, nil
}

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,60}$`)

func (s *Spool) path(name string) (string, error) {
	if !goodName.MatchString(name) {
		return "", fmt.Errorf("importspool: no name of a file: %q", name)
	}
	return filepath.Join(s.dir, name+".sealed"), nil
}

func pieceName(name string, n int64) string { return fmt.Sprintf("import/%s/%d", name, n) }

// Create returns a writer; the file is there once it is closed without error.
func (s *Spool) Create(name string) (io.WriteCloser, error) {
	path, err := s.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("importspool: %w", err)
	}
	return &writer{s: s, f: f, name: name, path: path}, nil
}

type writer struct {
	s          *Spool
	f          *os.File
	name, path string
	plain      []byte
	pieces     int64
	failed     error
}

func (w *writer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.failed == nil {
		take := min(piece-len(w.plain), len(p))
		w.plain = append(w.plain, p[:take]...)
		if p = p[take:]; len(w.plain) == piece {
			w.flush()
		}
	}
	if w.failed != nil {
		return 0, w.failed
	}
	return n, nil
}

// flush writes a piece: its sealed length, the sealed bytes, and padding to a stride
// that is the same for all, so that any can be found.
func (w *writer) flush() {
	sealed, err := w.s.seal.SealSecret(pieceName(w.name, w.pieces), w.plain)
	if err == nil && len(sealed) > stride-8 {
		err = errors.New("importspool: a sealed piece is longer than its place")
	}
	if err == nil {
		block := make([]byte, stride)
		binary.BigEndian.PutUint32(block, uint32(len(sealed)))
		binary.BigEndian.PutUint32(block[4:], uint32(len(w.plain)))
		copy(block[8:], sealed)
		_, err = w.f.Write(block)
	}
	w.failed, w.plain, w.pieces = err, w.plain[:0], w.pieces+1
}

// stride is the place of a piece on disk.
const stride = piece + 1024

func (w *writer) Close() error {
	if len(w.plain) > 0 && w.failed == nil {
		w.flush()
	}
	err := w.failed
	if err == nil {
		err = w.f.Sync()
	}
	if err = errors.Join(err, w.f.Close()); err == nil {
		err = os.Rename(w.path+".part", w.path)
	} else {
		err = errors.Join(err, os.Remove(w.path+".part"))
	}
	return err
}

// Open returns a file; fs.ErrNotExist where it does not lie here.
func (s *Spool) Open(name string) (bring.File, error) {
	path, err := s.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &file{s: s, f: f, name: name, at: -1}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		head := make([]byte, 8)
		last := info.Size()/stride - 1
		if _, err = f.ReadAt(head, last*stride); err == nil {
			r.size = last*piece + int64(binary.BigEndian.Uint32(head[4:]))
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// file reads at any place; it keeps the piece it read last.
type file struct {
	s     *Spool
	f     *os.File
	name  string
	size  int64
	mu    sync.Mutex
	at    int64
	plain []byte
}

func (r *file) Size() int64  { return r.size }
func (r *file) Close() error { return r.f.Close() }

func (r *file) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(p) {
		if off >= r.size {
			return n, io.EOF
		}
		if err := r.load(off / piece); err != nil {
			return n, err
		}
		k := copy(p[n:], r.plain[off%piece:])
		n, off = n+k, off+int64(k)
	}
	return n, nil
}

func (r *file) load(n int64) error {
	if r.at == n {
		return nil
	}
	block := make([]byte, stride)
	if _, err := r.f.ReadAt(block, n*stride); err != nil {
		return fmt.Errorf("importspool: %w", err)
	}
	long := binary.BigEndian.Uint32(block)
	if long > stride-8 {
		return errors.New("importspool: a piece is damaged")
	}
	plain, err := r.s.seal.OpenSecret(pieceName(r.name, n), block[8:8+long])
	if err != nil {
		return err
	}
	if n < r.size/piece && len(plain) != piece {
		return errors.New("importspool: a piece is damaged")
	}
	r.at, r.plain = n, plain
	return nil
}

// Machine names the machine that the files lie on.
func (*Spool) Machine() (string, error) { return os.Hostname() }

// Remove deletes a file; it is no error that there is none.
func (s *Spool) Remove(name string) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("importspool: %w", err)
	}
	return nil
}

// Sweep deletes files, also half of one, that were last written before a moment.
func (s *Spool) Sweep(before time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("importspool: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if info.ModTime().Before(before) {
			if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("importspool: %w", err)
			}
		}
	}
	return nil
}
