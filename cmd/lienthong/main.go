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
)

// cli is the command line (DESIGN §6).
type cli struct {
	Demo     demoCmd     `cmd:"" help:"Run a hub with a synthetic nation, live; login links are printed."`
	Init     initCmd     `cmd:"" help:"Make a hub's store and keys."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the store's tables up to date."`
	Trust    trustCmd    `cmd:"" help:"Trust certificate authorities."`
	Facility facilityCmd `cmd:"" help:"Register facilities and give out credentials."`
	Person   personCmd   `cmd:"" help:"Undo a link between a patient and a person."`
	Link     linkCmd     `cmd:"" help:"Make a one-time login link."`
	Hub      hubCmd      `cmd:"" help:"Run a hub."`
	Dossier  dossierCmd  `cmd:"" help:"Check and sign dossiers offline; list the rules."`
	Submit   submitCmd   `cmd:"" help:"Send files to a hub."`
	Evidence evidenceCmd `cmd:"" help:"Get everything that proves a record, in one zip."`
	Witness  witnessCmd  `cmd:"" help:"Witness the logs of other hubs, and be witnessed by them."`
	Verify   verifyCmd   `cmd:"" help:"Verify a receipt or an evidence bundle offline."`
	Audit    auditCmd    `cmd:"" help:"Walk a whole store and its ledger, and find what was edited, lost or moved."`
	Backup   backupCmd   `cmd:"" help:"Copy the store, encrypted, to a place the hub cannot change afterwards."`
	Restore  restoreCmd  `cmd:"" help:"Restore a backup elsewhere and prove it."`
	Synth    synthCmd    `cmd:"" help:"Write the signed dossiers of a synthetic nation."`
	Simulate simulateCmd `cmd:"" help:"Run a simulated service outside: a time-stamp authority."`
	Stamp    stampCmd    `cmd:"" help:"Verify a time-stamp offline."`
	Bench    benchCmd    `cmd:"" help:"Measure intake, reading and the floor."`

	Erase      eraseCmd      `cmd:"" help:"Erase records and keep a tombstone: date, reason and a leaf in the ledger."`
	Retention  retentionCmd  `cmd:"" help:"How long what is kept, and the end of it."`
	Dictionary dictionaryCmd `cmd:"" help:"Compression dictionaries of the store."`

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
		return exitUnanswered
	}
	parsed, err := parser.Parse(args)
	if code == 0 { // help was asked for and printed
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(errOut, "lienthong:", err)
		return exitUnanswered
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&streams{in, out, errOut, c.Lang})
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	}
	report(errOut, c.Lang, err)
	return exitUnanswered
}
