package simulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/webhook/simulator"
	"lienthong/internal/clock"
)

var secret = []byte("a secret of this test")

type receiver struct {
	t     *testing.T
	url   string
	clock *clock.Fake
}

func setup(t *testing.T, c simulator.Config) *receiver {
	t.Helper()
	r := &receiver{t: t, clock: clock.NewFake(time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC))}
	c.Clock, c.Secret = r.clock, secret
	sim, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

func (s *receiver) deliver(id, body string, change func(h http.Header)) int {
	s.t.Helper()
	r, err := http.NewRequest("POST", s.url+"/hook", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	stamp := strconv.FormatInt(time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC).Unix(), 10)
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", stamp)
	r.Header.Set("webhook-signature", "v1,other "+simulator.Sign(secret, id, stamp, []byte(body)))
	if change != nil {
		change(r.Header)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func (s *receiver) counts() tally.Counts {
	s.t.Helper()
	res, err := http.Get(s.url + "/simulator/counts")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var c tally.Counts
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

const body = `{"type":"record.accepted","data":{"facility":"79901","episode":"A1"}}`

func TestDeliveriesAreCountedOnce(t *testing.T) {
	t.Parallel()
	var journal bytes.Buffer
	s := setup(t, simulator.Config{Journal: &journal})
	for i, c := range []struct {
		id, body string
		change   func(http.Header)
		want     int
	}{
		{"1", body, nil, 200},
		{"1", body, nil, 200},
		{"1", strings.Replace(body, "A1", "A2", 1), nil, 400},
		{"2", strings.Replace(body, "A1", "A2", 1), nil, 200},
		{"3", `{}`, nil, 200},
		{"4", `[]`, nil, 400},
		{"4", `{}{}`, nil, 400},
		{"4", `null`, nil, 400},
		{"4", body, func(h http.Header) { h.Set("webhook-signature", "v1,x") }, 401},
		{"4", body, func(h http.Header) { h.Del("webhook-signature") }, 401},
		{"4", body, func(h http.Header) { h.Del("webhook-id") }, 401},
		{"4", body, func(h http.Header) { h.Set("webhook-id", "5") }, 401},
		{"4", body, func(h http.Header) { h.Set("webhook-timestamp", "x") }, 401},
		{"4", body, func(h http.Header) { h.Set("webhook-timestamp", "1") }, 401},
	} {
		if status := s.deliver(c.id, c.body, c.change); status != c.want {
			t.Errorf("%d: %d, want %d", i, status, c.want)
		}
	}
	c := s.counts()
	if c.Recorded != 3 || c.Held != 3 || c.Answers["repeated"] != 1 || c.Answers["401"] != 6 || c.Answers["400"] != 4 || c.Answers["200"] != 3 {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(journal.String(), `"facility":"79901","episode":"A1"`) || !strings.Contains(journal.String(), `"episode":"3"`) {
		t.Errorf("%s", journal.String())
	}
	again := setup(t, simulator.Config{Earlier: &journal})
	if status := again.deliver("1", body, nil); status != 200 || again.counts().Answers["repeated"] != 1 {
		t.Errorf("after a restart: %d %+v", status, again.counts())
	}
	s.clock.Advance(6 * time.Minute)
	if status := s.deliver("9", body, nil); status != 401 {
		t.Errorf("too late: %d", status)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := simulator.New(simulator.Config{}); err == nil {
		t.Error("a receiver that checks nothing")
	}
	s := setup(t, simulator.Config{Journal: full{}})
	if status := s.deliver("1", body, nil); status != 500 {
		t.Errorf("journal full: %d", status)
	}
	s = setup(t, simulator.Config{Check: func(r *http.Request, _ []byte) (string, error) { return r.Header.Get("X-Id"), nil }})
	if status := s.deliver("1", body, func(h http.Header) { h.Set("X-Id", "7"); h.Del("webhook-signature") }); status != 200 {
		t.Errorf("another check: %d", status)
	}
	if status := s.deliver("1", body, nil); status != 400 {
		t.Errorf("no id: %d", status)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for spec, c := range map[string]struct{ status, held int }{
		"400": {400, 0}, "401": {401, 0}, "500": {500, 0}, "503": {503, 0}, "unrecorded-success": {200, 0}, "lost-answer": {0, 1}, "half-answer": {200, 1},
		"reset": {0, 0}, "down": {0, 0}, "garbage": {200, 0}, "redirect": {307, 0}, "slow=1ms": {200, 1}, "drip=1us": {200, 1},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			s := setup(t, simulator.Config{})
			r, err := http.NewRequest("PUT", s.url+"/simulator/faults", strings.NewReader(spec))
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if status := s.deliver("1", body, nil); status != c.status {
				t.Errorf("%d", status)
			}
			if got := s.counts(); got.Held != c.held {
				t.Errorf("%+v", got)
			}
		})
	}
}

func FuzzSubject(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte(`{"data":{"record":{"facility":"1","ma_lk":"2"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, _, err := simulator.Subject(body); err == nil && !json.Valid(body) {
			t.Fatalf("taken: %q", body)
		}
	})
}

func FuzzCheck(f *testing.F) {
	now := time.Unix(1782871200, 0)
	f.Add("1", "1782871200", "v1,x", []byte(body))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		if got, err := simulator.Check(secret, now, h, body); err == nil && (got == "" || !strings.Contains(signature, simulator.Sign(secret, id, stamp, body))) {
			t.Fatalf("taken: %q", signature)
		}
	})
}
