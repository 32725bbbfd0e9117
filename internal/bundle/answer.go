package bundle

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"

	"lienthong/internal/fault"
)

// said is what an issuer's answer says about a certificate.
type said struct {
	state string
	since time.Time // revoked
	at    time.Time // thisUpdate
	until time.Time // nextUpdate; zero: not said
}

func (s said) text() fault.Text {
	at := s.at.In(hanoi).Format(timeForm)
	if s.state == Revoked {
		since := s.since.In(hanoi).Format(timeForm)
		return fault.Text{VI: "Tổ chức cấp trả lời: chứng thư bị thu hồi từ " + since + " (trả lời ngày " + at + ").",
			EN: "The issuer answered: revoked since " + since + " (answer of " + at + ")."}
	}
	return fault.Text{VI: "Tổ chức cấp trả lời: chưa bị thu hồi (trả lời ngày " + at + ").", EN: "The issuer answered: not revoked (answer of " + at + ")."}
}

var errAnswer = errors.New("bundle: the answer about revocation cannot be used")

// readAnswer reads an answer as of when it was given: a bundle is read years
// later, so an answer that has run out is one still.
func readAnswer(a Answer, c, issuer *x509.Certificate) (s said, err error) {
	defer func() {
		if p := recover(); p != nil { // a library over hostile bytes
			err = fmt.Errorf("%w: panic: %v", errAnswer, p)
		}
	}()
	if a.Kind == "crl" {
		return readList(a.Raw, c, issuer)
	}
	r, err := ocsp.ParseResponseForCert(a.Raw, c, issuer)
	if err != nil {
		return s, err
	}
	if r.SerialNumber == nil || r.SerialNumber.Cmp(c.SerialNumber) != 0 || !mayAnswer(r, issuer) {
		return s, errAnswer
	}
	s.at, s.until = r.ThisUpdate, r.NextUpdate
	switch r.Status {
	case ocsp.Good:
		s.state = Good
	case ocsp.Revoked:
		s.state, s.since = Revoked, r.RevokedAt
	default:
		return s, errAnswer
	}
	return s, nil
}

// mayAnswer: whoever signs for the issuer carries the purpose OCSPSigning (RFC
// 6960 §4.2.2.2) and was valid when it signed.
func mayAnswer(r *ocsp.Response, issuer *x509.Certificate) bool {
	by := r.Certificate
	if by == nil || by.Equal(issuer) {
		return true
	}
	for _, use := range by.ExtKeyUsage {
		if use == x509.ExtKeyUsageOCSPSigning {
			return !r.ProducedAt.Before(by.NotBefore) && !r.ProducedAt.After(by.NotAfter)
		}
	}
	return false
}

// The marks of lists that do not say all: delta lists (RFC 5280 §5.2.4), and
// partial and indirect ones (§5.2.5). A certificate that is not on one of these
// may be revoked all the same.
var (
	oidDelta   = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuing = asn1.ObjectIdentifier{2, 5, 29, 28}
)

func readList(raw []byte, c, issuer *x509.Certificate) (s said, err error) {
	list, err := x509.ParseRevocationList(raw)
	if err != nil {
		return s, err
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return s, err
	}
	for _, x := range list.Extensions {
		if x.Id.Equal(oidDelta) || x.Id.Equal(oidIssuing) {
			return s, errAnswer
		}
	}
	s.state, s.at, s.until = Good, list.ThisUpdate, list.NextUpdate
	for i := range list.RevokedCertificateEntries {
		if e := &list.RevokedCertificateEntries[i]; e.SerialNumber.Cmp(c.SerialNumber) == 0 {
			s.state, s.since = Revoked, e.RevocationTime
		}
	}
	return s, nil
}
