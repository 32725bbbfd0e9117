package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"lienthong/internal/store"
)

// bodySizes commits bodies of every size together and alone: however an engine
// lays them, each comes back whole, by its record and on a walk.
func bodySizes(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var group []store.Prepared
	for i, size := range []int{1, 2500, 16_000, 16_857, 16_858, 33_000, 60_000, 3, 250_000, 700} {
		body := bytes.Repeat([]byte{byte('a' + i)}, size)
		body[0], body[size-1] = '<', '>'
		group = append(group, w.prepare(say{file: fmt.Sprint("f", i/2), index: i % 2, episode: fmt.Sprint("e", i), content: fmt.Sprint("c", i), body: body}))
	}
	w.commit(group[:7]...)
	w.commit(group[7])
	w.commit(group[8:]...)
	for i := range group {
		body, err := w.s.Records.Body(w.ctx(), group[i].ID)
		w.must(err)
		if !bytes.Equal(body, group[i].Body) {
			t.Errorf("a body of %d bytes came back as %d", len(group[i].Body), len(body))
		}
		f, _, err := w.s.Records.File(w.ctx(), cityHospital, group[i].File.Hash)
		w.must(err)
		if !bytes.Equal(f.Skeleton, group[i].File.Skeleton) {
			t.Errorf("a skeleton came back as %q", f.Skeleton)
		}
	}
	n := 0
	w.must(w.s.Records.Walk(w.ctx(), 0, 0, func(r *store.Record, body []byte) error {
		if !bytes.Equal(body, group[n].Body) {
			t.Errorf("walked: a body of %d bytes came as %d", len(group[n].Body), len(body))
		}
		n++
		return nil
	}))
	strays, err := w.s.Audit.Strays(w.ctx(), 10)
	w.must(err)
	for _, s := range strays {
		if s.Table == "body" {
			t.Errorf("stray: %+v", s)
		}
	}
	if n != len(group) {
		t.Errorf("%d of %d records were walked", n, len(group))
	}
}
