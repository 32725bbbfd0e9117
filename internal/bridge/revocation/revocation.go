// Package revocation asks whether a certificate was revoked: OCSP (RFC 6960)
// and certificate revocation lists (RFC 5280). It asks only entries that an
// operator approved for the certificate's issuer, never an address that stands
// in a certificate, and takes only answers that the issuer signed or had
// signed. It keeps nothing and is never on intake's path: package notary calls
// it from the background.
package revocation

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// ErrAnswer (revocation.answer): the answer is not in its form, not about this
// certificate, not of its issuer, or not of now.
var ErrAnswer = fault.New(fault.Invalid, "revocation.answer",
	"Trả lời về tình trạng thu hồi chứng thư không dùng được.", "The answer about the certificate's revocation cannot be used.")

// Media types and limits. The longest list known of a national authority is a
// few megabytes.
const (
	ocspRequest  = "application/ocsp-request"
	ocspResponse = "application/ocsp-response"
	maxOCSP      = 64 << 10
	maxCRL       = 16 << 20
	// skew is how far a responder's clock may be ahead.
	skew = 5 * time.Minute
)

// Bridge asks services.
type Bridge struct {
	client *outbound.Client

	mu    sync.Mutex
	lists map[string]list // by address: one list answers for all certificates of an issuer
}

// list is a list as fetched; it is fetched again after listLife.
type list struct {
	raw []byte
	at  time.Time
}

const listLife = 10 * time.Minute

// New returns a bridge over client.
func New(client *outbound.Client) *Bridge { return &Bridge{client: client, lists: map[string]list{}} }

// Ask asks a service about a certificate of issuer. The answer is verified and
// holds at now. Faults: outbound.*, revocation.answer.
func (b *Bridge) Ask(ctx context.Context, s store.Service, c, issuer *x509.Certificate, now time.Time) (*store.Revocation, error) {
	var raw []byte
	var err error
	var read func([]byte, *x509.Certificate, *x509.Certificate, time.Time) (*store.Revocation, error)
	switch s.Kind {
	case store.ServiceOCSP:
		question, bad := ocsp.CreateRequest(c, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1}) // RFC 5019 §2.1.1: what every responder knows; it names, it secures nothing
		if bad != nil {
			return nil, ErrAnswer.Because(bad)
		}
		raw, err = b.client.Do(ctx, outbound.Call{URL: s.URL, Private: s.Private, Type: ocspRequest, Body: question, Accept: []string{ocspResponse}, Limit: maxOCSP})
		read = ReadOCSP
	case store.ServiceCRL:
		raw, err = b.list(ctx, s, now)
		read = ReadCRL
	default:
		return nil, fmt.Errorf("revocation: a service of kind %q", s.Kind)
	}
	if err != nil {
		return nil, err
	}
	a, err := read(raw, c, issuer, now)
	if err != nil {
		return nil, err
	}
	a.At, a.Source = now, s.URL
	return a, nil
}

// list returns the list at an address, fetched at most every listLife.
func (b *Bridge) list(ctx context.Context, s store.Service, now time.Time) ([]byte, error) {
	b.mu.Lock()
	had, ok := b.lists[s.URL]
	b.mu.Unlock()
	if ok && now.Sub(had.at) < listLife && !now.Before(had.at) {
		return had.raw, nil
	}
	raw, err := b.client.Do(ctx, outbound.Call{URL: s.URL, Private: s.Private, Accept: []string{"application/pkix-crl", "application/x-pkcs7-crl", "application/octet-stream"}, Limit: maxCRL})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lists[s.URL] = list{raw, now}
	return raw, nil
}

// ReadOCSP verifies an OCSPResponse about a certificate of issuer at now.
func ReadOCSP(raw []byte, c, issuer *x509.Certificate, now time.Time) (a *store.Revocation, err error) {
	defer recovered(&a, &err)
	r, err := ocsp.ParseResponseForCert(raw, c, issuer)
	if err != nil {
		return nil, ErrAnswer.Because(err)
	}
	if r.SerialNumber == nil || r.SerialNumber.Cmp(c.SerialNumber) != 0 {
		return nil, because("it is about another certificate")
	}
	if err := responder(r, issuer); err != nil {
		return nil, err
	}
	a = &store.Revocation{Fingerprint: sha256.Sum256(c.Raw), ThisUpdate: r.ThisUpdate.UTC(), Kind: store.ServiceOCSP, Raw: raw}
	if !r.NextUpdate.IsZero() {
		a.NextUpdate = r.NextUpdate.UTC()
	}
	if err := current(a, now); err != nil {
		return nil, err
	}
	switch r.Status {
	case ocsp.Good:
		a.State = store.RevocationGood
	case ocsp.Revoked:
		a.State, a.Since, a.Reason = store.RevocationRevoked, r.RevokedAt.UTC(), r.RevocationReason
	default:
		return nil, because("the responder does not know the certificate")
	}
	return a, nil
}

// responder checks what x/crypto/ocsp leaves out: whoever signs for the issuer
// carries the purpose OCSPSigning (RFC 6960 §4.2.2.2) and was valid when it signed.
func responder(r *ocsp.Response, issuer *x509.Certificate) error {
	by := r.Certificate
	if by == nil || by.Equal(issuer) {
		return nil
	}
	for _, use := range by.ExtKeyUsage {
		if use == x509.ExtKeyUsageOCSPSigning {
			if r.ProducedAt.Before(by.NotBefore) || r.ProducedAt.After(by.NotAfter) {
				return because("the responder's certificate was not valid")
			}
			return nil
		}
	}
	return because("the responder may not sign for the issuer")
}

func current(a *store.Revocation, now time.Time) error {
	if a.ThisUpdate.After(now.Add(skew)) || !a.NextUpdate.IsZero() && a.NextUpdate.Before(now.Add(-skew)) {
		return because("it is not of now")
	}
	return nil
}

// oidInvalidity is invalidityDate (RFC 5280 §5.3.2), oidIssuing the issuing
// distribution point (§5.2.5), oidDelta the mark of a delta list (§5.2.4).
var (
	oidInvalidity = asn1.ObjectIdentifier{2, 5, 29, 24}
	oidIssuing    = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidDelta      = asn1.ObjectIdentifier{2, 5, 29, 27}
)

// ReadCRL verifies a list of issuer and looks a certificate up in it at now.
// Delta, partial and indirect lists are refused: they do not say all.
func ReadCRL(raw []byte, c, issuer *x509.Certificate, now time.Time) (a *store.Revocation, err error) {
	defer recovered(&a, &err)
	list, err := x509.ParseRevocationList(raw)
	if err != nil {
		return nil, ErrAnswer.Because(err)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return nil, ErrAnswer.Because(err)
	}
	for _, x := range list.Extensions {
		if x.Id.Equal(oidDelta) || x.Id.Equal(oidIssuing) {
			return nil, because("the list is not a complete one")
		}
	}
	a = &store.Revocation{Fingerprint: sha256.Sum256(c.Raw), State: store.RevocationGood, ThisUpdate: list.ThisUpdate.UTC(), Kind: store.ServiceCRL, Raw: raw}
	if !list.NextUpdate.IsZero() {
		a.NextUpdate = list.NextUpdate.UTC()
	}
	if err := current(a, now); err != nil {
		return nil, err
	}
	for i := range list.RevokedCertificateEntries {
		e := &list.RevokedCertificateEntries[i]
		if e.SerialNumber.Cmp(c.SerialNumber) != 0 {
			continue
		}
		a.State, a.Since, a.Reason = store.RevocationRevoked, e.RevocationTime.UTC(), e.ReasonCode
		for _, x := range e.Extensions {
			var at time.Time
			if !x.Id.Equal(oidInvalidity) {
				continue
			}
			if rest, err := asn1.UnmarshalWithParams(x.Value, &at, "generalized"); err != nil || len(rest) > 0 {
				return nil, because("invalidityDate is not a time")
			}
			a.Invalid = at.UTC()
		}
	}
	return a, nil
}

func because(why string) error { return ErrAnswer.Because(errors.New(why)) }

// recovered turns a panic over hostile bytes into a refusal.
func recovered(a **store.Revocation, err *error) {
	if p := recover(); p != nil {
		*a, *err = nil, ErrAnswer.Because(fmt.Errorf("panic: %v", p))
	}
}
