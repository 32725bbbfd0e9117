package agent

import (
	"context"

	"lienthong/internal/agent/control"
	"lienthong/internal/command"
)

type pinCmd struct {
	in
	Unlock bool `help:"Allow PINs to be tried again, after looking at the device with its maker's tool."`
}

// Run hands the PIN to the running agent. It is asked for without showing it, or
// read from the standard input; it is never an argument.
func (c *pinCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	client, err := control.Dial(h)
	if err != nil {
		return err
	}
	if c.Unlock {
		at, err := client.Forgive(ctx)
		if err != nil {
			return err
		}
		tellSigner(s, at)
		return nil
	}
	if _, err := client.Status(ctx); err != nil { // before a secret is typed
		return err
	}
	pin, err := command.ReadSecret(s, "PIN: ")
	if err != nil {
		return err
	}
	at, err := client.Unlock(ctx, pin)
	if err != nil {
		return err
	}
	tellSigner(s, at)
	return nil
}
