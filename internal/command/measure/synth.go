package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"lienthong/internal/command"
	"lienthong/internal/synth"
	"lienthong/internal/synth/country"
	"lienthong/internal/synth/entries"
)

// SynthCmd makes files of a synthetic nation.
type SynthCmd struct {
	Dossiers synthDossiersCmd `cmd:"" default:"withargs" help:"Write the signed dossiers of a synthetic nation."`
	Entries  synthEntriesCmd  `cmd:"" help:"Write a file to bring into a specialised database: practitioners, devices, medicines..."`
}

type synthDossiersCmd struct {
	Seed    uint64 `default:"1" help:"The same seed gives the same bytes."`
	People  int    `help:"How many people may fall ill; default by profile."`
	Days    int    `default:"30" help:"Days of visits."`
	Profile string `default:"pilot" enum:"pilot,nation,small" help:"small: 9 facilities; pilot: 412 in four provinces; nation: the whole country."`
	Files   int    `help:"How many files to write; default all of the nation's days."`
	Beside  int    `default:"-1" help:"Files of other kinds behind them: slips, health checks, closed compartments; default one for ten."`
	Out     string `required:"" help:"Directory to write: files by facility, registry, certificates, keys." type:"path"`
}

// Run writes the nation's files.
func (c *synthDossiersCmd) Run(ctx context.Context, s *command.Streams) error {
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

type synthEntriesCmd struct {
	Database  string    `required:"" enum:"personnel,devices,medicines,food-safety,systems,occupational-health" help:"Id of the database; the others are made of records."`
	Rows      int       `default:"1000" help:"Rows to write."`
	Format    string    `default:"csv" enum:"csv,ndjson" help:"csv or ndjson."`
	Faultless bool      `help:"No row lacks a field or has an unknown code; rows that tell of one thing twice stay."`
	Seed      uint64    `default:"1" help:"The same seed gives the same bytes."`
	Profile   string    `default:"pilot" enum:"pilot,nation,small" help:"Whose facilities: the same as those of the dossiers."`
	At        time.Time `default:"2026-11-20" format:"2006-01-02" help:"Day the file is of."`
	Out       string    `required:"" help:"File to write; it must not exist." type:"path"`
}

// Run writes a file of entries.
func (c *synthEntriesCmd) Run(_ context.Context, s *command.Streams) error {
	land, err := country.New(country.Config{Seed: c.Seed, Profile: c.Profile, People: country.HouseholdSize * 1000, From: c.At.AddDate(0, 0, -30), To: c.At})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	told, err := entries.Write(f, land, entries.File{Database: c.Database, Rows: c.Rows, Format: c.Format, At: c.At, Faultless: c.Faultless})
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%d rows (%d with faults, %d told twice) of %s written to %s\n", told.Rows, told.Faults, told.Twins, c.Database, c.Out)
	return nil
}
