package page

import (
	"fmt"
	"strings"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
)

// nav is the bar, in the order of use.
var nav = []struct{ id, path string }{{"today", "/"}, {"rejects", "/rejects"}, {"files", "/files"}, {"receipts", "/receipts"}, {"check", "/check"}, {"days", "/days"}, {"settings", "/settings"}}

func (f frame) live() frame {
	f.Live = true
	return f
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// sentence is a text as a title, the code where there is none.
func sentence(f frame, t fault.Text, code string) string {
	if s := f.W.Text(t); s != "" {
		return strings.TrimSuffix(s, ".")
	}
	return code
}

// spot is where a finding is: table, row, field.
func spot(f frame, x finding.Finding) string {
	out := x.Table
	if x.Row > 0 {
		out = strings.TrimSpace(out + " " + f.W.T("agent.row", x.Row))
	}
	return strings.TrimSpace(out + " " + x.Field)
}

func findingMark(x finding.Finding) string {
	switch {
	case x.Severity == dossier.Error:
		return "bad"
	case len(x.Blocks) > 0:
		return "hold"
	case x.Severity == dossier.Warning:
		return "warn"
	}
	return "wait"
}

func kindWord(f frame, kind string) string {
	if f.W.Has("kind." + kind) {
		return f.W.T("kind." + kind)
	}
	return kind
}

func legWord(f frame, state string) string {
	if f.W.Has("agent.leg.state." + state) {
		return f.W.T("agent.leg.state." + state)
	}
	return state
}

func itemLook(s spool.State) (tone, mark string) {
	switch s {
	case spool.Accepted:
		return "ok", "ok"
	case spool.Rejected:
		return "bad", "bad"
	case spool.Refused:
		return "bad", "refused"
	case spool.Held, spool.Unsealed:
		return "warn", "hold"
	}
	return "wait", "wait"
}

// noticeMark is the shape of a notice: what stops something, and what does not.
func noticeMark(code string) string {
	switch code {
	case station.ErrOffline.Code, "agent.rules_stale", "agent.rules_newer":
		return "wait"
	case "sender.forked", station.ErrNoSigner.Code, "signer.pin_locked", "signer.expired":
		return "bad"
	}
	return "warn"
}

func openCode(v causeView) string {
	if v.Open == nil {
		return ""
	}
	return v.Open.Code
}

func total(counts map[spool.State]int) (n int) {
	for _, k := range counts {
		n += k
	}
	return n
}

func oldest(f frame, d dayView) string {
	switch {
	case d.Held > 0:
		return f.W.T("agent.tile.held", d.Held)
	case !d.Waiting.Oldest.IsZero():
		return f.W.T("agent.tile.oldest", f.W.Age(f.Now.Sub(d.Waiting.Oldest)))
	}
	return f.W.T("agent.tile.waiting.none")
}

func proxyWord(f frame, proxy string) string {
	switch proxy {
	case "":
		return f.W.T("agent.settings.proxy.environment")
	case home.ProxyDirect:
		return f.W.T("agent.settings.proxy.direct")
	}
	return proxy
}

func dayInput(day int) string { return fmt.Sprintf("%04d-%02d-%02d", day/10000, day/100%100, day%100) }
