package delivery

import (
	"context"
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Beside returns the card of a record's deliveries, nil where it has none.
func (x *Room) Beside(ctx context.Context, page view.Page, id dossier.ID) (templ.Component, error) {
	who := page.Reader.Role
	legs, err := x.Legs.Of(ctx, id)
	if err != nil {
		return nil, err
	}
	if who.Kind != role.Facility { // that a record is closed, only its facility is told
		legs = slices.DeleteFunc(legs, func(l store.Leg) bool { return l.Code == exchange.HeldClosed })
	}
	if len(legs) == 0 {
		return nil, nil
	}
	ways, err := x.Ways(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, w := range ways {
		names[w.Destination] = page.W.Text(w.Name)
	}
	own := who.Kind == role.Facility && care.FacilityCode(who.ID) == id.Facility
	return RecordLegs(page, x.lines(legs, names), own), nil
}

// mayGo reports whether its own facility may let a leg go.
func mayGo(l Line) bool {
	return l.State == exchange.Held && l.Code != exchange.HeldClosed || l.State == exchange.Parked
}

// send lets a record go that a finding holds back.
func (x *Room) send(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	page := x.frame.Page(r, "messages", "legs.title")
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err := x.Office.SendAnyway(r.Context(), actor(page), care.FacilityCode(page.Reader.Role.ID), id, r.PathValue("destination"), field(r, "reason", 2000)); err != nil {
		if known := fault.Of(err); known.Kind != fault.Broken && known.Kind != fault.Absent {
			x.frame.Show(w, r, http.StatusUnprocessableEntity, view.Problem(page, page.W.T("legs.send_anyway"), page.W.Text(known.Text), known.Code))
			return
		}
		x.frame.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/records/"+id.String()+"#legs", http.StatusSeeOther)
}
