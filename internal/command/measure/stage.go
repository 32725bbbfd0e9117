package measure

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/bench"
	"lienthong/internal/bench/looks"
	"lienthong/internal/care"
	"lienthong/internal/command"
	"lienthong/internal/hub"
	"lienthong/internal/synth"
)

// stageSetup is what benchmarks of reading are set up with: a hub in this
// process, so that what it decides can be asked without a wire.
type stageSetup struct {
	Dossiers int    `default:"4000" help:"Dossiers sent first, which are read."`
	People   int    `default:"400" help:"People they are of."`
	Prefill  int    `help:"Rows of a year's size and spread put into the store first."`
	Database string `help:"File (mode 0600) with the URL of an empty PostgreSQL database; default the embedded store." type:"path"`
	Dir      string `help:"Directory for the hub's data; one that holds a hub of an earlier run is used again as it is. Default a temporary one on this disk." type:"path"`
	Seed     uint64 `default:"1" help:"Seed of the synthetic nation."`
	JSON     bool   `name:"json" help:"As JSON."`

	nationOf *synth.Nation
	make     func(i int) (synth.Submission, error) // nil: outpatients
	change   func(*hub.Config)
}

// stage is a hub in this process with what was sent to it.
type stage struct {
	hub     *hub.Hub
	looks   looks.Hub
	nation  *synth.Nation
	place   *command.Place
	stored  int
	senders *bench.Senders
	target  bench.Target // with the credentials of every sender, and of the facility that looks
	stop    func() error
}

// open makes the hub, or takes the one of an earlier run, fills it, serves it on
// loopback and sends what is to be read.
func (b *stageSetup) open(ctx context.Context, s *command.Streams) (st *stage, err error) {
	dir, remove := b.Dir, func() error { return nil }
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lienthong-bench-"); err != nil {
			return nil, err
		}
		remove = func() error { return os.RemoveAll(dir) }
	}
	st = &stage{stop: remove}
	if err := b.begin(ctx, s, st, dir); err != nil {
		return nil, errors.Join(err, st.stop())
	}
	return st, nil
}

func (b *stageSetup) nation() (*synth.Nation, error) {
	if b.nationOf != nil {
		return b.nationOf, nil
	}
	return synth.New(synth.Config{Seed: b.Seed, Profile: synth.Pilot, People: b.People, DefectShare: -1})
}

func (b *stageSetup) begin(ctx context.Context, s *command.Streams, st *stage, dir string) (err error) {
	if st.nation, err = b.nation(); err != nil {
		return err
	}
	where := filepath.Join(dir, "hub")
	_, err = os.Stat(filepath.Join(where, command.HubFile))
	again := err == nil
	if again {
		st.place, err = command.OpenPlace(where)
	} else {
		st.place, err = command.MakePlace(where, command.PlaceFile{Name: "lienthong.bench", Keys: filepath.Join(dir, "hub.keys"), Database: b.Database})
	}
	if err != nil {
		return err
	}
	if !again {
		if _, err := enrol(ctx, st.place, st.nation, nil); err != nil {
			return err
		}
		if err := (&benchSetup{prefill: b.Prefill}).fill(ctx, s, st.place); err != nil {
			return err
		}
	}
	if err := b.serve(ctx, st); err != nil {
		return err
	}
	st.stored = b.Prefill + b.Dossiers
	return b.send(ctx, s, st, filepath.Join(dir, "corpus"))
}

// serve starts the hub on an address of this machine.
func (b *stageSetup) serve(ctx context.Context, st *stage) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cfg := command.Quiet()
	cfg.PublicURL = "http://" + l.Addr().String()
	cfg.API.RatePerS, cfg.API.Burst = 1e6, 1e6
	cfg.Gateway.RatePerS, cfg.Gateway.Burst = 1e6, 1e6
	if b.change != nil {
		b.change(&cfg)
	}
	if st.hub, err = st.place.Start(ctx, cfg); err != nil {
		return errors.Join(err, l.Close())
	}
	server, served := &http.Server{Handler: st.hub.Handler(), ReadHeaderTimeout: 10 * time.Second}, make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	remove := st.stop
	st.stop = func() error {
		err := server.Close()
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return errors.Join(err, st.hub.Close(), remove())
	}
	st.looks = looks.Hub{Slices: st.hub.Slices, Disclose: st.hub.Disclose, Reading: st.hub.Reading, Choices: st.hub.Choices, URL: cfg.PublicURL}
	return nil
}

// send gives every facility a credential and sends the dossiers, unless an
// earlier run did; the facility that looks is one that sends none.
func (b *stageSetup) send(ctx context.Context, s *command.Streams, st *stage, path string) error {
	build := b.make
	if build == nil {
		build = st.nation.Outpatient
	}
	label := fmt.Sprintf("looks of seed %d, %d people", b.Seed, b.People)
	corpus, err := bench.OpenCorpus(path)
	again := err == nil && corpus.Label == label && corpus.Dossiers() >= b.Dossiers
	if !again {
		corpus, err = bench.Build(ctx, bench.BuildConfig{Dir: path, Label: label, Dossiers: b.Dossiers, Make: func(i int) (bench.Dossier, error) {
			sub, err := build(i)
			return bench.Dossier{Facility: sub.Facility, Name: sub.FileName, XML: sub.XML}, err
		}})
		if err != nil {
			return err
		}
	}
	senders := map[string]bool{}
	for _, code := range corpus.Facilities() {
		senders[code] = true
	}
	for _, f := range st.nation.Facilities() {
		if !senders[f.Code] {
			st.looks.System.Facility = care.FacilityCode(f.Code)
			break
		}
	}
	target := bench.Target{URL: st.looks.URL, Credentials: map[string]*agent.Credential{}}
	for _, code := range append(corpus.Facilities(), string(st.looks.System.Facility)) {
		key, err := st.credential(ctx, &target, code)
		if err != nil {
			return err
		}
		st.looks.System.Key = key // the last one's
	}
	if err := st.hub.Trust.Refresh(ctx); err != nil {
		return err
	}
	if !again {
		if _, err := bench.Intake(ctx, bench.IntakeConfig{Target: target, Corpus: corpus}); err != nil {
			return err
		}
		fmt.Fprintf(s.Err, "%d dossiers of %d facilities sent\n", b.Dossiers, len(senders))
	}
	st.target = target
	if st.senders, err = bench.Connect(ctx, target, string(st.looks.System.Facility)); err != nil {
		return err
	}
	st.looks.System.Token = func(ctx context.Context) (string, error) {
		return st.senders.Token(ctx, string(st.looks.System.Facility))
	}
	stop := st.stop
	st.stop = func() error { st.senders.Close(); return stop() }
	return nil
}

// credential makes a credential of a facility known to the hub and to the target.
func (st *stage) credential(ctx context.Context, t *bench.Target, code string) (*ecdsa.PrivateKey, error) {
	key, spki, err := agent.NewKey()
	if err != nil {
		return nil, err
	}
	id, kid, err := st.hub.Office.AddClient(ctx, command.Actor, code, spki)
	if err != nil {
		return nil, err
	}
	b, err := agent.MakeCredential(st.place.Name, code, id, kid, key)
	if err != nil {
		return nil, err
	}
	st.looks.System.Client, st.looks.System.KeyID = id, kid
	t.Credentials[code], err = agent.ParseCredential(b)
	return key, err
}

func (b *stageSetup) show(s *command.Streams, r printer) error {
	return (&benchSetup{JSON: b.JSON}).show(s, r)
}
