package spool

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/body"
)

// box compresses and seals: AES-256-GCM under a key derived for it alone, with
// what the text is for as associated data. Hashes are HMAC-SHA-256 under another.
type box struct {
	aead cipher.AEAD
	mac  []byte
	enc  *zstd.Encoder
	dec  *zstd.Decoder
}

const (
	boxForm   = 1
	dictID    = 1
	maxOpened = 80 << 20 // bytes one piece may open to: a file with its papers
	boxWindow = 512 << 10
)

func newBox(key []byte) (*box, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("spool: a key of %d bytes, not 32", len(key))
	}
	k, err := hkdf.Key(sha256.New, key, nil, "lienthong agent spool 1", 64)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	block, err := aes.NewCipher(k[:32])
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	b := &box{mac: k[32:]}
	if b.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	dict := body.Builtin().Content
	// The fastest level: 3 MB less of tables in memory, and no more on disk.
	if b.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(boxWindow), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderDictRaw(dictID, dict)); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if b.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxOpened),
		zstd.WithDecoderDictRaw(dictID, dict)); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return b, nil
}

func (b *box) close() error {
	b.dec.Close()
	return b.enc.Close()
}

// seal compresses and seals plain, the thing of that sort and id.
func (b *box) seal(sort string, id, plain []byte) []byte {
	return b.aead.Seal([]byte{boxForm}, nil, b.enc.EncodeAll(plain, nil), purpose(sort, id))
}

// open undoes seal. Fault: spool.damaged.
func (b *box) open(sort string, id, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != boxForm {
		return nil, ErrDamaged.Because(errors.New("unknown form"))
	}
	packed, err := b.aead.Open(nil, nil, sealed[1:], purpose(sort, id))
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	plain, err := b.dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return plain, nil
}

func purpose(sort string, id []byte) []byte { return append([]byte(sort+"\x00"), id...) }

// hash is a keyed hash of 16 bytes.
func (b *box) hash(parts ...string) []byte {
	m := hmac.New(sha256.New, b.mac)
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return m.Sum(nil)[:16]
}

// A payload is kept as its parts, each as name, bytes and seal, each with its
// length; bytes with a byte before that says whether their base64 is undone
// (body.Unwrap), which halves what is kept. A seal's length is one more than it
// is, 0 for none.
func encodePayload(p Payload) []byte {
	var out []byte
	for _, part := range append([]Part{p.File}, p.Papers...) {
		form, text := byte(0), part.Bytes
		if u, ok := body.Unwrap(part.Bytes); ok {
			form, text = 1, u
		}
		out = binary.AppendUvarint(out, uint64(len(part.Name)))
		out = append(out, part.Name...)
		out = append(out, form)
		out = binary.AppendUvarint(out, uint64(len(text)))
		out = append(out, text...)
		if part.Seal == nil {
			out = append(out, 0)
			continue
		}
		out = binary.AppendUvarint(out, uint64(len(part.Seal))+1)
		out = append(out, part.Seal...)
	}
	return out
}

// Pack writes a payload for another spool, Unpack reads it. Fault: spool.damaged.
func Pack(p Payload) []byte { return encodePayload(p) }

// Unpack undoes Pack. Fault: spool.damaged, for whatever Pack did not write.
func Unpack(b []byte) (Payload, error) { return decodePayload(b) }

// decodePayload undoes encodePayload. Fault: spool.damaged.
func decodePayload(b []byte) (p Payload, err error) {
	for n := 0; len(b) > 0 || n == 0; n++ {
		var name, text, seal []byte
		if name, b, err = chunk(b, 0); err != nil {
			return p, err
		}
		if len(b) == 0 {
			return p, ErrDamaged.Because(errors.New("a part is cut"))
		}
		form := b[0]
		if text, b, err = chunk(b[1:], 0); err != nil {
			return p, err
		}
		if seal, b, err = chunk(b, 1); err != nil {
			return p, err
		}
		part := Part{Name: string(name), Bytes: text, Seal: seal}
		if form == 1 {
			if part.Bytes, err = body.Rewrap(text, maxOpened); err != nil {
				return p, ErrDamaged.Because(err)
			}
		}
		if n == 0 {
			p.File = part
			continue
		}
		p.Papers = append(p.Papers, part)
	}
	return p, nil
}

// chunk reads bytes with their length before; of a length with one more than
// it is, 0 gives nil.
func chunk(b []byte, more uint64) (c, rest []byte, err error) {
	n, at := binary.Uvarint(b)
	if at <= 0 || n > uint64(len(b)-at)+more {
		return nil, nil, ErrDamaged.Because(errors.New("a length that cannot be"))
	}
	b = b[at:]
	if n < more {
		return nil, b, nil
	}
	n -= more
	return bytes.Clone(b[:n:n]), b[n:], nil
}
