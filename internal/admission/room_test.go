package admission_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"lienthong/internal/admission"
)

func of(sender string) admission.Flow {
	return admission.Flow{Lane: admission.Routine, Sender: sender}
}

func TestOneSenderNeverHoldsTheWholeRoom(t *testing.T) {
	t.Parallel()
	r := admission.NewRoom(admission.RoomConfig{Size: 1000})
	for r.Try(of("flood"), 10, false) {
	}
	if held := r.HeldBy(of("flood")); held < 400 || held > 500 {
		t.Errorf("alone it holds %d of 1000, want about half", held)
	}
	if !r.Try(of("other"), 300, false) {
		t.Error("there is no room for who comes newly")
	}
	if r.Try(of("flood"), 10, false) {
		t.Error("who has its share gets more, while another is there")
	}
}

func TestComingEarlyHalvesTheShare(t *testing.T) {
	t.Parallel()
	r := admission.NewRoom(admission.RoomConfig{Size: 1000})
	for r.Try(of("early"), 10, true) {
	}
	if held := r.HeldBy(of("early")); held < 250 || held > 340 {
		t.Errorf("it holds %d of 1000, want about a third", held)
	}
	if !r.Try(of("early"), 10, false) {
		t.Error("in its slot it gets no more")
	}
}

func TestAnEmptyRoomTakesAnything(t *testing.T) {
	t.Parallel()
	r := admission.NewRoom(admission.RoomConfig{Size: 100, Ceilings: [3]float64{1, 0.5, 0.1}})
	big := admission.Flow{Lane: admission.Backlog, Sender: "a"}
	if !r.Try(big, 1_000_000, false) {
		t.Fatal("a piece larger than the room never gets in")
	}
	r.Leave(big, 1_000_000)
	if held, _ := r.Held(); held != 0 {
		t.Errorf("%d are still held", held)
	}
}

func TestLanesBelowLeaveRoomForUrgent(t *testing.T) {
	t.Parallel()
	r := admission.NewRoom(admission.RoomConfig{Size: 1000, Share: 1000, Ceilings: [3]float64{1, 0.8, 0.5}})
	fill := func(l admission.Lane) {
		for r.Try(admission.Flow{Lane: l, Sender: "a"}, 10, false) {
		}
	}
	for l, want := range map[admission.Lane]int64{admission.Backlog: 500} {
		fill(l)
		if held, _ := r.Held(); held != want {
			t.Errorf("the backlog holds %d, want %d", held, want)
		}
	}
	fill(admission.Routine)
	if held, _ := r.Held(); held != 800 {
		t.Errorf("routine and backlog hold %d, want 800", held)
	}
	fill(admission.Urgent)
	if held, _ := r.Held(); held < 990 {
		t.Errorf("with urgent %d are held", held)
	}
}

func TestWaitersTakeTurnsBySender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := admission.NewRoom(admission.RoomConfig{Size: 100, Share: 1000})
		if err := r.Enter(t.Context(), of("flood"), 100, noon); err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 100)
		wait := func(sender string) {
			go func() {
				if err := r.Enter(t.Context(), of(sender), 100, noon); err != nil {
					t.Error(err)
				}
				order <- sender
				r.Leave(of(sender), 100)
			}()
			synctest.Wait()
		}
		for range 20 {
			wait("flood")
		}
		wait("other")
		r.Leave(of("flood"), 100)
		synctest.Wait()
		first, second := <-order, <-order
		if first != "other" && second != "other" {
			t.Errorf("a small sender waits behind %s and %s", first, second)
		}
	})
}

func TestWhoGivesUpLeavesTheRoomToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := admission.NewRoom(admission.RoomConfig{Size: 100, Share: 1000})
		if !r.Try(of("a"), 60, false) {
			t.Fatal("an empty room")
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone, in := make(chan error, 1), make(chan error, 1)
		go func() { gone <- r.Enter(ctx, of("b"), 90, noon) }()
		synctest.Wait()
		go func() { in <- r.Enter(t.Context(), of("c"), 30, noon) }() // would fit, but is behind b
		synctest.Wait()
		if n, since := r.Waiting(admission.Routine); n != 2 || !since.Equal(noon) {
			t.Errorf("%d wait since %v", n, since)
		}
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := <-in; err != nil {
			t.Error(err)
		}
		if held, _ := r.Held(); held != 90 {
			t.Errorf("%d are held, want 90", held)
		}
	})
}

func TestALineIsKeptShortForWhoMakesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := admission.NewRoom(admission.RoomConfig{Size: 100, Share: 1})
		if !r.Try(of("flood"), 100, false) {
			t.Fatal("an empty room")
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 20)
		n := 0
		for ; n < 20 && !r.Crowded(of("flood"), 10, 100); n++ {
			go func() { left <- r.Enter(ctx, of("flood"), 10, noon) }()
			synctest.Wait()
		}
		if n != 5 {
			t.Errorf("%d of 10 bytes wait in a line of 100, want 5: half of it", n)
		}
		if r.Crowded(of("other"), 10, 100) {
			t.Error("who has nothing in line may not get in line")
		}
		cancel()
		for range n {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if r.Crowded(of("flood"), 10, 100) {
			t.Error("who has left the line is still counted")
		}
	})
}

// However senders come and go: the room is never overfull, never leaves out
// somebody who holds nothing where there is room, and is empty when all are gone.
func TestTheRoomIsNeverOverfull(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const size = 1000
		r := admission.NewRoom(admission.RoomConfig{Size: size})
		type piece struct {
			f admission.Flow
			n int64
		}
		var in []piece
		sum := int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(t, "leave") {
				i := rapid.IntRange(0, len(in)-1).Draw(t, "who")
				r.Leave(in[i].f, in[i].n)
				sum -= in[i].n
				in = append(in[:i], in[i+1:]...)
			} else {
				p := piece{of(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "sender")), rapid.Int64Range(1, 300).Draw(t, "bytes")}
				before := r.HeldBy(p.f)
				switch ok := r.Try(p.f, p.n, false); {
				case ok:
					in = append(in, p)
					if before > 0 && before+p.n > size-sum {
						t.Fatalf("%s holds %d and got %d of %d", p.f.Sender, before, p.n, size-sum)
					}
					sum += p.n
				case before == 0 && sum+p.n <= size:
					t.Fatalf("%s holds nothing and gets no %d, with %d of %d held", p.f.Sender, p.n, sum, size)
				}
			}
			if held, _ := r.Held(); held != sum || held > size {
				t.Fatalf("%d are held, the room says %d", sum, held)
			}
		}
		for _, p := range in {
			r.Leave(p.f, p.n)
		}
		if held, _ := r.Held(); held != 0 {
			t.Fatalf("%d are held of nobody", held)
		}
	})
}
