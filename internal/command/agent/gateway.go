package agent

import (
	"context"

	"lienthong/internal/agent/control"
	"lienthong/internal/agent/home"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

type gatewayCmd struct {
	in
	User string `help:"Name the HIS logs in with; its password is asked for, or read from the standard input."`
	Off  bool   `help:"Shut the gateway."`
}

var errGatewayUser = fault.New(fault.Invalid, "gateway.user",
	"Cần tên đăng nhập: lienthong agent gateway --user TÊN (1 đến 100 ký tự), hoặc --off để tắt.",
	"A name is needed: lienthong agent gateway --user NAME (1 to 100 characters), or --off to shut it.")

// leastPassword is as for the hub's own accounts.
const leastPassword = 14

var errPasswordShort = fault.New(fault.Invalid, "gateway.password", "Mật khẩu cần ít nhất 14 ký tự.", "The password needs at least 14 characters.")

// Run makes the account, keeps its hash, and has a running agent take it up.
func (c *gatewayCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	config := h.Config()
	switch {
	case c.Off:
		config.Gateway = nil
	case c.User == "" || len(c.User) > 100 || store.CheckText(c.User) != nil:
		return errGatewayUser
	default:
		password, err := command.ReadSecret(s, "Mật khẩu / Password: ")
		if err != nil {
			return err
		}
		if len([]rune(password)) < leastPassword {
			return errPasswordShort
		}
		hash, err := gateway.Hash(password, gateway.AgentCost())
		if err != nil {
			return err
		}
		config.Gateway = &home.GatewayConfig{User: c.User, Hash: hash}
	}
	if err := h.Save(config); err != nil {
		return err
	}
	client, err := control.Dial(h)
	if err == nil {
		err = client.Reload(ctx)
	}
	if err != nil && fault.Of(err).Code != control.ErrNotRunning.Code {
		return err
	}
	c.told(s, config, err == nil)
	return nil
}

func (c *gatewayCmd) told(s *command.Streams, config home.Config, running bool) {
	if c.Off {
		say(s, "Đã tắt cổng thay thế trên máy này.", "The drop-in gateway is off here.")
		return
	}
	say(s, "Trong phần mềm bệnh viện, đổi địa chỉ gốc thành http://%s, tên đăng nhập %s và mật khẩu vừa đặt. Không đổi gì khác.",
		"In the HIS, change the base address to http://%s, the user to %s and the password. Nothing else.", config.Listen, c.User)
	if !running {
		say(s, "Trạm gửi chưa chạy: lienthong agent install hoặc lienthong agent run.", "The agent is not running: lienthong agent install or lienthong agent run.")
	}
}
