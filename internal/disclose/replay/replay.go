// Package replay opens accepted records by the hundred, for rules that are tried on
// them before they apply (package rehearsal) and for the sample of a day that is
// judged again at night (package grade). It is package disclose's door for a
// reader that is no person: nobody sees content by it, and all that may leave are
// places, codes and counts. Each page of records is written down, durably and with
// its basis, before the first of it is opened: which log, from which leaf to which.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/evidence"
	"lienthong/internal/kind"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// What rows of a replay say.
const (
	Basis  = "rehearsal"   // somebody with the right to make rules had them tried
	Policy = "rehearsal/1" // places, codes and counts leave, nothing else
	Reader = "rules"
	Role   = "hub"
)

// Purpose is why records are opened, as its rows say it.
type Purpose struct{ Basis, Policy, Reader, Route string }

// Rehearsal tries rules that somebody with the right to make them wrote; Recheck
// judges a sample of a day again, and only how many differ leaves.
var (
	Rehearsal = Purpose{Basis, Policy, Reader, "rehearsal"}
	Recheck   = Purpose{"recheck", "recheck/1", "night", "night"}
)

// longest is the longest plain form of a stored body.
const longest = 33 << 20

// Opener opens pages of records.
type Opener struct {
	Files interface {
		File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*store.File, []store.Stored, error)
	}
	Log   store.Disclosures
	Vault *vault.Vault
	Codec *body.Codec
	Kinds *kind.Registry
	Clock clock.Clock
	For   Purpose // zero: Rehearsal
}

// Item is a record with its sealed body, as Records.Walk gives them.
type Item struct {
	Record store.Record
	Body   []byte
}

// Page is records that may be read.
type Page struct {
	opener *Opener
	items  []Item
	files  map[vault.Keyed]*opened
}

// opened is a file's wrapping, opened once for all of its records.
type opened struct {
	once     sync.Once
	file     *store.File
	envelope evidence.Envelope
	err      error
	items    []int // of the page, that are dossiers of it

	mu    sync.Mutex
	whole kind.File // where the page has every dossier of it: read once for all; nil otherwise
}

// Page writes down that the records of a log are opened for what ("r7"), and gives
// them to be read. Nothing is opened before the row is durable.
func (o *Opener) Page(ctx context.Context, what string, log int, items []Item) (*Page, error) {
	if len(items) == 0 {
		return nil, errors.New("replay: an empty page")
	}
	facts, err := json.Marshal(map[string]any{"log": log, "from": items[0].Record.Place.Index, "to": items[len(items)-1].Record.Place.Index, "records": len(items)})
	if err != nil {
		return nil, err
	}
	why := o.For
	if why == (Purpose{}) {
		why = Rehearsal
	}
	row := store.Disclosure{At: o.Clock.Now(), Reader: why.Reader, Role: Role, Basis: why.Basis, Policy: why.Policy, Reason: what, Route: why.Route, Facts: string(facts)}
	if err := o.Log.Record(ctx, []store.Disclosure{row}); err != nil {
		return nil, fmt.Errorf("replay: writing down a page: %w", err)
	}
	p := &Page{opener: o, items: items, files: map[vault.Keyed]*opened{}}
	for i := range items {
		f := p.files[items[i].Record.File]
		if f == nil {
			f = &opened{}
			p.files[items[i].Record.File] = f
		}
		f.items = append(f.items, i)
	}
	return p, nil
}

// Read reads record i of the page. It may be called by several at once. Faults of
// the store and the vault; a reader that trips is an error, not a panic.
func (p *Page) Read(ctx context.Context, i int) (read kind.Dossier, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("replay: reading a record: panic: %v\n%s", v, debug.Stack())
		}
	}()
	o, item := p.opener, &p.items[i]
	r := &item.Record
	reader := o.Kinds.ByName(r.Kind)
	if reader == nil {
		return read, fmt.Errorf("replay: %s: no reader of its kind", r.ID)
	}
	f := p.files[r.File]
	f.once.Do(func() { f.err = p.openFile(ctx, reader, f) })
	if f.err != nil {
		return read, f.err
	}
	if f.whole != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.whole.Dossier(r.Index), nil
	}
	frame, err := o.frame(item)
	if err != nil {
		return read, err
	}
	from := body.Source{
		Dossier: func(n int) ([]byte, error) {
			if n == r.Index {
				return frame, nil
			}
			return nil, nil
		},
		Certificate: f.certificate,
	}
	joined, err := body.Redact(f.envelope.Skeleton, r.Index, from)
	if err != nil {
		return read, err
	}
	sent, err := f.envelope.Unpack(joined, from.Certificate)
	if err != nil {
		return read, err
	}
	file, err := reader.Open(sent.Bytes)
	if err != nil {
		return read, fmt.Errorf("replay: reading %s again: %w", r.ID, err)
	}
	return file.Dossier(r.Index), nil
}

func (f *opened) certificate(hash [32]byte) ([]byte, error) {
	for _, c := range f.file.Certificates {
		if c.Hash == hash {
			return c.Data, nil
		}
	}
	return nil, store.ErrAbsent
}

// frame opens the inner documents of one record.
func (o *Opener) frame(item *Item) ([]byte, error) {
	r := &item.Record
	packed, err := o.Vault.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartBody, item.Body)
	if err != nil {
		return nil, fmt.Errorf("replay: opening %s: %w", r.ID, err)
	}
	frame, err := o.Codec.Decode(nil, packed, longest)
	if err != nil {
		return nil, fmt.Errorf("replay: decoding %s: %w", r.ID, err)
	}
	return frame, nil
}

// openFile opens the wrapping of a file, once a page, and the file as a whole where
// all of it is in the page: one by one, each dossier would cost reading around all
// others.
func (p *Page) openFile(ctx context.Context, reader kind.Reader, f *opened) (err error) {
	o, r := p.opener, &p.items[f.items[0]].Record
	if f.file, _, err = o.Files.File(ctx, r.ID.Facility, r.File); err != nil {
		return err
	}
	sealed, err := o.Vault.Open(evidence.FileName(f.file), f.file.Wrapped, 0, f.file.Skeleton)
	if err != nil {
		return fmt.Errorf("replay: opening a skeleton: %w", err)
	}
	wrapping, err := o.Codec.Decode(nil, sealed, longest)
	if err != nil {
		return err
	}
	if f.envelope, err = evidence.ParseEnvelope(wrapping); err != nil || f.file.Dossiers < 2 {
		return err
	}
	frames := make([][]byte, f.file.Dossiers)
	for _, i := range f.items {
		x := &p.items[i]
		if x.Record.Index < 0 || x.Record.Index >= len(frames) || frames[x.Record.Index] != nil {
			return nil
		}
		if frames[x.Record.Index], err = o.frame(x); err != nil {
			return nil //nolint:nilerr // told of the record itself, when it is read alone
		}
	}
	for _, frame := range frames {
		if frame == nil {
			return nil
		}
	}
	joined, err := body.Join(f.envelope.Skeleton, body.Source{Dossier: func(n int) ([]byte, error) { return frames[n], nil }, Certificate: f.certificate})
	if err != nil {
		return err
	}
	sent, err := f.envelope.Unpack(joined, f.certificate)
	if err != nil {
		return err
	}
	f.whole, err = reader.Open(sent.Bytes)
	return err
}
