// Package admin carries an operator's acts over the hub's own Unix socket
// (DIR/admin.sock, mode 0600): who may open the socket is the operator. A
// command uses it while the hub runs, as the hub holds the store.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/keep"
	"lienthong/internal/rekey"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/traits"
	"lienthong/internal/web/problem"
)

// Acts is what can be done; *admin.Office does it in the store, *Client asks a
// running hub to.
type Acts interface {
	AddFacility(ctx context.Context, actor string, list ...admin.Facility) error
	AddAnchor(ctx context.Context, actor, pem string) error
	AddClient(ctx context.Context, actor, code string, spki []byte) (id, kid string, err error)
	RevokeCertificate(ctx context.Context, actor, code, pem string) error
	RevokeClient(ctx context.Context, actor, id string) error
	Enrolments
	Deliveries
	Carriers
	Alarms
	Roster
	Unlink(ctx context.Context, actor, record, reason string) ([]admin.Look, error)
	VerifyPerson(ctx context.Context, actor, record string) (*identity.Verified, error)
	FillFeatures(ctx context.Context, actor string, limit int) (traits.Done, error)
	SetGateway(ctx context.Context, actor string, g admin.Gateway) error
	RevokeGateway(ctx context.Context, actor, code, user string) error
	GatewaysOf(ctx context.Context, code string) ([]store.GatewayAccount, error)
	MakeLink(ctx context.Context, actor, role, next string) (token string, err error)
	AddService(ctx context.Context, actor string, s admin.Service) error
	EndService(ctx context.Context, actor, kind, url string) error
	Witness(ctx context.Context, actor string, c admin.WitnessChange) error
	Keep(ctx context.Context, actor string, n admin.Note) error
	Erase(ctx context.Context, actor string, q keep.Request) (int, error)
	Terms(ctx context.Context) ([]keep.Term, error)
	Expire(ctx context.Context, actor, class string, month int) (int, error)
}

type request struct {
	Actor      string              `json:"actor"`
	Facilities []admin.Facility    `json:"facilities,omitempty"`
	PEM        string              `json:"pem,omitempty"`
	Code       string              `json:"code,omitempty"`
	SPKI       []byte              `json:"spki,omitempty"`
	Client     string              `json:"client,omitempty"`
	Record     string              `json:"record,omitempty"`
	Reason     string              `json:"reason,omitempty"`
	Role       string              `json:"role,omitempty"`
	Next       string              `json:"next,omitempty"`
	Service    admin.Service       `json:"service,omitzero"`
	Witness    admin.WitnessChange `json:"witness,omitzero"`
	Note       admin.Note          `json:"note,omitzero"`
	Gateway    admin.Gateway       `json:"gateway,omitzero"`
	Erase      keep.Request        `json:"erase,omitzero"`
	Class      string              `json:"class,omitempty"`
	Month      int                 `json:"month,omitempty"`
	Hours      int                 `json:"hours,omitempty"`
	Limit      int                 `json:"limit,omitempty"`
	Approval   string              `json:"approval,omitempty"`
	Delivery   delivery            `json:"delivery,omitzero"`
	Carrier    admin.Carrier       `json:"carrier,omitzero"`
	Grant      admin.Grant         `json:"grant,omitzero"`
	Setting    json.RawMessage     `json:"setting,omitempty"`
	Staff      roster.Addition     `json:"staff,omitzero"`
	Rules      RuleRequest         `json:"rules,omitzero"`
}

type response struct {
	Said  json.RawMessage `json:"said,omitempty"`
	Looks []admin.Look    `json:"looks,omitempty"`
	ID    string          `json:"id,omitempty"`
	KID   string          `json:"kid,omitempty"`
	Token string          `json:"token,omitempty"`

	Count int         `json:"count,omitempty"`
	Terms []keep.Term `json:"terms,omitempty"`

	Gateways []store.GatewayAccount `json:"gateways,omitempty"`

	Invited   *admin.Invited   `json:"invited,omitempty"`
	Enrolment *admin.Enrolment `json:"enrolment,omitempty"`

	Exchange *admin.Exchange `json:"exchange,omitempty"`
	Rules    *RuleAnswer     `json:"rules,omitempty"`
	Legs     []admin.LegLine `json:"legs,omitempty"`

	Grants []admin.Granted `json:"grants,omitempty"`

	Alarms *alarm.Listed `json:"alarms,omitempty"`

	Staff  []roster.Listed `json:"staff,omitempty"`
	Turned *rekey.Turned   `json:"turned,omitempty"`

	Verified *identity.Verified `json:"verified,omitempty"`
	Traits   *traits.Done       `json:"traits,omitempty"`

	Base string `json:"base,omitempty"` // where the hub listens
}

// Handler serves acts; base is the URL people open the hub under, told with links.
func Handler(acts Acts, base string, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	serve := func(path string, do func(ctx context.Context, q request) (response, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var q request
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<20)).Decode(&q); err != nil {
				problem.Write(w, r, log, errRequest.Because(err))
				return
			}
			a, err := do(r.Context(), q)
			if err != nil {
				problem.Write(w, r, log, err)
				return
			}
			a.Base = base
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(a); err != nil {
				log.Debug("answer not written", "error", err)
			}
		})
	}
	if d, ok := acts.(Databases); ok {
		databases(serve, d)
		receive(mux, d, base, log)
	}
	if r, ok := acts.(Rulebook); ok {
		rules(serve, r)
	}
	serve("/facility/add", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.AddFacility(ctx, q.Actor, q.Facilities...)
	})
	serve("/trust/add", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.AddAnchor(ctx, q.Actor, q.PEM)
	})
	serve("/facility/credential", func(ctx context.Context, q request) (response, error) {
		id, kid, err := acts.AddClient(ctx, q.Actor, q.Code, q.SPKI)
		return response{ID: id, KID: kid}, err
	})
	serve("/facility/revoke-certificate", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.RevokeCertificate(ctx, q.Actor, q.Code, q.PEM)
	})
	serve("/facility/revoke-client", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.RevokeClient(ctx, q.Actor, q.Client)
	})
	serve("/person/unlink", func(ctx context.Context, q request) (response, error) {
		saw, err := acts.Unlink(ctx, q.Actor, q.Record, q.Reason)
		return response{Looks: saw}, err
	})
	serve("/person/verify", func(ctx context.Context, q request) (response, error) {
		v, err := acts.VerifyPerson(ctx, q.Actor, q.Record)
		return response{Verified: v}, err
	})
	serve("/person/features", func(ctx context.Context, q request) (response, error) {
		done, err := acts.FillFeatures(ctx, q.Actor, q.Limit)
		return response{Traits: &done}, err
	})
	serve("/witness", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.Witness(ctx, q.Actor, q.Witness)
	})
	serve("/keep", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.Keep(ctx, q.Actor, q.Note)
	})
	serve("/link", func(ctx context.Context, q request) (response, error) {
		token, err := acts.MakeLink(ctx, q.Actor, q.Role, q.Next)
		return response{Token: token}, err
	})
	serve("/service/add", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.AddService(ctx, q.Actor, q.Service)
	})
	serve("/service/end", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.EndService(ctx, q.Actor, q.Service.Kind, q.Service.URL)
	})
	retention(serve, acts)
	deliveries(serve, acts)
	carriers(serve, acts)
	alarms(serve, acts)
	staffs(serve, acts)
	keys(serve, acts)
	gateways(serve, acts)
	enrolment(serve, acts)
	return mux
}

var errRequest = fault.New(fault.Invalid, "admin.request", "Yêu cầu không đọc được.", "The request cannot be read.")

// Client asks a running hub. It is an Acts.
type Client struct {
	http *http.Client
	base string // learned from answers
}

// ErrNotRunning: nobody answers at the socket.
var ErrNotRunning = errors.New("admin: no hub answers at the socket")

// Dial returns a client when a hub answers at the socket, else ErrNotRunning.
func Dial(socket string) (*Client, error) {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return nil, ErrNotRunning
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: time.Minute}}, nil
}

// Base is the URL the hub is opened under, known after the first act.
func (c *Client) Base() string { return c.base }

func (c *Client) post(ctx context.Context, path string, q request) (response, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return response{}, err
	}
	return c.send(ctx, path, "application/json", bytes.NewReader(b))
}

func (c *Client) send(ctx context.Context, path, form string, in io.Reader) (response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin"+path, in)
	if err != nil {
		return response{}, err
	}
	r.Header.Set("Content-Type", form)
	client := *c.http
	if isLong(r.URL.Path) {
		client.Timeout = 0
	}
	got, err := client.Do(r)
	if err != nil {
		return response{}, fmt.Errorf("admin: %w", err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, 16<<20))
	if err != nil {
		return response{}, fmt.Errorf("admin: %w", err)
	}
	if got.StatusCode != http.StatusOK {
		var p problem.Problem
		if err := json.Unmarshal(body, &p); err != nil {
			return response{}, fmt.Errorf("admin: the hub answered %s", got.Status)
		}
		return response{}, &fault.Error{Kind: fault.Invalid, Code: p.Code, Text: p.Message}
	}
	var a response
	if err := json.Unmarshal(body, &a); err != nil {
		return response{}, fmt.Errorf("admin: %w", err)
	}
	c.base = a.Base
	return a, nil
}

// AddFacility registers facilities.
func (c *Client) AddFacility(ctx context.Context, actor string, list ...admin.Facility) error {
	_, err := c.post(ctx, "/facility/add", request{Actor: actor, Facilities: list})
	return err
}

// AddAnchor trusts an authority.
func (c *Client) AddAnchor(ctx context.Context, actor, pem string) error {
	_, err := c.post(ctx, "/trust/add", request{Actor: actor, PEM: pem})
	return err
}

// AddClient registers a credential.
func (c *Client) AddClient(ctx context.Context, actor, code string, spki []byte) (id, kid string, err error) {
	a, err := c.post(ctx, "/facility/credential", request{Actor: actor, Code: code, SPKI: spki})
	return a.ID, a.KID, err
}

// RevokeCertificate ends a certificate's right to seal.
func (c *Client) RevokeCertificate(ctx context.Context, actor, code, pem string) error {
	_, err := c.post(ctx, "/facility/revoke-certificate", request{Actor: actor, Code: code, PEM: pem})
	return err
}

// RevokeClient ends a credential.
func (c *Client) RevokeClient(ctx context.Context, actor, id string) error {
	_, err := c.post(ctx, "/facility/revoke-client", request{Actor: actor, Client: id})
	return err
}

// Unlink takes the patient of a record from the person it was linked to.
func (c *Client) Unlink(ctx context.Context, actor, record, reason string) ([]admin.Look, error) {
	a, err := c.post(ctx, "/person/unlink", request{Actor: actor, Record: record, Reason: reason})
	return a.Looks, err
}

// VerifyPerson asks the population register about the patient of a record.
func (c *Client) VerifyPerson(ctx context.Context, actor, record string) (*identity.Verified, error) {
	a, err := c.post(ctx, "/person/verify", request{Actor: actor, Record: record})
	return a.Verified, err
}

// FillFeatures gives people linked earlier what they are looked for by.
func (c *Client) FillFeatures(ctx context.Context, actor string, limit int) (traits.Done, error) {
	a, err := c.post(ctx, "/person/features", request{Actor: actor, Limit: limit})
	if err != nil || a.Traits == nil {
		return traits.Done{}, err
	}
	return *a.Traits, nil
}

// MakeLink makes a login link.
func (c *Client) MakeLink(ctx context.Context, actor, role, next string) (string, error) {
	a, err := c.post(ctx, "/link", request{Actor: actor, Role: role, Next: next})
	return a.Token, err
}

// Keep keeps what was done to the hub's copies.
func (c *Client) Keep(ctx context.Context, actor string, n admin.Note) error {
	_, err := c.post(ctx, "/keep", request{Actor: actor, Note: n})
	return err
}

// AddService approves a service outside.
func (c *Client) AddService(ctx context.Context, actor string, s admin.Service) error {
	_, err := c.post(ctx, "/service/add", request{Actor: actor, Service: s})
	return err
}

// EndService ends an approved service.
func (c *Client) EndService(ctx context.Context, actor, kind, url string) error {
	_, err := c.post(ctx, "/service/end", request{Actor: actor, Service: admin.Service{Kind: kind, URL: url}})
	return err
}
