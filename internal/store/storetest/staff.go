package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/staff"
	"lienthong/internal/store"
)

func staffCases() []testCase {
	return []testCase{
		{"staff come back as they were, by id, login and licence", staffComesBack},
		{"a login is one person's, and a licence one of a facility's", staffTaken},
	}
}

func staffComesBack(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, x := w.logSize(), w.s.Staffs
	at := w.clock.Now()
	s := staff.Staff{ID: care.Staff{1}, Facility: cityHospital, Roles: []string{"clinician:79901", "privacy:79901"}, Login: keyed("login"), Licence: keyed("licence"),
		Sealed: []byte("sealed"), Wrapped: []byte("wrapped"), Since: at, Suspended: at.Add(time.Hour), NoEmergency: at.Add(2 * time.Hour), Factor: true, Version: 1}
	bare := staff.Staff{ID: care.Staff{2}, Version: 1}
	w.must(x.PutStaff(w.ctx(), s, w.act("staff.add")))
	w.must(x.PutStaff(w.ctx(), bare, store.Act{}))
	for _, version := range []int{1, 3} {
		wrong := s
		wrong.Version = version
		if err := x.PutStaff(w.ctx(), wrong, w.act("staff.change")); !errors.Is(err, store.ErrChanged) {
			t.Errorf("version %d over 1: %v", version, err)
		}
	}
	next := s
	next.Version, next.Suspended, next.Login = 2, time.Time{}, keyed("another login")
	w.must(x.PutStaff(w.ctx(), next, w.act("staff.change")))
	if n := w.logSize() - size; n != 2 {
		t.Errorf("%d leaves for two acts", n)
	}
	w.reopen()
	x = w.s.Staffs
	old := keyedUnder(2, "old")
	for name, find := range map[string]func() (*staff.Staff, error){
		"id":      func() (*staff.Staff, error) { return x.Staff(w.ctx(), s.ID) },
		"login":   func() (*staff.Staff, error) { return x.StaffByLogin(w.ctx(), keys(old, next.Login)) },
		"licence": func() (*staff.Staff, error) { return x.StaffByLicence(w.ctx(), cityHospital, keys(old, next.Licence)) },
	} {
		got, err := find()
		w.must(err)
		if diff := cmp.Diff(&next, got); diff != "" {
			t.Errorf("by %s: %s", name, diff)
		}
	}
	for name, find := range map[string]func() (*staff.Staff, error){
		"an id":                  func() (*staff.Staff, error) { return x.Staff(w.ctx(), care.Staff{9}) },
		"the login of before":    func() (*staff.Staff, error) { return x.StaffByLogin(w.ctx(), keys(s.Login)) },
		"no login":               func() (*staff.Staff, error) { return x.StaffByLogin(w.ctx(), nil) },
		"the login of nobody":    func() (*staff.Staff, error) { return x.StaffByLogin(w.ctx(), keys(bare.Login)) },
		"a licence elsewhere":    func() (*staff.Staff, error) { return x.StaffByLicence(w.ctx(), hillStation, keys(s.Licence)) },
		"a licence where no one": func() (*staff.Staff, error) { return x.StaffByLicence(w.ctx(), "\xff", keys(s.Licence)) },
		"no licence":             func() (*staff.Staff, error) { return x.StaffByLicence(w.ctx(), "", keys(bare.Licence)) },
	} {
		if got, err := find(); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for f, want := range map[care.FacilityCode][]staff.Staff{cityHospital: {next}, "": {bare}, coastClinic: nil} {
		got, err := x.StaffOf(w.ctx(), f, 10)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of %q: %s", f, diff)
		}
	}
}

func staffTaken(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a := staff.Staff{ID: care.Staff{1}, Facility: cityHospital, Login: keyed("login"), Licence: keyed("licence"), Version: 1}
	w.must(w.s.Staffs.PutStaff(w.ctx(), a, store.Act{}))
	b := staff.Staff{ID: care.Staff{2}, Facility: cityHospital, Version: 1}
	try := func(name string, want error, change func(*staff.Staff)) {
		t.Helper()
		x := b
		change(&x)
		if err := w.s.Staffs.PutStaff(w.ctx(), x, w.act("staff.add")); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	try("a login twice", store.ErrTaken, func(s *staff.Staff) { s.Login = a.Login })
	try("a licence twice", store.ErrTaken, func(s *staff.Staff) { s.Licence = a.Licence })
	try("no text", store.ErrText, func(s *staff.Staff) { s.Roles = []string{"\x00"} })
	for name, wrong := range map[string]staff.Staff{"no id": {Version: 1}, "no version": {ID: care.Staff{3}}} {
		if err := w.s.Staffs.PutStaff(w.ctx(), wrong, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
	b.Licence, b.Facility = a.Licence, hillStation // who works at two places
	w.must(w.s.Staffs.PutStaff(w.ctx(), b, store.Act{}))
	if all, err := w.s.Staffs.StaffOf(w.ctx(), cityHospital, 10); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	b.Version, b.Login = 2, a.Login
	if err := w.s.Staffs.PutStaff(w.ctx(), b, store.Act{}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("changed to another's login: %v", err)
	}
	a.Version, a.Login = 2, [17]byte{}
	w.must(w.s.Staffs.PutStaff(w.ctx(), a, store.Act{}))
	w.must(w.s.Staffs.PutStaff(w.ctx(), b, store.Act{}))
}
