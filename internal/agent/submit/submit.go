// Package submit is the agent's endpoint for programs of its own machine: they
// hand files over and ask what became of them. It lets nobody else in.
//
// It judges nothing and keeps nothing: the station does.
package submit

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/watch"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/inbound"
	"lienthong/internal/web/problem"
)

var (
	// ErrHost (local.host): a request that is not for this machine by name.
	ErrHost = fault.New(fault.Withheld, "local.host",
		"Chỉ nhận từ chính máy này, qua địa chỉ localhost hoặc 127.0.0.1.", "Only this machine may ask, at localhost or 127.0.0.1.")
	// ErrOrigin (local.origin): a page of another place asks through a browser.
	ErrOrigin = fault.New(fault.Withheld, "local.origin",
		"Không nhận yêu cầu do trang web khác gửi tới.", "Requests made by a page of another site are not taken.")
	errTar   = fault.New(fault.Invalid, "file.unreadable", "Gói tar hỏng hoặc bị cắt.", "The tar is damaged or cut short.")
	errAlone = fault.New(fault.Invalid, "file.unreadable",
		"Chữ ký hoặc bản giấy không có tệp hồ sơ đi cùng trong gói.", "A seal or paper without its file in the tar.")
	errBusy = fault.New(fault.Busy, "agent.busy", "Agent đang nhận nhiều tệp cùng lúc. Gửi lại sau vài giây.", "The agent is taking many files at once. Send again in a few seconds.")
)

// maxLocal is how long a tar may be that a program of this machine hands over.
const maxLocal = 64 << 20

// room is how many bytes of files handed over are held at once, by all programs
// together: the longest tar while it is read and taken apart, or many files.
const room = 256 << 20

// Endpoint answers programs of this machine.
type Endpoint struct {
	station *station.Station
	handler http.Handler

	mu   sync.Mutex
	held int64
}

// New returns the endpoint of a station: POST /submit takes what the hub's own
// submissions take, GET /submit/{ref} says what became of it. An answer of 202
// means that the file survives a power cut.
func New(s *station.Station) *Endpoint {
	e := &Endpoint{station: s}
	door := inbound.New(inbound.Limits{Expansion: 200, MinimumSpeed: 1 << 10, Grace: 30 * time.Second, Pause: 30 * time.Second,
		Streams: 4, StreamsEach: 4, Busy: errBusy})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /submit", func(w http.ResponseWriter, r *http.Request) { e.answer(w, r, e.submit(w, r, door)) })
	mux.HandleFunc("GET /submit/{ref}", func(w http.ResponseWriter, r *http.Request) { e.answer(w, r, e.fate(w, r)) })
	e.handler = Guard(mux, e.answer)
	return e
}

// ServeHTTP answers.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.handler.ServeHTTP(w, r) }

func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		problem.Write(w, r, e.station.Logger, err)
	}
}

// reserve keeps room in memory for what is handed over; errBusy without any.
func (e *Endpoint) reserve(n int64) (func(), error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n > room-e.held {
		return nil, errBusy
	}
	e.held += n
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.held -= n
	}, nil
}

// Guard lets through only what this machine asks of itself by name, and what no
// page of another site sends through a browser here (DNS rebinding, forged forms).
func Guard(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			refuse(w, r, ErrHost)
			return
		}
		if o := r.Header.Get("Origin"); o != "" {
			u, err := url.Parse(o)
			if err != nil || u.Host != r.Host {
				refuse(w, r, ErrOrigin)
				return
			}
		}
		switch r.Header.Get("Sec-Fetch-Site") { // W3C Fetch Metadata
		case "", "same-origin", "none":
		default:
			refuse(w, r, ErrOrigin)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Programs lets through what comes under whatever name, but from no page of
// another place: a name that was made to lead here (DNS rebinding) makes a page of
// it a page of this address, which only its origin tells. A browser says the
// origin of whatever a page posts.
func Programs(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o := r.Header.Get("Origin"); o != "" {
			u, err := url.Parse(o)
			if err != nil || u.Host != r.Host || !loopback(u.Host) {
				refuse(w, r, ErrOrigin)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func loopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// receivedOne is the answer for one file that was handed over.
type receivedOne struct {
	File    string      `json:"file"`
	Ref     spool.Ref   `json:"ref,omitempty"`
	State   string      `json:"state,omitempty"`
	Replay  bool        `json:"replay,omitempty"` // it was taken before
	Refused bool        `json:"refused,omitempty"`
	Code    string      `json:"code,omitempty"`
	Message *fault.Text `json:"message,omitempty"`
}

// submit takes a file or a tar of files.
func (e *Endpoint) submit(w http.ResponseWriter, r *http.Request, door *inbound.Door) error {
	lane, err := store.ParseLane(r.Header.Get("Lane"))
	if err != nil {
		return err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = "" // what is in it says what it is
	}
	limit := int64(watch.MaxFile)
	if kind == "application/x-tar" {
		limit = maxLocal
	}
	from, done, err := door.Open(w, r, "local", limit)
	if err != nil {
		return err
	}
	defer done()
	held := inbound.NewRoom(e.reserve)
	defer held.Leave()
	// The length that was said is not believed: room is taken for what came.
	raw, err := inbound.ReadAll(from, -1, held.Hold)
	if err != nil {
		return err
	}
	items := []station.Item{one(r, raw)}
	if kind == "application/x-tar" {
		if err = held.Hold(int64(cap(raw) + len(raw))); err == nil {
			items, err = unpack(bytes.NewReader(raw))
		}
	}
	if err != nil {
		return err
	}
	out := make([]receivedOne, 0, len(items))
	status := http.StatusAccepted
	for _, i := range items {
		i.Source, i.Lane = "local", lane
		got, err := e.received(r, i)
		if err != nil {
			return err
		}
		if out = append(out, got); got.Refused && len(items) == 1 {
			status = http.StatusUnprocessableEntity
		}
	}
	if len(out) == 1 && out[0].Ref != "" {
		w.Header().Set("Location", "/submit/"+string(out[0].Ref))
	}
	return write(w, status, map[string]any{"results": out})
}

// received takes one item; an error is the agent's own trouble.
func (e *Endpoint) received(r *http.Request, i station.Item) (receivedOne, error) {
	put, err := e.station.Place(r.Context(), i)
	if err == nil {
		return receivedOne{File: i.Name, Ref: put.Ref, State: put.State.String(), Replay: !put.Fresh}, nil
	}
	f := fault.Of(err)
	if f.Kind == fault.Invalid || f.Kind == fault.TooLarge {
		return receivedOne{File: i.Name, Refused: true, Code: f.Code, Message: &f.Text}, nil
	}
	return receivedOne{}, err
}

// one is a lone file with its seal in the header.
func one(r *http.Request, raw []byte) station.Item {
	name := ""
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		name = path.Base(params["filename"])
	}
	i := station.Item{Name: name, Payload: spool.Payload{File: spool.Part{Name: name, Bytes: raw}}}
	if token := strings.TrimSpace(r.Header.Get("Seal")); token != "" {
		i.Payload.File.Seal = []byte(token)
	}
	return i
}

// unpack reads a tar; what lies beside a file goes with it, in whatever order.
func unpack(from io.Reader) ([]station.Item, error) {
	var names []string
	parts := map[string][]byte{}
	for t := tar.NewReader(from); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, tarFault(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if len(h.Name) > 1024 || len(names) >= 10_000 || h.Size > watch.MaxFile {
			return nil, watch.ErrLimits
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, tarFault(err)
		}
		if _, twice := parts[h.Name]; twice {
			return nil, errTar
		}
		names, parts[h.Name] = append(names, h.Name), b
	}
	var items []station.Item
	used := map[string]bool{}
	part := func(name string) spool.Part {
		p := spool.Part{Name: path.Base(name), Bytes: parts[name]}
		used[name] = true
		if token, ok := parts[name+".jws"]; ok {
			p.Seal, used[name+".jws"] = []byte(strings.TrimSpace(string(token))), true
		}
		return p
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".jws") || strings.HasSuffix(strings.ToLower(name), ".pdf") {
			continue
		}
		i := station.Item{Name: name, Payload: spool.Payload{File: part(name)}}
		for _, paper := range []string{name + ".pdf", strings.TrimSuffix(name, path.Ext(name)) + ".pdf"} {
			if _, ok := parts[paper]; ok && !used[paper] {
				i.Payload.Papers = append(i.Payload.Papers, part(paper))
			}
		}
		items = append(items, i)
	}
	if len(used) < len(parts) || len(items) == 0 {
		return nil, errAlone
	}
	return items, nil
}

func tarFault(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return errTar.Because(err)
}

// Fate is what became of an item.
type Fate struct {
	Ref      spool.Ref         `json:"ref"`
	File     string            `json:"file"`
	State    string            `json:"state"` // "taken", "waiting_for_seal", "held", "ready", "sent", "carried", "accepted", "rejected", "refused"
	Lane     string            `json:"lane"`
	Taken    time.Time         `json:"taken"`
	Code     string            `json:"code,omitempty"`
	Message  *fault.Text       `json:"message,omitempty"`
	Results  []json.RawMessage `json:"results"` // the hub's answers as it gave them, with their receipts
	Dossiers int               `json:"dossiers,omitempty"`
}

func (e *Endpoint) fate(w http.ResponseWriter, r *http.Request) error {
	i, err := e.station.Spool.Get(r.Context(), spool.Ref(r.PathValue("ref")))
	if err != nil {
		return err
	}
	answers, err := e.station.Spool.Answers(r.Context(), i.Ref)
	if err != nil {
		return err
	}
	f := Fate{Ref: i.Ref, File: i.Name, State: i.State.String(), Lane: i.Lane.String(), Taken: i.Taken, Code: i.Code, Dossiers: i.Dossiers, Results: []json.RawMessage{}}
	if i.Code != "" {
		f.Message = &i.Said
	}
	for _, a := range answers {
		f.Results = append(f.Results, json.RawMessage(a.Line))
	}
	return write(w, http.StatusOK, f)
}

func write(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who has gone asks again
	return nil
}
