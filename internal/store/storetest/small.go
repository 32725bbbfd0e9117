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

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

func smallCases() []testCase {
	return []testCase{
		{"disclosures are durable and listed", disclosures},
		{"disclosures wait for nobody and none is lost", disclosuresAtOnce},
		{"a login link is used once", linkOnce},
		{"sessions end", sessions},
		{"a token id is new once", tokenOnce},
		{"of month keys the first is kept", monthKeys},
		{"a fact stays", facts},
		{"acts are listed with their leaf in the log", acts},
		{"the directory comes back as it was", directory},
		{"what is revoked is out of use", revocation},
	}
}

func disclosures(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.send(say{episode: "e", content: "c"})
	var all []store.Disclosure
	for i := range 7 {
		d := store.Disclosure{At: w.clock.Now().Add(time.Duration(i) * time.Microsecond), Reader: "phiên Ánh", Role: "operator", Record: p.ID, Person: person(1),
			Facility: cityHospital, Basis: "operator_reason", Policy: "base/1", Reason: "kiểm tra lỗi \"XML1\"", Route: "GET /x", Count: i}
		if i == 3 {
			d.Record, d.Facility = dossier.ID{}, hillStation
		}
		all = append(all, d)
	}
	w.must(w.s.Disclosures.Record(w.ctx(), all[:4]))
	w.must(w.s.Disclosures.Record(w.ctx(), all[4:]))
	w.reopen()
	var got []store.Disclosure
	var before int64
	for range 3 {
		page, more, err := w.s.Disclosures.List(w.ctx(), everything, store.DisclosureFilter{Before: before, Limit: 3})
		w.must(err)
		got = append(got, page...)
		before = page[len(page)-1].ID
		if more != (len(got) < 7) {
			t.Errorf("%d read, more %v", len(got), more)
		}
	}
	for i, d := range got {
		if diff := cmp.Diff(all[6-i], d, cmpopts.IgnoreFields(store.Disclosure{}, "ID")); diff != "" {
			t.Error(diff)
		}
	}
	one, _, err := w.s.Disclosures.List(w.ctx(), everything, store.DisclosureFilter{Record: p.ID})
	w.must(err)
	if len(one) != 6 {
		t.Errorf("%d disclosures of the record", len(one))
	}
	open, err := w.s.Disclosures.Unrooted(w.ctx(), 5)
	w.must(err)
	if len(open) != 5 || open[0].Count != 0 || open[4].Count != 4 {
		t.Fatalf("unrooted %+v", open)
	}
	w.must(w.s.Disclosures.Root(w.ctx(), open[4].ID, store.LeafPlace{Log: 0, Index: 9}))
	open, err = w.s.Disclosures.Unrooted(w.ctx(), 5)
	w.must(err)
	if len(open) != 2 || open[0].Count != 5 {
		t.Errorf("then unrooted %+v", open)
	}
	if err := w.s.Disclosures.Record(w.ctx(), []store.Disclosure{{Reason: "a\x00b"}}); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

func disclosuresAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	const readers, each = 20, 10
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() {
			for k := range each {
				if err := w.s.Disclosures.Record(w.ctx(), []store.Disclosure{{At: began, Reader: fmt.Sprint(i, " ", k), Count: 1}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	all, _, err := w.s.Disclosures.List(w.ctx(), everything, store.DisclosureFilter{Limit: 1000})
	w.must(err)
	seen := map[string]bool{}
	for _, d := range all {
		seen[d.Reader] = true
	}
	if len(all) != readers*each || len(seen) != readers*each {
		t.Errorf("%d rows, %d different", len(all), len(seen))
	}
}

func linkOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	l := store.LoginLink{Hash: [32]byte{1}, Role: "province:79", Expires: now.Add(10 * time.Minute), Next: "/ioc?x=1"}
	late := l
	late.Hash = [32]byte{2}
	w.must(w.s.Access.PutLink(w.ctx(), l))
	w.must(w.s.Access.PutLink(w.ctx(), late))
	var used atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			got, err := w.s.Access.UseLink(w.ctx(), l.Hash, now)
			switch {
			case err == nil && cmp.Equal(got, l):
				used.Add(1)
			case !errors.Is(err, store.ErrAbsent):
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if used.Load() != 1 {
		t.Errorf("used %d times", used.Load())
	}
	if _, err := w.s.Access.UseLink(w.ctx(), late.Hash, late.Expires); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("used when it had ended: %v", err)
	}
	if _, err := w.s.Access.UseLink(w.ctx(), [32]byte{3}, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("used though nobody made it: %v", err)
	}
}

func sessions(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.clock.Now()
	s := store.Session{Hash: [32]byte{1}, Role: "ministry", Name: "Nguyễn Thị Ánh", Began: now, Expires: now.Add(time.Hour)}
	w.must(w.s.Access.PutSession(w.ctx(), s))
	got, err := w.s.Access.Session(w.ctx(), s.Hash, now.Add(time.Hour-time.Microsecond))
	w.must(err)
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if _, err := w.s.Access.Session(w.ctx(), s.Hash, s.Expires); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("at its end: %v", err)
	}
	w.must(w.s.Access.EndSession(w.ctx(), s.Hash))
	w.must(w.s.Access.EndSession(w.ctx(), s.Hash))
	if _, err := w.s.Access.Session(w.ctx(), s.Hash, now); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("after logging out: %v", err)
	}
}

func tokenOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	until := w.clock.Now().Add(5 * time.Minute)
	var fresh atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			ok, err := w.s.Access.Once(w.ctx(), "client", "jti", until)
			if err != nil {
				t.Error(err)
			}
			if ok {
				fresh.Add(1)
			}
		})
	}
	wg.Wait()
	if fresh.Load() != 1 {
		t.Errorf("new %d times", fresh.Load())
	}
	if ok, err := w.s.Access.Once(w.ctx(), "another", "jti", until); err != nil || !ok {
		t.Errorf("another client's: %v, %v", ok, err)
	}
	// what is remembered for days makes nothing forgotten that is for minutes
	for range 2 {
		if _, err := w.s.Access.Once(w.ctx(), "task/ministry", "form", w.clock.Now().Add(48*time.Hour)); err != nil {
			t.Error(err)
		}
		if ok, err := w.s.Access.Once(w.ctx(), "client", "jti", until); err != nil || ok {
			t.Errorf("taken twice after a form was sent: %v, %v", ok, err)
		}
		w.clock.Advance(time.Minute)
	}
	w.clock.Advance(5*time.Minute + time.Hour)
	if ok, err := w.s.Access.Once(w.ctx(), "another", "later", w.clock.Now().Add(time.Minute)); err != nil || !ok {
		t.Errorf("a later one: %v, %v", ok, err)
	}
	if ok, err := w.s.Access.Once(w.ctx(), "client", "jti", until); err != nil || !ok {
		t.Errorf("an hour after its end it is still kept: %v, %v", ok, err)
	}
}

func monthKeys(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var wg sync.WaitGroup
	kept := make([]store.MonthKey, 20)
	for i := range kept {
		wg.Go(func() {
			k, err := w.s.Keys.PutMonth(w.ctx(), store.MonthKey{Class: "clinical", Month: 202607, Master: fmt.Sprint("m", i), Wrapped: []byte{byte(i)}})
			if err != nil {
				t.Error(err)
			}
			kept[i] = k
		})
	}
	wg.Wait()
	for _, k := range kept {
		if diff := cmp.Diff(kept[0], k); diff != "" {
			t.Fatalf("two writers were told of different keys: %s", diff)
		}
	}
	_, err := w.s.Keys.PutMonth(w.ctx(), store.MonthKey{Class: "audit", Month: 202607, Wrapped: []byte("other")})
	w.must(err)
	all, err := w.s.Keys.Months(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]store.MonthKey{{Class: "audit", Month: 202607, Wrapped: []byte("other")}, kept[0]}, all); diff != "" {
		t.Error(diff)
	}
}

func facts(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if _, err := w.s.Keys.Fact(w.ctx(), "hub.name"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a fact nobody put: %v", err)
	}
	for _, value := range []string{"Ánh\x00\xff", "another"} {
		got, err := w.s.Keys.PutFact(w.ctx(), "hub.name", []byte(value))
		w.must(err)
		if string(got) != "Ánh\x00\xff" {
			t.Errorf("put %q, kept %q", value, got)
		}
	}
	w.reopen()
	got, err := w.s.Keys.Fact(w.ctx(), "hub.name")
	w.must(err)
	if string(got) != "Ánh\x00\xff" {
		t.Errorf("kept %q", got)
	}
	if got, err := w.s.Keys.PutFact(w.ctx(), "empty", nil); err != nil || len(got) != 0 {
		t.Errorf("an empty fact: %q, %v", got, err)
	}
}

func acts(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size := w.logSize()
	var want []store.Act
	for i := range 5 {
		a := w.act(fmt.Sprint("act ", i))
		w.must(w.s.Keys.Act(w.ctx(), a))
		want = append([]store.Act{a}, want...)
	}
	leaves, err := w.s.Ledger.Source(0).Leaves(w.ctx(), size, size+5)
	w.must(err)
	if len(leaves) != 5 || string(leaves[0]) != string(leafOf("admin", "act 0")) || string(leaves[4]) != string(leafOf("admin", "act 4")) {
		t.Errorf("leaves of the acts: %q", leaves)
	}
	first, err := w.s.Keys.Acts(w.ctx(), 0, 3)
	w.must(err)
	next, err := w.s.Keys.Acts(w.ctx(), first[2].ID, 2)
	w.must(err)
	if diff := cmp.Diff(want, append(first, next...), cmpopts.IgnoreFields(store.Act{}, "ID", "Leaf")); diff != "" {
		t.Error(diff)
	}
}

func directory(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	epoch, err := w.s.Facilities.Epoch(w.ctx())
	w.must(err)
	at := w.clock.Now()
	change := store.DirectoryChange{
		Anchors:      [][]byte{[]byte("root 1"), []byte("root 2"), []byte("root 1")},
		Certificates: []facility.Certificate{{Facility: cityHospital, Fingerprint: [32]byte{1}, DER: []byte("der"), Since: at}},
		Carriers:     []facility.Carrier{{Client: "hệ thống", Facility: cityHospital, Kinds: []string{"checkin", "qd4750"}, From: at, To: at.AddDate(1, 0, 0)}, {Client: "all", Facility: hillStation, From: at}},
		Clients:      []facility.Client{{ID: "hệ thống", Facility: hillStation, KeyID: "k1", PublicKey: []byte("spki"), Since: at}, {ID: "all", Facility: coastClinic, KeyID: "k2", PublicKey: []byte("x"), Since: at}},
	}
	w.must(w.s.Facilities.Change(w.ctx(), change, w.act("trust.add")))
	w.reopen()
	w.load()
	if now, err := w.s.Facilities.Epoch(w.ctx()); err != nil || now <= epoch || w.dir.Epoch != now {
		t.Errorf("epoch %d, then %d, loaded %d, %v", epoch, now, w.dir.Epoch, err)
	}
	if len(w.dir.Anchors) != 2 || len(w.dir.Units) != 2 || w.dir.Units[0].Name.VI != "Cục Quản lý Khám, chữa bệnh" || w.dir.Units[0].Kind != "department" {
		t.Errorf("anchors %q, units %+v", w.dir.Anchors, w.dir.Units)
	}
	v, _ := w.dir.Current(hillStation)
	want := facility.Version{ID: v.ID, Code: hillStation, Name: "Trạm y tế Đắk", Level: facility.Commune, Type: "station", Province: "24", Ward: "24604", Unit: "ttb", Vendor: "beta", Migrating: true, From: began.AddDate(-1, 0, 0)}
	if diff := cmp.Diff(want, v); diff != "" || v.ID == 0 {
		t.Errorf("version %d: %s", v.ID, diff)
	}
	if v, _ := w.dir.Current(coastClinic); !cmp.Equal(v.Predecessors, []care.FacilityCode{"48776", "48775"}) {
		t.Errorf("predecessors %v", v.Predecessors)
	}
	if v, _ := w.dir.At(cityHospital, began.Add(-time.Second)); v.Province != "74" {
		t.Errorf("the hospital was in %s", v.Province)
	}
	if diff := cmp.Diff(change.Certificates, w.dir.Certificates(cityHospital)); diff != "" {
		t.Error(diff)
	}
	if c, ok := w.dir.Client("hệ thống"); !ok || !cmp.Equal(c, change.Clients[0]) {
		t.Errorf("client %+v", c)
	}
	for kind, may := range map[string]bool{"checkin": true, "qd4750": true, "emr": false} {
		if w.dir.MaySend("hệ thống", cityHospital, kind, at) != may {
			t.Errorf("the carrier may send %s: not %v", kind, may)
		}
	}
	if !w.dir.MaySend("all", hillStation, "anything", at.AddDate(50, 0, 0)) {
		t.Error("a carrier for all kinds without end may not send")
	}
	if fault.KindOf(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Clients: change.Clients[:1]}, w.act("x"))) != fault.Conflict {
		t.Error("a credential was made twice")
	}
}

func revocation(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{
		Certificates: []facility.Certificate{{Facility: cityHospital, Fingerprint: [32]byte{1}, DER: []byte("a"), Since: at}, {Facility: cityHospital, Fingerprint: [32]byte{2}, DER: []byte("b"), Since: at}},
		Clients:      []facility.Client{{ID: "one", Facility: cityHospital, Since: at, PublicKey: []byte("x")}, {ID: "two", Facility: cityHospital, Since: at, PublicKey: []byte("y")}},
	}, w.act("add")))
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{RevokeClient: "one", RevokeCertificate: [32]byte{1}}, w.act("revoke")))
	w.load()
	if _, ok := w.dir.Client("one"); ok {
		t.Error("a revoked credential is in use")
	}
	if _, ok := w.dir.Client("two"); !ok {
		t.Error("another credential went with it")
	}
	inUse := map[byte]bool{1: false, 2: true}
	for _, c := range w.dir.Certificates(cityHospital) {
		if !inUse[c.Fingerprint[0]] && !c.Revoked.Equal(at) || inUse[c.Fingerprint[0]] && !c.Revoked.IsZero() {
			t.Errorf("certificate %d revoked at %v", c.Fingerprint[0], c.Revoked)
		}
	}
	epoch, size := w.dir.Epoch, w.logSize()
	for _, c := range []store.DirectoryChange{{RevokeClient: "one"}, {RevokeClient: "nobody"}, {RevokeCertificate: [32]byte{9}}, {Anchors: [][]byte{[]byte("kept?")}, RevokeClient: "nobody"}} {
		if err := w.s.Facilities.Change(w.ctx(), c, w.act("revoke")); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	w.load()
	if w.dir.Epoch != epoch || len(w.dir.Anchors) != 0 || w.logSize() != size {
		t.Error("a change that failed left something")
	}
}
