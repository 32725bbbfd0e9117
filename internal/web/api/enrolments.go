package api

import (
	"errors"
	"net/http"

	"lienthong/internal/enrol"
	"lienthong/internal/web/edge"
	"lienthong/internal/web/problem"
)

// enrolments answers POST /api/v1/enrolments.
func (a *API) enrolments(w http.ResponseWriter, r *http.Request, _ Caller) error {
	err := a.Edge.Enrolments(w, r)
	if errors.Is(err, enrol.ErrLocked) {
		wait := a.Edge.Enrol.RetryAfter(edge.Address(r))
		problem.WriteSlot(w, r, a.Logger, err, slotAfter(a.Clock.Now(), wait, a.cfg.RatePerS))
		return nil
	}
	return err
}

// agent is the caller as the edge knows it.
func agent(who Caller) edge.Caller {
	return edge.Caller{Role: who.Role, Client: who.Client, Name: who.Name}
}

// rules answers GET /api/v1/rules.
func (a *API) rules(w http.ResponseWriter, r *http.Request, who Caller) error {
	return a.Edge.Rules(w, r, agent(who))
}

// feed answers GET /api/v1/feed.
func (a *API) feed(w http.ResponseWriter, r *http.Request, who Caller) error {
	return a.Edge.Feed(w, r, agent(who))
}

// manifest answers PUT /api/v1/manifests/{date}.
func (a *API) manifest(w http.ResponseWriter, r *http.Request, who Caller) error {
	return a.Edge.Manifest(w, r, agent(who))
}

// manifests answers GET /api/v1/manifests.
func (a *API) manifests(w http.ResponseWriter, r *http.Request, who Caller) error {
	return a.Edge.Manifests(w, r, agent(who))
}
