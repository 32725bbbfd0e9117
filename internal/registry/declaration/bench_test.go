package declaration_test

import (
	"testing"
	"time"

	"lienthong/internal/registry"
)

// BenchmarkCheck is what one row of a file costs before it is written.
func BenchmarkCheck(b *testing.B) {
	db := compile(b, good)
	v, now := registry.Values{"number": "AB1", "person": "079988000001", "given": "20/11/2026", "dose": "03", "price": "12,50", "sex": "1", "site": "L"}, time.Now()
	for b.Loop() {
		db.Check(v, now)
	}
}
