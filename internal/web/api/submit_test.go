package api_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/web/api"
)

type member struct{ name, body string }

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.body)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

const asTar = "Content-Type: application/x-tar"

// one expects a lone answer with that status and code.
func one(t *testing.T, rec *httptest.ResponseRecorder, status int, code string) line {
	t.Helper()
	got := read[submission](t, rec)
	if rec.Code != status || len(got.Results) != 1 || got.Results[0].Code != code {
		t.Errorf("%d %s, want %d %s", rec.Code, rec.Body, status, code)
		return line{}
	}
	return got.Results[0]
}

func TestALoneFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rec := w.send("ok", "Content-Type: application/xml", `Content-Disposition: attachment; filename="../a b.xml"`, "Lane: urgent", "Seal: x.y.z", "Software: HIS Ánh/3.2")
	if got := one(t, rec, 200, ""); got.File != "a b.xml" || got.State != "accepted_with_warnings" || got.Record == "" {
		t.Errorf("%+v", got)
	}
	f := w.intake.files[0]
	if string(f.Bytes) != "ok" || f.Lane.String() != "urgent" || f.Seal != "x.y.z" || f.Name != "a b.xml" || f.Software != "HIS Ánh/3.2" {
		t.Errorf("%+v", f)
	}
	if s := w.intake.senders[0]; s.Client != "79901-1" || s.Facility != "79901" || s.Name != "client:79901-1" {
		t.Errorf("%+v", s)
	}
	if got := read[submission](t, w.send("two")); len(got.Results) != 2 || got.Results[1].Index != 1 {
		t.Errorf("%+v", got)
	}
	if w.intake.held != 0 {
		t.Errorf("%d bytes are still held", w.intake.held)
	}
}

func TestALoneFileRefused(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.FileLimit = 2000 })
	bomb := gzipped(t, make([]byte, 3<<20))
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		code    string
		unread  bool // told to intake as refused before it was read
	}{
		"broken seal":           {"bad", nil, 422, "seal.broken", false},
		"another facility's":    {"foreign", nil, 403, "sender.not_allowed", false},
		"too large":             {strings.Repeat("x", 2001), nil, 413, "file.limits", true},
		"too large inside":      {string(gzipped(t, []byte(strings.Repeat("x", 2001)))), []string{"Content-Encoding: gzip"}, 413, "file.limits", true},
		"too large in zstd":     {string(zstded(t, []byte(strings.Repeat("x", 2001)))), []string{"Content-Encoding: zstd"}, 413, "file.limits", true},
		"a bomb":                {string(bomb[:1500]), []string{"Content-Encoding: gzip"}, 413, "file.limits", true},
		"not gzip":              {"ok", []string{"Content-Encoding: gzip"}, 422, "file.unreadable", true},
		"not zstd":              {"ok", []string{"Content-Encoding: zstd"}, 422, "file.unreadable", true},
		"gzip cut":              {string(gzipped(t, []byte("ok, ok, ok"))[:14]), []string{"Content-Encoding: gzip"}, 422, "file.unreadable", true},
		"zstd cut":              {string(zstded(t, []byte("ok, ok, ok"))[:9]), []string{"Content-Encoding: zstd"}, 422, "file.unreadable", true},
		"another encoding":      {"ok", []string{"Content-Encoding: br"}, 422, "request.encoding", true},
		"two encodings":         {"ok", []string{"Content-Encoding: gzip, zstd"}, 422, "request.encoding", true},
		"a picture":             {"ok", []string{"Content-Type: image/png"}, 422, "request.content_type", true},
		"a form":                {"ok", []string{"Content-Type: application/x-www-form-urlencoded"}, 422, "request.content_type", true},
		"another character set": {"ok", []string{"Content-Type: application/xml; charset=utf-16"}, 422, "request.content_type", true},
		"no type at all":        {"ok", []string{"Content-Type: ;;;"}, 422, "request.content_type", true},
	} {
		before := len(w.intake.unread)
		got := one(t, w.send(c.body, c.headers...), c.status, c.code)
		if !got.Refused || got.Record != "" {
			t.Errorf("%s: %+v", name, got)
		}
		if told := len(w.intake.unread) > before; told != c.unread {
			t.Errorf("%s: the refusal kept by the door %v, want %v", name, told, c.unread)
		} else if told && w.intake.unread[before] != c.code {
			t.Errorf("%s: kept as %s", name, w.intake.unread[before])
		}
	}
	if rec := w.send("ok", "Lane: fast"); rec.Code != 422 || read[line](t, rec).Code != "lane.invalid" {
		t.Errorf("lane: %d %s", rec.Code, rec.Body)
	}
	if w.intake.held != 0 {
		t.Errorf("%d bytes are still held", w.intake.held)
	}
}

// A file of a few bytes that becomes many is held to the ratio and to the room
// there is, not only to what its length says.
func TestExpansionIsBounded(t *testing.T) {
	t.Parallel()
	plain := make([]byte, 20<<20)
	for encoding, body := range map[string][]byte{"gzip": gzipped(t, plain), "zstd": zstded(t, plain)} {
		w := setup(t)
		one(t, w.send(string(body), "Content-Encoding: "+encoding), 413, "file.limits")
		if w.intake.most > 8<<20 {
			t.Errorf("%s: %d bytes were held for a bomb of %d", encoding, w.intake.most, len(body))
		}
	}
	w := setup(t, func(c *api.Config) { c.Expansion = 1 << 20 })
	w.intake.room = 4 << 20
	got := one(t, w.send(string(zstded(t, plain)), "Content-Encoding: zstd"), 503, "hub.busy")
	if !got.Deferred || w.intake.most > 4<<20 || w.intake.held != 0 {
		t.Errorf("%+v, most %d, held %d", got, w.intake.most, w.intake.held)
	}
}

func TestDeferralsSayWhenToComeAgain(t *testing.T) {
	t.Parallel()
	for body, code := range map[string]string{"busy": "hub.busy", "later": "hub.storage_full"} {
		w := setup(t)
		rec := w.send(body)
		got := one(t, rec, 503, code)
		all := read[submission](t, rec)
		if !got.Deferred || got.RetryAfter != 7 || rec.Header().Get("Retry-After") != "7" || all.SlotStart == "" || all.SlotEnd == "" || all.RatePerS == 0 {
			t.Errorf("%s: %s %v", body, rec.Body, rec.Header())
		}
	}
	w := setup(t)
	w.intake.stopping = true
	one(t, w.send("ok"), 503, "hub.stopping")
	w = setup(t)
	if got := read[submission](t, w.send("mixed")); len(got.Results) != 2 || got.Results[0].Deferred || !got.Results[1].Deferred || got.Results[1].Code != "hub.storage_full" {
		t.Errorf("%+v", got)
	}
	w = setup(t)
	w.intake.lost = errors.New("disk full")
	if rec := w.send("ok", "Content-Type: image/png"); rec.Code != 500 {
		t.Errorf("a refusal that cannot be kept counts as not decided: %d", rec.Code)
	}
}

func TestARateIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.RatePerS, c.Burst = 2, 3 })
	for range 3 {
		one(t, w.send("ok"), 200, "")
	}
	rec := w.send("ok")
	p := read[submission](t, rec)
	if rec.Code != 429 || read[line](t, rec).Code != "rate.exceeded" || rec.Header().Get("Retry-After") == "" || p.SlotStart == "" || p.RatePerS != 2 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.get("/api/v1/records", "facility:79902"); rec.Code != 200 {
		t.Errorf("another sender: %d", rec.Code)
	}
	w.clock.Advance(500 * time.Millisecond)
	one(t, w.send("ok"), 200, "")
}

// A sender that falls silent, or trickles, is cut off and told so.
func TestASlowSenderIsCutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*api.Config)
		every  time.Duration
	}{
		"silent":   {func(c *api.Config) { c.Pause = 30 * time.Millisecond }, 0},
		"trickles": {func(c *api.Config) { c.Grace, c.MinimumSpeed = time.Millisecond, 1<<30 }, 2 * time.Millisecond},
	} {
		w := setup(t, c.change)
		srv := httptest.NewServer(w.handler)
		answer := slow(t, srv.Listener.Addr().String(), c.every)
		if !strings.Contains(answer, " 422 ") || !strings.Contains(answer, "request.slow") {
			t.Errorf("%s: %s", name, answer)
		}
		srv.Close()
		if len(w.intake.files) > 0 || !slices.Contains(w.intake.unread, "request.slow") {
			t.Errorf("%s: %v", name, w.intake.unread)
		}
	}
}

// slow promises a body and sends a byte every so often, or none; it returns
// what the hub answers.
func slow(t *testing.T, addr string, every time.Duration) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAs: "+hospital+"\r\nContent-Length: 100000\r\n\r\nok"); err != nil {
		t.Fatal(err)
	}
	if every > 0 {
		go func() {
			for {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(every)
			}
		}()
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return " " + resp.Status + " " + string(b)
}

// A stream that ends before its body was read leaves the connection good: the
// next request on it is answered.
func TestARefusalLeavesTheConnectionGood(t *testing.T) {
	t.Parallel()
	w := setup(t)
	srv := httptest.NewServer(w.handler)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	for i := range 20 {
		const n = 20_000
		head := fmt.Sprintf("POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAs: %s\r\nAccept: application/x-ndjson\r\n"+
			"Content-Type: image/png\r\nContent-Length: %d\r\n\r\n", hospital, n)
		if _, err := io.WriteString(conn, head+strings.Repeat("x", n)); err != nil {
			t.Fatal(i, err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(b), "request.content_type") {
			t.Fatal(i, err, string(b))
		}
	}
}

// A sender that goes in the middle of its body leaves a trace for itself.
func TestABodyThatBreaksOffIsKeptAsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := httptest.NewRequest("POST", "/api/v1/submissions", io.MultiReader(strings.NewReader("ok"), failing{}))
	r.Header.Set("As", hospital)
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	one(t, rec, 422, "file.unreadable")
	if !slices.Equal(w.intake.unread, []string{"file.unreadable"}) {
		t.Errorf("%v", w.intake.unread)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Compressed bodies at once are bounded for each sender: each holds a window.
func TestOneSenderCannotTakeAllDecoders(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.StreamsEach = 1 })
	hold := make(chan struct{})
	first, reached := make(chan *httptest.ResponseRecorder), make(chan struct{})
	body := gzipped(t, []byte("ok"))
	go func() {
		r := httptest.NewRequest("POST", "/api/v1/submissions", io.MultiReader(bytes.NewReader(body[:10]), &gate{reached: reached, open: hold}, bytes.NewReader(body[10:])))
		r.Header.Set("As", hospital)
		r.Header.Set("Content-Encoding", "gzip")
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		first <- rec
	}()
	<-reached
	one(t, w.send(string(body), "Content-Encoding: gzip"), 503, "hub.busy")
	one(t, w.send("ok"), 200, "") // a plain one holds no window
	if rec := w.request("POST", "/api/v1/submissions", "facility:79902", bytes.NewReader(body), "Content-Encoding: gzip"); rec.Code != 200 {
		t.Errorf("another sender: %d", rec.Code)
	}
	close(hold)
	one(t, <-first, 200, "")
	one(t, w.send(string(body), "Content-Encoding: gzip"), 200, "")
}

// gate says when it is reached, and waits.
type gate struct {
	reached, open chan struct{}
}

func (g *gate) Read([]byte) (int, error) {
	close(g.reached)
	<-g.open
	return 0, io.EOF
}

// Whatever bytes are sent as a tar, compressed or not, the answer is one of
// those described, and nothing stays held.
func FuzzSubmissions(f *testing.F) {
	whole := pack(f, member{"a", "ok"}, member{"b", "bad"})
	f.Add(whole, byte(0))
	f.Add(gzipped(f, whole), byte(1))
	f.Add(zstded(f, whole), byte(2))
	f.Add(whole[:700], byte(0))
	f.Add([]byte("ok"), byte(3))
	f.Fuzz(func(t *testing.T, body []byte, how byte) {
		w := setup(t, func(c *api.Config) { c.FileLimit, c.TarLimit, c.TarMembers = 1<<20, 4<<20, 50 })
		headers := [][]string{{asTar}, {asTar, "Content-Encoding: gzip"}, {asTar, "Content-Encoding: zstd", ndjson}, {"Content-Type: application/xml"}}[how%4]
		rec := w.send(string(body), headers...)
		if !slices.Contains([]int{200, 413, 422, 503}, rec.Code) {
			t.Errorf("status %d", rec.Code)
		}
		if w.intake.held != 0 {
			t.Errorf("%d bytes are still held", w.intake.held)
		}
	})
}
