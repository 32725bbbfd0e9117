// Package delivery has the commands for the ways out of a hub: destinations,
// routes, credentials, legs.
package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/command"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	webadmin "lienthong/internal/web/admin"
)

// DestinationCmd is where records may go.
type DestinationCmd struct {
	Add    addCmd    `cmd:"" help:"Approve a destination; a known name gets new settings."`
	End    endCmd    `cmd:"" help:"Begin and carry no more legs to a destination."`
	Pause  pauseCmd  `cmd:"" help:"Carry no legs to a destination for now; new ones wait."`
	Resume resumeCmd `cmd:"" help:"Carry them again."`
	Secret secretCmd `cmd:"" help:"Keep the hub's own credential for a destination; it comes on stdin."`
	List   listCmd   `cmd:"" help:"List destinations and routes."`
}

type addCmd struct {
	Data    string  `required:"" help:"Directory of the hub." type:"path"`
	ID      string  `name:"id" required:"" help:"Its name: lower-case letters, digits, hyphens."`
	Adapter string  `required:"" help:"insurer, vneid, prescription, axis, parent, webhook or population."`
	Name    string  `required:"" help:"As people read it."`
	NameEN  string  `name:"name-en" help:"The same in English."`
	URL     string  `name:"url" required:"" help:"URL of its interface."`
	Private bool    `help:"It may lie on a private network or on this machine."`
	Options string  `help:"File with the adapter's settings, a JSON object; no secrets." type:"existingfile"`
	Purpose string  `help:"A finding that blocks this purpose holds its legs back: payment or statistics."`
	Closed  bool    `help:"Records of closed compartments go too: only where a facility's own lawful sending is carried on."`
	Rate    float64 `help:"Deliveries a second; 0 without limit."`
	Atonce  int     `name:"at-once" help:"Deliveries at once." default:"4"`
}

// Run approves a destination.
func (c *addCmd) Run(ctx context.Context, s *command.Streams) error {
	d := admin.Destination{ID: c.ID, Adapter: c.Adapter, Name: fault.Text{VI: c.Name, EN: c.NameEN}, URL: c.URL, Private: c.Private, Purpose: c.Purpose,
		Closed: c.Closed, PerSecond: c.Rate, Parallel: c.Atonce}
	if d.Name.EN == "" {
		d.Name.EN = c.Name
	}
	if c.Options != "" {
		b, err := os.ReadFile(c.Options)
		if err != nil {
			return err
		}
		d.Options = json.RawMessage(b)
	}
	return act(ctx, s, c.Data, "destination "+c.ID+" approved", func(a webadmin.Acts) error { return a.PutDestination(ctx, command.Actor, d) })
}

type endCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"Its name."`
}

// Run ends a destination.
func (c *endCmd) Run(ctx context.Context, s *command.Streams) error {
	return do(ctx, s, c.Data, c.ID, admin.DestinationEnd, "ended")
}

type pauseCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"Its name."`
}

// Run pauses a destination.
func (c *pauseCmd) Run(ctx context.Context, s *command.Streams) error {
	return do(ctx, s, c.Data, c.ID, admin.DestinationPause, "paused")
}

type resumeCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"Its name."`
}

// Run resumes a destination.
func (c *resumeCmd) Run(ctx context.Context, s *command.Streams) error {
	return do(ctx, s, c.Data, c.ID, admin.DestinationResume, "resumed")
}

func do(ctx context.Context, s *command.Streams, dir, id, what, done string) error {
	return act(ctx, s, dir, "destination "+id+" "+done, func(a webadmin.Acts) error { return a.DestinationDo(ctx, command.Actor, id, what) })
}

func act(ctx context.Context, s *command.Streams, dir, done string, what func(webadmin.Acts) error) error {
	return command.Administer(ctx, dir, func(a webadmin.Acts) error {
		if err := what(a); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, done)
		return nil
	})
}

type secretCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	ID   string `name:"id" required:"" help:"Name of the destination."`
}

// Run keeps the hub's own credential.
func (c *secretCmd) Run(ctx context.Context, s *command.Streams) error {
	return keepSecret(ctx, s, c.Data, c.ID, "")
}

// FacilitySecretCmd keeps a facility's credential for a destination.
type FacilitySecretCmd struct {
	Data        string `required:"" help:"Directory of the hub." type:"path"`
	Code        string `required:"" help:"MA_CSKCB, 5 characters."`
	Destination string `required:"" help:"Name of the destination."`
}

// Run keeps a facility's credential.
func (c *FacilitySecretCmd) Run(ctx context.Context, s *command.Streams) error {
	code, err := care.ParseFacilityCode(c.Code)
	if err != nil {
		return err
	}
	return keepSecret(ctx, s, c.Data, c.Destination, code)
}

// keepSecret seals what comes on stdin here, so that it is open nowhere else.
func keepSecret(ctx context.Context, s *command.Streams, dir, destination string, code care.FacilityCode) error {
	plain, err := command.ReadSecret(s, "credential: ")
	if err != nil {
		return err
	}
	if err := admin.CheckSecret([]byte(plain)); err != nil {
		return err
	}
	p, err := command.OpenPlace(dir)
	if err != nil {
		return err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	v, err := keys.Vault()
	if err != nil {
		return err
	}
	sealed, err := v.SealSecret(courier.SecretName(destination, code), []byte(plain))
	if err != nil {
		return err
	}
	return act(ctx, s, dir, "credential kept", func(a webadmin.Acts) error {
		return a.PutSecret(ctx, command.Actor, destination, string(code), sealed)
	})
}

type listCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run lists destinations and routes.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		x, err := a.Exchange(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.Out).Encode(x)
		}
		for _, d := range x.Destinations {
			state := "in use"
			switch {
			case !d.Ended.IsZero():
				state = "ended " + d.Ended.Format(time.RFC3339)
			case !d.Paused.IsZero():
				state = "paused " + d.Paused.Format(time.RFC3339)
			}
			fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\n", d.ID, d.Adapter, d.URL, state)
			if whose := slices.Sorted(maps.Keys(d.Secrets)); len(whose) > 0 {
				names := make([]string, len(whose))
				for i, w := range whose {
					if names[i] = string(w); w == "" {
						names[i] = "hub"
					}
				}
				fmt.Fprintf(s.Out, "\tcredentials: %s\n", strings.Join(names, " "))
			}
		}
		return routes(s, x)
	})
}

func routes(s *command.Streams, x admin.Exchange) error {
	all := func(text string) string {
		if text == "" {
			return "all"
		}
		return text
	}
	for _, r := range x.Routes {
		if _, err := fmt.Fprintf(s.Out, "route\t%s\t%s\t%s\t%s\n", r.Destination, all(r.Facility), all(r.Kind), r.Mode); err != nil {
			return err
		}
	}
	return nil
}

// RouteCmd is how records reach destinations.
type RouteCmd struct {
	Set  setCmd       `cmd:"" help:"Set how records of a facility and kind reach a destination; the most specific route holds."`
	List routeListCmd `cmd:"" help:"List the routes that hold."`
}

type setCmd struct {
	Data        string `required:"" help:"Directory of the hub." type:"path"`
	Destination string `required:"" help:"Name of the destination."`
	Facility    string `help:"MA_CSKCB; all without it."`
	Kind        string `help:"qd4750, checkin, prescription, ...; all without it."`
	Mode        string `required:"" help:"relay, direct, mirror, pull, via_insurer or off."`
}

// Run sets a route.
func (c *setCmd) Run(ctx context.Context, s *command.Streams) error {
	r := admin.Route{Destination: c.Destination, Facility: c.Facility, Kind: c.Kind, Mode: exchange.Mode(c.Mode)}
	return act(ctx, s, c.Data, "route set", func(a webadmin.Acts) error { return a.PutRoute(ctx, command.Actor, r) })
}

type routeListCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// Run lists routes.
func (c *routeListCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		x, err := a.Exchange(ctx)
		if err != nil {
			return err
		}
		return routes(s, x)
	})
}

var errFilterForm = fault.New(fault.Invalid, "usage.value_form",
	"Bộ lọc là destination=ID,facility=MÃ,kind=K,state=S,code=C,from=LÚC,to=LÚC: dùng mục nào cũng được.",
	"A filter is destination=ID,facility=CODE,kind=K,state=S,code=C,from=TIME,to=TIME: any of them.")
