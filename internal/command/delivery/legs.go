package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/command"
	"lienthong/internal/exchange"
	webadmin "lienthong/internal/web/admin"
)

// LegsCmd is what an operator does about deliveries that do not arrive.
type LegsCmd struct {
	List  legsListCmd  `cmd:"" help:"List legs, newest first."`
	Retry legsRetryCmd `cmd:"" help:"Send parked or skipped legs again."`
	Skip  legsSkipCmd  `cmd:"" help:"Give up waiting, held or parked legs."`
}

type legsListCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Filter string `help:"Any of destination=ID, facility=CODE, kind=K, state=S, code=C, from=TIME, to=TIME, joined by commas without blanks."`
	Limit  int    `help:"At most so many." default:"50"`
	JSON   bool   `name:"json" help:"One JSON line each."`
}

// Run lists legs.
func (c *legsListCmd) Run(ctx context.Context, s *command.Streams) error {
	f, err := parseFilter(c.Filter)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		list, err := a.ListLegs(ctx, f, c.Limit)
		if err != nil {
			return err
		}
		for _, l := range list {
			if c.JSON {
				if err := json.NewEncoder(s.Out).Encode(l); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\t%d\t%s\n", l.Record, l.Destination, l.Kind, strings.TrimSpace(string(l.State)+" "+l.Code), l.Attempts, l.Created.Format(time.RFC3339))
		}
		return nil
	})
}

type legsRetryCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Filter string `help:"As of list; state=parked unless it says another." default:"state=parked"`
	Reason string `help:"Why; kept with the act."`
	Yes    bool   `help:"Do it. Without it the legs are only counted."`
}

// Run sends legs again.
func (c *legsRetryCmd) Run(ctx context.Context, s *command.Streams) error {
	return move(ctx, s, c.Data, admin.LegRetry, c.Filter, c.Reason, c.Yes)
}

type legsSkipCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Filter string `help:"As of list; state=parked unless it says another." default:"state=parked"`
	Reason string `help:"Why; kept with the act."`
	Yes    bool   `help:"Do it. Without it the legs are only counted."`
}

// Run gives legs up.
func (c *legsSkipCmd) Run(ctx context.Context, s *command.Streams) error {
	return move(ctx, s, c.Data, admin.LegSkip, c.Filter, c.Reason, c.Yes)
}

// move counts before it does anything, and does it only when it is told to.
func move(ctx context.Context, s *command.Streams, dir, do, filter, reason string, yes bool) error {
	f, err := parseFilter(filter)
	if err != nil {
		return err
	}
	if f.State == "" {
		f.State = exchange.Parked
	}
	act := admin.LegAct{Do: do, Filter: f, Reason: reason}
	return command.Administer(ctx, dir, func(a webadmin.Acts) error {
		n, err := a.CountLegs(ctx, act)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%d legs\n", n)
		if !yes {
			fmt.Fprintf(s.Err, "nothing was done; say --reason and --yes to %s them\n", do)
			return nil
		}
		moved, err := a.MoveLegs(ctx, command.Actor, act, nil)
		fmt.Fprintf(s.Out, "%d done\n", moved)
		return err
	})
}

func parseFilter(text string) (f admin.LegFilter, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return f, errFilterForm
		}
		switch name {
		case "destination":
			f.Destination = value
		case "facility":
			f.Facility = value
		case "kind":
			f.Kind = value
		case "state":
			f.State = exchange.State(value)
		case "code":
			f.Code = value
		case "from":
			f.From, err = time.Parse(time.RFC3339, value)
		case "to":
			f.To, err = time.Parse(time.RFC3339, value)
		default:
			return f, errFilterForm
		}
		if err != nil {
			return f, errFilterForm
		}
	}
	return f, nil
}
