package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/identity"
	"lienthong/internal/store"
)

// featuresAtIntake: who is linked by a dossier can be found by what it says, from
// that commit on; what an unlinked or rejected one says finds nobody.
func featuresAtIntake(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	feature := func(what string) identity.Feature {
		return identity.Feature{Kind: identity.ByPhone, Hash: keyed("feature %s", what)}
	}
	found := func(what string) (out []store.PersonID) {
		t.Helper()
		list, err := w.s.Temporaries.Candidates(w.ctx(), [][]identity.Feature{{{Kind: identity.ByPhone, Hash: keyedUnder(2, "nobody's")}, feature(what)}}, 10)
		w.must(err)
		for _, c := range list {
			out = append(out, c.Person)
		}
		return out
	}
	with := func(s *store.NewSubject, what ...string) *store.NewSubject {
		for _, x := range what {
			s.Features = append(s.Features, feature(x))
		}
		return s
	}
	var group []store.Prepared
	for i := range 3 { // two share a phone, the third is linked twice in one group
		n := min(i, 1) + 1
		group = append(group, w.prepare(say{episode: fmt.Sprint("e", i), content: fmt.Sprint("c", i), subject: with(newcomer(n, fmt.Sprint(n)), "shared", fmt.Sprint(n), fmt.Sprint(n))}))
	}
	w.commit(group[:2]...)
	group[2] = w.prepare(say{episode: "e2", content: "c2", subject: &store.NewSubject{Key: keyed("bn 2"), Person: person(2), Linked: true, Evidence: "subject"}})
	w.commit(group[2])
	w.commit(w.prepare(say{episode: "e3", content: "c3", subject: &store.NewSubject{Key: keyed("bn 9"), Features: []identity.Feature{feature("nobody")}}}))
	for what, want := range map[string][]store.PersonID{"shared": {person(1), person(2)}, "1": {person(1)}, "2": {person(2)}, "nobody": nil, "never": nil} {
		got := found(what)
		if len(got) == 2 && string(got[0][:]) > string(got[1][:]) {
			got[0], got[1] = got[1], got[0]
		}
		if len(want) == 2 && string(want[0][:]) > string(want[1][:]) {
			want[0], want[1] = want[1], want[0]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}
