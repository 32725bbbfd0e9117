package measure

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"lienthong/internal/bench/congestion"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/synth"
	"lienthong/internal/synth/country"
)

type benchFloodCmd struct {
	benchSetup
	Others  int           `default:"20" help:"Facilities that send beside the one that floods."`
	Rate    float64       `default:"100" help:"Dossiers a second of the others together."`
	Times   float64       `default:"100" help:"The flood is so many times what one of the others sends."`
	Packs   bool          `help:"The flood comes in tars; default one dossier a request."`
	Seconds time.Duration `name:"for" default:"10s" help:"How long the others are measured each way."`
}

// Run measures what one facility's flood does to the others.
func (c *benchFloodCmd) Run(ctx context.Context, s *command.Streams) error {
	nation, err := synth.New(synth.Config{Seed: c.Seed, Profile: synth.Pilot, DefectShare: -1})
	if err != nil {
		return err
	}
	codes := bySize(nation)
	if c.Others < 1 || c.Others >= len(codes) {
		return errOthers.Because(fmt.Errorf("1..%d", len(codes)-1))
	}
	seconds := c.Seconds.Seconds()
	share := c.Rate / float64(c.Others)
	// Whole batches are taken for single dossiers, and those not filled are small.
	flood := c.picked(nation, codes[:1], int(c.Times*share*(seconds+floodAhead))+256*floodRounds)
	c.Dossiers = int(c.Rate*(2*seconds+2)) + 100
	c.pick = c.picked(nation, codes[1:1+c.Others], c.Dossiers)
	c.also = codes[:1]
	h, err := c.setup(ctx, s)
	if err != nil {
		return err
	}
	more := c.benchSetup
	more.pick = flood
	corpus, err := more.corpus(ctx, s, h.nation, filepath.Join(h.dir, "flood"), 0, len(flood))
	if err != nil {
		return errors.Join(err, h.stop())
	}
	r, err := congestion.Flood(ctx, congestion.FloodConfig{Target: h.target, Others: h.corpus, Flood: corpus, Rate: c.Rate, Times: c.Times, Packs: c.Packs, Duration: c.Seconds, Rounds: floodRounds})
	if err := errors.Join(err, h.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

// The flood's turns (congestion.FloodConfig), and how many seconds it is on ahead of
// being measured, in all.
const (
	floodRounds = 4
	floodAhead  = floodRounds
)

// picked are the first outpatients of some facilities, by their number.
func (c *benchFloodCmd) picked(n *synth.Nation, codes []string, count int) []int {
	list := make([]int, 0, count)
	for i := 0; len(list) < count; i++ {
		if slices.Contains(codes, outpatientOf(n, i)) {
			list = append(list, i)
		}
	}
	return list
}

// outpatientOf is the facility of the nation's ith outpatient, as
// synth.Nation.Outpatient draws it.
func outpatientOf(n *synth.Nation, i int) string {
	r := n.Stream("outpatient", i)
	f := n.Sender(r)
	for country.RSAAt(f.Number) || f.Level == "commune" {
		f = n.Sender(r)
	}
	return f.Code
}

// bySize are the facilities of outpatients, those with most first.
func bySize(n *synth.Nation) []string {
	count := map[string]int{}
	for i := range 5000 {
		count[outpatientOf(n, i)]++
	}
	var codes []string
	for code := range count {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return slices.Compare([]byte(a), []byte(b))
	})
	return codes
}

type benchOverloadCmd struct {
	benchSetup
	Times   float64       `default:"3" help:"How many times its peak the hub is given."`
	Seconds time.Duration `name:"for" default:"30s" help:"How long the overload takes; the figure is for 5m."`
	Obey    bool          `help:"Senders wait for the slots they are given; default they try again at once."`
}

// Run measures what more than its capacity does to a hub.
func (c *benchOverloadCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.setup(ctx, s)
	if err != nil {
		return err
	}
	r, err := congestion.Overload(ctx, congestion.OverloadConfig{Target: h.target, Corpus: h.corpus, Times: c.Times, Duration: c.Seconds, Obey: c.Obey})
	if err := errors.Join(err, h.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

var errOthers = fault.New(fault.Invalid, "usage.value_form",
	"--others nằm ngoài khoảng có thể.",
	"--others is outside of what can be.")
