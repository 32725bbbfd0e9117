// Package evidence gives out receipt documents: it keeps the process's log at
// hand while its commits are fresh, and reads older ones back from the store.
// It opens nothing sealed: who may see a receipt has opened its head before.
package evidence

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Head is the sealed head of a record: what its receipt document is made of,
// and the sender's own name of the episode.
type Head struct {
	Episode string // MA_LK as sent, trimmed
	Receipt ledger.Receipt
}

// ErrHead is the answer to bytes that are no head.
var ErrHead = fault.New(fault.Broken, "record.head", "Phần đầu hồ sơ lưu không đọc được.", "The stored head of the record cannot be read.")

// Forms of a head, its first byte.
const (
	headPlain  = 1 // episode, body, salt, signature, each with its length
	headPacked = 2 // salt and signature of 96 bytes, then the body, packed; the episode is the body's
)

const saltAndSignature = 32 + 64

// Marshal returns the head as bytes.
func (h Head) Marshal() []byte {
	if packed, ok := h.pack(); ok {
		return packed
	}
	parts := [][]byte{[]byte(h.Episode), h.Receipt.Body, h.Receipt.Salt, h.Receipt.Signature}
	out := make([]byte, 0, 16+len(h.Episode)+len(h.Receipt.Body)+128)
	out = append(out, headPlain)
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}

// pack returns the packed form, unless something of the head would not come back.
func (h Head) pack() ([]byte, bool) {
	if len(h.Receipt.Salt) != 32 || len(h.Receipt.Signature) != 64 {
		return nil, false
	}
	if e, err := episodeIn(h.Receipt.Body); err != nil || e != h.Episode {
		return nil, false
	}
	body, ok := compact(h.Receipt.Body)
	if !ok {
		return nil, false
	}
	out := make([]byte, 0, 1+saltAndSignature+len(body))
	out = append(append(append(out, headPacked), h.Receipt.Salt...), h.Receipt.Signature...)
	return append(out, body...), true
}

// ParseHead reads what Marshal wrote; ErrHead for anything else.
func ParseHead(b []byte) (Head, error) {
	if len(b) == 0 {
		return Head{}, ErrHead.Because(errors.New("empty"))
	}
	switch b[0] {
	case headPlain:
		return parsePlain(b[1:])
	case headPacked:
		return parsePacked(b[1:])
	}
	return Head{}, ErrHead.Because(errors.New("unknown version"))
}

func parsePacked(b []byte) (Head, error) {
	if len(b) < saltAndSignature {
		return Head{}, ErrHead.Because(errors.New("cut short"))
	}
	body, err := expand(b[saltAndSignature:])
	if err != nil {
		return Head{}, err
	}
	episode, err := episodeIn(body)
	return Head{Episode: episode, Receipt: ledger.Receipt{Body: body, Salt: b[:32:32], Signature: b[32:saltAndSignature:saltAndSignature]}}, err
}

func parsePlain(b []byte) (Head, error) {
	var parts [4][]byte
	for i := range parts {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return Head{}, ErrHead.Because(errors.New("cut short"))
		}
		parts[i], b = b[used:used+int(n)], b[used+int(n):]
	}
	if len(b) > 0 {
		return Head{}, ErrHead.Because(errors.New("bytes after the end"))
	}
	return Head{Episode: string(parts[0]), Receipt: ledger.Receipt{Body: parts[1], Salt: parts[2], Signature: parts[3]}}, nil
}

// Desk gives out receipt documents.
type Desk struct {
	store store.Ledger
	key   *ledger.ReceiptKey

	mu      sync.Mutex
	readers map[int]*ledger.Reader

	keys   map[string]ledger.KeyEntry // by log and key id
	writer *Writer
}

// NewDesk returns a desk over the store's logs. writer is the log this process
// holds, nil for none.
func NewDesk(s store.Ledger, key *ledger.ReceiptKey, writer *Writer) *Desk {
	return &Desk{store: s, key: key, writer: writer, readers: map[int]*ledger.Reader{},
		keys: map[string]ledger.KeyEntry{}}
}

// Item is a receipt and where its leaf was committed.
type Item struct {
	Receipt ledger.Receipt
	Place   store.LeafPlace
}

// Documents returns the receipt document of each item: the same bytes at every
// call, now and in ten years.
func (d *Desk) Documents(ctx context.Context, items []Item) ([][]byte, error) {
	out := make([][]byte, len(items))
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && items[j].Place.Log == items[i].Place.Log && items[j].Place.Size == items[i].Place.Size {
			j++
		}
		docs, err := d.commit(ctx, items[i:j])
		if err != nil {
			return nil, fmt.Errorf("evidence: receipt documents: %w", err)
		}
		copy(out[i:], docs)
		i = j
	}
	return out, nil
}

// commit gives the documents of items of one commit, which may be signed by different keys.
func (d *Desk) commit(ctx context.Context, items []Item) ([][]byte, error) {
	at := items[0].Place
	kid, err := keyOf(items[0].Receipt)
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(items); i++ {
		if k, err := keyOf(items[i].Receipt); err != nil || k != kid {
			return d.apart(ctx, items, i, err)
		}
	}
	key, err := d.keyEntry(ctx, at.Log, kid)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, len(items))
	for i, it := range items {
		entries[i] = ledger.Entry{Receipt: it.Receipt, Index: it.Place.Index}
	}
	if b := d.writer.fresh(at.Log, at.Size); b != nil {
		return b.Documents(ctx, key, entries...)
	}
	note := at.Checkpoint
	if note == "" {
		if note, err = d.store.Checkpoint(ctx, at.Log, at.Size); err != nil {
			return nil, err
		}
	}
	return d.Reader(at.Log).Documents(ctx, []byte(note), key, entries...)
}

func (d *Desk) apart(ctx context.Context, items []Item, at int, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	a, err := d.commit(ctx, items[:at])
	if err != nil {
		return nil, err
	}
	b, err := d.commit(ctx, items[at:])
	return append(a, b...), err
}

// keyOf reads the name of the key off a body without parsing it: in canonical
// JSON a quote inside a string is escaped, so the member can be found by its text.
func keyOf(r ledger.Receipt) (string, error) {
	_, rest, ok := bytes.Cut(r.Body, []byte(`,"kid":"`))
	end := bytes.IndexByte(rest, '"')
	if !ok || end < 0 {
		return "", ErrHead.Because(errors.New("the receipt names no key"))
	}
	return string(rest[:end]), nil
}

// Reader returns the reader of a log's tiles, entries and proofs.
func (d *Desk) Reader(log int) *ledger.Reader {
	if r := d.writer.reader(log); r != nil {
		return r
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.readers[log]
	if !ok {
		r = ledger.NewReader(d.store.Source(log), 0)
		d.readers[log] = r
	}
	return r
}

func (d *Desk) keyEntry(ctx context.Context, log int, kid string) (ledger.KeyEntry, error) {
	name := fmt.Sprintf("%d/%s", log, kid)
	d.mu.Lock()
	e, ok := d.keys[name]
	d.mu.Unlock()
	if ok {
		return e, nil
	}
	leaf, err := d.store.Key(ctx, log, kid)
	if err != nil {
		return ledger.KeyEntry{}, err
	}
	e = ledger.KeyEntry{SPKI: leaf.SPKI, Index: leaf.Index}
	d.mu.Lock()
	d.keys[name] = e
	d.mu.Unlock()
	return e, nil
}

// Announce puts the receipt key into the process's log unless it is there:
// before its first use, as every receipt document proves.
func (d *Desk) Announce(ctx context.Context) error {
	log := d.writer.log
	_, err := d.store.Key(ctx, log, d.key.Kid())
	if err == nil || !errors.Is(err, store.ErrAbsent) {
		return err
	}
	at, err := d.store.Append(ctx, [][]byte{ledger.KeyLeaf(d.key.SPKI())})
	if err != nil {
		return fmt.Errorf("evidence: announcing the receipt key: %w", err)
	}
	return d.store.PutKey(ctx, store.KeyLeaf{KID: d.key.Kid(), SPKI: d.key.SPKI(), Log: log, Index: at.Index})
}
