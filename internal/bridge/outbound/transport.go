package outbound

import (
	"errors"
	"net/http"
)

// Transport is this client's way out for a program that speaks a protocol of
// its own over net/http: the same rules about addresses, no proxy. Fault of a
// call to an address that may not be called: outbound.address.
func (c *Client) Transport(private bool) http.RoundTripper {
	if private {
		return transport{c.private.Transport}
	}
	return transport{c.public.Transport}
}

type transport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := Check(r.URL.String()); err != nil {
		return nil, err
	}
	got, err := t.RoundTripper.RoundTrip(r)
	if errors.Is(err, errPrivate) {
		return nil, ErrAddress.Because(err)
	}
	return got, err
}
