package doors

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// Book is what the acts made so, act by act.
type Book struct {
	destinations map[string]*entry
	routes       map[routeKey][]exchange.Route // every one that ever held, oldest first
	secrets      map[secretKey]time.Time
	accounts     map[string]*account // by user
	invites      map[string]*store.Invite
	applicants   map[string]*store.Applicant
	second       bool
	forked       map[string]bool
}

func newBook() *Book {
	return &Book{destinations: map[string]*entry{}, routes: map[routeKey][]exchange.Route{}, secrets: map[secretKey]time.Time{}, accounts: map[string]*account{},
		invites: map[string]*store.Invite{}, applicants: map[string]*store.Applicant{}, forked: map[string]bool{}}
}

// entry is a destination and since when it was in use, or not.
type entry struct {
	exchange.Destination
	turns []turn
}

type turn struct {
	at    time.Time
	inUse bool
}

type account struct {
	store.GatewayAccount
	mark string
}

type routeKey struct {
	destination string
	facility    care.FacilityCode
	kind        string
}

func (k routeKey) String() string {
	return strings.Join([]string{k.destination, string(k.facility), k.kind}, "/")
}

type secretKey struct {
	destination string
	facility    care.FacilityCode
}

func (k secretKey) String() string { return k.destination + "/" + string(k.facility) }

// detail is what acts on doors say, all of them together.
type detail struct {
	Adapter   string          `json:"adapter"`
	URL       string          `json:"url"`
	Private   bool            `json:"private"`
	Options   json.RawMessage `json:"options"`
	Purpose   string          `json:"purpose"`
	Closed    bool            `json:"closed"`
	PerSecond float64         `json:"per_second"`
	Parallel  int             `json:"parallel"`

	Facility care.FacilityCode `json:"facility"`
	Kind     string            `json:"kind"`
	Mode     exchange.Mode     `json:"mode"`

	User    string `json:"user"`
	Roaming bool   `json:"roaming"`
	Account string `json:"account"`

	Invite   string    `json:"invite"`
	Expires  time.Time `json:"expires"`
	Client   string    `json:"client"`
	KeyID    string    `json:"kid"`
	Approved bool      `json:"approved"`
}

// act takes over one act; they come oldest first. One whose detail is not in its
// form says nothing here: package reverify notes that it cannot be read.
func (b *Book) act(a *store.Act) error {
	var d detail
	if !slices.Contains(words, a.Action) || json.Unmarshal([]byte(a.Detail), &d) != nil {
		return nil
	}
	switch a.Action {
	case "destination.put", "destination.end", "destination.pause", "destination.resume", "destination.secret", "route.put":
		b.way(a, &d)
	case "facility.gateway":
		b.accounts[d.User] = &account{store.GatewayAccount{Facility: care.FacilityCode(a.Object), User: d.User, Roaming: d.Roaming, Since: a.At}, d.Account}
	case "facility.gateway_revoke":
		if x := b.accounts[d.User]; x != nil {
			x.Revoked = a.At
		}
	case "facility.invite":
		b.invites[d.Invite] = &store.Invite{Facility: care.FacilityCode(a.Object), By: a.Actor, Made: a.At, Expires: d.Expires.Truncate(time.Microsecond)}
	case "facility.enrol":
		b.enrolled(a, &d)
	case "facility.approve", "facility.dismiss":
		delete(b.applicants, d.Client)
	case "enrolment.approval":
		b.second = a.Object == "second"
	case "sender.forked":
		b.forked[a.Object] = true
	}
	return nil
}

// words are the acts this package knows.
var words = []string{"destination.put", "destination.end", "destination.pause", "destination.resume", "destination.secret", "route.put", "facility.gateway",
	"facility.gateway_revoke", "facility.invite", "facility.enrol", "facility.approve", "facility.dismiss", "enrolment.approval", "sender.forked"}

func (b *Book) enrolled(a *store.Act, d *detail) {
	i := b.invites[d.Invite]
	if i == nil {
		return
	}
	i.Used, i.Client = a.At, d.Client
	if !d.Approved {
		w := &store.Applicant{By: i.By}
		w.ID, w.Facility, w.KeyID, w.Since = d.Client, care.FacilityCode(a.Object), d.KeyID, a.At
		b.applicants[d.Client] = w
	}
}

// way takes over an act on a destination or a route.
func (b *Book) way(a *store.Act, d *detail) {
	old := b.destinations[a.Object]
	switch a.Action {
	case "destination.put":
		e := &entry{Destination: exchange.Destination{ID: a.Object, Adapter: d.Adapter, URL: d.URL, Private: d.Private, Options: d.Options, Purpose: d.Purpose,
			Closed: d.Closed, PerSecond: d.PerSecond, Parallel: d.Parallel, Since: a.At}}
		if old != nil {
			e.turns = old.turns
			if old.Ended.IsZero() {
				e.Since, e.Paused = old.Since, old.Paused
			}
		}
		e.turns = append(e.turns, turn{a.At, true})
		b.destinations[a.Object] = e
	case "route.put":
		k := routeKey{a.Object, d.Facility, d.Kind}
		b.routes[k] = append(b.routes[k], exchange.Route{Destination: a.Object, Facility: d.Facility, Kind: d.Kind, Mode: d.Mode, Since: a.At})
	case "destination.secret":
		b.secrets[secretKey{a.Object, d.Facility}] = a.At
	}
	if old == nil {
		return
	}
	switch a.Action {
	case "destination.end":
		old.Ended = a.At
		old.turns = append(old.turns, turn{a.At, false})
	case "destination.pause":
		old.Paused = a.At
	case "destination.resume":
		old.Paused = time.Time{}
	}
}

// Known reports whether a destination was ever approved.
func (b *Book) Known(destination string) bool { return b.destinations[destination] != nil }

// InUse reports whether a destination was in use from a moment to another.
func (b *Book) InUse(destination string, from, to time.Time) bool {
	d := b.destinations[destination]
	return d != nil && d.all(from, to)
}

// Must names the destinations that a record of a facility and kind surely began
// legs to, where it was judged at some moment between from and to: those in use
// and led to, by the same word, all that time.
func (b *Book) Must(facility care.FacilityCode, kind string, from, to time.Time) []string {
	var out []string
	for id, d := range b.destinations {
		if d.all(from, to) && b.sends(id, facility, kind, from, to) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// all reports whether the destination was in use from a moment to another.
func (e *entry) all(from, to time.Time) bool {
	inUse := false
	for _, t := range e.turns {
		switch {
		case t.at.Before(from):
			inUse = t.inUse
		case !t.at.After(to):
			return false
		}
	}
	return inUse
}

// sends reports whether the most specific route that fits begins legs, and no
// route that fits was set between.
func (b *Book) sends(destination string, facility care.FacilityCode, kind string, from, to time.Time) bool {
	for _, k := range []routeKey{{destination, facility, kind}, {destination, facility, ""}, {destination, "", kind}, {destination, "", ""}} {
		var holds *exchange.Route
		for i := range b.routes[k] {
			switch r := &b.routes[k][i]; {
			case r.Since.Before(from):
				holds = r
			case !r.Since.After(to):
				return false
			}
		}
		if holds != nil {
			return holds.Mode.Sends()
		}
	}
	return false
}
