package admin

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

var (
	// ErrServiceKind: no such kind of service.
	ErrServiceKind = fault.New(fault.Invalid, "service.kind",
		"Loại dịch vụ phải là tsa, ocsp hoặc crl.", "The kind of service must be tsa, ocsp or crl.")
	// ErrServiceURL: not an address the hub would call.
	ErrServiceURL = fault.New(fault.Invalid, "service.url",
		"Địa chỉ dịch vụ phải là http hoặc https, không kèm tên đăng nhập, dài không quá 500 ký tự.",
		"The service's address must be http or https, without a login, of at most 500 characters.")
	// ErrServiceUnknown: no such entry in use.
	ErrServiceUnknown = fault.New(fault.Absent, "service.unknown", "Không có dịch vụ nào đang dùng ở địa chỉ này.", "No service in use has this address.")
)

// Service is an entry an operator approves: what the hub may call.
type Service struct {
	Kind    string `json:"kind"` // "tsa", "ocsp", "crl"
	URL     string `json:"url"`
	PEM     string `json:"pem,omitempty"`     // tsa: the authority's roots; ocsp, crl: the issuer it answers for
	Private bool   `json:"private,omitempty"` // may lie on a private network or on this machine
}

// AddService approves an entry.
func (o *Office) AddService(ctx context.Context, actor string, s Service) error {
	if err := s.check(); err != nil {
		return err
	}
	certs, err := parseCertificates([]byte(s.PEM))
	if err != nil {
		return err
	}
	var der []byte
	var names []string
	for _, c := range certs {
		if !c.IsCA {
			return ErrAuthority
		}
		der = append(der, c.Raw...)
		names = append(names, fingerprintOf(c))
	}
	now := o.Clock.Now()
	kept := store.Service{Kind: s.Kind, URL: s.URL, DER: der, Private: s.Private, Since: now}
	act, err := serviceAct(now, actor, "service.add", s.URL, map[string]any{"kind": s.Kind, "private": s.Private, "certificates": names, "service": kept.Mark()})
	if err != nil {
		return err
	}
	return o.Services.PutService(ctx, kept, act)
}

// EndService ends every entry of a kind and address: it is called no more.
func (o *Office) EndService(ctx context.Context, actor, kind, url string) error {
	if err := (&Service{Kind: kind, URL: url}).check(); err != nil {
		return err
	}
	now := o.Clock.Now()
	act, err := serviceAct(now, actor, "service.end", url, map[string]any{"kind": kind})
	if err != nil {
		return err
	}
	err = o.Services.EndService(ctx, kind, url, now, act)
	if fault.KindOf(err) == fault.Absent {
		return ErrServiceUnknown
	}
	return err
}

// check is the form of an entry; whether its address may be dialled is decided
// each time, after resolution (bridge/outbound).
func (s *Service) check() error {
	if !slices.Contains([]string{store.ServiceTSA, store.ServiceOCSP, store.ServiceCRL}, s.Kind) {
		return ErrServiceKind
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(s.URL) > 500 ||
		store.CheckText(s.URL) != nil {
		return ErrServiceURL
	}
	return nil
}

func serviceAct(now time.Time, actor, action, object string, detail map[string]any) (store.Act, error) {
	b, err := json.Marshal(detail)
	if err != nil {
		return store.Act{}, fmt.Errorf("admin: %w", err)
	}
	act := store.Act{At: now, Actor: actor, Action: action, Object: object, Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act, nil
}

func fingerprintOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
