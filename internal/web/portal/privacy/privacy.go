// Package privacy is the portal's rooms of privacy officers and auditors.
// It asks the small interfaces below and shows what they answer; who may enter
// a room the portal checks.
package privacy

import (
	"lienthong/internal/web/portal/view"
)

// Deps is all that the rooms ask of the hub.
type Deps struct{}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table.
func Routes() []view.Route[Room] { return nil }
