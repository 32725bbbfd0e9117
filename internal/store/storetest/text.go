package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

func textCases() []testCase {
	return []testCase{
		{"text comes back as it was", texts},
		{"bytes come back as they were, none as none", blobs},
		{"times come back to the microsecond", times},
	}
}

var oddTexts = []string{
	"", " ", "Ánh", "A\u0301nh", "ánh", "ÁNH", "Đắk Lắk", "Ðắk", "🩺👩🏽‍⚕️", "\u200b", "a\tb\r\nc", `'; DROP TABLE record; --`, `"\`, "100%_", "NULL",
	"0123", "1e3", "\ufeff", "\U0010ffff", "ệ\u0323", strings.Repeat("Ánh ", 30_000),
}

func texts(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	for i, text := range oddTexts {
		w.clock.Advance(time.Second)
		x := say{episode: fmt.Sprint(i), content: "c", order: text, findings: []dossier.Finding{{Code: "X", Severity: dossier.Info, Field: text}}}
		p := w.prepare(x)
		p.Verdict.Pack, p.Tags, p.File.Sender, p.File.Seals[0].Subject = text, []string{"tag " + text}, text, text
		w.commit(p)
		if r := w.get(p.ID); r.Verdict.Pack != text || r.Verdict.Findings[0].Field != text {
			t.Errorf("%.20q: %+.40q", text, r.Verdict.Pack)
		}
		if k := w.known(x); k.Head.Order != text {
			t.Errorf("%.20q: order %.40q", text, k.Head.Order)
		}
		f, _, err := w.s.Records.File(w.ctx(), cityHospital, p.File.Hash)
		w.must(err)
		if f.Sender != text || f.Seals[0].Subject != text {
			t.Errorf("%.20q: sender %.40q", text, f.Sender)
		}
		// No two texts are one to the store: no folding, trimming or pattern.
		if ids := w.pages(store.Filter{Tag: "tag " + text}, 10); len(ids) != 1 || ids[0] != p.ID {
			t.Errorf("%.20q: %d records have the tag", text, len(ids))
		}
	}
}

func blobs(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	big := make([]byte, 3<<20)
	for i := range big {
		big[i] = byte(i * i >> 7)
	}
	for i, b := range [][]byte{every, big, {0}} {
		p := w.prepare(say{episode: fmt.Sprint(i), content: "c", body: b})
		p.Head, p.Wrapped, p.File.Skeleton = b[:1], b[:1], b
		w.commit(p)
		body, err := w.s.Records.Body(w.ctx(), p.ID)
		w.must(err)
		f, _, err := w.s.Records.File(w.ctx(), cityHospital, p.File.Hash)
		w.must(err)
		if string(body) != string(b) || string(f.Skeleton) != string(b) || string(w.get(p.ID).Head) != string(b[:1]) {
			t.Errorf("%d bytes came back as others", len(b))
		}
	}
	p := w.prepare(say{episode: "none", content: "c"})
	p.Wrapped, p.Tags, p.Verdict.Findings, p.Subject = nil, nil, nil, nil
	w.commit(p)
	if r := w.get(p.ID); r.Wrapped != nil || r.Verdict.Findings != nil || !r.Subject.IsZero() || r.Person != (store.PersonID{}) || !r.Erased.IsZero() {
		t.Errorf("nothing came back as something: %+v", r)
	}
}

func times(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	hanoi := clock.Hanoi
	for i, at := range []time.Time{
		time.Date(2026, 7, 1, 23, 59, 59, 999999000, hanoi), time.Date(2026, 7, 2, 0, 0, 0, 0, hanoi), time.Date(2026, 7, 2, 23, 59, 59, 999999000, hanoi),
		time.Date(2026, 7, 3, 0, 0, 0, 1000, hanoi), time.Date(2000, 2, 29, 12, 0, 0, 0, time.UTC), time.Date(2999, 12, 31, 23, 59, 59, 0, time.FixedZone("x", -3600)),
	} {
		p := w.prepare(say{episode: fmt.Sprint(i), content: "c"})
		p.Received, p.File.Received = at, at
		p.Deltas[0].Day = clock.Day(at)
		w.commit(p)
		r := w.get(p.ID)
		if !r.Received.Equal(at) || r.Received.Location() != time.UTC {
			t.Errorf("%v came back as %v", at, r.Received)
		}
		f, _, err := w.s.Records.File(w.ctx(), cityHospital, p.File.Hash)
		w.must(err)
		if !f.Received.Equal(at) {
			t.Errorf("a file's %v came back as %v", at, f.Received)
		}
	}
	var got []int
	for _, day := range []int{20260701, 20260702, 20260703, 20000229, 30000101} {
		got = append(got, len(w.pages(store.Filter{Day: day}, 10)))
	}
	if diff := cmp.Diff([]int{1, 2, 1, 1, 1}, got); diff != "" {
		t.Errorf("records of days in Hanoi: %s", diff)
	}
	w.countsAgree("by day", store.CountQuery{By: []store.Dimension{store.ByDay}})
}
