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
	"lienthong/internal/command/speech"
)

// cli is the command line (DESIGN §6).
type cli struct {
	Demo    demoCmd    `cmd:"" group:"Begin, and run a hub" help:"Run a hub with a synthetic nation, live; login links are printed."`
	Init    initCmd    `cmd:"" group:"Begin, and run a hub" help:"Make a hub's store and keys."`
	Hub     hubCmd     `cmd:"" group:"Begin, and run a hub" help:"Run a hub."`
	Link    linkCmd    `cmd:"" group:"Begin, and run a hub" help:"Make a one-time login link."`
	Migrate migrateCmd `cmd:"" group:"Begin, and run a hub" help:"Bring the store's tables up to date."`
	Help    helpCmd    `cmd:"" group:"Begin, and run a hub" help:"Explain a command; help all lists every one."`

	Dossier dossierCmd `cmd:"" group:"At a facility" help:"Check and sign dossiers offline; list the rules."`
	Submit  submitCmd  `cmd:"" group:"At a facility" help:"Send files to a hub."`
	Agent   agent.Cmd  `cmd:"" group:"At a facility" help:"The facility's side: take files, check, seal, keep, send, follow."`

	Facility facilityCmd     `cmd:"" group:"Who may send and look" help:"Register facilities and give out credentials."`
	Trust    trustCmd        `cmd:"" group:"Who may send and look" help:"Trust certificate authorities."`
	Carrier  carrier.Cmd     `cmd:"" group:"Who may send and look" help:"Who may send files of facilities beside themselves."`
	Vendor   alarm.VendorCmd `cmd:"" group:"Who may send and look" help:"Whose software is whose."`
	Staff    people.StaffCmd `cmd:"" group:"Who may send and look" help:"Who works at facilities and here: add, list, suspend, resume."`
	Login    people.LoginCmd `cmd:"" group:"Who may send and look" help:"How people log in by name."`
	Person   personCmd       `cmd:"" group:"Who may send and look" help:"The link between the patient of a record and a person."`

	Database  database.Cmd        `cmd:"" group:"Databases, tasks and the operations centre" help:"Specialised databases: declare from a file, list, show, entries, share."`
	Rules     rules.Cmd           `cmd:"" group:"Databases, tasks and the operations centre" help:"Rules that people write: draft, rehearse, announce, put into force, retire."`
	Clean     clean.Cmd           `cmd:"" group:"Databases, tasks and the operations centre" help:"What cleaning proposes: list, accept, reject, undo."`
	Night     clean.NightCmd      `cmd:"" group:"Databases, tasks and the operations centre" help:"Jobs of the night: run those of a day, list what they found."`
	Unit      duty.UnitCmd        `cmd:"" group:"Databases, tasks and the operations centre" help:"Units of the ministry, provinces, insurer, partners: list, add, dissolve."`
	Task      duty.TaskCmd        `cmd:"" group:"Databases, tasks and the operations centre" help:"Tasks of units and facilities: list, show, add, step."`
	Programme duty.ProgrammeCmd   `cmd:"" group:"Databases, tasks and the operations centre" help:"Programmes and resolutions that tasks come from: import, export."`
	Figure    figure.Cmd          `cmd:"" group:"Databases, tasks and the operations centre" help:"Numbers of boards: list, pin, close a day, show."`
	Recompute figure.RecomputeCmd `cmd:"" group:"Databases, tasks and the operations centre" help:"Count a pinned figure again from the rows as of its checkpoint; also on a restored copy."`
	Alarm     alarm.Cmd           `cmd:"" group:"Databases, tasks and the operations centre" help:"Alarms: how they are set, which are open, whether they arrive."`

	Destination delivery.DestinationCmd `cmd:"" group:"Where records go" help:"Where records may go."`
	Route       delivery.RouteCmd       `cmd:"" group:"Where records go" help:"How records reach destinations."`
	Legs        delivery.LegsCmd        `cmd:"" group:"Where records go" help:"Deliveries: list them, send again, give up."`

	Evidence proof.EvidenceCmd `cmd:"" group:"Proof" help:"Get everything that proves a record, in one zip."`
	Verify   proof.VerifyCmd   `cmd:"" group:"Proof" help:"Verify a receipt or an evidence bundle offline."`
	Stamp    proof.StampCmd    `cmd:"" group:"Proof" help:"Verify a time-stamp offline."`
	Witness  proof.WitnessCmd  `cmd:"" group:"Proof" help:"Witness the logs of other hubs, and be witnessed by them."`
	Audit    custody.AuditCmd  `cmd:"" group:"Proof" help:"Walk a whole store and its ledger, and find what was edited, lost or moved."`

	Backup     custody.BackupCmd     `cmd:"" group:"Keeping" help:"Copy the store, encrypted, to a place the hub cannot change afterwards."`
	Restore    custody.RestoreCmd    `cmd:"" group:"Keeping" help:"Restore a backup elsewhere and prove it."`
	Retention  custody.RetentionCmd  `cmd:"" group:"Keeping" help:"How long what is kept, and the end of it."`
	Erase      custody.EraseCmd      `cmd:"" group:"Keeping" help:"Erase records and keep a tombstone: date, reason and a leaf in the ledger."`
	Archive    custody.ArchiveCmd    `cmd:"" group:"Keeping" help:"Move the bodies of older records to slower storage."`
	Keys       custody.KeysCmd       `cmd:"" group:"Keeping" help:"Turn keys: a new master key, a new key of a month."`
	Sign       custody.SignCmd       `cmd:"" group:"Keeping" help:"Hold a hub's master, receipt and log keys in a process of their own."`
	Dictionary measure.DictionaryCmd `cmd:"" group:"Keeping" help:"Compression dictionaries of the store."`

	Synth    measure.SynthCmd `cmd:"" group:"Trying and measuring" help:"Write files of a synthetic nation: signed dossiers, entries of databases."`
	Simulate simulateCmd      `cmd:"" group:"Trying and measuring" help:"Run a simulated service outside: insurer, health book, prescriptions, axis, webhook receiver, time-stamps, identities, population."`
	Bench    measure.BenchCmd `cmd:"" group:"Trying and measuring" help:"Measure intake, reading and the floor."`

	Lang string `help:"Language: vi or en." enum:"vi,en," default:""`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	lang := speech.Language(args, os.Getenv, speech.Machine)
	words, err := speech.Read()
	if err != nil {
		fmt.Fprintln(errOut, "lienthong:", err)
		return command.ExitUnanswered
	}
	pages := &speech.Pages{Words: words, Lang: lang, Width: 80}
	if speech.Bare(args) {
		return answered(pages.Start(out))
	}
	var c cli
	code := -1
	parser, err := kong.New(&c, kong.Name("lienthong"), kong.Description(speech.About), kong.Help(pages.Printer),
		kong.Writers(out, errOut), kong.Exit(func(n int) { code = n }), kong.Bind(pages))
	if err != nil {
		fmt.Fprintln(errOut, "lienthong:", err)
		return command.ExitUnanswered
	}
	parsed, err := parser.Parse(args)
	if code == 0 { // help was asked for and printed
		return command.ExitOK
	}
	if err != nil {
		command.Report(errOut, lang, pages.Wrong(err))
		pages.Hint(errOut, err)
		return command.ExitUnanswered
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&command.Streams{In: in, Out: out, Err: errOut, Lang: lang})
	switch {
	case err == nil:
		return command.ExitOK
	case errors.Is(err, command.ErrNo):
		return command.ExitNo
	}
	command.Report(errOut, lang, err)
	return command.ExitUnanswered
}

// answered is the exit code of what only prints.
func answered(err error) int {
	if err != nil {
		return command.ExitUnanswered
	}
	return command.ExitOK
}
