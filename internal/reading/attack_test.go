package reading_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// many is a store in which Ann has very many records, each a number she is found by:
// what a facility's system makes by sending dossiers with her citizen number.
type many struct{ *world }

func (m many) Get(_ context.Context, _ role.Scope, id dossier.ID) (*store.Record, error) {
	return &store.Record{ID: id, Person: ann}, nil
}

func crowd(t *testing.T) *world {
	t.Helper()
	w := setup(t)
	var err error
	w.desk, err = reading.New(reading.Deps{Records: many{w}, People: w, Openings: openings{w}, Once: w, Vault: w.vault, Facts: w, Phone: w, Apps: w, Chips: w, Asker: w, Clock: w.Fake},
		reading.Config{Lookups: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func slipNo(n int) string {
	return dossier.ID{Facility: "79901", Serial: [16]byte{1, byte(n >> 8), byte(n)}}.String()
}

// A facility's system that names many clinicians and looks one person up by many
// numbers guesses codes no more often than one that does not.
func TestCodesAreNotGuessedUnderManyNumbers(t *testing.T) {
	t.Parallel()
	w := crowd(t)
	guesses := 0
	for i := range 60 {
		who := reading.Who{Facility: "79901", Staff: care.Staff{7, byte(i)}}
		f := w.find(t, who, slipNo(i))
		c, err := w.desk.SendCode(t.Context(), who, f.Patient)
		if err != nil {
			t.Fatalf("code %d: %v: who asks is told that somebody is known", i, err)
		}
		sent := len(w.codes)
		for range reading.CodeTries {
			_, err := w.desk.Told(t.Context(), who, f.Patient, c.Ticket, "x")
			if !errors.Is(err, reading.ErrCode) {
				t.Fatalf("guess of code %d: %v", i, err)
			}
		}
		if sent > guesses {
			guesses = sent
		}
	}
	if len(w.codes) > 5 {
		t.Errorf("the person was rung %d times in one hour", len(w.codes))
	}
	// The right code of the last one that was sent opens nothing any more.
	who := reading.Who{Facility: "79901", Staff: care.Staff{7, 4}}
	f := w.find(t, who, slipNo(99))
	c, err := w.desk.SendCode(t.Context(), who, f.Patient)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		if o, err := w.desk.Told(t.Context(), who, f.Patient, c.Ticket, fmt.Sprintf("%06d", n)); o != nil || err == nil {
			t.Fatal("a code was guessed")
		}
	}
	w.Advance(time.Hour)
	known := len(w.codes)
	if _, err := w.desk.SendCode(t.Context(), who, w.find(t, who, annNumber).Patient); err != nil || len(w.codes) != known+1 {
		t.Errorf("an hour later: %v, %d codes", err, len(w.codes)-known)
	}
}

// busy is an asker at whom too much waits already.
type busy struct{ *world }

func (b busy) Ask(context.Context, consent.Consent) (consent.ID, error) {
	return consent.ID{}, fault.New(fault.TooMany, "choice.asking", "x", "x")
}

// Whether somebody is known is not told by how much waits at them.
func TestAskingTooOftenSaysNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var err error
	w.desk, err = reading.New(reading.Deps{Records: w, People: w, Openings: openings{w}, Once: w, Vault: w.vault, Facts: w, Asker: busy{w}, Clock: w.Fake}, reading.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{annNumber, nobody} {
		ticket, err := w.desk.Ask(t.Context(), doc, w.find(t, doc, number).Patient)
		if err != nil {
			t.Fatalf("%s: %v", number, err)
		}
		if s, o, err := w.desk.Asked(t.Context(), doc, ticket); s != consent.Requested || o != nil || err != nil {
			t.Errorf("%s: %s %v %v", number, s, o, err)
		}
	}
}

// A consent given for a visit is no key for ever: it ends, and so does its ticket.
func TestAConsentAskedNowEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ticket, err := w.desk.Ask(t.Context(), doc, w.find(t, doc, annNumber).Patient)
	if err != nil {
		t.Fatal(err)
	}
	for id, c := range w.said {
		if c.Until.IsZero() || c.Until.After(w.Now().Add(24*time.Hour)) {
			t.Errorf("what was asked holds until %s", c.Until)
		}
		c.State, c.Until = consent.Active, time.Time{} // as an older hub kept it
		w.said[id] = c
	}
	if _, o, err := w.desk.Asked(t.Context(), doc, ticket); err != nil || o == nil {
		t.Fatalf("granted: %v %v", o, err)
	}
	w.Advance(25 * time.Hour)
	if _, o, err := w.desk.Asked(t.Context(), doc, ticket); !errors.Is(err, reading.ErrPatient) || o != nil {
		t.Errorf("a day later the same ticket: %v %v", o, err)
	}
}
