package measure

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bench"
	"lienthong/internal/bench/looks"
	"lienthong/internal/care"
	"lienthong/internal/command"
	"lienthong/internal/disclose"
	"lienthong/internal/identity"
	"lienthong/internal/role"
	"lienthong/internal/roster"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/session"
)

type benchAuditCmd struct {
	stageSetup
	Reads    int           `default:"1000000" help:"Reads asked for."`
	Seconds  time.Duration `name:"for" default:"10m" help:"How long at most."`
	Kill     time.Duration `default:"20s" help:"How long the hub lives, about."`
	Workers  int           `default:"8" help:"Readers at once."`
	Patients int           `default:"30" help:"People read by others; fewer than an account may see."`
}

// Run reads while the hub is killed, and compares with the log.
func (c *benchAuditCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", "lienthong-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Dir)) }()
	}
	st, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	a := &auditing{stage: st, streams: s}
	err = a.prepare(ctx, c)
	if err := errors.Join(err, st.stop()); err != nil {
		return err
	}
	since := time.Now()
	taken, err := looks.Audit(ctx, looks.AuditConfig{Cast: a.cast, Start: a.start, Kill: a.kill, Reads: c.Reads, For: c.Seconds, KillEvery: c.Kill, Workers: c.Workers})
	if err != nil {
		return err
	}
	h, err := st.place.Start(ctx, command.Quiet())
	if err != nil {
		return err
	}
	r, err := looks.Compare(ctx, h.Slices.Disclosures, taken, since)
	if err := errors.Join(err, h.Close()); err != nil {
		return err
	}
	return c.show(s, r)
}

// auditing is a hub that is started and killed.
type auditing struct {
	*stage
	streams *command.Streams
	cast    looks.Cast
	staff   care.Staff
	granted time.Time // the session of emergencies
	pid     int
	ended   func() error
}

// prepare makes openings and sessions on the hub in this process.
func (a *auditing) prepare(ctx context.Context, c *benchAuditCmd) error {
	code := string(a.looks.System.Facility)
	a.cast = looks.Cast{System: a.looks.System, User: code + "_BV", Password: gatewayPassword}
	hash, err := gateway.Hash(gatewayPassword, gateway.Cost{Memory: 64, Time: 1, Lanes: 1})
	if err != nil {
		return err
	}
	if err := a.hub.Office.SetGateway(ctx, command.Actor, admin.Gateway{Code: code, User: a.cast.User, Hash: hash}); err != nil {
		return err
	}
	id, err := a.hub.Login.Roster.Add(ctx, command.Actor, roster.Addition{Facility: code, Roles: []string{"clinician:" + code}, Name: "Đo Thử", Licence: "000001/DO"})
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(a.staff) {
		return fmt.Errorf("the roster named somebody %q", id)
	}
	a.staff = care.Staff(raw)
	if a.cast.Clinician, err = a.hub.Sessions.Grant(ctx, a.entry()); err != nil {
		return err
	}
	if a.looks.Number, err = a.arrive(ctx); err != nil {
		return err
	}
	patients, err := a.looks.Patients(ctx, c.Dossiers, c.Patients, 2)
	if err != nil {
		return err
	}
	for _, p := range patients {
		book, err := a.hub.Sessions.Grant(ctx, session.Entry{Role: role.Role{Kind: role.Citizen}, Person: p.Person, Level: 2, Name: "thử"})
		if err != nil {
			return err
		}
		part, err := a.looks.PartOf(ctx, p, a.staff, book)
		if err != nil {
			return err
		}
		a.cast.People = append(a.cast.People, part)
	}
	everybody, err := a.looks.Patients(ctx, c.Dossiers, 2000, 1)
	for _, p := range everybody {
		a.cast.Own = append(a.cast.Own, p.Records...)
	}
	return err
}

// arrive has somebody arrive whom nobody knows, and returns their number.
func (a *auditing) arrive(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.looks.URL+"/emergency", strings.NewReader("sex=2"))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{Jar: jarOf{a.cast.Clinician}}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	page, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return "", err
	}
	for _, word := range strings.FieldsFunc(string(page), func(r rune) bool { return r == '<' || r == '>' || r == '"' || r == ' ' }) {
		if number, err := identity.ParseNumber(word); err == nil {
			return number, nil
		}
	}
	return "", fmt.Errorf("an arrival without a number: status %d", res.StatusCode)
}

// jarOf keeps one cookie through redirects.
type jarOf [1]*http.Cookie

// SetCookies implements http.CookieJar.
func (jarOf) SetCookies(*url.URL, []*http.Cookie) {}

// Cookies implements http.CookieJar.
func (j jarOf) Cookies(*url.URL) []*http.Cookie { return j[:] }

func (a *auditing) entry() session.Entry {
	return session.Entry{Role: role.Role{Kind: role.Clinician, ID: string(a.looks.System.Facility)}, Staff: a.staff, Level: 2, SteppedUp: time.Now(), Name: "thử"}
}

// start starts the hub as it runs anywhere. Before, where it is due, it grants the
// session of emergencies anew, for its second factor ends soon.
func (a *auditing) start(ctx context.Context, c *looks.Cast) (looks.Line, error) {
	if time.Since(a.granted) > disclose.Lately/2 {
		h, err := a.place.Start(ctx, command.Quiet())
		if err != nil {
			return looks.Line{}, err
		}
		a.granted = time.Now()
		c.Urgent, err = h.Sessions.Grant(ctx, a.entry())
		if err := errors.Join(err, h.Close()); err != nil {
			return looks.Line{}, err
		}
	}
	target, ended, err := startChild(ctx, a.streams, a.place)
	if err != nil {
		return looks.Line{}, err
	}
	a.pid, a.ended = target.PID, ended
	target.Credentials = a.target.Credentials
	senders, err := bench.Connect(ctx, target, string(a.looks.System.Facility))
	if err != nil {
		return looks.Line{}, errors.Join(err, a.kill())
	}
	return looks.Line{URL: target.URL, Bearer: senders.Token, Close: senders.Close}, nil
}

// kill ends the hub without a word (SIGKILL).
func (a *auditing) kill() error {
	p, err := os.FindProcess(a.pid)
	if err == nil {
		err = p.Kill()
	}
	_ = a.ended() // says that it was killed
	return err
}
