package sqlite_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

// BenchmarkCommit stores groups of dossiers with bodies of 12 KB, each in a
// file of its own, with two tags, a subject that is known, and a leaf.
// One operation is one record.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkCommit(b, size) })
	}
}

func benchmarkCommit(b *testing.B, size int) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, b.TempDir(), sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const facilities = 50
	var versions []facility.Version
	for i := range facilities {
		versions = append(versions, facility.Version{Code: care.FacilityCode(fmt.Sprintf("%05d", i)), Level: facility.Commune, Province: "79"})
	}
	leaf := append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...)
	if err := s.Facilities.Change(ctx, store.DirectoryChange{Versions: versions}, store.Act{Leaf: leaf}); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for done := 0; done < b.N; {
		b.StopTimer()
		var group []store.Prepared
		for range min(size, b.N-done) {
			group = append(group, benchDossier(b, care.FacilityCode(fmt.Sprintf("%05d", done%facilities)), int64(done%facilities+1)))
			done++
		}
		b.StartTimer()
		out, err := s.Intake.Commit(ctx, store.Routine, group)
		if err != nil || out[0].Status != store.StatusStored {
			b.Fatal(out, err)
		}
	}
}

func benchDossier(b *testing.B, code care.FacilityCode, version int64) store.Prepared {
	now := clock.System{}.Now()
	id, err := dossier.NewID(code, now, nil)
	if err != nil {
		b.Fatal(err)
	}
	hash := func() (k vault.Keyed) {
		k[0] = 1
		if _, err := rand.Read(k[1:]); err != nil {
			b.Fatal(err)
		}
		return k
	}
	body := make([]byte, 12<<10)
	head := make([]byte, 1100)
	if _, err := rand.Read(body); err != nil {
		b.Fatal(err)
	}
	day := clock.Day(now)
	p := store.Prepared{
		File: &store.File{Facility: code, Hash: hash(), Size: 90_000, Received: now, Sender: "facility:" + string(code) + "/client-1", Lane: store.Routine,
			Wrapped: make([]byte, 61), Class: "clinical", Month: 202607, Skeleton: make([]byte, 700), Certificates: []store.Blob{{Data: make([]byte, 1500)}},
			Seals: []store.SealNote{{Subject: "O=Bệnh viện", Algorithm: "rsa-sha256", Bound: "pinned", Revocation: "good"}}, Dossiers: 1},
		ID: id, Kind: "qd4750", FacilityVersion: version, Received: now, Episode: hash(), Content: hash(), Documents: 7,
		Verdict: dossier.Verdict{State: dossier.AcceptedWithWarnings, Pack: "base/1", Findings: []dossier.Finding{{Code: "XML1.T_THUOC.sum", Severity: dossier.Warning, Table: "XML1", Row: 1, Field: "T_THUOC", Line: 9}}},
		Tags:    []string{"XML1.T_THUOC.sum", "doc:XML7"}, Version: 1, Current: true, Order: "202607010800", Subject: &store.NewSubject{Key: hash()},
		Wrapped: make([]byte, 61), Class: "clinical", Month: 202607, Head: head, Body: body, Leaf: append([]byte("lienthong/receipt/v1\n"), body[:32]...),
	}
	for _, m := range []string{"accepted_with_warnings", "code:XML1.T_THUOC.sum", "doc:XML7"} {
		p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: version, Day: day, Kind: "qd4750", Measure: m, N: 1})
	}
	return p
}
