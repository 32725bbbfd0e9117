package hub

import (
	"context"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/trust"
)

// Acts is the operator's acts on a running hub: what they change holds from
// the next file on, not from the next second.
type Acts struct {
	*admin.Office
	*alarm.Desk
	trust *trust.Watch
}

// Administer returns the hub's acts.
func (h *Hub) Administer() *Acts {
	return &Acts{h.Office, &alarm.Desk{Store: h.Slices.Alarms, Clock: h.cfg.Clock, Watch: h.Alarms}, h.Trust}
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
