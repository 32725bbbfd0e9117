// Package signer seals what a facility sends with the facility's own key, which
// may be in a PEM or PKCS#12 file, on a PKCS#11 token (signer/token) or with a
// remote signing service (signer/remote). All four give the same Signer: the
// enveloped XML signature and the detached JWS of package seal.
//
// A signer that needs a PIN starts without it and waits; the PIN comes from a
// person (agent pin), stays in memory and is in no file. It is not for verifying.
package signer

import (
	"context"
	"crypto/x509"

	"lienthong/internal/fault"
)

// Phase says whether a signer can seal now.
type Phase string

// The phases.
const (
	Ready         Phase = "ready"
	WaitingForPIN Phase = "waiting_for_pin" // seals as soon as somebody gives the PIN
	Unavailable   Phase = "unavailable"     // cannot seal; State.Fault says why
)

// State is what a signer can do now and why not more. Ready with a Fault is a
// notice: the certificate is near its end (signer.expiring).
type State struct {
	Phase     Phase
	Fault     *fault.Error
	TriesLeft int // wrong PINs that are still allowed
}

// Signer seals files. It may be used by many goroutines; whoever keeps one key
// one at a time does so inside.
type Signer interface {
	// Seal returns doc with the facility's enveloped signature in CHUKYDONVI; no
	// other byte changes. Outcomes: sealed; signer.waiting_for_pin, hub.busy and
	// other faults of kind Busy (try again later, nothing is wrong with doc);
	// seal.malformed and file.* (doc has no such place); signer.* (nobody can
	// seal with this signer until somebody mends it).
	Seal(ctx context.Context, doc []byte) ([]byte, error)
	// SealDetached returns the compact JWS that goes beside body as NAME.jws.
	// Outcomes as Seal.
	SealDetached(ctx context.Context, body []byte) (string, error)
	// SealHolder signs into a holder inside a container, for kinds that several
	// sign (seal.Expect.Holders). Outcomes as Seal.
	SealHolder(ctx context.Context, doc []byte, container, holder string) ([]byte, error)
	// Certificate returns the sealing certificate, nil while it is not known (a
	// PKCS#12 file that waits for its password) or there is none.
	Certificate() *x509.Certificate
	// State says whether it can seal now.
	State() State
	// Unlock gives the PIN or password. Faults: signer.pin_wrong,
	// signer.pin_locked (not even tried), signer.pin_unneeded, signer.unavailable.
	Unlock(ctx context.Context, pin string) error
	// Close ends helpers and forgets the PIN.
	Close() error
}
