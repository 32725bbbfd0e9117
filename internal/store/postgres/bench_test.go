package postgres_test

import (
	"crypto/rand"
	"testing"

	"lienthong/internal/store/postgres/pgtest"
)

// BenchmarkCommit stores groups of 64 dossiers with bodies of 12 KB that do not
// compress, as sealed ones do not, by one hub and one writer.
func BenchmarkCommit(b *testing.B) {
	s := hub(b, pgtest.Database(b), "bench")
	body := make([]byte, 12<<10)
	rand.Read(body)
	b.ReportAllocs()
	records := 0
	for b.Loop() {
		b.StopTimer()
		g := group(b, 64, 0)
		for i := range g {
			g[i].Body = body
		}
		b.StartTimer()
		commit(b, s, g)
		records += len(g)
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}
