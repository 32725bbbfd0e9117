// Package token seals with a key on a PKCS#11 token. The makers' libraries are C:
// they are loaded by a program of their own, lienthong-token, so that the agent
// stays one file without cgo and a library that crashes or hangs takes nothing
// with it. The two speak in frames over the helper's standard input and output:
// 4 bytes of length, big endian, then JSON. The PIN goes that way too; never as an
// argument, never into a file.
//
// Source is the agent's side, Serve the helper's. Neither makes keys nor changes
// PINs: that is for the maker's own tools.
package token

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxFrame is far more than a chain of certificates takes.
const maxFrame = 256 << 10

// Operations of a Request.
const (
	opPeek = "peek" // certificate without PIN
	opOpen = "open" // log in
	opSign = "sign"
)

// Request is what the agent asks of the helper.
type Request struct {
	Op     string `json:"op"`
	Module string `json:"module,omitempty"` // the maker's library
	Token  string `json:"token,omitempty"`  // label; "" for the only one
	Label  string `json:"label,omitempty"`  // of the key; "" for the only one
	PIN    string `json:"pin,omitempty"`
	Sum    []byte `json:"sum,omitempty"` // SHA-256
}

// Reply is what the helper answers: Failure, or what was asked for.
type Reply struct {
	Failure     Failure  `json:"failure,omitempty"`
	Detail      string   `json:"detail,omitempty"` // for the operator: PKCS#11's name of the error
	Certificate []byte   `json:"certificate,omitempty"`
	Chain       [][]byte `json:"chain,omitempty"`
	Signature   []byte   `json:"signature,omitempty"` // PKCS #1 v1.5, or r‖s
}

// Failure is why something was not done.
type Failure string

// The failures.
const (
	Done       Failure = ""
	PINWrong   Failure = "pin_wrong"    // tried, and counted by the token
	PINLocked  Failure = "pin_locked"   // not tried, or locked by this try
	PINLastTry Failure = "pin_last_try" // not tried: one wrong one more would lock it
	NoKey      Failure = "no_key"       // the token is there; key and certificate are not
	Away       Failure = "away"         // no library, no token, or it was pulled out
)

// errFrame: what came is no frame.
var errFrame = errors.New("token: not a frame")

// WriteFrame writes a value as one frame.
func WriteFrame(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if len(b) > maxFrame {
		return errFrame
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// ReadFrame reads one frame into v. io.EOF is the end between two frames.
func ReadFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > maxFrame {
		return errFrame
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return errors.Join(errFrame, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return errors.Join(errFrame, err)
	}
	return nil
}

// Device is a token as the helper reaches it.
type Device interface {
	// Peek returns the certificate and those above it that lie on the token, DER.
	Peek(r Request) (cert []byte, chain [][]byte, err error)
	// Open logs in and finds the key that Sign uses; the certificate as Peek.
	Open(r Request) (cert []byte, chain [][]byte, err error)
	// Sign signs a SHA-256 sum: PKCS #1 v1.5, or r‖s.
	Sign(sum []byte) ([]byte, error)
}

// Refusal is the error of a Device that says which Failure it is.
type Refusal struct {
	Failure Failure
	Detail  string
}

// Error tells it to an operator.
func (r *Refusal) Error() string { return string(r.Failure) + ": " + r.Detail }

// Serve answers requests with a device until the agent closes its end.
func Serve(r io.Reader, w io.Writer, d Device) error {
	for {
		var ask Request
		err := ReadFrame(r, &ask)
		if errors.Is(err, io.EOF) && !errors.Is(err, errFrame) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := WriteFrame(w, reply(ask, d)); err != nil {
			return err
		}
	}
}

func reply(ask Request, d Device) Reply {
	var out Reply
	var err error
	switch ask.Op {
	case opPeek:
		out.Certificate, out.Chain, err = d.Peek(ask)
	case opOpen:
		out.Certificate, out.Chain, err = d.Open(ask)
	case opSign:
		out.Signature, err = d.Sign(ask.Sum)
	default:
		err = &Refusal{Away, "unknown request"}
	}
	if err == nil {
		return out
	}
	var why *Refusal
	if !errors.As(err, &why) {
		why = &Refusal{Away, err.Error()}
	}
	return Reply{Failure: why.Failure, Detail: why.Detail}
}
