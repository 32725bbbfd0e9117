package agent

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"lienthong/internal/agent"
	"lienthong/internal/agent/enrol"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/update"
	"lienthong/internal/command"
	"lienthong/internal/seal"
)

type setupCmd struct {
	in
	Hub      string   `required:"" help:"URL of the hub."`
	Invite   string   `help:"One-time code of the hub's operator (lienthong facility invite); without it, read from the standard input."`
	Folder   []string `help:"Folder the HIS puts files into; may be given several times." type:"path"`
	Listen   string   `help:"Address of page, local endpoint and gateway; this machine only." default:"127.0.0.1:8085"`
	Software string   `help:"Name/version of the HIS, for example HIS/5.2."`

	Proxy         string `help:"HTTP proxy: http://user@host:port, or direct; default as the environment says."`
	ProxyPassword string `name:"proxy-password-file" help:"File with the proxy user's password." type:"existingfile"`

	PKCS12 string `name:"pkcs12" help:"Sealing key as a PKCS#12 file (.p12, .pfx); it is copied, its password is asked for later." type:"existingfile"`
	Key    string `help:"Sealing key as PEM; it is copied." type:"existingfile"`
	Cert   string `help:"Certificate of --key, as PEM." type:"existingfile"`
	Module string `help:"Library of a PKCS#11 token (USB): path of the maker's .so or .dll." type:"existingfile"`
	Token  string `name:"token-label" help:"Label of the token, where there are several."`

	CSC           string `name:"csc" help:"Base URL of a remote signing service (CSC API v2)."`
	CSCClient     string `name:"csc-client" help:"OAuth client at that service."`
	CSCSecret     string `name:"csc-secret-file" help:"File with the client's secret, or without a client a bearer token; it is copied." type:"existingfile"`
	CSCCredential string `name:"csc-credential" help:"credentialID at that service, where there are several."`

	UpdateKey  string `name:"update-key" help:"Key that signs updates of this program."`
	UpdateFrom string `name:"update-from" help:"Where its update manifests are: URL or path."`

	Install bool `help:"Make it a service at once (as administrator)."`
}

// Run sets the agent up; with --install it then runs.
func (c *setupCmd) Run(ctx context.Context, s *command.Streams) error {
	if c.Dir == "" {
		c.Dir = home.DefaultDir()
	}
	config, keys, err := c.config()
	if err != nil {
		return err
	}
	if c.Invite == "" || c.Invite == "-" {
		if c.Invite, err = command.ReadSecret(s, "Mã mời / Invite: "); err != nil {
			return err
		}
	}
	o := enrol.Options{Dir: c.Dir, Invite: c.Invite, Config: config}
	if c.ProxyPassword != "" {
		b, err := os.ReadFile(c.ProxyPassword)
		if err != nil {
			return err
		}
		o.ProxyPassword = string(command.TrimNewline(b))
	}
	got, err := enrol.Setup(ctx, o)
	if err != nil {
		return err
	}
	for name, b := range keys {
		if err := got.Home.Write(name, b); err != nil {
			return err
		}
	}
	say(s, "Đã cài trạm gửi của cơ sở %s tại %s.", "The agent of facility %s is set up in %s.", got.Home.Config().Facility, got.Home.Dir())
	for _, f := range config.Folders {
		say(s, "Thư mục gửi: %s", "Folder to send from: %s", f.Path)
	}
	c.greet(ctx, s, got)
	if c.Install {
		return (&installCmd{in: c.in}).Run(ctx, s)
	}
	say(s, "Tiếp theo: lienthong agent install (chạy thành dịch vụ) hoặc lienthong agent run.", "Next: lienthong agent install (as a service) or lienthong agent run.")
	return nil
}

// greet logs in once, so that a person learns now what would fail later.
func (c *setupCmd) greet(ctx context.Context, s *command.Streams, got *enrol.Result) {
	if got.Waiting {
		say(s, "Hub yêu cầu người thứ hai duyệt. Trạm sẽ tự gửi sau khi được duyệt.", "A second person of the hub is to approve it. It sends by itself once approved.")
		return
	}
	err := func() error {
		credential, err := got.Home.Credential()
		if err != nil {
			return err
		}
		transport, err := got.Home.Transport()
		if err != nil {
			return err
		}
		client, err := agent.New(agent.Config{HubURL: got.Home.Config().Hub, Credential: credential, Transport: transport})
		if err != nil {
			return err
		}
		_, err = client.Token(ctx)
		return err
	}()
	if err != nil {
		say(s, "Đã đăng ký nhưng chưa đăng nhập thử được:", "It is enrolled, but a first login did not succeed:")
		command.Report(s.Err, s.Lang, err)
		return
	}
	say(s, "Đăng nhập thử vào hub thành công.", "A first login at the hub succeeded.")
}

// config is the configuration asked for, and the files to copy beside it.
func (c *setupCmd) config() (home.Config, map[string][]byte, error) {
	config := home.Config{Hub: c.Hub, Listen: c.Listen, Proxy: c.Proxy, Software: c.Software}
	if len(c.Folder) == 0 {
		c.Folder = []string{defaultFolder()}
	}
	for _, path := range c.Folder {
		config.Folders = append(config.Folders, home.Folder{Path: path})
	}
	if c.UpdateKey != "" {
		config.Update = &home.UpdateConfig{Key: c.UpdateKey, From: c.UpdateFrom}
		if err := update.CheckKey(c.UpdateKey); err != nil {
			return config, nil, err
		}
	}
	keys := map[string][]byte{}
	copied := func(from, name string) (string, error) {
		b, err := command.ReadLimited(from)
		keys[name] = b
		return filepath.Join(c.Dir, name), err
	}
	var err error
	signer := &config.Signer
	switch {
	case c.PKCS12 != "":
		signer.Type = home.SignerPKCS12
		signer.File, err = copied(c.PKCS12, "seal.p12")
	case c.Key != "":
		signer.Type = home.SignerPEM
		if signer.Key, err = copied(c.Key, "seal.key.pem"); err == nil && c.Cert != "" {
			signer.Certificate, err = copied(c.Cert, "seal.cert.pem")
		}
		if err == nil { // before the invite is spent
			_, err = seal.LoadPEM(keys["seal.key.pem"], keys["seal.cert.pem"])
		}
	case c.Module != "":
		signer.Type, signer.Module, signer.Slot = home.SignerPKCS11, c.Module, c.Token
	case c.CSC != "":
		signer.Type, signer.URL, signer.ClientID, signer.Credential = home.SignerRemote, strings.TrimRight(c.CSC, "/"), c.CSCClient, c.CSCCredential
		if c.CSCSecret != "" {
			signer.SecretFile, err = copied(c.CSCSecret, "csc.secret")
		}
	}
	return config, keys, err
}

// defaultFolder is where a HIS puts files when nobody says otherwise. It is not in
// the agent's directory, which others may not enter.
func defaultFolder() string {
	if runtime.GOOS == "windows" {
		return `C:\LienThong\gui`
	}
	if os.Geteuid() == 0 {
		return "/srv/lienthong/gui"
	}
	if dir, err := os.UserHomeDir(); err == nil {
		return filepath.Join(dir, "lienthong-gui")
	}
	return filepath.Join(os.TempDir(), "lienthong-gui")
}
