package disclose_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/kind"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// pile is many records of one person at one facility; head gives each its sealed head.
type pile struct {
	store.Records
	rows []store.Record
}

func (p *pile) List(context.Context, role.Scope, store.Filter) ([]store.Record, bool, error) {
	return append([]store.Record(nil), p.rows...), false, nil
}

func pileOf(t *testing.T, v *vault.Vault, n int) *pile {
	t.Helper()
	w, err := v.NewMonthKey("y10", 202611)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatal(err)
	}
	p := &pile{}
	for i := range n {
		r := store.Record{ID: dossier.ID{Facility: "79901", Serial: [16]byte{byte(i + 1)}}, Kind: "none", Person: ann, Version: 1, Current: true,
			Received: start.Add(-time.Duration(i) * time.Hour), Verdict: dossier.Verdict{State: dossier.Accepted}}
		sealed, err := v.Seal("y10", 202611, evidence.RecordName(r.ID), evidence.Head{Episode: fmt.Sprint("visit ", i)}.Marshal(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Wrapped, r.Head = sealed.Wrapped, sealed.Parts[evidence.PartHead]
		p.rows = append(p.rows, r)
	}
	return p
}

func TestRecordsOpenedAtOnceComeInTheirOrder(t *testing.T) {
	t.Parallel()
	const n = 30
	reader := disclose.Reader{Role: here, Staff: nurse}
	for _, c := range []struct {
		name   string
		spoil  func(*pile, *disclose.Deps)
		failed string
	}{
		{"all", func(*pile, *disclose.Deps) {}, ""},
		{"one that is broken ends the look", func(p *pile, _ *disclose.Deps) { p.rows[7].Head = p.rows[8].Head }, "opening the head"},
		{"a reader that panics ends the look alone", func(_ *pile, d *disclose.Deps) { d.Kinds = nil }, "panic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, _, log, _ := discloser(t, func(deps *disclose.Deps) {
				p := pileOf(t, deps.Vault, n)
				deps.Records, deps.Kinds = p, kind.NewRegistry()
				c.spoil(p, deps)
			})
			list, err := d.Chart(t.Context(), reader, ann, n)
			if len(log.rows) != n {
				t.Fatalf("%d rows of %d records", len(log.rows), n)
			}
			if c.failed != "" {
				if err == nil || !strings.Contains(err.Error(), c.failed) || list != nil {
					t.Fatalf("%d records, %v", len(list), err)
				}
				return
			}
			if err != nil || len(list) != n {
				t.Fatalf("%d records, %v", len(list), err)
			}
			for i, o := range list {
				if want := fmt.Sprint("visit ", i); o.Episode != want || o.Record.ID.Serial[0] != byte(i+1) {
					t.Errorf("place %d: %s, wanted %s", i, o.Episode, want)
				}
			}
		})
	}
}
