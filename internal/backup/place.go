package backup

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Place is where backups are kept: files are added, never changed or taken
// away. *Dir is one, *Stream writes one out for another host to keep.
type Place interface {
	// Write adds a file and returns when it is durable; ErrTaken where the name is in use.
	Write(name string, b []byte) error
}

// Dir is a place that is a directory. It needs the right to add files only: a
// directory whose files cannot be changed (object lock, append-only attribute,
// a mount that refuses overwriting) is what it is made for.
type Dir struct{ path string }

// OpenDir opens the directory at path, making it (mode 0700) where it is not.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return &Dir{path}, nil
}

// Write adds a file with mode 0400 and syncs it and the directory.
func (d *Dir) Write(name string, b []byte) error {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if errors.Is(err, fs.ErrExist) {
		return ErrTaken.Because(err)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err // what is there of it stays: no manifest names it
	}
	at, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(at.Sync(), at.Close())
}

// read returns a file of at most limit bytes; ErrMissing. What is no regular
// file is ErrDamaged and is not opened: whoever may add to the place could have
// put a pipe there, which nobody writes to.
func (d *Dir) read(name string, limit int64) ([]byte, error) {
	path := filepath.Join(d.path, name)
	what, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing.Because(err)
	}
	if err != nil {
		return nil, err
	}
	if !what.Mode().IsRegular() {
		return nil, ErrDamaged.Because(fmt.Errorf("%s is no regular file", name))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = ErrDamaged.Because(fmt.Errorf("%s is longer than any of its kind", name))
	}
	return b, err
}

// sequence lists the numbers of the manifests, ascending.
func (d *Dir) sequence() ([]int, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, e := range entries {
		text, ok := strings.CutSuffix(e.Name(), manifestEnding)
		if n, err := strconv.Atoi(text); ok && err == nil && n > 0 && manifestName(n) == e.Name() {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Previous is the backup that an incremental one builds on.
type Previous struct {
	Manifest *Manifest
	Digest   string // SHA-256 of its file
	next     int    // the first number after it that is free in the place
}

// Newest returns the newest backup of the place that vkey signed; nil where
// there is none. A manifest that was cut short when its writer died is passed
// by, and so is what another put there, whatever number it has.
func (d *Dir) Newest(vkey string) (*Previous, error) {
	all, err := d.sequence()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	p := &Previous{next: 1}
	for _, n := range slices.Backward(all) {
		b, err := d.read(manifestName(n), maxManifest)
		if err != nil {
			if errors.Is(err, ErrDamaged) {
				continue
			}
			return nil, err
		}
		if m, _, err := ParseManifest(b, vkey); err == nil && m.Seq == n {
			p.Manifest, p.Digest, p.next = m, digestOf(b), n+1
			break
		}
	}
	for _, n := range all {
		if n == p.next {
			p.next++
		}
	}
	return p, nil
}

// Stream is a place written out as a tar, segments first and the manifest last:
// a stream that was cut holds no manifest and is no backup.
type Stream struct{ w *tar.Writer }

// NewStream writes to w; the caller calls Close.
func NewStream(w io.Writer) *Stream { return &Stream{tar.NewWriter(w)} }

// Write adds a file to the stream.
func (s *Stream) Write(name string, b []byte) error {
	if err := s.w.WriteHeader(&tar.Header{Name: name, Mode: 0o400, Size: int64(len(b)), Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	_, err := s.w.Write(b)
	return err
}

// Close ends the stream.
func (s *Stream) Close() error { return s.w.Close() }

// Receive takes a stream into the directory: each segment as it comes, the
// manifest when every segment it names has come whole and, of an incremental
// one, the backup it builds on is there. It returns the manifest. vkey as
// ParseManifest takes it.
func (d *Dir) Receive(r io.Reader, vkey string) (*Manifest, error) {
	came := map[string]string{}
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if err != nil {
			return nil, ErrManifest.Because(fmt.Errorf("the stream ended before its manifest: %w", err))
		}
		last := strings.HasSuffix(h.Name, manifestEnding)
		limit := int64(maxSegment)
		if last {
			limit = maxManifest
		}
		if !isName(h.Name) || h.Typeflag != tar.TypeReg || h.Size > limit {
			return nil, ErrDamaged.Because(errors.New("a member of the stream is no part of a backup"))
		}
		b, err := io.ReadAll(in)
		if err != nil {
			return nil, ErrDamaged.Because(err)
		}
		if last {
			return d.accept(h.Name, b, vkey, came)
		}
		if err := d.Write(h.Name, b); err != nil {
			return nil, err
		}
		came[h.Name] = digestOf(b)
	}
}

func (d *Dir) accept(name string, b []byte, vkey string, came map[string]string) (*Manifest, error) {
	m, _, err := ParseManifest(b, vkey)
	if err != nil {
		return nil, err
	}
	if name != manifestName(m.Seq) {
		return nil, ErrManifest.Because(errors.New("the manifest is named for another"))
	}
	for _, s := range m.Segments {
		if came[s.Name] != s.SHA256 {
			return nil, ErrDamaged.Because(fmt.Errorf("%s did not come whole", s.Name))
		}
	}
	if m.Kind == Incremental {
		before, err := d.read(manifestName(m.After), maxManifest)
		if err != nil || digestOf(before) != m.Previous {
			return nil, ErrManifest.Because(errors.Join(errors.New("the backup it builds on is not here"), err))
		}
	}
	return m, d.Write(name, b)
}
