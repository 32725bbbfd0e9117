package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/hub"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/lookspool"
)

// TestWithoutItsLogNothingIsShownButInAnEmergency: reads stop with a clear code;
// the emergency set opens, its rows wait on disk and come into the log when it is
// back. Without a spool the emergency set waits too.
func TestWithoutItsLogNothingIsShownButInAnEmergency(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, spooled := range []bool{true, false} {
		engines(t, func(t *testing.T, w *world) {
			number := "079990888030"
			record := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", number))), "accepted").Record
			person := w.whoHolds(number)
			presence := clinicianAt("79902", w.opening(person, "79902", nil))
			glass := clinicianAt("79902", w.opening(person, "79902", func(o *consent.Opening) {
				o.Basis, o.Reason, o.How = string(policy.BreakGlass), "bất tỉnh", "break_glass"
			}))
			w.looks.set(true)
			if _, err := w.hub.Disclose.Chart(w.ctx, presence, person, 10); !errors.Is(err, disclose.ErrLogDown) {
				t.Errorf("who is there: %v", err)
			}
			if set, err := w.hub.Disclose.EmergencySet(w.ctx, presence, person); len(set) != 0 {
				t.Errorf("the set without an emergency: %d, %v", len(set), err)
			}
			if status, body := w.get("79901", "/api/v1/records/"+record+"/content"); status != http.StatusServiceUnavailable || !bytes.Contains(body, []byte("disclosure.log_down")) {
				t.Errorf("its own facility: %d %s", status, body)
			}
			ctx, trace := disclose.Traced(w.ctx)
			set, err := w.hub.Disclose.EmergencySet(ctx, glass, person)
			if !spooled {
				if !errors.Is(err, disclose.ErrLogDown) {
					t.Errorf("the control without a spool: %v", err)
				}
				w.looks.set(false)
				return
			}
			if err != nil || len(set) != 1 || !disclose.Spooled(ctx) || !trace.Logged() {
				t.Errorf("in an emergency: %d records, spooled %v, %v", len(set), disclose.Spooled(ctx), err)
			}
			w.looks.set(false)
			for range 200 {
				if len(w.rowsOf(store.DisclosureFilter{Person: person, Limit: 10})) > 0 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			rows := w.rowsOf(store.DisclosureFilter{Person: person, Limit: 10})
			if len(rows) != 1 || rows[0].Basis != string(policy.BreakGlass) || rows[0].Opening != glass.Opening || rows[0].Staff != glass.Staff {
				t.Errorf("the log that is back has %+v", rows)
			}
		}, func(c *hub.Config) {
			if spooled {
				c.Spool = must(lookspool.Open(fmt.Sprintf("%s/%p", dir, c)))
			}
		})
	}
}

// TestAScrapeIsCutOff: one clinician with a basis for everybody, who looks at
// everybody; and the check of the log afterwards.
func TestAScrapeIsCutOff(t *testing.T) {
	t.Parallel()
	const people = 110
	engines(t, func(t *testing.T, w *world) {
		files, numbers := make([]member, people), make([]string, people)
		for i := range files {
			numbers[i] = fmt.Sprintf("0799908%05d", i)
			files[i] = member{numbers[i] + ".xml", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", numbers[i])))}
		}
		w.sendTar("79901", false, files...)
		seen := 0
		for _, n := range numbers {
			person := w.whoHolds(n)
			list, err := w.hub.Disclose.Person(w.ctx, clinicianAt("79902", w.opening(person, "79902", nil)), person, store.Filter{Limit: 5})
			if errors.Is(err, brake.ErrCutOff) {
				break
			}
			w.check(err)
			seen += len(list)
		}
		if seen == 0 || seen > 100 {
			t.Errorf("cut off after %d", seen)
		}
		if stops := w.hub.Brake.Stops("79902"); len(stops) != 1 {
			t.Fatalf("%+v", stops)
		}
		alarms := must(w.hub.Slices.Alarms.Alarms(w.ctx, w.clock.Now()))
		if len(alarms) != 1 || alarms[0].Cause != "disclosure.cut_off:79902" {
			t.Errorf("%+v", alarms)
		}
		w.check(w.hub.Brake.Unlock(w.ctx, "79902", w.hub.Brake.Stops("79902")[0].Mark, "privacy:79902", "trực cấp cứu"))
		person := w.whoHolds(numbers[0])
		if _, err := w.hub.Disclose.Person(w.ctx, clinicianAt("79902", w.opening(person, "79902", nil)), person, store.Filter{Limit: 5}); err != nil {
			t.Errorf("after it was unlocked: %v", err)
		}
	})
}

// TestTheNightlyCheck: what was disclosed is what the ledger and the counters
// have, and a row that is made up afterwards is found.
func TestTheNightlyCheck(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		record := w.one("79901", ours(pairs().ec, envelope(newVisit())), "accepted").Record
		for range 3 {
			w.get("79901", "/api/v1/records/"+record+"/content")
		}
		w.check(w.hub.Disclose.Count(w.ctx))
		w.clock.Advance(26 * time.Hour)
		r := must(w.hub.CheckLooks(w.ctx))
		if r.Rows != 3 || r.Unrooted != 3 || len(r.Days) != 0 {
			t.Fatalf("before the roots: %+v", r)
		}
		if wrong := r.Wrong(); wrong["ledger"] != 3 {
			t.Errorf("looks that no leaf covers are not told: %v", wrong)
		}
		rows := must(w.hub.Slices.Disclosures.Unrooted(w.ctx, 10))
		w.check(w.hub.Slices.Counters.Add(w.ctx, rows[0].At, []store.Delta{{FacilityVersion: w.version("79901"), Day: 20261121, Kind: "qd4750", Measure: "lookup", N: 2}}))
		if r = must(w.hub.CheckLooks(w.ctx)); len(r.Days) != 1 || r.Days[0].Counted != 5 || r.Wrong()["20261121"] != 2 {
			t.Errorf("looks that were counted and are not there: %+v, %v", r.Days, r.Wrong())
		}
	})
}

func (w *world) version(code string) int64 {
	w.t.Helper()
	list, _, err := w.hub.Slices.Records.List(w.ctx, role.Scope{Facility: care.FacilityCode(code)}, store.Filter{Facility: care.FacilityCode(code), Limit: 1})
	w.check(err)
	if len(list) == 0 {
		w.t.Fatal("no record")
	}
	return list[0].FacilityVersion
}
