package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/identity"
	"lienthong/internal/store"
)

func verifiedCases() []testCase {
	return []testCase{
		{"what the population register said is kept, and asked again when it is old", verifiedLife},
	}
}

func verifiedLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x, at := w.s.Verifications, w.clock.Now()
	for n, name := range []string{"one", "two", "three", "four"} {
		w.send(say{episode: name, content: name, subject: newcomer(n+1, name)})
	}
	w.send(say{episode: "five", content: "five", subject: &store.NewSubject{Key: keyed("bn 5")}}) // of nobody known
	w.must(w.s.People.Unlink(w.ctx(), cityHospital, keyed("bn 4"), "operator", "nhầm người", at))
	w.must(w.s.People.Link(w.ctx(), cityHospital, keyed("bn 5"), person(4), "operator", "vòng tay", at))
	ask := func(after store.PersonID, since time.Time, limit int, want ...store.PersonID) {
		t.Helper()
		got, err := x.Unverified(w.ctx(), after, since, limit)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	ask(store.PersonID{}, at, 10, person(1), person(2), person(3))
	ask(person(1), at, 1, person(2))
	if _, err := x.Verified(w.ctx(), person(1)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before: %v", err)
	}
	match := identity.Verified{Person: person(1), At: at, By: "residents", Answer: "match"}
	differs := identity.Verified{Person: person(2), At: at.Add(time.Hour), By: "residents", Answer: "differs", Differs: []string{"name", "birth"}}
	before := w.logSize()
	w.must(x.PutVerified(w.ctx(), match, w.act("person.verify")))
	w.must(x.PutVerified(w.ctx(), differs, store.Act{}))
	if n := w.logSize() - before; n != 1 {
		t.Errorf("%d leaves for one act", n)
	}
	w.reopen()
	x = w.s.Verifications
	for _, want := range []identity.Verified{match, differs} {
		got, err := x.Verified(w.ctx(), want.Person)
		w.must(err)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Error(diff)
		}
	}
	ask(store.PersonID{}, at, 10, person(3))
	ask(store.PersonID{}, at.Add(time.Minute), 10, person(1), person(3))
	match.At, match.Answer = at.Add(2*time.Hour), "cancelled"
	w.must(x.PutVerified(w.ctx(), match, store.Act{}))
	got, err := x.Answers(w.ctx())
	w.must(err)
	if diff := cmp.Diff(map[string]int{"cancelled": 1, "differs": 1}, got); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*identity.Verified){
		"nobody": func(v *identity.Verified) { v.Person = store.PersonID{} }, "no moment": func(v *identity.Verified) { v.At = time.Time{} }, "no register": func(v *identity.Verified) { v.By = "" },
		"no text": func(v *identity.Verified) { v.By = "\xff" }, "another word": func(v *identity.Verified) { v.Answer = "yes" }, "a value": func(v *identity.Verified) { v.Differs = []string{"Lan"} },
	} {
		wrong := differs
		change(&wrong)
		if err := x.PutVerified(w.ctx(), wrong, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
}
