package measure

import (
	"context"
	"fmt"

	"lienthong/internal/command"
	"lienthong/internal/synth"
)

type SynthCmd struct {
	Seed    uint64 `default:"1" help:"The same seed gives the same bytes."`
	People  int    `help:"How many people may fall ill; default by profile."`
	Days    int    `default:"30" help:"Days of visits."`
	Profile string `default:"pilot" enum:"pilot,nation,small" help:"small: 9 facilities; pilot: 412 in four provinces; nation: the whole country."`
	Files   int    `help:"How many files to write; default all of the nation's days."`
	Beside  int    `default:"-1" help:"Files of other kinds behind them: slips, health checks, closed compartments; default one for ten."`
	Out     string `required:"" help:"Directory to write: files by facility, registry, certificates, keys." type:"path"`
}

// Run writes the nation's files.
func (c *SynthCmd) Run(ctx context.Context, s *command.Streams) error {
	n, err := synth.New(synth.Config{Seed: c.Seed, Profile: c.Profile, People: c.People, Days: c.Days})
	if err != nil {
		return err
	}
	files := c.Files
	if files == 0 {
		files = n.Len()
	}
	var progress func(done, of int)
	if command.IsTerminal(s.Err) {
		progress = func(done, of int) { fmt.Fprintf(s.Err, "\r%d/%d", done, of) }
	}
	beside := c.Beside
	if beside < 0 {
		beside = files / 10
	}
	written, err := n.WriteBeside(ctx, c.Out, files, beside, progress)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%d files, %d dossiers, %d MB of %d facilities written to %s\n", written.Files, written.Dossiers, written.Bytes>>20,
		len(n.Facilities()), c.Out)
	return nil
}
