package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"log/slog"
)

// WrappedMonthKey is a month key as the store keeps it, unreadable without the
// master key it names.
type WrappedMonthKey struct {
	Class   string // retention class: 1..63 of a-z 0-9 - _
	Month   int    // yyyymm
	Master  string // MasterID that wrapped it
	Wrapped []byte // format byte, nonce, sealed key
}

// LogValue names the key and shows none of it.
func (w WrappedMonthKey) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("%s/%d wrapped by %s", w.Class, w.Month, w.Master))
}

type monthRef struct {
	class string
	month int
}

type monthKey struct {
	id   [4]byte
	aead cipher.AEAD
}

const (
	formatV1     = 1
	nonceSize    = 12
	tagSize      = 16
	wrappedSize  = KeySize + tagSize
	maxClassName = 63
)

// NewMonthKey makes the key of a class and month (yyyymm) and returns it
// wrapped. It is not in use yet: two hubs may make one at the same time, so the
// caller inserts it into the store, where the first stays, and Loads what the
// store then holds. Faults: vault.config for a class or month out of form,
// vault.random.
func (v *Vault) NewMonthKey(class string, month int) (WrappedMonthKey, error) {
	if err := checkRef(class, month); err != nil {
		return WrappedMonthKey{}, err
	}
	key := make([]byte, KeySize)
	defer clear(key)
	if err := v.random(key); err != nil {
		return WrappedMonthKey{}, err
	}
	return v.wrapMonth(class, month, key)
}

func (v *Vault) wrapMonth(class string, month int, key []byte) (WrappedMonthKey, error) {
	w := WrappedMonthKey{Class: class, Month: month, Master: v.master.id}
	b := make([]byte, 1+nonceSize, 1+nonceSize+wrappedSize)
	b[0] = formatV1
	if err := v.random(b[1:]); err != nil {
		return WrappedMonthKey{}, err
	}
	w.Wrapped = v.master.aead.Seal(b, b[1:], key, w.bound())
	return w, nil
}

// bound is what a wrapped month key is tied to.
func (w WrappedMonthKey) bound() []byte {
	b := append([]byte("lienthong/month-key/v1\n"), w.Master...)
	b = append(b, '\n', byte(len(w.Class)))
	b = append(b, w.Class...)
	return binary.BigEndian.AppendUint32(b, uint32(w.Month))
}

// Load unwraps month keys and keeps them in memory, replacing those of the same
// class and month. Either all are loaded or none. Faults: vault.key_missing
// (another master key), vault.opened_wrong.
func (v *Vault) Load(keys []WrappedMonthKey) error {
	opened := make(map[monthRef]*monthKey, len(keys))
	for _, w := range keys {
		key, err := v.unwrapMonth(w)
		if err != nil {
			return err
		}
		aead, err := newAEAD(key)
		if err != nil {
			return ErrOpenedWrong.Because(err)
		}
		opened[monthRef{w.Class, w.Month}] = &monthKey{id: keyID("lienthong/month-key/id/v1", key), aead: aead}
		clear(key)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for ref, key := range opened {
		v.months[ref] = key
	}
	return nil
}

func (v *Vault) unwrapMonth(w WrappedMonthKey) ([]byte, error) {
	if err := checkRef(w.Class, w.Month); err != nil {
		return nil, ErrOpenedWrong.Because(err)
	}
	m, err := v.masterByID(w.Master)
	if err != nil {
		return nil, err
	}
	b := w.Wrapped
	if len(b) != 1+nonceSize+wrappedSize || b[0] != formatV1 {
		return nil, ErrOpenedWrong.Because(fmt.Errorf("month key %s/%d: unknown form of %d bytes", w.Class, w.Month, len(b)))
	}
	key, err := m.aead.Open(nil, b[1:1+nonceSize], b[1+nonceSize:], w.bound())
	if err != nil {
		return nil, ErrOpenedWrong.Because(fmt.Errorf("month key %s/%d: %w", w.Class, w.Month, err))
	}
	return key, nil
}

// Rewrap returns the same month key wrapped by the current master key: the step
// of a master key rotation. Records are untouched. Faults as Load.
func (v *Vault) Rewrap(w WrappedMonthKey) (WrappedMonthKey, error) {
	key, err := v.unwrapMonth(w)
	if err != nil {
		return WrappedMonthKey{}, err
	}
	defer clear(key)
	return v.wrapMonth(w.Class, w.Month, key)
}

// Have tells whether the key of a class and month is loaded.
func (v *Vault) Have(class string, month int) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.months[monthRef{class, month}] != nil
}

// Forget drops a month key from memory, after the store destroyed it.
func (v *Vault) Forget(class string, month int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.months, monthRef{class, month})
}

func (v *Vault) monthKey(ref monthRef) (*monthKey, error) {
	v.mu.RLock()
	key := v.months[ref]
	v.mu.RUnlock()
	if key == nil {
		return nil, ErrKeyMissing.Because(fmt.Errorf("no month key %.63q/%d", ref.class, ref.month))
	}
	return key, nil
}

// checkRef keeps class names short and plain, and months months.
func checkRef(class string, month int) error {
	if len(class) == 0 || len(class) > maxClassName {
		return ErrConfig.Because(fmt.Errorf("a retention class of %d characters", len(class)))
	}
	for i := range len(class) {
		if c := class[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return ErrConfig.Because(fmt.Errorf("retention class %.63q", class))
		}
	}
	if m := month % 100; month < 100001 || month > 999912 || m < 1 || m > 12 {
		return ErrConfig.Because(fmt.Errorf("month %d is not yyyymm", month))
	}
	return nil
}
