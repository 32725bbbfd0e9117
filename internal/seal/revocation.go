package seal

import (
	"context"
	"crypto/sha256"
	"time"
)

// State is what is known of a certificate's revocation.
type State string

// The states. The zero value of an Answer means NotYetKnown.
const (
	NotYetKnown State = ""        // nobody has been asked, or no answer came
	Good        State = "good"    // a valid answer said so, at Answer.At
	Revoked     State = "revoked" // revoked since Answer.Since
)

// Answer is what is known locally about one certificate. It is kept with the record.
type Answer struct {
	State State
	At    time.Time // when the knowledge was made; zero when there is none
	Since time.Time // when the certificate was revoked; zero otherwise
}

// Revocation is the hook for revocation knowledge (CRL, OCSP). An
// implementation answers at once from what it has; asking a service happens
// elsewhere and later, so that a dead service never stops intake (promise 6).
// Outcomes: Good, Revoked, or NotYetKnown for everything else, errors included.
type Revocation interface {
	Status(ctx context.Context, fingerprint [sha256.Size]byte) Answer
}

// CheckRevocation returns the answer to keep with the record, and ErrRevoked when
// the certificate is known now to be revoked. A nil r knows nothing.
func CheckRevocation(ctx context.Context, r Revocation, fingerprint [sha256.Size]byte) (Answer, error) {
	if r == nil {
		return Answer{}, nil
	}
	a := r.Status(ctx, fingerprint)
	if a.State == Revoked {
		return a, ErrRevoked
	}
	return a, nil
}
