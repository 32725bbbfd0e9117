package submit_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"lienthong/internal/agent/station"
	"lienthong/internal/agent/submit"
	"lienthong/internal/fault"
)

// Whoever asks by another name, or from a page of another site, is told why not
// and comes no further. (Files handed over are tested beside the station.)
func TestTheGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host, origin, site string
		want               error
	}{
		"by address":            {host: "127.0.0.1:8085"},
		"by name":               {host: "LOCALHOST:8085"},
		"IPv6":                  {host: "[::1]:8085"},
		"without port":          {host: "localhost"},
		"own page":              {host: "localhost:8085", origin: "http://localhost:8085", site: "same-origin"},
		"typed in":              {host: "localhost:8085", site: "none"},
		"rebound name":          {host: "evil.example:8085", want: submit.ErrHost},
		"another machine":       {host: "192.0.2.1:8085", want: submit.ErrHost},
		"looks like this one":   {host: "localhost.evil.example", want: submit.ErrHost},
		"no host":               {want: submit.ErrHost},
		"page of another site":  {host: "localhost:8085", origin: "https://evil.example", want: submit.ErrOrigin},
		"another port":          {host: "localhost:8085", origin: "http://localhost:9000", want: submit.ErrOrigin},
		"no origin at all":      {host: "localhost:8085", origin: "null", want: submit.ErrOrigin},
		"forged form":           {host: "localhost:8085", site: "cross-site", want: submit.ErrOrigin},
		"sibling of this place": {host: "localhost:8085", site: "same-site", want: submit.ErrOrigin},
	} {
		var why error
		through := false
		h := submit.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { through = true }),
			func(_ http.ResponseWriter, _ *http.Request, err error) { why = err })
		r := httptest.NewRequest("POST", "/submit", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if through != (c.want == nil) || c.want != nil && fault.Of(why).Code != fault.Of(c.want).Code {
			t.Errorf("%s: through %t, %v", name, through, why)
		}
	}
}

// A HIS has any name built in; a page has none but this machine's own.
func TestProgramsComeUnderAnyNameAndPagesDoNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host, origin string
		want         bool
	}{
		"a HIS":                     {"egw.baohiemxahoi.gov.vn", "", true},
		"a HIS by address":          {"127.0.0.1:8085", "", true},
		"a page of this machine":    {"localhost:8085", "http://localhost:8085", true},
		"a page of a rebound name":  {"evil.example:8085", "http://evil.example:8085", false},
		"a page of another port":    {"localhost:8085", "http://localhost:9000", false},
		"a page of no origin":       {"localhost:8085", "null", false},
		"a page of the insurer's":   {"egw.baohiemxahoi.gov.vn", "https://egw.baohiemxahoi.gov.vn", false},
		"a page of another machine": {"127.0.0.1:8085", "http://192.0.2.1:8085", false},
	} {
		through, why := false, error(nil)
		h := submit.Programs(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { through = true }),
			func(_ http.ResponseWriter, _ *http.Request, err error) { why = err })
		r := httptest.NewRequest("POST", "/api/token/take", nil)
		if r.Host = c.host; c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if through != c.want || !c.want && fault.Of(why).Code != submit.ErrOrigin.Code {
			t.Errorf("%s: through %t, %v", name, through, why)
		}
	}
}

// endlessBody gives bytes without end.
type endlessBody struct{ given *atomic.Int64 }

func (b endlessBody) Read(p []byte) (int, error) {
	b.given.Add(int64(len(p)))
	return len(p), nil
}

// Programs that hand over much at once are told to come again before the agent's
// memory is gone. A body that said how long it is takes no room before it comes.
func TestManyLongBodiesDoNotTakeTheMemory(t *testing.T) {
	t.Parallel()
	e := submit.New(&station.Station{Deps: station.Deps{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}})
	ask := func(body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/submit", body)
		r.Host, r.ContentLength = "localhost", 64<<20
		r.Header.Set("Content-Type", "application/x-tar")
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, r)
		return rec
	}
	// Each has sent 40 MiB and waits: three hold 64 MiB each, the fourth finds none.
	var given atomic.Int64
	stop, waiting, done := make(chan struct{}), make(chan struct{}, 8), make(chan int, 8)
	for range 8 {
		go func() {
			done <- ask(io.MultiReader(io.LimitReader(endlessBody{&given}, 40<<20), waits{stop, waiting})).Code
		}()
	}
	turned := 0
	for n := 0; n < 8; n++ {
		select {
		case <-waiting:
		case code := <-done:
			if turned++; code != http.StatusServiceUnavailable {
				t.Errorf("answered %d", code)
			}
		}
	}
	if turned < 4 {
		t.Errorf("%d of eight were turned away, %d MiB were read", turned, given.Load()>>20)
	}
	for range 8 - turned { // one after the other: to take a tar apart needs room too
		stop <- struct{}{}
		if code := <-done; code != http.StatusUnprocessableEntity { // no tar
			t.Errorf("answered %d", code)
		}
	}
	if code := ask(strings.NewReader("no tar")).Code; code != http.StatusUnprocessableEntity { // the room is given back
		t.Errorf("afterwards: %d", code)
	}
}

// waits says that it was reached, and ends when stop gives it a turn.
type waits struct{ stop, reached chan struct{} }

func (w waits) Read([]byte) (int, error) {
	w.reached <- struct{}{}
	<-w.stop
	return 0, io.EOF
}
