//go:build unix

package looks_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	realhub "lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

// BenchmarkLook is one person's records as the person reads them, written down:
// all of them opened, one of them opened, and listed. It reports processor time
// of this process too (cpu-µs), which other work on the machine changes less;
// what PostgreSQL's own processes take is not in it.
func BenchmarkLook(b *testing.B) {
	for name, change := range map[string]func(*realhub.Config){"sqlite": func(*realhub.Config) {}, "postgres": func(c *realhub.Config) {
		url := pgtest.Copy(b, postgres.Migrate)
		c.Open = func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return postgres.Open(ctx, url, postgres.Config{Clock: clock.System{}, OpenLog: open, HubName: "bench.test", Owner: "test"})
		}
	}} {
		b.Run(name, func(b *testing.B) {
			s := newStage(b, 200, outpatients, change)
			p := s.patients(1, 5)[0]
			reader := disclose.Reader{Role: role.Role{Kind: role.Citizen}, Name: "bench", Route: "bench", Person: p.Person}
			ctx := b.Context()
			b.Run("chart", func(b *testing.B) {
				records := 0
				cpu := processor(b, func() {
					list, err := s.hub.Disclose.Chart(ctx, reader, p.Person, 10)
					check(b, err)
					records += len(list)
				})
				b.ReportMetric(float64(cpu.Microseconds())/float64(records), "cpu-µs/record")
			})
			b.Run("open", func(b *testing.B) {
				n := 0
				processor(b, func() {
					_, err := s.hub.Disclose.Open(ctx, reader, p.Records[n%len(p.Records)])
					check(b, err)
					n++
				})
			})
			b.Run("list", func(b *testing.B) {
				processor(b, func() {
					_, err := s.hub.Disclose.Person(ctx, reader, p.Person, store.Filter{Limit: 5})
					check(b, err)
				})
			})
		})
	}
}

func processor(b *testing.B, fn func()) time.Duration {
	b.Helper()
	before, n := used(b), 0
	for b.Loop() {
		fn()
		n++
	}
	cpu := used(b) - before
	b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/op")
	return cpu
}

func used(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
