package hub

import "lienthong/internal/exchange"

// Plan is where records accepted at this moment go, for the tests beside it.
func (h *Hub) Plan() *exchange.Plan { return h.delivery.plan.Load() }
