package verification_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/verification"
)

// fake is a store of twelve persons, of whom the ninth has no number in any record.
type fake struct {
	kept   map[store.PersonID]identity.Verified
	alarms []store.Alarm
	asked  int
	err    error
	answer verification.Answer
	off    bool
}

func (f *fake) PutVerified(_ context.Context, v identity.Verified, _ store.Act) error {
	f.kept[v.Person] = v
	return nil
}

func (f *fake) Verified(_ context.Context, p store.PersonID) (*identity.Verified, error) {
	v, ok := f.kept[p]
	if !ok {
		return nil, store.ErrAbsent
	}
	return &v, nil
}

func (f *fake) Unverified(_ context.Context, after store.PersonID, since time.Time, limit int) (all []store.PersonID, _ error) {
	for n := after[0] + 1; n <= 12 && len(all) < limit; n++ {
		p := store.PersonID{n}
		if v, ok := f.kept[p]; !ok || v.At.Before(since) {
			all = append(all, p)
		}
	}
	return all, nil
}

func (f *fake) Answers(context.Context) (map[string]int, error) {
	all := map[string]int{}
	for _, v := range f.kept {
		all[v.Answer]++
	}
	return all, nil
}

func (f *fake) Raise(_ context.Context, a store.Alarm, _ store.Act) (bool, error) {
	f.alarms = append(f.alarms, a)
	return true, nil
}

func (f *fake) Whom(_ context.Context, _ string, p store.PersonID) (care.CitizenID, *identity.Face, error) {
	if p[0] == 9 || p == (store.PersonID{}) {
		return "", nil, nil
	}
	return "079990000001", &identity.Face{Name: "A"}, nil
}

func (f *fake) Get(_ context.Context, _ role.Scope, id dossier.ID) (*store.Record, error) {
	return &store.Record{ID: id}, nil
}

func desk(t *testing.T, f *fake) (*verification.Desk, *clock.Fake) {
	t.Helper()
	f.kept = map[store.PersonID]identity.Verified{}
	c := clock.NewFake(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC))
	d, err := verification.New(verification.Deps{Store: f, Records: f, Alarms: f, Book: f, Clock: c, Register: func(context.Context) (*verification.Register, error) {
		if f.off {
			return nil, nil
		}
		return &verification.Register{ID: "residents", Ask: func(context.Context, care.CitizenID, *identity.Face) (verification.Answer, error) {
			f.asked++
			return f.answer, f.err
		}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

func rounds(t *testing.T, d *verification.Desk, n int) {
	t.Helper()
	for range n {
		if err := d.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoQuestionsARound(t *testing.T) {
	t.Parallel()
	f := &fake{answer: verification.Answer{State: "match"}}
	d, c := desk(t, f)
	rounds(t, d, 1)
	if f.asked != 2 {
		t.Errorf("%d questions in a round", f.asked)
	}
	rounds(t, d, 9)
	c.Advance(time.Hour)
	rounds(t, d, 9)
	if f.asked != 11 || len(f.kept) != 11 || len(f.alarms) != 0 {
		t.Errorf("%d questions, %d answers, %d alarms", f.asked, len(f.kept), len(f.alarms))
	}
	c.Advance(verification.Holds)
	rounds(t, d, 9)
	if f.asked != 22 {
		t.Errorf("%d questions after a year", f.asked)
	}
}

func TestASilentRegisterIsLetAlone(t *testing.T) {
	t.Parallel()
	f := &fake{err: errors.New("down")}
	d, c := desk(t, f)
	rounds(t, d, 20)
	if f.asked != 5 {
		t.Errorf("%d questions to a register that is down", f.asked)
	}
	f.err, f.answer = nil, verification.Answer{State: "cancelled"}
	c.Advance(10 * time.Minute)
	rounds(t, d, 20)
	if len(f.kept) != 11 || len(f.alarms) != 11 || f.alarms[10].Detail != `{"n":11}` || f.alarms[0].Cause != "identity.register:residents" {
		t.Errorf("%d answers, alarms %+v", len(f.kept), f.alarms)
	}
}

func TestWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	f := &fake{off: true}
	d, _ := desk(t, f)
	rounds(t, d, 3)
	record := dossier.ID{Facility: "79901", Serial: [16]byte{1}}.String()
	if _, err := d.VerifyPerson(t.Context(), "me", record); f.asked != 0 || !errors.Is(err, verification.ErrNone) {
		t.Errorf("no register: %v, %d questions", err, f.asked)
	}
	f.off = false
	if _, err := d.VerifyPerson(t.Context(), "me", record); !errors.Is(err, verification.ErrNobody) { // linked to nobody
		t.Errorf("nobody: %v", err)
	}
	if _, err := d.VerifyPerson(t.Context(), "me", "x"); err == nil {
		t.Error("no record's id was taken")
	}
	if v, err := d.Verified(t.Context(), store.PersonID{1}); v != nil || err != nil {
		t.Errorf("before: %v %v", v, err)
	}
	if _, err := (verification.Stopped{}).VerifyPerson(t.Context(), "me", record); !errors.Is(err, verification.ErrRunning) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := verification.New(verification.Deps{}); err == nil {
		t.Error("a desk of nothing")
	}
}
