// Package tlog is the public side of the hub's logs over HTTP: checkpoints, tiles,
// consistency proofs, time-stamps, and the door at which other hubs ask for a
// cosignature. Nobody logs in here: what it gives names no person and no record.
// Not for records and their receipts (web/api), nor for what a log is (ledger).
package tlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
)

// Watcher cosigns logs of other hubs; *witness.Watcher does.
type Watcher interface {
	Add(ctx context.Context, body []byte) (line string, err error)
}

// Deps is what the doors work with.
type Deps struct {
	Ledger    store.Ledger
	Cosigning store.Cosigning // nil: nobody cosigns
	Stamps    store.Stamps
	Receipts  *evidence.Desk
	Watcher   Watcher              // nil: no log is witnessed
	Slot      func() *problem.Slot // when those turned away may come again
	Logger    *slog.Logger
}

// Doors serves the logs.
type Doors struct{ Deps }

// New returns the doors.
func New(d Deps) (*Doors, error) {
	if d.Ledger == nil || d.Stamps == nil || d.Receipts == nil || d.Slot == nil || d.Logger == nil {
		return nil, errors.New("tlog: a part is missing")
	}
	return &Doors{d}, nil
}

// Route is one door, open to everybody.
type Route struct {
	Method, Pattern string
	handle          func(d *Doors, w http.ResponseWriter, r *http.Request) error
}

// Routes lists every door. web/api describes them in /openapi.json with its own.
func Routes() []Route {
	return []Route{
		{"GET", "/ledger/{log}/checkpoint", (*Doors).checkpoint},
		{"GET", "/ledger/{log}/cosigned", (*Doors).cosigned},
		{"GET", "/ledger/{log}/consistency", (*Doors).consistency},
		{"GET", "/ledger/{log}/tile/{path...}", (*Doors).tile},
		{"GET", "/ledger/{log}/stamps", (*Doors).stamps},
		{"GET", "/ledger/{log}/stamp/{size}", (*Doors).stamp},
		{"POST", "/witness/add-checkpoint", (*Doors).addCheckpoint},
	}
}

// Register puts every door into mux.
func (d *Doors) Register(mux *http.ServeMux) {
	for _, route := range Routes() {
		mux.HandleFunc(route.Method+" "+route.Pattern, d.door(route))
	}
}

// door turns errors, and a defect met by one request, into problems.
func (d *Doors) door(route Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				d.fail(w, r, fmt.Errorf("panic: %v", p))
			}
		}()
		if err := route.handle(d, w, r); err != nil {
			d.fail(w, r, err)
		}
	}
}

func (d *Doors) fail(w http.ResponseWriter, r *http.Request, err error) {
	var slot *problem.Slot
	if fault.KindOf(err) == fault.Busy {
		slot = d.Slot()
	}
	problem.WriteSlot(w, r, d.Logger, err, slot)
}

var errFilter = fault.New(fault.Invalid, "request.filter",
	"Điều kiện lọc không đúng dạng.", "A filter is not in its prescribed form.")
