// Package simulator answers OCSP (RFC 6960) and gives out a revocation list
// (RFC 5280) for an issuer whose key it is handed: for the demo and for tests.
package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"lienthong/internal/clock"
)

// Responder answers for one issuer.
type Responder struct {
	Issuer *x509.Certificate
	key    crypto.Signer
	clock  clock.Clock

	mu      sync.Mutex
	revoked map[string]entry // by serial number
	asked   int
}

type entry struct{ since, invalid time.Time }

// New returns a responder with the issuer's own key.
func New(issuer *x509.Certificate, key crypto.Signer, c clock.Clock) *Responder {
	return &Responder{Issuer: issuer, key: key, clock: c, revoked: map[string]entry{}}
}

// Revoke revokes a serial number since a moment; invalid, where not zero, is
// since when its key may have been another's (told in the list only).
func (r *Responder) Revoke(serial *big.Int, since, invalid time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked[serial.String()] = entry{since, invalid}
}

// Asked is how many questions were answered.
func (r *Responder) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// OCSP answers an OCSPRequest.
func (r *Responder) OCSP(request []byte) ([]byte, error) {
	q, err := ocsp.ParseRequest(request)
	if err != nil {
		return ocsp.MalformedRequestErrorResponse, nil
	}
	now := r.clock.Now()
	t := ocsp.Response{Status: ocsp.Good, SerialNumber: q.SerialNumber, ThisUpdate: now, NextUpdate: now.Add(24 * time.Hour)}
	r.mu.Lock()
	r.asked++
	if e, ok := r.revoked[q.SerialNumber.String()]; ok {
		t.Status, t.RevokedAt, t.RevocationReason = ocsp.Revoked, e.since, ocsp.KeyCompromise
	}
	r.mu.Unlock()
	return ocsp.CreateResponse(r.Issuer, r.Issuer, t, r.key)
}

// CRL makes the list of now.
func (r *Responder) CRL() ([]byte, error) {
	now := r.clock.Now()
	list := &x509.RevocationList{Number: big.NewInt(now.UnixMicro()), ThisUpdate: now, NextUpdate: now.Add(24 * time.Hour)}
	r.mu.Lock()
	r.asked++
	for serial, e := range r.revoked {
		n, _ := new(big.Int).SetString(serial, 10)
		x := x509.RevocationListEntry{SerialNumber: n, RevocationTime: e.since, ReasonCode: ocsp.KeyCompromise}
		if !e.invalid.IsZero() {
			at, err := asn1.MarshalWithParams(e.invalid.UTC().Truncate(time.Second), "generalized")
			if err != nil {
				r.mu.Unlock()
				return nil, err
			}
			x.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: at}}
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x)
	}
	r.mu.Unlock()
	return x509.CreateRevocationList(rand.Reader, list, r.Issuer, r.key)
}

// ServeHTTP answers POST with OCSP and GET with the list.
func (r *Responder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var answer []byte
	var err error
	if q.Method == http.MethodPost {
		var b []byte
		if b, err = io.ReadAll(http.MaxBytesReader(w, q.Body, 16<<10)); err == nil {
			answer, err = r.OCSP(b)
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
	} else {
		answer, err = r.CRL()
		w.Header().Set("Content-Type", "application/pkix-crl")
	}
	if err != nil {
		http.Error(w, "no answer", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(answer) // who asked has gone
}
