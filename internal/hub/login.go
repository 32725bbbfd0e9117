package hub

import (
	"lienthong/internal/admin"
	"lienthong/internal/facility"
	"lienthong/internal/hub/rooms"
	"lienthong/internal/web/session"
)

// roomParts are what sets of rooms are wired out of.
func (h *Hub) roomParts() rooms.Parts {
	return rooms.Parts{Slices: h.Slices, Vault: h.Vault, Disclose: h.Disclose, Sessions: h.Sessions, Clock: h.cfg.Clock, Logger: h.cfg.Logger,
		Directory: func() *facility.Directory { return h.Trust.Current().Directory }, Hub: h.cfg.Name, PublicURL: h.cfg.PublicURL, Demo: h.cfg.Demo}
}

// openLogin wires who comes in by name, and sessions.
func (h *Hub) openLogin() error {
	var err error
	h.Login, err = rooms.NewLogin(h.roomParts(), rooms.LoginParts{Key: h.cfg.Keys.Token, Secure: h.cfg.Secure, PersonOf: admin.PersonOf})
	if err != nil {
		return err
	}
	h.Sessions, err = session.New(h.Slices.Access, h.cfg.Clock, session.Config{Secure: h.cfg.Secure, Logins: h.Slices.Logins, Standing: h.Login.Roster.Stands})
	return err
}
