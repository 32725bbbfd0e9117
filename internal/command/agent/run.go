package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	agentclient "lienthong/internal/agent"
	"lienthong/internal/agent/control"
	"lienthong/internal/agent/footprint"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/local"
	"lienthong/internal/agent/service"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/choose"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/update"
	"lienthong/internal/agent/watch"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// runCmd runs the agent.
type runCmd struct {
	in
	Hold bool `help:"Keep back what the hub would not accept, until a person has looked at it."`
	JSON bool `name:"json" help:"Log as JSON."`
}

// spoolFile is the spool's name in the agent's directory.
const spoolFile = "spool.db"

// Run works until it is told to stop, by a signal or by Windows' service manager.
func (c *runCmd) Run(ctx context.Context, s *command.Streams) error {
	return service.Run(ctx, func(ctx context.Context) error { return c.work(ctx, s) })
}

func (c *runCmd) work(ctx context.Context, s *command.Streams) (err error) {
	footprint.Bound(footprint.Config{})
	h, err := c.open()
	if err != nil {
		return err
	}
	system := clock.System{}
	seals, err := choose.Signer(ctx, h, system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seals.Close()) }()
	log := command.Logger(s.Err, c.JSON)
	var st *station.Station
	pages := &doors{home: h, log: log}
	speaks, err := control.Listen(h, control.Agent{Version: version(), Clock: system, Signer: seals, Station: func(ctx context.Context) (json.RawMessage, bool) {
		return told(ctx, st)
	}, Pages: pages, Reload: pages.reload})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, speaks.Close()) }()
	o := options{hold: c.Hold, log: s, json: c.JSON}
	if h.Config().Signer.Type != home.SignerNone {
		o.signer = seals
	}
	st, done, err := openStation(ctx, h, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := pages.open(st, seals); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return speaks.Serve(ctx) })
	g.Go(func() error { return st.Run(ctx) })
	g.Go(func() error { return footprint.Keep(ctx, footprint.Config{}) })
	g.Go(func() error { return pages.page.Run(ctx) })
	if err := serve(ctx, g, h, pages.handler()); err != nil {
		return errors.Join(err, g.Wait())
	}
	log.Info("agent ready", "hub", h.Config().Hub, "facility", string(h.Config().Facility), "listen", h.Config().Listen, "folders", len(h.Config().Folders))
	return g.Wait()
}

// serve answers on this machine: programs, people and the gateway's HIS.
func serve(ctx context.Context, g *errgroup.Group, h *home.Home, handler http.Handler) error {
	cfg := h.Config()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 128 << 10}
	listen, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	g.Go(func() error { return ended(server.Serve(listen)) })
	if cfg.Secure != "" {
		conf, err := local.TLS(h)
		if err != nil {
			return errors.Join(err, listen.Close())
		}
		secure, err := net.Listen("tcp", cfg.Secure)
		if err != nil {
			return errors.Join(fmt.Errorf("agent: %w", err), listen.Close())
		}
		g.Go(func() error {
			tlsServer := &http.Server{Handler: server.Handler, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
			g.Go(func() error { <-ctx.Done(); return tlsServer.Close() })
			return ended(tlsServer.ServeTLS(secure, "", ""))
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(end); err != nil {
			return server.Close()
		}
		return nil
	})
	return nil
}

func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// options are how a station is opened.
type options struct {
	signer signer.Signer // nil: nothing is sealed
	hold   bool
	log    *command.Streams
	json   bool
	guest  bool // beside an agent that may be running
}

// openStation opens an agent's spool and makes its station. done closes the spool.
func openStation(ctx context.Context, h *home.Home, o options) (st *station.Station, done func() error, err error) {
	cfg := h.Config()
	key, err := h.SpoolKey()
	if err != nil {
		return nil, nil, err
	}
	credential, err := h.Credential()
	if err != nil {
		return nil, nil, err
	}
	transport, err := h.Transport()
	if err != nil {
		return nil, nil, err
	}
	client, err := agentclient.New(agentclient.Config{HubURL: cfg.Hub, Credential: credential, Transport: transport})
	if err != nil {
		return nil, nil, err
	}
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return nil, nil, err
	}
	folders, err := foldersOf(cfg.Folders)
	if err != nil {
		return nil, nil, err
	}
	queue, err := spool.Open(ctx, h.Path(spoolFile), key, spool.Config{Guest: o.guest})
	if err != nil {
		return nil, nil, err
	}
	kinds := hub.Kinds()
	st, err = station.New(station.Deps{Spool: queue, Client: client, Kinds: kinds, Compiler: hub.RuleCompiler(), Signer: o.signer, Logger: command.Logger(o.log.Err, o.json),
		Checker: &intake.Checker{Kinds: kinds, Seals: seals, Rules: hub.Rules}},
		station.Config{Facility: cfg.Facility, Folders: folders, Software: cfg.Software, Version: version(), Hold: o.hold, Seen: h.Path("checkpoints"),
			Keys: h.ReceiptKeys, SaveKeys: h.SaveReceiptKeys})
	if err != nil {
		return nil, nil, errors.Join(err, queue.Close())
	}
	return st, queue.Close, nil
}

func foldersOf(list []home.Folder) (out []watch.Folder, err error) {
	for _, f := range list {
		lane, err := store.ParseLane(f.Lane)
		if err != nil {
			return nil, err
		}
		out = append(out, watch.Folder{Path: f.Path, Done: f.Done, Lane: lane, Pattern: f.Pattern})
	}
	return out, nil
}

// version is of this program, as requests name it and updates compare it.
func version() string { return update.Version() }

// told is what the agent says of itself to `agent status`.
func told(ctx context.Context, st *station.Station) (json.RawMessage, bool) {
	if st == nil {
		return nil, false
	}
	today, err := st.Today(ctx)
	if err != nil {
		return nil, false
	}
	notices, err := st.Notices(ctx)
	if err != nil {
		return nil, false
	}
	pack, issued := st.Rules()
	b, err := json.Marshal(map[string]any{"today": today, "connection": st.Connection(), "notices": notices, "rules": pack, "rules_issued": issued})
	return b, err == nil
}
