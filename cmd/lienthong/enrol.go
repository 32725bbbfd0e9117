package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"time"

	"lienthong/internal/command"
	webadmin "lienthong/internal/web/admin"
)

// actorOf is who acts on the command line where it matters which of them: the
// name given, else that of the account of this machine.
func actorOf(name string) (string, error) {
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return "", err
		}
		name = u.Username
	}
	return "operator " + name + ": command line", nil
}

type inviteCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"path"`
	Code     string `required:"" help:"MA_CSKCB of the facility."`
	Hours    int    `help:"How long the invite is good." default:"72"`
	Operator string `help:"Who invites; default the account on this machine."`
}

// Run prints a one-time code.
func (c *inviteCmd) Run(ctx context.Context, s *command.Streams) error {
	actor, err := actorOf(c.Operator)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		i, err := a.Invite(ctx, actor, c.Code, c.Hours)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.Out, i.Code)
		fmt.Fprintf(s.Err, "good once, until %s\n", i.Expires.Local().Format(time.RFC3339))
		return nil
	})
}

type approveCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"path"`
	Client   string `required:"" help:"Client id of the system that waits."`
	Refuse   bool   `help:"Turn it away instead."`
	Operator string `help:"Who approves, another than who invited; default the account on this machine."`
}

// Run lets a waiting system in, or turns it away.
func (c *approveCmd) Run(ctx context.Context, s *command.Streams) error {
	actor, err := actorOf(c.Operator)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		do, done := a.Approve, "approved"
		if c.Refuse {
			do, done = a.Dismiss, "turned away"
		}
		if err := do(ctx, actor, c.Client); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s %s\n", c.Client, done)
		return nil
	})
}

type enrolmentCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"path"`
	Approval string `required:"" help:"none: an invite is enough; second: a second person approves." enum:"none,second"`
	Operator string `help:"Who decides; default the account on this machine."`
}

// Run says how systems are let in from now on.
func (c *enrolmentCmd) Run(ctx context.Context, s *command.Streams) error {
	actor, err := actorOf(c.Operator)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.SetApproval(ctx, actor, c.Approval); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "approval: %s\n", c.Approval)
		return nil
	})
}

type waitingCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	JSON bool   `help:"One JSON document."`
}

// Run lists who waits for approval, and senders whose sequence forked.
func (c *waitingCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		e, err := a.Enrolment(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.Out).Encode(e)
		}
		for _, p := range e.Waiting {
			fmt.Fprintf(s.Out, "waiting %s facility %s key %s since %s invited by %q software %q\n", p.Client, p.Facility, p.KeyID,
				p.Since.Format(time.RFC3339), p.By, p.Software)
		}
		for _, f := range e.Forked {
			fmt.Fprintf(s.Out, "forked %s seen %s: two systems with one key; revoke it and give a new one\n", f.Client, f.Seen.Format(time.RFC3339))
		}
		return nil
	})
}
