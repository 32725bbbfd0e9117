// Package card writes looks at a person's records as that person reads them: who,
// at what place, when, what, and why it was allowed. It asks for names and reasons
// and decides nothing.
package card

import (
	"context"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Look is one look as the citizen reads it: who, at what place, when, what and why.
type Look struct {
	ID        int64
	At        time.Time
	Name      string // "" where no person is known
	Role      string // words
	Place     string
	Code      string // of the place
	Records   int
	Own       bool // the citizen's own, or one who acts for them
	Machine   bool // a system
	Emergency bool
	What, Why string
	Facts     string // what decided, in words, after Why
	Said      string // what a doctor typed as the reason
}

// Maker is what cards ask for.
type Maker struct {
	Place  func(care.FacilityCode) string                  // short name of a facility; "" for none
	Why    func(look *store.Disclosure) fault.Text         // whole sentences, with the law
	Staff  func(ctx context.Context, id care.Staff) string // may be nil
	Said   func(reason string) (code, words string)        // takes such a reason apart
	Reason func(id consent.OpeningID) (string, error)      // of an emergency, as typed; may be nil
}

// Looks makes of rows, which are one for each record, what a citizen would call
// one look: the same reader on the same basis within ten minutes.
func (x Maker) Looks(ctx context.Context, p *view.Page, rows []store.Disclosure) []Look {
	type key struct {
		reader, role, basis string
		staff               care.Staff
		opening             consent.OpeningID
	}
	var out []Look
	at := map[key]int{}
	seen := map[key]map[string]bool{}
	names := map[care.Staff]string{}
	for i := range rows {
		row := &rows[i]
		if row.Count == 0 && row.Basis == "refused_compartment" {
			continue // nothing was seen
		}
		k := key{row.Reader, row.Role, row.Basis, row.Staff, row.Opening}
		if j, met := at[k]; met && out[j].At.Sub(row.At) < 10*time.Minute {
			if name := row.Record.String(); name != "" && !seen[k][name] {
				seen[k][name] = true
				out[j].Records++
				if !out[j].Emergency {
					out[j].What = p.W.T("me.looks.what.many", out[j].Records)
				}
			}
			continue
		}
		at[k], seen[k] = len(out), map[string]bool{row.Record.String(): true}
		out = append(out, x.look(ctx, p, row, names))
	}
	return out
}

func (x Maker) look(ctx context.Context, p *view.Page, row *store.Disclosure, names map[care.Staff]string) Look {
	c := Look{ID: row.ID, At: row.At, Records: 1, Emergency: row.Basis == string(policy.BreakGlass)}
	c.Why, c.Facts = split(p.W.Text(x.Why(row)))
	who, err := role.Parse(row.Role)
	if err != nil { // a destination or a carrier: a system
		c.Machine, c.Role = true, p.W.T("me.looks.machine")
	} else {
		c.Role = p.W.T("me.role." + string(who.Kind))
		c.Place, c.Code = x.Place(who.At()), string(who.At())
		c.Own = who.Kind == role.Citizen && row.Basis != string(policy.ByLink)
		c.Machine = who.Kind == role.Facility && row.Staff == (care.Staff{})
	}
	if row.Staff != (care.Staff{}) && x.Staff != nil {
		name, met := names[row.Staff]
		if !met {
			name = x.Staff(ctx, row.Staff)
			names[row.Staff] = name
		}
		c.Name = name
	}
	if row.Basis == string(policy.ByLink) {
		c.Name, c.Role = row.Reader, p.W.T("me.role.link")
	}
	c.What = p.W.T("me.looks.what.one", x.Place(row.Facility))
	if row.Facility == "" && row.Record.IsZero() { // what the person states of themself is of no facility
		c.What = p.W.T("me.looks.what.own")
	}
	if c.Emergency {
		c.What = p.W.T("me.looks.what.emergency")
		if x.Reason != nil {
			if said, err := x.Reason(row.Opening); err == nil {
				code, words := x.Said(said)
				if c.Said = words; code != "" {
					c.Said = p.W.T("urgent.said."+code) + ": " + words
				}
			}
		}
	}
	return c
}

// split parts the sentence that says why from the facts and sources after it.
func split(text string) (why, facts string) {
	for _, mark := range []string{" Dữ kiện:", " Facts:"} {
		if i := strings.Index(text, mark); i > 0 {
			return text[:i], strings.TrimSpace(text[i:])
		}
	}
	return text, ""
}
