package api

import (
	"encoding/json"
	"net/http"
	"sort"
	"strings"
	"sync"

	"lienthong/internal/web/problem"
)

// answers collects results in one JSON document, or streams them as they come
// when the sender accepts application/x-ndjson. A stream ends with a line that
// says so; one without it was cut and is sent again whole.
type answers struct {
	w      http.ResponseWriter
	status int
	slot   *problem.Slot

	mu      sync.Mutex
	stream  *json.Encoder
	flush   func()
	began   bool
	n       int
	pending []placed
	failed  error
}

type placed struct {
	at     int
	answer any
}

func newAnswers(w http.ResponseWriter, r *http.Request) *answers {
	a := &answers{w: w, status: http.StatusOK}
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		a.stream = json.NewEncoder(w)
		control := http.NewResponseController(w)
		a.flush = func() { _ = control.Flush() } // a writer that cannot flush sends at the end
		_ = control.EnableFullDuplex()           // HTTP/1: answer while the body still comes
	}
	return a
}

// add takes the answers of member at.
func (a *answers) add(at int, items ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += len(items)
	if a.stream == nil {
		for _, x := range items {
			a.pending = append(a.pending, placed{at, x})
		}
		return
	}
	a.begin()
	for _, x := range items {
		if err := a.stream.Encode(x); err != nil && a.failed == nil {
			a.failed = err
		}
	}
	a.flush()
}

func (a *answers) begin() {
	if a.began {
		return
	}
	a.began = true
	kind := "application/json"
	if a.stream != nil {
		kind = "application/x-ndjson"
	}
	a.w.Header().Set("Content-Type", kind)
	a.w.WriteHeader(a.status)
}

func (a *answers) empty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n == 0
}

// end writes what is left: the whole document, or the stream's last line.
func (a *answers) end() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin()
	if a.stream != nil {
		_ = a.stream.Encode(map[string]any{"end": true, "results": a.n}) // a sender that has gone sends again
		return nil
	}
	a.write()
	return nil
}

// stop ends an answer whose request was cut: a stream gets no last line.
func (a *answers) stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stream == nil {
		a.begin()
		a.write()
	}
	return nil
}

func (a *answers) write() {
	sort.SliceStable(a.pending, func(i, j int) bool { return a.pending[i].at < a.pending[j].at })
	doc := struct {
		Results []any `json:"results"`
		*problem.Slot
	}{Results: make([]any, len(a.pending)), Slot: a.slot}
	for i, p := range a.pending {
		doc.Results[i] = p.answer
	}
	_ = json.NewEncoder(a.w).Encode(doc) // a sender that has gone sends again
}
