package hub

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lienthong/internal/facility"
	"lienthong/internal/hub/caller"
	"lienthong/internal/masked"
	"lienthong/internal/web/api"
	"lienthong/internal/web/pace"
	"lienthong/internal/web/tlog"
	"lienthong/internal/web/token"
	"lienthong/internal/web/trace"
)

func (h *Hub) openDoors() error {
	tokens, err := token.New(token.Config{
		Secret: h.cfg.Keys.Token, Directory: func() *facility.Directory { return h.Trust.Current().Directory },
		Once: h.Slices.Access, Clock: h.cfg.Clock, PublicURL: h.cfg.PublicURL,
		Waiting: (&applicants{store: h.Slices.Enrolments}).client,
	})
	if err != nil {
		return err
	}
	h.tokens = tokens
	if err := h.openInflow(); err != nil {
		return err
	}
	agents, err := h.openEdge()
	if err != nil {
		return err
	}
	h.cfg.API.Hub = h.cfg.Name
	shown := *h.Slices
	shown.Records, shown.Counters = masked.Metadata{Records: h.Slices.Records}, masked.Sums{Counters: h.Slices.Counters}
	shown.Legs = masked.Legs{Legs: h.Slices.Legs}
	h.API, err = api.New(api.Deps{
		Callers: h.callers(), Intake: h.Intake, Disclose: h.Disclose, Slices: &shown, Receipts: h.Receipts,
		Rules: h.Rules, Vault: h.Vault, Clock: h.cfg.Clock, Logger: h.cfg.Logger, Token: tokens, Rechecks: h.Checker, Bundles: h.Bundles,
		Exchange: h.Office, Plan: h.delivery.plan.Load, Moves: h.Moves, Ways: ways{h.Courier},
		Edge: agents,
	}, h.cfg.API)
	if err != nil {
		return err
	}
	h.log, err = tlog.New(tlog.Deps{Ledger: h.Slices.Ledger, Cosigning: h.Slices.Witness, Stamps: h.Slices.Stamps, Receipts: h.Receipts,
		Watcher: h.Watcher, Slot: h.API.Slot, Logger: h.cfg.Logger})
	return err
}

func (h *Hub) callers() *caller.Callers {
	return &caller.Callers{Tokens: h.tokens, Sessions: h.Sessions, Trust: h.Trust}
}

// Handler serves the hub's doors.
func (h *Hub) Handler() http.Handler {
	mux := http.NewServeMux()
	h.API.Register(mux)
	h.log.Register(mux)
	h.gateway.Register(mux)
	h.registerHis(mux, h.cfg.Logger)
	h.audit.Register(mux)
	for _, d := range h.House.Doors {
		d.Register(mux)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, "ok") })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("/", h.portal)
	origin := http.NewCrossOriginProtection()
	if h.links != nil {
		mux.Handle("/s/", h.links)
		mux.Handle("POST /s/{id}", trace.Guard(h.cfg.Logger, h.links)) // its files are sealed, and given for a ticket of this
		origin.AddInsecureBypassPattern("POST /s/{id}")                // viewers of links run in browsers elsewhere; no cookie is read there
	}
	world := h.guarded(mux)
	return pace.Door{Next: origin.Handler(world), Own: "/api/v1/submissions"}.WithDefaults()
}

// Metrics is what the operator's door shows.
func (h *Hub) Metrics() http.Handler {
	return promhttp.HandlerFor(h.metrics.Registry, promhttp.HandlerOpts{})
}

// ready answers whether the hub takes files: its store is read, its log is held.
func (h *Hub) ready(w http.ResponseWriter, r *http.Request) {
	if _, err := h.Slices.Facilities.Epoch(r.Context()); err != nil || h.Intake.Stopping() {
		w.WriteHeader(http.StatusServiceUnavailable)
		answer(w, "not ready")
		return
	}
	answer(w, "ready")
}

func answer(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text + "\n")) // who asked has gone
}
