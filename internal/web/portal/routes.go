package portal

import (
	"context"
	"net/http"
	"slices"

	"lienthong/internal/role"
	"lienthong/internal/web/trace"
)

// Route is one line of the portal's table of routes.
type Route struct {
	Method  string
	Pattern string
	Rooms   []role.Room // the role must enter one of them; none: open to all

	Discloses bool // clinical content may leave by it
	SteppedUp bool // only after a second factor given lately
}

type route struct {
	Route
	serve func(*Portal, http.ResponseWriter, *http.Request)
}

// Routes returns every route with the rooms that open it, for the test of
// roles against routes.
func Routes() []Route {
	table := routes()
	list := make([]Route, len(table))
	for i, r := range table {
		list[i] = r.Route
	}
	return list
}

func routes() []route {
	in := func(rooms ...role.Room) []role.Room { return rooms }
	line := func(method, pattern string, rooms []role.Room, serve func(*Portal, http.ResponseWriter, *http.Request)) route {
		return route{Route{Method: method, Pattern: pattern, Rooms: rooms}, serve}
	}
	shows := func(method, pattern string, rooms []role.Room, serve func(*Portal, http.ResponseWriter, *http.Request)) route {
		return route{Route{Method: method, Pattern: pattern, Rooms: rooms, Discloses: true}, serve}
	}
	return slices.Concat([]route{
		line("GET", "/{$}", nil, (*Portal).home),
		line("GET", "/login", nil, (*Portal).loginForm),
		line("POST", "/login", nil, (*Portal).login),
		line("POST", "/logout", nil, (*Portal).logout),
		line("POST", "/language", nil, (*Portal).language),
		line("POST", "/theme", nil, (*Portal).theme),
		line("GET", "/try", nil, (*Portal).try),
		line("GET", "/how", nil, (*Portal).how),
		line("GET", "/check", nil, (*Portal).check),
		line("POST", "/check", nil, (*Portal).check),

		line("GET", "/overview", in(role.Counts), (*Portal).overview),
		line("GET", "/overview/live", in(role.Counts), (*Portal).overviewLive),
		line("GET", "/provinces", in(role.Counts), (*Portal).provinces),
		line("GET", "/facilities", in(role.Counts), (*Portal).facilities),
		line("GET", "/facilities.csv", in(role.Counts), (*Portal).facilitiesCSV),

		line("POST", "/search", in(role.Messages), (*Portal).search),
		line("GET", "/messages", in(role.Messages), (*Portal).messages),
		line("GET", "/messages.csv", in(role.Messages), (*Portal).messagesCSV),
		line("GET", "/refused", in(role.Messages), (*Portal).refused),
		line("GET", "/refused.csv", in(role.Messages), (*Portal).refusedCSV),
		line("GET", "/rejects", in(role.Messages), (*Portal).rejects),
		line("GET", "/rejects.csv", in(role.Messages), (*Portal).rejectsCSV),
		shows("GET", "/records/{id}", in(role.Messages), (*Portal).record),

		shows("POST", "/records/{id}/open", in(role.Content), (*Portal).openRecord),
		shows("GET", "/records/{id}/book", in(role.Content), (*Portal).book),
		shows("POST", "/records/{id}/book", in(role.Content), (*Portal).book),
		shows("POST", "/records/{id}/verify", in(role.Content), (*Portal).verifyRecord),
		shows("GET", "/records/{id}/original", in(role.Content), (*Portal).original),
		shows("POST", "/records/{id}/original", in(role.Content), (*Portal).original),
		line("GET", "/records/{id}/receipt", in(role.Content), (*Portal).receipt),
		line("GET", "/records/{id}/print", in(role.Content), (*Portal).printed),

		line("GET", "/today", in(role.Send), (*Portal).today),
		line("GET", "/upload", in(role.Send), (*Portal).upload),
		line("POST", "/upload", in(role.Send), (*Portal).checkUpload),
		line("POST", "/upload/send", in(role.Send), (*Portal).sendUpload),

		line("GET", "/access", in(role.Content, role.Audit), (*Portal).access),
		line("GET", "/acts", in(role.Audit), (*Portal).acts),
	}, deliveryRoutes(), annexRoutes())
}

// contentSecurity allows only files of this site: no inline script or style.
// data: images are those of Tabler's style sheet.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// handler arranges the table: security headers, then the check of where a
// POST came from, then the role's right to the room, then the page.
func (p *Portal) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", p.assets)
	for _, r := range routes() {
		serve := http.Handler(p.guard(r))
		if r.Discloses {
			serve = trace.Guard(p.config.Log, serve)
		}
		mux.Handle(r.Method+" "+r.Pattern, serve)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.absent(w, r) })
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(p.crossOrigin))
	inner := origin.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurity)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		inner.ServeHTTP(w, r)
	})
}

// guard lets a role into a room; nobody goes to the login page.
func (p *Portal) guard(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if len(rt.Rooms) == 0 {
			rt.serve(p, w, r)
			return
		}
		who, err := p.reader(r)
		if err != nil {
			p.nobody(w, r, err)
			return
		}
		for _, room := range rt.Rooms {
			if who.Role.May(room) {
				if rt.SteppedUp && !p.steppedUp(w, r, who) {
					return
				}
				rt.serve(p, w, r.WithContext(context.WithValue(r.Context(), readerKey{}, who)))
				return
			}
		}
		p.withheld(w, r)
	}
}
