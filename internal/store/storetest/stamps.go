package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/store"
)

func stampCases() []testCase {
	return []testCase{
		{"approved services are kept with their act", services},
		{"a time-stamp is kept with its leaf, once", stamps},
		{"a demand that failed is one row until it is covered", lateStamps},
		{"time-stamps are listed in pages", stampPages},
	}
}

func services(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	size := w.logSize()
	tsa := store.Service{Kind: store.ServiceTSA, URL: "https://tsa.example/", DER: []byte("root"), Since: at}
	ocsp := store.Service{Kind: store.ServiceOCSP, URL: "http://127.0.0.1:1/", DER: []byte("issuer"), Private: true, Since: at}
	other := ocsp
	other.DER = []byte("another issuer")
	for _, s := range []store.Service{tsa, ocsp, other} {
		w.must(w.s.Services.PutService(w.ctx(), s, w.act("trust.service")))
	}
	w.reopen()
	all, err := w.s.Services.Services(w.ctx())
	w.must(err)
	if len(all) != 3 || !cmp.Equal(all[2], tsa) || all[0].Kind != store.ServiceOCSP || !all[0].Private || all[1].URL != ocsp.URL {
		t.Errorf("services %+v", all)
	}
	w.clock.Advance(time.Hour)
	w.must(w.s.Services.EndService(w.ctx(), store.ServiceOCSP, ocsp.URL, w.clock.Now(), w.act("trust.end")))
	if err := w.s.Services.EndService(w.ctx(), store.ServiceOCSP, ocsp.URL, w.clock.Now(), w.act("trust.end")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("ended twice: %v", err)
	}
	tsa.Since, tsa.Private = w.clock.Now(), true
	w.must(w.s.Services.PutService(w.ctx(), tsa, w.act("trust.service")))
	all, err = w.s.Services.Services(w.ctx())
	w.must(err)
	if len(all) != 3 || !all[0].Ended.Equal(w.clock.Now()) || !all[1].Ended.Equal(w.clock.Now()) || !cmp.Equal(all[2], tsa) {
		t.Errorf("then %+v", all)
	}
	if n := w.logSize() - size; n != 5 {
		t.Errorf("%d leaves for five acts", n)
	}
	if tsa.Mark() == ocsp.Mark() || tsa.Mark() != all[2].Mark() {
		t.Error("the mark of an entry is not its own")
	}
	if err := w.s.Services.PutService(w.ctx(), store.Service{Kind: "tsa", URL: "a\x00"}, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

// stampOf is a stamp over the size a log has now.
func (w *world) stampOf(size uint64, token string) store.Stamp {
	return store.Stamp{Size: size, State: store.StampKept, Authority: "https://tsa.example/", At: w.clock.Now(), GenTime: w.clock.Now().Add(-time.Second),
		NotAfter: w.clock.Now().AddDate(1, 0, 0), Token: []byte(token)}
}

func stamps(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if last, late, err := w.s.Stamps.Last(w.ctx(), 0); err != nil || last != nil || late != nil {
		t.Errorf("a log without stamps: %v, %v, %v", last, late, err)
	}
	size := w.logSize()
	first := w.stampOf(size, "token 1")
	w.must(w.s.Stamps.Keep(w.ctx(), first))
	w.must(w.s.Stamps.Keep(w.ctx(), first))
	if n := w.logSize(); n != size+1 {
		t.Errorf("%d leaves for one token", n-size)
	}
	leaves, err := w.s.Ledger.Source(0).Leaves(w.ctx(), size, size+1)
	w.must(err)
	if len(leaves) != 1 || string(leaves[0]) != string(first.Leaf()) {
		t.Errorf("leaf %q", leaves)
	}
	second := w.stampOf(size+1, "token 2")
	w.must(w.s.Stamps.Keep(w.ctx(), second))
	again := second // the same size stamped again, as a renewal of a log at rest is
	again.Token, again.GenTime = []byte("token 3"), second.GenTime.Add(time.Hour)
	w.must(w.s.Stamps.Keep(w.ctx(), again))
	w.reopen()
	last, late, err := w.s.Stamps.Last(w.ctx(), 0)
	w.must(err)
	if late != nil || last == nil || !cmp.Equal(*last, again) {
		t.Errorf("last %+v, late %+v", last, late)
	}
	for _, c := range []struct {
		size uint64
		want *store.Stamp
	}{{1, &first}, {size, &first}, {size + 1, &second}, {size + 2, nil}, {1 << 63, nil}} {
		got, err := w.s.Stamps.Covering(w.ctx(), 0, c.size)
		if c.want == nil {
			if !errors.Is(err, store.ErrAbsent) {
				t.Errorf("covering %d: %+v, %v", c.size, got, err)
			}
			continue
		}
		w.must(err)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("covering %d: %s", c.size, diff)
		}
	}
	var walked []string
	w.must(w.s.Stamps.EachStamp(w.ctx(), func(s *store.Stamp) error {
		walked = append(walked, string(s.Token))
		return nil
	}))
	if fmt.Sprint(walked) != "[token 1 token 2 token 3]" {
		t.Errorf("walked %q", walked)
	}
}

func lateStamps(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size := w.logSize()
	began := w.clock.Now()
	for i := range 3 {
		s := w.stampOf(size+uint64(i), "")
		s.Code = fmt.Sprint("outbound.", i)
		w.must(w.s.Stamps.Late(w.ctx(), s))
		w.clock.Advance(time.Minute)
	}
	_, late, err := w.s.Stamps.Last(w.ctx(), 0)
	w.must(err)
	if late == nil || late.Size != size || late.Attempts != 3 || late.Code != "outbound.2" || !late.At.Equal(began) || late.State != store.StampLate || late.Token != nil {
		t.Fatalf("late %+v", late)
	}
	w.must(w.s.Stamps.Keep(w.ctx(), w.stampOf(size+2, "token")))
	last, late, err := w.s.Stamps.Last(w.ctx(), 0)
	w.must(err)
	if late != nil || last.Size != size+2 {
		t.Errorf("last %+v, late %+v", last, late)
	}
	list, more, err := w.s.Stamps.List(w.ctx(), 0, 0, 10)
	w.must(err)
	if len(list) != 2 || more || list[1].State != store.StampCovered || list[1].Attempts != 3 {
		t.Errorf("list %+v", list)
	}
	w.must(w.s.Stamps.Late(w.ctx(), w.stampOf(size, ""))) // the size of a demand that was covered is late again
	if _, late, err = w.s.Stamps.Last(w.ctx(), 0); err != nil || late == nil || late.Attempts != 4 {
		t.Errorf("late again %+v, %v", late, err)
	}
}

func stampPages(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	for i := range 5 {
		w.must(w.s.Stamps.Keep(w.ctx(), w.stampOf(uint64(10+i), fmt.Sprint("token ", i))))
	}
	var sizes []uint64
	var before uint64
	for range 3 {
		page, more, err := w.s.Stamps.List(w.ctx(), 0, before, 2)
		w.must(err)
		for _, s := range page {
			sizes = append(sizes, s.Size)
			if s.Token != nil {
				t.Error("a list with tokens")
			}
		}
		before = page[len(page)-1].Size
		if more != (len(sizes) < 5) {
			t.Errorf("%d read, more %v", len(sizes), more)
		}
	}
	if fmt.Sprint(sizes) != "[14 13 12 11 10]" {
		t.Errorf("sizes %v", sizes)
	}
	if list, _, err := w.s.Stamps.List(w.ctx(), 7, 0, 2); err != nil || len(list) != 0 {
		t.Errorf("another log's: %+v, %v", list, err)
	}
}
