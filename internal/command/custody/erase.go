package custody

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"lienthong/internal/command"
	"lienthong/internal/keep"
	webadmin "lienthong/internal/web/admin"
)

type EraseCmd struct {
	Data    string   `required:"" help:"Directory of the hub." type:"path"`
	Reason  string   `required:"" help:"court_order, mistake, subject_request or retention; the last two only when the term has ended."`
	Case    string   `help:"Number of the decision; needed for court_order and mistake. No person's name."`
	Records []string `arg:"" name:"record" help:"Records to erase."`
}

// Run erases the records, all or none.
func (c *EraseCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		n, err := a.Erase(ctx, command.Actor, keep.Request{Records: c.Records, Reason: c.Reason, Case: c.Case})
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%d records erased\n", n)
		return nil
	})
}

type RetentionCmd struct {
	List   retentionListCmd   `cmd:"" help:"What is kept by class and month, until when, and by which source."`
	Expire retentionExpireCmd `cmd:"" help:"Erase a month whose term has ended, and destroy its key."`
}

type retentionListCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run lists.
func (c *retentionListCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		terms, err := a.Terms(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			for _, t := range terms {
				b, err := json.Marshal(t)
				if err != nil {
					return err
				}
				fmt.Fprintln(s.Out, string(b))
			}
			return nil
		}
		for _, t := range terms {
			state := "kept"
			switch {
			case !t.Key:
				state = "destroyed"
			case t.Ended:
				state = "ended"
			}
			by := t.ConfirmedBy
			if by == "" {
				by = "nobody yet"
			}
			fmt.Fprintf(s.Out, "%-9s %d-%02d  %8d records %8d erased %8d files  ends %s  %s  (%s; confirmed by %s)\n", t.Class, t.Month/100, t.Month%100,
				t.Records, t.Erased, t.Files, t.Ends.Format("2006-01-02"), state, t.Source, by)
		}
		return nil
	})
}

type retentionExpireCmd struct {
	Data  string `required:"" help:"Directory of the hub." type:"path"`
	Class string `required:"" help:"Class, as retention list names it."`
	Month string `required:"" help:"Month, YYYY-MM."`
}

// Run erases the month.
func (c *retentionExpireCmd) Run(ctx context.Context, s *command.Streams) error {
	month, err := strconv.Atoi(strings.Replace(c.Month, "-", "", 1))
	if err != nil {
		return keep.ErrClass
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		n, err := a.Expire(ctx, command.Actor, c.Class, month)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%d records erased, the key of %s %s destroyed\n", n, c.Class, c.Month)
		return nil
	})
}
