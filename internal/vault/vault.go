// Package vault keeps what is stored unreadable to whoever holds only the
// store: it seals bodies and turns identifiers into keyed hashes.
//
//	master key (32 bytes, kept outside the store)
//	  wraps month keys, one per (retention class, month)
//	    wraps data keys, one per record, used once
//	      seals the record's parts, AES-256-GCM (NIST SP 800-38D)
//	peppers (kept with the master key), by version
//	  HMAC-SHA-256 of citizen, card and phone numbers, names, idempotency keys
//
// Destroying a record's wrapped data key erases the record in every backup
// taken afterwards and leaves its neighbours readable; destroying a month key
// erases the class's month.
//
// It does no I/O: key files are read in cmd, wrapped keys are kept by the
// store. It is not for signatures (seal, ledger), nor for deciding who may
// open what (disclose).
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"lienthong/internal/fault"
)

// KeySize is the length of master keys, month keys, data keys and the least
// length of a pepper, in bytes.
const KeySize = 32

// Faults of this package.
var (
	// ErrConfig: keys handed to New are not usable.
	ErrConfig = fault.New(fault.Invalid, "vault.config",
		"Bộ khóa của kho không dùng được.", "The vault's keys are not usable.")
	// ErrKeyMissing: a month key, master key or pepper that is needed is not loaded.
	ErrKeyMissing = fault.New(fault.Broken, "vault.key_missing",
		"Thiếu khóa để mở hoặc niêm dữ liệu. Báo cho trực vận hành.",
		"A key needed to open or seal data is missing. Tell the operator on duty.")
	// ErrOpenedWrong: the bytes are not what was sealed, or not for this record and part.
	ErrOpenedWrong = fault.New(fault.Broken, "vault.opened_wrong",
		"Dữ liệu đã niêm không mở được nguyên vẹn. Báo cho trực vận hành.",
		"Sealed data does not open intact. Tell the operator on duty.")
	// ErrRandom: the source of randomness failed; nothing was sealed.
	ErrRandom = fault.New(fault.Broken, "vault.random",
		"Nguồn ngẫu nhiên của máy chủ hỏng.", "The server's source of randomness failed.")
)

// Config is what New needs. The slices are copied; the caller may wipe them.
type Config struct {
	Master  []byte         // 32 bytes; wraps new month keys
	Retired [][]byte       // earlier master keys that still open month keys
	Ring    Ring           // holds master and month keys elsewhere; Master and Retired are empty then
	Peppers map[int][]byte // live peppers by version 1..255, each of at least 32 bytes
	Current int            // the version new hashes carry
	Rand    io.Reader      // nil: the operating system's
}

// String shows no key.
func (Config) String() string { return "vault.Config(hidden)" }

// GoString shows no key.
func (Config) GoString() string { return "vault.Config(hidden)" }

// LogValue shows no key.
func (Config) LogValue() slog.Value { return slog.StringValue("hidden") }

// Vault seals, opens and hashes. It is safe for concurrent use.
type Vault struct {
	ring    Ring
	rand    io.Reader
	peppers [256]*pepper // by version
	live    []int        // versions, the current one first, then from new to old
	// Missing is asked, once for a key, to load month keys that other hubs made
	// since; nil: nobody is asked. It is set before the vault is used.
	Missing func() error

	mu     sync.RWMutex
	months map[monthRef]generations
}

type masterKey struct {
	id     string  // 8 hexadecimal digits of a hash of the key
	mark   [4]byte // the same, as bytes
	aead   cipher.AEAD
	secret cipher.AEAD // of credentials for services outside; see secret.go
}

// New makes a vault without month keys; Load brings them. Fault: vault.config.
func New(c Config) (*Vault, error) {
	v := &Vault{ring: c.Ring, rand: source(c.Rand), months: map[monthRef]generations{}}
	switch {
	case v.ring == nil:
		keys, err := NewKeys(RingConfig{Master: c.Master, Retired: c.Retired, Rand: c.Rand})
		if err != nil {
			return nil, err
		}
		v.ring = keys
	case len(c.Master)+len(c.Retired) > 0:
		return nil, ErrConfig.Because(errors.New("a master key beside a ring"))
	}
	if err := v.setPeppers(c.Peppers, c.Current); err != nil {
		return nil, err
	}
	return v, nil
}

// source is where randomness comes from.
func source(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return &lockedReader{r: r}
}

// MasterID names the master key in use: 8 hexadecimal digits, not secret.
func (v *Vault) MasterID() string { return v.ring.Master() }

// Ring is what holds the vault's keys.
func (v *Vault) Ring() Ring { return v.ring }

// String shows no key.
func (v *Vault) String() string { return "vault(" + v.MasterID() + ")" }

// GoString shows no key.
func (v *Vault) GoString() string { return v.String() }

// LogValue shows no key.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }

func newMasterKey(key []byte) (masterKey, error) {
	if len(key) != KeySize {
		return masterKey{}, ErrConfig.Because(fmt.Errorf("a master key of %d bytes, not %d", len(key), KeySize))
	}
	id := keyID("lienthong/master-key/id/v1", key)
	aead, err := newAEAD(key)
	if err != nil {
		return masterKey{}, ErrConfig.Because(err)
	}
	secret, err := newSecretKey(key)
	if err != nil {
		return masterKey{}, ErrConfig.Because(err)
	}
	return masterKey{id: fmt.Sprintf("%x", id[:]), mark: id, aead: aead, secret: secret}, nil
}

// keyID names a random key by 4 bytes of a hash: enough to tell a missing key
// from a damaged one, no help in guessing 256 bits.
func keyID(domain string, key []byte) [4]byte {
	sum := sha256.Sum256(append([]byte(domain), key...))
	return [4]byte(sum[:4])
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// lockedReader lets many goroutines share a reader given by the caller.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}
