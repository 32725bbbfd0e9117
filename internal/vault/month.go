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
	Class string // retention class: 1..63 of a-z 0-9 - _
	Month int    // yyyymm
	// Generation is 0 for the first key of the class and month; a rotation adds one.
	Generation int
	Master     string // MasterID that wrapped it
	Wrapped    []byte // format byte, nonce, sealed key
}

// LogValue names the key and shows none of it.
func (w WrappedMonthKey) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("%s/%d.%d wrapped by %s", w.Class, w.Month, w.Generation, w.Master))
}

type monthRef struct {
	class string
	month int
}

type monthKey struct {
	id   MonthID
	aead cipher.AEAD
}

// generations are the month keys of one class and month; the newest seals.
type generations struct {
	ids    map[int]MonthID // by generation
	newest int
}

const (
	formatV1     = 1
	nonceSize    = 12
	tagSize      = 16
	wrappedSize  = KeySize + tagSize
	maxClassName = 63
)

// NewMonthKey makes the first key of a class and month (yyyymm) and returns it
// wrapped. It is not in use yet: two hubs may make one at the same time, so the
// caller inserts it into the store, where the first stays, and Loads what the
// store then holds. Faults: vault.config for a class or month out of form,
// vault.random.
func (v *Vault) NewMonthKey(class string, month int) (WrappedMonthKey, error) {
	return v.ring.NewMonth(class, month, 0)
}

// NextMonthKey makes the next generation of a class's month key, for a rotation;
// like NewMonthKey's it is not in use before it is loaded. Once it is, it seals,
// and the older ones still open.
func (v *Vault) NextMonthKey(class string, month int) (WrappedMonthKey, error) {
	v.mu.RLock()
	g, ok := v.months[monthRef{class, month}]
	v.mu.RUnlock()
	if !ok {
		return WrappedMonthKey{}, ErrKeyMissing.Because(fmt.Errorf("no month key %.63q/%d", class, month))
	}
	return v.ring.NewMonth(class, month, g.newest+1)
}

// bound is what a wrapped month key is tied to.
func (w WrappedMonthKey) bound() []byte {
	b := append([]byte("lienthong/month-key/v1\n"), w.Master...)
	b = append(b, '\n', byte(len(w.Class)))
	b = append(b, w.Class...)
	b = binary.BigEndian.AppendUint32(b, uint32(w.Month))
	if w.Generation > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(w.Generation))
	}
	return b
}

// Load takes month keys into use, replacing those of the same class, month and
// generation. Either all are loaded or none. Faults: vault.key_missing (another
// master key), vault.opened_wrong.
func (v *Vault) Load(keys []WrappedMonthKey) error {
	ids, err := v.ring.LoadMonths(keys)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, w := range keys {
		ref := monthRef{w.Class, w.Month}
		g, ok := v.months[ref]
		if !ok {
			g = generations{ids: map[int]MonthID{}}
		}
		if old, ok := g.ids[w.Generation]; ok && old != ids[i] {
			v.ring.ForgetMonth(old)
		}
		g.ids[w.Generation] = ids[i]
		g.newest = max(g.newest, w.Generation)
		v.months[ref] = g
	}
	return nil
}

// Rewrap returns the same month key wrapped by the current master key: the step
// of a master key rotation. Records are untouched. Faults as Load.
func (v *Vault) Rewrap(w WrappedMonthKey) (WrappedMonthKey, error) { return v.ring.RewrapMonth(w) }

// Have tells whether a key of a class and month is loaded.
func (v *Vault) Have(class string, month int) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	_, ok := v.months[monthRef{class, month}]
	return ok
}

// Forget drops the keys of a class and month from memory, after the store
// destroyed them.
func (v *Vault) Forget(class string, month int) {
	v.forget(class, month, func(int) bool { return true })
}

// ForgetOlder drops all but the newest generation, after the store destroyed them.
func (v *Vault) ForgetOlder(class string, month int) {
	v.mu.RLock()
	newest := v.months[monthRef{class, month}].newest
	v.mu.RUnlock()
	v.forget(class, month, func(generation int) bool { return generation < newest })
}

func (v *Vault) forget(class string, month int, which func(generation int) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	ref := monthRef{class, month}
	for generation, id := range v.months[ref].ids {
		if which(generation) {
			v.ring.ForgetMonth(id)
			delete(v.months[ref].ids, generation)
		}
	}
	if len(v.months[ref].ids) == 0 {
		delete(v.months, ref)
	}
}

// newest names the month key that seals.
func (v *Vault) newest(ref monthRef) (MonthID, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	g, ok := v.months[ref]
	if !ok {
		return MonthID{}, ErrKeyMissing.Because(fmt.Errorf("no month key %.63q/%d", ref.class, ref.month))
	}
	return g.ids[g.newest], nil
}

// known finds the month key of a name, asking for those that other hubs made.
func (v *Vault) known(id MonthID) error {
	has := func() (some, this bool) {
		v.mu.RLock()
		defer v.mu.RUnlock()
		g, ok := v.months[monthRef{id.Class, id.Month}]
		for _, known := range g.ids {
			this = this || known == id
		}
		return ok, this
	}
	some, this := has()
	if !this && v.Missing != nil {
		if err := v.Missing(); err != nil {
			return err
		}
		some, this = has()
	}
	switch {
	case this:
		return nil
	case some:
		return ErrKeyMissing.Because(fmt.Errorf("month key %.63q/%d is another one", id.Class, id.Month))
	}
	return ErrKeyMissing.Because(fmt.Errorf("no month key %.63q/%d", id.Class, id.Month))
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
