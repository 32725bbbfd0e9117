package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/command"
	"lienthong/internal/synth"
)

type benchLegsCmd struct {
	Legs     int    `default:"50000" help:"Legs that wait when the clock starts."`
	Done     int    `help:"Legs done before."`
	Batch    int    `default:"256" help:"Legs of one claim, and of one settlement."`
	Couriers int    `default:"1" help:"Couriers side by side."`
	Whole    bool   `help:"Claim whole files."`
	Database string `help:"File (mode 0600) with the URL of an empty PostgreSQL database; default the embedded store." type:"path"`
	Dir      string `help:"Directory for the hub's data; default a temporary one on this disk." type:"path"`
	Seed     uint64 `default:"1" help:"Seed of the synthetic nation."`
	Profile  string `help:"File that gets a processor profile." type:"path"`
	JSON     bool   `name:"json" help:"As JSON."`
}

// Run measures legs in the store.
func (c *benchLegsCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lienthong-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	nation, err := synth.New(synth.Config{Seed: c.Seed, Profile: synth.Pilot, DefectShare: -1})
	if err != nil {
		return err
	}
	p, err := command.MakePlace(filepath.Join(dir, "hub"), command.PlaceFile{Name: "lienthong.bench", Keys: filepath.Join(dir, "hub.keys"), Database: c.Database})
	if err != nil {
		return err
	}
	if _, err := enrol(ctx, p, nation, nil); err != nil {
		return err
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	directory := h.Trust.Current()
	cfg := bench.LegsConfig{Intake: h.Slices.Intake, Legs: h.Slices.Legs, Facilities: directory.Codes(), Versions: map[care.FacilityCode]int64{},
		Count: c.Legs, Done: c.Done, Batch: c.Batch, Couriers: c.Couriers, Whole: c.Whole}
	for _, v := range directory.All() {
		cfg.Versions[v.Code] = v.ID
	}
	if command.IsTerminal(s.Err) {
		cfg.Progress = func(done, of int) { fmt.Fprintf(s.Err, "\rfilling %d/%d", done, of) }
	}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return errors.Join(err, f.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, f.Close())
		}()
	}
	r, err := bench.Legs(ctx, cfg)
	if err != nil {
		return err
	}
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	return r.Print(s.Out)
}
