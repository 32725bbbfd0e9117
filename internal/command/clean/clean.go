// Package clean has the commands of the night and of cleaning: run the jobs of a day,
// list what they found, decide proposals. They go through the running hub, whose
// nights also run by themselves, or start one that serves nobody.
package clean

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	hubhouse "lienthong/internal/hub/house"
	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	webadmin "lienthong/internal/web/admin"
)

// at lets do ask the running hub, or one started for it.
func at(ctx context.Context, dir string, do func(webadmin.Databases) error) error {
	return command.AtDesk(ctx, dir, command.Quiet(), do)
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

// Run runs jobs: 0 all are done and nothing is unequal, 1 otherwise, 2 they could not
// be run. How far they are is told on stderr.
func (c *nightRun) Run(ctx context.Context, s *command.Streams) error {
	return at(ctx, c.Data, func(acts webadmin.Databases) error {
		var all []house.Night
		err := command.Beside(ctx, time.Second, c.follow(acts, s), func(ctx context.Context) error {
			said, err := command.Ask(ctx, acts, "night.run", hubhouse.DeskAsk{Day: c.Day, Job: c.Job})
			all = said.Nights
			return err
		})
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

// follow tells each job that begins or ends, once. What cannot be read now is told later.
func (c *nightRun) follow(acts webadmin.Databases, s *command.Streams) func(context.Context) {
	day, told := c.Day, map[string]string{}
	if day == 0 {
		day = clock.Day(time.Now().AddDate(0, 0, -1))
	}
	began := time.Now()
	return func(ctx context.Context) {
		said, err := command.Ask(ctx, acts, "night.list", hubhouse.DeskAsk{Day: day})
		if err != nil {
			return
		}
		for _, n := range said.Nights {
			if old := n.State != house.NightRunning && n.Ended.Before(began); !old && told[n.Job] != n.State {
				told[n.Job] = n.State
				fmt.Fprintf(s.Err, "%s\t%s\n", n.Job, n.State)
			}
		}
	}
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
	return at(ctx, c.Data, func(acts webadmin.Databases) error {
		f := house.ProposalFilter{Detector: c.Detector, State: c.State, After: c.After, Limit: c.Limit}
		if c.Database != "" {
			f.Databases = []registry.ID{registry.ID(c.Database)}
		}
		said, err := command.Ask(ctx, acts, "clean.list", hubhouse.DeskAsk{Filter: f})
		if err != nil {
			return err
		}
		all, more := said.Proposals, said.More
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

func (c *decision) do(ctx context.Context, s *command.Streams, what string) error {
	return at(ctx, c.Data, func(acts webadmin.Databases) error {
		said, err := command.Ask(ctx, acts, what, hubhouse.DeskAsk{Name: c.As, Decision: cleaning.Decision{IDs: c.ID, Reason: c.Reason, Second: c.Count}})
		if err != nil {
			return err
		}
		o := said.Outcome
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
	return c.do(ctx, s, "clean.accept")
}

// Run rejects.
func (c *rejectCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, "clean.reject")
}

// Run takes back.
func (c *undoCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, s, "clean.undo")
}
