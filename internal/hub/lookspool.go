package hub

import (
	"context"

	"lienthong/internal/disclose"
	"lienthong/internal/store"
)

// LookSpool keeps the looks of emergencies on this machine while the log of looks
// is down; package store/lookspool's is a file.
type LookSpool interface {
	disclose.Spool
	// Drain hands over what is kept, oldest first, and forgets what was taken.
	Drain(take func([]store.Disclosure) error) error
}

// enterSpooled puts looks that waited beside the log into it, as soon as it is back.
func (h *Hub) enterSpooled(ctx context.Context) error {
	if h.cfg.Spool == nil {
		return nil
	}
	return h.cfg.Spool.Drain(func(rows []store.Disclosure) error { return h.Slices.Disclosures.Record(ctx, rows) })
}
