package api_test

import (
	"testing"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/intake"
	"lienthong/internal/web/api"
)

func TestWhoIsTurnedAwayIsToldItsOwnSlot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	start := w.clock.Now().Add(90 * time.Second)
	w.intake.full = intake.ErrBusy.Because(&admission.Turned{Slot: admission.Slot{Start: start, End: start.Add(time.Minute), BytesPerS: 480 << 10}})
	rec := w.send("ok", "Lane: urgent")
	got := read[submission](t, rec)
	if rec.Code != 503 || rec.Header().Get("Retry-After") != "90" || got.SlotStart != start.Format(time.RFC3339Nano) || got.RatePerS != 10 {
		t.Errorf("%d %s: %+v", rec.Code, rec.Body, got)
	}
	if claim := w.intake.claim; claim.Sender != "79901" || claim.Lane != admission.Urgent {
		t.Errorf("room is asked for on account of %+v", claim)
	}
}

func TestATarOfAFullHubIsToldItsSlot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	start := w.clock.Now().Add(30 * time.Second)
	w.intake.full = intake.ErrBusy.Because(&admission.Turned{Slot: admission.Slot{Start: start, End: start.Add(time.Minute), BytesPerS: 1}})
	rec := w.send(string(pack(t, member{"a.xml", "ok"})), asTar)
	if got := read[submission](t, rec); rec.Code != 503 || rec.Header().Get("Retry-After") != "30" || got.RatePerS != 1 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestRequestsTurnedAwayForTheirRateAreCounted(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.RatePerS, c.Burst = 2, 1 })
	w.send("ok")
	if rec := w.send("ok"); rec.Code != 429 {
		t.Fatalf("%d", rec.Code)
	}
	if len(w.intake.away) != 1 || w.intake.away[0] != "79901" {
		t.Errorf("%v were counted", w.intake.away)
	}
}
