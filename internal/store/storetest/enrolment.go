package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/facility"
	"lienthong/internal/store"
)

func enrolmentCases() []testCase {
	return []testCase{
		{"an invite is used once, and the same key is answered alike", invites},
		{"of many that redeem one invite at once one is let in", invitesAtOnce},
		{"a client waits for a second person", applicantsWait},
		{"a sender's sequence moves on, repeats, and forks", sequences},
		{"a store that was put back to an old copy catches up with its own tokens", sequenceCatchesUp},
		{"of two that take one step at once both get the same token", sequenceAtOnce},
	}
}

func (w *world) invitation(n byte) store.Invite {
	w.t.Helper()
	i := store.Invite{Hash: [32]byte{n}, Facility: cityHospital, By: "operator An", Made: w.clock.Now(), Expires: w.clock.Now().Add(time.Hour)}
	w.must(w.s.Enrolments.PutInvite(w.ctx(), i, w.act("facility.invite")))
	return i
}

func (w *world) applicant(id, key string) store.Applicant {
	return store.Applicant{Client: facility.Client{ID: id, Facility: cityHospital, KeyID: "kid of " + key, PublicKey: []byte(key), Since: w.clock.Now()},
		By: "operator An", Software: "HIS Ánh/1"}
}

func invites(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size := w.logSize()
	i := w.invitation(1)
	redeem := func(n byte, id, key string) (store.Invite, error) {
		return w.s.Enrolments.Redeem(w.ctx(), [32]byte{n}, w.applicant(id, key), true, w.act("facility.enrol"))
	}
	epoch, err := w.s.Facilities.Epoch(w.ctx())
	w.must(err)
	w.clock.Advance(time.Minute)
	used, err := redeem(1, "79901-a", "key a")
	w.must(err)
	want := i
	want.Used, want.Client = w.clock.Now(), "79901-a"
	if diff := cmp.Diff(want, used); diff != "" {
		t.Error(diff)
	}
	w.clock.Advance(2 * time.Hour) // the answer was lost for long: the same again
	w.reopen()
	for range 2 {
		if again, err := redeem(1, "79901-b", "key a"); err != nil || !cmp.Equal(again, want) {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
	if got, err := w.s.Enrolments.Invite(w.ctx(), [32]byte{1}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		hash byte
		key  string
	}{"another key": {1, "key b"}, "unknown": {9, "key a"}} {
		if _, err := redeem(c.hash, "79901-c", c.key); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.invitation(2)
	foreign := w.applicant("24604-a", "key f")
	foreign.Facility = hillStation
	if _, err := w.s.Enrolments.Redeem(w.ctx(), [32]byte{2}, foreign, true, w.act("facility.enrol")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another facility's: %v", err)
	}
	w.clock.Advance(time.Hour)
	if _, err := redeem(2, "79901-d", "key d"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("expired this moment: %v", err)
	}
	w.load()
	if c, ok := w.dir.Client("79901-a"); !ok || string(c.PublicKey) != "key a" || c.Facility != cityHospital || w.dir.Epoch != epoch+1 {
		t.Errorf("%+v, epoch %d after %d", c, w.dir.Epoch, epoch)
	}
	if _, ok := w.dir.Client("79901-b"); ok {
		t.Error("a repeat made a client")
	}
	if n := w.logSize() - size; n != 3 {
		t.Errorf("%d leaves for two invites and one that was used", n)
	}
	all, err := w.s.Enrolments.Invites(w.ctx(), "")
	w.must(err)
	if len(all) != 2 || all[0].Hash != [32]byte{2} || all[1].Client != "79901-a" {
		t.Errorf("%+v", all)
	}
	if all, err = w.s.Enrolments.Invites(w.ctx(), hillStation); err != nil || len(all) != 0 {
		t.Errorf("of another: %+v, %v", all, err)
	}
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{RevokeClient: "79901-a"}, w.act("facility.revoke_client")))
	if _, err := redeem(1, "79901-e", "key a"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("its client was revoked: %v", err)
	}
	if err := w.s.Enrolments.PutInvite(w.ctx(), store.Invite{By: "\x00"}, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

func invitesAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.invitation(1)
	var in, out atomic.Int64
	var wg sync.WaitGroup
	for n := range 12 {
		a, act := w.applicant(fmt.Sprintf("79901-%d", n), fmt.Sprintf("key %d", n)), w.act("facility.enrol")
		wg.Go(func() {
			switch _, err := w.s.Enrolments.Redeem(w.ctx(), [32]byte{1}, a, n%2 == 0, act); {
			case err == nil:
				in.Add(1)
			case errors.Is(err, store.ErrAbsent):
				out.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 || out.Load() != 11 {
		t.Errorf("%d were let in, %d were not", in.Load(), out.Load())
	}
}

func applicantsWait(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if second, err := w.s.Enrolments.Second(w.ctx()); err != nil || second {
		t.Errorf("a new hub: %v, %v", second, err)
	}
	w.must(w.s.Enrolments.SetSecond(w.ctx(), true, w.act("enrolment.approval")))
	w.invitation(1)
	w.invitation(2)
	a, b := w.applicant("79901-a", "key a"), w.applicant("79901-b", "key b")
	i, err := w.s.Enrolments.Redeem(w.ctx(), [32]byte{1}, a, false, w.act("facility.enrol"))
	w.must(err)
	if !i.Waiting {
		t.Errorf("%+v", i)
	}
	w.clock.Advance(time.Second)
	b.Since = w.clock.Now()
	_, err = w.s.Enrolments.Redeem(w.ctx(), [32]byte{2}, b, false, w.act("facility.enrol"))
	w.must(err)
	w.reopen()
	if second, err := w.s.Enrolments.Second(w.ctx()); err != nil || !second {
		t.Errorf("it was set: %v, %v", second, err)
	}
	waiting, err := w.s.Enrolments.Waiting(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]store.Applicant{a, b}, waiting); diff != "" {
		t.Error(diff)
	}
	w.load()
	if _, ok := w.dir.Client("79901-a"); ok {
		t.Error("it waits, and is in the directory")
	}
	if again, err := w.s.Enrolments.Redeem(w.ctx(), [32]byte{1}, w.applicant("79901-x", "key a"), true, w.act("facility.enrol")); err != nil || !again.Waiting || again.Client != "79901-a" {
		t.Errorf("again, while it waits: %+v, %v", again, err)
	}
	w.must(w.s.Enrolments.Approve(w.ctx(), "79901-a", w.act("facility.approve")))
	w.must(w.s.Enrolments.Dismiss(w.ctx(), "79901-b", w.act("facility.dismiss")))
	w.load()
	if c, ok := w.dir.Client("79901-a"); !ok || !cmp.Equal(c, a.Client, cmpopts.EquateEmpty()) {
		t.Errorf("approved: %+v", c)
	}
	if again, err := w.s.Enrolments.Redeem(w.ctx(), [32]byte{1}, w.applicant("79901-x", "key a"), true, w.act("facility.enrol")); err != nil || again.Waiting {
		t.Errorf("again, approved: %+v, %v", again, err)
	}
	if _, err := w.s.Enrolments.Redeem(w.ctx(), [32]byte{2}, w.applicant("79901-x", "key b"), true, w.act("facility.enrol")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("again, turned away: %v", err)
	}
	size := w.logSize()
	for _, client := range []string{"79901-a", "79901-b", "", "nobody"} {
		if err := w.s.Enrolments.Approve(w.ctx(), client, w.act("facility.approve")); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("approve %q: %v", client, err)
		}
		if err := w.s.Enrolments.Dismiss(w.ctx(), client, w.act("facility.dismiss")); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("dismiss %q: %v", client, err)
		}
	}
	if w.logSize() != size {
		t.Error("what was not done has a leaf")
	}
	if waiting, err := w.s.Enrolments.Waiting(w.ctx()); err != nil || len(waiting) != 0 {
		t.Errorf("%+v, %v", waiting, err)
	}
}

// step takes a step; "" is a fork.
func (w *world) step(s store.Step) string {
	w.t.Helper()
	if s.Client == "" {
		s.Client = "79901-a"
	}
	s.At = w.clock.Now()
	token, ok, err := w.s.Enrolments.Sequence(w.ctx(), s)
	w.must(err)
	if ok != (token != "") {
		w.t.Errorf("%+v: %v with token %q", s, ok, token)
	}
	return token
}

func sequences(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Clients: []facility.Client{w.applicant("79901-a", "key").Client}}, w.act("x")))
	for i, c := range []struct {
		n                int64
		prev, next, want string
	}{
		{2, "a", "?", ""},   // it never was here
		{1, "-", "a", "a"},  //
		{1, "-", "a2", "a"}, // lost
		{2, "b", "?", ""},   // another token
		{3, "a", "?", ""},   // one left out
		{2, "a", "b", "b"},  //
		{1, "-", "?", ""},   // an old one
		{2, "a", "b2", "b"}, // lost
		{3, "b", "c", "c"}, {4, "b", "?", ""}, {2, "a", "?", ""}, {4, "c", "d", "d"},
	} {
		if i == 6 {
			w.reopen()
		}
		if got := w.step(store.Step{N: c.n, Prev: c.prev, Next: c.next}); got != c.want {
			t.Errorf("step %d: %d %q gave %q, want %q", i, c.n, c.prev, got, c.want)
		}
	}
	if got := w.step(store.Step{Client: "79901-b", N: 1, Prev: "-", Next: "z"}); got != "z" {
		t.Errorf("another client: %q", got)
	}
	size := w.logSize()
	for i, fresh := range []bool{true, false, false} {
		at := w.clock.Now().Add(time.Duration(i) * time.Minute)
		if got, err := w.s.Enrolments.Fork(w.ctx(), "79901-a", at, w.act("sender.forked")); err != nil || got != fresh {
			t.Errorf("fork %d: %v, %v", i, got, err)
		}
	}
	if w.logSize() != size+1 {
		t.Errorf("%d leaves", w.logSize()-size)
	}
	if got := w.step(store.Step{N: 5, Prev: "d", Next: "e"}); got != "" {
		t.Errorf("after a fork: %q", got)
	}
	if got := w.step(store.Step{N: 9, Prev: "d", Next: "e", Known: true}); got != "" {
		t.Errorf("after a fork, with a token of this hub: %q", got)
	}
	if _, err := w.s.Enrolments.Fork(w.ctx(), "unknown", w.clock.Now(), w.act("sender.forked")); err != nil {
		t.Error(err)
	}
	want := map[string]time.Time{"79901-a": w.clock.Now().Add(2 * time.Minute)}
	if forks, err := w.s.Enrolments.Forks(w.ctx()); err != nil || !cmp.Equal(forks, want) {
		t.Errorf("%v, %v", forks, err)
	}
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{RevokeClient: "79901-a"}, w.act("facility.revoke_client")))
	if forks, err := w.s.Enrolments.Forks(w.ctx()); err != nil || len(forks) != 0 {
		t.Errorf("revoked: %v, %v", forks, err)
	}
	if _, _, err := w.s.Enrolments.Sequence(w.ctx(), store.Step{Client: "a\x00", N: 1, Prev: "-", Next: "a"}); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

func sequenceCatchesUp(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.step(store.Step{N: 1, Prev: "-", Next: "a"})
	if got := w.step(store.Step{N: 9, Prev: "h", Next: "i", Known: true}); got != "i" {
		t.Errorf("behind: %q", got)
	}
	if got := w.step(store.Step{N: 9, Prev: "h", Next: "j", Known: true}); got != "i" {
		t.Errorf("lost: %q", got)
	}
	if got := w.step(store.Step{N: 10, Prev: "i", Next: "j", Known: true}); got != "j" {
		t.Errorf("on: %q", got)
	}
	for _, n := range []int64{2, 9, 10} { // its own tokens, but not in their place: a copy that was left behind
		if got := w.step(store.Step{N: n, Prev: "x", Next: "?", Known: true}); got != "" {
			t.Errorf("%d: %q", n, got)
		}
	}
	if got := w.step(store.Step{Client: "79901-b", N: 7, Prev: "g", Next: "h", Known: true}); got != "h" {
		t.Errorf("of a client this store never saw: %q", got)
	}
}

func sequenceAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	last := "-"
	for n := range int64(5) {
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				token, ok, err := w.s.Enrolments.Sequence(w.ctx(), store.Step{Client: "c", N: n + 1, Prev: last, Next: fmt.Sprintf("%d of %d", i, n), At: began})
				if err != nil || !ok {
					t.Errorf("%v, %v", ok, err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[token]++
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("step %d: tokens %v", n, got)
		}
		for token := range got {
			last = token
		}
	}
}
