// Package parent hands a province's files on to the hub above it (the nation's):
// the exact bytes with their detached seal and papers, over the same interface
// that facilities use, with the province's own credential as a carrier. It checks
// the receipt that the parent gives for each record before it counts: signature,
// place in the parent's log, and that it is about the same bytes. It is not for
// facilities (package agent is), and links no persons: the parent does.
package parent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/bridge/login"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/ledger/jcs"
	"lienthong/internal/store"
)

// ErrOptions (parent.options): the destination's options or address are not of their form.
var ErrOptions = fault.New(fault.Invalid, "parent.options",
	"Đích hub cấp trên cần URL dạng https://ten-hub và tùy chọn dạng {\"log_keys\":[\"khóa sổ nhật ký\"],\"persons\":\"parent\"}; cả hai tùy chọn đều có thể bỏ trống.",
	"A parent hub needs a URL of the form https://host and options of the form {\"log_keys\":[\"verifier line\"],\"persons\":\"parent\"}; both options may be left out.")

// speaker begins this bridge's codes.
const speaker verdict.Speaker = "parent"

// The codes of this bridge that are not the parent's own.
const (
	CodeRejected  = "parent.rejected"   // accepted here, rejected there
	CodeReceipt   = "parent.receipt"    // the receipt does not prove what it should
	CodeOtherFile = "parent.other_file" // the parent had the dossier already, in another envelope
	CodeErased    = "parent.erased"     // the parent had it and erased it
	CodePaper     = "parent.paper"      // accepted, but a paper beside it was refused
)

// sessionLife is how long a credential is used before it is read again.
const sessionLife = 5 * time.Minute

// Options are a destination's own settings.
type Options struct {
	LogKeys []string `json:"log_keys"` // verifier lines of the parent's logs; none: its receipts are found to agree with themselves
	Persons string   `json:"persons"`  // exchange.PersonsParent: persons are the parent's to link; "": linked here
}

// Alarms keeps what does not fit what is known of a log; store.Witnessing does.
type Alarms interface {
	Alarm(ctx context.Context, a store.LogAlarm) (fresh bool, err error)
}

// Adapter is the courier's way to parent hubs.
type Adapter struct {
	client *outbound.Client
	clock  clock.Clock
	logger *slog.Logger
	alarms Alarms
	logins *login.Keeper[agent.Session]

	mu      sync.Mutex
	parents map[string]*watch // by destination
}

// watch is what is remembered of a parent's logs: this hub is a witness of them.
type watch struct {
	url     string
	session *agent.Session // the last one
	settled time.Time
	wrong   error // the parent's log does not go on from what was seen of it
}

var _ courier.Adapter = (*Adapter)(nil)

// New returns an adapter over client. alarms and logger are told of receipts and
// logs that do not prove what they should.
func New(client *outbound.Client, clk clock.Clock, logger *slog.Logger, alarms Alarms) *Adapter {
	return &Adapter{client: client, clock: clk, logger: logger, alarms: alarms, logins: login.New[agent.Session](speaker, clk), parents: map[string]*watch{}}
}

// Wants says that whole files go, in every version, and that each record ends by itself.
func (a *Adapter) Wants() courier.Wants {
	return courier.Wants{Original: true, Apart: true, History: true}
}

// Check says what is wrong with a destination. Faults: parent.options, ledger.key.
func (a *Adapter) Check(d exchange.Destination) error {
	o, err := ParseOptions(d.Options)
	if err != nil {
		return err
	}
	if err := outbound.Check(d.URL); err != nil {
		return ErrOptions.Because(err)
	}
	if err := agent.CheckHub(d.URL); err != nil {
		return ErrOptions.Because(err)
	}
	if _, err := ledger.Verify(nil, ledger.VerifyOptions{LogKeys: o.LogKeys}); fault.Of(err).Code == ledger.ErrKey.Code {
		return err
	}
	return nil
}

// ParseOptions reads options, strictly: no member twice, no other. Fault: parent.options.
func ParseOptions(raw json.RawMessage) (o Options, err error) {
	if strings.TrimSpace(string(raw)) == "" {
		return o, nil
	}
	if _, err := jcs.Parse(raw); err != nil {
		return o, ErrOptions.Because(err)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Options{}, ErrOptions.Because(err)
	}
	if o.Persons != "" && o.Persons != exchange.PersonsParent {
		return Options{}, ErrOptions.Because(errors.New("persons"))
	}
	return o, nil
}

// Deliver makes one attempt.
func (a *Adapter) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	o, err := ParseOptions(p.Destination.Options)
	if err != nil {
		return verdict.Refused(ErrOptions.Code)
	}
	if len(p.Own) != len(p.Legs) {
		return speaker.Unmade()
	}
	s, who, bad := a.session(ctx, p)
	if bad != nil {
		return *bad
	}
	if bad := a.goesOn(ctx, p, s); bad != nil {
		return *bad
	}
	var out exchange.Answer
	var login bool
	if p.Withdraws != nil {
		out, login = a.withdraw(ctx, s, p, o)
	} else {
		out, login = a.submit(ctx, s, p, o)
	}
	if login {
		a.logins.Drop(who, s)
	}
	return out
}

// session gives the one that lives, or logs in.
func (a *Adapter) session(ctx context.Context, p *courier.Parcel) (*agent.Session, login.Who, *exchange.Answer) {
	missing := verdict.Refused("leg.secret_missing")
	if len(p.Secret) == 0 {
		return nil, login.Who{}, &missing
	}
	credential, err := agent.ParseCredential(p.Secret)
	if err != nil {
		return nil, login.Who{}, &missing
	}
	who := login.Who{Destination: p.Destination.ID, Facility: credential.Facility, User: p.Destination.URL + " " + credential.ClientID + " " + credential.KeyID}
	s, bad := a.logins.Get(ctx, who, func(ctx context.Context) (*agent.Session, time.Duration, *exchange.Answer, bool) {
		c, err := agent.New(agent.Config{HubURL: p.Destination.URL, Credential: credential, Clock: a.clock,
			Transport: a.client.Transport(p.Destination.Private)})
		if err != nil {
			refused := verdict.Refused(ErrOptions.Code)
			return nil, 0, &refused, false
		}
		if _, err := c.Token(ctx); err != nil {
			out := failed(err, false)
			return nil, 0, &out, errors.Is(err, agent.ErrLogin)
		}
		s, err := a.remember(p.Destination, c)
		if err != nil {
			out := speaker.Unmade()
			return nil, 0, &out, false
		}
		return s, sessionLife, nil, false
	})
	return s, who, bad
}

// remember begins a session that knows what an earlier one has seen of the parent.
func (a *Adapter) remember(d exchange.Destination, c *agent.Client) (*agent.Session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.parents[d.ID]; w != nil && w.url == d.URL {
		w.session = c.Resume(w.session)
		return w.session, nil
	}
	s, err := c.Session("")
	if err == nil {
		a.parents[d.ID] = &watch{url: d.URL, session: s}
	}
	return s, err
}

// between is how often the parent is asked to prove that its log goes on.
const between = time.Minute

// goesOn has the parent prove, once a minute, that its logs go on from what this
// hub has seen of them. While it does not, nothing more is sent.
func (a *Adapter) goesOn(ctx context.Context, p *courier.Parcel, s *agent.Session) *exchange.Answer {
	a.mu.Lock()
	w := a.parents[p.Destination.ID]
	due := w != nil && (w.wrong != nil || a.clock.Now().Sub(w.settled) >= between)
	a.mu.Unlock()
	if !due {
		return nil
	}
	err := s.Settle(ctx)
	if err != nil && fault.KindOf(err) != fault.Conflict { // away, or cut short: asked again at the next
		out := failed(err, false)
		return &out
	}
	a.mu.Lock()
	fresh := err != nil && w.wrong == nil
	w.wrong, w.settled = err, a.clock.Now()
	a.mu.Unlock()
	if err == nil {
		return nil
	}
	if fresh {
		a.alarm(ctx, p.Destination, store.LogAlarm{Origin: p.Destination.URL, Kind: store.AlarmUnproved}, err)
	}
	return &exchange.Answer{Outcome: exchange.Again, Code: own(fault.Of(err).Code), Whole: true}
}

// alarm keeps and tells what the operator must know at once.
func (a *Adapter) alarm(ctx context.Context, d exchange.Destination, x store.LogAlarm, why error) {
	x.At, x.From = a.clock.Now(), "destination:"+d.ID
	a.logger.Error("the parent hub does not prove what it should", "destination", d.ID, "what", x.Kind, "error", why)
	if _, err := a.alarms.Alarm(context.WithoutCancel(ctx), x); err != nil {
		a.logger.Error("an alarm is not kept", "destination", d.ID, "error", err)
	}
}

// own is a code of the parent's as a leg keeps it.
func own(code string) string {
	if len(code) > 64 || strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-") != "" || code == "" {
		return string(speaker) + ".code"
	}
	return string(speaker) + "." + code
}

// failed tells a call that brought no answer.
func failed(err error, sent bool) exchange.Answer {
	out := exchange.Answer{Outcome: exchange.Again, Sent: sent, Code: outbound.ErrUnreachable.Code, Whole: true}
	switch {
	case errors.Is(err, outbound.ErrAddress):
		out.Outcome, out.Code = exchange.Refused, outbound.ErrAddress.Code
	case errors.Is(err, agent.ErrLogin):
		out.Code = own(agent.ErrLogin.Code)
	case errors.Is(err, agent.ErrAnswer):
		out.Code = string(speaker) + ".answer"
	case errors.Is(err, agent.ErrUndecided):
		out.Code = string(speaker) + ".busy"
	}
	return out
}

// problem tells an answer that is a problem document (RFC 9457).
func problem(said agent.Said) (out exchange.Answer, ok bool) {
	reply := outbound.Reply{Status: said.Status, Body: said.Body, Sent: true}
	if s, err := strconv.Atoi(said.Header.Get("Retry-After")); err == nil && s > 0 {
		reply.Wait = time.Duration(min(s, 24*60*60)) * time.Second
	}
	out, ok = speaker.Status(reply, http.StatusOK)
	var p struct {
		Code string `json:"code"`
	}
	if !ok && out.Outcome == exchange.Refused && json.Unmarshal(said.Body, &p) == nil && p.Code != "" {
		out.Code = own(p.Code)
	}
	return out, ok
}
