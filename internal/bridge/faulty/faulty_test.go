package faulty_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

const whole = `{"code":"ok"}`

// service is a faulty service that counts what it recorded.
type service struct {
	url      string
	faults   *faulty.Faults
	clock    *clock.Fake
	recorded atomic.Int32
	mu       sync.Mutex
	slept    []time.Duration
}

func setup(t *testing.T, spec string, seed uint64) *service {
	t.Helper()
	s := &service{clock: clock.NewFake(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))}
	f, err := faulty.New(faulty.Config{Spec: spec, Seed: seed, Clock: s.clock, Codes: []string{"125", "500"},
		Answer: func(w http.ResponseWriter, _ *http.Request, code string) { _, _ = io.WriteString(w, "code "+code) },
		Spares: func(r *http.Request) bool { return r.URL.Path == "/login" },
		Sleep: func(ctx context.Context, d time.Duration) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.slept = append(s.slept, d)
			return ctx.Err()
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.faults = f
	srv := httptest.NewServer(f.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !faulty.Forgets(r.Context()) {
			s.recorded.Add(1)
		}
		w.Header().Set("X-From", "service")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, whole)
	})))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// ask posts to a path and tells what came: status, body, and whether the line
// was cut before or in the answer.
func (s *service) ask(t *testing.T, path string) (status int, body string, cut bool) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post(s.url+path, "text/plain", strings.NewReader("x"))
	if err != nil {
		return 0, "", true
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err != nil
}

func TestEachFault(t *testing.T) {
	t.Parallel()
	for spec, c := range map[string]struct {
		status   int
		body     string // "*": anything but whole
		cut      bool
		recorded int32
	}{
		"":                      {201, whole, false, 1},
		"125":                   {200, "code 125", false, 0},
		"500":                   {200, "code 500", false, 0},
		"http=500":              {500, "*", false, 0},
		"503":                   {503, "*", false, 0},
		"slow":                  {201, whole, false, 1},
		"drip=3s":               {201, whole, false, 1},
		"garbage":               {200, "*", false, 0},
		"redirect":              {307, "*", false, 0},
		"reset":                 {0, "", true, 0},
		"down":                  {0, "", true, 0},
		"lost-answer":           {0, "", true, 1},
		"half-answer":           {201, whole[:6], true, 1},
		"unrecorded-success":    {201, whole, false, 0},
		"slow=1s,125":           {200, "code 125", false, 0},
		"down,125":              {0, "", true, 0},
		"125,down":              {200, "code 125", false, 0}, // the first that ends it
		"lost-answer,125:p=1":   {200, "code 125", false, 0},
		"503:path=/other":       {201, whole, false, 1},
		"503:path=work":         {503, "*", false, 0},
		"503:after=1":           {201, whole, false, 1},
		"down:from=1s,for=1s":   {201, whole, false, 1},
		" 125 : p=0.5 ":         {0, "bad", false, 0},
		"redirect=http://x:1/y": {307, "*", false, 0},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			if c.body == "bad" {
				if _, err := faulty.New(faulty.Config{Spec: spec}); !errors.Is(err, faulty.ErrSpec) {
					t.Errorf("%v", err)
				}
				return
			}
			s := setup(t, spec, 1)
			status, body, cut := s.ask(t, "/work")
			if status != c.status || cut != c.cut || s.recorded.Load() != c.recorded {
				t.Errorf("%d %q cut %v recorded %d", status, body, cut, s.recorded.Load())
			}
			if c.body == "*" && body == whole || c.body != "*" && body != c.body {
				t.Errorf("%q", body)
			}
		})
	}
}

func TestTimesOfFaults(t *testing.T) {
	t.Parallel()
	s := setup(t, "slow=7s,drip=3s", 1)
	s.ask(t, "/work")
	if len(s.slept) != 1+len(whole) || s.slept[0] != 7*time.Second || s.slept[1] != 3*time.Second {
		t.Errorf("%v", s.slept)
	}

	s = setup(t, "down:from=10s:for=1h", 1)
	for _, c := range []struct {
		later time.Duration
		down  bool
	}{{0, false}, {10 * time.Second, true}, {time.Hour - time.Second, true}, {time.Second, false}} {
		s.clock.Advance(c.later)
		if _, _, cut := s.ask(t, "/work"); cut != c.down {
			t.Errorf("%v: down %v", s.clock.Now(), cut)
		}
	}
	s = setup(t, "503:from=2026-07-01T00:00:10Z", 1)
	if status, _, _ := s.ask(t, "/work"); status != 201 {
		t.Errorf("before: %d", status)
	}
	s.clock.Advance(10 * time.Second)
	if status, _, _ := s.ask(t, "/work"); status != 503 {
		t.Errorf("after: %d", status)
	}
}

func TestHowOften(t *testing.T) {
	t.Parallel()
	run := func(spec string, seed uint64, path string) string {
		s := setup(t, spec, seed)
		var seen strings.Builder
		for range 12 {
			if status, _, _ := s.ask(t, path); status == 201 {
				seen.WriteByte('.')
			} else {
				seen.WriteByte('x')
			}
		}
		return seen.String()
	}
	for spec, want := range map[string]string{
		"125:after=10":         "..........xx",
		"125:count=2":          "xx..........",
		"125:after=1:count=3":  ".xxx........",
		"125:every=4":          "...x...x...x",
		"125:after=2,every=5":  "......x....x",
		"125:count=1,503:p=1":  "xxxxxxxxxxxx",
		"125:path=/elsewhere":  "............",
		"unrecorded-success":   "............",
		"503:count=1,every=12": "...........x",
	} {
		if got := run(spec, 1, "/work"); got != want {
			t.Errorf("%s: %s, want %s", spec, got, want)
		}
	}
	half := run("125:p=0.5", 7, "/work")
	if half != run("125:p=0.5", 7, "/work") {
		t.Error("the same seed, another run")
	}
	if half == run("125:p=0.5", 8, "/work") || !strings.Contains(half, ".") || !strings.Contains(half, "x") {
		t.Errorf("p=0.5: %s", half)
	}
	if got := run("125", 1, "/login"); got != "............" {
		t.Errorf("log-ins are not spared: %s", got)
	}
	if got := run("125:path=/login", 1, "/login"); got != "xxxxxxxxxxxx" {
		t.Errorf("log-ins named are spared: %s", got)
	}
	if got := run("503", 1, "/login"); got != "xxxxxxxxxxxx" {
		t.Errorf("a status spares log-ins: %s", got)
	}
}

func TestFaultsCanBeChanged(t *testing.T) {
	t.Parallel()
	s := setup(t, "503", 1)
	s.ask(t, "/work")
	if err := s.faults.Set("nonsense"); !errors.Is(err, faulty.ErrSpec) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
	if status, _, _ := s.ask(t, "/work"); status != 503 {
		t.Errorf("after a refused change: %d", status)
	}
	if err := s.faults.Set(""); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := s.ask(t, "/work"); status != 201 {
		t.Errorf("after the end: %d", status)
	}
	if n := s.faults.Fired()["503"]; n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestRefusesOtherDescriptions(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"x", "125=1", "http", "http=200", "399", "600", "slow=x", "slow=-1s", "drip=1", "reset=1", "p=0.1", "125:p=0", "125:p=2",
		"125:p=NaN", "125:after=-1", "125:count=0", "125:every=0", "125:count=x", "down:from=x", "down:for=x", "down:for=-1s", "CM_X"} {
		if _, err := faulty.New(faulty.Config{Spec: spec, Codes: []string{"125"}, Answer: func(http.ResponseWriter, *http.Request, string) {}}); !errors.Is(err, faulty.ErrSpec) {
			t.Errorf("%q: %v", spec, err)
		}
	}
	if _, err := faulty.New(faulty.Config{Codes: []string{"1"}}); err == nil {
		t.Error("codes without an answer")
	}
}

func FuzzSpec(f *testing.F) {
	for _, s := range []string{"", "401:after=10:count=1,slow=5s:p=0.1", "down:from=2026-07-01T00:00:10Z,for=1h", "redirect=http://x:1/y:count=1", "125:path=:p=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		fs, err := faulty.New(faulty.Config{Spec: spec, Codes: []string{"125"}, Answer: func(w http.ResponseWriter, _ *http.Request, _ string) {},
			Sleep: func(context.Context, time.Duration) error { return nil }})
		if err != nil {
			if !errors.Is(err, faulty.ErrSpec) {
				t.Fatal(err)
			}
			return
		}
		defer func() { // a cut line has no other way out where there is no line
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		fs.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	})
}
