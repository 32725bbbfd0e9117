package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/care"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/roster"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/traits"
	"lienthong/internal/vault"
	"lienthong/internal/verification"
	"lienthong/internal/web/oidc"
	"lienthong/internal/web/portal/account"
)

// Login is how people come in by name, and how citizens are asked and told on
// their phones.
type Login struct {
	Roster   *roster.Desk
	Door     *oidc.Door
	Phone    *eid.Adapter
	Teller   *eid.Teller
	Register *verification.Desk // asks the population register
	Traits   *traits.Filler
}

// LoginParts are what logging in needs besides the parts of rooms.
type LoginParts struct {
	Key      []byte // secret of the hub
	Secure   bool
	PersonOf func(actor string) string
}

// NewRoster returns the roster over what the hub has.
func NewRoster(p Parts, personOf func(string) string) (*roster.Desk, error) {
	return roster.New(roster.Deps{Staffs: p.Slices.Staffs, Logins: p.Slices.Logins, Temporaries: p.Slices.Temporaries, Notices: p.Slices.Notices,
		Tries: p.Slices.Gateways, Once: p.Slices.Access, Second: p.Slices.Enrolments.Second, PersonOf: personOf, Known: known(p.Directory), Vault: p.Vault, Clock: p.Clock})
}

func known(directory func() *facility.Directory) func(context.Context, care.FacilityCode) (bool, error) {
	return func(_ context.Context, code care.FacilityCode) (bool, error) {
		_, ok := directory().Current(code)
		return ok, nil
	}
}

// NewLogin wires it.
func NewLogin(p Parts, x LoginParts) (*Login, error) {
	desk, err := NewRoster(p, x.PersonOf)
	if err != nil {
		return nil, err
	}
	e := entries{destinations: p.Slices.Destinations, secrets: p.Slices.Secrets, vault: p.Vault}
	out := outbound.New(10 * time.Second)
	door, err := oidc.New(oidc.Deps{Providers: e.doors, Secret: e.secret, Transport: func(private bool) http.RoundTripper { return out.Transport(private) },
		Once: p.Slices.Access, Clock: p.Clock}, oidc.Config{PublicURL: p.PublicURL, Key: x.Key, Secure: x.Secure})
	if err != nil {
		return nil, err
	}
	phone := eid.New(eid.Deps{Client: out, Providers: e.phones, Secret: e.secret, Clock: p.Clock, Key: x.Key,
		Address: func(ctx context.Context, person store.PersonID) (eid.Address, error) {
			a, err := desk.AddressOf(ctx, person)
			return eid.Address{Provider: a.Provider, Subject: a.Subject, Number: a.Number}, err
		}})
	register, err := NewRegister(p)
	if err != nil {
		return nil, err
	}
	filler, err := traits.New(traits.Deps{Temporaries: p.Slices.Temporaries, Keys: p.Slices.Keys, Book: p.Disclose, Vault: p.Vault, Clock: p.Clock})
	if err != nil {
		return nil, err
	}
	return &Login{Roster: desk, Door: door, Phone: phone, Register: register, Traits: filler, Teller: &eid.Teller{Notices: p.Slices.Notices, Tell: phone.Tell, Clock: p.Clock, Hub: p.Hub}}, nil
}

// Account returns what the portal's rooms of accounts want.
func (l *Login) Account(p Parts) *account.Deps {
	return &account.Deps{Door: door{l.Door}, People: people{l.Roster}, Factors: l.Roster, Sessions: p.Sessions, Now: p.Clock.Now}
}

// entries are approved providers: destinations of the adapter eid.
type entries struct {
	destinations store.Destinations
	secrets      store.Secrets
	vault        *vault.Vault
}

func (e entries) all(ctx context.Context, each func(d exchange.Destination, o eid.Options)) error {
	list, _, err := e.destinations.Destinations(ctx)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Adapter != eid.AdapterName || !d.Ended.IsZero() || !d.Paused.IsZero() {
			continue
		}
		if o, err := eid.ParseOptions(d.Options); err == nil { // checked when it was approved; another is no provider
			each(d, o)
		}
	}
	return nil
}

func (e entries) doors(ctx context.Context) (out []oidc.Provider, err error) {
	err = e.all(ctx, func(d exchange.Destination, o eid.Options) {
		out = append(out, oidc.Provider{ID: d.ID, Name: d.Name, Issuer: d.URL, Private: d.Private, For: o.For, ClientID: o.ClientID, Scopes: o.Scopes, Levels: o.Levels, Hosts: o.Hosts})
	})
	return out, err
}

func (e entries) phones(ctx context.Context) (out []eid.Provider, err error) {
	err = e.all(ctx, func(d exchange.Destination, o eid.Options) {
		if o.Push {
			out = append(out, eid.Provider{ID: d.ID, Issuer: d.URL, Private: d.Private, ClientID: o.ClientID, Levels: o.Levels})
		}
	})
	return out, err
}

// secret opens the hub's secret at a provider; "" where none is kept: a public client.
func (e entries) secret(ctx context.Context, id string) (string, error) {
	sealed, err := e.secrets.Secret(ctx, id, "")
	if errors.Is(err, store.ErrAbsent) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	plain, err := e.vault.OpenSecret(courier.SecretName(id, ""), sealed)
	if err != nil {
		return "", err
	}
	var kept eid.Secret
	err = json.Unmarshal(plain, &kept)
	return kept.Secret, err
}

// door speaks package account's words.
type door struct{ *oidc.Door }

func (d door) Ways(ctx context.Context, who string) ([]account.Way, error) {
	list, err := d.Door.Ways(ctx, who)
	out := make([]account.Way, len(list))
	for i, p := range list {
		out[i] = account.Way{ID: p.ID, Name: p.Name}
	}
	return out, err
}

func (d door) Begin(w http.ResponseWriter, r *http.Request, provider string, ask account.Ask) (string, error) {
	return d.Door.Begin(w, r, provider, oidc.Ask(ask))
}

func (d door) Finish(w http.ResponseWriter, r *http.Request) (account.Came, error) {
	who, ask, err := d.Door.Finish(w, r)
	return account.Came{Provider: who.Provider, For: who.For, Issuer: who.Issuer, Subject: who.Subject, Name: who.Name, Number: who.Number, Birth: who.Birth,
		Level: who.Level, Licence: who.Licence, Facility: who.Facility, Ask: account.Ask(ask)}, err
}

// people is the roster in package account's words.
type people struct{ *roster.Desk }

func (p people) Arrive(ctx context.Context, c account.Came) (*staff.Staff, error) {
	return p.Desk.Arrive(ctx, roster.Arrival{Issuer: c.Issuer, Subject: c.Subject, Licence: c.Licence, Facility: c.Facility, Name: c.Name})
}

func (p people) Citizen(ctx context.Context, c account.Came) (store.PersonID, error) {
	return p.Desk.Citizen(ctx, roster.Comer{Provider: c.Provider, Subject: c.Subject, Number: c.Number, Name: c.Name, Birth: c.Birth})
}

// Identities is the courier's side of a provider: it checks entries and carries nothing.
type Identities struct{}

var _ courier.Adapter = Identities{}

// Wants says that nothing of a record is needed.
func (Identities) Wants() courier.Wants { return courier.Wants{} }

// Check says what is wrong with an entry. Fault: eid.options.
func (Identities) Check(d exchange.Destination) error {
	if strings.HasSuffix(d.URL, "/.well-known/openid-configuration") {
		return eid.ErrOptions
	}
	_, err := eid.ParseOptions(d.Options)
	return err
}

// Deliver refuses: no record goes to a provider of identities.
func (Identities) Deliver(context.Context, *courier.Parcel) exchange.Answer {
	return exchange.Answer{Outcome: exchange.Refused, Code: "leg.kind_unsupported"}
}
