// Package doors holds what lets senders in and records out against the acts
// that made it so: destinations, routes, credentials, accounts of the drop-in
// gateway, invites and who wait for a second person. Carriers and credentials of
// senders are of the directory, which package reverify holds itself.
//
// Acts are vouched for by their leaves (package reverify); a row that no act
// tells was edited or added, and one that an act tells and that is not there was
// deleted. The content of a credential is never opened here.
package doors

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/enrol"
	"lienthong/internal/exchange"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Finding is one row that is not as the acts tell.
type Finding struct {
	Code, Table, Row, Field string
}

// Stores is what is read; store.Slices has them.
type Stores struct {
	Audit        store.Audit
	Facilities   store.Facilities
	Destinations store.Destinations
	Secrets      store.Secrets
	Gateways     store.Gateways
	Enrolments   store.Enrolments
}

// Of names what is read of a store. A store that keeps no doors has none to hold.
func Of(s *store.Slices) Stores {
	return Stores{s.Audit, s.Facilities, s.Destinations, s.Secrets, s.Gateways, s.Enrolments}
}

// tries is how often acts and rows are read until they agree: a hub at work
// changes both together, and they are read one after the other.
const tries = 3

// Check reads the acts and what they made, and returns the acts' book with what
// is different. An error means that something could not be read.
func Check(ctx context.Context, s Stores) (*Book, []Finding, error) {
	var last []Finding
	for n := 0; ; n++ {
		b := newBook()
		if err := s.Audit.Acts(ctx, b.act); err != nil {
			return nil, nil, fmt.Errorf("doors: acts: %w", err)
		}
		c := &check{Stores: s, book: b}
		if err := c.all(ctx); err != nil {
			return nil, nil, err
		}
		if len(c.found) == 0 || n > 0 && slices.Equal(c.found, last) || n == tries {
			return b, c.found, nil
		}
		last = c.found
	}
}

// check is one comparison.
type check struct {
	Stores
	book  *Book
	found []Finding
}

func (c *check) differ(code, row, field string) {
	table := map[string]string{"destination.edited": "destination", "destination.missing": "destination", "route.edited": "route", "route.missing": "route",
		"secret.edited": "secret", "secret.missing": "secret", "gateway.edited": "gateway_account", "gateway.missing": "gateway_account",
		"invite.edited": "invite", "invite.missing": "invite", "enrolment.edited": "enrolment", "applicant.edited": "applicant",
		"applicant.missing": "applicant", "sender.edited": "sender"}[code]
	c.found = append(c.found, Finding{code, table, row, field})
}

func (c *check) all(ctx context.Context) error {
	if c.Destinations == nil || c.Secrets == nil || c.Gateways == nil || c.Enrolments == nil {
		return nil
	}
	for _, part := range []func(context.Context) error{c.destinations, c.secrets, c.accounts, c.invites, c.applicants, c.forks} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	slices.SortFunc(c.found, func(a, b Finding) int { return slices.Compare(a.words(), b.words()) })
	return nil
}

func (f Finding) words() []string { return []string{f.Table, f.Row, f.Code, f.Field} }

// destinations holds the entries and the routes. How an entry is named to
// people no act tells.
func (c *check) destinations(ctx context.Context) error {
	rows, routes, err := c.Destinations.Destinations(ctx)
	if err != nil {
		return fmt.Errorf("doors: destinations: %w", err)
	}
	there := map[string]bool{}
	for i := range rows {
		d := &rows[i]
		there[d.ID] = true
		c.destination(d, c.book.destinations[d.ID])
	}
	for id := range c.book.destinations {
		if !there[id] {
			c.differ("destination.missing", id, "")
		}
	}
	left := map[routeKey]exchange.Route{}
	for k, list := range c.book.routes {
		left[k] = list[len(list)-1]
	}
	for _, r := range routes {
		k := routeKey{r.Destination, r.Facility, r.Kind}
		if told, ok := left[k]; !ok || told.Mode != r.Mode || !told.Since.Equal(r.Since) {
			c.differ("route.edited", k.String(), "")
		}
		delete(left, k)
	}
	for k := range left {
		c.differ("route.missing", k.String(), "")
	}
	return nil
}

func (c *check) destination(d *exchange.Destination, told *entry) {
	if told == nil {
		c.differ("destination.edited", d.ID, "")
		return
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"adapter", d.Adapter == told.Adapter}, {"url", d.URL == told.URL}, {"private", d.Private == told.Private},
		{"options", sameJSON(d.Options, told.Options)}, {"purpose", d.Purpose == told.Purpose}, {"closed", d.Closed == told.Closed},
		{"per_second", d.PerSecond == told.PerSecond}, {"parallel", d.Parallel == told.Parallel}, {"since", d.Since.Equal(told.Since)},
		{"paused", d.Paused.Equal(told.Paused)}, {"ended", d.Ended.Equal(told.Ended)},
	} {
		if !f.same {
			c.differ("destination.edited", d.ID, f.name)
		}
	}
}

// sameJSON compares two documents by what they say; nothing says {}.
func sameJSON(a, b json.RawMessage) bool {
	plain := func(m json.RawMessage) string {
		var v any = map[string]any{}
		if len(m) > 0 && json.Unmarshal(m, &v) != nil {
			return "\x00" + string(m)
		}
		out, err := json.Marshal(v)
		if err != nil {
			return "\x00" + string(m)
		}
		return string(out)
	}
	return plain(a) == plain(b)
}

// secrets holds that there is a credential where one was handed over, and none
// where not.
func (c *check) secrets(ctx context.Context) error {
	left := map[secretKey]time.Time{}
	for k, at := range c.book.secrets {
		left[k] = at
	}
	for id := range c.book.destinations {
		kept, err := c.Secrets.Secrets(ctx, id)
		if err != nil {
			return fmt.Errorf("doors: secrets: %w", err)
		}
		for facility, since := range kept {
			k := secretKey{id, facility}
			if at, ok := left[k]; !ok || !at.Equal(since) {
				c.differ("secret.edited", k.String(), "")
			}
			delete(left, k)
		}
	}
	for k := range left {
		c.differ("secret.missing", k.String(), "")
	}
	return nil
}

// accounts holds accounts of the drop-in gateway. The hash of one that was
// revoked nobody reads any more, and so it is not held.
func (c *check) accounts(ctx context.Context) error {
	rows, err := c.Gateways.Accounts(ctx, "")
	if err != nil {
		return fmt.Errorf("doors: gateway accounts: %w", err)
	}
	there := map[string]bool{}
	for i := range rows {
		a := &rows[i]
		there[a.User] = true
		told := c.book.accounts[a.User]
		switch {
		case told == nil || told.Facility != a.Facility || told.Roaming != a.Roaming || !told.Since.Equal(a.Since) || !told.Revoked.Equal(a.Revoked):
			c.differ("gateway.edited", a.User, "")
			continue
		case !a.Revoked.IsZero():
			continue
		}
		whole, err := c.Gateways.Account(ctx, a.User)
		if err != nil || whole.Mark() != told.mark {
			c.differ("gateway.edited", a.User, "hash")
		}
	}
	for user := range c.book.accounts {
		if !there[user] {
			c.differ("gateway.missing", user, "")
		}
	}
	return nil
}

// most is how many invites one list gives: where there are more of a facility,
// those before are not looked for.
const most = 1000

func (c *check) invites(ctx context.Context) error {
	second, err := c.Enrolments.Second(ctx)
	if err != nil {
		return fmt.Errorf("doors: enrolment: %w", err)
	}
	if second != c.book.second {
		c.differ("enrolment.edited", "", "second")
	}
	there := map[string]bool{}
	cut := map[care.FacilityCode]bool{}
	whose := []care.FacilityCode{""} // the newest of all, of whomever
	for _, i := range c.book.invites {
		if !slices.Contains(whose, i.Facility) {
			whose = append(whose, i.Facility)
		}
	}
	for _, facility := range whose {
		rows, err := c.Enrolments.Invites(ctx, facility)
		if err != nil {
			return fmt.Errorf("doors: invites: %w", err)
		}
		cut[facility] = len(rows) >= most
		for i := range rows {
			if name := enrol.Mark(rows[i].Hash); !there[name] {
				there[name] = true
				c.invite(name, &rows[i])
			}
		}
	}
	for name, i := range c.book.invites {
		if !there[name] && !cut[i.Facility] {
			c.differ("invite.missing", name, "")
		}
	}
	return nil
}

func (c *check) invite(name string, i *store.Invite) {
	told := c.book.invites[name]
	if told == nil {
		c.differ("invite.edited", name, "")
		return
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"facility", i.Facility == told.Facility}, {"by", i.By == told.By}, {"since", i.Made.Equal(told.Made)}, {"expires", i.Expires.Equal(told.Expires)},
		{"used", i.Used.Equal(told.Used)}, {"client", i.Client == told.Client},
	} {
		if !f.same {
			c.differ("invite.edited", name, f.name)
		}
	}
}

// applicants holds who waits for a second person: nobody else does, and nobody
// was let in or turned away without an act.
func (c *check) applicants(ctx context.Context) error {
	rows, err := c.Enrolments.Waiting(ctx)
	if err != nil {
		return fmt.Errorf("doors: applicants: %w", err)
	}
	there := map[string]bool{}
	for i := range rows {
		a := &rows[i]
		there[a.ID] = true
		told := c.book.applicants[a.ID]
		if told == nil || told.Facility != a.Facility || told.KeyID != a.KeyID || ledger.KeyID(a.PublicKey) != a.KeyID || !told.Since.Equal(a.Since) || told.By != a.By {
			c.differ("applicant.edited", a.ID, "")
		}
	}
	for id := range c.book.applicants {
		if !there[id] {
			c.differ("applicant.missing", id, "")
		}
	}
	return nil
}

// forks holds whose sequence forked: a mark taken away would let a second system
// with the same key go on.
func (c *check) forks(ctx context.Context) error {
	forks, err := c.Enrolments.Forks(ctx)
	if err != nil {
		return fmt.Errorf("doors: forks: %w", err)
	}
	d, err := c.Facilities.Load(ctx)
	if err != nil {
		return fmt.Errorf("doors: directory: %w", err)
	}
	for client := range forks {
		if !c.book.forked[client] {
			c.differ("sender.edited", client, "forked")
		}
	}
	for client := range c.book.forked {
		_, marked := forks[client]
		if _, inUse := d.Client(client); inUse && !marked {
			c.differ("sender.edited", client, "forked")
		}
	}
	return nil
}
