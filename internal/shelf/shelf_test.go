package shelf_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"lienthong/internal/shelf"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestAnAnswerIsGivenAgainUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	var s shelf.Shelf[int]
	n := 0
	get := func(at time.Time, key string) int {
		t.Helper()
		v, err := s.Get(at, 5*time.Minute, key, func() (int, error) { n++; return n, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i, c := range []struct {
		after time.Duration
		key   string
		want  int
	}{{0, "a", 1}, {299 * time.Second, "a", 1}, {299 * time.Second, "b", 2}, {10 * time.Minute, "a", 3}, {10 * time.Minute, "a", 3}} {
		if got := get(noon.Add(c.after), c.key); got != c.want {
			t.Errorf("%d: %d, not %d", i, got, c.want)
		}
	}
}

func TestWhatFailsIsNotKept(t *testing.T) {
	t.Parallel()
	var s shelf.Shelf[int]
	bad := errors.New("no")
	if _, err := s.Get(noon, time.Hour, "a", func() (int, error) { return 0, bad }); err != bad {
		t.Error(err)
	}
	if v, err := s.Get(noon, time.Hour, "a", func() (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Error(v, err)
	}
}

// Whoever asks while a new answer is computed has the old one, at once; who asks
// another question does not wait either.
func TestNobodyWaitsForAnAnswerThatIsThere(t *testing.T) {
	t.Parallel()
	var s shelf.Shelf[int]
	one := func() (int, error) { return 1, nil }
	if v, err := s.Get(noon, time.Second, "a", one); v != 1 || err != nil {
		t.Fatal(v, err)
	}
	later, began, end := noon.Add(time.Hour), make(chan bool), make(chan bool)
	var slow sync.WaitGroup
	slow.Go(func() {
		if v, err := s.Get(later, time.Second, "a", func() (int, error) { close(began); <-end; return 2, nil }); v != 2 || err != nil {
			t.Error(v, err)
		}
	})
	<-began
	never := func() (int, error) { return 0, errors.New("computed twice at once") }
	if v, err := s.Get(later, time.Second, "a", never); v != 1 || err != nil {
		t.Error(v, err)
	}
	if v, err := s.Get(later, time.Second, "b", one); v != 1 || err != nil {
		t.Error(v, err)
	}
	close(end)
	slow.Wait()
	if v, err := s.Get(later, time.Second, "a", never); v != 2 || err != nil {
		t.Error(v, err)
	}
}

func TestFirstAskersWaitForOneOfThem(t *testing.T) {
	t.Parallel()
	var s shelf.Shelf[int]
	var mu sync.Mutex
	n := 0
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			v, err := s.Get(noon, time.Hour, "a", func() (int, error) {
				mu.Lock()
				defer mu.Unlock()
				n++
				return n, nil
			})
			if v != 1 || err != nil {
				t.Error(v, err)
			}
		})
	}
	all.Wait()
}

func TestAShelfIsBounded(t *testing.T) {
	t.Parallel()
	var s shelf.Shelf[int]
	n := 0
	count := func() (int, error) { n++; return n, nil }
	for i := range shelf.Most + 1 {
		if _, err := s.Get(noon, time.Hour, fmt.Sprint(i), count); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := s.Get(noon, time.Hour, "0", count); v != shelf.Most+2 || err != nil { // it was forgotten
		t.Error(v, err)
	}
}
