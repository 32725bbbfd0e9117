package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/staff"
	"lienthong/internal/store"
)

func loginCases() []testCase {
	return []testCase{
		{"sessions are listed and ended by whose they are", sessionsOfSomebody},
		{"a device is new once, and the login before is told", devices},
		{"staff who did not log in for long are found", quiet},
		{"the name of a person at a provider is kept and replaced", addresses},
	}
}

func sessionsOfSomebody(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	lan, an := store.Owner{Staff: care.Staff{1}}, store.Owner{Person: store.PersonID{1}}
	for i, s := range []store.Session{
		{Hash: [32]byte{1, 1}, Role: "clinician:79901", Staff: lan.Staff, Level: 1, Device: "Firefox"}, {Hash: [32]byte{1, 2}, Role: "clinician:79901", Staff: lan.Staff},
		{Hash: [32]byte{2, 1}, Role: "citizen", Person: an.Person, Level: 2}, {Hash: [32]byte{3, 1}, Role: "operator"},
	} {
		s.Name, s.Began, s.Expires = "x", now.Add(time.Duration(i)*time.Second), now.Add(time.Hour)
		w.must(w.s.Access.PutSession(w.ctx(), s))
	}
	w.must(w.s.Logins.StepUp(w.ctx(), [32]byte{1, 1}, now.Add(time.Minute)))
	if err := w.s.Logins.StepUp(w.ctx(), [32]byte{9}, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("stepping up nothing: %v", err)
	}
	count := func(who store.Owner, want int) []store.Session {
		t.Helper()
		all, err := w.s.Logins.SessionsOf(w.ctx(), who, now)
		w.must(err)
		if len(all) != want {
			t.Fatalf("%d sessions, want %d", len(all), want)
		}
		return all
	}
	all := count(lan, 2)
	if all[0].Hash != ([32]byte{1, 2}) || all[1].Level != 1 || all[1].Device != "Firefox" || !all[1].SteppedUp.Equal(now.Add(time.Minute)) || !all[0].SteppedUp.IsZero() {
		t.Errorf("%+v", all)
	}
	if one, err := w.s.Access.Session(w.ctx(), [32]byte{1, 1}, now); err != nil || one.Staff != lan.Staff || !one.SteppedUp.Equal(now.Add(time.Minute)) {
		t.Errorf("%+v %v", one, err)
	}
	count(an, 1)
	count(store.Owner{}, 0)
	end := func(who store.Owner, prefix []byte, want int) {
		t.Helper()
		if n, err := w.s.Logins.EndSessions(w.ctx(), who, prefix); err != nil || n != want {
			t.Errorf("%d ended, want %d: %v", n, want, err)
		}
	}
	end(an, []byte{1, 1}, 0) // another's is not touched
	end(lan, []byte{1, 1}, 1)
	end(store.Owner{}, nil, 0)
	count(lan, 1)
	end(lan, nil, 1)
	count(lan, 0)
	count(an, 1)
	if _, err := w.s.Access.Session(w.ctx(), [32]byte{3, 1}, now); err != nil {
		t.Errorf("a session of nobody ended: %v", err)
	}
	if all, err := w.s.Logins.SessionsOf(w.ctx(), an, now.Add(time.Hour)); err != nil || len(all) != 0 {
		t.Errorf("over and still listed: %v %v", all, err)
	}
}

func devices(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	who, same := store.Owner{Staff: care.Staff{7}}, store.Owner{Person: store.PersonID{7}}
	for i, c := range []struct {
		who    store.Owner
		device byte
		fresh  bool
		last   time.Time
	}{
		{who, 1, true, time.Time{}}, {who, 1, false, now}, {who, 2, true, now.Add(time.Hour)}, {who, 1, false, now.Add(2 * time.Hour)},
		{same, 1, true, time.Time{}}, {store.Owner{}, 1, false, time.Time{}},
	} {
		fresh, last, err := w.s.Logins.Device(w.ctx(), c.who, [32]byte{c.device}, now.Add(time.Duration(i)*time.Hour))
		w.must(err)
		if fresh != c.fresh || !last.Equal(c.last) {
			t.Errorf("%d: %v %v", i, fresh, last)
		}
	}
	for device, want := range map[byte]time.Time{1: now, 2: now.Add(2 * time.Hour)} {
		if first, err := w.s.Logins.Since(w.ctx(), who, [32]byte{device}); err != nil || !first.Equal(want) {
			t.Errorf("device %d since %v, %v", device, first, err)
		}
	}
	for _, c := range []store.Owner{same, {}} {
		if _, err := w.s.Logins.Since(w.ctx(), c, [32]byte{2}); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("a device never used: %v", err)
		}
	}
}

func quiet(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	for n := range byte(5) {
		w.must(w.s.Staffs.PutStaff(w.ctx(), staff.Staff{ID: care.Staff{n, 0, 'S'}, Since: now, Version: 1}, store.Act{}))
	}
	login := func(id care.Staff, device byte, at time.Time) {
		_, _, err := w.s.Logins.Device(w.ctx(), store.Owner{Staff: id}, [32]byte{device}, at)
		w.must(err)
	}
	login(care.Staff{1, 0, 'S'}, 1, now.Add(-time.Hour))
	login(care.Staff{2, 0, 'S'}, 1, now.Add(-2*time.Hour))
	login(care.Staff{2, 0, 'S'}, 2, now)
	login(care.Staff{3, 0, 'S'}, 1, now)
	// A person of the same number is somebody else.
	_, _, err := w.s.Logins.Device(w.ctx(), store.Owner{Person: store.PersonID{4, 0, 'S'}}, [32]byte{1}, now)
	w.must(err)
	w.reopen()
	got, err := w.s.Logins.Quiet(w.ctx(), now, care.Staff{}, 10)
	w.must(err)
	want := []store.Quiet{{Staff: care.Staff{0, 0, 'S'}}, {Staff: care.Staff{1, 0, 'S'}, Last: now.Add(-time.Hour)}, {Staff: care.Staff{4, 0, 'S'}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("not logged in since (-want +got):\n%s", diff)
	}
	if got, err = w.s.Logins.Quiet(w.ctx(), now, care.Staff{0, 0, 'S'}, 1); err != nil || len(got) != 1 || got[0].Staff[0] != 1 {
		t.Errorf("the next page: %+v %v", got, err)
	}
	first, n, err := w.s.Logins.Newest(w.ctx(), store.Owner{Staff: care.Staff{2, 0, 'S'}})
	if err != nil || n != 2 || !first.Equal(now) {
		t.Errorf("the newest device: %v %d %v", first, n, err)
	}
	if first, n, err = w.s.Logins.Newest(w.ctx(), store.Owner{Staff: care.Staff{9}}); err != nil || n != 0 || !first.IsZero() {
		t.Errorf("of who never logged in: %v %d %v", first, n, err)
	}
}

func addresses(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := store.PersonID{3}
	if _, err := w.s.Logins.Address(w.ctx(), p); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of nobody: %v", err)
	}
	for _, sealed := range []string{"a", "b"} {
		w.must(w.s.Logins.PutAddress(w.ctx(), p, []byte(sealed)))
		if got, err := w.s.Logins.Address(w.ctx(), p); err != nil || string(got) != sealed {
			t.Errorf("%s %v", got, err)
		}
	}
}
