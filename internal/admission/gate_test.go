package admission_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"lienthong/internal/admission"
)

func TestUrgentWorkGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(1, nil)
		if err := g.Enter(t.Context(), admission.Routine); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []admission.Lane
		var wg sync.WaitGroup
		for _, lane := range []admission.Lane{admission.Backlog, admission.Routine, admission.Urgent, admission.Backlog, admission.Urgent} {
			wg.Go(func() {
				if err := g.Enter(t.Context(), lane); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, lane)
				mu.Unlock()
				g.Leave(t.Context())
			})
			synctest.Wait()
		}
		g.Leave(t.Context())
		wg.Wait()
		want := []admission.Lane{admission.Urgent, admission.Urgent, admission.Routine, admission.Backlog, admission.Backlog}
		if !slices.Equal(order, want) {
			t.Errorf("let in %v, want %v", order, want)
		}
	})
}

func TestWhoGivesUpWaitingLeavesThePlaceToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(1, nil)
		if err := g.Enter(t.Context(), admission.Routine); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- g.Enter(ctx, admission.Urgent) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if n := g.Waiting(admission.Urgent); n != 0 {
			t.Errorf("%d still wait", n)
		}
		g.Leave(t.Context())
		if err := g.Enter(t.Context(), admission.Routine); err != nil {
			t.Error("the place was lost")
		}
	})
}

func TestAReaderKeepsAPlaceEmpty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(2, nil)
		done := g.Reading()
		if err := g.Enter(t.Context(), admission.Routine); err != nil {
			t.Fatal(err)
		}
		entered := false
		go func() {
			if err := g.Enter(t.Context(), admission.Urgent); err != nil {
				t.Error(err)
			}
			entered = true
		}()
		synctest.Wait()
		if entered {
			t.Error("both places are taken while somebody reads")
		}
		done()
		synctest.Wait()
		if !entered {
			t.Error("the place was not given back")
		}
		only := admission.NewGate(1, nil)
		defer only.Reading()()
		if err := only.Enter(t.Context(), admission.Backlog); err != nil { // a single place is never closed
			t.Error(err)
		}
	})
}
