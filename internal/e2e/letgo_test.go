package e2e_test

import (
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"lienthong/internal/hub"
)

// A hub that was closed is let go of: by its test, which package testing keeps to
// the end, and by all that lasts as long as the process.
func TestAClosedHubIsLetGo(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ended []*testing.T
	closed := map[string]weak.Pointer[hub.Hub]{}
	t.Run("closed", func(t *testing.T) {
		engines(t, func(t *testing.T, w *world) {
			w.send("79901", ours(pairs().ec, envelope(newVisit())))
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, t)
			closed[t.Name()] = weak.Make(w.hub)
		})
	})
	if len(closed) != 2 {
		t.Fatalf("%d hubs were closed", len(closed))
	}
	for name, h := range closed {
		for range 200 {
			if runtime.GC(); h.Value() == nil {
				break
			}
			time.Sleep(10 * time.Millisecond) // a connection that ends holds its handler
		}
		if h.Value() != nil {
			t.Errorf("the closed hub of %s is still held", name)
		}
	}
	runtime.KeepAlive(ended)
}
