//go:build unix

package sqlite_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

// BenchmarkCommit stores groups of dossiers as outpatient ones are stored: a
// body of 2.5 KB, each in a file of its own, five common documents, a patient
// nobody knew with a citizen number and, every other, a card, four features, and a leaf. One
// operation is one record; cpu-us/op is processor time of the process, all
// threads, while it commits.
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
	var groups [][]store.Prepared
	for done := 0; done < b.N; {
		var group []store.Prepared
		for range min(size, b.N-done) {
			group = append(group, benchDossier(b, care.FacilityCode(fmt.Sprintf("%05d", done%facilities)), int64(done%facilities+1)))
			done++
		}
		groups = append(groups, group)
	}
	cpu := cpuMicros(b)
	b.ResetTimer()
	for _, group := range groups {
		out, err := s.Intake.Commit(ctx, store.Routine, group)
		if err != nil || out[0].Status != store.StatusStored {
			b.Fatal(out, err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuMicros(b)-cpu)/float64(b.N), "cpu-us/op")
}

// cpuMicros is the processor time used so far.
func cpuMicros(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return (u.Utime.Nano() + u.Stime.Nano()) / 1000
}

// BenchmarkRecall asks for 36 files of one dossier each, none known, as a tar
// does. One operation is one file.
func BenchmarkRecall(b *testing.B) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, b.TempDir(), sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var queries []store.Recall
	for range 36 {
		p := benchDossier(b, "79901", 1)
		q := store.Query{Facility: "79901", Kind: p.Kind, Episode: []vault.Keyed{p.Episode}, Content: []vault.Keyed{p.Content}, Subject: []vault.Keyed{p.Subject.Key}}
		for _, c := range p.Subject.Claims {
			q.Claims = append(q.Claims, []vault.Keyed{c.Key})
		}
		queries = append(queries, store.Recall{Facility: "79901", File: []vault.Keyed{p.File.Hash}, Dossiers: []store.Query{q}})
	}
	cpu := cpuMicros(b)
	b.ResetTimer()
	for range b.N/36 + 1 {
		if _, err := s.Intake.Recall(ctx, queries); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuMicros(b)-cpu)/float64((b.N/36+1)*36), "cpu-us/op")
}

func BenchmarkStanding(b *testing.B) {
	s, err := sqlite.Open(context.Background(), b.TempDir(), sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	storetest.BenchmarkStanding(b, s)
}
