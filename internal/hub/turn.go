package hub

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/courier"
	"lienthong/internal/rekey"
	"lienthong/internal/roster"
	"lienthong/internal/steward"
	"lienthong/internal/urgent"
	"lienthong/internal/vault"
)

// turner turns the hub's keys.
func (h *Hub) turner() (*rekey.Turner, error) {
	return rekey.New(rekey.Store{Keys: h.Slices.Keys, Rekeys: h.Slices.Rekeys, Records: h.Slices.Records, Clean: h.Slices.Retention.Clean},
		h.Vault, h.cfg.Clock, rekey.Names{
			Tables: map[string]rekey.Namer{
				"temporary": func(key []string) ([]byte, error) { return urgent.SheetName(key[0]), nil },
				"db_entry":  steward.SealNameOf, "db_entry_version": steward.SealNameOf,
				"matter_paper": func(key []string) ([]byte, error) { return []byte(casework.SealedName(key[0])), nil },
			},
			Secrets: map[string]func([]string) string{
				"secret":         func(key []string) string { return courier.SecretName(key[1], care.FacilityCode(key[0])) },
				"matter_version": func(key []string) string { return casework.SealedName(key[0]) },
				"staff":          func(key []string) string { return roster.SealName(key[0]) },
				"eid_address":    func(key []string) string { return roster.AddressName(key[0]) },
			}})
}

// TurnMaster takes the newest master key into use, where this process holds the
// keys (a signing process takes its own), and wraps everything by it.
func (a *Acts) TurnMaster(ctx context.Context, actor string) (rekey.Turned, error) {
	if ring, ok := a.hub.Vault.Ring().(*vault.Keys); ok && a.hub.cfg.Masters != nil {
		masters, err := a.hub.cfg.Masters()
		if err != nil {
			return rekey.Turned{}, err
		}
		if err := ring.Turn(masters[len(masters)-1]); err != nil {
			return rekey.Turned{}, err
		}
	}
	t, err := a.hub.turner()
	if err != nil {
		return rekey.Turned{}, err
	}
	return t.Master(ctx, actor)
}

// TurnMonth gives a class and month a new key, and moves what it wraps.
func (a *Acts) TurnMonth(ctx context.Context, actor, class string, month, limit int) (rekey.Turned, error) {
	t, err := a.hub.turner()
	if err != nil {
		return rekey.Turned{}, err
	}
	return t.Month(ctx, actor, class, month, limit)
}
