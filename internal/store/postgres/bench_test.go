//go:build linux

package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

// BenchmarkCommit stores groups of dossiers as outpatient ones are stored: a
// sealed body of 2.5 KB, five common documents, a patient nobody knew with a
// citizen number. One operation is one record; hub-us/op and server-us/op are
// processor time of this process and of the server's.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{8, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkCommit(b, size) })
	}
}

func benchmarkCommit(b *testing.B, size int) {
	url := pgtest.Copy(b, postgres.Migrate)
	s := hub(b, url, "bench")
	var groups [][]store.Prepared
	for done := 0; done < b.N; done += size {
		groups = append(groups, benchGroup(b, size))
	}
	for range 8 { // statements are prepared, and planned as often as the server likes
		commit(b, s, benchGroup(b, size))
	}
	hubUsed, serverUsed := own(b), server(b, url)
	b.ResetTimer()
	for _, g := range groups {
		commit(b, s, g)
	}
	b.StopTimer()
	n := float64(size * len(groups))
	b.ReportMetric(float64(own(b)-hubUsed)/n, "hub-us/op")
	b.ReportMetric(float64(server(b, url)-serverUsed)/n, "server-us/op")
}

func benchGroup(b *testing.B, size int) []store.Prepared {
	g := group(b, size, 0)
	hash := func() (k vault.Keyed) {
		k[0] = 1
		rand.Read(k[1:])
		return k
	}
	for i := range g {
		p := &g[i]
		p.Body, p.Head, p.File.Skeleton, p.Wrapped, p.File.Wrapped = make([]byte, 2500), make([]byte, 700), make([]byte, 300), make([]byte, 82), make([]byte, 82)
		for _, x := range [][]byte{p.Body, p.Head, p.File.Skeleton, p.Wrapped} {
			rand.Read(x)
		}
		p.Episode, p.Content, p.File.Hash = hash(), hash(), hash()
		p.Subject = &store.NewSubject{Key: hash(), NewPerson: true, Evidence: "citizen_id"}
		rand.Read(p.Subject.Person[:])
		p.Subject.Claims = []store.Claim{{Key: hash(), Person: p.Subject.Person, Name: hash(), Birth: hash()}}
		for _, n := range []int{1, 2, 3, 4, 8} {
			p.Documents |= 1 << n
			p.Tags = append(p.Tags, fmt.Sprint("doc:XML", n))
		}
	}
	return g
}

// own is the processor time of this process in microseconds.
func own(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return (u.Utime.Nano() + u.Stime.Nano()) / 1000
}

// server is the processor time of the server's processes that live, in
// microseconds: the kernel counts it in ticks of 10 ms.
func server(b *testing.B, url string) int64 {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`)
	if err != nil {
		b.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}
	var ticks int64
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, f := range fields[11:13] { // utime and stime, proc(5)
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			ticks += n
		}
	}
	return ticks * 10_000
}

func BenchmarkStanding(b *testing.B) {
	storetest.BenchmarkStanding(b, hub(b, pgtest.Copy(b, postgres.Migrate), "bench"))
}
