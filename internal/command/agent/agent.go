// Package agent has the commands of the facility's side: set an agent up, run it
// as a service, look how it is, give it its PIN, update it, and let a HIS with a
// built-in host name speak to it. What they do is in internal/agent and below;
// here flags become calls and answers become sentences.
package agent

import (
	"fmt"

	"lienthong/internal/agent/home"
	"lienthong/internal/command"
)

// Cmd are the commands of lienthong agent.
type Cmd struct {
	// On this machine.
	Setup     setupCmd     `cmd:"" help:"Set an agent up: make its key and redeem the hub's invite."`
	Install   installCmd   `cmd:"" help:"Make it a service that starts with the machine."`
	Uninstall uninstallCmd `cmd:"" help:"Stop and remove the service; what waits to be sent stays."`
	Status    statusCmd    `cmd:"" help:"Tell how the agent is."`
	PIN       pinCmd       `cmd:"" name:"pin" help:"Give the running agent the PIN or password of its sealing key."`
	Update    updateCmd    `cmd:"" help:"Install a signed newer version, or go back to the previous one."`
	Page      pageCmd      `cmd:"" help:"Print a one-time link that lets a browser on this machine see the agent's pages."`
	Gateway   gatewayCmd   `cmd:"" help:"Let a HIS send by the insurer gateway's own interface: account and password."`
	Trust     trustCmd     `cmd:"" help:"Let a HIS whose host name is built in speak to this agent."`
	Release   releaseCmd   `cmd:"" hidden:"" help:"Sign a release, for whoever makes them."`

	// At work.
	Run       runCmd       `cmd:"" help:"Run the agent: take files, check, seal, keep, send, follow."`
	Export    exportCmd    `cmd:"" help:"Write what waits to be sent, or receipts to be brought back, for a USB stick."`
	Import    importCmd    `cmd:"" help:"Take in what came on a stick: files to be sent from here, or receipts."`
	Reconcile reconcileCmd `cmd:"" help:"Compare a day's receipts with what the hub has, to the record."`
}

// in is the flag every command of one agent has.
type in struct {
	Dir string `help:"The agent's directory; default the machine's own." type:"path"`
}

func (i in) open() (*home.Home, error) { return home.Open(i.Dir) }

// say prints one sentence in the language asked for.
func say(s *command.Streams, vi, en string, a ...any) {
	text := vi
	if s.Lang == "en" {
		text = en
	}
	fmt.Fprintf(s.Out, text+"\n", a...)
}
