package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// FillConfig says what a store is filled with before reading is measured.
type FillConfig struct {
	Intake     store.Intake
	Facilities []care.FacilityCode
	Versions   map[care.FacilityCode]int64
	Records    int
	Progress   func(done, of int) // may be nil
}

// The sizes of what is kept of an outpatient dossier, as measured on the
// synthetic ones: sealed inner documents, receipt and skeleton.
const (
	fillBody     = 4200
	fillHead     = 1500
	fillSkeleton = 900
	fillGroup    = 64
)

// Fill commits rows of the size and spread of a year's records straight into a
// store, so that reading is measured on one that is not empty. Their sealed
// parts are random bytes: they are counted and listed, and cannot be opened.
func Fill(ctx context.Context, c FillConfig) error {
	random := mrand.New(mrand.NewPCG(1, 2))
	begin := time.Now().UTC().AddDate(-1, 0, 0)
	for done := 0; done < c.Records; done += fillGroup {
		group := make([]store.Prepared, min(fillGroup, c.Records-done))
		for i := range group {
			p, err := c.row(random, begin, done+i)
			if err != nil {
				return err
			}
			group[i] = p
		}
		outcomes, err := c.Intake.Commit(ctx, store.Backlog, group)
		if err != nil {
			return fmt.Errorf("bench: filling: %w", err)
		}
		for _, o := range outcomes {
			if o.Status != store.StatusStored {
				return ErrCorpus.Because(fmt.Errorf("a filling row was not stored: %d", o.Status))
			}
		}
		if c.Progress != nil && done%(fillGroup*64) == 0 {
			c.Progress(done, c.Records)
		}
	}
	return nil
}

func (c FillConfig) row(r *mrand.Rand, begin time.Time, i int) (store.Prepared, error) {
	facility := c.Facilities[r.IntN(len(c.Facilities))]
	at := begin.Add(time.Duration(float64(365*24*time.Hour) * float64(i) / float64(c.Records))).Truncate(time.Microsecond)
	id, err := dossier.NewID(facility, at, rand.Reader)
	if err != nil {
		return store.Prepared{}, err
	}
	file := &store.File{Facility: facility, Hash: keyed(r), Size: 47_000, Received: at, Sender: "bench", Lane: store.Backlog,
		Wrapped: noise(110), Class: "clinical", Month: clock.Day(at) / 100, Skeleton: noise(fillSkeleton), Dossiers: 1}
	if _, err := rand.Read(file.Digest[:]); err != nil {
		return store.Prepared{}, err
	}
	version := c.Versions[facility]
	return store.Prepared{
		File: file, ID: id, Kind: "qd4750", FacilityVersion: version, Received: at,
		Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "bench"},
		Episode: keyed(r), Content: keyed(r), Documents: 1<<1 | 1<<2 | 1<<3 | 1<<4, Tags: []string{"doc:XML1", "doc:XML2", "doc:XML3", "doc:XML4"},
		Version: 1, Current: true, Subject: &store.NewSubject{Key: keyed(r)},
		Wrapped: noise(110), Class: "clinical", Month: clock.Day(at) / 100, Head: noise(fillHead), Body: noise(fillBody),
		Leaf:   ledger.StatementLeaf(ledger.LeafReceipt, id.Serial[:]),
		Deltas: []store.Delta{{FacilityVersion: version, Day: clock.Day(at), Kind: "qd4750", Measure: "accepted", N: 1}},
	}, nil
}

func keyed(r *mrand.Rand) vault.Keyed {
	k := vault.Keyed{1}
	for i := 1; i < len(k); i++ {
		k[i] = byte(r.Uint32())
	}
	return k
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b
}
