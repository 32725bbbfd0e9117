package simulate

import (
	"context"
	"io"
	"os"
	"strings"

	"lienthong/internal/bridge/feed/simulator"
	"lienthong/internal/command"
)

type feedCmd struct {
	common
	Entries string `required:"" help:"NDJSON file of entries, as synth entries --format ndjson writes it." type:"existingfile"`
	Token   string `help:"File with the token that a caller must show; without it anybody may read." type:"path"`
}

// Run feeds entries until it is told to stop.
func (c *feedCmd) Run(ctx context.Context, s *command.Streams) error {
	f, err := os.Open(c.Entries)
	if err != nil {
		return err
	}
	sim, err := c.simulator(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "feed", sim)
}

func (c *feedCmd) simulator(lines io.Reader) (*simulator.Simulator, error) {
	config := simulator.Config{Lines: lines, Faults: c.faults()}
	if c.Token != "" {
		b, err := os.ReadFile(c.Token)
		if err != nil {
			return nil, err
		}
		config.Token = strings.TrimSpace(string(b))
	}
	return simulator.New(config)
}
