package measure

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/bench/ministry"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/synth"
)

type benchHouseCmd struct {
	Records  int      `default:"100000" help:"Outpatient dossiers that are sent first; the figures are for 1000000."`
	Chunk    int      `default:"20000" help:"Dossiers made, sent and forgotten at a time."`
	Phases   []string `default:"fill,settle,score,database,rehearse,night" enum:"fill,settle,score,database,rehearse,night" help:"What is done; with --dir, in several runs."`
	Dir      string   `help:"Directory of the hub, kept and gone on with; default a temporary one on this disk." type:"path"`
	Database string   `help:"File (mode 0600) with the URL of an empty PostgreSQL database; default the embedded store." type:"path"`
	Seed     uint64   `default:"1" help:"Seed of the synthetic nation."`
	JSON     bool     `name:"json" help:"As JSON."`
}

// Run measures the ministry's house.
func (c *benchHouseCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", "lienthong-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Dir)) }()
	}
	p, err := c.place()
	if err != nil {
		return err
	}
	r := ministry.Result{Machine: bench.ThisMachine()}
	if slices.Contains(c.Phases, "fill") {
		if err := c.fill(ctx, s, p); err != nil {
			return err
		}
	}
	filled, err := c.filled()
	if err != nil {
		return err
	}
	r.Filled = int64(filled)
	if slices.Contains(c.Phases, "score") {
		if r.Score, err = c.score(ctx, p); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		phase string
		to    **ministry.Phase
		do    func(ministry.Hub) (ministry.Phase, error)
	}{
		{"settle", &r.Settle, func(h ministry.Hub) (ministry.Phase, error) { return ministry.Settle(ctx, h) }},
		{"database", &r.Database, func(h ministry.Hub) (ministry.Phase, error) { return ministry.Database(ctx, h, r.Filled) }},
		{"rehearse", &r.Rehearse, func(h ministry.Hub) (ministry.Phase, error) { return ministry.Rehearse(ctx, h) }},
		{"night", &r.Night, func(h ministry.Hub) (ministry.Phase, error) {
			return ministry.Night(ctx, h, clock.Day(ministry.Tomorrow{}.Now().AddDate(0, 0, -1)), r.Filled)
		}},
	} {
		if !slices.Contains(c.Phases, x.phase) {
			continue
		}
		if err := c.measure(ctx, s, p, x.phase == "night", x.to, x.do); err != nil {
			return err
		}
	}
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	return r.Print(s.Out)
}

// measure starts the hub in this process for one phase.
func (c *benchHouseCmd) measure(ctx context.Context, s *command.Streams, p *command.Place, tomorrow bool, to **ministry.Phase, do func(ministry.Hub) (ministry.Phase, error)) error {
	cfg := command.Quiet()
	cfg.Shipped = true
	if tomorrow {
		cfg.Clock = ministry.Tomorrow{}
	}
	h, err := p.Start(ctx, cfg)
	if err != nil {
		return err
	}
	phase, err := do(ministry.Hub{Steward: h.House.Steward, Entries: h.Slices.House.Entries, Rulebook: h.Rulebook, Night: h.House.Night})
	if err := errors.Join(err, h.Close()); err != nil {
		return err
	}
	*to = &phase
	fmt.Fprintf(s.Err, "%s · load %s\n", phase, bench.LoadAverage())
	return nil
}

// scored is how many files are sent to see their scores; they are none of those that fill.
const scored, scoredFrom = 200, 50_000_000

// score sends some files one by one to a hub in this process.
func (c *benchHouseCmd) score(ctx context.Context, p *command.Place) (l *bench.Latency, err error) {
	nation, err := synth.New(synth.Config{Seed: c.Seed, Profile: synth.Pilot, DefectShare: -1})
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.Dir, "chunk")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	from := scoredFrom + int(time.Now().Unix()%10_000_000) // other ones in each run
	corpus, err := c.corpus(ctx, nation, dir, from, scored)
	if err != nil {
		return nil, err
	}
	credentials, err := enrol(ctx, p, nation, corpus.Facilities())
	if err != nil {
		return nil, err
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return nil, err
	}
	server := httptest.NewServer(h.Handler())
	got, err := ministry.Score(ctx, ministry.ScoreConfig{Target: bench.Target{URL: server.URL, Credentials: credentials}, Corpus: corpus, Scores: h.Slices.House.Scores, Files: scored})
	server.Close()
	return &got, errors.Join(err, h.Close())
}

// place opens the directory's hub, or makes it.
func (c *benchHouseCmd) place() (*command.Place, error) {
	dir := filepath.Join(c.Dir, "hub")
	if _, err := os.Stat(filepath.Join(dir, command.HubFile)); err == nil {
		return command.OpenPlace(dir)
	}
	return command.MakePlace(dir, command.PlaceFile{Name: "lienthong.bench", Keys: filepath.Join(c.Dir, "hub.keys"), Database: c.Database})
}

func (c *benchHouseCmd) mark() string { return filepath.Join(c.Dir, "filled") }

// filled is how many dossiers were sent by this and earlier runs.
func (c *benchHouseCmd) filled() (int, error) {
	b, err := os.ReadFile(c.mark())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// fill sends dossiers to a hub in a process of its own until there are as many as asked.
func (c *benchHouseCmd) fill(ctx context.Context, s *command.Streams, p *command.Place) error {
	from, err := c.filled()
	if err != nil || from >= c.Records {
		return err
	}
	nation, err := synth.New(synth.Config{Seed: c.Seed, Profile: synth.Pilot, DefectShare: -1})
	if err != nil {
		return err
	}
	var senders []string
	for _, f := range nation.Facilities() {
		senders = append(senders, f.Registration().Code)
	}
	credentials, err := enrol(ctx, p, nation, senders)
	if err != nil {
		return err
	}
	target, stop, err := startChild(ctx, s, p)
	if err != nil {
		return err
	}
	target.Credentials = credentials
	for ; from < c.Records && err == nil; from += c.Chunk {
		err = c.send(ctx, nation, target, from, min(c.Chunk, c.Records-from))
		fmt.Fprintf(s.Err, "%d sent · load %s\n", min(from+c.Chunk, c.Records), bench.LoadAverage())
	}
	return errors.Join(err, stop())
}

// send makes some dossiers, sends them and removes them.
func (c *benchHouseCmd) send(ctx context.Context, nation *synth.Nation, target bench.Target, from, count int) (err error) {
	dir := filepath.Join(c.Dir, "chunk")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	corpus, err := c.corpus(ctx, nation, dir, from, count)
	if err != nil {
		return err
	}
	r, err := bench.Intake(ctx, bench.IntakeConfig{Target: target, Corpus: corpus})
	if err != nil {
		return err
	}
	if r.Refused+r.Deferred+r.Rejected > 0 {
		return fmt.Errorf("the hub did not take all: %+v", r.Counts)
	}
	return os.WriteFile(c.mark(), []byte(strconv.Itoa(from+count)), 0o600)
}

func (c *benchHouseCmd) corpus(ctx context.Context, nation *synth.Nation, dir string, from, count int) (*bench.Corpus, error) {
	return bench.Build(ctx, bench.BuildConfig{Dir: dir, Label: "chunk", Dossiers: count, Make: func(i int) (bench.Dossier, error) {
		sub, err := nation.Outpatient(from + i)
		return bench.Dossier{Facility: sub.Facility, Name: sub.FileName, XML: sub.XML}, err
	}})
}
