// Package people has the commands for who works here and how they log in: staff,
// and the providers of identities that an operator approves.
package people

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/command"
	"lienthong/internal/courier"
	"lienthong/internal/fault"
	"lienthong/internal/roster"
	webadmin "lienthong/internal/web/admin"
)

// StaffCmd is what is done about staff.
type StaffCmd struct {
	Add     addCmd     `cmd:"" help:"Add somebody, or change their roles; where two must act they wait for another's resume."`
	List    listCmd    `cmd:"" help:"List the staff of a facility."`
	Suspend suspendCmd `cmd:"" help:"Take every right away; sessions end at once."`
	Resume  resumeCmd  `cmd:"" help:"Give the rights back."`
}

type addCmd struct {
	Data     string   `required:"" help:"Directory of the hub." type:"path"`
	Facility string   `help:"MA_CSKCB; none for who works at the hub or an authority."`
	Role     []string `required:"" help:"clinician, privacy, counter or facility (at the facility); operator, ministry, auditor, province:NN, ... May be given again."`
	Name     string   `required:"" help:"Their name; kept sealed."`
	Licence  string   `help:"Number of the licence to practise: their first login with it at the facility binds the account."`
	Issuer   string   `help:"With --subject: who they are at their provider, where there is no licence."`
	Subject  string   `help:"The provider's name for them."`
	By       string   `help:"Who adds."`
}

// Run adds somebody.
func (c *addCmd) Run(ctx context.Context, s *command.Streams) error {
	n := roster.Addition{Facility: c.Facility, Name: c.Name, Licence: c.Licence, Issuer: c.Issuer, Subject: c.Subject}
	for _, r := range c.Role {
		switch r {
		case "clinician", "privacy", "counter", "facility":
			r += ":" + c.Facility
		}
		n.Roles = append(n.Roles, r)
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		id, err := a.AddStaff(ctx, actor(c.By), n)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.Out, id)
		return err
	})
}

// actor names who acts on the command line.
func actor(by string) string {
	if by = strings.TrimSpace(by); by == "" {
		return command.Actor
	}
	return "operator " + by + ": command line"
}

type listCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"path"`
	Facility string `help:"MA_CSKCB; without it who works at none."`
	JSON     bool   `name:"json" help:"As JSON."`
}

// Run lists staff.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		all, err := a.ListStaff(ctx, c.Facility)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.Out).Encode(all)
		}
		for _, x := range all {
			state := "in use"
			switch {
			case x.Waits:
				state = "waits for a second person"
			case !x.Suspended.IsZero():
				state = "suspended " + x.Suspended.Format(time.RFC3339)
			case !x.Bound:
				state = "not logged in yet"
			}
			if _, err := fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\t%s\n", x.ID, x.Name, x.Licence, strings.Join(x.Roles, " "), state); err != nil {
				return err
			}
		}
		return nil
	})
}

type suspendCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	ID     string `name:"id" required:"" help:"As listed."`
	Reason string `help:"Why; no names."`
	By     string `help:"Who suspends."`
}

// Run suspends somebody.
func (c *suspendCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.SuspendStaff(ctx, actor(c.By), c.ID, c.Reason); err != nil {
			return err
		}
		_, err := fmt.Fprintln(s.Out, "suspended")
		return err
	})
}

type resumeCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"As listed."`
	By   string `help:"Who resumes."`
}

// Run resumes somebody.
func (c *resumeCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.ResumeStaff(ctx, actor(c.By), c.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintln(s.Out, "resumed")
		return err
	})
}

// LoginCmd is how people log in by name.
type LoginCmd struct {
	Provider struct {
		Add providerCmd `cmd:"" help:"Approve an OpenID Connect provider; a known name gets new settings. Its client secret comes on stdin."`
		End endCmd      `cmd:"" help:"Let nobody in by it any more."`
	} `cmd:"" help:"Providers of identities."`
}

type providerCmd struct {
	Data     string         `required:"" help:"Directory of the hub." type:"path"`
	ID       string         `name:"id" required:"" help:"Its name: lower-case letters, digits, hyphens."`
	For      string         `required:"" enum:"citizens,staff" help:"Whom it knows: citizens or staff."`
	Name     string         `required:"" help:"As people read it."`
	NameEN   string         `name:"name-en" help:"The same in English."`
	Issuer   string         `required:"" help:"Its issuer: the URL before /.well-known/openid-configuration."`
	ClientID string         `name:"client-id" required:"" help:"The hub's name at it."`
	Scope    []string       `help:"Scopes besides openid; default profile and citizen, or profile and staff."`
	Level    map[string]int `help:"acr values and the level of identity each stands for: VALUE=2."`
	Push     bool           `help:"It asks and tells citizens on their phones."`
	Chips    bool           `help:"Its keys answer for readers of identity cards' chips too: simulated readers only."`
	Private  bool           `help:"It may lie on a private network or on this machine."`
	Public   bool           `help:"A public client: there is no secret."`
}

// Run approves a provider.
func (c *providerCmd) Run(ctx context.Context, s *command.Streams) error {
	o := eid.Options{For: c.For, ClientID: c.ClientID, Scopes: c.Scope, Levels: c.Level, Push: c.Push, Chips: c.Chips}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"profile", map[string]string{"citizens": "citizen", "staff": "staff"}[c.For]}
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := eid.ParseOptions(raw); err != nil {
		return err
	}
	var sealed []byte
	if !c.Public {
		if sealed, err = c.seal(s); err != nil {
			return err
		}
	}
	d := admin.Destination{ID: c.ID, Adapter: eid.AdapterName, Name: fault.Text{VI: c.Name, EN: c.NameEN}, URL: strings.TrimSuffix(c.Issuer, "/"), Private: c.Private, Options: raw}
	if d.Name.EN == "" {
		d.Name.EN = c.Name
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.PutDestination(ctx, command.Actor, d); err != nil {
			return err
		}
		if sealed != nil {
			if err := a.PutSecret(ctx, command.Actor, c.ID, "", sealed); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintln(s.Out, "provider "+c.ID+" approved; it sends browsers back to /oidc/callback")
		return err
	})
}

// seal reads the client secret and seals it here, so that it is open nowhere else.
func (c *providerCmd) seal(s *command.Streams) ([]byte, error) {
	plain, err := command.ReadSecret(s, "client secret: ")
	if err != nil {
		return nil, err
	}
	kept, err := json.Marshal(eid.Secret{Secret: plain})
	if err != nil {
		return nil, err
	}
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return nil, err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return nil, err
	}
	v, err := keys.Vault()
	if err != nil {
		return nil, err
	}
	return v.SealSecret(courier.SecretName(c.ID, ""), kept)
}

type endCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"Its name."`
}

// Run ends a provider.
func (c *endCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.DestinationDo(ctx, command.Actor, c.ID, admin.DestinationEnd); err != nil {
			return err
		}
		_, err := fmt.Fprintln(s.Out, "provider "+c.ID+" ended")
		return err
	})
}
