// Package outbound is how the hub calls services outside: only addresses an
// operator approved, never one found in data; no redirects, no proxy, a time
// and a size limit on every call, and after resolution of the name no private,
// loopback or otherwise special address unless the operator approved exactly
// that entry as private (DESIGN §7). It knows no protocol: the bridges do.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"lienthong/internal/fault"
)

// The faults.
var (
	// ErrAddress (outbound.address): not an address the hub calls.
	ErrAddress = fault.New(fault.Withheld, "outbound.address",
		"Hub không gọi địa chỉ này: phải là http hoặc https, không kèm tên đăng nhập, và không thuộc mạng riêng nếu chưa được duyệt.",
		"The hub does not call this address: it must be http or https, without a login, and not of a private network unless approved.")
	// ErrUnreachable (outbound.unreachable): no answer in time.
	ErrUnreachable = fault.New(fault.Busy, "outbound.unreachable",
		"Dịch vụ bên ngoài không trả lời kịp.", "The outside service did not answer in time.")
	// ErrAnswer (outbound.answer): an answer of another status, type or size than prescribed.
	ErrAnswer = fault.New(fault.Invalid, "outbound.answer",
		"Dịch vụ bên ngoài trả lời không đúng quy định.", "The outside service's answer is not as prescribed.")
)

// Client calls services. It is safe for use by many goroutines.
type Client struct {
	public, private *http.Client
	timeout         time.Duration
}

// Timeout is how long one call may take when New is given none.
const Timeout = 10 * time.Second

// New returns a client whose calls take at most timeout; 0 means Timeout.
func New(timeout time.Duration) *Client {
	if timeout <= 0 {
		timeout = Timeout
	}
	return &Client{public: client(timeout, refusePrivate), private: client(timeout, nil), timeout: timeout}
}

func client(timeout time.Duration, control func(network, address string, _ syscall.RawConn) error) *http.Client {
	dial := &net.Dialer{Timeout: timeout, Control: control}
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{DialContext: dial.DialContext, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 32 << 10, DisableCompression: true,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Call is one call of an approved entry.
type Call struct {
	URL     string
	Private bool     // the operator approved this entry on a private network
	Type    string   // of Body; "": a GET without body
	Body    []byte   //
	Accept  []string // media types an answer may have
	Limit   int64    // bytes of the answer
}

// Do makes the call and returns the answer's body: status 200, one of the
// types, within the limit. Faults: outbound.*.
func (c *Client) Do(ctx context.Context, call Call) ([]byte, error) {
	if err := Check(call.URL); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	method, by := http.MethodGet, c.public
	if call.Type != "" {
		method = http.MethodPost
	}
	if call.Private {
		by = c.private
	}
	r, err := http.NewRequestWithContext(ctx, method, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		return nil, ErrAddress.Because(err)
	}
	if call.Type != "" {
		r.Header.Set("Content-Type", call.Type)
	}
	r.Header.Set("User-Agent", "lienthong")
	got, err := by.Do(r)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return nil, ErrAddress.Because(err)
		}
		return nil, ErrUnreachable.Because(err)
	}
	defer got.Body.Close()
	kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	switch {
	case got.StatusCode != http.StatusOK:
		return nil, ErrAnswer.Because(fmt.Errorf("status %d", got.StatusCode))
	case err != nil || !slices.Contains(call.Accept, kind):
		return nil, ErrAnswer.Because(errors.New("another content type"))
	case got.ContentLength > call.Limit:
		return nil, ErrAnswer.Because(errors.New("too long"))
	}
	body, err := io.ReadAll(io.LimitReader(got.Body, call.Limit+1))
	if err != nil {
		return nil, ErrUnreachable.Because(err)
	}
	if int64(len(body)) > call.Limit {
		return nil, ErrAnswer.Because(errors.New("too long"))
	}
	return body, nil
}

// Check says whether an address may be an entry at all: http or https, a host,
// no login, no fragment. ErrAddress.
func Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return ErrAddress.Because(err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(address) > 500 {
		return ErrAddress
	}
	return nil
}

var errPrivate = errors.New("outbound: a private or special address")

// refusePrivate looks at the address that is about to be dialled, after every
// resolution: a name that changes its mind in between changes nothing.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errPrivate
	}
	if IsSpecial(at.Addr()) {
		return errPrivate
	}
	return nil
}

// special are ranges of the IANA special-purpose registries (RFC 6890) that
// netip's own predicates leave out, and those that carry an IPv4 address inside.
var special = []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"}

// IsSpecial reports whether an address is not one of the public internet.
func IsSpecial(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range special {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}
