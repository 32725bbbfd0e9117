package agent

import (
	"context"
	"fmt"

	"lienthong/internal/agent/control"
	"lienthong/internal/command"
)

type pageCmd struct {
	in
	Days int  `help:"How many days the browser may look." default:"1"`
	End  bool `help:"Shut every browser out."`
}

// Run prints an address that lets the browser it is opened in look, once. Who may
// run it is who may read the agent's directory: others of this machine may not
// see the pages.
func (c *pageCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	client, err := control.Dial(h)
	if err != nil {
		return err
	}
	if c.End {
		if err := client.EndPages(ctx); err != nil {
			return err
		}
		say(s, "Không trình duyệt nào còn xem được trang của trạm gửi.", "No browser may look at the agent's pages any more.")
		return nil
	}
	link, err := client.Link(ctx, c.Days)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out, link)
	return nil
}
