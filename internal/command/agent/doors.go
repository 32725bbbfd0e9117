package agent

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"lienthong/internal/agent/door"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/page"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/submit"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/problem"
)

var errGatewayOff = fault.New(fault.Absent, "gateway.off",
	"Cổng thay thế chưa bật trên máy này. Chạy lienthong agent gateway --user TÊN.",
	"The drop-in gateway is not on here. Run lienthong agent gateway --user NAME.")

// doors are everything the agent answers on this machine: programs that submit,
// a HIS that speaks the insurer's interface, and people.
type doors struct {
	home    *home.Home
	log     *slog.Logger
	station *station.Station
	page    *page.Page
	gateway atomic.Pointer[gateway.Gateway] // nil: off
}

func (d *doors) open(st *station.Station, seals *signer.Sealer) (err error) {
	d.station = st
	if d.home.Config().Signer.Type == home.SignerNone {
		seals = nil
	}
	if d.page, err = page.New(page.Deps{Station: st, Signer: seals, Home: d.home, Logger: d.log}, page.Config{Version: version()}); err != nil {
		return err
	}
	return d.account(d.home.Config())
}

// account opens the gateway for the account of a configuration, or shuts it.
func (d *doors) account(c home.Config) error {
	if c.Gateway == nil {
		d.gateway.Store(nil)
		return nil
	}
	g, err := door.Gateway(d.station, store.GatewayAccount{Facility: c.Facility, User: c.Gateway.User, Hash: c.Gateway.Hash},
		gateway.Deps{Clock: clock.System{}, Logger: d.log})
	if err != nil {
		return home.ErrConfig.Because(err)
	}
	d.gateway.Store(g)
	return nil
}

// reload takes up what a command has changed: the gateway's account.
func (d *doors) reload(context.Context) error {
	c, err := d.home.Reload()
	if err != nil {
		return err
	}
	return d.account(c)
}

// Link implements control.Pages.
func (d *doors) Link(days int) string { return d.page.Link(days) }

// End implements control.Pages.
func (d *doors) End() error { return d.page.End() }

// handler answers by path: each door has its own rule of who may come in.
func (d *doors) handler() http.Handler {
	mux := http.NewServeMux()
	programs := submit.New(d.station)
	mux.Handle("/submit", programs)
	mux.Handle("/submit/", programs)
	// A HIS comes under whatever name was built into it, and shows its token; a
	// page of another site may not try passwords through somebody's browser.
	origin := http.NewCrossOriginProtection()
	his := origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g := d.gateway.Load(); g != nil {
			g.ServeHTTP(w, r)
			return
		}
		problem.Write(w, r, d.log, errGatewayOff)
	}))
	named := submit.Programs(his, func(w http.ResponseWriter, r *http.Request, err error) { problem.Write(w, r, d.log, err) })
	for _, prefix := range gateway.Prefixes() {
		mux.Handle(prefix, named)
	}
	mux.Handle("/", d.page)
	return mux
}
