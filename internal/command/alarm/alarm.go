// Package alarm has the commands for alarms: how they are set, which are open,
// whether tellings arrive; and whose software is whose.
package alarm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/command"
	webadmin "lienthong/internal/web/admin"
)

// Cmd is what an operator does about alarms.
type Cmd struct {
	Set  setCmd  `cmd:"" help:"Keep settings: limits, holidays, webhook, mail; a JSON file."`
	List listCmd `cmd:"" help:"Show the settings and the alarms of the last week."`
	Test testCmd `cmd:"" help:"Let a running hub tell of nothing, to see whether it arrives."`
}

type setCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	File string `required:"" help:"File with the settings, a JSON object; secrets are beside the hub's keys, not in it." type:"existingfile"`
}

// Run keeps settings.
func (c *setCmd) Run(ctx context.Context, s *command.Streams) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	if _, err := alarm.ParseLimits(b); err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.SetAlarms(ctx, command.Actor, b); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "alarms set")
		return nil
	})
}

type listCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// Run shows settings and alarms.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		l, err := a.ListAlarms(ctx)
		if err != nil {
			return err
		}
		b, err := json.Marshal(l.Setting)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "setting\t%s\n", b)
		for _, x := range l.Alarms {
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\t%s\n", x.State, x.Cause, x.Opened.Format(time.RFC3339), x.Owner, x.Text.In(s.Lang))
		}
		return nil
	})
}

type testCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// Run lets the hub tell of nothing.
func (c *testCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		n, err := a.TryAlarms(ctx, command.Actor)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "told %d\n", n)
		return nil
	})
}

// VendorCmd is whose software is whose.
type VendorCmd struct {
	Bind bindCmd `cmd:"" help:"Let the role partner:ID see what rejects dossiers of a software; without a name no more."`
}

type bindCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"ID of the role partner:ID."`
	Name string `help:"Name of the software, as senders say it before the slash."`
}

// Run binds a partner to a software.
func (c *bindCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.BindVendor(ctx, command.Actor, c.ID, c.Name); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "partner:%s sees %q\n", c.ID, c.Name)
		return nil
	})
}
