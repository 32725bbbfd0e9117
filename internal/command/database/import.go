package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"lienthong/internal/care"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/hub/house"
	"lienthong/internal/registry"
	"lienthong/internal/steward/bring"
	webadmin "lienthong/internal/web/admin"
)

type importCmd struct {
	where
	ID      string `arg:"" help:"Of the database."`
	File    string `arg:"" help:"The file: CSV, NDJSON, XLSX or XML." type:"existingfile"`
	Mapping string `help:"YAML file that says which column is which field, a line each: 'heading: field'. Columns it does not name are left as their headings say; an empty field leaves a column out." type:"existingfile"`
	DryRun  bool   `name:"dry-run" help:"Look at every row and keep nothing." xor:"end"`
	Commit  bool   `help:"Write the rows that can be taken, once all were looked at. Without it the file waits for database commit." xor:"end"`
	JSON    bool   `name:"json" help:"As JSON."`
}

// Run sends a file as it is read, has every row looked at and prints what is wrong
// with which lines: 0 every row can be taken (with --commit: was), 1 not all.
func (c *importCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.with(ctx, func(acts webadmin.Databases) error {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		b, err := acts.Receive(ctx, command.Actor, c.ID, filepath.Base(c.File), f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		var said house.DeskSaid
		if err := json.Unmarshal(b, &said); err != nil {
			return err
		}
		at := &bringing{acts: acts, s: s, ask: house.DeskAsk{Database: registry.ID(c.ID), Import: said.Import.ID}}
		err = c.look(ctx, at)
		if err == nil && c.Commit && at.last.State == bring.Checked {
			err = at.step(ctx, "import.apply")
		}
		if c.DryRun || err != nil && at.last == nil { // of a file that could not even be looked at nothing is left
			_, gone := command.Ask(context.WithoutCancel(ctx), acts, "import.drop", at.ask)
			err = errors.Join(err, gone)
		}
		if err != nil {
			return err
		}
		return at.told(c.JSON, c.DryRun)
	})
}

// look maps the columns and waits until every row was looked at.
func (c *importCmd) look(ctx context.Context, at *bringing) error {
	said, err := command.Ask(ctx, at.acts, "import.columns", at.ask)
	if err != nil {
		return err
	}
	at.header = said.Header
	if c.Mapping != "" {
		if at.ask.Columns, err = c.columns(said); err != nil {
			return err
		}
		if _, err := command.Ask(ctx, at.acts, "import.map", at.ask); err != nil {
			return err
		}
	}
	return at.settle(ctx)
}

var (
	errMapping = fault.New(fault.Invalid, "usage.mapping",
		"Tệp ghép cột không đọc được: mỗi dòng là 'tên cột: tên trường'.", "The mapping cannot be read: each line is 'heading: field'.")
	errHeading = fault.New(fault.Invalid, "usage.mapping_heading",
		"Tệp dữ liệu không có cột này.", "The file has no column of this heading.")
)

// columns is the field of each column, as the mapping says it.
func (c *importCmd) columns(said house.DeskSaid) ([]string, error) {
	text, err := command.ReadLimited(c.Mapping)
	if err != nil {
		return nil, err
	}
	var fields map[string]string
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return nil, errMapping.Because(err)
	}
	out := append([]string(nil), said.Import.Summary.Fields...)
	for heading, field := range fields {
		found := false
		for i, h := range said.Header {
			if care.Fold(h) == care.Fold(heading) && i < len(out) {
				out[i], found = field, true
			}
		}
		if !found {
			return nil, errHeading.Because(errors.New(heading))
		}
	}
	return out, nil
}

// bringing is one import as a command follows it.
type bringing struct {
	acts   webadmin.Databases
	s      *command.Streams
	ask    house.DeskAsk
	header []string
	last   *bring.Import
}

// step takes a step and waits until it is done.
func (b *bringing) step(ctx context.Context, what string) error {
	if _, err := command.Ask(ctx, b.acts, what, b.ask); err != nil {
		return err
	}
	return b.settle(ctx)
}

// settle waits until nothing is being done to the import. How far it is it tells who watches.
func (b *bringing) settle(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := command.Ask(ctx, b.acts, "import.get", b.ask)
		if err != nil {
			return err
		}
		switch i := said.Import; i.State {
		case bring.Received, bring.Applying, bring.Undoing:
			if command.IsTerminal(b.s.Err) {
				fmt.Fprintf(b.s.Err, "\r%s %d ", i.State, max(i.Summary.Rows, i.Summary.Done))
			}
		default:
			if command.IsTerminal(b.s.Err) {
				fmt.Fprint(b.s.Err, "\r\033[K")
			}
			b.last = i
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// told prints what became of the import: with columns and findings, where rows were looked at.
func (b *bringing) told(asJSON, gone bool) error {
	i := b.last
	not := i.State == bring.Stopped || i.Summary.Refused > 0
	if asJSON {
		if err := command.WriteJSON(b.s.Out, map[string]any{"import": i.ID, "database": i.Database, "state": i.State, "headings": b.header, "summary": i.Summary, "kept": !gone}); err != nil {
			return err
		}
	} else {
		b.print()
	}
	if i.State == bring.Checked && i.Summary.Refused < i.Summary.Rows && !gone && !asJSON {
		hint := "nothing is written yet; to write it: lienthong database commit --data DIR %s %s\n"
		if b.s.Lang == "vi" {
			hint = "chưa ghi gì; để ghi: lienthong database commit --data THƯ-MỤC %s %s\n"
		}
		fmt.Fprintf(b.s.Err, hint, i.Database, i.ID)
	}
	if not {
		return command.ErrNo
	}
	return nil
}

func (b *bringing) print() {
	i, out := b.last, b.s.Out
	line(b.s, i)
	for n, h := range b.header {
		field := "-"
		if n < len(i.Summary.Fields) && i.Summary.Fields[n] != "" {
			field = i.Summary.Fields[n]
		}
		fmt.Fprintf(out, "column\t%d\t%s\t%s\n", n+1, h, field)
	}
	for _, c := range i.Summary.Causes {
		var lines []string
		for _, n := range c.Lines {
			lines = append(lines, strconv.FormatInt(n, 10))
		}
		if int64(len(lines)) < c.N {
			lines = append(lines, "...")
		}
		fmt.Fprintf(out, "finding\t%s\t%s\t%s\t%d\tlines %s\t%s\n", c.Severity, c.Code, c.Field, c.N, strings.Join(lines, ","), c.Text.In(b.s.Lang))
	}
}

// line prints an import in one line.
func line(s *command.Streams, i *bring.Import) {
	m := &i.Summary
	rest := fmt.Sprintf("rows %d\trefused %d", m.Rows, m.Refused)
	switch {
	case m.Code != "":
		rest = fmt.Sprintf("line %d\t%s", m.Line, m.Code)
	case i.State == bring.Done:
		rest += fmt.Sprintf("\tmade %d\tchanged %d\tsame %d\ttwice %d", m.Made, m.Changed, m.Same, m.Twice)
	case i.State == bring.Undone:
		rest += fmt.Sprintf("\tended %d\trestored %d", m.Ended, m.Restored)
	}
	fmt.Fprintf(s.Out, "import\t%s\t%s\t%s\t%s\n", i.ID, i.State, i.Name, rest)
}

type importsCmd struct {
	where
	ID    string `arg:"" help:"Of the database."`
	Limit int    `default:"50" help:"At most so many."`
}

// Run lists imports, the newest first.
func (c *importsCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.with(ctx, func(acts webadmin.Databases) error {
		said, err := command.Ask(ctx, acts, "import.list", house.DeskAsk{Database: registry.ID(c.ID), Limit: c.Limit})
		for i := range said.Imports {
			line(s, &said.Imports[i])
		}
		return err
	})
}

// importStep is a step of an import that was looked at before.
type importStep struct {
	where
	ID     string `arg:"" help:"Of the database."`
	Import string `arg:"" help:"Of the import, as imports prints it."`
}

func (c *importStep) do(ctx context.Context, s *command.Streams, what string) error {
	return c.with(ctx, func(acts webadmin.Databases) error {
		at := &bringing{acts: acts, s: s, ask: house.DeskAsk{Database: registry.ID(c.ID), Import: c.Import}}
		if err := at.step(ctx, what); err != nil {
			return err
		}
		line(s, at.last)
		if at.last.State == bring.Stopped && what != "import.drop" {
			return command.ErrNo
		}
		return nil
	})
}

type (
	commitCmd struct{ importStep }
	undoCmd   struct{ importStep }
	dropCmd   struct{ importStep }
)

// Run writes the rows of an import that can be taken.
func (c *commitCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, "import.apply")
}

// Run takes a whole import back.
func (c *undoCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, "import.undo")
}

// Run gives an import up before anything was written.
func (c *dropCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, "import.drop")
}
