package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"filippo.io/age"
)

// Source gives the pages of one file in one committed state, in order from 1.
type Source interface {
	PageSize() int
	Pages() uint32
	Each(ctx context.Context, fn func(n uint32, page []byte) error) error
}

// Part is a file to be backed up.
type Part struct {
	Name   string
	Source Source
}

// Plan is what a backup is made of. Parts are of one moment: the caller takes
// the snapshot of disclosures after that of records (doc/design/backup.md).
type Plan struct {
	Hub      string
	At       time.Time // of the state
	Parts    []Part
	Logs     []string
	Records  int64
	Last     *LastSeen
	Keys     map[string][]byte // key files by name, to be put in too; nil: none
	Previous *Previous         // the newest one in the place; nil: the place is empty
	Full     bool              // every page, whatever was before
}

// Maker makes backups.
type Maker struct {
	Signer     *Signer
	Recipients []age.Recipient
	States     *States // nil: nothing is remembered, every backup is full
}

// Made is a backup that is durable in its place.
type Made struct {
	Manifest *Manifest
	Digest   string // SHA-256 of the manifest's file
	Bytes    int64  // written, manifest included
	Pages    int    // in it
}

// Make writes a backup to the place, its manifest last. What an interrupted one
// leaves is named by no manifest and harms nothing.
func (k *Maker) Make(ctx context.Context, to Place, p Plan) (*Made, error) {
	m := &Manifest{V: 1, Hub: p.Hub, Kind: Full, Seq: 1, MadeAt: Stamp(p.At), Files: []File{}, Segments: []Segment{}, Logs: append([]string{}, p.Logs...),
		Records: p.Records, Last: p.Last, Keys: len(p.Keys) > 0}
	before, err := k.follow(m, p)
	if err != nil {
		return nil, err
	}
	w := &run{maker: k, place: to, m: m, made: &Made{Manifest: m}}
	for i, part := range p.Parts {
		var old []pageHash
		if before != nil {
			old = before.pages[i]
		}
		if err := w.file(ctx, i, part, old); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Keys)) {
		if err := w.add(keyFrame, 0, append([]byte(name+"\x00"), p.Keys[name]...)); err != nil {
			return nil, err
		}
	}
	return w.finish()
}

// follow sets number and predecessor, and returns the state an incremental
// backup builds on; nil: it is a full one.
func (k *Maker) follow(m *Manifest, p Plan) (*state, error) {
	m.Base = m.Seq
	if p.Previous == nil {
		return nil, nil
	}
	m.Seq = p.Previous.next
	m.Base = m.Seq
	if p.Previous.Manifest == nil { // files, and none of them ours to follow
		return nil, nil
	}
	m.After, m.Previous = p.Previous.Manifest.Seq, p.Previous.Digest
	if p.Full || k.States == nil {
		return nil, nil
	}
	st, last, err := k.States.load(p.Previous.Digest, k.Signer.Verifier())
	if err != nil || st == nil || last.Hub != p.Hub || len(last.Files) != len(p.Parts) {
		return nil, err
	}
	for i, f := range last.Files {
		if f.Name != p.Parts[i].Name || f.PageSize != p.Parts[i].Source.PageSize() {
			return nil, nil
		}
	}
	m.Kind, m.Base = Incremental, last.Base
	return st, nil
}

// run is one backup being written.
type run struct {
	maker    *Maker
	place    Place
	m        *Manifest
	made     *Made
	packer   *packer
	previous [32]byte
	pages    [][]pageHash
}

// file adds the pages of a file that are not as they were.
func (w *run) file(ctx context.Context, i int, part Part, old []pageHash) error {
	hashes := make([]pageHash, 0, part.Source.Pages())
	err := part.Source.Each(ctx, func(n uint32, page []byte) error {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h := hashPage(page)
		hashes = append(hashes, h)
		if int(n) <= len(old) && old[n-1] == h {
			return nil
		}
		w.made.Pages++
		return w.add(byte(i), n, page)
	})
	if err != nil {
		return err
	}
	w.pages = append(w.pages, hashes)
	w.m.Files = append(w.m.Files, File{Name: part.Name, PageSize: part.Source.PageSize(), Pages: uint32(len(hashes)),
		Root: rootOf(part.Name, part.Source.PageSize(), hashes)})
	return nil
}

func (w *run) add(whose byte, number uint32, data []byte) (err error) {
	if w.packer == nil {
		if w.packer, err = newPacker(w.maker.Recipients, w.m.Seq, len(w.m.Segments), w.previous); err != nil {
			return err
		}
	}
	if err := w.packer.add(whose, number, data); err != nil || !w.packer.full() {
		return err
	}
	return w.segment()
}

// segment ends the segment under way and writes it.
func (w *run) segment() error {
	if w.packer == nil {
		return nil
	}
	b, digest, err := w.packer.end()
	if err != nil {
		return err
	}
	name := segmentName(w.m.Seq, len(w.m.Segments), digest)
	if err := w.place.Write(name, b); err != nil {
		return err
	}
	w.m.Segments = append(w.m.Segments, Segment{Name: name, Size: int64(len(b)), SHA256: hex.EncodeToString(digest[:]), Frames: w.packer.frames})
	w.made.Bytes += int64(len(b))
	w.previous, w.packer = digest, nil
	return nil
}

// finish writes the manifest, which makes it a backup.
func (w *run) finish() (*Made, error) {
	if err := w.segment(); err != nil {
		return nil, err
	}
	b, err := w.maker.Signer.seal(manifestHead, w.m)
	if err != nil {
		return nil, err
	}
	if _, _, err := ParseManifest(b, w.maker.Signer.Verifier()); err != nil {
		return nil, fmt.Errorf("backup: what was about to be written cannot be read back: %w", err)
	}
	if err := w.place.Write(manifestName(w.m.Seq), b); err != nil {
		return nil, err
	}
	w.made.Digest, w.made.Bytes = digestOf(b), w.made.Bytes+int64(len(b))
	if w.maker.States == nil {
		return w.made, nil
	}
	st := &state{bytes: b, digest: w.made.Digest, pages: w.pages}
	if err := w.maker.States.keep(st); err != nil {
		return w.made, errors.Join(errors.New("backup: the backup is whole; what makes the next one small could not be kept"), err)
	}
	return w.made, nil
}
