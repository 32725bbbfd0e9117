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
