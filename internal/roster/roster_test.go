package roster_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

type world struct {
	t     *testing.T
	desk  *roster.Desk
	s     *store.Slices
	clock *clock.Fake
	two   bool // two people must act
}

// engines runs a test on the embedded engine and on PostgreSQL.
func engines(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T, c clock.Clock) (*store.Slices, error){
		"sqlite": func(t *testing.T, c clock.Clock) (*store.Slices, error) {
			return sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
		"postgres": func(t *testing.T, c clock.Clock) (*store.Slices, error) {
			return postgres.Open(t.Context(), pgtest.Copy(t, postgres.Migrate), postgres.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, clock: clock.NewFake(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC))}
			var err error
			if w.s, err = open(t, w.clock); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := w.s.Close(); err != nil {
					t.Error(err)
				}
			})
			key := func(b byte) []byte { return bytes.Repeat([]byte{b}, vault.KeySize) }
			v, err := vault.New(vault.Config{Master: key(1), Peppers: map[int][]byte{1: key(9)}, Current: 1})
			if err != nil {
				t.Fatal(err)
			}
			w.desk, err = roster.New(roster.Deps{Staffs: w.s.Staffs, Logins: w.s.Logins, Temporaries: w.s.Temporaries, Notices: w.s.Notices, Tries: w.s.Gateways, Once: w.s.Access,
				Second: func(context.Context) (bool, error) { return w.two, nil }, PersonOf: admin.PersonOf, Vault: v, Clock: w.clock})
			if err != nil {
				t.Fatal(err)
			}
			test(t, w)
		})
	}
}

func doctor(facility, licence string) roster.Addition {
	return roster.Addition{Facility: facility, Roles: []string{"clinician:" + facility}, Name: "BS. Thử", Licence: licence}
}

func (w *world) want(what string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (w *world) add(actor string, n roster.Addition) care.Staff {
	w.t.Helper()
	id, err := w.desk.Add(w.t.Context(), actor, n)
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return care.Staff(raw)
}

func text(id care.Staff) string { return hex.EncodeToString(id[:]) }

func TestWhoWasAddedByOneIsLetInByAnother(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.two = true
		id := w.add("operator An: command line", doctor("79901", "001/T"))
		seat := role.Role{Kind: role.Clinician, ID: "79901"}
		stands := func(want bool) {
			t.Helper()
			if got, err := w.desk.Stands(t.Context(), id, seat); err != nil || got != want {
				t.Errorf("stands: %v %v, want %v", got, err, want)
			}
		}
		stands(false)
		came := roster.Arrival{Issuer: "https://idp", Subject: "lan", Licence: "001/T", Facility: "79901"}
		_, err := w.desk.Arrive(t.Context(), came)
		w.want("comes while waiting", err, roster.ErrSuspended)
		w.want("who added approves", w.desk.Resume(t.Context(), "AN (portal operator 1)", text(id)), roster.ErrSamePerson)
		w.want("nobody approves", w.desk.Resume(t.Context(), "", text(id)), roster.ErrSamePerson)
		w.want("suspended while waiting", w.desk.Suspend(t.Context(), "operator An: command line", text(id), ""), nil)
		w.want("who added resumes", w.desk.Resume(t.Context(), "operator An: command line", text(id)), roster.ErrSamePerson)
		stands(false)
		w.want("another approves", w.desk.Resume(t.Context(), "operator Bình: command line", text(id)), nil)
		stands(true)
		if _, err := w.desk.Arrive(t.Context(), came); err != nil {
			t.Error(err)
		}
		// Another identity with the same licence takes nobody's account over.
		came.Subject = "thief"
		_, err = w.desk.Arrive(t.Context(), came)
		w.want("another identity", err, roster.ErrBound)
		// More roles wait again, and what was open is closed.
		more := doctor("79901", "001/T")
		more.Roles = append(more.Roles, "privacy:79901")
		if again := w.add("operator An: command line", more); again != id {
			t.Errorf("%x is another than %x", again, id)
		}
		stands(false)
		all, err := w.desk.Staff(t.Context(), "79901")
		if err != nil || len(all) != 1 || !all[0].Waits || !all[0].Bound || len(all[0].Roles) != 2 {
			t.Errorf("%+v %v", all, err)
		}
		// Where one is enough, one is enough.
		w.two = false
		if other := w.add("operator An: command line", doctor("79902", "001/T")); other == id {
			t.Error("the same licence elsewhere is the same account")
		}
		w.want("an id of nobody", w.desk.Resume(t.Context(), "x", text(care.Staff{9})), roster.ErrUnknown)
		w.want("no id", w.desk.Suspend(t.Context(), "x", "zz", ""), roster.ErrUnknown)
	})
}

func TestWhomAFacilitysSystemNames(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		assert := func(at care.FacilityCode, licence, name string) (care.Staff, error) {
			return w.desk.Assert(t.Context(), at, licence, name)
		}
		first, err := assert("79901", "007 / HCM", "BS. Một")
		w.want("unknown", err, nil)
		again, err := assert("79901", "007/hcm", "")
		if err != nil || again != first {
			t.Errorf("the same licence: %x %v", again, err)
		}
		elsewhere, err := assert("79902", "007/HCM", "BS. Một")
		if err != nil || elsewhere == first {
			t.Errorf("at another facility: %x %v", elsewhere, err)
		}
		_, err = assert("79902", "008/HCM", " ")
		w.want("without a name", err, roster.ErrAddition)
		if _, err = assert("79901", "", "X"); err == nil {
			t.Error("without a licence")
		}
		if name, err := w.desk.Name(t.Context(), first); err != nil || name != "BS. Một" {
			t.Errorf("%q %v", name, err)
		}
		for seat, want := range map[role.Role]bool{{Kind: role.Clinician, ID: "79901"}: true, {Kind: role.Clinician, ID: "79902"}: false, {Kind: role.Privacy, ID: "79901"}: false} {
			if got, err := w.desk.Stands(t.Context(), first, seat); err != nil || got != want {
				t.Errorf("%s: %v %v", seat, got, err)
			}
		}
		// A row without roles lets nobody log in, whatever a provider says.
		_, err = w.desk.Arrive(t.Context(), roster.Arrival{Issuer: "https://idp", Subject: "a", Licence: "007/HCM", Facility: "79901"})
		w.want("logs in", err, roster.ErrNotListed)
		w.want("suspended", w.desk.Suspend(t.Context(), "operator", text(first), "left"), nil)
		_, err = assert("79901", "007/HCM", "BS. Một")
		w.want("asserted again", err, roster.ErrSuspended)
		if again, err := assert("79902", "007/HCM", ""); err != nil || again != elsewhere {
			t.Errorf("suspended at one facility, and elsewhere: %x %v", again, err)
		}
	})
}

func TestUnusedAccountsAreDisabled(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		used, idle, never := w.add("a", doctor("79901", "1/T1")), w.add("a", doctor("79901", "2/T2")), w.add("a", doctor("79901", "3/T3"))
		asserted, err := w.desk.Assert(t.Context(), "79901", "4/T4", "BS. HIS")
		w.want("assert", err, nil)
		session := func(id care.Staff, hash byte) {
			t.Helper()
			s := store.Session{Hash: [32]byte{hash}, Role: "clinician:79901", Name: "x", Staff: id, Began: w.clock.Now(), Expires: w.clock.Now().Add(400 * 24 * time.Hour)}
			if err := w.s.Access.PutSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if _, _, err := w.s.Logins.Device(t.Context(), store.Owner{Staff: id}, [32]byte{hash}, w.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		session(used, 1)
		session(idle, 2)
		sweep := func(want ...care.Staff) {
			t.Helper()
			if err := w.desk.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			all, err := w.desk.Staff(t.Context(), "79901")
			if err != nil || len(all) != 4 {
				t.Fatalf("%+v %v", all, err)
			}
			for _, x := range all {
				if off := slices.ContainsFunc(want, func(id care.Staff) bool { return text(id) == x.ID }); off != !x.Suspended.IsZero() {
					t.Errorf("%s is suspended: %v, want %v", x.Licence, !x.Suspended.IsZero(), off)
				}
			}
		}
		w.clock.Advance(20 * 24 * time.Hour)
		session(used, 3)
		w.clock.Advance(25 * 24 * time.Hour)
		sweep() // the 45th day
		w.clock.Advance(time.Minute)
		sweep(idle, never)
		for id, want := range map[care.Staff]int{used: 2, idle: 0} {
			if list, err := w.s.Logins.SessionsOf(t.Context(), store.Owner{Staff: id}, w.clock.Now()); err != nil || len(list) != want {
				t.Errorf("%d sessions, want %d: %v", len(list), want, err)
			}
		}
		if got, err := w.desk.Assert(t.Context(), "79901", "4/T4", ""); err != nil || got != asserted {
			t.Errorf("whom the facility's system names does not log in here, and is off: %v", err)
		}
		w.want("resume", w.desk.Resume(t.Context(), "b", text(idle)), nil)
		sweep(never) // resumed: that counts as use
		w.clock.Advance(46 * 24 * time.Hour)
		sweep(used, idle, never)
	})
}

func TestBirthsAreKeptFromTheLastLogin(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		p, err := w.desk.Citizen(t.Context(), roster.Comer{Provider: "vneid", Subject: "an", Number: "079980000001", Name: "Nguyễn Thị An", Birth: "1980-02-03"})
		w.want("login", err, nil)
		// A number given at a counter changes how to reach somebody, not their birth.
		w.want("address", w.desk.KeepAddress(t.Context(), p, roster.Address{Provider: "vneid", Number: "079980000001"}), nil)
		if born, err := w.desk.BirthOf(t.Context(), p); err != nil || born.Day() != 19800203 {
			t.Errorf("%v %v", born, err)
		}
		if born, err := w.desk.BirthOf(t.Context(), store.PersonID{9}); err != nil || !born.IsZero() {
			t.Errorf("of who never logged in: %v %v", born, err)
		}
	})
}

// TestOneLoginIsToldOnce: a login that comes back by several ways is one notice; of
// another sort of browser, or later, it is told again.
func TestOneLoginIsToldOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		me := store.PersonID{7}
		told := func(device string) int {
			t.Helper()
			if err := w.desk.NewDevice(t.Context(), me, device); err != nil {
				t.Fatal(err)
			}
			list, err := w.s.Notices.Notices(t.Context(), me, 20)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		for i, want := range []int{1, 1, 1} {
			if n := told("Firefox, Linux"); n != want {
				t.Errorf("time %d: %d notices", i+1, n)
			}
		}
		if n := told("Chrome, Android"); n != 2 {
			t.Errorf("another browser: %d", n)
		}
		w.clock.Advance(time.Hour)
		if n := told("Firefox, Linux"); n != 3 {
			t.Errorf("an hour later: %d", n)
		}
	})
}

func TestANewDeviceOfStaffIsInTheLog(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		id := w.add("a", doctor("79901", "1/T1"))
		if err := w.desk.NewStaffDevice(t.Context(), id, "Firefox, Linux"); err != nil {
			t.Fatal(err)
		}
		s, err := w.s.Staffs.Staff(t.Context(), id)
		if err != nil || s.Version != 2 || len(s.Roles) != 1 {
			t.Errorf("%+v %v", s, err)
		}
		for n := range byte(2) {
			if _, _, err := w.s.Logins.Device(t.Context(), store.Owner{Staff: id}, [32]byte{n}, w.clock.Now()); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Hour)
		}
		if at, n, err := w.desk.NewestDevice(t.Context(), id); err != nil || n != 2 || !at.Equal(w.clock.Now().Add(-time.Hour)) {
			t.Errorf("%v %d %v", at, n, err)
		}
	})
}
