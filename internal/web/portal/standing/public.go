package standing

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"lienthong/internal/cells"
	"lienthong/internal/disclose/register"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/standing"
	"lienthong/internal/web/portal/view"
)

// license is under what the public numbers may be used. The ministry confirms it.
const license = "CC BY 4.0 (proposed; the Ministry of Health confirms)"

// sheet is the public page.
type sheet struct {
	*standing.Edition
	States []stateCount
}

// stateCount is how many databases are in a state: databases are not people, their
// numbers are told as they are.
type stateCount struct {
	State registry.State
	N     int
}

func (x *Room) states() []stateCount {
	if x.Databases == nil {
		return nil
	}
	count := map[registry.State]int{}
	for _, l := range x.Databases() {
		count[l.State()]++
	}
	var out []stateCount
	for _, s := range registry.States() {
		out = append(out, stateCount{s, count[s]})
	}
	return out
}

// cached lets anybody's cache keep public numbers for a while.
func cached(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age=600")
}

func (x *Room) public(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "public", "house.public.title")
	e, err := x.Desk.Edition(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, publicPage(p, sheet{e, x.states()}))
}

func (x *Room) publicCSV(w http.ResponseWriter, r *http.Request) {
	e, err := x.Desk.Edition(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	marks := standing.MarksText(e.Marks)
	rows := [][]string{{"month", "number", "province", "value", "told", "version", "license", "checkpoint", "statement"}}
	add := func(m standing.PublicMonth, id, code string, c cells.Cell) {
		rows = append(rows, []string{m.Month.String(), id, code, standing.Shown(c), told(c), e.Version, license, marks, m.Statement})
	}
	for _, m := range e.Months {
		for _, n := range m.Numbers {
			for i, code := range n.Codes {
				add(m, n.ID, code, n.Cells[i])
			}
			add(m, n.ID, "VN", n.Total)
		}
	}
	cached(w)
	x.frame.CSV(w, r, "lienthong-cong-khai-"+e.Version, rows)
}

// told is why a number stands or does not: "yes", "small", "guard".
func told(c cells.Cell) string {
	if c.Hide == cells.Told {
		return "yes"
	}
	return string(c.Hide)
}

// publicCell is a cell in JSON: n is null where it is not told.
type publicCell struct {
	Province string `json:"province"`
	N        *int64 `json:"n"`
	Told     string `json:"told"`
}

func cellOf(code string, c cells.Cell) publicCell {
	out := publicCell{Province: code, Told: told(c)}
	if c.Hide == cells.Told {
		out.N = &c.N
	}
	return out
}

func (x *Room) publicJSON(w http.ResponseWriter, r *http.Request) {
	e, err := x.Desk.Edition(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	type column struct {
		Month string       `json:"month"`
		ID    string       `json:"number"`
		Of    string       `json:"statement,omitempty"` // pinned: at /public/ID
		Total publicCell   `json:"total"`
		Cells []publicCell `json:"provinces"`
	}
	var list []column
	for _, m := range e.Months {
		for _, n := range m.Numbers {
			c := column{Month: m.Month.String(), ID: n.ID, Of: m.Statement, Total: cellOf("VN", n.Total)}
			for i, code := range n.Codes {
				c.Cells = append(c.Cells, cellOf(code, n.Cells[i]))
			}
			list = append(list, c)
		}
	}
	words, states := map[string]*int{}, map[string]int{}
	for _, word := range e.Words {
		if words[string(word.Word)] = nil; word.Permille >= 0 {
			words[string(word.Word)] = &word.Permille
		}
	}
	for _, s := range x.states() {
		states[string(s.State)] = s.N
	}
	body, err := json.MarshalIndent(map[string]any{"hub": x.Hub, "version": e.Version, "license": license, "checkpoint": e.Marks, "least": cells.Least,
		"figures": map[string]string{"records": "SL.02", "referrals": "SL.03", "prescriptions": "SL.04", "words": "SL.14"},
		"numbers": list, "words_permille": words, "databases_by_state": states}, "", " ")
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	cached(w)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="lienthong-cong-khai-`+e.Version+`.json"`)
	_, _ = w.Write(append(body, '\n')) // the reader is gone: nobody to tell
}

// cellText is a cell for people.
func cellText(p view.Page, c cells.Cell) string {
	switch c.Hide {
	case cells.Small:
		return p.W.T("house.public.small", cells.Least)
	case cells.Guard:
		return p.W.T("house.public.guard")
	}
	return p.W.Num(c.N)
}

// system is one line of the register of systems.
type system struct {
	ID, Name, Owner, Level, State, Interfaces, Data, Href string
}

// systemsID is the database that is the register.
const systemsID registry.ID = "systems"

// mostSystems is how many entries the page shows; all are in the database.
const mostSystems = 200

func (x *Room) systems(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "house.systems.title")
	if x.Databases == nil || x.Entries == nil || p.Reader.Role.Kind == role.Facility {
		x.frame.Fail(w, r, absent)
		return
	}
	var own []system
	for _, l := range x.Databases() {
		s := system{ID: string(l.ID), Name: p.W.Text(l.Name), Owner: p.UnitWord(l.Steward), State: p.W.Text(l.State().Title()), Href: "/databases/" + string(l.ID)}
		classes := map[registry.Class]int{}
		for _, f := range l.Fields {
			classes[f.Class]++
		}
		for _, c := range []registry.Class{registry.Open, registry.Internal, registry.Personal, registry.Sensitive} {
			if classes[c] > 0 {
				s.Data = join(s.Data, p.W.T("house.class."+string(c), classes[c]))
			}
		}
		for _, src := range l.Sources {
			s.Interfaces = join(s.Interfaces, p.W.T("house.source."+string(src.Kind)))
		}
		own = append(own, s)
	}
	page, err := x.Entries.List(r.Context(), register.Reader{Role: p.Reader.Role, Route: "portal"}, systemsID, register.Query{Limit: mostSystems})
	if err != nil && !absentFault(err) {
		x.frame.Fail(w, r, err)
		return
	}
	states := x.coded(p, "state")
	var others []system
	for _, e := range page.Entries {
		v := e.Values
		others = append(others, system{ID: v["code"], Name: v["name"], Owner: v["owner"], Level: v["level"], State: states(v["state"]), Interfaces: v["interfaces"], Data: v["data"],
			Href: "/databases/" + string(systemsID)})
	}
	x.frame.Show(w, r, http.StatusOK, systemsPage(p, own, others))
}

// coded gives the words of a field of the register for its codes.
func (x *Room) coded(p view.Page, field string) func(code string) string {
	return func(code string) string {
		for _, l := range x.Databases() {
			if l.ID != systemsID {
				continue
			}
			for _, f := range l.Fields {
				for _, v := range f.Values {
					if f.Name == field && v.Code == code {
						return p.W.Text(v.Text)
					}
				}
			}
		}
		return code
	}
}

func join(a, b string) string {
	switch {
	case a == "":
		return b
	case strings.Contains(" · "+a+" · ", " · "+b+" · "):
		return a
	}
	return a + " · " + b
}

// absentFault reports that a reader sees no such database.
func absentFault(err error) bool { return fault.KindOf(err) == fault.Absent }

// cellAt is the cell of a province; columns of one month have the same provinces but
// for what lies nowhere.
func cellAt(p view.Page, n standing.PublicNumber, code string, i int) string {
	if i >= len(n.Codes) || n.Codes[i] != code {
		if i = slices.Index(n.Codes, code); i < 0 {
			return "–"
		}
	}
	return cellText(p, n.Cells[i])
}
