package body

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Forms of encoded bodies, the first byte. With a dictionary its id follows as
// a uvarint; none is trained yet.
const (
	codecStored     byte = 0 // as it is: compression gained nothing
	codecZstd       byte = 1 // one zstd frame (RFC 8878) with its content size
	codecDictionary byte = 2 // dictionary id, then as codecZstd
)

// Codec compresses skeletons and frames for storing. It is safe for concurrent
// use and keeps its buffers.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec returns a codec at zstd's default speed (see BenchmarkEncode for
// sizes and times of both). Checksums are left out: the vault's tags find every
// changed bit. Single segments carry their size however small they are.
func NewCodec() (*Codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("body: making the encoder: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(maxFile), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("body: making the decoder: %w", err)
	}
	return &Codec{encoder: encoder, decoder: decoder}, nil
}

// Encode appends the stored form of plain to dst.
func (c *Codec) Encode(dst, plain []byte) []byte {
	start := len(dst)
	out := c.encoder.EncodeAll(plain, append(slices.Grow(dst, len(plain)/4+64), codecZstd))
	if len(plain) == 0 || len(out)-start-1 >= len(plain) {
		return append(append(out[:start], codecStored), plain...)
	}
	return out
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
		if n <= 0 {
			return nil, ErrDamaged.Because(errors.New("a body without its dictionary's id"))
		}
		return nil, ErrDictionaryMissing.Because(fmt.Errorf("no dictionary %d", id))
	case codecZstd:
		return c.inflate(dst, rest, limit)
	}
	return nil, ErrDamaged.Because(fmt.Errorf("a body of unknown form %d", stored[0]))
}

func (c *Codec) inflate(dst, frame []byte, limit int) ([]byte, error) {
	var head zstd.Header
	if err := head.Decode(frame); err != nil {
		return nil, ErrDamaged.Because(err)
	}
	if !head.HasFCS || head.Skippable || head.DictionaryID != 0 {
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
