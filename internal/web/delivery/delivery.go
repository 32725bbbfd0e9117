// Package delivery is the doors of the hub's own interface about the ways out of
// records: legs, acts on many of them, destinations. Who may enter, web/api says;
// what legs are, package store.
package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/page"
)

// Doors answers.
type Doors struct {
	Legs     store.Legs
	Exchange Exchange
	Moves    Moves
	Ways     Ways
	Said     Said
}

// Exchange does the acts on legs; *admin.Office does.
type Exchange interface {
	SendAnyway(ctx context.Context, actor string, code care.FacilityCode, id dossier.ID, destination, reason string) error
	CountLegs(ctx context.Context, a admin.LegAct) (int, error)
}

// Moves does acts on many legs in the background; *admin.Moves does.
type Moves interface {
	Begin(ctx context.Context, actor string, a admin.LegAct) (admin.Move, error)
	List() []admin.Move
	Get(id string) (admin.Move, error)
	Cancel(id string) (admin.Move, error)
}

// Ways tells how the ways to destinations stand; the hub does.
type Ways interface {
	Ways(ctx context.Context) ([]admin.Way, error)
}

// Leg is one destination of a record and how its delivery stands.
type Leg struct {
	Record      string         `json:"record"`
	Facility    string         `json:"facility"`
	Destination string         `json:"destination"`
	Kind        string         `json:"kind"`
	Lane        string         `json:"lane"`
	Withdraws   *string        `json:"withdraws"`
	State       exchange.State `json:"state"`
	Code        string         `json:"code"`
	Reference   string         `json:"reference"`
	Attempts    int            `json:"attempts"`
	Due         *time.Time     `json:"due,omitempty"`
	Created     time.Time      `json:"created"`
	Sent        *time.Time     `json:"sent,omitempty"`
	Received    *time.Time     `json:"received,omitempty"`
	Finalized   *time.Time     `json:"finalized,omitempty"`
	Opened      *time.Time     `json:"opened,omitempty"`
}

func legOf(l *store.Leg) Leg {
	out := Leg{Record: l.Record.String(), Facility: string(l.Record.Facility), Destination: l.Destination, Kind: l.Kind, Lane: l.Lane.String(),
		Withdraws: withdrawn(l), State: l.State, Code: l.Code, Reference: l.Reference, Attempts: l.Attempts, Created: l.Created,
		Sent: moment(&l.Sent), Received: moment(&l.Received), Finalized: moment(&l.Finalized), Opened: moment(&l.Opened)}
	if l.State == exchange.Waiting {
		out.Due = moment(&l.Due)
	}
	return out
}

// Of returns the legs of a record as the scope may know them.
func (d *Doors) Of(ctx context.Context, scope role.Scope, id dossier.ID) ([]store.Leg, error) {
	legs, err := d.Legs.Of(ctx, id)
	return masked.LegsFor(scope, legs), err
}

// Record answers GET /api/v1/records/{id}/legs, of a record within the scope.
func (d *Doors) Record(w http.ResponseWriter, r *http.Request, scope role.Scope, id dossier.ID) error {
	legs, err := d.Of(r.Context(), scope, id)
	if err != nil {
		return err
	}
	items := make([]Leg, len(legs))
	for i := range legs {
		items[i] = legOf(&legs[i])
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

// Send answers POST /api/v1/records/{id}/legs/{destination}/send: the facility
// lets go what a finding holds back.
func (d *Doors) Send(w http.ResponseWriter, r *http.Request, actor string, own care.FacilityCode, id dossier.ID, reason string) error {
	if err := d.Exchange.SendAnyway(r.Context(), actor, own, id, r.PathValue("destination"), reason); err != nil {
		return err
	}
	return d.Record(w, r, role.Scope{Facility: own}, id)
}

// List answers GET /api/v1/legs.
func (d *Doors) List(w http.ResponseWriter, r *http.Request, scope role.Scope) error {
	q := r.URL.Query()
	f := store.LegFilter{Destination: q.Get("destination"), Kind: q.Get("kind"), State: exchange.State(q.Get("state")), Code: q.Get("code"), Limit: 50}
	if err := page.Words(f.Destination, f.Kind, f.Code); err != nil {
		return err
	}
	switch f.State {
	case "", exchange.Waiting, exchange.Held, exchange.Parked, exchange.Skipped, exchange.Done:
	default:
		return page.ErrFilter
	}
	var err error
	if s := q.Get("facility"); s != "" {
		if f.Facility, err = care.ParseFacilityCode(s); err != nil {
			return page.ErrFilter.Because(err)
		}
	}
	for name, to := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if s := q.Get(name); s != "" {
			if *to, err = time.Parse(time.RFC3339, s); err != nil {
				return page.ErrFilter.Because(err)
			}
		}
	}
	if s := q.Get("limit"); s != "" {
		if f.Limit, err = page.Number(s, 1, 1000); err != nil {
			return err
		}
	}
	if f.Before, err = page.Read(q.Get("cursor")); err != nil {
		return err
	}
	list, more, err := d.Legs.List(r.Context(), scope, f)
	if err != nil {
		return err
	}
	items, next := make([]Leg, len(list)), (*string)(nil)
	for i := range list {
		items[i] = legOf(&list[i])
	}
	if more {
		last := &list[len(list)-1]
		c := page.Write(store.Cursor{At: last.Created, ID: last.Record})
		next = &c
	}
	return give(w, map[string]any{"items": items, "next": next})
}

var errAct = fault.New(fault.Invalid, "request.body", "Nội dung yêu cầu không đúng dạng.", "The request's body is not in its prescribed form.")

// Act answers POST /api/v1/legs/actions: with dry_run it counts what the act
// would be done to, else it begins it.
func (d *Doors) Act(w http.ResponseWriter, r *http.Request, actor string) error {
	act, dry, err := readAct(w, r)
	if err != nil {
		return err
	}
	if dry {
		n, err := d.Exchange.CountLegs(r.Context(), act)
		if err != nil {
			return err
		}
		return give(w, map[string]any{"count": n})
	}
	m, err := d.Moves.Begin(r.Context(), actor, act)
	if err != nil {
		return err
	}
	return give(w, m)
}

// readAct reads {"do","filter":{...},"reason","dry_run"}: no member twice, no other.
func readAct(w http.ResponseWriter, r *http.Request) (act admin.LegAct, dry bool, err error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err == nil {
		_, err = jsondoc.Parse(b, jsondoc.Limits{})
	}
	if err != nil {
		return act, false, errAct.Because(err)
	}
	said := struct {
		admin.LegAct
		DryRun bool `json:"dry_run"`
	}{}
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&said); err != nil {
		return act, false, errAct.Because(err)
	}
	return said.LegAct, said.DryRun, nil
}

// Acts answers GET /api/v1/legs/actions.
func (d *Doors) Acts(w http.ResponseWriter) error {
	return give(w, map[string]any{"items": d.Moves.List(), "next": nil})
}

// One answers GET /api/v1/legs/actions/{action}.
func (d *Doors) One(w http.ResponseWriter, r *http.Request) error {
	m, err := d.Moves.Get(r.PathValue("action"))
	if err != nil {
		return err
	}
	return give(w, m)
}

// Cancel answers POST /api/v1/legs/actions/{action}/cancel.
func (d *Doors) Cancel(w http.ResponseWriter, r *http.Request) error {
	m, err := d.Moves.Cancel(r.PathValue("action"))
	if err != nil {
		return err
	}
	return give(w, m)
}

// Status answers GET /api/v1/destinations.
func (d *Doors) Status(w http.ResponseWriter, r *http.Request) error {
	items, err := d.Ways.Ways(r.Context())
	if err != nil {
		return err
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

func withdrawn(l *store.Leg) *string {
	if l.Withdraws.IsZero() {
		return nil
	}
	s := l.Withdraws.String()
	return &s
}

func moment(t *time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return t
}

func give(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a reader that has gone asks again
	return nil
}
