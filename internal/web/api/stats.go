package api

import (
	"net/http"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/web/incoming"
	"lienthong/internal/web/page"
)

var dimensions = map[string]store.Dimension{
	"day": store.ByDay, "kind": store.ByKind, "measure": store.ByMeasure, "purpose": store.ByPurpose, "facility": store.ByFacility,
	"level": store.ByLevel, "province": store.ByProvince, "unit": store.ByUnit, "vendor": store.ByVendor, "type": store.ByType,
}

// maxMeasures is more than a board ever asks for at once.
const maxMeasures = 100

// counts answers GET /api/v1/stats/counts?by=day,measure&from=&to=&measure=&kind=&facility=&province=.
// With recount=1 the numbers are counted anew from the records; both must be equal.
func (a *API) counts(w http.ResponseWriter, r *http.Request, who Caller) error {
	q := r.URL.Query()
	query := store.CountQuery{Kind: q.Get("kind"), Province: q.Get("province"), Measures: split(q.Get("measure"))}
	if len(query.Measures) > maxMeasures {
		return errFilter
	}
	err := page.Words(append(query.Measures, query.Kind, query.Province)...)
	if err != nil {
		return err
	}
	if query.FromDay, err = page.Number(q.Get("from"), 0, 99991231); err != nil {
		return err
	}
	if query.ToDay, err = page.Number(q.Get("to"), 0, 99991231); err != nil {
		return err
	}
	if s := q.Get("facility"); s != "" {
		if query.Facility, err = care.ParseFacilityCode(s); err != nil {
			return errFilter.Because(err)
		}
	}
	by := split(q.Get("by"))
	for _, name := range by {
		d, ok := dimensions[name]
		if !ok || slices.Contains(query.By, d) {
			return errFilter
		}
		query.By = append(query.By, d)
	}
	sum := a.Slices.Counters.Sum
	if q.Get("recount") == "1" {
		if !a.recounting.TryLock() {
			return intake.ErrBusy // it reads every record: one at a time
		}
		defer a.recounting.Unlock()
		sum = a.Slices.Counters.Recount
	}
	counts, err := sum(r.Context(), who.Role.Scope(), query)
	if err != nil {
		return err
	}
	items := make([]map[string]any, len(counts))
	for i, c := range counts {
		it := map[string]any{"n": c.N}
		for k, name := range by {
			it[name] = c.Key[k]
		}
		items[i] = it
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func (a *API) incoming(w http.ResponseWriter, r *http.Request, who Caller) error {
	return (&incoming.Doors{Facilities: a.Slices.Facilities, Inflow: a.Slices.Inflow, Legs: a.Slices.Legs, Clock: a.Clock}).Answer(w, r, who.Role.Scope())
}
