package admission_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/clock"
)

func TestUrgentWorkGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(1, nil, clock.System{})
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
		g := admission.NewGate(1, nil, clock.System{})
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
		g := admission.NewGate(2, nil, clock.System{})
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
		only := admission.NewGate(1, nil, clock.System{})
		defer only.Reading()()
		if err := only.Enter(t.Context(), admission.Backlog); err != nil { // a single place is never closed
			t.Error(err)
		}
	})
}

func by(ctx context.Context, sender string) context.Context {
	return admission.With(ctx, admission.Claim{Flow: admission.Flow{Lane: admission.Routine, Sender: sender}, Piece: 1})
}

func TestWhoFloodsLeavesAPlaceToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(2, nil, clock.System{})
		flood, other := by(t.Context(), "flood"), by(t.Context(), "other")
		for range 2 { // alone it has both
			if err := g.Enter(flood, admission.Routine); err != nil {
				t.Fatal(err)
			}
		}
		g.Leave(flood)
		if err := g.Enter(other, admission.Routine); err != nil {
			t.Fatal(err)
		}
		g.Leave(other) // and comes again in a moment
		in := make(chan struct{})
		go func() {
			if err := g.Enter(flood, admission.Routine); err != nil {
				t.Error(err)
			}
			close(in)
		}()
		synctest.Wait()
		select {
		case <-in:
			t.Error("it has both places while another is about")
		default:
		}
		if err := g.Enter(other, admission.Routine); err != nil { // at once: synctest would hang
			t.Fatal(err)
		}
		g.Leave(other)
		g.Leave(flood) // its own place goes to its own next
		<-in
		time.Sleep(time.Second) // the other is gone
		if err := g.Enter(flood, admission.Routine); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPlacesAreSharedBySender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(1, nil, clock.System{})
		if err := g.Enter(by(t.Context(), "flood"), admission.Routine); err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 30)
		wait := func(sender string) {
			ctx := by(t.Context(), sender)
			go func() {
				if err := g.Enter(ctx, admission.Routine); err != nil {
					t.Error(err)
				}
				order <- sender
				g.Leave(ctx)
			}()
			synctest.Wait()
		}
		for range 20 {
			wait("flood")
		}
		wait("other")
		g.Leave(by(t.Context(), "flood"))
		synctest.Wait()
		if first, second := <-order, <-order; first != "other" && second != "other" {
			t.Errorf("a small sender waits behind %s and %s", first, second)
		}
	})
}

func BenchmarkGate(b *testing.B) {
	g := admission.NewGate(2, nil, clock.System{})
	ctx := by(b.Context(), "79901")
	for b.Loop() {
		if err := g.Enter(ctx, admission.Routine); err != nil {
			b.Fatal(err)
		}
		g.Leave(ctx)
	}
}

func BenchmarkDoor(b *testing.B) {
	d := admission.NewDoor(admission.DoorConfig{InFlight: 128 << 20, UnderWork: 16 << 20})
	ctx := by(b.Context(), "79901")
	for b.Loop() {
		release, err := d.Hold(ctx, 47<<10, false, noon)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
