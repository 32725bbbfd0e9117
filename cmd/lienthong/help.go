package main

import (
	"slices"

	"github.com/alecthomas/kong"

	"lienthong/internal/command"
	"lienthong/internal/command/speech"
)

type helpCmd struct {
	About []string `arg:"" optional:"" name:"command" help:"The command, such as: database declare. all: every one."`
}

// Run prints the page of a command; without one what somebody begins with.
func (c *helpCmd) Run(s *command.Streams, app *kong.Kong, pages *speech.Pages) error {
	at := app.Model.Node
	switch {
	case len(c.About) == 0:
		return pages.Start(s.Out)
	case len(c.About) == 1 && c.About[0] == "all":
		return pages.Command(s.Out, at)
	}
	for _, name := range c.About {
		i := slices.IndexFunc(at.Children, func(n *kong.Node) bool { return n.Name == name })
		if i < 0 {
			return speech.Unknown(name)
		}
		at = at.Children[i]
	}
	return pages.Command(s.Out, at)
}
