package measure

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/spool"
	"lienthong/internal/bench"
	"lienthong/internal/bench/sender"
	"lienthong/internal/command"
	"lienthong/internal/synth"
	"lienthong/internal/web/gateway"
)

// benchSpoolCmd measures an agent with much to send.
type benchSpoolCmd struct {
	Dossiers int           `default:"100000" help:"Dossiers of one facility, all different, that wait in the agent's spool."`
	Phases   []string      `default:"away,slow,fast" enum:"away,slow,fast" help:"What the agent goes through: the hub away, over a bad line, over a good one."`
	Longest  time.Duration `default:"30m" help:"Longest time of a phase."`
	Slow     time.Duration `default:"2m" help:"How long the line is slow."`
	Kbit     int           `default:"256" help:"Bits of the slow line each way, in kbit/s."`
	Delay    time.Duration `default:"300ms" help:"Delay of the slow line."`
	Reset    time.Duration `default:"4s" help:"Mean time between resets of the slow line; 0 none."`
	Dir      string        `help:"Directory for hub and agent; default a temporary one." type:"path"`
	Seed     uint64        `default:"1" help:"Seed of the synthetic nation."`
	JSON     bool          `name:"json" help:"As JSON."`
}

// Run fills a spool, and runs the agent on it as a process of its own, phase by
// phase, while a HIS uses its local side.
func (c *benchSpoolCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lienthong-spool-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	side, err := newSide(ctx, s, dir, c.Seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, side.stop()) }()
	his := &his{side: side, more: manyOf(side.nation, side.facility, 1<<30)}
	if err := his.account(); err != nil {
		return err
	}
	conf := sender.SpoolConfig{Dossiers: c.Dossiers, Make: manyOf(side.nation, side.facility, 0), Spool: func(ctx context.Context) (*spool.Spool, error) {
		key, err := side.agent.home.SpoolKey()
		if err != nil {
			return nil, err
		}
		return spool.Open(ctx, side.agent.home.Path("spool.db"), key, spool.Config{Guest: true})
	}}
	if command.IsTerminal(s.Err) {
		conf.Progress = func(phase string, left int) { fmt.Fprintf(s.Err, "\r%s: %d left   ", phase, left) }
	}
	for _, name := range c.Phases {
		p, err := c.phase(ctx, name, side)
		if err != nil {
			return err
		}
		p.Beside = his.work
		conf.Phases = append(conf.Phases, p)
	}
	r, err := sender.Spool(ctx, conf)
	if err != nil {
		return err
	}
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	return r.Print(s.Out)
}

// phase is one of the phases by its name.
func (c *benchSpoolCmd) phase(ctx context.Context, name string, side *side) (sender.Phase, error) {
	p := sender.Phase{Name: name, Longest: c.Longest, Over: sender.Left.Sent}
	hub := side.target.URL
	switch name {
	case "away":
		nobody, err := freeAddress()
		if err != nil {
			return p, err
		}
		hub, p.Over = "http://"+nobody, sender.Left.Looked
	case "slow":
		line := &sender.Throttle{BitsPerS: c.Kbit * 1000, Delay: c.Delay, Reset: c.Reset}
		address, err := line.Start(ctx, strings.TrimPrefix(hub, "http://"))
		if err != nil {
			return p, err
		}
		hub, p.Longest = "http://"+address, c.Slow
	}
	p.Start = func(ctx context.Context) (sender.Agent, error) { return side.agent.run(ctx, hub) }
	return p, nil
}

// manyOf gives the outpatients of one facility from a place on to many callers,
// each to one, in whatever order.
func manyOf(n *synth.Nation, facility string, from int64) func(int) (bench.Dossier, error) {
	var at atomic.Int64
	at.Store(from)
	return func(int) (bench.Dossier, error) {
		for {
			sub, err := n.Outpatient(int(at.Add(1) - 1))
			if err != nil || sub.Facility == facility {
				return bench.Dossier{Facility: facility, Name: sub.FileName, XML: sub.XML}, err
			}
		}
	}
}

// his is a HIS on the agent's machine that uses what the agent offers there.
type his struct {
	side *side
	more func(int) (bench.Dossier, error)
}

// hisPassword is of an account that lives as long as a measurement.
const hisPassword = "mật khẩu đo thử 2026"

// account gives it one at the agent's gateway.
func (h *his) account() error {
	hash, err := gateway.Hash(hisPassword, gateway.AgentCost())
	if err != nil {
		return err
	}
	conf := h.side.agent.home.Config()
	conf.Gateway = &home.GatewayConfig{User: h.side.facility + "_BV", Hash: hash}
	return h.side.agent.home.Save(conf)
}

// work hands a file over, asks what became of it, looks at the page and logs in
// at the gateway. An agent that has just started does not listen yet.
func (h *his) work(ctx context.Context) error {
	base := "http://" + h.side.agent.home.Config().Listen
	d, err := h.more(0)
	if err != nil {
		return err
	}
	status, place, err := h.ask(ctx, http.MethodPost, base+"/submit", "application/xml", d.XML)
	if err != nil || status != http.StatusAccepted {
		return unlessRefused(err, status)
	}
	login := url.Values{"username": {h.side.facility + "_BV"}, "password": {proof(hisPassword)}}.Encode()
	for _, x := range []struct{ method, path, kind, body string }{{http.MethodGet, place, "", ""}, {http.MethodGet, "/", "", ""},
		{http.MethodPost, "/api/token/take", "application/x-www-form-urlencoded", login}} {
		if _, _, err := h.ask(ctx, x.method, base+x.path, x.kind, []byte(x.body)); err != nil {
			return unlessRefused(err, 0)
		}
	}
	return nil
}

// proof is what a HIS sends as password: its MD5 in capitals (vietnam.md §2.1).
func proof(password string) string {
	sum := md5.Sum([]byte(password))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// unlessRefused passes over an agent that does not listen yet or not any more.
func unlessRefused(err error, status int) error {
	var net *url.Error
	if errors.As(err, &net) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("the agent answered a file with status %d", status)
	}
	return err
}

// ask does one request and reads the answer whole.
func (h *his) ask(ctx context.Context, method, to, kind string, body []byte) (status int, place string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("Location"), errors.Join(err, resp.Body.Close())
}
