// Package verdict says what an answer over HTTP makes of a leg where the
// destination's own protocol says no more: which statuses are worth another
// try, which are final, and when the destination as a whole is out. Every bridge
// prefixes the codes with its own name.
package verdict

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
)

// Speaker is the name of a bridge, the first part of its codes.
type Speaker string

// Refused is a final no with a code of our own.
func Refused(code string) exchange.Answer {
	return exchange.Answer{Outcome: exchange.Refused, Code: code}
}

// Failed tells a call that brought no answer: reply is what Exchange gave with
// its error. An address that may not be called is final.
func Failed(reply outbound.Reply, err error) exchange.Answer {
	out := exchange.Answer{Outcome: exchange.Again, Sent: reply.Sent, Code: fault.Of(err).Code, Whole: true}
	if errors.Is(err, outbound.ErrAddress) {
		out.Outcome = exchange.Refused
	}
	return out
}

// Garbage: something answered that does not speak as the destination does.
func (s Speaker) Garbage() exchange.Answer {
	return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: string(s) + ".answer", Whole: true}
}

// Unmade: the request could not be made. It is a defect, and tried again.
func (s Speaker) Unmade() exchange.Answer {
	return exchange.Answer{Outcome: exchange.Again, Code: string(s) + ".request"}
}

// Status judges an answer whose status is none of good; ok true: the body says
// more. The law is PAINS P1's: 408, 425, 429 and 5xx are tried again, 401 and
// redirects (somebody in between) too; of the others nothing will come.
func (s Speaker) Status(reply outbound.Reply, good ...int) (out exchange.Answer, ok bool) {
	for _, g := range good {
		if reply.Status == g {
			return exchange.Answer{}, true
		}
	}
	out = exchange.Answer{Outcome: exchange.Again, Sent: true, Code: string(s) + ".http_" + strconv.Itoa(reply.Status), Wait: reply.Wait}
	switch n := reply.Status; {
	case n == http.StatusRequestTimeout, n == http.StatusTooEarly, n == http.StatusTooManyRequests:
	case n == http.StatusNotImplemented, n == http.StatusHTTPVersionNotSupported, n >= 508 && n <= 511:
		out.Outcome = exchange.Refused
	case n == http.StatusUnauthorized, n >= 500, n >= 300 && n < 400:
		out.Whole = true
	default:
		out.Outcome = exchange.Refused
	}
	return out, false
}

// Plain reports whether a foreign code may stand in one of ours: up to 40 ASCII
// letters, digits, "_" and "-".
func Plain(code string) bool {
	return code != "" && len(code) <= 40 && strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") == ""
}

// Reference is a foreign number as a leg keeps it: up to 64 printable ASCII characters.
func Reference(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	return s[:min(len(s), 64)]
}

// InHeader reports whether a token that was given may stand in a header.
func InHeader(token string) bool {
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return token != "" && len(token) <= 8192
}
