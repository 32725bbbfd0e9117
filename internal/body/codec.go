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
	// codecTokens is a frame in token form: uvarint id of a dictionary of that
	// form, uvarint size of the frame, uvarint size of the structure, then as
	// codecZstd structure and values.
	codecTokens byte = 3
)

// Dictionary is bytes that bodies have in common, given to the compressor
// ahead. Nothing encoded with one is read without it, byte for byte: its content
// never changes, a better one gets another id. What Train makes is of the token
// form and serves dossiers; any other content serves what is stored as it is.
type Dictionary struct {
	ID      uint32 // 1 is the program's own, Builtin and BuiltinTokens; a store's own count from 2
	Content []byte
}

// tokenMark begins every dictionary of the token form.
const tokenMark = "\x00lienthong tokens 1\x00"

func (d Dictionary) ofTokens() bool { return bytes.HasPrefix(d.Content, []byte(tokenMark)) }

// Ids and size of dictionaries.
const (
	BuiltinID     = 1
	MaxDictionary = 256 << 10 // bytes
)

//go:embed dictionary/1.txt
var builtin []byte

//go:embed dictionary/tokens1.bin
var builtinTokens []byte

// Builtin returns dictionary 1, trained on synthetic dossiers only (see
// dictionary/README.md). Every codec has it.
func Builtin() Dictionary { return Dictionary{ID: BuiltinID, Content: slices.Clone(builtin)} }

// BuiltinTokens returns dictionary 1 of the token form, as Builtin.
func BuiltinTokens() Dictionary {
	return Dictionary{ID: BuiltinID, Content: slices.Clone(builtinTokens)}
}

// Codec compresses skeletons and frames for storing, with the dictionary it was
// told to use, and reads what any it knows was used for. It is safe for
// concurrent use and keeps its buffers.
type Codec struct {
	mu      sync.Mutex // who changes set
	set     atomic.Pointer[codecSet]
	tokens  sync.Pool // *work, of EncodeDossier
	untoken sync.Pool // *unwork, of Decode
}

// codecSet is what a codec knows at one time: of the plain and the token form.
type codecSet struct {
	known []Dictionary
	using uint32 // as told; 1: the program's own
	plain coder
	token coder
}

// coder works with the dictionaries of one form.
type coder struct {
	id      uint32 // of the dictionary used
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec returns a codec that uses the program's own dictionaries, at zstd's
// fastest speed: of dossiers in tokens the default speed takes four times its
// time for a fifteenth of the bytes. Checksums are left out: the vault's tags
// find every changed bit. Single segments carry their size however small they are.
func NewCodec() (*Codec, error) {
	c := &Codec{}
	return c, c.change([]Dictionary{{ID: BuiltinID, Content: builtin}, {ID: BuiltinID, Content: builtinTokens}}, BuiltinID)
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

// Use makes the codec encode with a dictionary it knows, what is of its form;
// what is of the other form goes on with the program's own. 1 is the program's
// own for both. Fault: body.dictionary_missing.
func (c *Codec) Use(id uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.set.Load()
	if s.using == id {
		return nil
	}
	return c.change(s.known, id)
}

// Using returns the id of the dictionary the codec was told to use; 1 at first.
func (c *Codec) Using() uint32 { return c.set.Load().using }

// Knows tells whether the codec reads what that dictionary was used for.
func (c *Codec) Knows(id uint32) bool {
	return slices.ContainsFunc(c.set.Load().known, func(d Dictionary) bool { return d.ID == id })
}

const (
	minDictionary = 8       // bytes, zstd's own least
	maxKept       = 1 << 20 // bytes of a buffer that is worth keeping
	reach         = 1 << 20 // how far back an encoder looks, and so what each keeps: one a processor, for both forms
)

// change makes a set; who is at work with the old one finishes with it.
func (c *Codec) change(known []Dictionary, using uint32) error {
	if !slices.ContainsFunc(known, func(d Dictionary) bool { return d.ID == using }) {
		return ErrDictionaryMissing.Because(fmt.Errorf("no dictionary %d", using))
	}
	s := &codecSet{known: known, using: using}
	var err error
	if s.plain, err = newCoder(known, using, false); err != nil {
		return err
	}
	if s.token, err = newCoder(known, using, true); err != nil {
		return err
	}
	c.set.Store(s)
	return nil
}

// newCoder makes the coder of one form.
func newCoder(known []Dictionary, using uint32, tokens bool) (coder, error) {
	from := []zstd.DOption{zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxFile),
		zstd.WithDecoderLowmem(true)}
	var used Dictionary
	for _, d := range known {
		if d.ofTokens() != tokens {
			continue
		}
		from = append(from, zstd.WithDecoderDictRaw(d.ID, d.Content))
		if d.ID == BuiltinID || d.ID == using {
			used = d // the program's own is the first
		}
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(reach), zstd.WithEncoderDictRaw(used.ID, used.Content))
	if err != nil {
		return coder{}, fmt.Errorf("body: making the encoder: %w", err)
	}
	decoder, err := zstd.NewReader(nil, from...)
	if err != nil {
		return coder{}, fmt.Errorf("body: making the decoder: %w", err)
	}
	return coder{id: used.ID, encoder: encoder, decoder: decoder}, nil
}

// Encode appends the stored form of plain to dst.
func (c *Codec) Encode(dst, plain []byte) []byte {
	s := c.set.Load()
	start := len(dst)
	dst = binary.AppendUvarint(append(slices.Grow(dst, len(plain)/8+64), codecDictionary), uint64(s.plain.id))
	out := s.plain.encoder.EncodeAll(plain, dst)
	if len(plain) == 0 || len(out)-start-1 >= len(plain) {
		return append(append(out[:start], codecStored), plain...)
	}
	return out
}

// work is the memory of one EncodeDossier.
type work struct {
	frame  []byte
	tokens *tokener
}

// EncodeDossier appends the stored form of dossier i of a file to dst: its frame
// in tokens where that brings back every byte, which is proven here, else as
// Encode.
func (c *Codec) EncodeDossier(dst []byte, f File, i int) []byte {
	w, _ := c.tokens.Get().(*work)
	if w == nil {
		w = &work{tokens: newTokener()}
	}
	w.frame = f.AppendDossier(w.frame[:0], i)
	if w.tokens.take(w.frame) {
		dst = c.encodeTokens(dst, w)
	} else {
		dst = c.Encode(dst, w.frame)
	}
	if cap(w.frame) <= maxKept {
		c.tokens.Put(w)
	}
	return dst
}

func (c *Codec) encodeTokens(dst []byte, w *work) []byte {
	s := c.set.Load()
	t := w.tokens
	both := append(t.structure, t.values...)
	start := len(dst)
	dst = append(slices.Grow(dst, len(both)/4+64), codecTokens)
	dst = binary.AppendUvarint(dst, uint64(s.token.id))
	dst = binary.AppendUvarint(dst, uint64(len(w.frame)))
	dst = binary.AppendUvarint(dst, uint64(len(t.structure)))
	t.structure = both
	out := s.token.encoder.EncodeAll(both, dst)
	if len(out)-start-1 >= len(w.frame) {
		return append(append(out[:start], codecStored), w.frame...)
	}
	return out
}

// Decode appends the plain form of stored to dst. Faults: body.too_large when
// it has more than limit bytes, body.dictionary_missing, body.damaged. No more
// than limit bytes are ever allocated for it, and as many for its tokens.
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
		id, rest, err := c.dictionary(rest)
		if err != nil {
			return nil, err
		}
		return inflate(c.set.Load().plain, dst, rest, limit, id)
	case codecZstd:
		return inflate(c.set.Load().plain, dst, rest, limit, 0)
	case codecTokens:
		return c.decodeTokens(dst, rest, limit)
	}
	return nil, ErrDamaged.Because(fmt.Errorf("a body of unknown form %d", stored[0]))
}

// dictionary takes the id of a known dictionary from a body.
func (c *Codec) dictionary(body []byte) (id uint32, rest []byte, err error) {
	n, used := binary.Uvarint(body)
	if used <= 0 || n == 0 || n > math.MaxUint32 {
		return 0, nil, ErrDamaged.Because(errors.New("a body without its dictionary's id"))
	}
	if !c.Knows(uint32(n)) {
		return 0, nil, ErrDictionaryMissing.Because(fmt.Errorf("no dictionary %d", n))
	}
	return uint32(n), body[used:], nil
}

// unwork is the memory of one Decode.
type unwork struct {
	both  []byte
	frame untokener
}

func (c *Codec) decodeTokens(dst, body []byte, limit int) ([]byte, error) {
	id, rest, err := c.dictionary(body)
	if err != nil {
		return nil, err
	}
	size, used := binary.Uvarint(rest)
	structure, more := binary.Uvarint(rest[max(used, 0):])
	if used <= 0 || more <= 0 || size == 0 {
		return nil, ErrDamaged.Because(errors.New("a body without its sizes"))
	}
	if limit < 0 || size > uint64(limit) {
		return nil, ErrTooLarge
	}
	w, _ := c.untoken.Get().(*unwork)
	if w == nil {
		w = &unwork{}
	}
	both, err := inflate(c.set.Load().token, w.both[:0], rest[used+more:], int(size)-1, id)
	if errors.Is(err, ErrTooLarge) {
		err = ErrDamaged.Because(errors.New("more tokens than bytes"))
	}
	if err != nil {
		return nil, err
	}
	w.both = both
	if structure > uint64(len(both)) {
		return nil, ErrDamaged.Because(errors.New("a structure longer than the tokens"))
	}
	out, err := w.frame.restore(slices.Grow(dst, int(size)), both[:structure], both[structure:], int(size))
	if cap(both) <= maxKept {
		c.untoken.Put(w)
	}
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return out, nil
}

func inflate(c coder, dst, frame []byte, limit int, dictionary uint32) ([]byte, error) {
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
	out, err := c.decoder.DecodeAll(frame, dst[:len(dst):len(dst)+size])
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	if len(out) != len(dst)+size {
		return nil, ErrDamaged.Because(errors.New("a zstd frame shorter than it says"))
	}
	return out, nil
}
