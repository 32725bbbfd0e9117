// Package duty has the commands of units, tasks and programmes: what the pages do,
// for scripts. Reading opens the data; what changes something asks the hub that runs,
// or one started for it.
package duty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/hub/house"
	"lienthong/internal/role"
	"lienthong/internal/store"
	webadmin "lienthong/internal/web/admin"
)

// operator is who acts on the command line.
func operator() errand.Who {
	return errand.Who{Role: role.Role{Kind: role.Operator}, Name: command.Actor}
}

// reading opens a copy of the data without its log.
func reading(ctx context.Context, dir string, do func(*errand.Desk) error) error {
	p, err := command.OpenPlace(dir)
	if err != nil {
		return err
	}
	return p.WithSlices(ctx, func(s *store.Slices) error {
		places, err := s.Facilities.Load(ctx)
		if err != nil {
			return err
		}
		d, err := errand.New(errand.Deps{Tasks: s.House.Duties, Items: s.House.DutyItems, Facility: func() *facility.Directory { return places }, Clock: clock.System{}})
		if err != nil {
			return err
		}
		return do(d)
	})
}

// ask has the hub act: the one that runs, or one started for it.
func ask(ctx context.Context, dir, what string, q house.DutyAsk) (said house.DutySaid, err error) {
	err = command.AtDesk(ctx, dir, command.Quiet(), func(acts webadmin.Databases) (err error) {
		said, err = command.Asked[house.DutySaid](ctx, acts, "duty."+what, q)
		return err
	})
	return said, err
}

// UnitCmd is what is done with units.
type UnitCmd struct {
	List     unitList     `cmd:"" help:"List units: those of the default list, and what was changed."`
	Add      unitAdd      `cmd:"" help:"Add a unit, or name one anew; what it was stays readable."`
	Dissolve unitDissolve `cmd:"" help:"End a unit on a day; its tasks pass to its successor."`
}

type unitList struct {
	Data string `required:"" help:"Directory of the hub." type:"existingdir"`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run lists units.
func (c *unitList) Run(ctx context.Context, s *command.Streams) error {
	return reading(ctx, c.Data, func(d *errand.Desk) error {
		u, err := d.AllUnits(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return command.WriteJSON(s.Out, u.All())
		}
		for _, x := range u.All() {
			ended := ""
			if x.Until != 0 {
				ended = "until " + duty.DayText(x.Until) + " -> " + x.Successor
			}
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\n", x.ID, x.Kind, x.Name.In(s.Lang), ended)
		}
		return nil
	})
}

type unitAdd struct {
	ID       string `arg:"" help:"Small letters, digits, hyphens."`
	Data     string `required:"" help:"Directory of the hub." type:"existingdir"`
	Kind     string `required:"" enum:"ministry,department,centre,province,insurer,register,body,partner" help:"What it is."`
	NameVI   string `required:"" name:"name-vi" help:"Name in Vietnamese."`
	NameEN   string `required:"" name:"name-en" help:"Name in English."`
	Province string `help:"Two digits, of a provincial health department."`
	Focal    bool   `help:"It follows the progress of others and assigns tasks."`
}

// Run adds.
func (c *unitAdd) Run(ctx context.Context, s *command.Streams) error {
	_, err := ask(ctx, c.Data, "unit-put", house.DutyAsk{Unit: duty.Unit{ID: c.ID, Kind: c.Kind, Name: fault.Text{VI: c.NameVI, EN: c.NameEN}, Province: c.Province, Focal: c.Focal}})
	return err
}

type unitDissolve struct {
	ID    string `arg:"" help:"Of the unit."`
	Data  string `required:"" help:"Directory of the hub." type:"existingdir"`
	Into  string `help:"Id of the successor; without one its tasks stand out."`
	Until string `help:"First day it is no more, such as 2026-12-31; default: today."`
}

// Run dissolves.
func (c *unitDissolve) Run(ctx context.Context, s *command.Streams) error {
	q := house.DutyAsk{Unit: duty.Unit{ID: c.ID, Successor: c.Into}}
	if c.Until != "" {
		var err error
		if q.Unit.Until, err = duty.ParseDay(c.Until); err != nil {
			return err
		}
	}
	said, err := ask(ctx, c.Data, "unit-dissolve", q)
	if err == nil {
		fmt.Fprintf(s.Out, "tasks passed on: %d\n", said.Changed)
	}
	return err
}

// TaskCmd is what is done with tasks.
type TaskCmd struct {
	List taskList `cmd:"" help:"List tasks, the soonest due first."`
	Show taskShow `cmd:"" help:"Print a task with its steps."`
	Add  taskAdd  `cmd:"" help:"Assign a task."`
	Step taskStep `cmd:"" help:"Take a step of a task."`
}

type taskList struct {
	Data     string `required:"" help:"Directory of the hub." type:"existingdir"`
	Owner    string `help:"unit:ID or facility:CODE."`
	Database string `help:"About this database."`
	State    string `enum:",open,in_progress,blocked,done,cancelled" default:"" help:"In this state only."`
	Late     bool   `help:"Only those whose day is over."`
	Limit    int    `default:"50" help:"At most."`
	JSON     bool   `name:"json" help:"As JSON."`
}

// Run lists tasks.
func (c *taskList) Run(ctx context.Context, s *command.Streams) error {
	return reading(ctx, c.Data, func(d *errand.Desk) error {
		f := duty.Filter{Database: c.Database, State: duty.State(c.State), Limit: c.Limit}
		if c.Owner != "" {
			var err error
			if f.Owner, err = duty.ParseParty(c.Owner); err != nil {
				return err
			}
		}
		if c.Late {
			f.Late = d.Today()
		}
		all, _, err := d.List(ctx, operator().Role, f)
		if err != nil {
			return err
		}
		if c.JSON {
			return command.WriteJSON(s.Out, all)
		}
		for _, t := range all {
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, duty.DayText(t.Due), t.State, t.Owner(), t.BlockedBy, t.Title.In(s.Lang))
		}
		return nil
	})
}

type taskShow struct {
	Number string `arg:"" help:"Such as NV-2026-000123-7."`
	Data   string `required:"" help:"Directory of the hub." type:"existingdir"`
	JSON   bool   `name:"json" help:"As JSON."`
}

// Run shows.
func (c *taskShow) Run(ctx context.Context, s *command.Streams) error {
	id, err := duty.ParseNumber(c.Number)
	if err != nil {
		return err
	}
	return reading(ctx, c.Data, func(d *errand.Desk) error {
		v, err := d.Look(ctx, operator().Role, id)
		if err != nil {
			return err
		}
		if c.JSON {
			return command.WriteJSON(s.Out, map[string]any{"task": v.Task, "steps": v.Steps})
		}
		fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\n%s\n", v.Task.ID, v.Task.State, v.Task.Owner(), duty.DayText(v.Task.Due), v.Task.Title.In(s.Lang))
		for _, k := range v.Steps {
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s %s\n", k.At.In(clock.Hanoi).Format("2006-01-02 15:04"), k.What, k.Actor, k.By, k.Why)
		}
		return nil
	})
}

type taskAdd struct {
	Owner     string `arg:"" help:"unit:ID or facility:CODE."`
	Title     string `arg:"" help:"What is to be done, in one line."`
	Data      string `required:"" help:"Directory of the hub." type:"existingdir"`
	Due       string `required:"" help:"Last day that is not late, such as 2026-12-31."`
	Programme string `help:"Id of the programme it comes from; else another source."`
	Database  string `help:"The database it is about."`
}

// Run assigns.
func (c *taskAdd) Run(ctx context.Context, s *command.Streams) error {
	owner, err := duty.ParseParty(c.Owner)
	if err != nil {
		return err
	}
	day, err := duty.ParseDay(c.Due)
	if err != nil {
		return err
	}
	t := duty.Task{Title: fault.Text{VI: c.Title}, Due: day, Database: c.Database, Source: duty.Source{Kind: duty.FromOther}}
	if c.Programme != "" {
		t.Source = duty.Source{Kind: duty.FromProgramme, Ref: c.Programme}
	}
	t.Own(owner)
	said, err := ask(ctx, c.Data, "task-open", house.DutyAsk{Task: t})
	if err == nil {
		fmt.Fprintln(s.Out, said.Task.ID)
	}
	return err
}

type taskStep struct {
	Number string `arg:"" help:"Such as NV-2026-000123-7."`
	What   string `arg:"" enum:"started,blocked,unblocked,done,cancelled,reopened,due,moved,noted" help:"The step."`
	Data   string `required:"" help:"Directory of the hub." type:"existingdir"`
	Why    string `help:"Reason or remark."`
	By     string `help:"blocked: who holds it up, unit:ID or facility:CODE."`
	Owner  string `help:"moved: who has it now."`
	Due    string `help:"due, reopened: the day."`
	Text   string `help:"done: what came of it."`
	Record string `help:"done: id of a record that shows it."`
	Figure string `help:"done: id of a figure that shows it."`
	SHA256 string `name:"sha256" help:"done: of a file that shows it."`
}

// Run takes the step.
func (c *taskStep) Run(ctx context.Context, s *command.Streams) error {
	id, err := duty.ParseNumber(c.Number)
	if err != nil {
		return err
	}
	k := duty.Step{What: c.What, Why: c.Why, By: duty.Party(c.By), Owner: duty.Party(c.Owner), Evidence: duty.Evidence{Text: c.Text}}
	for _, e := range [][2]string{{"record", c.Record}, {"figure", c.Figure}, {"file", strings.ToLower(c.SHA256)}} {
		if e[1] != "" {
			k.Evidence.Kind, k.Evidence.Ref = e[0], e[1]
		}
	}
	if c.Due != "" {
		if k.Due, err = duty.ParseDay(c.Due); err != nil {
			return err
		}
	}
	said, err := ask(ctx, c.Data, "task-step", house.DutyAsk{Task: duty.Task{ID: id}, Step: k})
	if err == nil {
		fmt.Fprintf(s.Out, "%s\t%s\n", said.Task.ID, said.Task.State)
	}
	return err
}

// ProgrammeCmd is what is done with programmes.
type ProgrammeCmd struct {
	Import programmeImport `cmd:"" help:"Take programmes from a CSV or YAML file: new ones are added, others said anew."`
	Export programmeExport `cmd:"" help:"Write all programmes, as import takes them."`
}

type programmeImport struct {
	File string `arg:"" help:"Ends in .csv, .yaml or .yml." type:"existingfile"`
	Data string `required:"" help:"Directory of the hub." type:"existingdir"`
}

// Run imports.
func (c *programmeImport) Run(ctx context.Context, s *command.Streams) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, 2<<20))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	all, err := errand.ReadProgrammes(errand.FormatOf(c.File), b)
	if err != nil {
		return err
	}
	said, err := ask(ctx, c.Data, "programmes", house.DutyAsk{Programmes: all})
	if err == nil {
		fmt.Fprintf(s.Out, "read %d\tchanged %d\n", len(all), said.Changed)
	}
	return err
}

type programmeExport struct {
	Data   string `required:"" help:"Directory of the hub." type:"existingdir"`
	Format string `default:"yaml" enum:"yaml,csv" help:"Form of the file."`
}

// Run exports.
func (c *programmeExport) Run(ctx context.Context, s *command.Streams) error {
	return reading(ctx, c.Data, func(d *errand.Desk) error {
		all, err := d.Programmes(ctx)
		if err != nil {
			return err
		}
		b, err := errand.WriteProgrammes(c.Format, all)
		if err == nil {
			_, err = s.Out.Write(b)
		}
		return err
	})
}
