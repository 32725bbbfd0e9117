package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

func peopleCases() []testCase {
	return []testCase{
		{"of newcomers with one identifier one is stored", claimsRace},
		{"newcomers of one group exclude each other", claimsInGroup},
		{"a link that changed since is a conflict", staleLink},
		{"links have a history", linkHistory},
		{"a person's records follow the links", recordsFollowLinks},
		{"who is linked can be found by what was said", featuresAtIntake},
	}
}

// newcomer is a patient nobody knows yet.
func newcomer(n int, claim string) *store.NewSubject {
	return &store.NewSubject{Key: keyed("bn %d", n), Person: person(n), NewPerson: true, Evidence: "citizen_id",
		Claims: []store.Claim{{Key: keyed("claim %s", claim), Person: person(n), Name: keyed("name"), Birth: keyed("birth")}}}
}

func claimsRace(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	const writers = 8
	var group []store.Prepared
	for i := range writers {
		group = append(group, w.prepare(say{episode: fmt.Sprint("e", i), content: fmt.Sprint("c", i), subject: newcomer(i+1, "one")}))
	}
	out := make([]store.Outcome, writers)
	var wg sync.WaitGroup
	for i := range group {
		wg.Go(func() {
			o, err := w.s.Intake.Commit(w.ctx(), store.Routine, group[i:i+1])
			if err != nil {
				t.Error(err)
				return
			}
			out[i] = o[0]
		})
	}
	wg.Wait()
	if stored, _, conflict := w.statuses(out); stored != 1 || conflict != writers-1 {
		t.Fatalf("%d stored, %d conflicts", stored, conflict)
	}
	persons, err := w.s.People.Find(w.ctx(), keys(keyedUnder(2, "older"), keyed("claim one")))
	w.must(err)
	if len(persons) != 1 {
		t.Fatalf("%d persons hold the identifier", len(persons))
	}
	for i, o := range out {
		subjects, err := w.s.People.Subjects(w.ctx(), person(i+1))
		w.must(err)
		if stored := o.Status == store.StatusStored; stored != (len(subjects) == 1) || stored != (persons[0] == person(i+1)) {
			t.Errorf("writer %d: stored %v, subjects %v", i, stored, subjects)
		}
	}
}

func claimsInGroup(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a := w.prepare(say{episode: "a", content: "a", subject: newcomer(1, "one")})
	b := w.prepare(say{episode: "b", content: "b", subject: newcomer(2, "one")}) // the same identifier
	c := w.prepare(say{episode: "c", content: "c", subject: newcomer(1, "two")}) // the same new person
	d := w.prepare(say{episode: "d", content: "d", subject: newcomer(4, "four")})
	if stored, _, conflict := w.statuses(w.commit(a, b, c, d)); stored != 2 || conflict != 2 {
		t.Fatalf("%d stored, %d conflicts", stored, conflict)
	}
	// Prepared again, the second joins the first.
	k := w.known(say{episode: "b", content: "b", subject: newcomer(2, "one")})
	if len(k.Claims) != 1 || k.Claims[0].Person != person(1) || k.Claims[0].Name != keyed("name") || k.Claims[0].Birth != keyed("birth") {
		t.Fatalf("known claims %+v", k.Claims)
	}
	joins := &store.NewSubject{Key: keyed("bn 2"), Person: person(1), Evidence: "citizen_id", Claims: k.Claims}
	w.send(say{episode: "b", content: "b", subject: joins})
	subjects, err := w.s.People.Subjects(w.ctx(), person(1))
	w.must(err)
	if len(subjects) != 2 {
		t.Errorf("subjects %v", subjects)
	}
}

func staleLink(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.send(say{episode: "a", content: "a", subject: newcomer(1, "one")})
	w.send(say{episode: "b", content: "b", subject: newcomer(2, "two")})
	for name, s := range map[string]*store.NewSubject{
		"linked to another meanwhile":  {Key: keyed("bn 1"), Person: person(2), Evidence: "citizen_id"},
		"said to be linked and is not": {Key: keyed("bn 9"), Person: person(1), Linked: true},
		"linked to another than said":  {Key: keyed("bn 1"), Person: person(2), Linked: true},
		"a person nobody knows":        {Key: keyed("bn 9"), Person: person(9), Evidence: "citizen_id"},
		"another's identifier":         {Key: keyed("bn 1"), Person: person(1), Linked: true, Claims: []store.Claim{{Key: keyed("claim two"), Person: person(1)}}},
	} {
		if out := w.commit(w.prepare(say{episode: name, content: name, subject: s})); out[0].Status != store.StatusConflict {
			t.Errorf("%s: %+v", name, out[0])
		}
		if k := w.known(say{episode: name, content: name, subject: &store.NewSubject{Key: keyed("bn 9")}}); k.Same != nil || k.Subject != nil {
			t.Errorf("%s: something was kept: %+v", name, k)
		}
	}
	for name, s := range map[string]*store.NewSubject{
		"linked as said":            {Key: keyed("bn 1"), Person: person(1), Linked: true},
		"one more identifier":       {Key: keyed("bn 1"), Person: person(1), Linked: true, Claims: []store.Claim{{Key: keyed("claim three"), Person: person(1)}}},
		"its own identifier again":  {Key: keyed("bn 1"), Person: person(1), Linked: true, Claims: []store.Claim{{Key: keyed("claim one"), Person: person(1)}}},
		"left unlinked":             {Key: keyed("bn 5")},
		"unlinked, and linked here": {Key: keyed("bn 5 "), Person: person(2), Evidence: "subject"},
	} {
		w.send(say{episode: name, content: name, subject: s})
	}
	links, err := w.s.People.Links(w.ctx(), cityHospital, keyed("bn 1"))
	w.must(err)
	if len(links) != 1 {
		t.Errorf("an existing link was written again: %+v", links)
	}
}

func linkHistory(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.send(say{episode: "a", content: "a", subject: newcomer(1, "one")})
	w.send(say{episode: "b", content: "b", subject: newcomer(2, "two")})
	at := w.clock.Now()
	w.clock.Advance(time.Hour)
	apart := w.clock.Now()
	w.must(w.s.People.Unlink(w.ctx(), cityHospital, keyed("bn 1"), "operator Ánh", "nhầm người", apart))
	if err := w.s.People.Unlink(w.ctx(), cityHospital, keyed("bn 1"), "operator", "again", apart); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("unlinked twice: %v", err)
	}
	if err := w.s.People.Unlink(w.ctx(), hillStation, keyed("bn 1"), "operator", "not theirs", apart); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another facility's subject: %v", err)
	}
	k := w.known(say{episode: "a", content: "a", subject: newcomer(1, "one")})
	if k.Subject == nil || k.Subject.Person != (store.PersonID{}) || len(k.Subject.Barred) != 1 || k.Subject.Barred[0] != person(1) {
		t.Fatalf("subject after unlinking: %+v", k.Subject)
	}
	again := w.prepare(say{episode: "c", content: "c", subject: &store.NewSubject{Key: keyed("bn 1"), Person: person(1), Evidence: "citizen_id"}})
	if out := w.commit(again); out[0].Status != store.StatusConflict {
		t.Errorf("linked by itself to whom it was taken from: %+v", out[0])
	}
	w.clock.Advance(time.Hour)
	together := w.clock.Now()
	w.must(w.s.People.Link(w.ctx(), cityHospital, keyed("bn 1"), person(2), "operator", "đúng là người này", together))
	for what, err := range map[string]error{
		"an unknown subject": w.s.People.Link(w.ctx(), cityHospital, keyed("bn 7"), person(1), "operator", "x", together),
		"an unknown person":  w.s.People.Link(w.ctx(), cityHospital, keyed("bn 1"), person(7), "operator", "x", together),
	} {
		if !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%s: %v", what, err)
		}
	}
	links, err := w.s.People.Links(w.ctx(), cityHospital, keyed("bn 1"))
	w.must(err)
	if len(links) != 2 {
		t.Fatalf("history %+v", links)
	}
	if l := links[0]; l.Person != person(1) || !l.From.Equal(at) || !l.To.Equal(apart) || l.Evidence != "citizen_id" || l.Actor != "operator Ánh" || l.Reason != "nhầm người" {
		t.Errorf("the first link %+v", l)
	}
	if l := links[1]; l.Person != person(2) || !l.From.Equal(together) || !l.To.IsZero() || l.Actor != "operator" || l.Reason != "đúng là người này" {
		t.Errorf("the second link %+v", l)
	}
	w.timeline(first.ID, "unlinked", "linked")
	// By hand, a bar is lifted.
	w.must(w.s.People.Link(w.ctx(), cityHospital, keyed("bn 1"), person(1), "operator", "x", together.Add(time.Hour)))
	if k := w.known(say{subject: newcomer(1, "one")}); k.Subject.Person != person(1) || len(k.Subject.Barred) != 0 {
		t.Errorf("subject after linking by hand: %+v", k.Subject)
	}
}

func recordsFollowLinks(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a := w.send(say{episode: "a", content: "a", subject: newcomer(1, "one")})
	w.clock.Advance(time.Second)
	b := w.send(say{facility: hillStation, episode: "b", content: "b", subject: newcomer(2, "two")})
	w.must(w.s.People.Link(w.ctx(), hillStation, keyed("bn 2"), person(1), "operator", "một người", w.clock.Now()))
	of := func(p store.PersonID) []dossier.ID {
		list, more, err := w.s.Records.List(w.ctx(), everything, store.Filter{Person: p})
		w.must(err)
		if more {
			t.Error("more of two")
		}
		var ids []dossier.ID
		for _, r := range list {
			if r.Person != p {
				t.Errorf("record of %x in the list of %x", r.Person, p)
			}
			ids = append(ids, r.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]dossier.ID{b.ID, a.ID}, of(person(1))); diff != "" {
		t.Error(diff)
	}
	if got := of(person(2)); got != nil {
		t.Errorf("the person left behind still has %v", got)
	}
	subjects, err := w.s.People.Subjects(w.ctx(), person(1))
	w.must(err)
	if diff := cmp.Diff([]store.SubjectOf{{Facility: hillStation, Key: keyed("bn 2")}, {Facility: cityHospital, Key: keyed("bn 1")}}, subjects); diff != "" {
		t.Error(diff)
	}
}
