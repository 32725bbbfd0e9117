package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/store"
)

func temporaryCases() []testCase {
	return []testCase{
		{"a patient without a name is kept with their person, and resolved once", temporaryLife},
		{"who fits most of what is known comes first", candidatesFit},
		{"who has nothing to be found by is found, page by page", featureless},
		{"of many who ensure one claim at once all get one person", ensureAtOnce},
		{"a claim is its holder's, with that name and birth, whoever made it", ensureHolder},
		{"a link of a citizen's own comes back, ends, and forgets what it held", shareLife},
		{"of many tries at once no more are let through than there are", shareTries},
	}
}

func temporaryLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, x, at := w.logSize(), w.s.Temporaries, w.clock.Now()
	a := identity.Temporary{Number: "TT-79901-000001-3", Person: person(1), Facility: cityHospital, Staff: care.Staff{1}, Made: at, State: "open", Version: 1, Sealed: []byte("s"), Wrapped: []byte("w")}
	b := identity.Temporary{Number: "TT-24604-000001-3", Person: person(2), Facility: hillStation, Made: at.Add(-time.Hour), State: "open", Version: 1}
	if _, err := x.Temporary(w.ctx(), a.Number); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before: %v", err)
	}
	w.must(x.PutTemporary(w.ctx(), a, w.act("temporary.make")))
	w.must(x.PutTemporary(w.ctx(), b, store.Act{}))
	if err := x.PutTemporary(w.ctx(), a, store.Act{}); !errors.Is(err, store.ErrChanged) {
		t.Errorf("a number twice: %v", err)
	}
	// the person is there: a subject can be linked to it
	w.send(say{episode: "e", content: "c", subject: &store.NewSubject{Key: keyed("bn")}})
	w.must(w.s.People.Link(w.ctx(), cityHospital, keyed("bn"), a.Person, "operator", "vòng tay", at))
	list := func(f care.FacilityCode, state string, want ...identity.Temporary) {
		t.Helper()
		got, err := x.Temporaries(w.ctx(), f, state, 10)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q %q: %s", f, state, diff)
		}
	}
	list("", "open", b, a)
	list(cityHospital, "open", a)
	next := a
	next.Version, next.State, next.To, next.How, next.By, next.Ended = 2, "resolved", person(7), "id_scan", care.Staff{2}, at.Add(time.Hour)
	var done atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			err := x.PutTemporary(w.ctx(), next, w.act("temporary.resolve"))
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, store.ErrChanged) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.logSize() - size; done.Load() != 1 || n != 3 { // made, sent, resolved
		t.Errorf("resolved %d times, %d leaves", done.Load(), n)
	}
	w.reopen()
	x = w.s.Temporaries
	got, err := x.Temporary(w.ctx(), a.Number)
	w.must(err)
	if diff := cmp.Diff(&next, got); diff != "" {
		t.Error(diff)
	}
	list("", "open", b)
	list(cityHospital, "resolved", next)
	list(coastClinic, "open")
	wrong := b
	wrong.Number, wrong.How = "TT-1", "\xff"
	if err := x.PutTemporary(w.ctx(), wrong, store.Act{}); !errors.Is(err, store.ErrText) {
		t.Errorf("no text: %v", err)
	}
	for name, t1 := range map[string]identity.Temporary{"no number": {Person: person(3), Made: at, Version: 1}, "nobody": {Number: "TT-2", Made: at, Version: 1}, "no moment": {Number: "TT-2", Person: person(3), Version: 1}, "no version": {Number: "TT-2", Person: person(3), Made: at}} {
		if err := x.PutTemporary(w.ctx(), t1, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
}

func featureless(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := w.s.Temporaries
	var all []store.PersonID
	for i := range 7 {
		p, _, err := x.Ensure(w.ctx(), store.Claim{Key: keyed("claim %d", i), Name: keyed("name"), Birth: keyed("birth")})
		w.must(err)
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b store.PersonID) int { return bytes.Compare(a[:], b[:]) })
	w.must(x.PutFeatures(w.ctx(), all[0], []identity.Feature{{Kind: "phone", Hash: keyed("%d", 0)}}))
	w.must(x.PutFeatures(w.ctx(), all[3], []identity.Feature{identity.NoFeature(identity.Person(all[3]))})) // said once that there is none
	w.must(x.PutFeatures(w.ctx(), all[3], []identity.Feature{identity.NoFeature(identity.Person(all[3]))}))
	for _, limit := range []int{1, 2, 3, 7, 100} {
		var got []store.PersonID
		var after store.PersonID
		for {
			page, last, err := x.Featureless(w.ctx(), after, limit)
			w.must(err)
			got = append(got, page...)
			if after = last; last == (store.PersonID{}) {
				break
			}
		}
		want := []store.PersonID{all[1], all[2], all[4], all[5], all[6]}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: %x, want %x", limit, got, want)
		}
	}
}

func candidatesFit(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := w.s.Temporaries
	feature := func(kind, what string) identity.Feature { return identity.Feature{Kind: kind, Hash: keyed("%s", what)} }
	phone, name, birth := feature("phone", "0912"), feature("name_year", "An 1990"), feature("birth_given", "An 1/1")
	w.must(x.PutFeatures(w.ctx(), person(1), []identity.Feature{phone, name}))
	w.must(x.PutFeatures(w.ctx(), person(2), []identity.Feature{phone, name, birth}))
	w.must(x.PutFeatures(w.ctx(), person(2), []identity.Feature{phone, name, birth, birth}))
	w.must(x.PutFeatures(w.ctx(), person(3), []identity.Feature{birth, {Kind: "phone", Hash: name.Hash}})) // a name's hash under another kind
	w.must(x.PutFeatures(w.ctx(), person(4), nil))
	for i := range 60 {
		w.must(x.PutFeatures(w.ctx(), person(100+i), []identity.Feature{feature("phone", "everybody's")}))
	}
	old := identity.Feature{Kind: "phone", Hash: keyedUnder(2, "0912")}
	for want, asked := range map[string][][]identity.Feature{
		fmt.Sprint([]identity.Candidate{{Person: person(2), Kinds: []string{"birth_given", "name_year", "phone"}}, {Person: person(1), Kinds: []string{"name_year", "phone"}}, {Person: person(3), Kinds: []string{"birth_given"}}}): {{old, phone}, {name}, {birth}},
		fmt.Sprint([]identity.Candidate{{Person: person(1), Kinds: []string{"name_year"}}, {Person: person(2), Kinds: []string{"name_year"}}}):                                                                                       {{name}},
		fmt.Sprint([]identity.Candidate(nil)): {{old}, {feature("phone", "nobody's")}},
	} {
		got, err := x.Candidates(w.ctx(), asked, 10)
		w.must(err)
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	for limit, want := range map[int]int{0: 50, 5: 5, 1000: 50} {
		if got, err := x.Candidates(w.ctx(), [][]identity.Feature{{feature("phone", "everybody's")}}, limit); err != nil || len(got) != want {
			t.Errorf("limit %d: %d, %v", limit, len(got), err)
		}
	}
	if got, err := x.Candidates(w.ctx(), nil, 5); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v %v", got, err)
	}
	for _, wrong := range []identity.Feature{{Kind: "phone"}, {Hash: keyed("x")}, {Kind: "\xff", Hash: keyed("x")}} {
		if err := x.PutFeatures(w.ctx(), person(1), []identity.Feature{wrong}); err == nil {
			t.Errorf("kept %+v", wrong.Kind)
		}
	}
}

func ensureAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	other := w.s
	if h.Hubs > 1 {
		other = w.open(1)
	}
	for round := range 3 {
		claim := store.Claim{Key: keyed("claim %d", round), Name: keyed("name"), Birth: keyed("birth")}
		persons, fresh := make([]store.PersonID, 10), make([]bool, 10)
		var wg sync.WaitGroup
		for i := range persons {
			s := w.s
			if i%2 == 1 {
				s = other
			}
			wg.Go(func() {
				var err error
				if persons[i], fresh[i], err = s.Temporaries.Ensure(w.ctx(), claim); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n := 0
		for i, p := range persons {
			if p != persons[0] || p == (store.PersonID{}) {
				t.Errorf("two persons: %x and %x", p, persons[0])
			}
			if fresh[i] {
				n++
			}
		}
		if found, err := w.s.People.Find(w.ctx(), keys(claim.Key)); err != nil || n != 1 || len(found) != 1 || found[0] != persons[0] {
			t.Errorf("made %d times, found %x, %v", n, found, err)
		}
	}
}

func ensureHolder(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := w.s.Temporaries
	w.send(say{episode: "e", content: "c", subject: newcomer(1, "one")}) // by intake
	claim := newcomer(1, "one").Claims[0]
	claim.Person = person(9)
	if p, fresh, err := x.Ensure(w.ctx(), claim); err != nil || fresh || p != person(1) {
		t.Errorf("%x %v %v", p, fresh, err)
	}
	for name, change := range map[string]func(*store.Claim){"name": func(c *store.Claim) { c.Name = keyed("another") }, "birth": func(c *store.Claim) { c.Birth = keyed("another") }} {
		wrong := claim
		change(&wrong)
		if p, fresh, err := x.Ensure(w.ctx(), wrong); !errors.Is(err, store.ErrAbsent) || fresh || p != (store.PersonID{}) {
			t.Errorf("another %s: %x %v %v", name, p, fresh, err)
		}
	}
	mine := store.Claim{Key: keyed("mine"), Person: person(9), Name: keyed("name"), Birth: keyed("birth")}
	if p, fresh, err := x.Ensure(w.ctx(), mine); err != nil || !fresh || p != person(9) {
		t.Errorf("%x %v %v", p, fresh, err)
	}
	// intake finds whom Ensure made
	p := w.prepare(say{episode: "f", content: "f", subject: &store.NewSubject{Key: keyed("bn f"), Person: person(9), Evidence: "citizen_id", Claims: []store.Claim{mine}}})
	w.commit(p)
	if r := w.get(p.ID); r.Person != person(9) {
		t.Errorf("linked to %x", r.Person)
	}
	for _, wrong := range []store.Claim{{Name: keyed("n"), Birth: keyed("b")}, {Key: keyed("k"), Birth: keyed("b")}, {Key: keyed("k"), Name: keyed("n")}} {
		if _, _, err := x.Ensure(w.ctx(), wrong); err == nil {
			t.Error("a claim that lacks something was taken")
		}
	}
}

func (w *world) share(n byte) consent.Share {
	at := w.clock.Now()
	return consent.Share{ID: [32]byte{n}, Person: person(1), Made: at.Add(time.Duration(n) * time.Second), Until: at.Add(time.Hour), Label: "cho bác sĩ Ánh", PIN: []byte("$argon2id$"), Tries: 3, Payload: []byte("jwe")}
}

func shareLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, x := w.logSize(), w.s.Shares
	s, later := w.share(1), w.share(2)
	later.PIN = nil
	w.must(x.PutShare(w.ctx(), s, w.act("share.make")))
	w.must(x.PutShare(w.ctx(), later, store.Act{}))
	if err := x.PutShare(w.ctx(), s, w.act("share.make")); !errors.Is(err, store.ErrTaken) {
		t.Errorf("an id twice: %v", err)
	}
	w.reopen()
	x = w.s.Shares
	got, err := x.Share(w.ctx(), s.ID)
	w.must(err)
	if diff := cmp.Diff(&s, got); diff != "" {
		t.Error(diff)
	}
	end := w.clock.Now().Add(time.Minute)
	w.must(x.EndShare(w.ctx(), s.ID, end, w.act("share.end")))
	for _, id := range [][32]byte{s.ID, {9}} {
		if err := x.EndShare(w.ctx(), id, end, w.act("share.end")); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("ended again: %v", err)
		}
		if _, err := x.TryShare(w.ctx(), id, true, end); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("tried: %v", err)
		}
	}
	if n := w.logSize() - size; n != 2 {
		t.Errorf("%d leaves for two acts", n)
	}
	s.Ended, s.PIN, s.Payload, later.Payload = end, nil, nil, nil
	all, err := x.Shares(w.ctx(), person(1))
	w.must(err)
	if diff := cmp.Diff([]consent.Share{later, s}, all); diff != "" {
		t.Error(diff)
	}
	if _, err := x.Share(w.ctx(), [32]byte{9}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of nothing: %v", err)
	}
	for name, change := range map[string]func(*consent.Share){
		"no id": func(s *consent.Share) { s.ID = [32]byte{} }, "nobody": func(s *consent.Share) { s.Person = store.PersonID{} }, "no end": func(s *consent.Share) { s.Until = s.Made },
		"no tries": func(s *consent.Share) { s.Tries = 0 }, "no text": func(s *consent.Share) { s.Label = "\xff" },
	} {
		wrong := w.share(3)
		change(&wrong)
		if err := x.PutShare(w.ctx(), wrong, store.Act{}); err == nil {
			t.Errorf("kept with %s", name)
		}
	}
}

func shareTries(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	s, now := w.share(1), w.clock.Now()
	s.Tries = 10
	w.must(w.s.Shares.PutShare(w.ctx(), s, store.Act{}))
	try := func(right bool, want int) {
		t.Helper()
		if left, err := w.s.Shares.TryShare(w.ctx(), s.ID, right, now); err != nil || left != want {
			t.Errorf("left %d, want %d, %v", left, want, err)
		}
	}
	try(false, 9)
	try(false, 8)
	try(true, 10)
	var let, shut atomic.Int32
	var wg sync.WaitGroup
	for range 25 {
		wg.Go(func() {
			_, err := w.s.Shares.TryShare(w.ctx(), s.ID, false, now)
			if err == nil {
				let.Add(1)
			} else if errors.Is(err, store.ErrAbsent) {
				shut.Add(1)
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if let.Load() != 10 || shut.Load() != 15 {
		t.Errorf("%d let, %d shut out", let.Load(), shut.Load())
	}
	if _, err := w.s.Shares.TryShare(w.ctx(), s.ID, true, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("the right one when none is left: %v", err)
	}
	got, err := w.s.Shares.Share(w.ctx(), s.ID)
	w.must(err)
	if got.Tries != 0 || got.Opened != 1 {
		t.Errorf("%+v", got)
	}
	over := w.share(2)
	w.must(w.s.Shares.PutShare(w.ctx(), over, store.Act{}))
	if _, err := w.s.Shares.TryShare(w.ctx(), over.ID, true, over.Until); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("when it is over: %v", err)
	}
}
