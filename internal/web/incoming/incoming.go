// Package incoming is the doors of the hub's own interface about what comes in
// by others than its facility: who may carry, how what the insurer holds
// compared, how many visits went into a health book that was there before. Who
// may enter, web/api says.
package incoming

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/page"
)

// Doors answers.
type Doors struct {
	Facilities store.Facilities
	Inflow     store.Inflow
	Legs       store.Legs
	Clock      clock.Clock
}

// Answer answers the paths that are these doors'.
func (d *Doors) Answer(w http.ResponseWriter, r *http.Request, scope role.Scope) error {
	switch r.URL.Path {
	case "/api/v1/carriers":
		return d.Carriers(w, r, scope)
	case "/api/v1/mirror":
		return d.Mirrors(w, r, scope)
	}
	return d.Books(w, r, scope)
}

// Carriers answers GET /api/v1/carriers?facility=: who may send for facilities
// of the scope, ended grants too.
func (d *Doors) Carriers(w http.ResponseWriter, r *http.Request, scope role.Scope) error {
	code, err := facilityOf(r, scope)
	if err != nil {
		return err
	}
	dir, err := d.Facilities.Load(r.Context())
	if err != nil {
		return err
	}
	items := []admin.Granted{}
	for _, g := range admin.GrantsOf(dir, code, d.Clock.Now()) {
		v, _ := dir.Current(care.FacilityCode(g.Facility))
		if scope.All || scope.Facility != "" && scope.Facility == v.Code || scope.Province != "" && scope.Province == v.Province || scope.Unit != "" && scope.Unit == v.Unit {
			items = append(items, g)
		}
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

// Mirror is how a day compared, as lists show it.
type Mirror struct {
	Facility    string             `json:"facility"`
	Day         string             `json:"day"`
	Destination string             `json:"destination"`
	At          time.Time          `json:"at"`
	Equal       bool               `json:"equal"`
	Here        int                `json:"here"`
	There       int                `json:"there"`
	Both        int                `json:"both"`
	OnlyHere    []store.MirrorItem `json:"only_here"` // the first of them
	OnlyThere   []store.MirrorItem `json:"only_there"`
}

// Mirrors answers GET /api/v1/mirror?facility=&day=: how what a destination
// holds of a facility's days compared with what is here, newest first.
func (d *Doors) Mirrors(w http.ResponseWriter, r *http.Request, scope role.Scope) error {
	code, err := facilityOf(r, scope)
	if err != nil {
		return err
	}
	day := 0
	if s := r.URL.Query().Get("day"); s != "" {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || t.Year() < 2000 {
			return page.ErrFilter.Because(err)
		}
		day = t.Year()*10000 + int(t.Month())*100 + t.Day()
	}
	list, err := d.Inflow.Mirrors(r.Context(), scope, code, day, day)
	if err != nil {
		return err
	}
	items := make([]Mirror, len(list))
	for i, m := range list {
		items[i] = Mirror{Facility: string(m.Facility), Day: dayText(m.Day), Destination: m.Destination, At: m.At, Equal: m.Here == m.Equal && m.There == m.Equal,
			Here: m.Here, There: m.There, Both: m.Equal, OnlyHere: append([]store.MirrorItem{}, m.OnlyHere...), OnlyThere: append([]store.MirrorItem{}, m.OnlyThere...)}
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

// The codes of entries in health books (bridge/vneid).
const (
	newEntry   = "vneid.moi"
	reusedBook = "vneid.moi_so_da_co"
)

// Books answers GET /api/v1/stats/books?facility=&from=&to=: of the visits
// entered into health books, by the day (of Hanoi) their legs were begun, how
// many went into a book that was there before.
func (d *Doors) Books(w http.ResponseWriter, r *http.Request, scope role.Scope) error {
	code, err := facilityOf(r, scope)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	today := d.Clock.Now().In(clock.Hanoi)
	days := [2]time.Time{today, today}
	for i, name := range []string{"from", "to"} {
		if s := q.Get(name); s != "" {
			if days[i], err = time.ParseInLocation(time.DateOnly, s, clock.Hanoi); err != nil {
				return page.ErrFilter.Because(err)
			}
		}
	}
	from := midnight(days[0])
	if n := int(midnight(days[1]).Sub(from).Hours()/24) + 1; n < 1 || n > 92 {
		return page.ErrFilter
	}
	items := []map[string]any{}
	for at := from; !at.After(days[1]); at = at.AddDate(0, 0, 1) {
		n, err := d.book(r, scope, code, newEntry, at)
		if err != nil {
			return err
		}
		reused, err := d.book(r, scope, code, reusedBook, at)
		if err != nil {
			return err
		}
		it := map[string]any{"day": at.Format(time.DateOnly), "entered": n + reused, "reused": reused, "share": nil}
		if n+reused > 0 {
			it["share"] = float64(reused) / float64(n+reused)
		}
		items = append(items, it)
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

func (d *Doors) book(r *http.Request, scope role.Scope, facility care.FacilityCode, code string, day time.Time) (int, error) {
	return d.Legs.Count(r.Context(), scope, store.LegFilter{Facility: facility, Code: code, From: day.UTC(), To: day.AddDate(0, 0, 1).UTC()})
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, clock.Hanoi)
}

func facilityOf(r *http.Request, scope role.Scope) (care.FacilityCode, error) {
	s := r.URL.Query().Get("facility")
	if s == "" {
		return scope.Facility, nil
	}
	code, err := care.ParseFacilityCode(s)
	if err != nil {
		return "", page.ErrFilter.Because(err)
	}
	return code, nil
}

func dayText(day int) string {
	s := strconv.Itoa(day)
	return s[:4] + "-" + s[4:6] + "-" + s[6:]
}

func give(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a reader that has gone asks again
	return nil
}
