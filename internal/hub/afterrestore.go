package hub

import (
	"context"
	"encoding/json"

	"lienthong/internal/admin"
)

// beginLog begins a new log where those before it were closed at a restore:
// its first leaf is the last checkpoint known of the old one. What was received
// after the backup is gone, so the operator is told to ask for it again.
func (h *Hub) beginLog(ctx context.Context) error {
	closed, err := h.writer.BeginAfter(ctx, h.Slices.Ledger)
	if err != nil || len(closed) == 0 {
		return err
	}
	old := make([]map[string]any, len(closed))
	for i, c := range closed {
		old[i] = map[string]any{"origin": c.Origin, "size": c.Size}
	}
	detail, err := json.Marshal(map[string]any{"closed": old})
	if err != nil {
		return err
	}
	h.cfg.Logger.Warn("restored: the old log is closed and a new one begun; ask facilities to send again whatever they hold receipts of that are newer",
		"closed", closed[len(closed)-1].Origin, "size", closed[len(closed)-1].Size, "log", h.LogKey.Origin())
	return admin.Of(h.Slices, h.cfg.Clock).Keep(ctx, "hub", admin.Note{Action: admin.RestoreNewLog, Object: h.LogKey.Origin(), Detail: detail})
}
