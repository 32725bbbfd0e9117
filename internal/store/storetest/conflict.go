package storetest

import (
	"testing"

	"lienthong/internal/store"
)

// conflictLeavesNothing commits, in one group, a dossier that is stored and two
// of new episodes and patients that are not: one names a person as new who is
// there, one takes an identifier of another. Nothing of theirs may be seen, and
// prepared again they are stored.
func conflictLeavesNothing(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	take := func(n int, claim string) *store.NewSubject {
		return &store.NewSubject{Key: keyed("bn %d", n), Person: person(n), NewPerson: true, Evidence: "citizen_id",
			Claims: []store.Claim{{Key: keyed("%s", claim), Person: person(n), Name: keyed("name"), Birth: keyed("birth")}}}
	}
	w.send(say{episode: "first", content: "first", subject: take(1, "cccd")})

	twice := say{episode: "twice", content: "twice", order: "1", subject: take(2, "cccd 2")}
	twice.subject.Person, twice.subject.Claims[0].Person = person(1), person(1)
	taken := say{episode: "taken", content: "taken", order: "1", subject: take(3, "cccd")}
	other := say{episode: "other", content: "other", order: "1", subject: take(4, "cccd 4")}
	out := w.commit(w.prepare(twice), w.prepare(other), w.prepare(taken))
	if out[0].Status != store.StatusConflict || out[1].Status != store.StatusStored || out[2].Status != store.StatusConflict {
		t.Fatalf("outcomes %+v", out)
	}
	for _, x := range []say{twice, taken} {
		k := w.known(x)
		if k.Same != nil || !k.Head.Is(store.Episode{}) || k.Subject != nil && k.Subject.Person != (store.PersonID{}) {
			t.Errorf("%s: something of a conflict was kept: %+v", x.episode, k)
		}
	}
	if k := w.known(other); k.Head.Version != 1 || k.Subject == nil || k.Subject.Person != person(4) {
		t.Errorf("of the stored one is known %+v", k)
	}
	strays, err := w.s.Audit.Strays(w.ctx(), 10)
	w.must(err)
	for _, s := range strays {
		if s.Table == "episode" || s.Table == "link" || s.Table == "claim" || s.Table == "person" {
			t.Errorf("left over: %+v", s)
		}
	}
	twice.subject, taken.subject = take(2, "cccd 2"), take(3, "cccd 3")
	w.send(twice)
	w.send(taken)
	for n, x := range []say{twice, taken} {
		if k := w.known(x); k.Head.Version != 1 || k.Subject.Person != person(n+2) {
			t.Errorf("%s, stored at last: %+v", x.episode, k)
		}
	}
}
