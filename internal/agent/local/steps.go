package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lienthong/internal/fault"
)

// ErrInstall (trust.install): the steps could not be done on this machine.
var ErrInstall = fault.New(fault.Withheld, "trust.install",
	"Không tự làm được các bước trên máy này. Chạy bằng quyền quản trị, hoặc làm theo các lệnh được in ra.",
	"The steps could not be done on this machine. Run as administrator, or do what was printed.")

// Step is one thing to do, with the command a person may type.
type Step struct {
	Text    fault.Text
	Command string
}

// Steps returns what makes a machine of an operating system ("windows", or
// anything else for Debian and its kin) send a host name to this agent and trust
// the file of its authority.
func Steps(system, host, authority string) []Step {
	hosts, trust := Step{
		Text:    fault.Text{VI: "Trỏ tên máy chủ về máy này", EN: "Point the host name at this machine"},
		Command: fmt.Sprintf(`echo '127.0.0.1 %s' | sudo tee -a /etc/hosts`, host),
	}, Step{
		Text:    fault.Text{VI: "Tin cậy chứng thư cục bộ", EN: "Trust the local authority"},
		Command: fmt.Sprintf(`sudo install -m 0644 '%s' /usr/local/share/ca-certificates/%s && sudo update-ca-certificates`, authority, storeName(host)),
	}
	if system == "windows" {
		hosts.Command = fmt.Sprintf(`Add-Content -Path "$env:SystemRoot\System32\drivers\etc\hosts" -Value "127.0.0.1 %s"`, host)
		trust.Command = fmt.Sprintf(`certutil -addstore Root "%s"`, authority)
	}
	return []Step{hosts, trust, {
		Text: fault.Text{
			VI: "Java dùng kho chứng thư riêng; nếu HIS viết bằng Java (mật khẩu kho thường là changeit)",
			EN: "Java has a store of its own; where the HIS is written in Java (the store's password is usually changeit)",
		},
		Command: fmt.Sprintf(`keytool -importcert -noprompt -cacerts -alias lienthong-local -file "%s"`, authority),
	}, {
		Text: fault.Text{
			VI: "Mở cổng 443 của máy này cho trạm gửi: đặt \"secure\": \"127.0.0.1:443\" trong agent.json rồi khởi động lại dịch vụ",
			EN: "Have the agent answer on port 443 of this machine: set \"secure\": \"127.0.0.1:443\" in agent.json and restart the service",
		},
		Command: "lienthong agent trust --install",
	}}
}

func storeName(host string) string { return "lienthong-" + host + ".crt" }

// System is where Install works; zero values are this machine's. Debian and its
// kin only.
type System struct {
	Root   string // "" is /
	Update string // the program that reads the store; "" is update-ca-certificates
}

// Install writes the line of the hosts file, once, and puts the authority into the
// system's store. Fault: trust.install.
func (s System) Install(ctx context.Context, id Identity) error {
	if s.Root == "" {
		s.Root = "/"
	}
	if s.Update == "" {
		s.Update = "update-ca-certificates"
	}
	program, err := exec.LookPath(s.Update)
	if err != nil {
		return ErrInstall.Because(err)
	}
	if err := s.hosts(id.Host); err != nil {
		return ErrInstall.Because(err)
	}
	store := filepath.Join(s.Root, "usr/local/share/ca-certificates")
	if err := os.MkdirAll(store, 0o755); err != nil {
		return ErrInstall.Because(err)
	}
	if err := os.WriteFile(filepath.Join(store, storeName(id.Host)), id.Authority, 0o644); err != nil {
		return ErrInstall.Because(err)
	}
	if out, err := exec.CommandContext(ctx, program).CombinedOutput(); err != nil {
		return ErrInstall.Because(fmt.Errorf("%w: %.200s", err, out))
	}
	return nil
}

// Remove takes back what Install did. Fault: trust.install.
func (s System) Remove(ctx context.Context, host string) error {
	if s.Root == "" {
		s.Root = "/"
	}
	if s.Update == "" {
		s.Update = "update-ca-certificates"
	}
	path := filepath.Join(s.Root, "etc/hosts")
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ErrInstall.Because(err)
	}
	if kept := bytes.ReplaceAll(b, []byte(line(host)), nil); !bytes.Equal(kept, b) {
		if err := replace(path, kept); err != nil {
			return ErrInstall.Because(err)
		}
	}
	if err := os.Remove(filepath.Join(s.Root, "usr/local/share/ca-certificates", storeName(host))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ErrInstall.Because(err)
	}
	if out, err := exec.CommandContext(ctx, s.Update, "--fresh").CombinedOutput(); err != nil {
		return ErrInstall.Because(fmt.Errorf("%w: %.200s", err, out))
	}
	return nil
}

func line(host string) string { return "127.0.0.1 " + host + " # lienthong agent\n" }

// hosts adds the line unless the name is pointed at this machine already. A name
// that points elsewhere is left for a person: somebody meant it.
func (s System) hosts(host string) error {
	path := filepath.Join(s.Root, "etc/hosts")
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for text := range strings.Lines(string(b)) {
		text, _, _ = strings.Cut(text, "#")
		fields := strings.Fields(text)
		for i, f := range fields {
			if i == 0 || !strings.EqualFold(f, host) {
				continue
			}
			if fields[0] != "127.0.0.1" && fields[0] != "::1" {
				return fmt.Errorf("%s points elsewhere in the hosts file", host)
			}
			return nil
		}
	}
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, '\n')
	}
	return replace(path, append(b, line(host)...))
}

// replace writes a file whole; where the file is a mount of its own (containers)
// it cannot be renamed over and is written in place.
func replace(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := path + ".lienthong"
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err == nil {
		return nil
	}
	return errors.Join(os.WriteFile(path, b, 0o644), os.Remove(temp))
}
