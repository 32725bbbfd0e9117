package delivery

import (
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// reconciledDays is how far back days are compared on the page by default.
const reconciledDays = 14

// Compared is one day of one facility: with what it says it sent, and with what
// destinations hold that it sends to by itself.
type Compared struct {
	Facility care.FacilityCode
	Place    string
	Day      int
	Manifest *store.Manifest // nil: the facility has not compared
	Mirrors  []store.Mirror
}

// Equal reports whether everything that was compared agrees.
func (c Compared) Equal() bool {
	for _, m := range c.Mirrors {
		if len(m.OnlyHere)+len(m.OnlyThere) > 0 || m.Here != m.Equal || m.There != m.Equal {
			return false
		}
	}
	return c.Manifest == nil || c.Manifest.Equal
}

// Reconciliation is days and how they compared.
type Reconciliation struct {
	Days     []Compared
	Facility string
	From, To int
	Compared int // days, before the filter
	Differ   int // of these, that do not agree
	Wrong    bool
	Own      bool
}

func (x *Room) reconciliation(w http.ResponseWriter, r *http.Request) {
	page := x.frame.Page(r, "reconciliation", "reconciliation.title")
	who := page.Reader.Role
	if who.Kind != role.Facility {
		page.Nav = "legs"
	}
	q := r.URL.Query()
	f, err := readFilter(q)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	v := Reconciliation{Facility: f.Facility, From: f.From, To: f.To, Own: who.Kind == role.Facility, Wrong: q.Get("show") == "differ"}
	if v.From == 0 {
		v.From = clock.Day(page.Now.AddDate(0, 0, -reconciledDays))
	}
	manifests, err := x.Days.Manifests(r.Context(), who.Scope(), care.FacilityCode(v.Facility), v.From, v.To)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	mirrors, err := x.Days.Mirrors(r.Context(), who.Scope(), care.FacilityCode(v.Facility), v.From, v.To)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	v.Days = x.compared(manifests, mirrors)
	v.Compared = len(v.Days)
	kept := v.Days[:0]
	for _, d := range v.Days {
		if !d.Equal() {
			v.Differ++
		}
		if !v.Wrong || !d.Equal() {
			kept = append(kept, d)
		}
	}
	v.Days = kept
	x.frame.Show(w, r, http.StatusOK, ReconciliationPage(page, v))
}

// compared puts both comparisons of a day together, newest day first.
func (x *Room) compared(manifests []store.Manifest, mirrors []store.Mirror) []Compared {
	type key struct {
		day  int
		code care.FacilityCode
	}
	at := map[key]*Compared{}
	var order []*Compared
	get := func(day int, code care.FacilityCode) *Compared {
		k := key{day, code}
		if at[k] == nil {
			at[k] = &Compared{Facility: code, Place: x.name(code), Day: day}
			order = append(order, at[k])
		}
		return at[k]
	}
	for i := range manifests {
		get(manifests[i].Day, manifests[i].Facility).Manifest = &manifests[i]
	}
	for _, m := range mirrors {
		c := get(m.Day, m.Facility)
		c.Mirrors = append(c.Mirrors, m)
	}
	out := make([]Compared, len(order))
	for i, c := range order {
		out[i] = *c
	}
	sortCompared(out)
	return out
}

// mirrorItem names one dossier that is on one side only.
func mirrorItem(i store.MirrorItem) string {
	for _, s := range []string{i.Record, i.Reference} {
		if s != "" {
			return s
		}
	}
	return strings.ToLower(i.Digest)
}

func asked(n int) string {
	if n < 0 {
		return "?"
	}
	return strconv.Itoa(n)
}
