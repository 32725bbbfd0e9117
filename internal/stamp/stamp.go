// Package stamp asks for and verifies time-stamps (RFC 3161, RFC 5816): an
// authority's signature over the SHA-256 of a log's checkpoint and the time it
// saw it. A verified token proves that the checkpoint, and with it every leaf
// of its tree, existed at that time, to somebody who trusts neither the hub nor
// its clock: token, checkpoint and the authority's root are all it takes.
//
// It does no I/O and trusts no library alone: digitorus/timestamp makes
// requests, smallstep/pkcs7 checks the signature, and the prescribed rest is
// read and checked here (doc/adr/0006). It is not a general CMS
// verifier and does not ask whether the authority's certificate was revoked.
package stamp

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/smallstep/pkcs7"

	"lienthong/internal/fault"
)

// The faults. Their cause says what exactly, for the operator.
var (
	// ErrResponse (stamp.response): the bytes are no response to a request, or the authority declined.
	ErrResponse = fault.New(fault.Invalid, "stamp.response",
		"Trả lời của dịch vụ cấp dấu thời gian không đúng dạng hoặc là lời từ chối.",
		"The time-stamp authority's answer is not in its prescribed form, or declines.")
	// ErrToken (stamp.token): the token is not in its prescribed form.
	ErrToken = fault.New(fault.Invalid, "stamp.token",
		"Dấu thời gian không đúng dạng.", "The time-stamp is not in its prescribed form.")
	// ErrImprint (stamp.imprint): it is over other bytes, or answers another request.
	ErrImprint = fault.New(fault.Invalid, "stamp.imprint",
		"Dấu thời gian là của dữ liệu khác hoặc của yêu cầu khác.", "The time-stamp is over other bytes or answers another request.")
	// ErrSignature (stamp.signature): it does not verify, or its certificate may not sign it.
	ErrSignature = fault.New(fault.Invalid, "stamp.signature",
		"Chữ ký của dấu thời gian không khớp hoặc chứng thư không được phép cấp dấu thời gian.",
		"The time-stamp's signature does not verify, or its certificate may not sign time-stamps.")
	// ErrUntrusted (stamp.untrusted): no chain to a trusted root held at its time.
	ErrUntrusted = fault.New(fault.Invalid, "stamp.untrusted",
		"Dấu thời gian không thuộc tổ chức được tin cậy.", "The time-stamp is not of a trusted authority.")
	// ErrTime (stamp.time): its time is far from when it was asked for, or its policy is not one of those asked for.
	ErrTime = fault.New(fault.Invalid, "stamp.time",
		"Thời điểm hoặc chính sách trong dấu thời gian không như đã yêu cầu.", "The time or policy in the time-stamp is not as asked for.")
)

// Limits of what is read, in bytes.
const (
	MaxToken    = 64 << 10
	MaxResponse = MaxToken + 4<<10
)

// Skew is how far an authority's clock may be from the hub's when a stamp is taken.
const Skew = 5 * time.Minute

// Request is one question to an authority.
type Request struct {
	Imprint [sha256.Size]byte // of the checkpoint's bytes, signatures included
	Nonce   *big.Int          // 64 random bits
	DER     []byte            // TimeStampReq, with certReq set
}

// NewRequest makes the request for a checkpoint (a signed note, byte for byte).
func NewRequest(checkpoint []byte, random io.Reader) (*Request, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("stamp: nonce: %w", err)
	}
	b[0] |= 0x80 // always eight bytes long
	r := &Request{Imprint: sha256.Sum256(checkpoint), Nonce: new(big.Int).SetBytes(b[:])}
	ask := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: r.Imprint[:], Certificates: true, Nonce: r.Nonce}
	var err error
	if r.DER, err = ask.Marshal(); err != nil {
		return nil, fmt.Errorf("stamp: request: %w", err)
	}
	return r, nil
}

// Trust is whom a token is believed, and what is asked of it.
type Trust struct {
	Roots         []*x509.Certificate     // trusted by an operator
	Intermediates []*x509.Certificate     // known beside those in the token
	Policies      []asn1.ObjectIdentifier // allowed; none: any
}

// Proof is what a verified token says.
type Proof struct {
	Time        time.Time         // genTime, UTC: when the authority saw the imprint
	Accuracy    time.Duration     // as the authority states it; 0: not stated
	Policy      string            // its OID, dotted
	Serial      string            // of the token, decimal
	Certificate *x509.Certificate // that signed it
	NotAfter    time.Time         // when Certificate ends: a later stamp must cover this one before
	Nonce       *big.Int          // nil: none
}

// Open reads an authority's response to the request, verifies its token, and
// returns both. at is the hub's time. Faults: all of this package's.
func (r *Request) Open(response []byte, at time.Time, t Trust) (token []byte, p *Proof, err error) {
	defer recovered(&err)
	if len(response) > MaxResponse {
		return nil, nil, because(ErrResponse, "too long")
	}
	var parts struct {
		Status asn1.RawValue
		Token  asn1.RawValue `asn1:"optional"`
	}
	if err := exactly(response, &parts); err != nil {
		return nil, nil, ErrResponse.Because(err)
	}
	var status struct {
		Status int
		Text   asn1.RawValue  `asn1:"optional,tag:16"`
		Info   asn1.BitString `asn1:"optional"`
	}
	if err := exactly(parts.Status.FullBytes, &status); err != nil {
		return nil, nil, ErrResponse.Because(err)
	}
	if status.Status != int(timestamp.Granted) && status.Status != int(timestamp.GrantedWithMods) {
		return nil, nil, because(ErrResponse, "declined: "+timestamp.Status(status.Status).String())
	}
	token = parts.Token.FullBytes
	if p, err = Verify(token, r.Imprint, t); err != nil {
		return nil, nil, err
	}
	if p.Nonce == nil || p.Nonce.Cmp(r.Nonce) != 0 {
		return nil, nil, because(ErrImprint, "the nonce is another's")
	}
	if d := p.Time.Sub(at); d > Skew || d < -Skew {
		return nil, nil, because(ErrTime, "the authority's clock and the hub's are more than five minutes apart")
	}
	return token, p, nil
}

// Verify verifies a token over an imprint, with nothing but the trusted roots:
// no clock and no network. Whether a nonce is right only its request can tell.
func Verify(token []byte, imprint [sha256.Size]byte, t Trust) (p *Proof, err error) {
	defer recovered(&err)
	s, err := parse(token)
	if err != nil {
		return nil, err
	}
	info := &s.info
	if got, ok := info.imprint(); !ok || got != imprint {
		return nil, because(ErrImprint, "the imprint is another's")
	}
	for _, x := range info.Extensions {
		if x.Critical {
			return nil, because(ErrToken, "a critical extension "+x.Id.String())
		}
	}
	if !allowed(info.Policy, t.Policies) {
		return nil, because(ErrTime, "policy "+info.Policy.String())
	}
	p7, err := pkcs7.Parse(token)
	if err != nil {
		return nil, ErrToken.Because(err)
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return nil, because(ErrSignature, "the signer's certificate is not in the token")
	}
	if err := s.check(signer); err != nil {
		return nil, err
	}
	if err := p7.VerifyWithChainAtTime(nil, info.Time); err != nil {
		return nil, ErrSignature.Because(err)
	}
	if err := t.chain(signer, p7.Certificates, info.Time); err != nil {
		return nil, err
	}
	accuracy := time.Duration(info.Accuracy.Seconds)*time.Second + time.Duration(info.Accuracy.Millis)*time.Millisecond + time.Duration(info.Accuracy.Micros)*time.Microsecond
	return &Proof{Time: info.Time.UTC(), Accuracy: accuracy, Policy: info.Policy.String(), Serial: info.Serial.String(),
		Certificate: signer, NotAfter: signer.NotAfter.UTC(), Nonce: info.Nonce}, nil
}

// Imprint returns what a token is over, without verifying anything: for the
// walk that has no roots at hand. Fault: stamp.token.
func Imprint(token []byte) (imprint [sha256.Size]byte, at time.Time, err error) {
	defer recovered(&err)
	s, err := parse(token)
	if err != nil {
		return imprint, at, err
	}
	imprint, ok := s.info.imprint()
	if !ok {
		return imprint, at, because(ErrToken, "not over a SHA-256")
	}
	return imprint, s.info.Time.UTC(), nil
}

func allowed(policy asn1.ObjectIdentifier, list []asn1.ObjectIdentifier) bool {
	for _, p := range list {
		if p.Equal(policy) {
			return true
		}
	}
	return len(list) == 0 && len(policy) > 0
}

// chain proves that the signer was issued under a trusted root, all of them
// valid when the token was made.
func (t Trust) chain(signer *x509.Certificate, with []*x509.Certificate, at time.Time) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range t.Roots {
		roots.AddCert(c)
	}
	for _, c := range append(append([]*x509.Certificate(nil), t.Intermediates...), with...) {
		between.AddCert(c)
	}
	_, err := signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return ErrUntrusted.Because(err)
	}
	return nil
}

func because(f *fault.Error, why string) error { return f.Because(errors.New(why)) }

// recovered turns a panic of a library over hostile bytes into a refusal
// (TRUST §1, CVE-2026-44310: a panic is never an answer).
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = ErrToken.Because(fmt.Errorf("panic: %v", p))
	}
}
