// Package edge is what a facility's own agent asks of the hub beside sending:
// to enrol, the rules it will be judged by, what became of its records, and
// whether both count the same. It speaks HTTP and nothing of who may: its doors
// stand in web/api, which lets callers in.
package edge

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/enrol"
	"lienthong/internal/facility"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/rulepack"
	"lienthong/internal/store"
)

// Caller is who makes a request, as web/api found out.
type Caller struct {
	Role   role.Role
	Client string // credential, "" without one
	Name   string
}

// Deps is what the edge works with.
type Deps struct {
	Hub       string // its name
	Key       *ledger.ReceiptKey
	LogKeys   func(context.Context) ([]string, error) // verifier lines of all logs
	Directory func() *facility.Directory              // of this moment
	Pack      func() *quality.Pack
	Books     func() []rulepack.Book // that people wrote, as the pack judges by them; nil: none
	Sheets    func() []string        // of quality in force, as JSON; nil: none are told
	Enrol     *enrol.Desk
	Sequence  *enrol.Sequencer
	Feeds     store.Feeds
	Legs      store.Legs                                                                 // nil: none are kept
	Episode   func(who Caller, r *store.Record) string                                   // of the caller's own record, "" when erased
	Reserve   func(ctx context.Context, bytes int64, wait bool) (done func(), err error) // room in memory
	Clock     clock.Clock
}

// Edge answers agents.
type Edge struct {
	Deps
	mu        sync.Mutex
	comparing map[care.FacilityCode]bool
}

// New returns an edge.
func New(d Deps) (*Edge, error) {
	if d.Hub == "" || d.Key == nil || d.LogKeys == nil || d.Directory == nil || d.Pack == nil || d.Enrol == nil || d.Sequence == nil ||
		d.Feeds == nil || d.Episode == nil || d.Reserve == nil || d.Clock == nil {
		return nil, errors.New("edge: a part is missing")
	}
	return &Edge{Deps: d, comparing: map[care.FacilityCode]bool{}}, nil
}

// KeyLine is a public key as agents pin it.
type KeyLine struct {
	KID  string `json:"kid"`
	SPKI []byte `json:"spki"` // DER
}

func (e *Edge) keys() []KeyLine { return []KeyLine{{e.Key.Kid(), e.Key.SPKI()}} }

func give(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who asked has gone and asks again
	return nil
}

// body reads a whole request of at most limit bytes; tooLong is its fault.
func body(w http.ResponseWriter, r *http.Request, limit int64, tooLong error) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, tooLong
	}
	return b, nil
}
