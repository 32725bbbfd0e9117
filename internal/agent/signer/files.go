package signer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"os"

	"software.sslmate.com/src/go-pkcs12"

	"lienthong/internal/agent/home"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

// maxFile is far more than any file of keys and certificates needs.
const maxFile = 1 << 20

// PEM is the source of an unencrypted PEM key and certificate. The key's file
// must be readable by its owner alone.
type PEM struct{ Key, Certificate string }

// Open implements Source.
func (p PEM) Open(context.Context, string) (*Opened, error) {
	key, err := home.ReadPrivate(p.Key)
	if err != nil {
		return nil, told(err)
	}
	cert, err := readFile(p.Certificate)
	if err != nil {
		return nil, ErrUnavailable.Because(err)
	}
	pair, err := seal.LoadPEM(key, cert)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return memory(pair), nil
}

// Peek implements Source: opening needs no PIN.
func (p PEM) Peek(context.Context) *x509.Certificate { return nil }

// Close implements Source.
func (p PEM) Close() error { return nil }

// PKCS12 is the source of a PFX file. Its password is not kept: the key is in
// memory once it is open.
type PKCS12 struct{ File string }

// Open implements Source.
func (p PKCS12) Open(_ context.Context, pin string) (*Opened, error) {
	pfx, err := readFile(p.File)
	if err != nil {
		return nil, ErrUnavailable.Because(err)
	}
	pair, err := seal.LoadPKCS12(pfx, pin)
	switch {
	case err == nil:
		return memory(pair), nil
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && pin == "":
		return nil, ErrWaiting
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, ErrPINWrong
	}
	return nil, ErrKey.Because(err)
}

// Peek implements Source: what is in the file is encrypted.
func (p PKCS12) Peek(context.Context) *x509.Certificate { return nil }

// Close implements Source.
func (p PKCS12) Close() error { return nil }

// None is the source of who has none.
type None struct{}

// Open implements Source.
func (None) Open(context.Context, string) (*Opened, error) { return nil, ErrNone }

// Peek implements Source.
func (None) Peek(context.Context) *x509.Certificate { return nil }

// Close implements Source.
func (None) Close() error { return nil }

// told keeps a fault and makes any other error one that may pass.
func told(err error) error {
	if f := fault.Of(err); f.Kind != fault.Broken {
		return f
	}
	return ErrUnavailable.Because(err)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return b, errors.Join(err, f.Close())
}

type memoryKey struct{ key crypto.Signer }

func memory(pair seal.KeyPair) *Opened {
	return &Opened{Key: memoryKey{pair.Key}, Certificate: pair.Certificate, Chain: pair.Chain}
}

// Sign implements Key. The same file gets the same seal: nonces are RFC 6979's.
func (m memoryKey) Sign(_ context.Context, sum []byte) ([]byte, error) {
	random := rand.Reader
	if _, ok := m.key.(*ecdsa.PrivateKey); ok {
		random = nil
	}
	value, err := m.key.Sign(random, sum, crypto.SHA256)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return value, nil
}
