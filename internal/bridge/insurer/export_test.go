package insurer

import (
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/exchange"
)

// Submitted reads an answer to a hand-over, for the fuzz target.
func Submitted(status int, body []byte) exchange.Answer {
	out, _ := submitted(outbound.Reply{Status: status, Body: body})
	return out
}
