// Package figure has the commands that count pinned figures again, pin them, and
// show them. Counting again needs neither a running hub nor a network: a restored
// copy of the data will do.
package figure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/figure"
	"lienthong/internal/hub/house"
	"lienthong/internal/insight"
	"lienthong/internal/store"
)

// RecomputeCmd counts a pinned figure again.
type RecomputeCmd struct {
	ID        string `arg:"" optional:"" help:"Of the statement, such as SL.04-20261121-p24-v1; without -vN the newest."`
	Data      string `required:"" help:"Directory of the hub, or of a restored copy." type:"existingdir"`
	Statement string `help:"File with the statement as the portal gives it out: for a copy made before it was pinned." type:"existingfile"`
	JSON      bool   `name:"json" help:"As JSON."`
}

// errID: neither an id nor a statement.
var errID = fault.New(fault.Invalid, "usage.choice",
	"Nêu mã số liệu đã ghim, hoặc một tệp bằng --statement.",
	"Name a pinned figure, or a file with --statement.")

// Run counts again: 0 the same bytes, 1 others, 2 it could not be counted.
func (c *RecomputeCmd) Run(ctx context.Context, s *command.Streams) error {
	if (c.ID == "") == (c.Statement == "") {
		return errID
	}
	return with(ctx, c.Data, func(d *figure.Desk) error {
		st, err := c.statement(ctx, d)
		if err != nil {
			return err
		}
		o, err := d.Recompute(ctx, st)
		if err != nil {
			return err
		}
		if err := c.show(s, o); err != nil {
			return err
		}
		if !o.Same {
			return command.ErrNo
		}
		return nil
	})
}

func (c *RecomputeCmd) statement(ctx context.Context, d *figure.Desk) (*figure.Statement, error) {
	if c.Statement == "" {
		return d.Statement(ctx, c.ID)
	}
	f, err := os.Open(c.Statement)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 8<<20))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return figure.Parse([]byte(strings.TrimSpace(string(b))))
}

func (c *RecomputeCmd) show(s *command.Streams, o figure.Outcome) error {
	if c.JSON {
		return command.WriteJSON(s.Out, map[string]any{"id": o.Statement.ID, "same": o.Same, "pinned": o.Statement.Value, "recounted": json.RawMessage(o.Bytes), "sha256": o.Statement.SHA256})
	}
	answer := map[bool]string{true: "same", false: "DIFFERENT"}[o.Same]
	if s.Lang == "vi" {
		answer = map[bool]string{true: "giống hệt", false: "KHÁC"}[o.Same]
	}
	name := o.Statement.Figure
	if f, ok := insight.FigureByID(name); ok {
		name += " " + f.Name.In(s.Lang)
	}
	fmt.Fprintf(s.Out, "%s\t%s\n%s\n", o.Statement.ID, answer, name)
	for _, l := range o.Statement.Logs {
		fmt.Fprintf(s.Out, "log %d\tsize %d\n", l.Log, l.Size)
	}
	fmt.Fprintf(s.Out, "pinned\t%s\nrecounted\t%s\nsha256\t%s\n", o.Statement.Value, o.Bytes, o.Statement.SHA256)
	return nil
}

// with opens a copy of the data without its log.
func with(ctx context.Context, dir string, do func(*figure.Desk) error) error {
	p, err := command.OpenPlace(dir)
	if err != nil {
		return err
	}
	return p.WithSlices(ctx, func(slices *store.Slices) error {
		d, err := figure.New(figure.Deps{Figures: slices.House.Figures, Counters: slices.Counters, Ledger: slices.Ledger, Hub: p.Name, Clock: clock.System{}})
		if err != nil {
			return err
		}
		return do(d)
	})
}

// Cmd is what else is done with figures.
type Cmd struct {
	List  listCmd  `cmd:"" help:"Every figure with its formula."`
	Pin   pinCmd   `cmd:"" help:"Count a figure and pin it; of a running hub the portal does."`
	Close closeCmd `cmd:"" help:"Close a day that is over: pin its figures for the country, every province and unit; of a running hub the night does."`
	Show  showCmd  `cmd:"" help:"Print a pinned figure as it is kept."`
}

type listCmd struct{}

// Run lists figures.
func (listCmd) Run(s *command.Streams) error {
	for _, f := range insight.Figures() {
		fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\n", f.ID, f.Source, f.Name.In(s.Lang), f.Formula.In(s.Lang))
	}
	return nil
}

type pinCmd struct {
	Figure   string `arg:"" help:"Such as SL.04."`
	Data     string `required:"" help:"Directory of the hub." type:"existingdir"`
	From     int    `required:"" help:"Day, yyyyMMdd in Hanoi."`
	To       int    `help:"Last day; default: the same."`
	Province string `help:"Of this province."`
	Unit     string `help:"Of this unit."`
	Facility string `help:"Of this facility."`
}

// Run pins.
func (c *pinCmd) Run(ctx context.Context, s *command.Streams) error {
	to := c.To
	if to == 0 {
		to = c.From
	}
	q, err := figure.Ask(c.Figure, figure.Place{Province: c.Province, Unit: c.Unit, Facility: c.Facility}, c.From, to)
	if err != nil {
		return err
	}
	return started(ctx, c.Data, func(h *house.House) error {
		st, err := h.Figures.Pin(ctx, command.Actor, q)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s\t%s\n", st.ID, st.Value)
		return nil
	})
}

type closeCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"existingdir"`
	Day  int    `required:"" help:"Day, yyyyMMdd in Hanoi."`
}

// Run closes.
func (c *closeCmd) Run(ctx context.Context, s *command.Streams) error {
	return started(ctx, c.Data, func(h *house.House) error {
		check, err := h.Figures.Compare(ctx, c.Day)
		if err != nil {
			return err
		}
		r, err := h.Figures.Close(ctx, c.Day)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "compared %d\tunequal %d\nlooked at %d\tpinned %d\n", check.Seen, check.Unequal, r.Seen, r.Changed)
		if check.Unequal > 0 {
			return command.ErrNo
		}
		return nil
	})
}

// started takes the log of a hub that does not run.
func started(ctx context.Context, dir string, do func(*house.House) error) error {
	p, err := command.OpenPlace(dir)
	if err != nil {
		return err
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return err
	}
	return errors.Join(do(h.House), h.Close())
}

type showCmd struct {
	ID   string `arg:"" help:"Of the statement."`
	Data string `required:"" help:"Directory of the hub, or of a restored copy." type:"existingdir"`
}

// Run prints a statement.
func (c *showCmd) Run(ctx context.Context, s *command.Streams) error {
	return with(ctx, c.Data, func(d *figure.Desk) error {
		st, err := d.Statement(ctx, c.ID)
		if err == nil {
			_, err = fmt.Fprintf(s.Out, "%s\n", st.Bytes())
		}
		return err
	})
}
