// Package folder writes facilities and the files they send to a directory, with
// what a hub must know to take them. It does not know how they were made.
package folder

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"lienthong/internal/admin"
)

// ErrNotEmpty: the directory to write to holds something already.
var ErrNotEmpty = errors.New("folder: the directory is not empty")

// Written is what Write wrote.
type Written struct {
	Facilities, Files, Dossiers, Defects int
	Bytes                                int64
}

// Registry is registry.json: what an operator registers to take the files.
type Registry struct {
	TrustAnchor string           `json:"trust_anchor"` // file name of the root's certificate
	Facilities  []admin.Facility `json:"facilities"`
}

// Entry is a line of index.jsonl: what a file is, and what a hub must say to it.
type Entry struct {
	File     string `json:"file"` // path under the directory, with slashes
	Facility string `json:"facility"`
	Kind     string `json:"kind"`
	Visit    string `json:"visit"`
	Dossiers int    `json:"dossiers"`
	Quirk    string `json:"quirk,omitempty"`
	Defect   string `json:"defect,omitempty"`
	Outcome  string `json:"outcome,omitempty"` // of the defect
	Code     string `json:"code,omitempty"`

	Beside map[string][]byte `json:"-"` // files next to it, by name: detached seals, papers
}

// Sender is a facility with its certificate and key as PEM.
type Sender struct {
	Registration     admin.Facility
	Certificate, Key []byte
}

// Source is where facilities and files come from.
type Source interface {
	Root() []byte // certificate of the authority, PEM
	Senders() ([]Sender, error)
	// File makes file i, from 0. It is asked by several goroutines, in any order.
	File(i int) (Entry, []byte, error)
}

// Write writes a source's facilities and first count files to a new or empty
// directory:
//
//	files/CODE/yyyymmdd/NAME.xml   what each facility sends
//	index.jsonl                    one Entry a file
//	registry.json, root.pem        what a hub must know of the senders
//	certs/CODE.pem, keys/CODE.pem  keys readable by the owner only
//
// progress, where given, is called now and then from one of several goroutines.
// Errors: ErrNotEmpty, those of the file system, the context's.
func Write(ctx context.Context, from Source, dir string, count int, progress func(done, of int)) (Written, error) {
	senders, err := from.Senders()
	if err != nil {
		return Written{}, err
	}
	if err := writeSenders(from.Root(), senders, dir); err != nil {
		return Written{}, err
	}
	w := &writer{from: from, dir: dir}
	entries := make([]Entry, count)
	var done, next atomic.Int64
	errs := make([]error, runtime.GOMAXPROCS(0))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for k := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				if errs[k] = context.Cause(ctx); errs[k] == nil {
					errs[k] = w.file(i, &entries[i])
				}
				if errs[k] != nil {
					stop()
					return
				}
				if d := int(done.Add(1)); progress != nil && (d%100 == 0 || d == count) {
					progress(d, count)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return Written{}, err
	}
	out := Written{Facilities: len(senders), Files: count, Bytes: w.bytes.Load()}
	for i := range entries {
		out.Dossiers += entries[i].Dossiers
		if entries[i].Defect != "" {
			out.Defects++
		}
	}
	return out, writeIndex(filepath.Join(dir, "index.jsonl"), entries)
}

// writer writes the files.
type writer struct {
	from  Source
	dir   string
	bytes atomic.Int64
}

func (w *writer) file(i int, e *Entry) (err error) {
	var raw []byte
	if *e, raw, err = w.from.File(i); err != nil {
		return err
	}
	w.bytes.Add(int64(len(raw)))
	for name, b := range e.Beside {
		w.bytes.Add(int64(len(b)))
		if err := put(w.dir, filepath.Join(filepath.Dir(filepath.FromSlash(e.File)), name), b, 0o644); err != nil {
			return err
		}
	}
	e.Beside = nil
	return put(w.dir, filepath.FromSlash(e.File), raw, 0o644)
}

// put writes one file and the folders it needs.
func put(dir, name string, content []byte, mode os.FileMode) error {
	path := filepath.Join(dir, name)
	folder := os.FileMode(0o755)
	if mode == 0o600 {
		folder = 0o700
	}
	if err := os.MkdirAll(filepath.Dir(path), folder); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return nil
}

func writeSenders(root []byte, senders []Sender, dir string) error {
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return ErrNotEmpty
	}
	registry := Registry{TrustAnchor: "root.pem"}
	for _, x := range senders {
		registry.Facilities = append(registry.Facilities, x.Registration)
		name := x.Registration.Code + ".pem"
		if err := errors.Join(put(dir, filepath.Join("certs", name), x.Certificate, 0o644),
			put(dir, filepath.Join("keys", name), x.Key, 0o600)); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(registry, "", "  ")
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return errors.Join(put(dir, "registry.json", append(text, '\n'), 0o644), put(dir, "root.pem", root, 0o644))
}

func writeIndex(path string, entries []Entry) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	lines := json.NewEncoder(w)
	for i := range entries {
		if err := lines.Encode(&entries[i]); err != nil {
			return fmt.Errorf("folder: %w", err)
		}
	}
	return w.Flush()
}
