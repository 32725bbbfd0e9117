package disclose_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// counters keeps what it is given, or fails.
type counters struct {
	store.Counters
	got    int64
	broken bool
}

func (c *counters) Add(_ context.Context, _ time.Time, deltas []store.Delta) error {
	if c.broken {
		return errors.New("the counters are away")
	}
	for _, d := range deltas {
		if d.Measure == "lookup" {
			c.got += d.N
		}
	}
	return nil
}

// records is a store of one record.
type records struct{ store.Records }

func (records) Get(context.Context, role.Scope, dossier.ID) (*store.Record, error) {
	return &store.Record{ID: dossier.ID{Facility: "24604", Serial: [16]byte{1}}, Verdict: dossier.Verdict{State: dossier.Accepted}}, nil
}

type trail struct{ store.Disclosures }

func (trail) Record(context.Context, []store.Disclosure) error { return nil }

func TestEveryLookIsCountedOnce(t *testing.T) {
	t.Parallel()
	key := make([]byte, 32)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := &counters{}
	d, err := disclose.New(disclose.Deps{Records: records{}, Log: trail{}, Counters: c, Vault: v, Receipts: &evidence.Desk{}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	reader := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "24604"}}
	look := func() {
		if _, err := d.Related(t.Context(), reader, dossier.ID{Facility: "24604"}, 10); err != nil {
			t.Fatal(err)
		}
	}
	look()
	look()
	if c.got != 0 {
		t.Errorf("%d counted while the reader waited", c.got)
	}
	c.broken = true
	if err := d.Count(t.Context()); err == nil {
		t.Error("a count that failed was passed over")
	}
	look()
	c.broken = false
	for range 2 {
		if err := d.Count(t.Context()); err != nil || c.got != 3 {
			t.Errorf("counted %d, %v", c.got, err)
		}
	}
}
