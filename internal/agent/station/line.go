package station

import (
	"math"
	"sync"
	"time"
)

// Bounds of a batch, in bytes of files.
const (
	firstBatch = 512 << 10 // before anything is known of the line
	leastBatch = 32 << 10
	mostBatch  = 64 << 20
	mostItems  = 1000
)

// line knows how much gets through and sizes batches by it: one should take as
// long as it was told. Bytes are those of the files as they are, before any
// compression: what that makes of them is in the speed.
type line struct {
	batch time.Duration

	mu    sync.Mutex
	size  int64   // of the next batch
	speed float64 // bytes of files answered a second, smoothed; 0 while not known
	fails int     // tries in a row that brought nothing
}

func newLine(batch time.Duration) *line { return &line{batch: batch, size: firstBatch} }

// next is how many bytes the next batch may have.
func (l *line) next() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// went tells that a batch got through whole: so many bytes in that time.
func (l *line) went(bytes int64, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails = 0
	if bytes == 0 {
		return
	}
	now := float64(bytes) / max(took.Seconds(), 0.001)
	if l.speed == 0 {
		l.speed = now
	}
	l.speed += (now - l.speed) / 2
	want := int64(min(l.speed*l.batch.Seconds(), mostBatch))
	l.size = min(max(want, leastBatch), 2*l.size, mostBatch)
}

// cut tells that a batch broke off; answered bytes of it were decided before.
func (l *line) cut(answered int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.size = max(l.size/2, leastBatch)
	if answered > 0 {
		l.fails = 0
		l.size = max(l.size, min(answered, mostBatch)) // so much does get through
		return
	}
	l.fails++
}

// pause is how long to stay away after tries that brought nothing: full jitter
// over a range that doubles, up to a minute.
func (l *line) pause(spread func(time.Duration) time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails == 0 {
		return 0
	}
	most := time.Duration(math.Min(float64(time.Second)*math.Pow(2, float64(min(l.fails, 10))), float64(time.Minute)))
	return max(spread(most), 100*time.Millisecond)
}
