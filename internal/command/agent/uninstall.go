package agent

import (
	"context"

	"lienthong/internal/agent/service"
	"lienthong/internal/command"
)

type uninstallCmd struct {
	Root string `help:"As install had it: for trying." type:"path"`
}

// Run removes the service. The agent's directory stays.
func (c *uninstallCmd) Run(ctx context.Context, s *command.Streams) error {
	if err := service.Uninstall(ctx, c.Root); err != nil {
		return err
	}
	say(s, "Đã gỡ dịch vụ. Thư mục của trạm và những gì đang chờ gửi vẫn còn.", "The service is removed. The agent's directory and what waits in it are still there.")
	return nil
}
