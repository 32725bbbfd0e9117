package api

import (
	"encoding/json"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"lienthong/internal/web/problem"
)

// answers collects results in one JSON document, or streams them as they come
// when the sender accepts application/x-ndjson. A stream ends with a line that
// says so; one without it was cut and is sent again whole.
type answers struct {
	w       http.ResponseWriter
	control *http.ResponseController
	pause   time.Duration // longest wait for a reader
	status  int
	slot    *problem.Slot

	mu      sync.Mutex
	stream  *json.Encoder
	began   bool
	n       int
	pending []placed
	failed  bool
}

type placed struct {
	at     int
	answer any
}

func newAnswers(w http.ResponseWriter, r *http.Request, pause time.Duration) *answers {
	a := &answers{w: w, control: http.NewResponseController(w), pause: pause, status: http.StatusOK}
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		a.stream = json.NewEncoder(w)
		_ = a.control.EnableFullDuplex() // HTTP/1: answer while the body still comes
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
	a.send(items...)
}

// send writes lines of the stream. A sender that does not read what it is told
// must not hold the members behind: after one write that did not get through
// the rest is not written, and without a last line it sends again.
func (a *answers) send(items ...any) {
	_ = a.control.SetWriteDeadline(time.Now().Add(a.pause))
	for _, x := range items {
		if !a.failed && a.stream.Encode(x) != nil {
			a.failed = true
		}
	}
	if !a.failed {
		_ = a.control.Flush() // a writer that cannot flush sends at the end
	}
	_ = a.control.SetWriteDeadline(time.Time{})
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
		a.send(map[string]any{"end": true, "results": a.n})
		return nil
	}
	a.write()
	return nil
}

// readOff reads off for a moment what is left of a body that was not wanted, so
// that its sender hears the answer; the server would wait without end. A stream
// does it here: after it the server has begun to listen for the next request,
// which then fails when the body's end comes only now (net/http panics with
// "invalid concurrent Body.Read call").
func (a *answers) readOff(body io.Reader) {
	_ = a.control.SetReadDeadline(time.Now().Add(min(a.pause, time.Second)))
	if a.stream != nil {
		_, _ = io.Copy(io.Discard, body) // a sender that has gone sends again
	}
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
	a.give(doc)
}

// give writes the document in steps, each within the pause: a sender that does
// not read must not hold it in memory. One that has gone sends again.
func (a *answers) give(doc any) {
	b, err := json.Marshal(doc)
	for at := 0; at < len(b) && err == nil; at += writeStep {
		// What is left of the body is read off before the last bytes go: a second more.
		_ = a.control.SetWriteDeadline(time.Now().Add(a.pause + time.Second))
		_, err = a.w.Write(b[at:min(at+writeStep, len(b))])
	}
}

// writeStep is how many bytes a reader must take within one pause.
const writeStep = 64 << 10
