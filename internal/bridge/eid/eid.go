// Package eid speaks to providers of electronic identities beside logging in: it
// asks a citizen on their phone and believes only a signed answer to exactly that
// question, and it tells citizens what the hub has to tell. Nobody publishes
// VNeID's interface for this: POST /push, GET /push/{id} and POST /notices under
// the issuer are this project's own proposal, behind an adapter that a real one
// replaces. Logging in is package web/oidc's.
package eid

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// AdapterName is that of providers among destinations: a provider is an approved
// entry like them, without routes.
const AdapterName = "eid"

var (
	// ErrOptions (eid.options): the entry's settings.
	ErrOptions = fault.New(fault.Invalid, "eid.options",
		"Thiết lập của dịch vụ định danh sai: cần for (citizens hoặc staff) và client_id.", "The identity provider's settings are wrong: for (citizens or staff) and client_id are needed.")
	// ErrNobody (eid.unreachable_person): no provider knows how to reach this person.
	ErrNobody = fault.New(fault.Absent, "eid.no_address",
		"Chưa biết cách gửi tới ứng dụng của người này.", "It is not known how to reach this person's application.")
	// ErrAway (eid.away): the provider does not answer, or not as prescribed.
	ErrAway = fault.New(fault.Busy, "eid.away", "Dịch vụ định danh không trả lời đúng. Sẽ thử lại.", "The identity provider does not answer as it should. It will be tried again.")
	// ErrResult (eid.result): an answer that proves nothing.
	ErrResult = fault.New(fault.Invalid, "eid.result", "Trả lời từ ứng dụng không xác thực được.", "The application's answer could not be verified.")
)

// Options are the settings of a provider's entry.
type Options struct {
	For      string         `json:"for"` // "citizens", "staff"
	ClientID string         `json:"client_id"`
	Scopes   []string       `json:"scopes,omitempty"`
	Levels   map[string]int `json:"levels,omitempty"` // acr values
	Hosts    []string       `json:"hosts,omitempty"`  // of endpoints, besides the issuer's
	Push     bool           `json:"push,omitempty"`   // it asks and tells citizens
	Chips    bool           `json:"chips,omitempty"`  // its keys answer for chips as well: readers of chips are simulated
}

// Secret is the hub's credential at a provider, as it is put: JSON.
type Secret struct {
	Secret string `json:"client_secret"`
}

// ParseOptions reads the settings of an entry. Fault: eid.options.
func ParseOptions(raw json.RawMessage) (Options, error) {
	var o Options
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return o, ErrOptions.Because(err)
	}
	if o.For != "citizens" && o.For != "staff" || o.ClientID == "" || len(o.ClientID) > 200 || (o.Push || o.Chips) && o.For != "citizens" || len(o.Hosts) > 5 ||
		slices.ContainsFunc(o.Scopes, func(s string) bool { return s == "" || strings.ContainsAny(s, " \t\n") }) {
		return o, ErrOptions
	}
	for _, level := range o.Levels {
		if level != 1 && level != 2 {
			return o, ErrOptions
		}
	}
	return o, nil
}

// Provider is an entry in use that asks and tells.
type Provider struct {
	ID       string
	Issuer   string
	ClientID string
	Private  bool
	Levels   map[string]int
}

// Address is under which name a provider knows a person.
type Address struct {
	Provider string
	Subject  string
	Number   string // where the subject is not known
}

// Deps are what an Adapter works with.
type Deps struct {
	Client    *outbound.Client
	Providers func(ctx context.Context) ([]Provider, error)
	Secret    func(ctx context.Context, id string) (string, error)
	Address   func(ctx context.Context, person store.PersonID) (Address, error) // store.ErrAbsent
	Key       []byte                                                            // secret of the hub: a question that is asked again, by this hub or one beside it, is the same question
	Clock     clock.Clock
}

// Adapter asks and tells.
type Adapter struct{ d Deps }

// New returns an Adapter.
func New(d Deps) *Adapter { return &Adapter{d} }

// answerLimit is the most bytes of an answer that are read.
const answerLimit = 64 << 10

// reach finds how to reach a person.
func (a *Adapter) reach(ctx context.Context, person store.PersonID) (Provider, Address, error) {
	to, err := a.d.Address(ctx, person)
	if fault.KindOf(err) == fault.Absent {
		return Provider{}, to, ErrNobody
	}
	if err != nil {
		return Provider{}, to, err
	}
	p, err := a.provider(ctx, to.Provider)
	return p, to, err
}

func (a *Adapter) provider(ctx context.Context, id string) (Provider, error) {
	all, err := a.d.Providers(ctx)
	if err != nil {
		return Provider{}, err
	}
	i := slices.IndexFunc(all, func(p Provider) bool { return p.ID == id })
	if i < 0 {
		return Provider{}, ErrNobody
	}
	return all[i], nil
}

// call makes one call of a provider as its client.
func (a *Adapter) call(ctx context.Context, p Provider, method, path string, body []byte) (outbound.Reply, error) {
	secret, err := a.d.Secret(ctx, p.ID)
	if err != nil {
		return outbound.Reply{}, err
	}
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(secret))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := a.d.Client.Exchange(ctx, method, outbound.Call{URL: strings.TrimSuffix(p.Issuer, "/") + path, Private: p.Private, Body: body, Limit: answerLimit}, r.Header)
	if err != nil {
		return reply, err
	}
	if reply.Status/100 == 2 {
		return reply, nil
	}
	if reply.Status == http.StatusNotFound {
		return reply, ErrNobody
	}
	return reply, ErrAway
}

// Tell tells a person something, once for an id however often it is called.
// Faults: eid.no_address, eid.away, outbound.*.
func (a *Adapter) Tell(ctx context.Context, person store.PersonID, id string, title, text fault.Text, at time.Time) error {
	p, to, err := a.reach(ctx, person)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"id": id, "sub": to.Subject, "citizen_number": to.Number, "title": title, "text": text, "at": at})
	if err != nil {
		return err
	}
	_, err = a.call(ctx, p, http.MethodPost, "/notices", body)
	return err
}

func idText(id [16]byte) string { return hex.EncodeToString(id[:]) }
