package body

import (
	"bytes"
	_ "embed" // the program's own dictionary
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// Forms of encoded bodies, the first byte.
const (
	codecStored     byte = 0 // as it is: compression gained nothing
	codecZstd       byte = 1 // one zstd frame (RFC 8878) with its content size
	codecDictionary byte = 2 // uvarint dictionary id, then as codecZstd
)

// Dictionary is bytes that bodies have in common, given to the compressor
// ahead. Nothing encoded with one is read without it, byte for byte: its content
// never changes, a better one gets another id.
type Dictionary struct {
	ID      uint32 // 1 is the program's own, Builtin; a store's own count from 2
	Content []byte
}

// Ids and size of dictionaries.
const (
	BuiltinID     = 1
	MaxDictionary = 256 << 10 // bytes
)

//go:embed dictionary/1.txt
var builtin []byte

// Builtin returns dictionary 1, trained on synthetic dossiers only (see
// dictionary/README.md). Every codec has it.
func Builtin() Dictionary { return Dictionary{ID: BuiltinID, Content: slices.Clone(builtin)} }

// Codec compresses skeletons and frames for storing, with the dictionary it was
// told to use, and reads what any it knows was used for. It is safe for
// concurrent use and keeps its buffers.
type Codec struct {
	mu     sync.Mutex // who changes set
	set    atomic.Pointer[codecSet]
	frames sync.Pool // *[]byte, of EncodeDossier
}

// codecSet is what a codec knows at one time.
type codecSet struct {
	known   []Dictionary
	using   uint32 // 0: none
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec returns a codec that uses dictionary 1, at zstd's fastest speed: with
// a dictionary it is smaller than the default speed without, in less time, and
// the default speed with one takes twice its time for a tenth (see
// BenchmarkEncode). Checksums are left out: the vault's tags find every changed
// bit. Single segments carry their size however small they are.
func NewCodec() (*Codec, error) {
	c := &Codec{}
	return c, c.change([]Dictionary{{ID: BuiltinID, Content: builtin}}, BuiltinID)
}

// Learn makes the codec read what dictionary d was used for. It does not use it
// itself yet: on a store of several hubs all must know it first. The same one
// again is nothing new. Fault: body.dictionary for a size or id that cannot be,
// or other content under a known id.
func (c *Codec) Learn(d Dictionary) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.ID == 0 || len(d.Content) < minDictionary || len(d.Content) > MaxDictionary {
		return ErrDictionary.Because(fmt.Errorf("dictionary %d of %d bytes", d.ID, len(d.Content)))
	}
	s := c.set.Load()
	for _, known := range s.known {
		if known.ID == d.ID && bytes.Equal(known.Content, d.Content) {
			return nil
		}
		if known.ID == d.ID {
			return ErrDictionary.Because(fmt.Errorf("another dictionary %d", d.ID))
		}
	}
	d.Content = slices.Clone(d.Content)
	return c.change(append(slices.Clone(s.known), d), s.using)
}

// Use makes the codec encode with a dictionary it knows. Fault: body.dictionary_missing.
func (c *Codec) Use(id uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.set.Load()
	if s.using == id {
		return nil
	}
	return c.change(s.known, id)
}

// Using returns the id of the dictionary the codec encodes with.
func (c *Codec) Using() uint32 { return c.set.Load().using }

// Knows tells whether the codec reads what that dictionary was used for.
func (c *Codec) Knows(id uint32) bool {
	return slices.ContainsFunc(c.set.Load().known, func(d Dictionary) bool { return d.ID == id })
}

const (
	minDictionary = 8       // bytes, zstd's own least
	maxKept       = 1 << 20 // bytes of a buffer that is worth keeping
)

// change makes a set; who is at work with the old one finishes with it.
func (c *Codec) change(known []Dictionary, using uint32) error {
	to := []zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true),
		zstd.WithLowerEncoderMem(true)}
	from := []zstd.DOption{zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxFile),
		zstd.WithDecoderLowmem(true)}
	found := false
	for _, d := range known {
		from = append(from, zstd.WithDecoderDictRaw(d.ID, d.Content))
		if d.ID == using {
			to, found = append(to, zstd.WithEncoderDictRaw(d.ID, d.Content)), true
		}
	}
	if !found {
		return ErrDictionaryMissing.Because(fmt.Errorf("no dictionary %d", using))
	}
	encoder, err := zstd.NewWriter(nil, to...)
	if err != nil {
		return fmt.Errorf("body: making the encoder: %w", err)
	}
	decoder, err := zstd.NewReader(nil, from...)
	if err != nil {
		return fmt.Errorf("body: making the decoder: %w", err)
	}
	c.set.Store(&codecSet{known: known, using: using, encoder: encoder, decoder: decoder})
	return nil
}

// Encode appends the stored form of plain to dst.
func (c *Codec) Encode(dst, plain []byte) []byte {
	s := c.set.Load()
	start := len(dst)
	dst = binary.AppendUvarint(append(slices.Grow(dst, len(plain)/8+64), codecDictionary), uint64(s.using))
	out := s.encoder.EncodeAll(plain, dst)
	if len(plain) == 0 || len(out)-start-1 >= len(plain) {
		return append(append(out[:start], codecStored), plain...)
	}
	return out
}

// EncodeDossier appends the stored form of dossier i of a file to dst: Encode of
// its frame, which is put together in memory that is kept.
func (c *Codec) EncodeDossier(dst []byte, f File, i int) []byte {
	b, _ := c.frames.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	*b = f.AppendDossier((*b)[:0], i)
	dst = c.Encode(dst, *b)
	if cap(*b) <= maxKept {
		c.frames.Put(b)
	}
	return dst
}

// Decode appends the plain form of stored to dst. Faults: body.too_large when
// it has more than limit bytes, body.dictionary_missing, body.damaged. No more
// than limit bytes are ever allocated for it.
func (c *Codec) Decode(dst, stored []byte, limit int) ([]byte, error) {
	if len(stored) == 0 {
		return nil, ErrDamaged.Because(errors.New("an empty body"))
	}
	rest := stored[1:]
	switch stored[0] {
	case codecStored:
		if len(rest) > limit {
			return nil, ErrTooLarge
		}
		return append(dst, rest...), nil
	case codecDictionary:
		id, n := binary.Uvarint(rest)
		if n <= 0 || id == 0 || id > math.MaxUint32 {
			return nil, ErrDamaged.Because(errors.New("a body without its dictionary's id"))
		}
		if !c.Knows(uint32(id)) {
			return nil, ErrDictionaryMissing.Because(fmt.Errorf("no dictionary %d", id))
		}
		return c.inflate(dst, rest[n:], limit, uint32(id))
	case codecZstd:
		return c.inflate(dst, rest, limit, 0)
	}
	return nil, ErrDamaged.Because(fmt.Errorf("a body of unknown form %d", stored[0]))
}

func (c *Codec) inflate(dst, frame []byte, limit int, dictionary uint32) ([]byte, error) {
	var head zstd.Header
	if err := head.Decode(frame); err != nil {
		return nil, ErrDamaged.Because(err)
	}
	if !head.HasFCS || head.Skippable || head.DictionaryID != dictionary {
		return nil, ErrDamaged.Because(errors.New("a zstd frame this hub does not write"))
	}
	if limit < 0 || head.FrameContentSize > uint64(limit) {
		return nil, ErrTooLarge
	}
	size := int(head.FrameContentSize)
	dst = slices.Grow(dst, size)
	// The decoder stops at the capacity, so further frames bring nothing in.
	out, err := c.set.Load().decoder.DecodeAll(frame, dst[:len(dst):len(dst)+size])
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	if len(out) != len(dst)+size {
		return nil, ErrDamaged.Because(errors.New("a zstd frame shorter than it says"))
	}
	return out, nil
}
