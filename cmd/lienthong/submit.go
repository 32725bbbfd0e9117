package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"lienthong/internal/agent"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
)

type submitCmd struct {
	Hub        string   `required:"" help:"Base URL of the hub."`
	Credential string   `required:"" help:"Credential file of the facility." type:"existingfile"`
	Lane       string   `help:"urgent, routine or backlog." enum:"urgent,routine,backlog" default:"routine"`
	JSON       bool     `name:"json" help:"One JSON line for each result."`
	State      string   `help:"File that remembers what was decided, so that a run that broke off goes on where it was." type:"path"`
	Again      bool     `help:"With --state: send again what was rejected or refused, for instance after mending it."`
	Files      []string `arg:"" name:"file" help:"Files or folders to send." type:"existingpath"`
}

// Run sends and prints. The answer is no when something was rejected or refused.
func (c *submitCmd) Run(ctx context.Context, s *command.Streams) error {
	b, err := command.ReadPrivate(c.Credential)
	if err != nil {
		return err
	}
	credential, err := agent.ParseCredential(b)
	if err != nil {
		return err
	}
	client, err := agent.New(agent.Config{HubURL: c.Hub, Credential: credential})
	if err != nil {
		return err
	}
	o := agent.Options{Lane: c.Lane, Again: c.Again, Failed: func(file string, err error) { fmt.Fprintf(s.Err, "%s: %v\n", file, err) }, Progress: c.progress(s)}
	if c.State != "" {
		if o.State, err = agent.OpenState(c.State, client); err != nil {
			return err
		}
	}
	summary, err := client.Submit(ctx, agent.Paths(c.Files...), o, func(a agent.Answer) error { return c.show(s, a) })
	if o.State != nil {
		err = errors.Join(err, o.State.Close())
	}
	if !c.JSON {
		fmt.Fprintf(s.Err, "\r%d accepted (%d with warnings), %d rejected, %d refused, %d undecided\n",
			summary.Accepted, summary.Warned, summary.Rejected, summary.Refused, summary.Deferred)
	}
	switch {
	case err != nil:
		return err
	case summary.Failed > 0 && summary.Deferred == 0:
		return agent.ErrFile
	case summary.Exit() == command.ExitUnanswered:
		return agent.ErrUndecided
	case summary.Exit() == command.ExitNo:
		return command.ErrNo
	}
	return nil
}

func (c *submitCmd) show(s *command.Streams, a agent.Answer) error {
	if c.JSON {
		_, err := fmt.Fprintf(s.Out, "%s\n", a.JSON)
		return err
	}
	// What the hub says beside it is shown and not acted on: a line that cannot
	// be read here is an answer without it.
	var said struct {
		Message  fault.Text        `json:"message"`
		State    string            `json:"state"`
		Replay   bool              `json:"replay"`
		Current  *bool             `json:"current"`
		Findings []finding.Finding `json:"findings"`
	}
	if err := json.Unmarshal(a.JSON, &said); err != nil {
		said.Findings = nil
	}
	what := a.Record
	if what == "" {
		what = strings.TrimSuffix(a.Code+": "+said.Message.In(s.Lang), ": ")
	}
	outcome := string(a.Outcome)
	if a.Warned {
		outcome += "_with_warnings"
	}
	if said.State == "erased" {
		outcome = said.State
	}
	if said.Replay { // the answer it had before; it may have been followed since
		what += " (replay)"
	}
	if said.Current != nil && !*said.Current && a.Outcome == agent.Accepted && said.State != "erased" {
		what += " (not current)"
	}
	if _, err := fmt.Fprintf(s.Out, "%s[%d] %s %s\n", a.File, a.Index, outcome, what); err != nil {
		return err
	}
	return showFindings(s.Out, s.Lang, said.Findings)
}

// progress tells a person at a terminal how far it is.
func (c *submitCmd) progress(s *command.Streams) func(agent.Summary) {
	if c.JSON || !command.IsTerminal(s.Err) {
		return nil
	}
	total := 0
	for range agent.Paths(c.Files...) {
		total++
	}
	return func(p agent.Summary) {
		const width = 30
		done := min(width, width*p.Files/max(total, 1))
		fmt.Fprintf(s.Err, "\r[%s%s] %d/%d, %d MB", strings.Repeat("#", done), strings.Repeat(".", width-done), p.Files, total, p.Bytes>>20)
	}
}
