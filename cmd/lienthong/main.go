// Command lienthong is the whole hub in one binary: the hub itself, its
// administration, the facility's client, offline checks, the synthetic nation
// and the benchmarks. This package parses the command line, reads the files it
// names, and hands over; everything else is in internal/.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"lienthong/internal/command"
	"lienthong/internal/command/agent"
	"lienthong/internal/command/alarm"
	"lienthong/internal/command/carrier"
	"lienthong/internal/command/clean"
	"lienthong/internal/command/custody"
	"lienthong/internal/command/database"
	"lienthong/internal/command/delivery"
	"lienthong/internal/command/duty"
	"lienthong/internal/command/figure"
	"lienthong/internal/command/measure"
	"lienthong/internal/command/people"
	"lienthong/internal/command/proof"
	"lienthong/internal/command/rules"
)

// cli is the command line (DESIGN §6).
type cli struct {
	Demo     demoCmd            `cmd:"" help:"Run a hub with a synthetic nation, live; login links are printed."`
	Init     initCmd            `cmd:"" help:"Make a hub's store and keys."`
	Migrate  migrateCmd         `cmd:"" help:"Bring the store's tables up to date."`
	Trust    trustCmd           `cmd:"" help:"Trust certificate authorities."`
	Facility facilityCmd        `cmd:"" help:"Register facilities and give out credentials."`
	Person   personCmd          `cmd:"" help:"Undo a link between a patient and a person."`
	Link     linkCmd            `cmd:"" help:"Make a one-time login link."`
	Hub      hubCmd             `cmd:"" help:"Run a hub."`
	Dossier  dossierCmd         `cmd:"" help:"Check and sign dossiers offline; list the rules."`
	Submit   submitCmd          `cmd:"" help:"Send files to a hub."`
	Agent    agent.Cmd          `cmd:"" help:"The facility's side: take files, check, seal, keep, send, follow."`
	Evidence proof.EvidenceCmd  `cmd:"" help:"Get everything that proves a record, in one zip."`
	Witness  proof.WitnessCmd   `cmd:"" help:"Witness the logs of other hubs, and be witnessed by them."`
	Verify   proof.VerifyCmd    `cmd:"" help:"Verify a receipt or an evidence bundle offline."`
	Audit    custody.AuditCmd   `cmd:"" help:"Walk a whole store and its ledger, and find what was edited, lost or moved."`
	Backup   custody.BackupCmd  `cmd:"" help:"Copy the store, encrypted, to a place the hub cannot change afterwards."`
	Restore  custody.RestoreCmd `cmd:"" help:"Restore a backup elsewhere and prove it."`
	Synth    measure.SynthCmd   `cmd:"" help:"Write files of a synthetic nation: signed dossiers, entries of databases."`
	Simulate simulateCmd        `cmd:"" help:"Run a simulated service outside: insurer, health book, prescriptions, axis, webhook receiver, time-stamps, identities, population."`
	Stamp    proof.StampCmd     `cmd:"" help:"Verify a time-stamp offline."`
	Bench    measure.BenchCmd   `cmd:"" help:"Measure intake, reading and the floor."`

	Erase      custody.EraseCmd      `cmd:"" help:"Erase records and keep a tombstone: date, reason and a leaf in the ledger."`
	Archive    custody.ArchiveCmd    `cmd:"" help:"Move the bodies of older records to slower storage."`
	Keys       custody.KeysCmd       `cmd:"" help:"Turn keys: a new master key, a new key of a month."`
	Sign       custody.SignCmd       `cmd:"" help:"Hold a hub's master, receipt and log keys in a process of their own."`
	Retention  custody.RetentionCmd  `cmd:"" help:"How long what is kept, and the end of it."`
	Dictionary measure.DictionaryCmd `cmd:"" help:"Compression dictionaries of the store."`

	Destination delivery.DestinationCmd `cmd:"" help:"Where records may go."`
	Route       delivery.RouteCmd       `cmd:"" help:"How records reach destinations."`
	Carrier     carrier.Cmd             `cmd:"" help:"Who may send files of facilities beside themselves."`
	Legs        delivery.LegsCmd        `cmd:"" help:"Deliveries: list them, send again, give up."`
	Alarm       alarm.Cmd               `cmd:"" help:"Alarms: how they are set, which are open, whether they arrive."`
	Database    database.Cmd            `cmd:"" help:"Specialised databases: declare from a file, list, show, entries, share."`
	Rules       rules.Cmd               `cmd:"" help:"Rules that people write: draft, rehearse, announce, put into force, retire."`
	Staff       people.StaffCmd         `cmd:"" help:"Who works at facilities and here: add, list, suspend, resume."`
	Login       people.LoginCmd         `cmd:"" help:"How people log in by name."`
	Unit        duty.UnitCmd            `cmd:"" help:"Units of the ministry, provinces, insurer, partners: list, add, dissolve."`
	Task        duty.TaskCmd            `cmd:"" help:"Tasks of units and facilities: list, show, add, step."`
	Programme   duty.ProgrammeCmd       `cmd:"" help:"Programmes and resolutions that tasks come from: import, export."`
	Figure      figure.Cmd              `cmd:"" help:"Numbers of boards: list, pin, close a day, show."`
	Night       clean.NightCmd          `cmd:"" help:"Jobs of the night: run those of a day, list what they found."`
	Clean       clean.Cmd               `cmd:"" help:"What cleaning proposes: list, accept, reject, undo."`
	Recompute   figure.RecomputeCmd     `cmd:"" help:"Count a pinned figure again from the rows as of its checkpoint; also on a restored copy."`
	Vendor      alarm.VendorCmd         `cmd:"" help:"Whose software is whose."`

	Lang string `help:"Language of messages: vi or en." enum:"vi,en" default:"vi" env:"LIENTHONG_LANG"`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	code := -1
	parser, err := kong.New(&c, kong.Name("lienthong"),
		kong.Description("Liên Thông: a health data coordination hub. Independent and open; not connected to any ministry, insurer or hospital."),
		kong.Writers(out, errOut), kong.Exit(func(n int) { code = n }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(errOut, "lienthong:", err)
		return command.ExitUnanswered
	}
	parsed, err := parser.Parse(args)
	if code == 0 { // help was asked for and printed
		return command.ExitOK
	}
	if err != nil {
		fmt.Fprintln(errOut, "lienthong:", err)
		return command.ExitUnanswered
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&command.Streams{In: in, Out: out, Err: errOut, Lang: c.Lang})
	switch {
	case err == nil:
		return command.ExitOK
	case errors.Is(err, command.ErrNo):
		return command.ExitNo
	}
	command.Report(errOut, c.Lang, err)
	return command.ExitUnanswered
}
