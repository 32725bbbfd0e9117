package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// ChunkSize is how much plain text one GCM call seals; longer parts are cut.
const ChunkSize = 64 << 10

// Sealed is a record's sealed parts with the key that opens them, itself
// wrapped. Whoever destroys Wrapped in every place erases the parts.
type Sealed struct {
	// Wrapped: format 1, class length and class, month (uint32), month key id
	// (4 bytes), number of parts (uint32), nonce (12), wrapped data key (48).
	Wrapped []byte
	// Parts: per part its chunks of ChunkSize bytes (the last one shorter), each
	// followed by its 16-byte tag.
	Parts [][]byte
}

// SealedSize returns how long a part of n bytes is when sealed.
func SealedSize(n int) int { return n + tagSize*max(1, (n+ChunkSize-1)/ChunkSize) }

// Seal seals the parts of one record under a data key of their own. aad names
// the record; the same aad is needed to open. Parts may be empty; their order
// is bound. Faults: vault.key_missing when the month key is not loaded,
// vault.random.
//
// Nonces: a data key seals once, so a part's nonces are counted; data keys are
// wrapped with random nonces, which GCM allows for 2^32 records per class and
// month (SP 800-38D §8.3), some hundred times what a nation sends.
func (v *Vault) Seal(class string, month int, aad []byte, plain ...[]byte) (Sealed, error) {
	return v.AppendSeal(Sealed{}, class, month, aad, plain...)
}

// AppendSeal is Seal into the memory of buf, whose contents are overwritten:
// Wrapped and Parts are cut to length 0 and grown as needed. The plain parts
// must not lie in that memory.
func (v *Vault) AppendSeal(buf Sealed, class string, month int, aad []byte, plain ...[]byte) (Sealed, error) {
	id, err := v.newest(monthRef{class, month})
	if err != nil {
		return Sealed{}, err
	}
	var key [KeySize]byte
	defer clear(key[:])
	if _, err := io.ReadFull(v.rand, key[:]); err != nil {
		return Sealed{}, ErrRandom.Because(err)
	}
	aead, err := newAEAD(key[:])
	if err != nil {
		return Sealed{}, ErrRandom.Because(err)
	}
	w := appendHeader(buf.Wrapped[:0], id, len(plain))
	if buf.Wrapped, err = v.ring.Wrap(w, id, key[:], keyBound(w, aad)); err != nil {
		return Sealed{}, err
	}
	buf.Parts = slices.Grow(buf.Parts[:0], len(plain))[:len(plain)]
	for i, p := range plain {
		buf.Parts[i] = sealPart(aead, buf.Parts[i][:0], i, aad, p)
	}
	return buf, nil
}

// appendHeader writes what stands before a wrapped data key.
func appendHeader(w []byte, id MonthID, parts int) []byte {
	w = append(w, formatV1, byte(len(id.Class)))
	w = append(w, id.Class...)
	w = binary.BigEndian.AppendUint32(w, uint32(id.Month))
	w = append(w, id.ID[:]...)
	return binary.BigEndian.AppendUint32(w, uint32(parts))
}

func sealPart(aead cipher.AEAD, dst []byte, part int, aad, plain []byte) []byte {
	dst = slices.Grow(dst, SealedSize(len(plain)))
	var nonce [nonceSize]byte
	for chunk := 0; ; chunk++ {
		n := min(len(plain), ChunkSize)
		final := n == len(plain)
		setNonce(&nonce, part, chunk, final)
		dst = aead.Seal(dst, nonce[:], plain[:n], aad)
		if final {
			return dst
		}
		plain = plain[n:]
	}
}

// setNonce writes part, chunk and whether the chunk is the part's last into the
// nonce, so that parts cannot be swapped, nor chunks moved, dropped or cut off
// (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
func setNonce(nonce *[nonceSize]byte, part, chunk int, final bool) {
	binary.BigEndian.PutUint32(nonce[0:], uint32(part))
	binary.BigEndian.PutUint32(nonce[4:], uint32(chunk))
	nonce[11] = 0
	if final {
		nonce[11] = 1
	}
}

// keyBound is what a wrapped data key is tied to: its own header and the record.
func keyBound(header, aad []byte) []byte {
	b := make([]byte, 0, 64+len(header)+len(aad))
	b = append(b, "lienthong/data-key/v1\n"...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(header)))
	b = append(b, header...)
	return append(b, aad...)
}

// Key opens the parts of one record. It is safe for concurrent use.
type Key struct {
	aead  cipher.AEAD
	aad   []byte
	parts int
}

// Parts returns how many parts were sealed.
func (k *Key) Parts() int { return k.parts }

// String shows no key.
func (k *Key) String() string { return "vault.Key(hidden)" }

// GoString shows no key.
func (k *Key) GoString() string { return k.String() }

// LogValue shows no key.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// OpenKey unwraps the data key of the record that aad names. Faults:
// vault.key_missing when its month key is not loaded, vault.opened_wrong when
// wrapped is damaged, destroyed or another record's, vault.budget.
func (v *Vault) OpenKey(aad, wrapped []byte) (*Key, error) {
	key, parts, err := v.unwrap(aad, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	aead, err := newAEAD(key)
	if err != nil {
		return nil, ErrOpenedWrong.Because(err)
	}
	return &Key{aead: aead, aad: slices.Clone(aad), parts: parts}, nil
}

func (v *Vault) unwrap(aad, wrapped []byte) (key []byte, parts int, err error) {
	header, id, parts, err := parseWrapped(wrapped)
	if err != nil {
		return nil, 0, ErrOpenedWrong.Because(err)
	}
	if err := v.known(id); err != nil {
		return nil, 0, err
	}
	key, err = v.ring.Unwrap(id, wrapped[len(header):], keyBound(header, aad))
	return key, parts, err
}

// RewrapKey wraps the data key of the record that aad names by the newest key of
// its class and month: the step of a month key's rotation. What is wrapped so
// already is returned as it is. Faults as OpenKey.
func (v *Vault) RewrapKey(aad, wrapped []byte) ([]byte, error) {
	_, id, _, err := parseWrapped(wrapped)
	if err != nil {
		return nil, ErrOpenedWrong.Because(err)
	}
	newest, err := v.newest(monthRef{id.Class, id.Month})
	if err != nil || newest == id {
		return wrapped, err
	}
	key, parts, err := v.unwrap(aad, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	w := appendHeader(nil, newest, parts)
	return v.ring.Wrap(w, newest, key, keyBound(w, aad))
}

// Prefix is how every data key wrapped by a month key of this class and month
// but the newest begins: what a rotation must find.
func (v *Vault) Prefix(class string, month int) (older [][]byte) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	g := v.months[monthRef{class, month}]
	for generation, id := range g.ids {
		if generation < g.newest {
			header := appendHeader(nil, id, 0)
			older = append(older, header[:len(header)-4])
		}
	}
	return older
}

// parseWrapped reads the header of a wrapped data key; checkRef's form is
// implied by the month key that must exist under it.
func parseWrapped(w []byte) (header []byte, id MonthID, parts int, err error) {
	const fixed = 4 + 4 + 4
	if len(w) < 2 || w[0] != formatV1 {
		return nil, id, 0, errors.New("wrapped data key: unknown form")
	}
	class := int(w[1])
	size := 2 + class + fixed
	if len(w) != size+nonceSize+wrappedSize {
		return nil, id, 0, fmt.Errorf("wrapped data key: %d bytes", len(w))
	}
	rest := w[2+class:]
	id = MonthID{string(w[2 : 2+class]), int(binary.BigEndian.Uint32(rest)), [4]byte(rest[4:8])}
	return w[:size], id, int(binary.BigEndian.Uint32(rest[8:])), nil
}

// Open appends the plain text of a part to dst. Nothing of a part that fails
// is returned. Fault: vault.opened_wrong.
func (k *Key) Open(dst []byte, part int, sealed []byte) ([]byte, error) {
	if part < 0 || part >= k.parts {
		return nil, ErrOpenedWrong.Because(fmt.Errorf("part %d of %d", part, k.parts))
	}
	out := slices.Grow(dst, len(sealed))
	var nonce [nonceSize]byte
	for chunk := 0; ; chunk++ {
		n := min(len(sealed), ChunkSize+tagSize)
		final := n == len(sealed)
		setNonce(&nonce, part, chunk, final)
		var err error
		if out, err = k.aead.Open(out, nonce[:], sealed[:n], k.aad); err != nil {
			return nil, ErrOpenedWrong.Because(fmt.Errorf("part %d, chunk %d: %w", part, chunk, err))
		}
		if final {
			return out, nil
		}
		sealed = sealed[n:]
	}
}

// Open opens one part of the record that aad names; for several parts OpenKey
// unwraps once. Faults as OpenKey and Key.Open.
func (v *Vault) Open(aad, wrapped []byte, part int, sealed []byte) ([]byte, error) {
	k, err := v.OpenKey(aad, wrapped)
	if err != nil {
		return nil, err
	}
	return k.Open(nil, part, sealed)
}
