// Package rooms wires what clinicians, citizens and privacy officers do out of
// the hub's parts: one file for each set of rooms. It decides nothing.
package rooms

import (
	"log/slog"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/facility"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/session"
)

// Parts are what the hub has.
type Parts struct {
	Slices    *store.Slices
	Vault     *vault.Vault
	Disclose  *disclose.Discloser
	Sessions  *session.Keeper
	Receipt   *ledger.ReceiptKey // signs what the hub says
	Directory func() *facility.Directory
	Clock     clock.Clock
	Logger    *slog.Logger
	Hub       string // its name
	PublicURL string
	Demo      bool
}
