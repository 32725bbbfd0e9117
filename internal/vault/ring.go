package vault

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// ErrBudget: more data keys were asked for than the ring gives out in a while;
// who reads on must wait, and an operator must look.
var ErrBudget = fault.New(fault.Busy, "vault.budget",
	"Đã mở quá nhiều hồ sơ trong thời gian ngắn. Tạm dừng để kiểm tra; thử lại sau một phút.",
	"Too many records were opened in a short time. Reading pauses to be looked at; try again in a minute.")

// MonthID names one month key: of a class and month there is one for each
// generation.
type MonthID struct {
	Class string
	Month int
	ID    [4]byte
}

// Ring holds the master and month keys and does what needs them: it gives out
// data keys and never the keys they are wrapped by. Keys is the ring of this
// process; a ring may also be a process of its own (package signing).
type Ring interface {
	// Master names the master key in use.
	Master() string
	// NewMonth makes a month key of a generation, wrapped; it is not in use yet.
	NewMonth(class string, month, generation int) (WrappedMonthKey, error)
	// RewrapMonth wraps the same month key by the master key in use.
	RewrapMonth(w WrappedMonthKey) (WrappedMonthKey, error)
	// LoadMonths takes month keys into use, all or none, and returns their names in order.
	LoadMonths(keys []WrappedMonthKey) ([]MonthID, error)
	// ForgetMonth drops a month key.
	ForgetMonth(id MonthID)
	// Wrap appends a nonce and the wrapped data key to dst.
	Wrap(dst []byte, id MonthID, key, bound []byte) ([]byte, error)
	// Unwrap returns a data key out of what Wrap appended; vault.budget.
	Unwrap(id MonthID, sealed, bound []byte) ([]byte, error)
	SealSecret(name string, plain []byte) ([]byte, error)
	OpenSecret(name string, sealed []byte) ([]byte, error)
	// RewrapSecret seals a secret anew by the master key in use, without giving it out.
	RewrapSecret(name string, sealed []byte) ([]byte, error)
}

// RingConfig is what NewKeys needs. The slices are copied.
type RingConfig struct {
	Master  []byte
	Retired [][]byte
	Rand    io.Reader // nil: the operating system's
	// Unwraps is how many data keys a minute are given out, a minute's worth at
	// once; 0: as many as are asked for. Clock is needed with it.
	Unwraps int
	Clock   clock.Clock
}

// Keys is the ring of this process. It is safe for concurrent use.
type Keys struct {
	rand   io.Reader
	clock  clock.Clock
	budget *rate.Limiter // nil: none

	mu      sync.RWMutex
	master  masterKey
	retired []masterKey
	months  map[MonthID]*monthKey
}

var _ Ring = (*Keys)(nil)

// NewKeys returns a ring without month keys. Fault: vault.config.
func NewKeys(c RingConfig) (*Keys, error) {
	k := &Keys{rand: source(c.Rand), clock: c.Clock, months: map[MonthID]*monthKey{}}
	var err error
	if k.master, err = newMasterKey(c.Master); err != nil {
		return nil, err
	}
	for _, key := range c.Retired {
		old, err := newMasterKey(key)
		if err != nil {
			return nil, err
		}
		k.retired = append(k.retired, old)
	}
	if c.Unwraps > 0 {
		if c.Clock == nil {
			return nil, ErrConfig.Because(fmt.Errorf("a budget without a clock"))
		}
		k.budget = rate.NewLimiter(rate.Limit(float64(c.Unwraps)/60), c.Unwraps)
	}
	return k, nil
}

// String shows no key.
func (k *Keys) String() string { return "vault.Keys(" + k.Master() + ")" }

// GoString shows no key.
func (k *Keys) GoString() string { return k.String() }

// Master names the master key in use: 8 hexadecimal digits, not secret.
func (k *Keys) Master() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.master.id
}

// Turn takes a new master key into use; the one before still opens what it
// wrapped. The same key again changes nothing. Fault: vault.config.
func (k *Keys) Turn(master []byte) error {
	fresh, err := newMasterKey(master)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if fresh.id == k.master.id {
		return nil
	}
	k.retired = append(slices.DeleteFunc(k.retired, func(m masterKey) bool { return m.id == fresh.id }), k.master)
	k.master = fresh
	return nil
}

// masters returns the master key in use, then the retired ones.
func (k *Keys) masters() []masterKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return append([]masterKey{k.master}, k.retired...)
}

func (k *Keys) masterByID(id string) (masterKey, error) {
	for _, m := range k.masters() {
		if m.id == id {
			return m, nil
		}
	}
	return masterKey{}, ErrKeyMissing.Because(fmt.Errorf("no master key %.8q", id))
}

// NewMonth makes a month key. Faults: vault.config, vault.random.
func (k *Keys) NewMonth(class string, month, generation int) (WrappedMonthKey, error) {
	if err := checkRef(class, month); err != nil {
		return WrappedMonthKey{}, err
	}
	if generation < 0 || generation > 1<<20 {
		return WrappedMonthKey{}, ErrConfig.Because(fmt.Errorf("generation %d of a month key", generation))
	}
	key := make([]byte, KeySize)
	defer clear(key)
	if err := k.random(key); err != nil {
		return WrappedMonthKey{}, err
	}
	return k.wrapMonth(class, month, generation, key)
}

func (k *Keys) wrapMonth(class string, month, generation int, key []byte) (WrappedMonthKey, error) {
	m := k.masters()[0]
	w := WrappedMonthKey{Class: class, Month: month, Generation: generation, Master: m.id}
	b := make([]byte, 1+nonceSize, 1+nonceSize+wrappedSize)
	b[0] = formatV1
	if err := k.random(b[1:]); err != nil {
		return WrappedMonthKey{}, err
	}
	w.Wrapped = m.aead.Seal(b, b[1:], key, w.bound())
	return w, nil
}

// RewrapMonth is the step of a master key rotation. Faults: vault.key_missing,
// vault.opened_wrong, vault.random.
func (k *Keys) RewrapMonth(w WrappedMonthKey) (WrappedMonthKey, error) {
	key, err := k.unwrapMonth(w)
	if err != nil {
		return WrappedMonthKey{}, err
	}
	defer clear(key)
	return k.wrapMonth(w.Class, w.Month, w.Generation, key)
}

func (k *Keys) unwrapMonth(w WrappedMonthKey) ([]byte, error) {
	if err := checkRef(w.Class, w.Month); err != nil {
		return nil, ErrOpenedWrong.Because(err)
	}
	m, err := k.masterByID(w.Master)
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

// LoadMonths takes month keys into use. Faults: vault.key_missing (another
// master key), vault.opened_wrong.
func (k *Keys) LoadMonths(keys []WrappedMonthKey) ([]MonthID, error) {
	opened := make([]*monthKey, len(keys))
	for i, w := range keys {
		key, err := k.unwrapMonth(w)
		if err != nil {
			return nil, err
		}
		aead, err := newAEAD(key)
		if err != nil {
			return nil, ErrOpenedWrong.Because(err)
		}
		opened[i] = &monthKey{id: MonthID{w.Class, w.Month, keyID("lienthong/month-key/id/v1", key)}, aead: aead}
		clear(key)
	}
	ids := make([]MonthID, len(keys))
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, m := range opened {
		k.months[m.id] = m
		ids[i] = m.id
	}
	return ids, nil
}

// ForgetMonth drops a month key.
func (k *Keys) ForgetMonth(id MonthID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.months, id)
}

func (k *Keys) month(id MonthID) (*monthKey, error) {
	k.mu.RLock()
	m := k.months[id]
	k.mu.RUnlock()
	if m == nil {
		return nil, ErrKeyMissing.Because(fmt.Errorf("no month key %.63q/%d of this name", id.Class, id.Month))
	}
	return m, nil
}

// Wrap wraps a data key. Faults: vault.key_missing, vault.random.
func (k *Keys) Wrap(dst []byte, id MonthID, key, bound []byte) ([]byte, error) {
	m, err := k.month(id)
	if err != nil {
		return nil, err
	}
	at := len(dst)
	dst = slices.Grow(dst, nonceSize+wrappedSize)[:at+nonceSize]
	if err := k.random(dst[at:]); err != nil {
		return nil, err
	}
	return m.aead.Seal(dst, dst[at:], key, bound), nil
}

// Unwrap gives a data key out. Faults: vault.key_missing, vault.opened_wrong,
// vault.budget.
func (k *Keys) Unwrap(id MonthID, sealed, bound []byte) ([]byte, error) {
	m, err := k.month(id)
	if err != nil {
		return nil, err
	}
	if len(sealed) != nonceSize+wrappedSize {
		return nil, ErrOpenedWrong.Because(fmt.Errorf("wrapped data key: %d bytes", len(sealed)))
	}
	if k.budget != nil && !k.budget.AllowN(k.clock.Now(), 1) {
		return nil, ErrBudget
	}
	key, err := m.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], bound)
	if err != nil {
		return nil, ErrOpenedWrong.Because(err)
	}
	return key, nil
}

// random fills b.
func (k *Keys) random(b []byte) error {
	if _, err := io.ReadFull(k.rand, b); err != nil {
		return ErrRandom.Because(err)
	}
	return nil
}
