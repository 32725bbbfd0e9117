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
	fillBody     = 1100
	fillHead     = 480
	fillSkeleton = 200
	// FillPack is the rule pack that filling rows say they were judged by.
	FillPack = "bench"
	// fillGroup is how many rows one commit takes: far more than intake would,
	// so that rows that fall into one page of an index are written together.
	fillGroup = 4096
)

// Fill commits rows of the size and spread of a year's records straight into a
// store, each with a new patient, so that what is measured is measured on a
// store that is not empty. Their sealed parts are random bytes: they are
// counted, found and listed, and cannot be opened.
func Fill(ctx context.Context, c FillConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	groups := make(chan []store.Prepared, 1) // the next group is made while one is committed
	var made error
	go func() {
		defer close(groups)
		made = c.make(ctx, groups)
	}()
	done := 0
	for group := range groups {
		outcomes, err := c.Intake.Commit(ctx, store.Backlog, group)
		if err != nil {
			return fmt.Errorf("bench: filling: %w", err)
		}
		for _, o := range outcomes {
			if o.Status != store.StatusStored {
				return ErrCorpus.Because(fmt.Errorf("a filling row was not stored: %d", o.Status))
			}
		}
		done += len(group)
		if c.Progress != nil {
			c.Progress(done, c.Records)
		}
	}
	return made
}

// make makes all groups.
func (c FillConfig) make(ctx context.Context, groups chan<- []store.Prepared) error {
	var seed [32]byte  // another one each time: a store may be filled twice
	rand.Read(seed[:]) // never fails (crypto/rand)
	random := mrand.NewChaCha8(seed)
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
		select {
		case groups <- group:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c FillConfig) row(r *mrand.ChaCha8, begin time.Time, i int) (store.Prepared, error) {
	facility := c.Facilities[r.Uint64()%uint64(len(c.Facilities))]
	at := begin.Add(time.Duration(float64(365*24*time.Hour) * float64(i) / float64(c.Records))).Truncate(time.Microsecond)
	id, err := dossier.NewID(facility, at, r)
	if err != nil {
		return store.Prepared{}, err
	}
	file := &store.File{Facility: facility, Hash: keyed(r), Size: 47_000, Received: at, Sender: "bench of " + string(facility), Lane: store.Backlog,
		Wrapped: noise(r, 82), Class: "clinical", Month: clock.Day(at) / 100, Skeleton: noise(r, fillSkeleton), Dossiers: 1, Digest: [32]byte(noise(r, 32)),
		Seals: []store.SealNote{{Subject: "bench of " + string(facility), Algorithm: "ecdsa-sha256"}}}
	version := c.Versions[facility]
	p := store.Prepared{
		File: file, ID: id, Kind: "qd4750", FacilityVersion: version, Received: at,
		Verdict: dossier.Verdict{State: dossier.Accepted, Pack: FillPack},
		Episode: keyed(r), Content: keyed(r), Documents: 1<<1 | 1<<2 | 1<<3 | 1<<4, Tags: []string{"doc:XML1", "doc:XML2", "doc:XML3", "doc:XML4"},
		Version: 1, Current: true, Order: "d20260101", Subject: &store.NewSubject{Key: keyed(r), Person: store.PersonID(noise(r, 16)), NewPerson: true, Evidence: "citizen_id"},
		Wrapped: noise(r, 82), Class: "clinical", Month: clock.Day(at) / 100, Head: noise(r, fillHead), Body: noise(r, fillBody),
		Leaf: ledger.StatementLeaf(ledger.LeafReceipt, id.Serial[:]),
	}
	for range 1 + i%2 { // a citizen number, and every other a card
		p.Subject.Claims = append(p.Subject.Claims, store.Claim{Key: keyed(r), Person: p.Subject.Person, Name: keyed(r), Birth: keyed(r)})
	}
	for _, measure := range append([]string{string(dossier.Accepted)}, p.Tags...) {
		p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: version, Day: clock.Day(at), Kind: "qd4750", Measure: measure, N: 1})
	}
	return p, nil
}

func keyed(r *mrand.ChaCha8) vault.Keyed {
	k := vault.Keyed{1}
	copy(k[1:], noise(r, len(k)-1))
	return k
}

func noise(r *mrand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	r.Read(b) // never fails (math/rand/v2)
	return b
}
