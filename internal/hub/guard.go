package hub

import (
	"net/http"

	"lienthong/internal/web/problem"
)

// Guard looks whether the store's files are still the hub's own. Check returns
// a fault that senders may see once they are not; Close ends it, after the
// store was closed. Calls come one at a time.
type Guard interface {
	Check() error
	Close() error
}

// watchStore asks the guard. Once it says that the files are lost nothing more
// is received until the process begins anew: a receipt would promise what
// nobody will find again.
func (h *Hub) watchStore() {
	if h.cfg.Guard == nil || h.lost.Load() != nil {
		return
	}
	err := h.cfg.Guard.Check()
	if err == nil {
		return
	}
	h.lost.Store(&err)
	h.Intake.Drain()
	h.work.Go(h.Courier.Stop) // nor sent on: what is there is not what facilities sent
	h.metrics.Lost()
	h.cfg.Logger.Error("ALARM: the data files were changed from outside; nothing more is received. Keep the machine as it is, and restore elsewhere", "error", err)
}

// guarded refuses what would write once the store is lost.
func (h *Hub) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lost := h.lost.Load(); lost != nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			problem.Write(w, r, h.cfg.Logger, *lost)
			return
		}
		next.ServeHTTP(w, r)
	})
}
