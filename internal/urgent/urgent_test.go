package urgent_test

import (
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/urgent"
	"lienthong/internal/vault"
)

const words = "bất tỉnh, không có giấy tờ"

// night is the ward with four people it may be, and a number begun.
func night(t *testing.T) (*ward, string, store.PersonID) {
	t.Helper()
	w := setup(t)
	ha := w.resident(t, 1, "TRẦN THỊ THU HÀ", "0912345318", "196105020000", "24917", care.Female)
	w.resident(t, 2, "NGUYỄN THỊ HÀ", "0987654321", "196311110000", "24917", care.Female)
	w.resident(t, 3, "LÊ VĂN HÀ", "0977654321", "196211110000", "24917", care.Male)
	w.resident(t, 4, "PHẠM THỊ LAN", "0912345318", "199911110000", "00001", care.Female)
	n, err := w.desk.Begin(t.Context(), w.anna, urgent.Sheet{})
	if err != nil {
		t.Fatal(err)
	}
	return w, n.Number, ha
}

var asked = urgent.Sheet{Name: "Hà", Phones: []string{"0912 345 318"}, Year: 1962, Sex: "2", Commune: "Tân Hòa"}

func glass(ref string) urgent.Glass {
	return urgent.Glass{Ref: ref, Confirmed: []identity.Fact{identity.Phone, identity.Name}, Reason: "unconscious", Words: words}
}

func TestAnEmergencyInFourSteps(t *testing.T) {
	t.Parallel()
	w, number, ha := night(t)
	list, err := w.desk.Search(t.Context(), w.anna, number, asked)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	want := urgent.Candidate{Ref: list[0].Ref, Initials: "T.T.T.H.", Year: 1961, Commune: "xã Tân Hòa, Bắc Ninh", Sex: care.Female,
		Fits: []identity.Fact{"phone", "year", "commune", "name", "sex"}}
	if diff := cmp.Diff(want, list[0]); diff != "" {
		t.Error(diff)
	}
	if len(list[1].Fits) != 3 || strings.Contains(list[0].Ref, hex.EncodeToString(ha[:4])) {
		t.Errorf("%+v", list)
	}
	o, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref))
	if err != nil {
		t.Fatal(err)
	}
	if o.Person != ha || o.Until.Sub(o.From) != 4*time.Hour || o.Basis != "emergency" || o.Staff != w.anna.Staff {
		t.Errorf("%+v", o)
	}
	if len(w.notices) != 1 || w.notices[0].Person != ha || strings.Contains(w.notices[0].Detail, "tỉnh") {
		t.Errorf("the person is told %+v", w.notices)
	}
	if len(w.reviews) != 1 || w.reviews[0].Kind != matter.EmergencyReview || w.reviews[0].Facility != facility || !w.reviews[0].Due.After(o.From.Add(48*time.Hour)) || w.reviews[0].Opening != o.ID {
		t.Errorf("the officer is told %+v", w.reviews)
	}
	again, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref))
	if err != nil || again.ID != o.ID || len(w.opened) != 1 {
		t.Errorf("a form sent twice opened %d, %v", len(w.opened), err)
	}
	e, err := w.desk.Emergency(t.Context(), w.anna, o.ID)
	if err != nil || !e.Mine || e.MayRenew || e.Number != number || e.Sheet.Name != "Hà" {
		t.Errorf("%+v, %v", e, err)
	}
	if set, err := w.desk.Set(t.Context(), w.anna, e); err != nil || len(set) != 1 || w.rows[len(w.rows)-1].Opening != o.ID {
		t.Errorf("%v, %v", set, err)
	}
	for _, a := range w.acts {
		if strings.Contains(a.Detail+a.Object, "Hà") || strings.Contains(a.Detail+a.Object, hex.EncodeToString(ha[:])) {
			t.Errorf("a person in an act: %+v", a)
		}
	}
}

func TestFewerThanTwoFactsFindNobody(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]urgent.Sheet{
		"nothing": {}, "a phone": {Phones: []string{"0912345318"}}, "a name": {Name: "Trần Thị Thu Hà"}, "a year": {Year: 1961}, "a commune": {Commune: "24917"}, "a sex": {Sex: "2"},
		"two that no one fits": {Name: "Hằng", Phones: []string{"0900000001"}}, "no phone, only words": {Phones: []string{"không biết"}, Sex: "2"},
		"two of which one fits": {Phones: []string{"0987654321"}, Sex: "1"},
	} {
		w, number, _ := night(t)
		if list, err := w.desk.Search(t.Context(), w.anna, number, s); err != nil || len(list) != 0 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		if w.acts[len(w.acts)-1].Action != "temporary.searched" {
			t.Errorf("%s: a search left no act", name)
		}
	}
}

func TestAtMostFiveCandidates(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	for n := range byte(9) {
		w.resident(t, 20+n, "VÕ THỊ HÀ", "0912345318", "196102020000", "24917", care.Female)
	}
	list, err := w.desk.Search(t.Context(), w.anna, number, asked)
	if err != nil || len(list) != identity.MostCandidates {
		t.Errorf("%d candidates, %v", len(list), err)
	}
}

func TestNothingOpensWithoutReasonFactorFactsOrRight(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	list, err := w.desk.Search(t.Context(), w.anna, number, asked)
	if err != nil {
		t.Fatal(err)
	}
	good := glass(list[0].Ref)
	old, future, nobody, clerk, elsewhere, unknown := w.anna, w.anna, w.anna, w.anna, w.anna, w.anna
	old.SteppedUp = w.clock.Now().Add(-5*time.Minute - time.Second)
	future.SteppedUp = w.clock.Now().Add(time.Hour)
	nobody.Staff = care.Staff{}
	clerk.Role.Kind = role.Facility
	elsewhere.Role.ID = "79901"
	unknown.Staff = care.Staff{77}
	never := w.anna
	never.SteppedUp = time.Time{}
	change := func(f func(*urgent.Glass)) urgent.Glass { g := good; f(&g); return g }
	for name, c := range map[string]struct {
		by   urgent.Member
		g    urgent.Glass
		want error
	}{
		"no reason":                {w.anna, change(func(g *urgent.Glass) { g.Reason = "" }), urgent.ErrReason},
		"a reason of one's own":    {w.anna, change(func(g *urgent.Glass) { g.Reason = "curious" }), urgent.ErrReason},
		"no words":                 {w.anna, change(func(g *urgent.Glass) { g.Words = "  gấp   " }), urgent.ErrReason},
		"no second factor":         {never, good, urgent.ErrFactor},
		"a factor too old":         {old, good, urgent.ErrFactor},
		"a factor of the future":   {future, good, urgent.ErrFactor},
		"one fact":                 {w.anna, change(func(g *urgent.Glass) { g.Confirmed = g.Confirmed[:1] }), urgent.ErrFacts},
		"one fact twice":           {w.anna, change(func(g *urgent.Glass) { g.Confirmed = []identity.Fact{"name", "name"} }), urgent.ErrFacts},
		"a fact that was not said": {w.anna, change(func(g *urgent.Glass) { g.Confirmed = []identity.Fact{"name", "plate"} }), urgent.ErrFacts},
		"nobody chosen":            {w.anna, change(func(g *urgent.Glass) { g.Ref = "" }), urgent.ErrCandidate},
		"another's reference":      {w.anna, change(func(g *urgent.Glass) { g.Ref = strings.Repeat("0", 32) }), urgent.ErrCandidate},
		"a login link":             {nobody, good, identity.ErrStaff},
		"not on the roster":        {unknown, good, identity.ErrStaff},
		"a clerk":                  {clerk, good, urgent.ErrAbsent},
		"another facility":         {elsewhere, good, urgent.ErrAbsent},
	} {
		if _, err := w.desk.Break(t.Context(), c.by, number, c.g); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if len(w.opened)+len(w.notices)+len(w.reviews) != 0 {
		t.Errorf("opened %v", w.opened)
	}
}

func TestTheRightAloneIsSuspendedOverTheLimit(t *testing.T) {
	t.Parallel()
	w, _, _ := night(t)
	open := func(by urgent.Member) error {
		by.SteppedUp = w.clock.Now()
		n, err := w.desk.Begin(t.Context(), by, urgent.Sheet{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := w.desk.Search(t.Context(), by, n.Number, asked)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.desk.Break(t.Context(), by, n.Number, glass(list[0].Ref))
		return err
	}
	for i := range 3 {
		if err := open(w.anna); err != nil {
			t.Fatalf("opening %d: %v", i, err)
		}
		w.clock.Advance(time.Minute)
	}
	for range 2 {
		if err := open(w.anna); !errors.Is(err, urgent.ErrSuspended) {
			t.Fatalf("the fourth: %v", err)
		}
	}
	w.clock.Advance(48 * time.Hour)
	if err := open(w.anna); !errors.Is(err, urgent.ErrSuspended) {
		t.Fatalf("two days later: %v", err)
	}
	if err := open(w.binh); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	officer := urgent.Member{Role: role.Role{Kind: role.Privacy, ID: facility}, Staff: care.Staff{9}}
	other := officer
	other.Role.ID = "79901"
	if err := w.desk.Lift(t.Context(), other, w.anna.Staff); !errors.Is(err, urgent.ErrAbsent) {
		t.Errorf("lifted from elsewhere: %v", err)
	}
	if err := w.desk.Lift(t.Context(), w.anna, w.anna.Staff); !errors.Is(err, urgent.ErrAbsent) {
		t.Errorf("lifted by themself: %v", err)
	}
	if list, err := w.desk.Suspended(t.Context(), officer); err != nil || len(list) != 1 || list[0].ID != w.anna.Staff {
		t.Errorf("suspended: %v, %v", list, err)
	}
	if err := w.desk.Lift(t.Context(), officer, w.anna.Staff); err != nil {
		t.Fatal(err)
	}
	if err := open(w.anna); err != nil {
		t.Errorf("after it was lifted: %v", err)
	}
	for range 3 {
		if err := open(w.binh); err != nil && !errors.Is(err, urgent.ErrSuspended) {
			t.Fatal(err)
		}
	}
	if len(w.raised) == 0 || w.raised[0].Cause != "emergency.many:"+facility || !strings.Contains(w.raised[0].Detail, `{"n":`) {
		t.Errorf("alarms %+v", w.raised)
	}
}

func TestASearchIsLimited(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	for i := range 20 {
		if _, err := w.desk.Search(t.Context(), w.anna, number, asked); err != nil {
			t.Fatalf("search %d: %v", i, err)
		}
	}
	if _, err := w.desk.Search(t.Context(), w.anna, number, asked); !errors.Is(err, urgent.ErrSearches) {
		t.Errorf("one more for the number: %v", err)
	}
	for {
		n, err := w.desk.Begin(t.Context(), w.anna, urgent.Sheet{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = w.desk.Search(t.Context(), w.anna, n.Number, asked); err != nil {
			if !errors.Is(err, urgent.ErrSearches) || len(w.temporaries) < 40 {
				t.Errorf("%d numbers, %v", len(w.temporaries), err)
			}
			break
		}
	}
	w.clock.Advance(25 * time.Hour)
	n, err := w.desk.Begin(t.Context(), w.anna, urgent.Sheet{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Search(t.Context(), w.anna, n.Number, asked); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

func TestOnceRenewedByASecond(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	list, _ := w.desk.Search(t.Context(), w.anna, number, asked)
	o, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref))
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(3 * time.Hour)
	w.anna.SteppedUp = w.clock.Now()
	if err := w.desk.Renew(t.Context(), w.anna, o.ID); !errors.Is(err, urgent.ErrSecond) {
		t.Errorf("by the same: %v", err)
	}
	if err := w.desk.Renew(t.Context(), w.binh, o.ID); !errors.Is(err, urgent.ErrFactor) {
		t.Errorf("without a second factor: %v", err)
	}
	w.binh.SteppedUp = w.clock.Now()
	if err := w.desk.Renew(t.Context(), w.binh, o.ID); err != nil {
		t.Fatal(err)
	}
	third := w.member(3)
	if err := w.desk.Renew(t.Context(), third, o.ID); !errors.Is(err, urgent.ErrSecond) {
		t.Errorf("twice: %v", err)
	}
	if e, err := w.desk.Emergency(t.Context(), w.binh, o.ID); err != nil || !e.Mine || !e.Opening.Until.Equal(w.clock.Now().Add(4*time.Hour)) {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := w.desk.Emergency(t.Context(), third, o.ID); err != nil || e.Mine {
		t.Errorf("a third: %+v, %v", e, err)
	} else if _, err := w.desk.Set(t.Context(), third, e); !errors.Is(err, urgent.ErrAbsent) {
		t.Errorf("a third saw the set: %v", err)
	}
	w.clock.Advance(5 * time.Hour)
	e, err := w.desk.Emergency(t.Context(), w.anna, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Set(t.Context(), w.anna, e); !errors.Is(err, urgent.ErrAbsent) {
		t.Errorf("after its end: %v", err)
	}
}

const card = "091988000123||Nguyễn Thuỳ Vân|24031988|Nữ|Thôn 3, Tân Hoà|05062022"

func TestACardOfSomebodyElseDoesNotResolve(t *testing.T) {
	t.Parallel()
	w, number, ha := night(t)
	list, _ := w.desk.Search(t.Context(), w.anna, number, asked)
	o, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.ByCard(t.Context(), w.anna, number, card); !errors.Is(err, urgent.ErrNumberFits) {
		t.Errorf("another's card: %v", err)
	}
	if _, err := w.desk.ByCard(t.Context(), w.anna, number, "091988000123"); !errors.Is(err, care.ErrIDCard) {
		t.Errorf("a bare number: %v", err)
	}
	u, err := w.desk.Undo(t.Context(), w.binh, number) // it was not her after all
	if err != nil || u.Ended != 1 || w.opened[0].EndedBy != identity.Undone || len(u.Looks) == 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	if n := w.notices[len(w.notices)-1]; n.Kind != urgent.NoticeUndone || n.Person != ha || n.About != hex.EncodeToString(o.ID[:]) {
		t.Errorf("told %+v", n)
	}
	if m := w.reviews[len(w.reviews)-1]; m.Number != u.Matter || !slices.Equal(m.Looks, u.Looks) {
		t.Errorf("the officer has %+v", m)
	}
	x, err := w.desk.ByCard(t.Context(), w.anna, number, card)
	if err != nil || x.State != identity.Resolved || x.To == ha {
		t.Errorf("%+v, %v", x, err)
	}
}

// T22: what was before is there again, and nothing was read across before.
func TestAWrongPersonIsTakenBackWhole(t *testing.T) {
	t.Parallel()
	w, number, ha := night(t)
	w.holders[w.vault.Hash(vault.Citizen, []byte("091988000123"))] = ha
	own := store.SubjectOf{Facility: facility, Key: w.vault.Hash(vault.Subject, []byte(facility), []byte("BN7"))}
	w.subjects[own], w.links[own] = ha, []store.Link{{Person: ha, Evidence: "citizen_id"}}
	patient := w.sent(number)
	temp := w.temporaries[number].Person
	before := maps.Clone(w.subjects)

	list, _ := w.desk.Search(t.Context(), w.anna, number, asked)
	if _, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref)); err != nil {
		t.Fatal(err)
	}
	if w.subjects[patient] == ha {
		t.Fatal("the patient was linked before anybody said so")
	}
	if _, err := w.desk.ByCard(t.Context(), w.anna, number, card); err != nil {
		t.Fatal(err)
	}
	if w.subjects[patient] != ha || w.subjects[own] != ha {
		t.Fatalf("not linked: %v", w.subjects)
	}
	w.rows = append(w.rows, store.Disclosure{ID: 900, At: w.clock.Now(), Person: ha, Basis: "presence"}, store.Disclosure{ID: 901, At: w.clock.Now(), Person: store.PersonID{55}})
	w.clock.Advance(time.Hour)
	u, err := w.desk.Undo(t.Context(), w.binh, number)
	if err != nil || u.Moved != 1 || !slices.Contains(u.Looks, 900) || slices.Contains(u.Looks, 901) {
		t.Fatalf("%+v, %v", u, err)
	}
	before[patient] = temp // where it belongs, linked or not
	if diff := cmp.Diff(before, w.subjects); diff != "" {
		t.Errorf("not as before: %s", diff)
	}
	if n := w.links[patient]; len(n) != 3 || n[1].Person != ha || n[1].To.IsZero() {
		t.Errorf("history %+v", n)
	}
	if x := w.temporaries[number]; x.State != identity.Undone {
		t.Errorf("%+v", x)
	}
	if _, err := w.desk.Undo(t.Context(), w.binh, number); !errors.Is(err, identity.ErrNotResolved) {
		t.Errorf("undone twice: %v", err)
	}
	if list, err := w.desk.Worklist(t.Context(), w.anna); err != nil || len(list) != 1 || list[0].Age != time.Hour {
		t.Errorf("the worklist: %+v, %v", list, err)
	}
}

func TestASecondPersonConfirms(t *testing.T) {
	t.Parallel()
	w, number, ha := night(t)
	if _, err := w.desk.Propose(t.Context(), w.anna, number); !errors.Is(err, urgent.ErrCandidate) {
		t.Errorf("nobody was found yet: %v", err)
	}
	list, _ := w.desk.Search(t.Context(), w.anna, number, asked)
	if _, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Propose(t.Context(), w.anna, number); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Confirm(t.Context(), w.anna, number); !errors.Is(err, identity.ErrSecond) {
		t.Errorf("confirmed by the same: %v", err)
	}
	x, err := w.desk.Confirm(t.Context(), w.binh, number)
	if err != nil || x.To != ha || x.State != identity.Resolved {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := w.desk.Release(t.Context(), w.anna, number, identity.Left); !errors.Is(err, identity.ErrOver) {
		t.Errorf("released after all: %v", err)
	}
}

func TestReleasedWithoutAName(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	if _, err := w.desk.Release(t.Context(), w.anna, number, "sold"); !errors.Is(err, urgent.ErrReason) {
		t.Errorf("for no reason: %v", err)
	}
	if x, err := w.desk.Release(t.Context(), w.anna, number, identity.Died); err != nil || x.State != identity.Released {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := w.desk.Search(t.Context(), w.anna, number, asked); !errors.Is(err, identity.ErrOver) {
		t.Errorf("searched after: %v", err)
	}
}

func TestAnotherFacilitysNumberIsAbsent(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	other := w.anna
	other.Role.ID = "79901"
	absent := "TT-261114-24917-0001-" // no such number: the check is made right below
	for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		if _, err := identity.ParseNumber(absent + string(c)); err == nil {
			absent += string(c)
			break
		}
	}
	_, _, err := w.desk.Temporary(t.Context(), other, number)
	_, _, err2 := w.desk.Temporary(t.Context(), other, absent)
	if err == nil || err2 == nil || err.Error() != err2.Error() {
		t.Errorf("%v is not %v", err, err2)
	}
	if _, err := w.desk.Emergency(t.Context(), w.anna, consent.OpeningID{5}); !errors.Is(err, urgent.ErrAbsent) {
		t.Errorf("an emergency of nobody: %v", err)
	}
}
