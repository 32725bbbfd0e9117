package api

import (
	"net/http"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/web/delivery"
)

// delivery is the doors about the ways out of records.
func (a *API) delivery() *delivery.Doors {
	return &delivery.Doors{Legs: a.Slices.Legs, Exchange: a.Exchange, Moves: a.Moves, Ways: a.Ways}
}

func (a *API) legs(w http.ResponseWriter, r *http.Request, who Caller) error {
	rec, err := a.find(r, who)
	if err != nil {
		return err
	}
	return a.delivery().Record(w, r, who.Role.Scope(), rec.ID)
}

// legReceipt answers GET /api/v1/records/{id}/legs/{destination}/receipt: the
// receipt document that a hub above gave of the record, byte for byte.
func (a *API) legReceipt(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	doc, err := a.Disclose.LegReceipt(r.Context(), a.reader(r, who), id, r.PathValue("destination"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+id.String()+`.above.receipt.json"`)
	_, _ = w.Write(doc) // a reader that has gone asks again
	return nil
}

// Above is the person of a record as a hub above this one knows them.
type Above struct {
	Destination string    `json:"destination"`
	Person      string    `json:"person"` // a reference scoped to the record's facility
	At          time.Time `json:"at"`     // when it was given: it may have changed there since
}

// personAbove adds what the hub above says of the person. Where persons are that
// one's to link, what is matched here is not given as who somebody is.
func (a *API) personAbove(r *http.Request, who Caller, it *Item, id dossier.ID) error {
	above, err := a.Disclose.PersonAbove(r.Context(), a.reader(r, who), id)
	if above != nil {
		it.PersonAbove = &Above{above.Destination, above.Reference, above.At}
	}
	return err
}

// personsAbove names the destination that links persons, "" this hub itself.
func (a *API) personsAbove() string {
	if a.Plan == nil {
		return ""
	}
	return a.Plan().PersonsAbove()
}

// sendAnyway reads {"reason"}.
func (a *API) sendAnyway(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	reason, err := reasonOf(w, r)
	if err != nil {
		return err
	}
	return a.delivery().Send(w, r, who.Name, who.Role.Scope().Facility, id, reason)
}

// legDoors are those that web/delivery answers alone.
func legDoors() []Route {
	type (
		W = http.ResponseWriter
		R = *http.Request
	)
	return []Route{
		{"GET", "/api/v1/legs", role.Messages, func(a *API, w W, r R, who Caller) error { return a.delivery().List(w, r, who.Role.Scope()) }},
		{"GET", "/api/v1/legs/actions", role.Administer, func(a *API, w W, _ R, _ Caller) error { return a.delivery().Acts(w) }},
		{"POST", "/api/v1/legs/actions", role.Administer, func(a *API, w W, r R, who Caller) error { return a.delivery().Act(w, r, who.Name) }},
		{"GET", "/api/v1/legs/actions/{action}", role.Administer, func(a *API, w W, r R, _ Caller) error { return a.delivery().One(w, r) }},
		{"POST", "/api/v1/legs/actions/{action}/cancel", role.Administer, func(a *API, w W, r R, _ Caller) error { return a.delivery().Cancel(w, r) }},
		{"GET", "/api/v1/destinations", role.Administer, func(a *API, w W, r R, _ Caller) error { return a.delivery().Status(w, r) }},
	}
}
