package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func retentionCases() []testCase {
	return []testCase{
		{"of an erased record a tombstone stays, and counters agree", erasedRecord},
		{"a patient goes with the last record, a person's identifiers with the last patient", erasedPatient},
		{"a file goes with its last record", erasedFile},
		{"an erasure is done whole or not at all, and once", erasedOnce},
		{"a month key goes when nothing needs it", erasedMonth},
	}
}

// erasure is what package keep makes of a record.
func (w *world) erasure(id dossier.ID, reason string) store.Erasure {
	w.t.Helper()
	return store.Erasure{Tombstone: store.Tombstone{Record: id, At: w.clock.Now(), Reason: reason, Case: "12/QĐ-TA", Actor: "operator"},
		Leaf: leafOf("erasure", id.String())}
}

func (w *world) erase(ids ...dossier.ID) {
	w.t.Helper()
	var all []store.Erasure
	for _, id := range ids {
		all = append(all, w.erasure(id, "court_order"))
	}
	residue, err := w.s.Retention.Erase(w.ctx(), all, w.act("record.erase"))
	w.must(err)
	w.must(w.s.Retention.Clean(w.ctx(), residue))
}

func (w *world) agree(what string) {
	w.t.Helper()
	by := store.CountQuery{By: []store.Dimension{store.ByFacility, store.ByDay, store.ByKind, store.ByMeasure, store.ByPurpose}}
	sum, err := w.s.Counters.Sum(w.ctx(), everything, by)
	w.must(err)
	again, err := w.s.Counters.Recount(w.ctx(), everything, by)
	w.must(err)
	if diff := cmp.Diff(again, sum); diff != "" {
		w.t.Errorf("%s: counted anew, kept:\n%s", what, diff)
	}
	strays, err := w.s.Audit.Strays(w.ctx(), 20)
	w.must(err)
	for _, s := range strays {
		w.t.Errorf("%s: stray %+v", what, s)
	}
}

func erasedRecord(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := say{episode: "a", content: "1", order: "d1", tags: []string{"doc:XML1", "doc:XML6", "doc:XML13", "doc:ReferralSlip", "XML1.TEN.missing", "XML2.SO_LUONG.big"},
		findings: []dossier.Finding{{Code: "XML1.TEN.missing", Severity: "warning", Table: "XML1"}, {Code: "XML2.SO_LUONG.big", Severity: "warning", Blocks: []dossier.Purpose{"payment", "statistics"}}}}
	first := w.send(x)
	w.clock.Advance(time.Second)
	second := w.send(say{episode: "a", content: "2", order: "d2", tags: []string{"doc:XML1", "doc:XML6"}})
	other := w.send(say{episode: "b", content: "3", tags: []string{"doc:XML1", "doc:XML6"}})
	before := w.get(first.ID)
	w.clock.Advance(time.Hour)
	at := w.clock.Now()
	w.erase(first.ID)
	r := w.get(first.ID)
	if r.State() != dossier.Erased || !r.Erased.Equal(at) || r.Wrapped != nil || r.Head != nil || r.Verdict.Findings != nil || r.Documents != 0 || !r.Subject.IsZero() {
		t.Errorf("left of the row: %+v", r)
	}
	if r.File != before.File || r.Place.Index != before.Place.Index || r.Verdict.State != before.Verdict.State || r.SupersededBy != second.ID || r.Version != 1 {
		t.Errorf("the tombstone is %+v", r)
	}
	if _, err := w.s.Records.Body(w.ctx(), first.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("its body: %v", err)
	}
	if kept, err := w.s.Records.Kept(w.ctx(), []dossier.ID{first.ID, second.ID}); err != nil || len(kept) != 2 || kept[0].Body != nil || kept[0].Wrapped != nil || kept[1].Body == nil {
		t.Errorf("what is kept of it: %v, %v", kept, err)
	}
	tomb, err := w.s.Retention.Tombstone(w.ctx(), first.ID)
	w.must(err)
	want := w.erasure(first.ID, "court_order").Tombstone
	want.At = at.UTC()
	if diff := cmp.Diff(want, *tomb); diff != "" {
		t.Error(diff)
	}
	if _, err := w.s.Retention.Tombstone(w.ctx(), other.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("the tombstone of a record that is kept: %v", err)
	}
	n := 0
	w.must(w.s.Retention.Tombstones(w.ctx(), func(x *store.Tombstone) error { n++; return nil }))
	if n != 1 {
		t.Errorf("%d tombstones", n)
	}
	steps, err := w.s.Records.Timeline(w.ctx(), first.ID)
	w.must(err)
	if last := steps[len(steps)-1]; last.What != "erased" || last.Detail != "court_order" || !last.At.Equal(at) {
		t.Errorf("its last step is %+v", last)
	}
	for _, f := range []store.Filter{{Tag: "doc:XML13"}, {Tag: "doc:ReferralSlip"}, {Tag: "XML1.TEN.missing"}, {Tag: "XML2.SO_LUONG.big"}} {
		if list, _, err := w.s.Records.List(w.ctx(), everything, f); err != nil || len(list) != 0 {
			t.Errorf("by %s: %d records, %v", f.Tag, len(list), err)
		}
	}
	if list, _, err := w.s.Records.List(w.ctx(), everything, store.Filter{State: dossier.Erased}); err != nil || len(list) != 1 || list[0].ID != first.ID {
		t.Errorf("erased ones: %v, %v", list, err)
	}
	if k := w.known(x); k.Same == nil || k.Same.ID != first.ID || k.Same.State() != dossier.Erased {
		t.Errorf("the same content again: %+v", k.Same)
	}
	w.agree("after one")
	w.erase(second.ID, other.ID) // a current one: the episode goes on
	w.agree("after all")
	w.clock.Advance(time.Second)
	third := w.send(say{episode: "a", content: "4", order: "d3"})
	if r := w.get(third.ID); r.Version != 3 || !r.Current || r.Supersedes != second.ID {
		t.Errorf("the next version is %+v", r)
	}
	w.agree("after the next version")
	w.must(w.s.Records.Walk(w.ctx(), 0, 0, func(r *store.Record, body []byte) error {
		if (body == nil) != !r.Erased.IsZero() {
			t.Errorf("%s: a body of %d bytes, erased %v", r.ID, len(body), r.Erased)
		}
		return nil
	}))
	w.reopen()
	w.agree("opened again")
}

func erasedPatient(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := person(1)
	claims := []store.Claim{{Key: keyed("cccd 1"), Person: p, Name: keyed("name"), Birth: keyed("birth")}, {Key: keyed("card 1"), Person: p, Name: keyed("name"), Birth: keyed("birth")}}
	at := func(key string, made bool) *store.NewSubject {
		return &store.NewSubject{Key: keyed("subject %s", key), Person: p, NewPerson: made, Evidence: "citizen_id", Claims: claims}
	}
	phone := identity.Feature{Kind: "phone", Hash: keyed("phone")}
	w.must(w.s.Temporaries.PutFeatures(w.ctx(), p, []identity.Feature{phone}))
	w.must(w.s.Temporaries.PutFeatures(w.ctx(), person(7), []identity.Feature{phone}))
	findable := func(want ...store.PersonID) {
		t.Helper()
		found, err := w.s.Temporaries.Candidates(w.ctx(), [][]identity.Feature{{phone}}, 10)
		w.must(err)
		var got []store.PersonID
		for _, c := range found {
			got = append(got, c.Person)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	words := func(whose store.PersonID, kind string) (m matter.Matter) {
		m = w.newMatter(kind, whose, "")
		m.Sealed, m.Wrapped = []byte("sealed words"), []byte("a key of more than sixteen bytes: "+kind)
		w.must(w.s.Matters.PutMatter(w.ctx(), m, nil, w.act("matter.open")))
		return m
	}
	stated, asked, others := words(p, matter.OwnEntry), words(p, "request.see"), words(person(7), matter.OwnEntry)
	later := stated
	later.Version++
	w.must(w.s.Matters.PutMatter(w.ctx(), later, nil, w.act("own.put")))
	stand := func(stated bool) {
		t.Helper()
		for _, m := range []matter.Matter{later, asked, others} {
			all, err := w.s.Matters.MatterHistory(w.ctx(), m.Number)
			w.must(err)
			for _, v := range all {
				if there := len(v.Sealed)+len(v.Wrapped) > 0; len(all) != m.Version || there != (stated || m.Number != later.Number) || v.Kind != m.Kind {
					t.Errorf("%s, version %d of %d: words %v", m.Kind, v.Version, len(all), there)
				}
			}
		}
	}
	mine := at("x", true)
	first := w.send(say{episode: "a", content: "1", subject: mine})
	w.clock.Advance(time.Second)
	linked := *mine
	linked.NewPerson, linked.Linked = false, true
	second := w.send(say{episode: "b", content: "2", subject: &linked})
	w.clock.Advance(time.Second)
	far := w.send(say{facility: coastClinic, episode: "c", content: "3", subject: at("y", false)})
	nobody := w.send(say{episode: "d", content: "4"})

	w.clock.Advance(time.Second)
	w.erase(first.ID)
	w.agree("the record that made the link")
	links, err := w.s.People.Links(w.ctx(), cityHospital, mine.Key)
	w.must(err)
	if len(links) != 1 || links[0].Person != p {
		t.Errorf("links of who has another record: %+v", links)
	}
	w.erase(second.ID)
	w.agree("the patient's last record")
	findable(p, person(7))
	stand(true)
	if k := w.known(say{episode: "b", content: "2", subject: mine}); k.Subject != nil || k.Claims[0].Person != p || k.Claims[1].Person != p {
		t.Errorf("after the patient's last record: %+v", k)
	}
	if links, err := w.s.People.Links(w.ctx(), cityHospital, mine.Key); !errors.Is(err, store.ErrAbsent) && len(links) != 0 {
		t.Errorf("links of nobody: %+v, %v", links, err)
	}
	w.erase(far.ID, nobody.ID)
	w.agree("the person's last record")
	findable(person(7))
	stand(false)
	k := w.known(say{facility: coastClinic, episode: "c", content: "3", subject: at("y", false)})
	if k.Subject != nil || k.Claims[0] != (store.Claim{}) || k.Claims[1] != (store.Claim{}) {
		t.Errorf("after the person's last record: %+v", k)
	}
	if found, err := w.s.People.Find(w.ctx(), keys(claims[0].Key)); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	// Who comes again is new.
	w.clock.Advance(time.Second)
	again := &store.NewSubject{Key: mine.Key, Person: person(2), NewPerson: true, Evidence: "citizen_id"}
	for _, c := range claims {
		c.Person = again.Person
		again.Claims = append(again.Claims, c)
	}
	back := w.send(say{episode: "e", content: "5", subject: again})
	if r := w.get(back.ID); r.Person != again.Person {
		t.Errorf("who comes again is %v", r.Person)
	}
	w.agree("who comes again")
}

func erasedFile(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a, b := say{episode: "a", content: "1", file: "both"}, say{episode: "b", content: "2", file: "both", index: 1}
	pa, pb := w.prepare(a), w.prepare(b)
	pa.File.Dossiers = 2
	pb.File = pa.File
	w.commit(pa, pb)
	w.erase(pa.ID)
	f, stored, err := w.s.Records.File(w.ctx(), cityHospital, pa.File.Hash)
	w.must(err)
	if string(f.Skeleton) != "skeleton both" || f.Wrapped == nil || len(stored) != 2 || stored[0].Erased.IsZero() || !stored[1].Erased.IsZero() {
		t.Errorf("with a neighbour: %+v, %+v", f, stored)
	}
	w.erase(pb.ID)
	if f, stored, err = w.s.Records.File(w.ctx(), cityHospital, pa.File.Hash); err != nil || f.Skeleton != nil || f.Wrapped != nil || f.Digest != [32]byte{} || len(stored) != 2 {
		t.Errorf("without one: %+v, %+v, %v", f, stored, err)
	}
	again, err := w.s.Intake.Recall(w.ctx(), []store.Recall{{Facility: cityHospital, File: keys(pa.File.Hash)}})
	w.must(err)
	if len(again[0].Places) != 2 || again[0].Places[1].State() != dossier.Erased {
		t.Errorf("the same bytes again: %+v", again)
	}
	w.agree("after both")
}

func erasedOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a, b := w.send(say{episode: "a", content: "1"}), w.send(say{episode: "b", content: "2"})
	ghost := w.newID(cityHospital)
	head, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	for _, c := range []struct {
		ids  []dossier.ID
		want error
	}{{[]dossier.ID{a.ID, ghost}, store.ErrAbsent}, {nil, nil}, {[]dossier.ID{a.ID, a.ID}, nil}} {
		var all []store.Erasure
		for _, id := range c.ids {
			all = append(all, w.erasure(id, "mistake"))
		}
		if _, err := w.s.Retention.Erase(w.ctx(), all, w.act("record.erase")); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.ids, err)
		}
	}
	if r := w.get(a.ID); !r.Erased.IsZero() || r.Wrapped == nil {
		t.Error("a part was done")
	}
	if now, err := w.s.Ledger.Head(w.ctx(), 0); err != nil || now.Size != head.Size {
		t.Errorf("the log went from %d to %d", head.Size, now.Size)
	}
	w.erase(a.ID)
	if now, err := w.s.Ledger.Head(w.ctx(), 0); err != nil || now.Size != head.Size+2 {
		t.Errorf("the log went from %d to %d: a statement and an act", head.Size, now.Size)
	}
	if _, err := w.s.Retention.Erase(w.ctx(), []store.Erasure{w.erasure(b.ID, "mistake"), w.erasure(a.ID, "mistake")}, w.act("record.erase")); !errors.Is(err, store.ErrErased) {
		t.Errorf("again: %v", err)
	}
	if r := w.get(b.ID); !r.Erased.IsZero() {
		t.Error("the other of a refused list is erased")
	}
	bad := w.erasure(b.ID, "mistake")
	bad.Case = "a\x00b"
	if _, err := w.s.Retention.Erase(w.ctx(), []store.Erasure{bad}, w.act("record.erase")); !errors.Is(err, store.ErrText) {
		t.Errorf("a text that is none: %v", err)
	}
}

func erasedMonth(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if _, err := w.s.Keys.PutMonth(w.ctx(), store.MonthKey{Class: "clinical", Month: 202607, Master: "m", Wrapped: []byte("month key")}); err != nil {
		t.Fatal(err)
	}
	var ids []dossier.ID
	for _, name := range []string{"a", "b", "c"} {
		w.clock.Advance(time.Second)
		ids = append(ids, w.send(say{episode: name, content: name}).ID)
	}
	if m := clock.Day(w.clock.Now()) / 100; m != 202607 {
		t.Fatalf("the test's month is %d", m)
	}
	w.erase(ids[1])
	due, err := w.s.Retention.Due(w.ctx(), "clinical", 202607, 10)
	w.must(err)
	if len(due) != 2 || due[0].ID != ids[0] || due[1].ID != ids[2] {
		t.Errorf("due: %d", len(due))
	}
	for _, c := range []struct {
		class string
		month int
	}{{"y2", 202607}, {"clinical", 202608}, {"clinical", 202606}} {
		if due, err := w.s.Retention.Due(w.ctx(), c.class, c.month, 10); err != nil || len(due) != 0 {
			t.Errorf("due of %v: %d, %v", c, len(due), err)
		}
	}
	terms, err := w.s.Retention.Terms(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]store.Term{{Class: "clinical", Month: 202607, Records: 2, Erased: 1, Files: 2, Key: true}}, terms); diff != "" {
		t.Error(diff)
	}
	if _, err := w.s.Retention.DropMonth(w.ctx(), "clinical", 202607, w.act("retention.expire")); !errors.Is(err, store.ErrKeyInUse) {
		t.Errorf("a key in use: %v", err)
	}
	w.erase(ids[0], ids[2])
	for _, version := range []int{1, 2} { // the first of them is a version that another followed
		row := w.row(1, version, byte(version))
		row.Class, row.Month, row.Sealed, row.Wrapped = "clinical", 202607+version-1, []byte("sealed"), []byte("a data key")
		w.putEntries(house.Batch{Rows: []house.Row{row}})
		if _, err := w.s.Retention.DropMonth(w.ctx(), "clinical", 202607, w.act("retention.expire")); !errors.Is(err, store.ErrKeyInUse) {
			t.Errorf("the key of an entry's version, with %d of them: %v", version, err)
		}
	}
	w.putEntries(house.Batch{Closes: []house.Close{{ID: entryID(1), Version: 2, State: registry.Ended, At: w.clock.Now(), Wipe: true}}})
	residue, err := w.s.Retention.DropMonth(w.ctx(), "clinical", 202607, w.act("retention.expire"))
	w.must(err)
	w.must(w.s.Retention.Clean(w.ctx(), residue))
	if months, err := w.s.Keys.Months(w.ctx()); err != nil || len(months) != 0 {
		t.Errorf("months %v, %v", months, err)
	}
	if _, err := w.s.Retention.DropMonth(w.ctx(), "clinical", 202607, w.act("retention.expire")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a key that is gone: %v", err)
	}
}
