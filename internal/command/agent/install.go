package agent

import (
	"context"
	"net"
	"strconv"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/service"
	"lienthong/internal/command"
)

type installCmd struct {
	in
	User   string `help:"Who the service runs as; default a user of its own (lienthong-agent), dynamic has systemd make one up."`
	Binary string `help:"Program to install; default this one." type:"existingfile"`
	Root   string `help:"Write everything below this directory and start nothing: for trying." type:"path"`
}

// Run installs the service and starts it.
func (c *installCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	config := serviceConfig(h)
	config.User, config.Binary, config.Root = c.User, c.Binary, c.Root
	if err := service.Install(ctx, config); err != nil {
		return err
	}
	say(s, "Đã cài dịch vụ %s. Xem tình trạng: lienthong agent status.", "The service %s is installed. How it is: lienthong agent status.", service.Name)
	if t := h.Config().Signer.Type; t == home.SignerPKCS12 || t == home.SignerPKCS11 {
		say(s, "Sau mỗi lần khởi động máy, nhập mã PIN hoặc mật khẩu khóa ký: lienthong agent pin.", "After each start of the machine, give the PIN or password of the sealing key: lienthong agent pin.")
	}
	return nil
}

// serviceConfig is what the service of an agent needs of the machine.
func serviceConfig(h *home.Home) service.Config {
	c := h.Config()
	out := service.Config{Dir: h.Dir(), Token: c.Signer.Type == home.SignerPKCS11}
	for _, f := range c.Folders {
		out.Writes = append(out.Writes, f.Path)
		if f.Done != "" {
			out.Writes = append(out.Writes, f.Done)
		}
	}
	for _, path := range []string{c.Signer.Key, c.Signer.Certificate, c.Signer.File, c.Signer.SecretFile} {
		if path != "" {
			out.Reads = append(out.Reads, path)
		}
	}
	for _, address := range []string{c.Listen, c.Secure} {
		if _, port, err := net.SplitHostPort(address); err == nil {
			if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 1024 {
				out.LowPort = true
			}
		}
	}
	return out
}
