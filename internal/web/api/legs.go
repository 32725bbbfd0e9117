package api

import (
	"net/http"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/web/delivery"
)

// delivery is the doors about the ways out of records.
func (a *API) delivery() *delivery.Doors {
	return &delivery.Doors{Legs: a.Slices.Legs, Exchange: a.Exchange, Moves: a.Moves, Ways: a.Ways, Said: a.Disclose}
}

func (a *API) legs(w http.ResponseWriter, r *http.Request, who Caller) error {
	rec, err := a.find(r, who)
	if err != nil {
		return err
	}
	return a.delivery().Record(w, r, who.Role.Scope(), rec.ID)
}

// personsAbove reports whether a hub above links persons in this one's place.
func (a *API) personsAbove() bool { return a.Plan != nil && a.Plan().PersonsAbove() != "" }

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
		{"GET", "/api/v1/records/{id}/legs/{destination}/receipt", role.Content, func(a *API, w W, r R, who Caller) error { return a.delivery().Receipt(w, r, a.reader(r, who)) }},
		{"POST", "/api/v1/legs/actions", role.Administer, func(a *API, w W, r R, who Caller) error { return a.delivery().Act(w, r, who.Name) }},
		{"GET", "/api/v1/legs/actions/{action}", role.Administer, func(a *API, w W, r R, _ Caller) error { return a.delivery().One(w, r) }},
		{"POST", "/api/v1/legs/actions/{action}/cancel", role.Administer, func(a *API, w W, r R, _ Caller) error { return a.delivery().Cancel(w, r) }},
		{"GET", "/api/v1/destinations", role.Administer, func(a *API, w W, r R, _ Caller) error { return a.delivery().Status(w, r) }},
	}
}
