package measure

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/agent"
	agentenrol "lienthong/internal/agent/enrol"
	"lienthong/internal/agent/home"
	"lienthong/internal/bench"
	"lienthong/internal/bench/sender"
	"lienthong/internal/command"
	"lienthong/internal/synth"
)

// benchLineCmd measures an agent on a bad line.
type benchLineCmd struct {
	Dossiers int           `default:"5000" help:"Dossiers of one facility; all different."`
	Kbit     int           `default:"256" help:"Bits of the line each way, in kbit/s."`
	Delay    time.Duration `default:"300ms" help:"Delay of the line."`
	Reset    time.Duration `default:"4s" help:"Mean time between resets of the line; 0 none."`
	Kills    int           `default:"2" help:"How often the agent is killed on the way."`
	Limit    time.Duration `default:"1h" help:"Longest wait."`
	Plain    bool          `help:"Without TLS between agent and hub."`
	Seed     uint64        `default:"1" help:"Seed of the synthetic nation."`
	JSON     bool          `name:"json" help:"As JSON."`
}

// Run starts a hub and an agent as processes of their own, with the bad line
// between, and counts at the hub.
func (c *benchLineCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	dir, err := os.MkdirTemp("", "lienthong-line-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	side, err := newSide(ctx, s, dir, c.Seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, side.stop()) }()
	conf := sender.LineConfig{Target: side.target, Facility: side.facility, Dossiers: c.Dossiers, Folder: side.agent.folder, Kills: c.Kills, Limit: c.Limit,
		Start: side.agent.start, Make: ofOne(side.nation, side.facility), Throttle: &sender.Throttle{BitsPerS: c.Kbit * 1000, Delay: c.Delay, Reset: c.Reset}}
	if !c.Plain {
		if conf.Address, side.agent.roots, err = beforeTLS(ctx, dir, strings.TrimPrefix(side.target.URL, "http://")); err != nil {
			return err
		}
		conf.Scheme = "https"
	}
	if command.IsTerminal(s.Err) {
		conf.Progress = func(done, of int) { fmt.Fprintf(s.Err, "\r%d/%d at the hub", done, of) }
	}
	r, err := sender.Line(ctx, conf)
	if err != nil {
		return err
	}
	r.AgentRSS = side.agent.largest
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	return r.Print(s.Out)
}

// side is a facility's side set up for measuring: a hub that runs as a process
// of its own, and an agent of one of its facilities that was let in as any is.
type side struct {
	nation   *synth.Nation
	facility string
	target   bench.Target
	agent    *lineAgent
	stop     func() error // ends the hub
}

func newSide(ctx context.Context, s *command.Streams, dir string, seed uint64) (*side, error) {
	nation, err := synth.New(synth.Config{Seed: seed, Profile: synth.Small, DefectShare: -1})
	if err != nil {
		return nil, err
	}
	first, err := nation.Outpatient(0)
	if err != nil {
		return nil, err
	}
	p, err := command.MakePlace(filepath.Join(dir, "hub"), command.PlaceFile{Name: "lienthong.bench", Keys: filepath.Join(dir, "hub.keys")})
	if err != nil {
		return nil, err
	}
	acts, done, err := p.Acts(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = enrolWith(ctx, acts, p.Name, nation, nil); err != nil {
		return nil, errors.Join(err, done())
	}
	invited, err := acts.Invite(ctx, command.Actor, first.Facility, 24)
	if err = errors.Join(err, done()); err != nil {
		return nil, err
	}
	target, stop, err := startChild(ctx, s, p)
	if err != nil {
		return nil, err
	}
	a := &lineAgent{dir: filepath.Join(dir, "agent"), folder: filepath.Join(dir, "in"), to: s.Err}
	if err := a.make(ctx, target.URL, invited.Code); err != nil {
		return nil, errors.Join(err, stop())
	}
	credential, err := a.home.Credential()
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	target.Credentials = map[string]*agent.Credential{first.Facility: credential}
	return &side{nation, first.Facility, target, a, stop}, nil
}

// ofOne gives the outpatients of one facility, one after another.
func ofOne(n *synth.Nation, facility string) func(int) (bench.Dossier, error) {
	at := 0
	return func(int) (bench.Dossier, error) {
		for {
			sub, err := n.Outpatient(at)
			if at++; err != nil || sub.Facility == facility {
				return bench.Dossier{Facility: facility, Name: sub.FileName, XML: sub.XML}, err
			}
		}
	}
}

// lineAgent is an agent of this very program, in a process of its own.
type lineAgent struct {
	dir, folder string
	roots       string // file of the roots it trusts; "" the machine's
	to          io.Writer
	home        *home.Home
	largest     int64 // bytes of memory it had at most
}

// make sets the agent up as any is: with an invite.
func (a *lineAgent) make(ctx context.Context, hub, invite string) error {
	if err := os.MkdirAll(a.folder, 0o700); err != nil {
		return err
	}
	made, err := agentenrol.Setup(ctx, agentenrol.Options{Dir: a.dir, Invite: invite, Config: home.Config{Hub: hub, Proxy: home.ProxyDirect, Folders: []home.Folder{{Path: a.folder}}}})
	if err != nil {
		return err
	}
	a.home = made.Home
	return nil
}

// start runs `lienthong agent run`; what it returns kills it.
func (a *lineAgent) start(ctx context.Context, hub string) (func() error, error) {
	p, err := a.run(ctx, hub)
	if err != nil {
		return nil, err
	}
	return func() error {
		_, most := p.Memory()
		a.largest = max(a.largest, most)
		return p.Kill()
	}, nil
}

// run runs `lienthong agent run` against a hub at an address.
func (a *lineAgent) run(ctx context.Context, hub string) (*process, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	conf := a.home.Config()
	conf.Hub, conf.Listen = hub, listen
	if err := a.home.Save(conf); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "agent", "run", "--dir", a.dir)
	if a.roots != "" {
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+a.roots)
	}
	cmd.Stderr = a.to
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd}, nil
}

// process is a program that runs beside this one.
type process struct {
	cmd    *exec.Cmd
	killed bool
}

// Memory is what it has, and has had at most, as Linux tells; 0 elsewhere.
func (p *process) Memory() (now, most int64) {
	return status(p.cmd.Process.Pid, "VmRSS:"), status(p.cmd.Process.Pid, "VmHWM:")
}

// Kill ends it at once.
func (p *process) Kill() error {
	if p.killed {
		return nil
	}
	p.killed = true
	err := p.cmd.Process.Kill()
	if ended := p.cmd.Wait(); p.cmd.ProcessState == nil {
		err = errors.Join(err, ended)
	}
	return err
}

// status is a size of a process (proc(5)) in bytes; 0 where the system does not tell.
func status(pid int, name string) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] == name {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}

// beforeTLS puts TLS before a hub that speaks none, with a certificate of its
// own, and returns where it is and the file of its root.
func beforeTLS(ctx context.Context, dir, hub string) (address, roots string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", "", err
	}
	roots = filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return "", "", err
	}
	listen, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		return "", "", err
	}
	context.AfterFunc(ctx, func() { _ = listen.Close() })
	go func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			go bothWays(c, hub)
		}
	}()
	return listen.Addr().String(), roots, nil
}

// bothWays carries one connection.
func bothWays(c net.Conn, to string) {
	defer c.Close()
	hub, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer hub.Close()
	over := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(hub, c); over <- struct{}{} }()
	go func() { _, _ = io.Copy(c, hub); over <- struct{}{} }()
	<-over // one side has gone: so has the other
}
