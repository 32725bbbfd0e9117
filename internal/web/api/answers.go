package api

import (
	"encoding/json"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/intake"
	"lienthong/internal/web/problem"
	"lienthong/internal/web/squeeze"
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

	squeeze *zstd.Encoder // of a stream whose reader takes it compressed; else nil

	mu      sync.Mutex
	stream  bool
	lines   []byte // of the piece being written
	began   bool
	n       int
	pending []placed
	failed  bool
}

type placed struct {
	at     int
	answer any
}

// appendJSON writes an answer as JSON. A result's receipt, most of its bytes, is
// JSON already and goes in as it is.
func appendJSON(dst []byte, answer any) ([]byte, error) {
	if r, ok := answer.(*intake.Result); ok {
		return r.AppendJSON(dst)
	}
	b, err := json.Marshal(answer)
	return append(dst, b...), err
}

func newAnswers(w http.ResponseWriter, r *http.Request, pause time.Duration) *answers {
	a := &answers{w: w, control: http.NewResponseController(w), pause: pause, status: http.StatusOK}
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		a.stream, a.squeeze = true, squeeze.Stream(w, r)
		_ = a.control.EnableFullDuplex() // HTTP/1: answer while the body still comes
	}
	return a
}

// add takes the answers of member at.
func (a *answers) add(at int, items ...any) {
	list := make([]placed, len(items))
	for i, x := range items {
		list[i] = placed{at, x}
	}
	a.addAll(list)
}

// addAll takes answers of several members, in one piece of the stream.
func (a *answers) addAll(list []placed) {
	if len(list) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += len(list)
	if !a.stream {
		a.pending = append(a.pending, list...)
		return
	}
	a.begin()
	a.send(list...)
}

// send writes lines of the stream. A sender that does not read what it is told
// must not hold the members behind: after one write that did not get through
// the rest is not written, and without a last line it sends again.
func (a *answers) send(list ...placed) {
	if a.failed {
		return
	}
	a.lines = a.lines[:0]
	for _, x := range list {
		line, err := appendJSON(a.lines, x.answer)
		if err != nil {
			a.failed = true
			return
		}
		a.lines = append(line, '\n')
	}
	_ = a.control.SetWriteDeadline(time.Now().Add(a.pause))
	if err := a.writeLines(); err != nil {
		a.failed = true
	}
	if !a.failed {
		_ = a.control.Flush() // a writer that cannot flush sends at the end
	}
	_ = a.control.SetWriteDeadline(time.Time{})
}

// writeLines writes what is in lines so that its reader can read it now.
func (a *answers) writeLines() error {
	if a.squeeze == nil {
		_, err := a.w.Write(a.lines)
		return err
	}
	if _, err := a.squeeze.Write(a.lines); err != nil {
		return err
	}
	return a.squeeze.Flush()
}

func (a *answers) begin() {
	if a.began {
		return
	}
	a.began = true
	kind := "application/json"
	if a.stream {
		kind = "application/x-ndjson"
	}
	if a.squeeze != nil {
		a.w.Header().Set("Content-Encoding", "zstd")
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
	if a.stream {
		a.send(placed{last, map[string]any{"end": true, "results": a.n}})
		a.close()
		return nil
	}
	a.write()
	return nil
}

// close ends a compressed stream.
func (a *answers) close() {
	if a.squeeze == nil || a.failed {
		return
	}
	_ = a.control.SetWriteDeadline(time.Now().Add(a.pause))
	if err := a.squeeze.Close(); err != nil {
		a.failed = true
	}
	_ = a.control.SetWriteDeadline(time.Time{})
}

// readOff reads off for a moment what is left of a body that was not wanted, so
// that its sender hears the answer; the server would wait without end. A stream
// does it here: after it the server has begun to listen for the next request,
// which then fails when the body's end comes only now (net/http panics with
// "invalid concurrent Body.Read call").
func (a *answers) readOff(body io.Reader) {
	_ = a.control.SetReadDeadline(time.Now().Add(min(a.pause, time.Second)))
	if a.stream {
		_, _ = io.Copy(io.Discard, body) // a sender that has gone sends again
	}
}

// stop ends an answer whose request was cut: a stream gets no last line.
func (a *answers) stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stream {
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
