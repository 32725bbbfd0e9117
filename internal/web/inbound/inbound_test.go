package inbound_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/fault"
	"lienthong/internal/web/inbound"
)

func door() *inbound.Door {
	return inbound.New(inbound.Limits{Expansion: 10, MinimumSpeed: 1, Grace: time.Hour, Pause: time.Hour, Streams: 2, StreamsEach: 1,
		Busy: fault.New(fault.Busy, "hub.busy", "Bận.", "Busy.")})
}

func request(encoding string, body io.Reader) *http.Request {
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("Content-Encoding", encoding)
	return r
}

func packed(t testing.TB, encoding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var z io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		var err error
		if z, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// all reads a body as the doors do, and says with which code it failed.
func all(d *inbound.Door, r *http.Request, limit int64) (text, code string) {
	body, done, err := d.Open(httptest.NewRecorder(), r, "one", limit)
	if err != nil {
		return "", fault.Of(err).Code
	}
	defer done()
	raw, err := inbound.ReadAll(body, -1, func(int64) error { return nil })
	if err != nil {
		return "", fault.Of(err).Code
	}
	return string(raw), ""
}

func TestBodiesComeOutAsTheyWentIn(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("hồ sơ ", 40_000) // the buffer grows
	for _, encoding := range []string{"", "identity"} {
		if got, code := all(door(), request(encoding, strings.NewReader(text)), 1<<20); got != text || code != "" {
			t.Errorf("%q: %d bytes, %s", encoding, len(got), code)
		}
	}
	for _, encoding := range []string{"gzip", "zstd"} {
		whole := packed(t, encoding, text)
		for body, want := range map[string]string{string(whole): "", string(whole[:len(whole)-5]): "file.unreadable", "no " + encoding: "file.unreadable"} {
			if got, code := all(door(), request(encoding, strings.NewReader(body)), 1<<20); code != want || code == "" && got != text {
				t.Errorf("%s of %d bytes: %d bytes, %q", encoding, len(body), len(got), code)
			}
		}
		bomb := packed(t, encoding, strings.Repeat(" ", 8<<20))
		if _, code := all(door(), request(encoding, bytes.NewReader(bomb)), 1<<30); code != "file.limits" {
			t.Errorf("%s: a bomb: %q", encoding, code)
		}
	}
	if _, code := all(door(), request("br", strings.NewReader(text)), 1<<20); code != "request.encoding" {
		t.Errorf("%q", code)
	}
	for length, want := range map[int]string{1 << 10: "", 1<<10 + 1: "file.limits"} {
		if _, code := all(door(), request("", strings.NewReader(strings.Repeat("x", length))), 1<<10); code != want {
			t.Errorf("%d bytes: %q", length, code)
		}
	}
	broken := io.MultiReader(strings.NewReader("half"), failing{})
	if _, code := all(door(), request("", broken), 1<<20); code != "file.unreadable" {
		t.Errorf("a connection that broke: %q", code)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("reset") }

func TestDecodersAreCounted(t *testing.T) {
	t.Parallel()
	d := door()
	open := func(sender string) (func(), string) {
		_, done, err := d.Open(httptest.NewRecorder(), request("gzip", bytes.NewReader(packed(t, "gzip", "x"))), sender, 10)
		if err != nil {
			return nil, fault.Of(err).Code
		}
		return done, ""
	}
	first, _ := open("one")
	if _, code := open("one"); code != "hub.busy" {
		t.Errorf("a second of the same sender: %q", code)
	}
	second, code := open("two")
	if code != "" {
		t.Fatal(code)
	}
	if _, code := open("three"); code != "hub.busy" {
		t.Errorf("a third at once: %q", code)
	}
	first()
	second()
	if done, code := open("one"); code != "" {
		t.Errorf("a place was not given back: %q", code)
	} else {
		done()
	}
}

func TestARoomGrowsAndIsGivenBack(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	held := int64(0)
	m := inbound.NewRoom(func(n int64) (func(), error) {
		if held+n > 4<<20 {
			return nil, full
		}
		held += n
		return func() { held -= n }, nil
	})
	if err := m.Hold(100); err != nil || held != 100 {
		t.Errorf("%d held: %v", held, err)
	}
	if err := m.Hold(50); err != nil || held != 100 {
		t.Errorf("%d held for less: %v", held, err)
	}
	if err := m.Hold(101); err != nil || held != 100+64<<10 {
		t.Errorf("%d held, in a first step of 64 KiB: %v", held, err)
	}
	for range 6 { // as much again each time, up to a MiB
		if err := m.Hold(held + 1); err != nil {
			t.Fatal(err)
		}
	}
	if held != 16*(100+64<<10)+2<<20 {
		t.Errorf("%d held after six more steps", held)
	}
	if err := m.Hold(8 << 20); !errors.Is(err, full) {
		t.Errorf("more than there is: %v", err)
	}
	if _, err := inbound.ReadAll(strings.NewReader(strings.Repeat("x", 1<<20)), 10, func(n int64) error {
		if n > 1<<16 {
			return full
		}
		return nil
	}); !errors.Is(err, full) {
		t.Errorf("read on without room: %v", err)
	}
	m.Leave()
	if held != 0 {
		t.Errorf("%d not given back", held)
	}
	if inbound.Size(10, 100) != 10+bytes.MinRead || inbound.Size(-1, 100) != inbound.Size(101, 100) {
		t.Error("a file is counted wrongly at first")
	}
}
