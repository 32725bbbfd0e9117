// Package carrier has the commands for who may send files of facilities beside
// the facilities themselves: the insurer, an existing coordination system, a
// province's hub, a vendor.
package carrier

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	webadmin "lienthong/internal/web/admin"
)

// Cmd is who may send for facilities.
type Cmd struct {
	Register   registerCmd   `cmd:"" help:"Register an organisation that carries files and is no facility."`
	Credential credentialCmd `cmd:"" help:"Give such an organisation's system a key to log in with."`
	Grant      grantCmd      `cmd:"" help:"Let a system send files of facilities; the seal must still be the facility's."`
	End        endCmd        `cmd:"" help:"End what a system may send."`
	List       listCmd       `cmd:"" help:"List who may send for whom."`
}

type registerCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	ID     string `name:"id" required:"" help:"Its id: lower-case letters, digits, hyphens."`
	Sort   string `required:"" help:"What it is." enum:"insurer,migration,province,vendor"`
	Name   string `required:"" help:"As people read it."`
	NameEN string `name:"name-en" help:"The same in English."`
}

// Run registers the organisation.
func (c *registerCmd) Run(ctx context.Context, s *command.Streams) error {
	if c.NameEN == "" {
		c.NameEN = c.Name
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		err := a.AddCarrier(ctx, command.Actor, admin.Carrier{ID: c.ID, Sort: c.Sort, Name: fault.Text{VI: c.Name, EN: c.NameEN}})
		if err == nil {
			fmt.Fprintf(s.Out, "carrier %s registered\n", c.ID)
		}
		return err
	})
}

type credentialCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"Its id."`
	Out  string `required:"" help:"File to write; must not exist." type:"path"`
}

// noFacility stands in the credential file of who is none.
const noFacility = "00000"

// Run makes a key, registers its public half and writes the credential file.
func (c *credentialCmd) Run(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		key, spki, err := agent.NewKey()
		if err != nil {
			return err
		}
		id, kid, err := a.AddCarrierClient(ctx, command.Actor, c.ID, spki)
		if err != nil {
			return err
		}
		b, err := agent.MakeCredential(p.Name, noFacility, id, kid, key)
		if err != nil {
			return err
		}
		if err := command.WriteNew(c.Out, b); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "credential %s of %s written to %s\n", id, c.ID, c.Out)
		return nil
	})
}

type who struct {
	Data         string `required:"" help:"Directory of the hub." type:"path"`
	Client       string `help:"Client id of one credential."`
	CredentialOf string `name:"credential-of" help:"Every credential in use of this organisation or facility."`
	Facility     string `help:"MA_CSKCB of the facility whose files they are."`
	AllOf        string `name:"all-of" help:"province:NN, unit:ID or vendor:NAME: the facilities of it at this moment."`
	Reason       string `required:"" help:"Why, kept with the act."`
}

func (w *who) grant() admin.Grant {
	return admin.Grant{Client: w.Client, Of: w.CredentialOf, Facility: w.Facility, AllOf: w.AllOf, Reason: w.Reason}
}

type grantCmd struct {
	who
	Kinds string `help:"Kinds of dossiers, with commas; none: all."`
	From  string `help:"yyyy-mm-dd; default now."`
	To    string `help:"yyyy-mm-dd, the day after the last; default open."`
}

// Run lets systems send.
func (c *grantCmd) Run(ctx context.Context, s *command.Streams) error {
	g := c.grant()
	if c.Kinds != "" {
		g.Kinds = strings.Split(c.Kinds, ",")
	}
	var err error
	if g.From, err = day(c.From); err != nil {
		return err
	}
	if g.To, err = day(c.To); err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		n, err := a.GrantCarrier(ctx, command.Actor, g)
		if err == nil {
			fmt.Fprintf(s.Out, "%d grants made\n", n)
		}
		return err
	})
}

// day reads a day of this machine's calendar, zero for "".
func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, time.Local)
	if err != nil {
		return t, errDay
	}
	return t, nil
}

type endCmd struct{ who }

// Run ends grants.
func (c *endCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		n, err := a.EndCarrier(ctx, command.Actor, c.grant())
		if err == nil {
			fmt.Fprintf(s.Out, "%d grants ended\n", n)
		}
		return err
	})
}

type listCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"path"`
	Facility string `help:"Of this facility only."`
	JSON     bool   `name:"json" help:"List as JSON."`
}

// Run lists grants.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		list, err := a.Granted(ctx, c.Facility)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.Out).Encode(map[string]any{"items": list})
		}
		for _, g := range list {
			kinds, to, holds := strings.Join(g.Kinds, ","), "open", "holds"
			if kinds == "" {
				kinds = "all kinds"
			}
			if g.To != nil {
				to = g.To.Local().Format(time.RFC3339)
			}
			if !g.Holds {
				holds = "does not hold"
			}
			fmt.Fprintf(s.Out, "%s %s %s for %s: %s, from %s to %s, %s\n", g.Sort, g.Unit, g.Client, g.Facility, kinds, g.From.Local().Format(time.RFC3339), to, holds)
		}
		return nil
	})
}

var errDay = fault.New(fault.Invalid, "usage.value_form",
	"Ghi ngày dạng yyyy-mm-dd, ví dụ 2026-11-22.",
	"Write days as yyyy-mm-dd, such as 2026-11-22.")
