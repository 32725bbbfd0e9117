package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/web/browsertest"
)

// houseRooms are the rooms of the ministry's house, by who sits there.
var houseRooms = map[string][]string{
	"ministry": {"/overview", "/overview/use", "/figures", "/figures/SL.02", "/databases", "/databases/visits", "/databases/visits/entries", "/databases/food-safety",
		"/quality", "/quality/checks", "/tasks", "/tasks/NUMBER", "/tasks/new", "/tasks/report", "/units", "/units/pb", "/programmes", "/league", "/benefit", "/systems", "/rulebook", "/alarms", "/facilities", "/public"},
	"operator":    {"/night", "/cleaning", "/databases/new", "/alarms", "/facilities"},
	"unit:attp":   {"/databases/food-safety", "/databases/food-safety/entries", "/databases/food-safety/entries/new", "/databases/food-safety/feeds", "/cleaning", "/tasks"},
	"province:24": {"/overview", "/province", "/quality", "/league", "/tasks"},
}

// TestTheMinistrysRoomsInABrowser: over a night of real records each room of the
// house fits a desk and a phone, in both languages, has one heading, fields with
// labels, and no problem that the browser or axe-core names.
func TestTheMinistrysRoomsInABrowser(t *testing.T) {
	browser := browsertest.Start(t, "the rooms of the ministry's house")
	t.Parallel()
	walks(t, func(t *testing.T, w *world) {
		number := w.furnished()
		for who, paths := range houseRooms {
			tab := browsertest.Tab(t, browser)
			problems := browsertest.Problems(t, tab)
			cookie := w.works(who, 7).cookie
			for _, look := range []struct {
				lang   string
				width  int64
				height int64
			}{{"vi", 1280, 900}, {"en", 390, 844}} {
				browsertest.Do(t, tab, browsertest.Scripts(true), browsertest.Window(look.width, look.height),
					browsertest.Cookies(w.server.URL, map[string]string{cookie.Name: cookie.Value, "lang": look.lang}))
				for _, path := range paths {
					path = strings.Replace(path, "NUMBER", number, 1)
					w.seen(t, tab, path, fmt.Sprintf("%s as %s, %d px, %s", path, who, look.width, look.lang))
				}
			}
			if list := problems(); len(list) > 0 {
				t.Errorf("%s: the browser tells of %s", who, strings.Join(list, "\n"))
			}
		}
	}, shipped)
}

// seen opens a page and holds it against what holds of every page.
func (w *world) seen(t *testing.T, tab context.Context, path, name string) {
	t.Helper()
	browsertest.Open(t, tab, w.server.URL+path)
	if at := browsertest.Eval[string](t, tab, `location.pathname`); at != path {
		t.Errorf("%s led to %s", name, at)
	}
	browsertest.Headed(t, tab, name)
	browsertest.Fits(t, tab, name)
	browsertest.Usable(t, tab, name)
	axe(t, tab, name)
}

// furnished sends some records, closes their day and gives out a task, whose number
// it returns.
func (w *world) furnished() string {
	w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24", Vendor: "mednova"})
	w.facility(admin.Facility{Code: "79902", Name: "Trạm y tế Ánh Dương", Province: "79", Unit: "kcb"})
	for i := range 3 {
		w.send("79901", ours(pairs().ec, envelope(newVisit().episode(fmt.Sprint("LK-", i)))))
	}
	w.send("79902", ours(pairs().ec, envelope(newVisit().episode("LK-9").set("XML1", "GIOI_TINH", "9")))) // rejected
	w.made()
	day := clock.Day(w.clock.Now())
	w.clock.Advance(24 * time.Hour)
	must(w.hub.House.Night.Do(w.ctx, day, ""))
	who := errand.Who{Role: role.Role{Kind: role.Operator}, Name: "e2e"}
	t := duty.Task{Title: fault.Text{VI: "Nối nốt mười hai cơ sở", EN: "Connect the last twelve"}, Due: clock.Day(w.clock.Now().AddDate(0, 0, 9)), Database: "visits", Source: duty.Source{Kind: duty.FromMeeting}}
	t.Own(duty.UnitParty("pb"))
	return must(w.hub.House.Errands.Open(w.ctx, who, "", t))[0]
}
