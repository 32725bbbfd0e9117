package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bench/looks"
	"lienthong/internal/brake"
	"lienthong/internal/command"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/synth"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/session"
)

type benchClosedCmd struct {
	stageSetup
	Patients int `default:"10000" help:"HIV patients that are asked for."`
	Closed   int `default:"15000" help:"How many of the dossiers are HIV patients', told by their content alone; the others are outpatients'. There are at least half as many of those, and four people for each."`
}

// everywhere lets everybody see everybody: what is looked for is not the brake's work.
func everywhere(c *hub.Config) {
	all := []brake.Limit{{Within: time.Hour, Persons: 1 << 30}}
	c.Brake = brake.Config{Account: all, System: all, Facility: all, Own: all}
}

// closedFrom is which of the files beside a nation's days are of HIV patients.
const (
	closedFrom  = 5
	closedEvery = 10
)

// Run asks for everything of HIV patients.
func (c *benchClosedCmd) Run(ctx context.Context, s *command.Streams) error {
	c.People, c.Dossiers = max(c.People, 4*c.Closed), max(c.Dossiers, c.Closed+c.Closed/2)
	nation, err := c.nation()
	if err != nil {
		return err
	}
	c.nationOf, c.change = nation, everywhere
	c.make = func(i int) (synth.Submission, error) {
		if i < c.Closed {
			return nation.Beside(closedFrom + closedEvery*i)
		}
		return nation.Outpatient(i - c.Closed)
	}
	st, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	r, err := c.run(ctx, s, st)
	if err := errors.Join(err, st.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

func (c *benchClosedCmd) run(ctx context.Context, s *command.Streams, st *stage) (r looks.ClosedResult, err error) {
	st.looks.Closed = true
	patients, err := st.looks.Patients(ctx, c.Dossiers, c.Patients, 1)
	if err != nil {
		return r, err
	}
	code := string(st.looks.System.Facility)
	hash, err := gateway.Hash(gatewayPassword, gateway.Cost{Memory: 64, Time: 1, Lanes: 1})
	if err != nil {
		return r, err
	}
	if err := st.hub.Office.SetGateway(ctx, command.Actor, admin.Gateway{Code: code, User: code + "_BV", Hash: hash}); err != nil {
		return r, err
	}
	if err := st.hub.Trust.Refresh(ctx); err != nil {
		return r, err
	}
	cfg := looks.ClosedConfig{Hub: st.looks, Patients: patients, Bundle: st.hub.Bundles.Bundle, User: code + "_BV", Password: gatewayPassword, Events: st.events}
	if command.IsTerminal(s.Err) {
		cfg.Progress = func(done, of int) { fmt.Fprintf(s.Err, "\r%d/%d", done, of) }
	}
	return looks.Closed(ctx, cfg)
}

// events are the newest looks as an auditor reads them, thirty pages.
func (st *stage) events(ctx context.Context) (all []byte, err error) {
	cookie, err := st.hub.Sessions.Grant(ctx, session.Entry{Role: role.Role{Kind: role.Auditor}, Name: "thử"})
	if err != nil {
		return nil, err
	}
	next := "/fhir/AuditEvent?case=DO-1&_count=100"
	for range 30 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, st.looks.URL+next, nil)
		if err != nil {
			return nil, err
		}
		req.AddCookie(cookie)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		page, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
		if err := errors.Join(err, res.Body.Close()); err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("AuditEvent: status %d: %.200s", res.StatusCode, page)
		}
		all = append(all, page...)
		if next = looks.NextPage(page); next == "" {
			break
		}
	}
	return all, nil
}
