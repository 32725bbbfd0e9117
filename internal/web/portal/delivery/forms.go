package delivery

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

// withQuery writes an address; of pairs with the same name the last holds.
func withQuery(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	for name := range v {
		if v.Get(name) == "" || v.Get(name) == "0" {
			v.Del(name)
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// dayInput writes a day as a date field has it.
func dayInput(day int) string {
	if day == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", day/10000, day/100%100, day%100)
}

func writeCursor(c store.Cursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.At.UnixMicro(), 36) + " " + c.ID.String()))
}

func readCursor(s string) (store.Cursor, error) {
	if s == "" {
		return store.Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return store.Cursor{}, errQuery.Because(err)
	}
	at, id, _ := strings.Cut(string(b), " ")
	micro, err := strconv.ParseInt(at, 36, 64)
	if err != nil {
		return store.Cursor{}, errQuery.Because(err)
	}
	rec, err := dossier.ParseID(id)
	if err != nil {
		return store.Cursor{}, errQuery.Because(err)
	}
	return store.Cursor{At: time.UnixMicro(micro).UTC(), ID: rec}, nil
}

// attrTime is the value of <time datetime>.
func attrTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// shortID shows the end of an id, which differs, with its facility.
func shortID(id dossier.ID) string {
	s := id.String()
	if len(s) < 20 {
		return s
	}
	return s[:6] + "…" + s[len(s)-8:]
}

// word says a value by the catalogue, as it is where the catalogue has none.
func word(w words.Speaker, prefix, value string) string {
	if w.Has(prefix + value) {
		return w.T(prefix + value)
	}
	return value
}

// legLook is a leg's mark and tone (LOOK §3).
func legLook(l store.Leg) (mark, tone, key string) {
	switch l.State {
	case exchange.Waiting:
		if !l.Sent.IsZero() {
			return "wait", "wait", "leg.sent"
		}
		return "wait", "wait", "leg.waiting"
	case exchange.Held:
		return "hold", "warn", "leg.held"
	case exchange.Parked:
		return "bad", "bad", "leg.parked"
	case exchange.Done:
		return "ok", "ok", "leg.done"
	}
	return "dash", "off", "leg.skipped"
}

// cause is the sentence of a leg's code.
func cause(p view.Page, code string) string {
	if code == "" {
		return ""
	}
	if known := p.Cause(code); known != code {
		return known
	}
	if p.W.Has("legcode." + code) {
		return p.W.T("legcode." + code)
	}
	if adapter, _, ok := strings.Cut(code, "."); ok && p.W.Has("legcode."+adapter) {
		return p.W.T("legcode."+adapter, code[len(adapter)+1:])
	}
	return code
}

// hint is what to do about a leg's code.
func hint(p view.Page, code string) string {
	if h := p.Hint(code); h != "" {
		return h
	}
	if p.W.Has("leghint." + code) {
		return p.W.T("leghint." + code)
	}
	if adapter, _, ok := strings.Cut(code, "."); ok && p.W.Has("leghint."+adapter) {
		return p.W.T("leghint." + adapter)
	}
	return ""
}

// arrived reports whether a destination has taken a delivery.
func arrived(l store.Leg) bool {
	return l.State == exchange.Done || l.State == exchange.Waiting && !l.Received.IsZero()
}

// advice is what to do about a leg that is parked, held or fails; of one that
// arrived it says so.
func advice(p view.Page, l store.Leg) string {
	switch {
	case arrived(l):
		return p.W.T("leg.arrived")
	case l.State == exchange.Skipped:
		return ""
	}
	return hint(p, l.Code)
}

// tabsOf are the rooms of this package that a role enters, each with its words.
func tabsOf(r role.Role) []Choice {
	var out []Choice
	for _, t := range []struct {
		room role.Room
		Choice
	}{
		{role.Messages, Choice{"/legs", "legs.title"}}, {role.Administer, Choice{"/legs/acts", "moves.title"}},
		{role.Messages, Choice{"/reconciliation", "reconciliation.title"}}, {role.Alarms, Choice{"/alarms", "alarms.title"}},
		{role.Software, Choice{"/software", "software.title"}}, {role.Administer, Choice{"/enrolments", "enrolments.title"}},
	} {
		if r.May(t.room) {
			out = append(out, t.Choice)
		}
	}
	return out
}

func rawInt(n int) string { return strconv.Itoa(n) }

func groupMark(g Group) string {
	if g.LegGroup.State == exchange.Held {
		return "hold"
	}
	return "bad"
}

// joined names the destinations of a record's legs.
func joined(legs []Line) string {
	names := make([]string, len(legs))
	for i, l := range legs {
		names[i] = l.Destination
	}
	return strings.Join(names, ", ")
}

func moveLook(m admin.Move) (mark, tone string) {
	switch m.State {
	case admin.MoveDone:
		return "ok", "ok"
	case admin.MoveFailed:
		return "bad", "bad"
	case admin.MoveCancelled:
		return "dash", "off"
	}
	return "wait", "wait"
}

// pace says how fast a destination is delivered to.
func pace(p view.Page, w admin.Way) string {
	text := p.W.T("ways.parallel", w.Running, w.Parallel)
	if w.PerSecond > 0 {
		text += " · " + p.W.T("ways.per_second", p.W.Decimal(w.PerSecond, 1))
	}
	return text
}

func sortCompared(list []Compared) {
	slices.SortStableFunc(list, func(a, b Compared) int {
		return cmp.Or(cmp.Compare(b.Day, a.Day), cmp.Compare(a.Facility, b.Facility))
	})
}
