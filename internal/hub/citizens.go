package hub

import (
	"context"

	"lienthong/internal/hub/rooms"
	"lienthong/internal/web/portal/citizen"
)

// openCitizens wires what citizens say, ask for and share.
func (h *Hub) openCitizens(p rooms.Parts) (*citizen.Deps, error) {
	var err error
	if h.Choices, err = rooms.Choices(p, h.Login, h.Kinds.Names()); err != nil {
		return nil, err
	}
	if h.Cases, err = rooms.Cases(p); err != nil {
		return nil, err
	}
	if h.Disclose.Own, err = rooms.Entries(p); err != nil {
		return nil, err
	}
	if h.links, err = rooms.Shlinks(p); err != nil {
		return nil, err
	}
	return rooms.Citizen(p, h.Choices, h.Login)
}

// citizensRound moves on what time moves: says that begin, end or were not
// answered, and requests to correct whose new version is there.
func (h *Hub) citizensRound(ctx context.Context) error {
	if err := h.Choices.Tick(ctx); err != nil {
		return err
	}
	_, err := h.Cases.Corrected(ctx)
	return err
}
