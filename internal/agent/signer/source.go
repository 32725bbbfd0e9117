package signer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
)

// Source is where a key is: a file, a token, a service. It is used by one
// goroutine at a time.
type Source interface {
	// Open opens the key, once. With pin "" it opens what needs none. Outcomes:
	// opened; ErrWaiting (pin is "" and one is needed); ErrPINWrong (the PIN was
	// tried); ErrPINLocked, ErrPINLast, ErrUnavailable (it was not tried); ErrKey.
	Open(ctx context.Context, pin string) (*Opened, error)
	// Peek returns the certificate as far as it is known without a PIN, else nil.
	Peek(ctx context.Context) *x509.Certificate
	// Close lets go of the key. Open may follow.
	Close() error
}

// Opened is a key that can sign.
type Opened struct {
	Key         Key
	Certificate *x509.Certificate
	Chain       []*x509.Certificate // between it and a root, to be sent along
}

// Key signs SHA-256 sums. It may be used by many goroutines.
type Key interface {
	// Sign returns PKCS #1 v1.5 for an RSA key, DER for P-256. Outcomes: signed;
	// ErrUnavailable (the way to the key is lost: open it again); ErrPINWrong (the
	// PIN it was opened with holds no longer); ErrPINLocked; another fault.
	Sign(ctx context.Context, sum []byte) ([]byte, error)
}

// bound is a key as package seal wants it, for one call. It keeps the key's own
// error, which seal would cover with its own.
type bound struct {
	ctx    context.Context
	key    Key
	public crypto.PublicKey
	err    error
}

// Public returns the certificate's key: what is signed is checked against it.
func (b *bound) Public() crypto.PublicKey { return b.public }

// Sign signs and verifies: a device that returns something else is found here,
// not by the hub.
func (b *bound) Sign(_ io.Reader, sum []byte, o crypto.SignerOpts) ([]byte, error) {
	if o.HashFunc() != crypto.SHA256 || len(sum) != sha256.Size {
		b.err = ErrKey.Because(errors.New("only SHA-256 sums are signed"))
		return nil, b.err
	}
	value, err := b.key.Sign(b.ctx, sum)
	if err == nil && !verifies(b.public, sum, value) {
		err = ErrSignature
	}
	b.err = err
	return value, err
}

func verifies(public crypto.PublicKey, sum, value []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum, value) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum, value)
	}
	return false
}
