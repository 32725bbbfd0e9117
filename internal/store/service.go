package store

import (
	"context"
	"time"
)

// The kinds of services outside that the hub asks.
const (
	ServiceTSA  = "tsa"  // time-stamps (RFC 3161)
	ServiceOCSP = "ocsp" // revocation of one certificate (RFC 6960)
	ServiceCRL  = "crl"  // a list of revoked ones (RFC 5280)
)

// Service is an entry that an operator approved: the only addresses the hub
// calls. It is kept for ever; Ended says that it is no longer called.
type Service struct {
	Kind string
	URL  string
	// DER holds certificates end to end: of a TSA those trusted to have issued
	// its signing certificate, of OCSP and CRL the issuer it answers for.
	DER     []byte
	Private bool // may lie on a private network or on this machine
	Since   time.Time
	Ended   time.Time // zero: in use
}

// Mark names what an entry says, so that the act that approved it vouches for
// its row: 16 bytes of a SHA-256 in hexadecimal.
func (s *Service) Mark() string {
	return mark("", "service", s.Kind, s.URL, sum(s.DER), s.Private, s.Since.UnixMicro())
}

// Services keeps the approved entries.
type Services interface {
	// Services returns every entry, by kind, address and certificates.
	Services(ctx context.Context) ([]Service, error)
	// PutService keeps an entry with its act; one that is there under the same
	// kind, address and certificates is replaced and in use again.
	PutService(ctx context.Context, s Service, act Act) error
	// EndService ends every entry of the kind and address, with its act; ErrAbsent.
	EndService(ctx context.Context, kind, url string, at time.Time, act Act) error
}
