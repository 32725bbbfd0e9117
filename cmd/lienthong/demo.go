package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/demo"
	"lienthong/internal/demo/ministry"
	"lienthong/internal/hub"
	"lienthong/internal/synth"
)

type demoCmd struct {
	Listen    string  `default:"127.0.0.1:8080" help:"Address for people and systems."`
	OpsListen string  `default:"127.0.0.1:8081" help:"Address for metrics and profiles."`
	Data      string  `help:"Directory to keep the demo in; default a temporary one, removed at the end." type:"path"`
	Seed      uint64  `default:"1" help:"Seed of the synthetic nation."`
	Profile   string  `default:"pilot" enum:"pilot,small,nation" help:"small: 9 facilities; pilot: 412 in four provinces; nation: the whole country."`
	Start     int     `default:"1200" help:"Files sent at once at the beginning."`
	Rate      float64 `default:"4" help:"Files a second after that."`
	Files     int     `default:"0" help:"Stop sending after so many files; 0: go on."`
	Sign      bool    `help:"Let the hub ask for keys and signatures over a socket, as with lienthong sign."`
}

// Run starts a hub, founds a synthetic nation in it and lets its facilities
// send: everything on the way is the real thing.
func (c *demoCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	dir, temporary, err := c.directory()
	if err != nil {
		return err
	}
	if temporary {
		defer os.RemoveAll(dir)
	}
	_, err = os.Stat(filepath.Join(dir, "hub", command.HubFile))
	fresh := errors.Is(err, os.ErrNotExist)
	p, err := c.place(filepath.Join(dir, "hub"))
	if err != nil {
		return err
	}
	if c.Sign {
		stop, err2 := holdKeys(ctx, p, dir, s)
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	debug.SetMemoryLimit(memoryLimit)
	log := slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	base := "http://" + c.Listen
	tour := demo.NewTour(base)
	began := time.Now()
	nation, err := synth.New(synth.Config{Seed: c.Seed, Profile: c.Profile, To: time.Now().Add(-time.Hour)})
	if err != nil {
		return err
	}
	if fresh {
		if err := c.eve(ctx, p, nation, log); err != nil {
			return err
		}
	}
	h, err := p.Start(ctx, hub.Config{PublicURL: base, Demo: true, Try: tour.Things, Logger: log, Outside: hub.Outside{Stamp: demoStamp}})
	if err != nil {
		return err
	}
	acts := h.Administer()
	fmt.Fprintf(s.Out, "Liên Thông, bản chạy thử · demo\n  %s\n  hub %s, sổ · log key %s\n", honesty, p.Name, h.LogKey.Verifier())
	if err := found(ctx, h, nation); err != nil {
		return errors.Join(err, h.Close())
	}
	if err := outside(ctx, h, acts, nation, dir); err != nil {
		return errors.Join(err, h.Close())
	}
	fmt.Fprintf(s.Out, "  %d cơ sở giả lập đã đăng ký sau %.1f giây · synthetic facilities registered\n", len(nation.Facilities()), time.Since(began).Seconds())
	show, err := demo.Prepare(ctx, demo.Deps{Acts: acts, Legs: h.Slices.Legs, Ways: h.Courier.Status, Seal: h.Vault.SealSecret, Nation: nation, Roster: h.Login.Roster, Delegate: h.Choices.Delegate, Credential: func(ctx context.Context, code string) ([]byte, error) {
		return command.NewCredential(ctx, acts, p.Name, code)
	}}, demo.Config{Dir: dir, Start: c.Start, Rate: c.Rate, Limit: c.Files, Out: s.Out, Program: os.Args[0]}, tour)
	if err != nil {
		return errors.Join(err, h.Close())
	}
	house, err := teller(h, nation, clock.System{})
	if err != nil {
		return errors.Join(err, show.Close(), h.Close())
	}
	srv := &server{hub: h, handler: show.Handler(h.Handler()), place: p, base: base, listen: c.Listen, ops: c.OpsListen, log: log}
	running, stop := context.WithCancel(ctx)
	var shown sync.WaitGroup
	err = srv.serve(ctx, func() {
		tour.Print(ctx, s.Out, dir)
		shown.Go(func() { show.Run(running) })
		shown.Go(func() {
			if err := house.Morning(running); err != nil && running.Err() == nil {
				fmt.Fprintf(s.Out, "  ! %v\n", err)
			}
		})
	})
	stop()
	shown.Wait() // the directory goes next
	return errors.Join(err, show.Close())
}

const honesty = "Bản độc lập, mã nguồn mở, làm từ tài liệu công khai; không thuộc và không kết nối cơ quan nào; mọi số liệu đều là giả lập.\n" +
	"  Independent and open, made from public texts; not connected to any ministry, insurer or hospital; all data are synthetic."

func (c *demoCmd) directory() (dir string, temporary bool, err error) {
	if c.Data != "" {
		return c.Data, false, os.MkdirAll(c.Data, 0o700)
	}
	dir, err = os.MkdirTemp("", "lienthong-demo-")
	return dir, true, err
}

// place opens the hub's directory, made where it is not.
func (c *demoCmd) place(dir string) (*command.Place, error) {
	if _, err := os.Stat(filepath.Join(dir, command.HubFile)); err == nil {
		return command.OpenPlace(dir)
	}
	return command.MakePlace(dir, command.PlaceFile{Name: "lienthong.demo", Keys: dir + ".keys"})
}

// found registers the nation's authority and facilities.
func found(ctx context.Context, h *hub.Hub, n *synth.Nation) error {
	if len(h.Trust.Current().Codes()) > 0 {
		return nil // founded before, in a directory that was kept
	}
	acts := h.Administer()
	if err := acts.AddAnchor(ctx, demo.Actor, string(n.Root())); err != nil {
		return err
	}
	list := make([]admin.Facility, 0, len(n.Facilities()))
	for _, f := range n.Facilities() {
		list = append(list, f.Registration())
	}
	return acts.AddFacility(ctx, demo.Actor, list...)
}

// eveFiles is how many files a demo was sent the day before it begins.
const eveFiles = 240

// eve is the day before: a hub whose clock is a day behind is sent files, and the
// ministry's house is furnished, so that there is a yesterday to ask about.
func (c *demoCmd) eve(ctx context.Context, p *command.Place, n *synth.Nation, log *slog.Logger) error {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h, err := p.Start(ctx, hub.Config{PublicURL: "http://" + at.Addr().String(), Demo: true, Logger: log, Clock: demo.Day})
	if err != nil {
		return errors.Join(err, at.Close())
	}
	acts := h.Administer()
	err = found(ctx, h, n)
	if err == nil {
		_, err = demo.Eve{Hub: h.Handler(), At: at, Clock: demo.Day, Nation: n, Credential: func(ctx context.Context, code string) ([]byte, error) {
			return command.NewCredential(ctx, acts, p.Name, code)
		}}.Send(ctx, eveFiles)
	}
	if err == nil {
		var t *ministry.Teller
		if t, err = teller(h, n, demo.Day); err == nil {
			err = errors.Join(t.Eve(ctx), acts.BindVendor(ctx, demo.Actor, ministry.Partner, n.Facilities()[0].Vendor))
		}
	}
	return errors.Join(err, h.Close())
}

// teller tells the story of the ministry's house at a hub.
func teller(h *hub.Hub, n *synth.Nation, c clock.Clock) (*ministry.Teller, error) {
	var places []ministry.Facility
	for _, f := range n.Facilities() {
		places = append(places, ministry.Facility{Code: f.Code, Name: f.Name, Province: f.Province})
	}
	w := h.House
	return ministry.New(ministry.Deps{Steward: w.Steward, Imports: w.Imports, Errands: w.Errands, Debts: w.Debts, Rules: h.Rulebook, Night: w.Night, Clock: c}, places, demo.Home)
}

// demoStamp is how often the demo has its checkpoints stamped: a visitor does
// not wait for a minute.
const demoStamp = 15 * time.Second
