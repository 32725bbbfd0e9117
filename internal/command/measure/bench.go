package measure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/command"
	"lienthong/internal/synth"
	webadmin "lienthong/internal/web/admin"
)

type BenchCmd struct {
	Intake benchIntakeCmd `cmd:"" help:"Signed outpatient dossiers over HTTP in tar.zst batches, as fast as the hub answers."`
	Alone  benchAloneCmd  `cmd:"" help:"One dossier at a time at a steady rate: how long until the receipt."`
	Read   benchReadCmd   `cmd:"" help:"Read records back, idle and while intake is saturated."`
	Board  benchBoardCmd  `cmd:"" help:"The first page of a nation: many facilities, many records, many readers."`
	House  benchHouseCmd  `cmd:"" help:"Many records are there already: a new database is filled out of them, rules are rehearsed, the jobs of a night are done."`
	Legs   benchLegsCmd   `cmd:"" help:"Claim and settle deliveries in the store."`
	Floor  benchFloorCmd  `cmd:"" help:"The unavoidable work on the same dossiers, and nothing else."`

	Look   benchLookCmd   `cmd:"" help:"How long a decision takes with its facts, and a look at a person from the number typed to the page."`
	Revoke benchRevokeCmd `cmd:"" help:"A consent is taken back while many read under it: what is shown after the receipt."`
	Scrape benchScrapeCmd `cmd:"" help:"Everybody is tried by name and number with no basis, and by one account with one for each."`
	Audit  benchAuditCmd  `cmd:"" help:"Everything is read in every way while the hub is killed: is each look in the log?"`
	Closed benchClosedCmd `cmd:"" help:"HIV patients are asked for in every way by readers without the compartment, and all that comes back is searched."`

	Line     benchLineCmd     `cmd:"" help:"An agent on a bad line that is killed on the way: what arrives, and what it costs on the wire."`
	Spool    benchSpoolCmd    `cmd:"" help:"An agent with much to send: its memory while the hub is away, over a bad line and over a good one."`
	Flood    benchFloodCmd    `cmd:"" help:"One facility floods: how long the others wait for their receipts."`
	Overload benchOverloadCmd `cmd:"" help:"Several times the peak: what is still taken, and when all is normal again."`
}

// benchSetup is what every benchmark is set up with.
type benchSetup struct {
	Dossiers int    `default:"20000" help:"Dossiers made ahead; all different."`
	Corpus   string `help:"Directory of dossiers made ahead, to use again with a new hub; default a temporary one." type:"path"`
	Database string `help:"File (mode 0600) with the URL of an empty PostgreSQL database; default the embedded store." type:"path"`
	Dir      string `help:"Directory for the hub's data; default a temporary one on this disk." type:"path"`
	Seed     uint64 `default:"1" help:"Seed of the synthetic nation."`
	JSON     bool   `name:"json" help:"As JSON."`

	mix     bool // the national mix instead of outpatients
	prefill int
	sign    bool     // the hub has its keys in another process
	pick    []int    // only these of the outpatients; nil: all
	also    []string // facilities that get credentials beside those of the dossiers
}

// benchHub is a hub started for measuring, in a process of its own.
type benchHub struct {
	target  bench.Target
	nation  *synth.Nation
	data    string // directory of the hub
	dir     string // of the dossiers made ahead
	corpus  *bench.Corpus
	stop    func() error
	stopped func() error // called when the hub has ended, before its data are removed
}

func (b *benchSetup) corpusDir(dir string) string {
	if b.Corpus != "" {
		return b.Corpus
	}
	return filepath.Join(dir, "corpus")
}

// setup makes the dossiers, a hub with their facilities, and starts it.
func (b *benchSetup) setup(ctx context.Context, s *command.Streams) (*benchHub, error) {
	dir := b.Dir
	remove := func() error { return nil }
	if dir == "" {
		temporary, err := os.MkdirTemp("", "lienthong-bench-")
		if err != nil {
			return nil, err
		}
		dir, remove = temporary, func() error { return os.RemoveAll(temporary) }
	}
	nation, err := synth.New(synth.Config{Seed: b.Seed, Profile: synth.Pilot, DefectShare: -1})
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	corpus, err := b.corpus(ctx, s, nation, filepath.Join(b.corpusDir(dir), "measured"), 0, b.Dossiers)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	p, err := command.MakePlace(filepath.Join(dir, "hub"), command.PlaceFile{Name: "lienthong.bench", Keys: filepath.Join(dir, "hub.keys"), Database: b.Database})
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	credentials, err := enrol(ctx, p, nation, append(corpus.Facilities(), b.also...))
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	if err := b.fill(ctx, s, p); err != nil {
		return nil, errors.Join(err, remove())
	}
	signing := func() error { return nil }
	if b.sign {
		if signing, err = startSigner(ctx, s, p, filepath.Join(dir, "s.sock")); err != nil {
			return nil, errors.Join(err, remove())
		}
	}
	target, stop, err := startChild(ctx, s, p)
	if err != nil {
		return nil, errors.Join(err, signing(), remove())
	}
	target.Credentials = credentials
	h := &benchHub{target: target, nation: nation, data: p.Dir, dir: b.corpusDir(dir), corpus: corpus, stopped: func() error { return nil }}
	h.stop = func() error { return errors.Join(stop(), signing(), h.stopped(), remove()) }
	return h, nil
}

// fill puts rows into the store before the hub is started.
func (b *benchSetup) fill(ctx context.Context, s *command.Streams, p *command.Place) error {
	if b.prefill == 0 {
		return nil
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return err
	}
	began, directory := time.Now(), h.Trust.Current()
	c := bench.FillConfig{Intake: h.Slices.Intake, Facilities: directory.Codes(), Versions: map[care.FacilityCode]int64{}, Records: b.prefill}
	for _, v := range directory.All() {
		c.Versions[v.Code] = v.ID
	}
	if command.IsTerminal(s.Err) {
		c.Progress = func(done, of int) { fmt.Fprintf(s.Err, "\rfilling %d/%d", done, of) }
	}
	if err := errors.Join(bench.Fill(ctx, c), h.Close()); err != nil {
		return err
	}
	fmt.Fprintf(s.Err, "\r%d rows put in ahead in %.0f s\n", b.prefill, time.Since(began).Seconds())
	return nil
}

// corpus makes dossiers from..from+count, or takes those made before with the same seed.
func (b *benchSetup) corpus(ctx context.Context, s *command.Streams, n *synth.Nation, path string, from, count int) (*bench.Corpus, error) {
	label, make := fmt.Sprintf("outpatients of seed %d from %d", b.Seed, from), n.Outpatient
	if b.mix {
		label, make = fmt.Sprintf("national mix of seed %d from %d", b.Seed, from), n.Mixed
	}
	if b.pick != nil {
		label, from, make = fmt.Sprintf("%d outpatients of seed %d, the last %d", len(b.pick), b.Seed, b.pick[len(b.pick)-1]), 0, func(i int) (synth.Submission, error) { return n.Outpatient(b.pick[i]) }
	}
	if c, err := bench.OpenCorpus(path); err == nil && c.Label == label && c.Dossiers() >= count {
		return c, nil
	}
	began := time.Now()
	c, err := bench.Build(ctx, bench.BuildConfig{Dir: path, Label: label, Dossiers: count,
		Make: func(i int) (bench.Dossier, error) {
			sub, err := make(from + i)
			return bench.Dossier{Facility: sub.Facility, Name: sub.FileName, XML: sub.XML}, err
		},
		Progress: func(done, of int) {
			if command.IsTerminal(s.Err) {
				fmt.Fprintf(s.Err, "\rmaking dossiers %d/%d", done, of)
			}
		}})
	if err == nil {
		fmt.Fprintf(s.Err, "\r%d signed dossiers made in %.0f s\n", count, time.Since(began).Seconds())
	}
	return c, err
}

// enrol registers the nation and gives the facilities that send their credentials.
func enrol(ctx context.Context, p *command.Place, n *synth.Nation, senders []string) (map[string]*agent.Credential, error) {
	acts, done, err := p.Acts(ctx)
	if err != nil {
		return nil, err
	}
	credentials, err := enrolWith(ctx, acts, p.Name, n, senders)
	return credentials, errors.Join(err, done())
}

func enrolWith(ctx context.Context, acts webadmin.Acts, hubName string, n *synth.Nation, senders []string) (map[string]*agent.Credential, error) {
	if err := acts.AddAnchor(ctx, command.Actor, string(n.Root())); err != nil {
		return nil, err
	}
	list := make([]admin.Facility, 0, len(n.Facilities()))
	for _, f := range n.Facilities() {
		list = append(list, f.Registration())
	}
	if err := acts.AddFacility(ctx, command.Actor, list...); err != nil {
		return nil, err
	}
	credentials := make(map[string]*agent.Credential, len(senders))
	for _, code := range senders {
		b, err := command.NewCredential(ctx, acts, hubName, code)
		if err != nil {
			return nil, err
		}
		if credentials[code], err = agent.ParseCredential(b); err != nil {
			return nil, err
		}
	}
	return credentials, nil
}

// startChild runs the hub as it would run anywhere: this binary, its own process.
func startChild(ctx context.Context, s *command.Streams, p *command.Place) (bench.Target, func() error, error) {
	self, err := os.Executable()
	if err != nil {
		return bench.Target{}, nil, err
	}
	listen, err := freeAddress()
	if err != nil {
		return bench.Target{}, nil, err
	}
	ops, err := freeAddress()
	if err != nil {
		return bench.Target{}, nil, err
	}
	args := []string{"hub", "--data", p.Dir, "--listen", listen, "--ops-listen", ops}
	if p.Sign != "" {
		args = append(args, "--sign", p.Sign)
	}
	pid, stop, err := startSelf(ctx, s, self, "hub ready", args...)
	return bench.Target{URL: "http://" + listen, Ops: "http://" + ops, PID: pid}, stop, err
}

// startSigner runs the process that holds the keys, for a hub that is started after it.
func startSigner(ctx context.Context, s *command.Streams, p *command.Place, socket string) (stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p.Sign = socket
	_, stop, err = startSelf(ctx, s, self, "signing process ready", "sign", "--keys", p.Keys, "--socket", socket, "--unwraps-per-minute", "0")
	return stop, err
}

// startSelf runs this binary as another process until its log says that it is ready.
func startSelf(ctx context.Context, s *command.Streams, self, ready string, args ...string) (pid int, stop func() error, err error) {
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	log, err := cmd.StderrPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	if err := untilReady(log, s.Err, ready); err != nil {
		return 0, nil, errors.Join(err, cmd.Cancel(), cmd.Wait())
	}
	return cmd.Process.Pid, func() error { return errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()) }, nil
}

// untilReady reads a log until it says that its process is ready, and passes on what follows.
func untilReady(log io.Reader, to io.Writer, ready string) error {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), ready) {
			go func() {
				for lines.Scan() {
					fmt.Fprintln(to, lines.Text())
				}
			}()
			return nil
		}
		fmt.Fprintln(to, lines.Text())
	}
	return fmt.Errorf("it ended before it said %q", ready)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// printer is what every result can do.
type printer interface{ Print(w io.Writer) error }

func (b *benchSetup) show(s *command.Streams, r printer) error {
	if b.JSON {
		return command.WriteJSON(s.Out, r)
	}
	return r.Print(s.Out)
}

type benchIntakeCmd struct {
	benchSetup
	Workers int           `default:"4" help:"Batches on their way at once."`
	Seconds time.Duration `name:"for" default:"0s" help:"How long; default until the dossiers are used up."`
	Floor   time.Duration `default:"10s" help:"How long the floor runs on the same bytes afterwards."`
	Mix     string        `default:"outpatient" enum:"outpatient,nation" help:"What is sent: outpatient dossiers of 46 KB, or the nation's mix, 9 in 100 of them inpatient dossiers of 470 KB."`
	Profile string        `help:"File that gets a processor profile of the hub." type:"path"`
	Prefill int           `help:"Rows of a year's size and spread put into the store first; the figure is for 100000 against 5000000."`
	Sign    bool          `help:"The hub has its keys in a process of their own."`
}

// Run measures intake.
func (c *benchIntakeCmd) Run(ctx context.Context, s *command.Streams) error {
	c.prefill = c.Prefill
	c.mix, c.sign = c.Mix == "nation", c.Sign
	h, err := c.setup(ctx, s)
	if err != nil {
		return err
	}
	before, err := bench.StoredBytes(h.data)
	if err != nil {
		return errors.Join(err, h.stop())
	}
	r, err := bench.Intake(ctx, bench.IntakeConfig{Target: h.target, Corpus: h.corpus, Workers: c.Workers, Duration: c.Seconds, Floor: c.Floor, Warmup: 4,
		Profile: c.Profile, ProfileFor: 8 * time.Second})
	h.stopped = func() error { // the hub has closed its store, and everything is in its files
		after, err := bench.StoredBytes(h.data)
		if c.Database == "" && h.corpus.Sent() > 0 {
			r.Stored = float64(after-before) / float64(h.corpus.Sent())
		}
		return err
	}
	if err := errors.Join(err, h.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

type benchAloneCmd struct {
	benchSetup
	Rate    float64       `default:"50" help:"Dossiers a second."`
	Seconds time.Duration `name:"for" default:"20s" help:"How long."`
}

// Run measures lone dossiers.
func (c *benchAloneCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.setup(ctx, s)
	if err != nil {
		return err
	}
	r, err := bench.Alone(ctx, bench.AloneConfig{Target: h.target, Corpus: h.corpus, Rate: c.Rate, Duration: c.Seconds})
	if err := errors.Join(err, h.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

type benchReadCmd struct {
	benchSetup
	Prefill int           `help:"Rows of a year's size and spread put into the store first; the figure is for 1000000."`
	Load    int           `default:"20000" help:"Further dossiers, which saturate intake in the second phase."`
	Rate    float64       `default:"40" help:"Requests a second."`
	Seconds time.Duration `name:"for" default:"10s" help:"How long each phase takes."`
}

// Run measures reading.
func (c *benchReadCmd) Run(ctx context.Context, s *command.Streams) error {
	c.prefill = c.Prefill
	h, err := c.setup(ctx, s)
	if err != nil {
		return err
	}
	load, err := c.corpus(ctx, s, h.nation, filepath.Join(h.dir, "load"), c.Dossiers, c.Load)
	if err != nil {
		return errors.Join(err, h.stop())
	}
	stored, err := bench.Intake(ctx, bench.IntakeConfig{Target: h.target, Corpus: h.corpus})
	if err != nil {
		return errors.Join(err, h.stop())
	}
	r, err := bench.Read(ctx, bench.ReadConfig{Target: h.target, Records: stored.Records, Rate: c.Rate, Duration: c.Seconds,
		Load: &bench.IntakeConfig{Target: h.target, Corpus: load}})
	if err := errors.Join(err, h.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

type benchFloorCmd struct {
	Seconds time.Duration `name:"for" default:"10s" help:"How long."`
	JSON    bool          `name:"json" help:"As JSON."`
	Files   []string      `arg:"" name:"file" help:"Signed dossiers to measure on." type:"existingfile"`
}

// Run measures the floor.
func (c *benchFloorCmd) Run(ctx context.Context, s *command.Streams) error {
	var list [][]byte
	for _, path := range c.Files {
		b, err := command.ReadLimited(path)
		if err != nil {
			return err
		}
		list = append(list, b)
	}
	r, err := bench.Floor(ctx, bench.FloorConfig{Dossiers: list, Duration: c.Seconds})
	if err != nil {
		return err
	}
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	return r.Print(s.Out)
}
