package storetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

func lookCases() []testCase {
	return []testCase{
		{"looks are found by person, staff, opening and time", looksFound},
		{"looks at a person are those of their time and of the records that are theirs now", looksOfPerson},
		{"what a look says of staff, opening, purpose and facts is kept, audited, and held by its leaf", looksHeld},
		{"a session says whose it is, how surely and on what", sessionsSay},
		{"records are read with their episode", episodesRead},
	}
}

var noID = cmpopts.IgnoreFields(store.Disclosure{}, "ID")

func looksFound(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	var all []store.Disclosure
	for i, x := range []struct{ person, staff, opening int }{{1, 1, 1}, {1, 2, 1}, {2, 1, 2}, {0, 0, 0}, {1, 1, 0}} {
		d := store.Disclosure{At: at.Add(time.Duration(i) * time.Minute), Reader: "r", Facility: cityHospital, Count: i}
		if x.person > 0 {
			d.Person = person(x.person)
		}
		d.Staff, d.Opening = care.Staff{byte(x.staff)}, consent.OpeningID{byte(x.opening)}
		all = append(all, d)
	}
	w.must(w.s.Disclosures.Record(w.ctx(), all))
	for name, x := range map[string]struct {
		f    store.DisclosureFilter
		want []int
	}{
		"person":           {store.DisclosureFilter{Person: person(1)}, []int{4, 1, 0}},
		"staff":            {store.DisclosureFilter{Staff: care.Staff{1}}, []int{4, 2, 0}},
		"opening":          {store.DisclosureFilter{Opening: consent.OpeningID{1}}, []int{1, 0}},
		"since":            {store.DisclosureFilter{Since: at.Add(2 * time.Minute)}, []int{4, 3, 2}},
		"until":            {store.DisclosureFilter{Until: at.Add(2 * time.Minute)}, []int{1, 0}},
		"together":         {store.DisclosureFilter{Person: person(1), Staff: care.Staff{1}, Since: at, Until: at.Add(time.Hour)}, []int{4, 0}},
		"an unknown one":   {store.DisclosureFilter{Person: person(7)}, nil},
		"one at most":      {store.DisclosureFilter{Person: person(1), Limit: 1}, []int{4}},
		"an unknown staff": {store.DisclosureFilter{Staff: care.Staff{9}}, nil},
	} {
		got, more, err := w.s.Disclosures.List(w.ctx(), everything, x.f)
		w.must(err)
		var counts []int
		for _, d := range got {
			counts = append(counts, d.Count)
		}
		if diff := cmp.Diff(x.want, counts); diff != "" || more != (x.f.Limit == 1) {
			t.Errorf("%s: more %v: %s", name, more, diff)
		}
	}
}

func looksOfPerson(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	mine := w.send(say{episode: "a", content: "a", subject: newcomer(1, "one")})
	later := w.send(say{episode: "b", content: "b", facility: hillStation, subject: &store.NewSubject{Key: keyed("bn at the station")}})
	other := w.send(say{episode: "c", content: "c", facility: coastClinic, subject: newcomer(2, "two")})
	look := func(id dossier.ID, p store.PersonID, n int) store.Disclosure {
		return store.Disclosure{At: w.clock.Now(), Reader: "r", Record: id, Person: p, Facility: id.Facility, Count: n}
	}
	list := store.Disclosure{At: w.clock.Now(), Reader: "r", Person: person(1), Facility: coastClinic, Count: 5}
	w.must(w.s.Disclosures.Record(w.ctx(), []store.Disclosure{look(mine.ID, person(1), 1), look(later.ID, store.PersonID{}, 2), look(other.ID, person(2), 3), look(mine.ID, person(1), 4), list}))
	check := func(p store.PersonID, f store.DisclosureFilter, wantMore bool, want ...int) []store.Disclosure {
		t.Helper()
		got, more, err := w.s.Disclosures.OfPerson(w.ctx(), p, f)
		w.must(err)
		var counts []int
		for _, d := range got {
			counts = append(counts, d.Count)
		}
		if diff := cmp.Diff(want, counts); diff != "" || more != wantMore {
			t.Errorf("more %v: %s", more, diff)
		}
		return got
	}
	check(person(1), store.DisclosureFilter{}, false, 5, 4, 1)
	check(person(2), store.DisclosureFilter{}, false, 3)
	check(store.PersonID{}, store.DisclosureFilter{}, false)
	w.must(w.s.People.Link(w.ctx(), hillStation, keyed("bn at the station"), person(1), "operator", "giấy tờ", w.clock.Now()))
	all := check(person(1), store.DisclosureFilter{}, false, 5, 4, 2, 1)
	check(person(1), store.DisclosureFilter{Limit: 2}, true, 5, 4)
	check(person(1), store.DisclosureFilter{Before: all[1].ID}, false, 2, 1)
	check(person(1), store.DisclosureFilter{Record: later.ID}, false, 2)
	check(person(1), store.DisclosureFilter{Since: w.clock.Now().Add(time.Second)}, false)
}

func looksHeld(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	old := store.Disclosure{At: w.clock.Now(), Reader: "r", Role: "operator", Facility: cityHospital, Basis: "operator_reason", Policy: "base/1", Count: 1}
	if want := `,"route":"","count":1}`; !strings.HasSuffix(string(old.Canonical()), want) {
		t.Errorf("a row of before: %s", old.Canonical())
	}
	full := old
	full.Staff, full.Opening, full.Purpose, full.Facts = care.Staff{1}, consent.OpeningID{2}, "treatment", `{"action":"read"}`
	seen := [][]byte{old.Canonical(), full.Canonical()}
	for _, change := range []func(*store.Disclosure){
		func(d *store.Disclosure) { d.Staff[15] = 1 }, func(d *store.Disclosure) { d.Opening[15] = 1 },
		func(d *store.Disclosure) { d.Purpose = "research" }, func(d *store.Disclosure) { d.Facts = "{}" },
	} {
		d := full
		change(&d)
		for _, b := range seen {
			if bytes.Equal(b, d.Canonical()) {
				t.Errorf("not told apart: %s", b)
			}
		}
		seen = append(seen, d.Canonical())
	}
	w.must(w.s.Disclosures.Record(w.ctx(), []store.Disclosure{old, full}))
	w.reopen()
	open, err := w.s.Disclosures.Unrooted(w.ctx(), 10)
	w.must(err)
	if diff := cmp.Diff([]store.Disclosure{old, full}, open, noID); diff != "" {
		t.Error(diff)
	}
	var audited []store.Disclosure
	w.must(w.s.Audit.Disclosures(w.ctx(), func(d *store.Disclosure, _ *store.LeafPlace) error {
		audited = append(audited, *d)
		return nil
	}))
	if diff := cmp.Diff(open, audited); diff != "" {
		t.Error(diff)
	}
	for _, d := range []store.Disclosure{{Purpose: "\xff"}, {Facts: "\x00"}} {
		if err := w.s.Disclosures.Record(w.ctx(), []store.Disclosure{d}); !errors.Is(err, store.ErrText) {
			t.Errorf("no text: %v", err)
		}
	}
}

func sessionsSay(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	s := store.Session{Hash: [32]byte{1}, Role: "citizen", Name: "Ánh", Began: now, Expires: now.Add(time.Hour),
		Staff: care.Staff{1}, Person: person(1), Level: 2, SteppedUp: now.Add(time.Minute), Device: "Firefox, Windows"}
	w.must(w.s.Access.PutSession(w.ctx(), s))
	w.reopen()
	got, err := w.s.Access.Session(w.ctx(), s.Hash, now)
	w.must(err)
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	s.Hash, s.Device = [32]byte{2}, "\xff"
	if err := w.s.Access.PutSession(w.ctx(), s); !errors.Is(err, store.ErrText) {
		t.Errorf("a device that is no text: %v", err)
	}
}

func episodesRead(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.send(say{episode: "e", content: "c", subject: newcomer(1, "one")})
	if got, want := w.get(p.ID).Episode, keyed("episode %s", "e"); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	list, _, err := w.s.Records.List(w.ctx(), everything, store.Filter{Person: person(1)})
	w.must(err)
	_, stored, err := w.s.Records.File(w.ctx(), cityHospital, p.File.Hash)
	w.must(err)
	if len(list) != 1 || list[0].Episode != w.get(p.ID).Episode || len(stored) != 1 || stored[0].Record.Episode != list[0].Episode {
		t.Errorf("%+v, %+v", list, stored)
	}
}
