package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	webadmin "lienthong/internal/web/admin"
)

// memoryLimit makes the collector eager before the process grows past what a
// small machine is planned for (TRUST R10: 512 MB). It lies well above what a
// saturated hub holds (about 200 MB): a limit below what is really held would
// have the collector run without end and nothing else get done.
const memoryLimit = 400 << 20

type hubCmd struct {
	Data      string `required:"" help:"Directory of the hub." type:"path"`
	Database  string `help:"File (mode 0600) that holds a PostgreSQL URL; default what init was told." type:"path"`
	Listen    string `default:"127.0.0.1:8080" help:"Address for people and systems."`
	OpsListen string `default:"127.0.0.1:8081" help:"Address for metrics and profiles: operators only."`
	PublicURL string `name:"public-url" help:"URL under which people and systems reach the hub."`
	TLSCert   string `name:"tls-cert" help:"Certificate (PEM) to serve TLS with." type:"existingfile"`
	TLSKey    string `name:"tls-key" help:"Its key." type:"existingfile"`
	ClientCA  string `name:"client-ca" help:"Authority whose client certificates are asked for (mTLS)." type:"existingfile"`
	Config    string `help:"JSON file with settings named like these flags; the command line goes before it." type:"existingfile"`
	LogJSON   bool   `name:"log-json" help:"Log as JSON."`
	Sign      string `help:"Unix socket of the signing process (lienthong sign), which holds the keys in the hub's place." type:"path"`
}

// Run serves until it is told to stop, then drains.
func (c *hubCmd) Run(ctx context.Context, s *command.Streams) error {
	if err := c.readConfig(); err != nil {
		return err
	}
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	if c.Database != "" {
		p.Database = c.Database
	}
	if c.Sign != "" {
		p.Sign = c.Sign
	}
	debug.SetMemoryLimit(memoryLimit)
	log := command.Logger(s.Err, c.LogJSON)
	base := c.PublicURL
	if base == "" {
		base = command.Scheme(c.TLSCert) + "://" + c.Listen
	}
	h, err := p.Start(ctx, hub.Config{PublicURL: base, Secure: c.TLSCert != "", Shipped: true, Logger: log})
	if err != nil {
		return err
	}
	tlsConfig, err := c.tls()
	if err != nil {
		return errors.Join(err, h.Close())
	}
	srv := &server{hub: h, handler: h.Handler(), place: p, base: base, listen: c.Listen, ops: c.OpsListen, tls: tlsConfig, log: log}
	return srv.serve(ctx, func() { log.Info("hub ready", "hub", p.Name, "url", base, "ops", "http://"+c.OpsListen) })
}

// readConfig takes settings from the file where the command line left them at their default.
func (c *hubCmd) readConfig() error {
	if c.Config == "" {
		return nil
	}
	b, err := os.ReadFile(c.Config)
	if err != nil {
		return err
	}
	var f struct {
		Listen    string `json:"listen"`
		OpsListen string `json:"ops-listen"`
		PublicURL string `json:"public-url"`
		TLSCert   string `json:"tls-cert"`
		TLSKey    string `json:"tls-key"`
		ClientCA  string `json:"client-ca"`
		Database  string `json:"database"`
		Sign      string `json:"sign"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields() // a misspelled tls-cert would serve in the clear
	if err := d.Decode(&f); err != nil {
		return errConfig.Because(fmt.Errorf("%s: %w", c.Config, err))
	}
	for _, v := range []struct {
		from     string
		to       *string
		standard string
	}{
		{f.Listen, &c.Listen, "127.0.0.1:8080"}, {f.OpsListen, &c.OpsListen, "127.0.0.1:8081"}, {f.PublicURL, &c.PublicURL, ""},
		{f.TLSCert, &c.TLSCert, ""}, {f.TLSKey, &c.TLSKey, ""}, {f.ClientCA, &c.ClientCA, ""}, {f.Database, &c.Database, ""}, {f.Sign, &c.Sign, ""},
	} {
		if v.from != "" && *v.to == v.standard {
			*v.to = v.from
		}
	}
	return nil
}

func (c *hubCmd) tls() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	if c.ClientCA == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, err
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !cfg.ClientCAs.AppendCertsFromPEM(text) {
		return nil, errNoCertificate.Because(errors.New(c.ClientCA))
	}
	return cfg, nil
}

// server is a hub with its three doors: the world's, the operator's metrics,
// and the administrator's socket.
type server struct {
	hub     *hub.Hub
	handler http.Handler
	place   *command.Place
	base    string
	listen  string
	ops     string
	tls     *tls.Config
	log     *slog.Logger
}

// drain is how long requests under way may take to end.
const drain = 20 * time.Second

// serve opens the doors, calls ready, waits for ctx, and drains: no new
// requests and no new files, also of tars under way, which are told to come
// again; requests under way end, what was taken is committed.
func (s *server) serve(ctx context.Context, ready func()) error {
	world := &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 60 * time.Second, MaxHeaderBytes: 32 << 10,
		TLSConfig: s.tls, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	operator := &http.Server{Handler: opsHandler(s.hub.Metrics()), ReadHeaderTimeout: 5 * time.Second}
	socket := &http.Server{Handler: webadmin.WithEvidence(webadmin.Handler(s.hub.Administer(), s.base, s.log), s.hub.Evidence, s.log), ReadHeaderTimeout: 5 * time.Second}
	doors, err := s.open(world, operator, socket)
	if err != nil {
		return errors.Join(err, s.hub.Close())
	}
	ready()
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-doors:
	}
	s.hub.Intake.Drain()
	end, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return errors.Join(failed, world.Shutdown(end), operator.Shutdown(end), socket.Shutdown(end), s.hub.Close())
}

// open listens at all doors; the channel tells when one breaks.
func (s *server) open(world, operator, socket *http.Server) (<-chan error, error) {
	path := filepath.Join(s.place.Dir, command.SocketFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	broken := make(chan error, 3)
	for _, door := range []struct {
		server        *http.Server
		network, addr string
	}{{world, "tcp", s.listen}, {operator, "tcp", s.ops}, {socket, "unix", path}} {
		l, err := net.Listen(door.network, door.addr)
		if err != nil {
			return nil, err
		}
		if door.network == "unix" {
			if err := os.Chmod(path, 0o600); err != nil {
				return nil, errors.Join(err, l.Close())
			}
		}
		go func() {
			var err error
			if door.server.TLSConfig != nil {
				err = door.server.ServeTLS(l, "", "")
			} else {
				err = door.server.Serve(l)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				broken <- err
			}
		}()
	}
	return broken, nil
}

// opsHandler serves metrics and profiles, on the operator's address only.
func opsHandler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	return mux
}

var (
	errConfig = fault.New(fault.Invalid, "usage.config",
		"Tệp thiết đặt không đọc được: cần JSON, các tên như tên cờ của lệnh hub.",
		"The file of settings cannot be read: it is JSON, with names like the flags of the command hub.")
	errNoCertificate = fault.New(fault.Invalid, "usage.no_certificate", "Tệp này không chứa chứng thư nào.", "This file holds no certificate.")
)
