package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

func revocationCases() []testCase {
	return []testCase{
		{"signers are seen once and asked about when due", signers},
		{"of answers that say the same the first and the last stay", answers},
		{"what is learned later is annotated once, with its leaf", annotations},
	}
}

func signers(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	a := store.Signer{Fingerprint: [32]byte{1}, DER: []byte("der 1"), Seen: now, Ask: now}
	b := store.Signer{Fingerprint: [32]byte{2}, DER: []byte("der 2"), Seen: now, Ask: now.Add(-time.Second)}
	w.must(w.s.Revocations.See(w.ctx(), []store.Signer{a, b, a}))
	again := a
	again.Ask = now.Add(-time.Hour)
	w.must(w.s.Revocations.See(w.ctx(), []store.Signer{again}))
	w.must(w.s.Revocations.See(w.ctx(), nil))
	due, err := w.s.Revocations.Due(w.ctx(), now, 10)
	w.must(err)
	if diff := cmp.Diff([]store.Signer{b, a}, due); diff != "" {
		t.Error(diff)
	}
	b.Ask, b.Failures, b.Code = now.Add(time.Minute), 1, "outbound.unreachable"
	w.must(w.s.Revocations.Asked(w.ctx(), b, nil))
	a.Ask = time.Time{}
	w.must(w.s.Revocations.Asked(w.ctx(), a, nil))
	if due, err = w.s.Revocations.Due(w.ctx(), now, 10); err != nil || len(due) != 0 {
		t.Errorf("due %+v, %v", due, err)
	}
	w.reopen()
	if due, err = w.s.Revocations.Due(w.ctx(), now.Add(time.Hour), 10); err != nil || !cmp.Equal(due, []store.Signer{b}) {
		t.Errorf("later due %+v, %v", due, err)
	}
	got, err := w.s.Revocations.Signer(w.ctx(), a.Fingerprint)
	w.must(err)
	if !cmp.Equal(*got, a) {
		t.Errorf("signer %+v", got)
	}
	if _, err := w.s.Revocations.Signer(w.ctx(), [32]byte{9}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("nobody's: %v", err)
	}
	if err := w.s.Revocations.Asked(w.ctx(), store.Signer{Fingerprint: [32]byte{9}}, nil); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("asked about nobody: %v", err)
	}
}

func answers(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	one, two := store.Signer{Fingerprint: [32]byte{1}, DER: []byte("1"), Seen: now, Ask: now}, store.Signer{Fingerprint: [32]byte{2}, DER: []byte("2"), Seen: now, Ask: now}
	w.must(w.s.Revocations.See(w.ctx(), []store.Signer{one, two}))
	answer := func(s store.Signer, day int, state, raw string) store.Revocation {
		a := store.Revocation{Fingerprint: s.Fingerprint, State: state, At: now.AddDate(0, 0, day), ThisUpdate: now.AddDate(0, 0, day), NextUpdate: now.AddDate(0, 0, day+1),
			Kind: store.ServiceCRL, Source: "http://crl.example/", Raw: []byte(raw)}
		if state == store.RevocationRevoked {
			a.Since, a.Invalid, a.Reason = now.Add(-time.Hour), now.Add(-2*time.Hour), 1
		}
		w.must(w.s.Revocations.Asked(w.ctx(), s, &a))
		return a
	}
	first := answer(one, 0, store.RevocationGood, "list 0")
	answer(one, 1, store.RevocationGood, "list 1")
	shared := answer(two, 1, store.RevocationGood, "list 1")
	last := answer(one, 2, store.RevocationGood, "list 2")
	bad := answer(one, 3, store.RevocationRevoked, "list 3")
	answer(one, 4, store.RevocationRevoked, "list 4")
	worse := answer(one, 5, store.RevocationRevoked, "list 4")
	w.reopen()
	got, err := w.s.Revocations.Answers(w.ctx(), one.Fingerprint)
	w.must(err)
	if diff := cmp.Diff([]store.Revocation{first, last, bad, worse}, got); diff != "" {
		t.Error(diff)
	}
	if got, err = w.s.Revocations.Answers(w.ctx(), two.Fingerprint); err != nil || !cmp.Equal(got, []store.Revocation{shared}) {
		t.Errorf("a list shared with another: %+v, %v", got, err)
	}
	newest, err := w.s.Revocations.Newest(w.ctx())
	w.must(err)
	worse.Raw, shared.Raw = nil, nil
	if diff := cmp.Diff([]store.Revocation{worse, shared}, newest); diff != "" {
		t.Error(diff)
	}
}

func annotations(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	var sent []store.Prepared
	for i := range 3 {
		sent = append(sent, w.send(say{episode: fmt.Sprint("e", i), content: fmt.Sprint("c", i), file: "the same file"}))
	}
	other := w.send(say{episode: "x", content: "x", file: "another"})
	print := sent[0].File.Seals[0].Fingerprint
	if other.File.Seals[0].Fingerprint == print {
		t.Fatal("both files have one signer")
	}
	list := func(since, until time.Time, what string, limit int) []dossier.ID {
		found, err := w.s.Revocations.Sealed(w.ctx(), store.SealedQuery{Fingerprint: print, Since: since, Until: until, What: what, Limit: limit})
		w.must(err)
		var ids []dossier.ID
		for _, r := range found {
			ids = append(ids, r.ID)
			if r.Received.Before(at) {
				t.Errorf("received %v", r.Received)
			}
		}
		return ids
	}
	if got := list(at, time.Time{}, store.SealRevoked, 10); len(got) == 0 || len(got) > 3 {
		t.Fatalf("sealed %v", got)
	}
	if got := list(w.clock.Now().Add(time.Hour), time.Time{}, store.SealRevoked, 10); len(got) != 0 {
		t.Errorf("sealed later %v", got)
	}
	if got := list(at.Add(-time.Hour), at, store.SealRevoked, 10); len(got) != 0 {
		t.Errorf("sealed before %v", got)
	}
	found := list(at, time.Time{}, store.SealRevoked, 10)
	size := w.logSize()
	var notes []store.Annotation
	for _, id := range found {
		notes = append(notes, store.Annotation{Record: id, What: store.SealRevoked, Fingerprint: print, At: at.Add(time.Minute), Since: at.Add(-time.Hour), Source: "http://crl.example/"})
	}
	for i, want := range []int{len(notes), 0} {
		if n, err := w.s.Revocations.Annotate(w.ctx(), notes); err != nil || n != want {
			t.Errorf("%d: %d annotated, %v", i, n, err)
		}
	}
	if n := w.logSize() - size; n != uint64(len(notes)) {
		t.Errorf("%d leaves for %d annotations", n, len(notes))
	}
	leaves, err := w.s.Ledger.Source(0).Leaves(w.ctx(), size, w.logSize())
	w.must(err)
	inLog := map[string]bool{}
	for _, l := range leaves {
		inLog[string(l)] = true
	}
	walked := 0
	w.must(w.s.Revocations.EachAnnotation(w.ctx(), func(a *store.Annotation) error {
		walked++
		if !inLog[string(a.Leaf())] {
			t.Errorf("no leaf for %+v", a)
		}
		return nil
	}))
	if walked != len(notes) {
		t.Errorf("%d annotations", walked)
	}
	if got := list(at, time.Time{}, store.SealRevoked, 10); len(got) != 0 {
		t.Errorf("still to be annotated: %v", got)
	}
	if got := list(at, time.Time{}, store.SealDisputed, 10); len(got) != len(notes) {
		t.Errorf("another annotation: %v", got)
	}
	events, err := w.s.Records.Timeline(w.ctx(), found[0])
	w.must(err)
	if len(events) != 1 || events[0].What != store.SealRevoked || events[0].Actor != "hub" || !events[0].At.Equal(at.Add(time.Minute)) {
		t.Errorf("timeline %+v", events)
	}
	stray := notes[0]
	stray.Record = w.newID(cityHospital)
	if n, err := w.s.Revocations.Annotate(w.ctx(), []store.Annotation{stray}); !errors.Is(err, store.ErrAbsent) || n != 0 {
		t.Errorf("no record: %d, %v", n, err)
	}
}
