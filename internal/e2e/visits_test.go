package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/cleaning"
	"lienthong/internal/disclose/register"
	"lienthong/internal/registry"
	databases "lienthong/internal/registry/shipped"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
)

var byVisits = cleaning.Who{Role: role.Role{Kind: role.Unit, ID: "kcb"}, Name: "unit:kcb/test"}

// visitsTyped takes the declaration of visits with a form beside its records.
func (w *world) visitsTyped() {
	w.t.Helper()
	for _, f := range must(databases.Files()) {
		if strings.Contains(f.Name, "visits") {
			_, err := w.hub.House.Steward.Declare(w.ctx, steward.Who{Role: role.Role{Kind: role.Operator}, Name: "test"}, bytes.Replace(f.Text, []byte("\nrules:"), []byte("\n  - {id: form, kind: form}\nrules:"), 1))
			w.check(err)
		}
	}
}

func typedVisit(episode, person, arrived, left, diagnosis, total string) registry.Values {
	return registry.Values{"episode": episode, "facility": "79901", "person": person, "sex": "1", "born": "1980", "visit_type": "03", "arrived": arrived, "left": left, "diagnosis": diagnosis, "outcome": "1", "total": total}
}

// One visit sent under two keys is proposed; what differs in a day and a total by
// more than a hair, in its diagnosis, its place or its person is two visits.
func TestOneVisitUnderTwoKeys(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.visitsTyped()
		desk := w.hub.House.Cleaning
		type pair struct {
			what  string
			other func(v registry.Values)
			signs string // of the proposal; "" none
		}
		pairs := []pair{
			{"all the same", func(registry.Values) {}, "visit opened"},
			{"left after midnight", func(v registry.Values) { v["left"] = "2026-05-07" }, "visit close.left opened"},
			{"came before midnight", func(v registry.Values) { v["arrived"] = "2026-05-03" }, "visit close.arrived opened"},
			{"a total rounded", func(v registry.Values) { v["total"] = "1250001" }, "visit close.total opened"},
			{"no diagnosis yet", func(v registry.Values) { delete(v, "diagnosis") }, "visit opened"},
			{"its key written otherwise", func(v registry.Values) { v["episode"], v["total"] = "hs 0060001", "9" }, "key"},
			{"a course of visits", func(v registry.Values) { v["arrived"], v["left"] = "2026-05-05", "2026-05-07" }, ""},
			{"another diagnosis", func(v registry.Values) { v["diagnosis"] = "E11" }, ""},
			{"another total", func(v registry.Values) { v["total"] = "1300000" }, ""},
			{"another facility", func(v registry.Values) { v["facility"] = "79902" }, ""},
			{"another person", func(v registry.Values) { v["person"] = "079980555555" }, ""},
			{"another outcome", func(v registry.Values) { v["outcome"] = "2" }, ""},
			{"a week later", func(v registry.Values) { v["arrived"], v["left"] = "2026-05-11", "2026-05-13" }, ""},
			{"little that says anything", func(v registry.Values) {
				for _, f := range []string{"left", "total", "diagnosis", "outcome", "sex", "born"} {
					delete(v, f)
				}
			}, ""},
		}
		made := map[registry.EntryID]int{}
		var first []registry.EntryID
		for i, p := range pairs {
			a := typedVisit(fmt.Sprintf("HS%03d0001", i+1), fmt.Sprintf("079980%06d", i+1), "2026-05-04", "2026-05-06", "I10", "1250000")
			b := typedVisit(fmt.Sprintf("HS%03d0002", i+1), a["person"], a["arrived"], a["left"], a["diagnosis"], a["total"])
			p.other(b)
			both := w.entered("visits", "kcb", a, b)
			made[both[0]], made[both[1]] = i, i
			if i == 0 {
				first = both
			}
		}
		if n := w.tonight("duplicates"); n.Changed != 0 {
			t.Errorf("visits of a day are duplicates: %+v", n)
		}
		n := w.tonight("visits")
		got := make([]string, len(pairs))
		for _, p := range w.proposed("visits", cleaning.Open) {
			got[made[p.Entries[0]]] += strings.Join(p.Body.Signs, " ")
			if strings.Contains(p.Proposal.Body, "I10") || strings.Contains(p.Proposal.Body, "079980") {
				t.Errorf("a sealed value is kept: %s", p.Proposal.Body)
			}
		}
		for i, p := range pairs {
			if got[i] != p.signs {
				t.Errorf("%s: %q, want %q", p.what, got[i], p.signs)
			}
		}
		looks := w.looksAt("visits")
		if again := w.tonight("visits"); n.Changed != 6 || again.Changed != 0 || w.looksAt("visits") != looks || looks != 2*6 {
			t.Errorf("%+v, the next night %+v, looks %d and then %d", n, again, looks, w.looksAt("visits"))
		}
		if is := must(desk.Duplicate(w.ctx, "visits", first)); !is[first[0]] || !is[first[1]] {
			t.Errorf("not said to be a duplicate: %v", is)
		}
		w.visitDecided(desk, first)
	})
}

// looksAt is how many looks at entries of a database cleaning has had written down.
func (w *world) looksAt(id registry.ID) (n int) {
	w.t.Helper()
	rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 500})
	w.check(err)
	for i := range rows {
		if rows[i].Route == "cleaning" && strings.Contains(rows[i].Facts, string(id)) {
			n++
		}
	}
	return n
}

// visitDecided accepts that one visit stands for another: what goes names what stays,
// keeps its values and its history, and comes back whole.
func (w *world) visitDecided(desk *cleaning.Desk, both []registry.EntryID) {
	w.t.Helper()
	i := slices.IndexFunc(w.proposed("visits", cleaning.Open), func(p cleaning.Proposal) bool { return slices.Contains(p.Entries, both[0]) })
	p := w.proposed("visits", cleaning.Open)[i]
	before := []bytesKept{w.kept("visits", p.Entries[0]), w.kept("visits", p.Entries[1])}
	d := cleaning.Decision{IDs: []string{p.ID}, Reason: why}
	if _, err := desk.Accept(w.ctx, byMinistry, d); !errors.Is(err, cleaning.ErrMay) {
		w.t.Errorf("the ministry: %v", err)
	}
	must(desk.Accept(w.ctx, byVisits, d))
	stays, goes := w.row("visits", p.Entries[0]), w.row("visits", p.Entries[1])
	if stays.State != registry.Live || goes.State != registry.Merged || goes.Into != stays.ID || !bytes.Equal(goes.Sealed, before[1].Sealed) {
		w.t.Errorf("accepted: %s and %s into %x", stays.State, goes.State, goes.Into)
	}
	if _, err := w.hub.House.Entries.History(w.ctx, register.Reader{Role: byVisits.Role, Name: "test", Route: "test"}, "visits", goes.ID); err != nil {
		w.t.Errorf("its history: %v", err)
	}
	must(desk.Undo(w.ctx, byVisits, d))
	for i, id := range p.Entries {
		if now := w.kept("visits", id); !bytes.Equal(now.Sealed, before[i].Sealed) || now.State != registry.Live || now.Content != before[i].Content {
			w.t.Errorf("undone: %+v", now)
		}
	}
}
