// Package clean has the commands of the night and of cleaning: run the jobs of a day,
// list what they found, decide proposals. Of a running hub the night runs by itself
// and proposals are decided in the portal; these commands take the hub's place while
// it is stopped.
package clean

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lienthong/internal/cleaning"
	"lienthong/internal/command"
	hubhouse "lienthong/internal/hub/house"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// operator is who sits at the machine.
var operator = role.Role{Kind: role.Operator}

// with starts a place's hub for the moment.
func with(ctx context.Context, dir string, do func(*hubhouse.House) error) error {
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

// NightCmd is the jobs of nights.
type NightCmd struct {
	Run  nightRun  `cmd:"" help:"Run the jobs of a day that is over, in order; what is done is left as it is."`
	List nightList `cmd:"" help:"What the jobs of nights found."`
}

type nightRun struct {
	Data string `required:"" help:"Directory of the hub." type:"existingdir"`
	Day  int    `help:"yyyyMMdd in Hanoi; default: yesterday."`
	Job  string `help:"One job only, such as cleaning.duplicates."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run runs jobs: 0 all are done and nothing is unequal, 1 otherwise, 2 they could not be run.
func (c *nightRun) Run(ctx context.Context, s *command.Streams) error {
	return with(ctx, c.Data, func(h *hubhouse.House) error {
		all, err := h.Night.Do(ctx, c.Day, c.Job)
		if err != nil {
			return err
		}
		if err := show(s, all, c.JSON); err != nil {
			return err
		}
		for _, n := range all {
			if n.State != house.NightDone || n.Unequal > 0 {
				return command.ErrNo
			}
		}
		return nil
	})
}

type nightList struct {
	Data string `required:"" help:"Directory of the hub." type:"existingdir"`
	Day  int    `help:"yyyyMMdd in Hanoi; default: all."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run lists nights; also beside a hub that runs.
func (c *nightList) Run(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	return p.WithSlices(ctx, func(slices *store.Slices) error {
		all, err := slices.House.Nights.Nights(ctx, c.Day, c.Day)
		if err != nil {
			return err
		}
		return show(s, all, c.JSON)
	})
}

func show(s *command.Streams, all []house.Night, asJSON bool) error {
	if asJSON {
		return command.WriteJSON(s.Out, all)
	}
	for _, n := range all {
		fmt.Fprintf(s.Out, "%d\t%s\t%s\t%d\t%d\t%d\t%s\n", n.Day, n.Job, n.State, n.Seen, n.Changed, n.Unequal, strings.TrimSpace(n.Code+" "+n.Note))
	}
	return nil
}

// Cmd is what cleaning proposes.
type Cmd struct {
	List   listCmd   `cmd:"" help:"Proposals with their counts."`
	Accept acceptCmd `cmd:"" help:"Have proposals done."`
	Reject rejectCmd `cmd:"" help:"Close proposals; they come again only with other facts."`
	Undo   undoCmd   `cmd:"" help:"Give entries back what they were before an accepted proposal."`
}

type listCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"existingdir"`
	Database string `help:"Of this database."`
	Detector string `help:"duplicates, codes, stale, units or population." enum:",duplicates,codes,stale,units,population" default:""`
	State    string `help:"open, accepted, rejected, undone, overtaken." default:"open"`
	After    string `help:"Go on behind this proposal."`
	Limit    int    `help:"At most 1,000." default:"50"`
	JSON     bool   `name:"json" help:"As JSON."`
}

// Run lists proposals.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	return with(ctx, c.Data, func(h *hubhouse.House) error {
		f := house.ProposalFilter{Detector: c.Detector, State: c.State, After: c.After, Limit: c.Limit}
		if c.Database != "" {
			f.Databases = []registry.ID{registry.ID(c.Database)}
		}
		all, more, err := h.Cleaning.List(ctx, operator, f)
		if err != nil {
			return err
		}
		if c.JSON {
			return command.WriteJSON(s.Out, map[string]any{"proposals": all, "more": more})
		}
		for i := range all {
			p := &all[i]
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Database, p.Detector, p.Kind, p.State, strings.Join(p.Body.Signs, ","))
		}
		return nil
	})
}

type decision struct {
	Data   string   `required:"" help:"Directory of the hub." type:"existingdir"`
	ID     []string `arg:"" help:"Proposals of one database."`
	Reason string   `required:"" help:"Why, 10 to 500 characters."`
	Count  int      `help:"Of more than 100: how many they are."`
	As     string   `help:"Who decides, where it must be another than who typed an entry; the command line takes your word." default:""`
}

func (c *decision) do(ctx context.Context, s *command.Streams, what func(*cleaning.Desk) func(context.Context, cleaning.Who, cleaning.Decision) (cleaning.Outcome, error)) error {
	return with(ctx, c.Data, func(h *hubhouse.House) error {
		name := "operator via command"
		if c.As != "" {
			name += "/" + c.As
		}
		o, err := what(h.Cleaning)(ctx, cleaning.Who{Role: operator, Name: name}, cleaning.Decision{IDs: c.ID, Reason: c.Reason, Second: c.Count})
		if err != nil {
			return err
		}
		words := "%d done\t%d overtaken\n"
		if s.Lang == "vi" {
			words = "%d xong\t%d không còn phù hợp\n"
		}
		fmt.Fprintf(s.Out, words, o.Done, o.Overtaken)
		if o.Overtaken > 0 {
			return command.ErrNo
		}
		return nil
	})
}

type (
	acceptCmd struct {
		decision `embed:""`
	}
	rejectCmd struct {
		decision `embed:""`
	}
	undoCmd struct {
		decision `embed:""`
	}
)

// Run accepts.
func (c *acceptCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, func(d *cleaning.Desk) func(context.Context, cleaning.Who, cleaning.Decision) (cleaning.Outcome, error) {
		return d.Accept
	})
}

// Run rejects.
func (c *rejectCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, func(d *cleaning.Desk) func(context.Context, cleaning.Who, cleaning.Decision) (cleaning.Outcome, error) {
		return d.Reject
	})
}

// Run takes back.
func (c *undoCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, func(d *cleaning.Desk) func(context.Context, cleaning.Who, cleaning.Decision) (cleaning.Outcome, error) {
		return d.Undo
	})
}
