package vault

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// secretInfo separates the key of secrets from every other use of the master key.
const secretInfo = "lienthong/secret-key/v1"

// MaxSecret is the longest secret, in bytes.
const MaxSecret = 64 << 10

// newSecretKey derives the key that seals secrets from a master key (HKDF,
// RFC 5869): who holds it opens no record, and a month key opens no secret.
func newSecretKey(master []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, master, nil, secretInfo, KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newAEAD(key)
}

// SealSecret seals a credential for services outside under a key of its own.
// name says whose it is and what for; the same name is needed to open. The
// form: format 1, master key id (4 bytes), nonce (12), sealed secret. Faults:
// vault.config for a secret that is empty or longer than MaxSecret, vault.random.
func (v *Vault) SealSecret(name string, plain []byte) ([]byte, error) {
	return v.ring.SealSecret(name, plain)
}

// SealSecret seals a credential; see Vault.SealSecret.
func (k *Keys) SealSecret(name string, plain []byte) ([]byte, error) {
	if len(plain) == 0 || len(plain) > MaxSecret {
		return nil, ErrConfig.Because(fmt.Errorf("a secret of %d bytes", len(plain)))
	}
	out := make([]byte, 1+4+nonceSize, 1+4+nonceSize+len(plain)+tagSize)
	out[0] = formatV1
	m := k.masters()[0]
	copy(out[1:], m.mark[:])
	nonce := out[5 : 5+nonceSize]
	if err := k.random(nonce); err != nil {
		return nil, err
	}
	return m.secret.Seal(out, nonce, plain, secretBound(out[:5], name)), nil
}

// OpenSecret opens what SealSecret sealed under the same name, by the master key
// in use or a retired one. The courier alone calls it. Faults:
// vault.key_missing, vault.opened_wrong.
func (v *Vault) OpenSecret(name string, sealed []byte) ([]byte, error) {
	return v.ring.OpenSecret(name, sealed)
}

// OpenSecret opens a credential; see Vault.OpenSecret.
func (k *Keys) OpenSecret(name string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+4+nonceSize+tagSize || sealed[0] != formatV1 {
		return nil, ErrOpenedWrong.Because(errors.New("sealed secret: unknown form"))
	}
	keys := k.masters()
	i := slices.IndexFunc(keys, func(m masterKey) bool { return string(m.mark[:]) == string(sealed[1:5]) })
	if i < 0 {
		return nil, ErrKeyMissing.Because(fmt.Errorf("no master key %x", sealed[1:5]))
	}
	plain, err := keys[i].secret.Open(nil, sealed[5:5+nonceSize], sealed[5+nonceSize:], secretBound(sealed[:5], name))
	if err != nil {
		return nil, ErrOpenedWrong.Because(err)
	}
	return plain, nil
}

// RewrapSecret seals a secret anew by the master key in use: a step of its
// rotation. The secret itself is not given out. Faults as OpenSecret and SealSecret.
func (v *Vault) RewrapSecret(name string, sealed []byte) ([]byte, error) {
	return v.ring.RewrapSecret(name, sealed)
}

// RewrapSecret seals a credential anew; see Vault.RewrapSecret.
func (k *Keys) RewrapSecret(name string, sealed []byte) ([]byte, error) {
	plain, err := k.OpenSecret(name, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return k.SealSecret(name, plain)
}

// secretBound is what a secret is tied to: its header and its name.
func secretBound(header []byte, name string) []byte {
	b := append([]byte("lienthong/secret/v1\n"), header...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	return append(b, name...)
}
