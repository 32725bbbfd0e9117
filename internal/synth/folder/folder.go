// Package folder writes a synthetic nation to a directory: its files, and what
// a hub must know of who sends them.
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
	"lienthong/internal/synth"
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
	File     string        `json:"file"` // path under the directory, with slashes
	Facility string        `json:"facility"`
	Kind     string        `json:"kind"`
	Visit    string        `json:"visit"`
	Dossiers int           `json:"dossiers"`
	Quirk    string        `json:"quirk,omitempty"`
	Defect   string        `json:"defect,omitempty"`
	Outcome  synth.Outcome `json:"outcome,omitempty"` // of the defect
	Code     string        `json:"code,omitempty"`
}

// Write writes the first count files of a nation (all of Len when 0) to a new or empty
// directory:
//
//	files/CODE/yyyymmdd/NAME.xml   what each facility sends
//	index.jsonl                    one Entry a file
//	registry.json, root.pem        what a hub must know of the senders
//	certs/CODE.pem, keys/CODE.pem  keys readable by the owner only
//
// progress, where given, is called now and then from one of several goroutines.
// Errors: ErrNotEmpty, those of the file system, the context's.
func Write(ctx context.Context, n *synth.Nation, dir string, count int, progress func(done, of int)) (Written, error) {
	if count <= 0 {
		count = n.Len()
	}
	if err := writeSenders(n, dir); err != nil {
		return Written{}, err
	}
	w := &writer{nation: n, dir: dir, defects: map[string]synth.Defect{}}
	for _, d := range synth.Defects() {
		w.defects[d.Name] = d
	}
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
	out := Written{Facilities: len(n.Facilities()), Files: count, Bytes: w.bytes.Load()}
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
	nation  *synth.Nation
	dir     string
	defects map[string]synth.Defect
	bytes   atomic.Int64
}

func (w *writer) file(i int, e *Entry) error {
	s, err := w.nation.At(i)
	if err != nil {
		return err
	}
	d := w.defects[s.Defect]
	name := filepath.Join("files", s.Facility, s.At.Format("20060102"), s.FileName)
	*e = Entry{File: filepath.ToSlash(name), Facility: s.Facility, Kind: s.Kind, Visit: s.Visit, Dossiers: s.Dossiers, Quirk: s.Quirk,
		Defect: s.Defect, Outcome: d.Outcome, Code: d.Code}
	w.bytes.Add(int64(len(s.XML)))
	return put(w.dir, name, s.XML, 0o644)
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

func writeSenders(n *synth.Nation, dir string) error {
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return ErrNotEmpty
	}
	registry := Registry{TrustAnchor: "root.pem"}
	for _, f := range n.Facilities() {
		registry.Facilities = append(registry.Facilities, f.Registration())
		key, err := f.KeyPEM()
		if err != nil {
			return err
		}
		if err := errors.Join(put(dir, filepath.Join("certs", f.Code+".pem"), f.CertificatePEM(), 0o644),
			put(dir, filepath.Join("keys", f.Code+".pem"), key, 0o600)); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(registry, "", "  ")
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return errors.Join(put(dir, "registry.json", append(text, '\n'), 0o644), put(dir, "root.pem", n.Root(), 0o644))
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
