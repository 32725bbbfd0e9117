package reading

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"lienthong/internal/vault"
)

// longestSealed is the longest text that a page hands back.
const longestSealed = 2000

// seals are the ciphers that pages' hidden fields are sealed by, of every live
// pepper, the current one first: hubs of the same keys read each other's.
func seals(v *vault.Vault) ([]cipher.AEAD, error) {
	low, high := v.HashAll(vault.Presence, []byte("seal"), []byte{0}), v.HashAll(vault.Presence, []byte("seal"), []byte{1})
	out := make([]cipher.AEAD, len(low))
	for i := range low {
		block, err := aes.NewCipher(append(low[i][1:], high[i][1:]...))
		if err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
		if out[i], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
	}
	return out, nil
}

func (k *Desk) seal(name string, plain []byte) (string, error) {
	nonce := make([]byte, k.seals[0].NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("reading: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(k.seals[0].Seal(nonce, nonce, plain, []byte(name))), nil
}

// open reads what seal made under the same name. Fault: reading.patient.
func (k *Desk) open(name, text string) ([]byte, error) {
	if len(text) > longestSealed {
		return nil, ErrPatient
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) < k.seals[0].NonceSize() {
		return nil, ErrPatient
	}
	n := k.seals[0].NonceSize()
	for _, s := range k.seals {
		if plain, err := s.Open(nil, sealed[:n], sealed[n:], []byte(name)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrPatient.Because(errors.New("sealed by another, or for another"))
}
