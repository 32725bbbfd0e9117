//go:build linux

package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/synth"
)

// parcel is one file of a facility.
type parcel struct {
	facility string
	xml      []byte
	dossiers int
}

// result is one dossier's answer, as far as these runs look at it.
type result struct {
	Record   string          `json:"record"`
	State    string          `json:"state"`
	Replay   bool            `json:"replay"`
	Deferred bool            `json:"deferred"`
	Refused  bool            `json:"refused"`
	Code     string          `json:"code"`
	Receipt  json.RawMessage `json:"receipt"`
}

// accepted reports whether the result is a receipt of acceptance.
func (r result) accepted() bool {
	return r.Record != "" && len(r.Receipt) > 0 && (r.State == "accepted" || r.State == "accepted_with_warnings")
}

// ack is a file with its receipts.
type ack struct {
	parcel
	results []result
}

// sender sends a nation's files to a hub, by many writers at once.
type sender struct {
	t       testing.TB
	n       *synth.Nation
	url     string
	http    *http.Client
	clients map[string]*agent.Client

	credentials map[string]*agent.Credential

	next atomic.Int64

	mu     sync.Mutex
	acks   []ack    // since the last taking
	unsure []parcel // without an answer: the hub may have them or not
}

func newSender(t testing.TB, n *synth.Nation, url string, f *founded) *sender {
	t.Helper()
	s := &sender{t: t, n: n, url: url, clients: map[string]*agent.Client{},
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.credentials = f.credentials
	s.forget()
	return s
}

// parcel makes the next file.
func (s *sender) parcel() parcel {
	x, err := s.n.Outpatient(int(s.next.Add(1)))
	if err != nil {
		panic(err) // a nation that cannot go on is a defect of synth
	}
	return parcel{x.Facility, x.XML, x.Dossiers}
}

// post sends a file alone. An error: no answer that can be read came.
func (s *sender) post(ctx context.Context, p parcel) (status int, list []result, err error) {
	token, err := s.clients[p.facility].Token(ctx)
	if err != nil {
		return 0, nil, err
	}
	return s.send(ctx, token, p.xml, "Content-Type", "application/xml")
}

func (s *sender) send(ctx context.Context, token string, body []byte, header ...string) (int, []result, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v1/submissions", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return 0, nil, err
	}
	var doc struct {
		Code    string   `json:"code"`
		Results []result `json:"results"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return resp.StatusCode, nil, fmt.Errorf("HTTP %d: %w: %.200s", resp.StatusCode, err, b)
	}
	if doc.Results == nil {
		return resp.StatusCode, []result{{Code: doc.Code}}, nil
	}
	return resp.StatusCode, doc.Results, nil
}

// get reads a path as a facility.
func (s *sender) get(ctx context.Context, facility, path string) (int, []byte, error) {
	return s.clients[facility].Get(ctx, path, 64<<20)
}

// write sends files until ctx ends.
func (s *sender) write(ctx context.Context) {
	for ctx.Err() == nil {
		p := s.parcel()
		status, list, err := s.post(ctx, p)
		s.mu.Lock()
		if err == nil && status == http.StatusOK && whole(p, list) {
			s.acks = append(s.acks, ack{p, list})
		} else {
			s.unsure = append(s.unsure, p)
		}
		s.mu.Unlock()
		if err == nil && status != http.StatusOK {
			time.Sleep(5 * time.Millisecond) // told to wait; the lives are short
		}
	}
}

// whole reports whether every dossier of a file has its receipt.
func whole(p parcel, list []result) bool {
	for _, r := range list {
		if !r.accepted() {
			return false
		}
	}
	return len(list) == p.dossiers
}

// writers starts many, and returns what waits for their end.
func (s *sender) writers(ctx context.Context, n int) (wait func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { s.write(ctx) })
	}
	return wg.Wait
}

// take gives what was answered, and what was not, since the last time.
func (s *sender) take() ([]ack, []parcel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, u := s.acks, s.unsure
	s.acks, s.unsure = nil, nil
	return a, u
}

// answered waits until something was acknowledged since the last taking, at most most.
func (s *sender) answered(most time.Duration) {
	for began := time.Now(); time.Since(began) < most; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		n := len(s.acks)
		s.mu.Unlock()
		if n > 0 {
			return
		}
	}
}

// missing sends every acknowledged file again and returns what is not answered
// with the same receipts, byte for byte.
func (s *sender) missing(acks []ack) []string {
	return each(acks, func(a ack) string {
		status, list, err := s.until(a.parcel)
		if err != nil || status != http.StatusOK || len(list) != len(a.results) {
			return fmt.Sprintf("%s: HTTP %d, %d answers, %v", a.results[0].Record, status, len(list), err)
		}
		for i, r := range list {
			if !r.Replay || r.Record != a.results[i].Record || !bytes.Equal(r.Receipt, a.results[i].Receipt) {
				return fmt.Sprintf("%s is answered by %s, replay %t, %s, the same receipt %t", a.results[i].Record, r.Record, r.Replay, r.State+r.Code, bytes.Equal(r.Receipt, a.results[i].Receipt))
			}
		}
		return ""
	})
}

// settle sends what had no answer until it has one, and returns what it got.
func (s *sender) settle(unsure []parcel) (acks []ack, wrong []string) {
	var mu sync.Mutex
	wrong = each(unsure, func(p parcel) string {
		status, list, err := s.until(p)
		if err != nil || status != http.StatusOK || !whole(p, list) {
			return fmt.Sprintf("a file without an answer: HTTP %d, %+v, %v", status, list, err)
		}
		mu.Lock()
		defer mu.Unlock()
		acks = append(acks, ack{p, list})
		return ""
	})
	return acks, wrong
}

// until sends a file until the hub does not say that it is busy.
func (s *sender) until(p parcel) (status int, list []result, err error) {
	for range 100 {
		status, list, err = s.post(context.Background(), p)
		if err != nil || status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return status, list, err
}

// each does something with everything, eight at a time, and gathers complaints.
func each[T any](list []T, do func(T) string) (complaints []string) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	turn := make(chan struct{}, 8)
	for _, x := range list {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			if said := do(x); said != "" {
				mu.Lock()
				complaints = append(complaints, said)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return complaints
}

// forget takes new tokens from now on.
func (s *sender) forget() {
	for code, c := range s.credentials {
		var err error
		s.clients[code], err = agent.New(agent.Config{HubURL: s.url, Credential: c, Transport: s.http.Transport})
		check(s.t, err)
	}
}
