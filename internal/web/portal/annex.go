package portal

import (
	"net/http"

	"lienthong/internal/web/portal/account"
	"lienthong/internal/web/portal/citizen"
	"lienthong/internal/web/portal/citizen/own"
	"lienthong/internal/web/portal/clinic"
	"lienthong/internal/web/portal/ministry"
	"lienthong/internal/web/portal/privacy"
	"lienthong/internal/web/portal/urgent"
	"lienthong/internal/web/portal/view"
)

// annexes are the packages of rooms beside the portal's own; nil: their rooms
// answer absent.
type annexes struct {
	clinic  *clinic.Room
	urgent  *urgent.Room
	citizen *citizen.Room
	own     *own.Room // of citizens
	privacy *privacy.Room
	account *account.Room
	house   *ministry.Rooms
}

// See redirects after a POST to a local path.
func (f frame) See(w http.ResponseWriter, r *http.Request, path string) { see(w, r, path) }

var _ view.Frame = frame{}

// open builds the annexes that the hub has.
func (a *annexes) open(d Deps, f frame) {
	a.house = ministry.New(d.House, f, f.p.absent)
	if d.Clinic != nil {
		a.clinic = clinic.New(*d.Clinic, f)
	}
	if d.Urgent != nil {
		a.urgent = urgent.New(*d.Urgent, f)
	}
	if d.Citizen != nil {
		a.citizen = citizen.New(*d.Citizen, f)
		a.own = own.New(own.Deps{Book: a.citizen, Own: d.Citizen.Own, Places: d.Citizen.Places, Now: d.Citizen.Now}, f)
	}
	if d.Privacy != nil {
		a.privacy = privacy.New(*d.Privacy, f)
	}
	if d.Account != nil {
		a.account = account.New(*d.Account, f)
	}
}

// annexRoutes are the routes of all annexes.
func annexRoutes() []route {
	out := annexed(clinic.Routes(), func(a *annexes) *clinic.Room { return a.clinic })
	out = append(out, annexed(urgent.Routes(), func(a *annexes) *urgent.Room { return a.urgent })...)
	out = append(out, annexed(citizen.Routes(), func(a *annexes) *citizen.Room { return a.citizen })...)
	out = append(out, annexed(own.Routes(), func(a *annexes) *own.Room { return a.own })...)
	out = append(out, annexed(account.Routes(), func(a *annexes) *account.Room { return a.account })...)
	out = append(out, annexed(ministry.Routes(), func(a *annexes) *ministry.Rooms { return a.house })...)
	return append(out, annexed(privacy.Routes(), func(a *annexes) *privacy.Room { return a.privacy })...)
}

func annexed[R any](table []view.Route[R], of func(*annexes) *R) []route {
	var out []route
	for _, line := range table {
		out = append(out, route{Route{Method: line.Method, Pattern: line.Pattern, Rooms: line.Rooms, Discloses: line.Discloses, SteppedUp: line.SteppedUp},
			func(p *Portal, w http.ResponseWriter, r *http.Request) {
				rooms := of(&p.annexes)
				if rooms == nil {
					p.absent(w, r)
					return
				}
				line.Serve(rooms, w, r)
			}})
	}
	return out
}
