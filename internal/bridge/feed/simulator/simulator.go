// Package simulator stands for a body that feeds entries to the hub: it has lines in
// an order, and gives those behind a place as the bridge reads them. It is for
// demonstration and tests; its lines are synthetic.
package simulator

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/bridge/faulty"
)

// Config is what is fed.
type Config struct {
	Lines  io.Reader // NDJSON, the first first; nil: none yet
	Token  string    // that a caller must show; "": anybody may read
	Faults faulty.Config
}

// Simulator answers GET at any path: ?after=PLACE&limit=N.
type Simulator struct {
	token  string
	faults *faulty.Faults
	mu     sync.Mutex
	lines  [][]byte
	asked  int
}

// mostLine is how long a line may be, in bytes.
const mostLine = 1 << 20

// New returns a simulator.
func New(c Config) (*Simulator, error) {
	s := &Simulator{token: c.Token}
	if c.Lines != nil {
		in := bufio.NewScanner(c.Lines)
		in.Buffer(nil, mostLine)
		for in.Scan() {
			if line := bytes.TrimSpace(in.Bytes()); len(line) > 0 {
				s.lines = append(s.lines, bytes.Clone(line))
			}
		}
		if err := in.Err(); err != nil {
			return nil, fmt.Errorf("feed simulator: %w", err)
		}
	}
	var err error
	s.faults, err = faulty.New(c.Faults)
	return s, err
}

// Append feeds more lines.
func (s *Simulator) Append(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lines {
		s.lines = append(s.lines, []byte(l))
	}
}

// Fault replaces what fails from now on.
func (s *Simulator) Fault(spec string) error { return s.faults.Set(spec) }

// Asked is how many pages were given.
func (s *Simulator) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// ServeHTTP answers.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.faults.Handler(http.HandlerFunc(s.answer)).ServeHTTP(w, r)
}

func (s *Simulator) answer(w http.ResponseWriter, r *http.Request) {
	if s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token {
		http.Error(w, "who asks", http.StatusUnauthorized)
		return
	}
	from, limit, err := place(r)
	if r.Method != http.MethodGet || err != nil {
		http.Error(w, "GET ?after=PLACE&limit=N", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.asked++
	from = min(from, len(s.lines))
	to := min(from+limit, len(s.lines))
	lines, more := s.lines[from:to], to < len(s.lines)
	s.mu.Unlock()
	var out bytes.Buffer
	for _, l := range lines {
		out.Write(l)
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "{\"$next\":\"p%d\",\"$more\":%t,\"$lines\":%d}\n", to, more, to-from)
	w.Header().Set("Content-Type", "application/x-ndjson")
	if _, err := w.Write(out.Bytes()); err != nil {
		return // who asked is gone
	}
}

// place reads from where and how many: "p12" is behind the twelfth line.
func place(r *http.Request) (from, limit int, err error) {
	limit = 500
	if l := r.FormValue("limit"); l != "" {
		if limit, err = strconv.Atoi(l); err != nil || limit < 1 || limit > 1000 {
			return 0, 0, errors.New("limit")
		}
	}
	if after := r.FormValue("after"); after != "" {
		n, ok := strings.CutPrefix(after, "p")
		if from, err = strconv.Atoi(n); !ok || err != nil || from < 0 {
			return 0, 0, errors.New("after")
		}
	}
	return from, limit, nil
}
