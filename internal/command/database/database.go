// Package database has the commands for specialised databases: declare one from a
// file, list, show, take one a step on, read its open entries, share it. They go
// through the running hub, or start one that serves nobody.
package database

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/hub/house"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	webadmin "lienthong/internal/web/admin"
)

// Cmd is what an operator does about databases.
type Cmd struct {
	Check    checkCmd   `cmd:"" help:"Look at a declaration and take nothing: what is wrong, by line."`
	Declare  declareCmd `cmd:"" aliases:"add" help:"Take a declaration from a file, live: a new database, or the next version of one."`
	List     listCmd    `cmd:"" help:"List the databases with their steward, state and entries."`
	Show     showCmd    `cmd:"" help:"Show one: steps, grants, how far its sources were read."`
	Text     textCmd    `cmd:"" name:"declaration" help:"Print the declaration of one, to begin another with or to edit."`
	State    stateCmd   `cmd:"" help:"Take a database a step on, or back: surveyed, building, evaluated, accepted, operating."`
	Import   importCmd  `cmd:"" help:"Bring a file of entries in: look at every row, tell what is wrong with which lines, and write what can be taken."`
	Imports  importsCmd `cmd:"" help:"List the files that were brought in."`
	Commit   commitCmd  `cmd:"" help:"Write the rows of a file that was looked at."`
	Undo     undoCmd    `cmd:"" help:"Take a whole import back, for 30 days."`
	Drop     dropCmd    `cmd:"" help:"Give up a file that was looked at; it is destroyed."`
	Entries  entriesCmd `cmd:"" help:"List entries: an operator sees the fields that are open to everybody."`
	Export   exportCmd  `cmd:"" help:"Write all entries, one JSON object a line: the open fields."`
	Grant    grantCmd   `cmd:"" help:"Share fields with a unit, partner or facility, for a purpose and a term."`
	EndGrant endCmd     `cmd:"" name:"end-grant" help:"End a grant."`
	Project  projectCmd `cmd:"" help:"Make entries of what came, now, and say how far sources were read."`
}

// where is what every command needs.
type where struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// ask asks the running hub, or one started for it.
func (w where) ask(ctx context.Context, what string, q house.DatabaseAsk) (house.DatabaseSaid, error) {
	var said house.DatabaseSaid
	err := w.with(ctx, func(acts webadmin.Databases) error { return one(ctx, acts, what, q, &said) })
	return said, err
}

func one(ctx context.Context, acts webadmin.Databases, what string, q house.DatabaseAsk, said *house.DatabaseSaid) error {
	b, err := json.Marshal(q)
	if err != nil {
		return err
	}
	b, err = acts.Databases(ctx, command.Actor, what, b)
	if err != nil {
		return err
	}
	*said = house.DatabaseSaid{}
	return json.Unmarshal(b, said)
}

func (w where) with(ctx context.Context, do func(webadmin.Databases) error) error {
	cfg := command.Quiet()
	cfg.Shipped = true
	return command.AtDesk(ctx, w.Data, cfg, do)
}

type declareCmd struct {
	where
	File  string `arg:"" help:"Declaration, a YAML file." type:"existingfile"`
	Check bool   `help:"Look only, and take nothing."`
}

// Run takes a declaration: 0 taken, 1 what is wrong is printed.
func (c *declareCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.declare(ctx, s, c.File, c.Check)
}

type checkCmd struct {
	where
	File string `arg:"" help:"Declaration, a YAML file." type:"existingfile"`
}

// Run looks at a declaration: 0 it can be taken, 1 what is wrong is printed.
func (c *checkCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.declare(ctx, s, c.File, true)
}

func (w where) declare(ctx context.Context, s *command.Streams, file string, check bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	said, err := w.ask(ctx, "declare", house.DatabaseAsk{Text: text, Check: check})
	if err != nil {
		return err
	}
	wrong := said.Refused != nil
	for _, p := range said.Problems {
		kind := "error"
		if p.Note {
			kind = "note"
		}
		wrong = wrong || !p.Note
		fmt.Fprintf(s.Out, "%s:%d:%d\t%s\t%s\t%s\t%s\n", file, p.Line, p.Column, kind, p.Code, p.Path, p.Text.In(s.Lang))
	}
	if said.Refused != nil {
		fmt.Fprintf(s.Out, "%s\t%s\n", said.Code, said.Refused.In(s.Lang))
	}
	if wrong {
		return command.ErrNo
	}
	if len(said.Databases) == 1 {
		as := fmt.Sprintf(map[bool]string{true: "bản %d", false: "version %d"}[s.Lang == "vi"], said.Version)
		if check {
			as = map[bool]string{true: "ghi nhận được", false: "can be taken"}[s.Lang == "vi"]
		}
		fmt.Fprintf(s.Out, "%s\t%s\t%s\n", said.Databases[0].ID, as, said.Databases[0].Name.In(s.Lang))
	}
	return nil
}

type textCmd struct {
	where
	ID string `arg:"" help:"Of the database."`
}

// Run prints a declaration as it was taken.
func (c *textCmd) Run(ctx context.Context, s *command.Streams) error {
	said, err := c.ask(ctx, "text", house.DatabaseAsk{ID: registry.ID(c.ID)})
	if err != nil {
		return err
	}
	_, err = s.Out.Write(said.Text)
	return err
}

type listCmd struct{ where }

// Run lists databases.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	said, err := c.ask(ctx, "list", house.DatabaseAsk{})
	for _, d := range said.Databases {
		fmt.Fprintf(s.Out, "%s\tv%d\t%s\t%s\t%d\t%s\n", d.ID, d.Version, d.Steward, d.State, d.Live, d.Name.In(s.Lang))
	}
	return err
}

type showCmd struct {
	where
	ID string `arg:"" help:"Of the database."`
}

// Run shows a database.
func (c *showCmd) Run(ctx context.Context, s *command.Streams) error {
	said, err := c.ask(ctx, "show", house.DatabaseAsk{ID: registry.ID(c.ID)})
	if err != nil {
		return err
	}
	for _, d := range said.Databases {
		fmt.Fprintf(s.Out, "%s\tv%d\t%s\t%s\t%s\n", d.ID, d.Version, d.Steward, d.State, d.Name.In(s.Lang))
	}
	for _, n := range said.Counts {
		fmt.Fprintf(s.Out, "entries\t%s\t%d\n", n.State, n.N)
	}
	for _, st := range said.Steps {
		fmt.Fprintf(s.Out, "step\t%d\t%s\t%s\t%s\t%s\n", st.N, st.State, st.At.Format(time.RFC3339), st.By, st.Evidence)
	}
	for _, g := range said.Grants {
		fmt.Fprintf(s.Out, "grant\t%s\t%s\t%s\t%s\t%s\n", g.ID, g.To, strings.Join(g.Fields, ","), when(g.Until), g.Purpose)
	}
	places(s, said)
	return nil
}

func places(s *command.Streams, said house.DatabaseSaid) {
	for _, p := range said.Places {
		fmt.Fprintf(s.Out, "source\t%s\t%s\tread %d\tmade %d\tended %d\t%s\n", p.Database, p.Source, p.Seen, p.Made, p.Ended, p.Code)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Add(-time.Microsecond).In(clock.Hanoi).Format(time.DateOnly) // the last day it holds on
}

type stateCmd struct {
	where
	ID       string `arg:"" help:"Of the database."`
	State    string `arg:"" enum:"surveyed,building,evaluated,accepted,operating" help:"The step to take."`
	Evidence string `required:"" help:"Number of a paper or minutes; of a step back the reason. At least 10 characters, no person's name."`
}

// Run takes a step.
func (c *stateCmd) Run(ctx context.Context, s *command.Streams) error {
	if _, err := c.ask(ctx, "state", house.DatabaseAsk{ID: registry.ID(c.ID), State: registry.State(c.State), Evidence: c.Evidence}); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s\t%s\n", c.ID, c.State)
	return nil
}

type entriesCmd struct {
	where
	ID    string            `arg:"" help:"Of the database."`
	By    map[string]string `help:"Field and value to search by; 'x*' begins with x."`
	Limit int               `default:"50" help:"At most 500."`
}

// Run lists entries.
func (c *entriesCmd) Run(ctx context.Context, s *command.Streams) error {
	said, err := c.ask(ctx, "entries", house.DatabaseAsk{ID: registry.ID(c.ID), By: c.By, Limit: c.Limit})
	if err != nil {
		return err
	}
	return write(s, said.Entries)
}

func write(s *command.Streams, all []registry.Entry) error {
	out := json.NewEncoder(s.Out)
	for i := range all {
		e := &all[i]
		line := map[string]any{"id": steward.EntryText(e.ID), "version": e.Version, "state": e.State, "values": e.Values, "source": e.Origin.Source, "at": e.At}
		if e.Unreadable {
			line["unreadable"] = true
		}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

type exportCmd struct {
	where
	ID string `arg:"" help:"Of the database."`
}

// Run writes all entries.
func (c *exportCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.with(ctx, func(acts webadmin.Databases) error {
		q := house.DatabaseAsk{ID: registry.ID(c.ID), Limit: 500}
		for {
			var said house.DatabaseSaid
			if err := one(ctx, acts, "entries", q, &said); err != nil {
				return err
			}
			if err := write(s, said.Entries); err != nil || said.Next == "" {
				return err
			}
			q.Cursor = said.Next
		}
	})
}

type grantCmd struct {
	where
	ID      string    `arg:"" help:"Of the database."`
	To      string    `required:"" help:"Role: unit:ID, partner:ID, province:NN, facility:CODE."`
	Fields  []string  `help:"Fields, with commas; without it all that are not sensitive."`
	Purpose string    `required:"" help:"For what, at least 5 characters."`
	Until   time.Time `format:"2006-01-02" help:"Last day it holds on; without it a year."`
}

// Run shares fields.
func (c *grantCmd) Run(ctx context.Context, s *command.Streams) error {
	until := c.Until
	if !until.IsZero() {
		until = time.Date(until.Year(), until.Month(), until.Day()+1, 0, 0, 0, 0, clock.Hanoi)
	}
	said, err := c.ask(ctx, "grant", house.DatabaseAsk{ID: registry.ID(c.ID), To: c.To, Fields: c.Fields, Purpose: c.Purpose, Until: until})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s\t%s\t%s\n", said.Grant.ID, said.Grant.To, when(said.Grant.Until))
	return nil
}

type endCmd struct {
	where
	ID    string `arg:"" help:"Of the database."`
	Grant string `arg:"" help:"Of the grant, as show prints it."`
}

// Run ends a grant.
func (c *endCmd) Run(ctx context.Context, s *command.Streams) error {
	_, err := c.ask(ctx, "grant-end", house.DatabaseAsk{ID: registry.ID(c.ID), Grant: c.Grant})
	if err == nil {
		fmt.Fprintln(s.Out, "ended", c.Grant)
	}
	return err
}

type projectCmd struct {
	where
	ID string `arg:"" optional:"" help:"Of the database to print; all without it."`
}

// Run makes entries of what came.
func (c *projectCmd) Run(ctx context.Context, s *command.Streams) error {
	said, err := c.ask(ctx, "project", house.DatabaseAsk{ID: registry.ID(c.ID)})
	if err == nil {
		places(s, said)
	}
	return err
}
