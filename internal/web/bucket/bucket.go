// Package bucket bounds how often each of many may come: a token bucket for each
// (Turner, IEEE Communications Magazine 1986). It counts requests, not bytes, and
// is not for who is let in when the hub is full: admission is.
package bucket

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// most bounds the memory: beyond it all are forgotten, who then begin with a full
// bucket.
const most = 20_000

// Buckets holds one bucket for each name. It is safe for concurrent use.
type Buckets struct {
	limit rate.Limit
	burst int
	mu    sync.Mutex
	of    map[string]*rate.Limiter
}

// New returns buckets that fill at perSecond tokens and hold burst of them.
func New(perSecond float64, burst int) *Buckets {
	return &Buckets{limit: rate.Limit(perSecond), burst: burst, of: map[string]*rate.Limiter{}}
}

// Take takes a token. It returns 0 when there was one, else how long to wait, in
// whole seconds.
func (b *Buckets) Take(name string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, ok := b.of[name]
	if !ok {
		if len(b.of) >= most {
			clear(b.of)
		}
		bucket = rate.NewLimiter(b.limit, b.burst)
		b.of[name] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	return time.Duration(math.Ceil(1/float64(b.limit))) * time.Second
}

// Empty reports whether a bucket has no token left; it takes none.
func (b *Buckets) Empty(name string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, ok := b.of[name]
	return ok && bucket.TokensAt(now) < 1
}
