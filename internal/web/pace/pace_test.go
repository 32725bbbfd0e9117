package pace_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/web/pace"
)

// Whoever promises a body and does not send it, or does not read the answer,
// is let go at every door: nobody need be known to the hub for that.
func TestTheSlowAreLetGo(t *testing.T) {
	t.Parallel()
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "read: %v", err)
	})
	unread := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "not wanted") })
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("not wanted ", 10_000))
	})
	for name, c := range map[string]struct {
		handler       http.Handler
		path          string
		silence, rest time.Duration
		trickle       bool
		want          string
	}{
		"silent":         {read, "/login", 30 * time.Millisecond, time.Millisecond, false, "request.slow"},
		"trickles":       {read, "/login", time.Minute, time.Millisecond, true, "request.slow"},
		"unread":         {unread, "/healthz", time.Minute, 30 * time.Millisecond, false, "not wanted"},
		"unread, a page": {page, "/healthz", time.Minute, 30 * time.Millisecond, false, "not wanted"},
		"door of files":  {unread, "/files", 30 * time.Millisecond, time.Minute, false, "not wanted"},
	} {
		srv := httptest.NewServer(pace.Door{Next: c.handler, Own: "/files", Silence: c.silence, Rest: c.rest, Grace: 10 * time.Millisecond, Speed: 1 << 30}.WithDefaults())
		got := promise(t, srv.Listener.Addr().String(), c.path, c.trickle)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
		srv.Close()
	}
}

// promise sends the head of a request and little of its body; it returns what
// comes until the hub hangs up.
func promise(t *testing.T, addr, path string, trickle bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\na"); err != nil {
		t.Fatal(err)
	}
	if trickle {
		go func() {
			for {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
		}()
	}
	b, _ := io.ReadAll(bufio.NewReader(conn)) // an answer, then the end or a reset
	return string(b)
}

func TestAReaderThatDoesNotReadIsLetGo(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	srv := httptest.NewServer(pace.Door{Silence: 50 * time.Millisecond, Rest: time.Second, Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		gone <- err
	})}.WithDefaults())
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-gone; err == nil {
		t.Error("an answer of 64 MB went to nobody")
	}
}
