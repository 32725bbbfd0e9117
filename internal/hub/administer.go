package hub

import (
	"context"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/hub/house"
	"lienthong/internal/hub/rooms"
	"lienthong/internal/trust"
)

// Acts is the operator's acts on a running hub: what they change holds from
// the next file on, not from the next second.
type Acts struct {
	*admin.Office
	*alarm.Desk
	rooms.Acts
	house.Operations
	trust *trust.Watch
	plan  func(context.Context) error // reads where records go anew
	hub   *Hub
}

// Administer returns the hub's acts.
func (h *Hub) Administer() *Acts {
	return &Acts{h.Office, &alarm.Desk{Store: h.Slices.Alarms, Clock: h.cfg.Clock, Watch: h.Alarms}, h.Login.Acts(), house.Operations{House: h.House}, h.Trust, h.readPlan, h}
}

// AddFacility registers facilities.
func (a *Acts) AddFacility(ctx context.Context, actor string, list ...admin.Facility) error {
	if err := a.Office.AddFacility(ctx, actor, list...); err != nil {
		return err
	}
	return a.trust.Refresh(ctx)
}

// AddAnchor trusts an authority.
func (a *Acts) AddAnchor(ctx context.Context, actor, pem string) error {
	if err := a.Office.AddAnchor(ctx, actor, pem); err != nil {
		return err
	}
	return a.trust.Refresh(ctx)
}

// AddClient registers a credential.
func (a *Acts) AddClient(ctx context.Context, actor, code string, spki []byte) (id, kid string, err error) {
	id, kid, err = a.Office.AddClient(ctx, actor, code, spki)
	if err != nil {
		return "", "", err
	}
	return id, kid, a.trust.Refresh(ctx)
}

// RevokeCertificate ends a certificate's right to seal.
func (a *Acts) RevokeCertificate(ctx context.Context, actor, code, pem string) error {
	if err := a.Office.RevokeCertificate(ctx, actor, code, pem); err != nil {
		return err
	}
	return a.trust.Refresh(ctx)
}

// RevokeClient ends a credential.
func (a *Acts) RevokeClient(ctx context.Context, actor, id string) error {
	if err := a.Office.RevokeClient(ctx, actor, id); err != nil {
		return err
	}
	return a.trust.Refresh(ctx)
}

// PutDestination approves an entry, or changes one.
func (a *Acts) PutDestination(ctx context.Context, actor string, d admin.Destination) error {
	if err := a.Office.PutDestination(ctx, actor, d); err != nil {
		return err
	}
	return a.plan(ctx)
}

// DestinationDo ends, pauses or resumes a destination.
func (a *Acts) DestinationDo(ctx context.Context, actor, id, do string) error {
	if err := a.Office.DestinationDo(ctx, actor, id, do); err != nil {
		return err
	}
	return a.plan(ctx)
}

// PutRoute sets how records reach a destination.
func (a *Acts) PutRoute(ctx context.Context, actor string, r admin.Route) error {
	if err := a.Office.PutRoute(ctx, actor, r); err != nil {
		return err
	}
	return a.plan(ctx)
}

// PutSecret keeps a credential for a destination.
func (a *Acts) PutSecret(ctx context.Context, actor, destination, code string, sealed []byte) error {
	if err := a.Office.PutSecret(ctx, actor, destination, code, sealed); err != nil {
		return err
	}
	return a.plan(ctx)
}
