package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"lienthong/internal/admin"
	ocspsim "lienthong/internal/bridge/revocation/simulator"
	tsasim "lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/command/simulate"
	"lienthong/internal/demo"
	"lienthong/internal/hub"
	"lienthong/internal/store"
	"lienthong/internal/synth"
	webadmin "lienthong/internal/web/admin"
)

type simulateCmd struct {
	TSA simulateTSACmd `cmd:"" name:"tsa" help:"Run a time-stamp authority of your own: for trying, worth nothing as evidence."`
	simulate.Cmd
}

type simulateTSACmd struct {
	Listen string `default:"127.0.0.1:8318" help:"Address to answer at."`
	Dir    string `required:"" help:"Directory of its key and certificates, made where they are not." type:"path"`
}

// Run answers RFC 3161 requests until it is told to stop.
func (c *simulateTSACmd) Run(ctx context.Context, s *command.Streams) error {
	a, err := authorityIn(c.Dir)
	if err != nil {
		return err
	}
	return serveHTTP(ctx, c.Listen, a, func(addr string) {
		fmt.Fprintf(s.Out, "time-stamp authority (simulated): http://%s/, root %s\n", addr, filepath.Join(c.Dir, "root.pem"))
	})
}

// authorityIn reads the authority kept in dir, or makes one there.
func authorityIn(dir string) (*tsasim.Authority, error) {
	if _, err := os.Stat(filepath.Join(dir, "tsa.key")); err == nil {
		return tsasim.Load(clock.System{}, func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) })
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	a, err := tsasim.New(clock.System{}, 0)
	if err != nil {
		return nil, err
	}
	files, err := a.Files()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"root.pem", "tsa.pem", "tsa.key"} { // the key last: with it the rest is there
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o600); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// serveHTTP serves until ctx ends; ready is told the address.
func serveHTTP(ctx context.Context, listen string, handler http.Handler, ready func(addr string)) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	ready(l.Addr().String())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// outside runs the demo's time-stamp authority and its certificate authority's
// revocation service on loopback, and approves both: the way they are asked is
// the real one.
func outside(ctx context.Context, h *hub.Hub, acts webadmin.Acts, n *synth.Nation, dir string) error {
	a, err := authorityIn(filepath.Join(dir, "tsa"))
	if err != nil {
		return err
	}
	had, err := h.Slices.Services.Services(ctx)
	if err != nil {
		return err
	}
	for _, s := range had { // of an earlier run, at ports that are another's now
		if s.Ended.IsZero() && s.Private {
			if err := acts.EndService(ctx, demo.Actor, s.Kind, s.URL); err != nil && !errors.Is(err, admin.ErrServiceUnknown) {
				return err
			}
		}
	}
	files, err := a.Files()
	if err != nil {
		return err
	}
	issuer, key := n.Authority()
	for _, s := range []struct {
		kind, pem string
		handler   http.Handler
	}{
		{store.ServiceTSA, string(files["root.pem"]), a},
		{store.ServiceOCSP, string(n.Root()), ocspsim.New(issuer, key, clock.System{})},
	} {
		at := make(chan string, 1)
		failed := make(chan error, 1)
		go func() { failed <- serveHTTP(ctx, "127.0.0.1:0", s.handler, func(addr string) { at <- addr }) }()
		select {
		case addr := <-at:
			if err := acts.AddService(ctx, demo.Actor, admin.Service{Kind: s.kind, URL: "http://" + addr + "/", PEM: s.pem, Private: true}); err != nil {
				return err
			}
		case err := <-failed:
			return err
		}
	}
	return nil
}
