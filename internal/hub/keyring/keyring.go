// Package keyring is a hub's secrets: what they are, the files they are kept in,
// and the keys that are made of them. Files are read by whoever it is handed.
package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"lienthong/internal/ledger"
	"lienthong/internal/vault"
)

// Keys are a hub's secrets. They live outside its data (DESIGN §7): whoever
// has only the store can read nothing, sign nothing and link nobody.
type Keys struct {
	Master  []byte         // 32 bytes, wraps month keys
	Retired [][]byte       // earlier master keys, which open what they wrapped
	Peppers map[int][]byte // by version, for keyed hashes
	Pepper  int            // the version new hashes carry
	LogSeed []byte         // 32 bytes, Ed25519 seed of the logs' signing key
	Receipt crypto.Signer
	Token   []byte // secret of access tokens
	// Held elsewhere (`lienthong sign`): Master and LogSeed are empty then.
	Ring    vault.Ring
	Log     crypto.Signer // Ed25519, signs checkpoints
	Witness crypto.Signer // Ed25519, cosigns those of others
}

// LogKey signs the checkpoints of a log.
func (k Keys) LogKey(origin string) (*ledger.LogKey, error) {
	if k.Log != nil {
		return ledger.LogKeyOf(origin, k.Log)
	}
	return ledger.LogKeyFromSeed(origin, k.LogSeed)
}

// Cosigner cosigns the checkpoints of others, as the witness of that name.
func (k Keys) Cosigner(name string) (*ledger.Cosigner, error) {
	if k.Witness != nil {
		return ledger.CosignerOf(name, k.Witness)
	}
	return ledger.DeriveCosigner(name, k.LogSeed)
}

// Vault is the vault of these keys.
func (k Keys) Vault() (*vault.Vault, error) {
	return vault.New(vault.Config{Master: k.Master, Retired: k.Retired, Ring: k.Ring, Peppers: k.Peppers, Current: k.Pepper})
}

// KeyFiles are the names of the key files and what each is for.
var keyFiles = []string{"master.key", "pepper-1.key", "log.key", "receipt.pem", "token.key"}

// New makes the keys of a new hub.
func New(random io.Reader) (Keys, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [4][32]byte
	for i := range b {
		if _, err := io.ReadFull(random, b[i][:]); err != nil {
			return Keys{}, fmt.Errorf("keyring: making keys: %w", err)
		}
	}
	receipt, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return Keys{}, fmt.Errorf("keyring: making keys: %w", err)
	}
	return Keys{Master: b[0][:], Peppers: map[int][]byte{1: b[1][:]}, Pepper: 1, LogSeed: b[2][:], Receipt: receipt, Token: b[3][:]}, nil
}

// Files returns the keys as the contents of their files, by name; of master keys
// the retired ones too, in order.
func (k Keys) Files() (map[string][]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Receipt)
	if err != nil {
		return nil, fmt.Errorf("keyring: writing keys: %w", err)
	}
	line := func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b) + "\n") }
	files := map[string][]byte{
		keyFiles[1]: line(k.Peppers[1]), keyFiles[2]: line(k.LogSeed),
		keyFiles[3]: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), keyFiles[4]: line(k.Token),
	}
	for i, master := range append(slices.Clone(k.Retired), k.Master) {
		files[MasterFile(i+1)] = line(master)
	}
	return files, nil
}

// Read reads keys by asking read for each file.
func Read(read func(name string) ([]byte, error)) (Keys, error) {
	k, err := ReadHeldKeys(read)
	if err != nil {
		return Keys{}, err
	}
	own, err := ReadOwnKeys(read)
	k.Peppers, k.Pepper, k.Token = own.Peppers, own.Pepper, own.Token
	return k, err
}

// ReadHeldKeys reads what a signing process holds. Where there are master-2.key,
// master-3.key and so on, the last one is in use and the ones before are retired.
func ReadHeldKeys(read func(name string) ([]byte, error)) (k Keys, err error) {
	masters, err := ReadMasters(read)
	if err != nil {
		return Keys{}, err
	}
	last := len(masters) - 1
	k.Master, k.Retired = masters[last], masters[:last]
	if k.LogSeed, err = readSecret(read, keyFiles[2]); err != nil {
		return Keys{}, err
	}
	b, err := read(keyFiles[3])
	if err != nil {
		return Keys{}, fmt.Errorf("keyring: reading keys: %w", err)
	}
	if k.Receipt, err = receiptKey(b); err != nil {
		return Keys{}, fmt.Errorf("keyring: key file %s: %w", keyFiles[3], err)
	}
	return k, nil
}

// ReadOwnKeys reads what a hub holds itself when a signing process holds the rest.
func ReadOwnKeys(read func(name string) ([]byte, error)) (Keys, error) {
	pepper, err := readSecret(read, keyFiles[1])
	if err != nil {
		return Keys{}, err
	}
	token, err := readSecret(read, keyFiles[4])
	return Keys{Peppers: map[int][]byte{1: pepper}, Pepper: 1, Token: token}, err
}

// MasterFile is the name of the n-th master key's file, from 1.
func MasterFile(n int) string {
	if n == 1 {
		return keyFiles[0]
	}
	return fmt.Sprintf("master-%d.key", n)
}

// MasterFileContent is a master key as its file holds it.
func MasterFileContent(key []byte) []byte {
	return []byte(base64.StdEncoding.EncodeToString(key) + "\n")
}

// mostMasters is how many master keys are looked for.
const mostMasters = 1000

// ReadMasters reads the master keys, the one in use last. Of those before the
// first that is there none is needed any more.
func ReadMasters(read func(name string) ([]byte, error)) ([][]byte, error) {
	var keys [][]byte
	for n := 1; n <= mostMasters; n++ {
		key, err := readSecret(read, MasterFile(n))
		switch {
		case err == nil:
			keys = append(keys, key)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case len(keys) > 0:
			return keys, nil
		}
	}
	return nil, fmt.Errorf("keyring: reading keys: no %s", keyFiles[0])
}

func readSecret(read func(name string) ([]byte, error), name string) ([]byte, error) {
	b, err := read(name)
	if err != nil {
		return nil, fmt.Errorf("keyring: reading keys: %w", err)
	}
	out, err := secret(b)
	if err != nil {
		return nil, fmt.Errorf("keyring: key file %s: %w", name, err)
	}
	return out, nil
}

func secret(b []byte) ([]byte, error) {
	out, err := base64.StdEncoding.DecodeString(string(trimLine(b)))
	if err != nil || len(out) != 32 {
		return nil, errors.New("not 32 bytes in base64")
	}
	return out, nil
}

func trimLine(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

func receiptKey(b []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not PKCS#8")
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return key, nil
}

// String shows no key.
func (Keys) String() string { return "keyring.Keys(hidden)" }

// GoString shows no key.
func (Keys) GoString() string { return "keyring.Keys(hidden)" }

// WitnessKey is the verifier line others know this hub's cosignatures by.
func WitnessKey(name string, keys Keys) (string, error) {
	c, err := keys.Cosigner(name + "/witness")
	if err != nil {
		return "", err
	}
	return c.Verifier(), nil
}
