package identity_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"testing"

	"lienthong/internal/identity"
)

// TestNamesComeInRuns: 256 persons share the first half of their names and no two
// a name, however many ask at once.
func TestNamesComeInRuns(t *testing.T) {
	t.Parallel()
	names := identity.NewNames(rand.Reader)
	var mu sync.Mutex
	seen, firsts := map[identity.Person]bool{}, map[[8]byte]int{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 256 {
				p, err := names.New()
				mu.Lock()
				if err != nil || seen[p] {
					t.Errorf("%v, named before: %t", err, seen[p])
				}
				seen[p] = true
				firsts[[8]byte(p[:8])]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for first, n := range firsts {
		if n != 256 {
			t.Errorf("%d names begin with %x", n, first)
		}
	}
}

func TestNobodyIsNamedWithoutRandomness(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 3, 8, 12} { // bytes there are: of the first half, and of the second
		if _, err := identity.NewNames(bytes.NewReader(make([]byte, n))).New(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("named from %d bytes: %v", n, err)
		}
	}
	if _, err := identity.Decide(identity.Subject{}, []identity.Held{{}}, identity.NewNames(bytes.NewReader(nil))); err == nil {
		t.Error("a person is named from nothing")
	}
}
