package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pageHash tells one page from another: the first half of its SHA-256.
type pageHash [16]byte

func hashPage(b []byte) pageHash {
	sum := sha256.Sum256(b)
	return pageHash(sum[:16])
}

// rootOf is what a manifest says of all pages of a file: the SHA-256 of its
// name, page size and page hashes, in order. A restored file must give it, so a
// page that an incremental backup left out by mistake cannot go unseen.
func rootOf(name string, pageSize int, pages []pageHash) string {
	h := sha256.New()
	fmt.Fprintf(h, "lienthong/pages/v1\n%s\n%d\n%d\n", name, pageSize, len(pages))
	for i := range pages {
		h.Write(pages[i][:])
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// state is what the hub remembers of a backup to make the next one incremental:
// the manifest and the hash of every page. It is no part of a backup: without
// it, or with one that does not give the manifest's roots, the next is full.
type state struct {
	digest string       // of the manifest's file
	bytes  []byte       // the manifest's file
	pages  [][]pageHash // of each file of the manifest
}

const (
	stateHead  = "lienthong/backup-state/v1\n"
	statesKept = 4 // places a hub may be backing up to in turn
)

// States keeps them, one file each, in a directory of the hub's own.
type States struct{ dir string }

// NewStates keeps states in dir, made where it is not.
func NewStates(dir string) *States { return &States{dir} }

func (s *States) load(digest, vkey string) (*state, *Manifest, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	st, m := parseState(b, vkey)
	if st == nil || st.digest != digest {
		return nil, nil, nil
	}
	return st, m, nil
}

// Known returns the backup whose manifest has that digest, as the hub remembers it; nil.
func (s *States) Known(digest, vkey string) (*Previous, error) {
	st, m, err := s.load(digest, vkey)
	if st == nil || err != nil {
		return nil, err
	}
	return &Previous{Manifest: m, Digest: digest, next: m.Seq + 1}, nil
}

// parseState reads a state; nil for bytes that are none.
func parseState(b []byte, vkey string) (*state, *Manifest) {
	rest, ok := bytes.CutPrefix(b, []byte(stateHead))
	if !ok || len(rest) < 4 {
		return nil, nil
	}
	n := binary.BigEndian.Uint32(rest)
	if rest = rest[4:]; uint64(n) > uint64(len(rest)) {
		return nil, nil
	}
	st := &state{bytes: rest[:n], digest: digestOf(rest[:n])}
	rest = rest[n:]
	m, _, err := ParseManifest(st.bytes, vkey)
	if err != nil {
		return nil, nil
	}
	for _, f := range m.Files {
		size := uint64(f.Pages) * uint64(len(pageHash{}))
		if size > uint64(len(rest)) {
			return nil, nil
		}
		hashes := make([]pageHash, f.Pages)
		for i := range hashes {
			hashes[i] = pageHash(rest[i*len(pageHash{}):])
		}
		if rest = rest[size:]; rootOf(f.Name, f.PageSize, hashes) != f.Root {
			return nil, nil
		}
		st.pages = append(st.pages, hashes)
	}
	if len(rest) != 0 {
		return nil, nil
	}
	return st, m
}

// keep writes a state and lets the oldest go.
func (s *States) keep(st *state) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint32([]byte(stateHead), uint32(len(st.bytes)))
	b = append(b, st.bytes...)
	for _, file := range st.pages {
		for i := range file {
			b = append(b, file[i][:]...)
		}
	}
	name := filepath.Join(s.dir, st.digest)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	return s.prune(st.digest)
}

func (s *States) prune(but string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	type aged struct {
		name string
		at   int64
	}
	var all []aged
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == but || !isDigest(strings.TrimSuffix(e.Name(), ".new")) {
			continue
		}
		all = append(all, aged{e.Name(), info.ModTime().UnixNano()})
	}
	slices.SortFunc(all, func(a, b aged) int { return int(min(1, max(-1, b.at-a.at))) })
	for _, old := range all[min(len(all), statesKept-1):] {
		if err := os.Remove(filepath.Join(s.dir, old.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
