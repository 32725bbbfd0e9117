package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/outbound"
)

// serve answers what a path says.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good":
			w.Header().Set("Content-Type", "text/x-answer; charset=utf-8")
			_, _ = w.Write([]byte("answer"))
		case "/type":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("answer"))
		case "/long":
			w.Header().Set("Content-Type", "text/x-answer")
			for range 100 {
				_, _ = w.Write([]byte(strings.Repeat("x", 100)))
				w.(http.Flusher).Flush()
			}
		case "/away":
			http.Redirect(w, r, "/good", http.StatusFound)
		default:
			http.Error(w, "no", http.StatusTeapot)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestOnlyThePrescribedAnswerComesBack(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := outbound.New(0)
	call := outbound.Call{URL: s.URL + "/good", Private: true, Accept: []string{"text/x-answer"}, Limit: 6}
	if b, err := c.Do(context.Background(), call); err != nil || string(b) != "answer" {
		t.Fatalf("%q, %v", b, err)
	}
	for path, want := range map[string]error{"/type": outbound.ErrAnswer, "/long": outbound.ErrAnswer, "/away": outbound.ErrAnswer, "/none": outbound.ErrAnswer} {
		call.URL = s.URL + path
		if b, err := c.Do(context.Background(), call); !errors.Is(err, want) || b != nil {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
}

func TestPrivateAddressesAreRefusedUnlessApproved(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := outbound.New(0)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"} {
		_, err := c.Do(context.Background(), outbound.Call{URL: "http://" + host + ":" + port + "/good", Accept: []string{"text/x-answer"}, Limit: 6})
		if !errors.Is(err, outbound.ErrAddress) && (host != "[::1]" || err == nil) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, a := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.1.1", "0.1.2.3", "::1", "fe80::1", "fd00::1",
		"::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1", "255.255.255.255", "::"} {
		if !outbound.IsSpecial(netip.MustParseAddr(a)) {
			t.Errorf("%s may be called", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "113.160.1.1", "2400:cb00::1"} {
		if outbound.IsSpecial(netip.MustParseAddr(a)) {
			t.Errorf("%s may not be called", a)
		}
	}
}

func TestAddressesThatAreNoEntries(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "ftp://a/", "file:///etc/passwd", "http://", "http://user:pw@a/", "http://a/#x", "//a", "http://a/" + strings.Repeat("x", 600), "http://[::1"} {
		if err := outbound.Check(u); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%q: %v", u, err)
		}
		if _, err := outbound.New(0).Do(context.Background(), outbound.Call{URL: u}); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%q called: %v", u, err)
		}
	}
}

// A service that takes the connection and says nothing is given up in time.
func TestABlackHoleIsGivenUp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, err = outbound.New(200*time.Millisecond).Do(context.Background(), outbound.Call{URL: "http://" + l.Addr().String(), Private: true})
	if !errors.Is(err, outbound.ErrUnreachable) {
		t.Error(err)
	}
}

func TestExchangeTellsStatusAndWhetherItWasSent(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := outbound.New(0)
	r, err := c.Exchange(context.Background(), http.MethodPut, outbound.Call{URL: s.URL + "/none", Private: true, Limit: 100}, http.Header{"x-own": {"1"}})
	if err != nil || r.Status != http.StatusTeapot || !r.Sent || r.Date.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	gone := s.URL + "/good?secret=1"
	s.Close()
	r, err = outbound.New(0).Exchange(context.Background(), http.MethodGet, outbound.Call{URL: gone, Private: true, Limit: 100}, nil) // with no connection kept from before
	if !errors.Is(err, outbound.ErrUnreachable) || r.Sent || strings.Contains(err.Error(), "secret") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := c.Exchange(context.Background(), http.MethodGet, outbound.Call{URL: gone, Limit: 100}, nil); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("a private address was called: %v", err)
	}
}
