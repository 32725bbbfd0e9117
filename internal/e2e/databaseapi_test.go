package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/disclose/register"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// TestTheInterfaceOfDatabases walks the interface as systems and units use it.
func TestTheInterfaceOfDatabases(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		for range 3 {
			w.one("79901", dated("20261101", newVisit()), fine)
		}
		w.made()
		const base = "/api/v1/databases"
		unit := w.sits("unit:kcb")
		ask := func(path string, want int) map[string]any {
			t.Helper()
			status, body := unit.call("GET", base+path, nil)
			if status != want {
				t.Fatalf("%s: HTTP %d %s", path, status, body)
			}
			var out map[string]any
			if err := json.Unmarshal(body, &out); err != nil {
				t.Fatalf("%s: %v in %s", path, err, body)
			}
			return out
		}
		w.searchedByDay(unit)
		if list := ask("", 200)["databases"].([]any); len(list) == 0 || !strings.Contains(fmt.Sprint(list), "access:steward") {
			t.Errorf("%v", list)
		}
		page := ask("/visits/entries?by.facility=79901&limit=2", 200)
		first := page["entries"].([]any)
		if len(first) != 2 || page["next"] == "" {
			t.Fatalf("%v", page)
		}
		if rest := ask("/visits/entries?by.facility=79901&limit=2&cursor="+page["next"].(string), 200); len(rest["entries"].([]any)) != 1 || rest["next"] != "" {
			t.Errorf("%v", rest)
		}
		one := first[0].(map[string]any)
		id := one["id"].(string)
		if got := ask("/visits/entries/"+id, 200); got["values"].(map[string]any)["diagnosis"] != "J02.9" || got["record"] == nil {
			t.Errorf("%v", got)
		}
		if got := ask("/visits/entries/"+id+"/history", 200)["versions"].([]any); len(got) != 1 {
			t.Errorf("%v", got)
		}
		feed := ask("/visits/feed", 200)
		if len(feed["entries"].([]any)) != 3 || feed["next"] != "3" {
			t.Errorf("%v", feed)
		}
		w.one("79901", dated("20261101", newVisit()), fine)
		w.made()
		if again := ask("/visits/feed?since=3", 200); len(again["entries"].([]any)) != 1 || again["next"] != "4" {
			t.Errorf("%v", again)
		}
		for role, want := range map[string]int{"province:79": 4, "province:01": 0} { // a share within its province is followed to its end
			if got := w.follows(w.sits(role), base+"/visits/feed?limit=1"); got != want {
				t.Errorf("%s reads %d entries, want %d", role, got, want)
			}
		}
		status, stream := unit.call("GET", base+"/visits/export", nil)
		if status != 200 || strings.Count(string(stream), "\n") != 5 || !strings.HasSuffix(string(stream), "{\"end\":true,\"entries\":4}\n") {
			t.Errorf("HTTP %d: %s", status, stream)
		}
		for path, want := range map[string]int{
			"/visits/entries?limit=0": 422, "/visits/entries?what=1": 422, "/visits/entries?by.person=079990000001": 422, "/visits/entries?by.total=1": 422, "/visits/entries?cursor=x": 422,
			"/visits/feed?since=-1": 422, "/visits/entries/" + id + "?at=x": 422, "/visits/entries/00": 404, "/nothing": 404,
		} {
			if status, body := unit.call("GET", base+path, nil); status != want {
				t.Errorf("%s: HTTP %d, want %d: %s", path, status, want, body)
			}
		}
		// withheld looks like absent
		stranger := w.sits("unit:bhxh")
		_, hidden := stranger.call("GET", base+"/hiv/entries", nil)
		_, nothing := stranger.call("GET", base+"/nothing/entries", nil)
		if strings.ReplaceAll(string(hidden), "hiv", "nothing") != string(nothing) {
			t.Errorf("hidden and absent differ:\n%s\n%s", hidden, nothing)
		}
		// a form
		status, body := w.sits("unit:kcb").call("POST", base+"/facilities/entries", []byte(`{"values":{"code":"79801","name":"Trạm thử","level":"initial","province":"79","licence":"GP-1"}}`))
		if status != 201 {
			t.Errorf("HTTP %d %s", status, body)
		}
		if status, body := w.sits("unit:kcb").call("POST", base+"/facilities/entries", []byte(`{"values":{"name":"Không mã"}}`)); status != 422 || !strings.Contains(string(body), `"field":"code"`) {
			t.Errorf("HTTP %d %s", status, body)
		}
		if status, _ := w.sits("unit:pb").call("POST", base+"/facilities/entries", []byte(`{"values":{"code":"79802","name":"x"}}`)); status != 403 {
			t.Errorf("another unit enters: HTTP %d", status)
		}
		// its own facility reads what its records say, others nothing
		if status, body := w.get("79901", base+"/visits/entries"); status != 200 || strings.Count(string(body), `"diagnosis"`) != 4 {
			t.Errorf("HTTP %d %s", status, body)
		}
		if status, body := w.get("79902", base+"/visits/entries/"+id); status != 404 {
			t.Errorf("HTTP %d %s", status, body)
		}
		if resp, err := http.Get(w.server.URL + base); err != nil || resp.StatusCode != 401 {
			t.Errorf("nobody asks: %v %v", resp, err)
		}
	}, shipped)
}

// TestGrantsAreSeenByBothSides: a unit is given fields for a purpose and a term.
func TestGrantsAreSeenByBothSides(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.one("79901", dated("20261101", newVisit()), fine)
		w.made()
		s := w.hub.House.Steward
		kcb := steward.Who{Role: asRole("unit:kcb").Role, Name: "session:kcb"}
		insurer := asRole("unit:tccb")
		if _, err := w.hub.House.Entries.List(w.ctx, insurer, "visits", register.Query{}); !errors.Is(err, steward.ErrAbsent) {
			t.Fatalf("before: %v", err)
		}
		for name, g := range map[string]house.Grant{
			"no purpose":       {Database: "visits", To: "unit:tccb"},
			"an unknown field": {Database: "visits", To: "unit:tccb", Purpose: "đối chiếu", Fields: []string{"nothing"}},
			"a term gone by":   {Database: "visits", To: "unit:tccb", Purpose: "đối chiếu", Until: w.clock.Now().Add(-time.Hour)},
			"a term too long":  {Database: "visits", To: "unit:tccb", Purpose: "đối chiếu", Until: w.clock.Now().AddDate(6, 0, 0)},
			"nobody":           {Database: "visits", To: "x", Purpose: "đối chiếu"},
			"no such unit":     {Database: "visits", To: "unit:zzz", Purpose: "đối chiếu"},
		} {
			if _, err := s.Give(w.ctx, kcb, g); !errors.Is(err, steward.ErrGrant) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Give(w.ctx, steward.Who{Role: insurer.Role}, house.Grant{Database: "visits", To: "unit:tccb", Purpose: "đối chiếu"}); !errors.Is(err, steward.ErrSteward) {
			t.Errorf("gives itself: %v", err)
		}
		wanted := house.Grant{Database: "visits", To: "unit:tccb", Fields: []string{"facility", "diagnosis"}, Purpose: "đối chiếu chi phí", Until: w.clock.Now().Add(time.Hour)}
		if _, err := s.Give(w.ctx, kcb, wanted); !errors.Is(err, steward.ErrSensitive) {
			t.Errorf("a steward alone gives what is sensitive: %v", err)
		}
		g, err := s.Give(w.ctx, steward.Who{Role: asRole("operator").Role, Name: "operator"}, wanted)
		if err != nil {
			t.Fatal(err)
		}
		page, err := w.hub.House.Entries.List(w.ctx, insurer, "visits", register.Query{})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Values["diagnosis"] != "J02.9" || page.Entries[0].Values["person"] != "" {
			t.Fatalf("%+v %v", page, err)
		}
		rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 10})
		w.check(err)
		if !slices.ContainsFunc(rows, func(r store.Disclosure) bool {
			return r.Basis == register.Shared && r.Role == "unit:tccb" && strings.Contains(r.Facts, g.ID) && r.Purpose == g.Purpose
		}) {
			t.Errorf("no row says who looked by which grant: %+v", rows)
		}
		l, err := s.Get("visits")
		if err != nil || len(l.Grants) != 1 || l.Grants[0].To != "unit:tccb" {
			t.Errorf("%+v %v", l.Grants, err)
		}
		w.check(s.EndGrant(w.ctx, steward.Who{Role: insurer.Role, Name: "session:tccb"}, "visits", g.ID)) // who received may give back
		if _, err := w.hub.House.Entries.List(w.ctx, insurer, "visits", register.Query{}); !errors.Is(err, steward.ErrAbsent) {
			t.Errorf("after: %v", err)
		}
		// the log of looks is down: nothing is opened
		w.looks.set(true)
		defer w.looks.set(false)
		if _, err := w.hub.House.Entries.List(w.ctx, asRole("unit:kcb"), "visits", register.Query{}); err == nil {
			t.Error("opened without writing it down")
		}
	}, shipped)
}

// call asks the interface with the session of a person.
func (p person) call(method, path string, body []byte) (int, []byte) {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.AddCookie(p.cookie)
	rec := httptest.NewRecorder()
	p.w.hub.Handler().ServeHTTP(rec, r)
	return rec.Code, rec.Body.Bytes()
}
