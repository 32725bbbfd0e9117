package agent

import (
	"context"
	"fmt"
	"runtime"

	"lienthong/internal/agent/local"
	"lienthong/internal/clock"
	"lienthong/internal/command"
)

type trustCmd struct {
	in
	Host    string `help:"Host name the HIS has built in." default:"egw.baohiemxahoi.gov.vn"`
	Install bool   `help:"Do the steps on this machine (as administrator; Debian and its kin)." xor:"what"`
	Remove  bool   `help:"Take the steps back." xor:"what"`
	Root    string `help:"Do them below this directory: for trying." type:"path" hidden:""`
	Update  string `help:"Program that reads the store of trust." hidden:""`
}

// secure is where the agent answers for the built-in name: the port of https.
const secure = "127.0.0.1:443"

// Run makes the certificate, and prints or does what makes this machine use it.
func (c *trustCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	system := local.System{Root: c.Root, Update: c.Update}
	config := h.Config()
	if c.Remove {
		id, err := local.Load(h, clock.System{})
		if err == nil {
			c.Host = id.Host
		}
		config.Secure = ""
		if err := system.Remove(ctx, c.Host); err != nil {
			return err
		}
		say(s, "Máy này không còn trỏ %s về trạm gửi. Khởi động lại dịch vụ.", "This machine no longer points %s at the agent. Restart the service.", c.Host)
		return h.Save(config)
	}
	id, made, err := local.Ensure(h, c.Host, clock.System{})
	if err != nil {
		return err
	}
	if made {
		say(s, "Đã tạo chứng thư cục bộ cho %s, chỉ dùng trên máy này, đến %s.", "A local certificate for %s was made, for this machine only, until %s.",
			id.Host, id.Ends.In(clock.Hanoi).Format("2006-01-02"))
	}
	if !c.Install {
		for i, step := range local.Steps(runtime.GOOS, id.Host, h.Path(local.AuthorityFile)) {
			fmt.Fprintf(s.Out, "%d. %s:\n   %s\n", i+1, step.Text.In(s.Lang), step.Command)
		}
		return nil
	}
	if err := system.Install(ctx, id); err != nil {
		return err
	}
	config.Secure = secure
	if err := h.Save(config); err != nil {
		return err
	}
	say(s, "Máy này giờ gửi %s tới trạm gửi. Chạy lại lienthong agent install để mở cổng 443.", "This machine now sends %s to the agent. Run lienthong agent install again to open port 443.", id.Host)
	return nil
}
