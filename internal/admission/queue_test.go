package admission_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/admission"
)

var noon = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// take lets the next in and says whose it was, "" when nobody waits.
func take[T any](q *admission.Queue[T]) (admission.Flow, int64) {
	e := q.Next(nil, nil)
	if e == nil {
		return admission.Flow{}, 0
	}
	f, cost := e.Flow, e.Cost
	q.Take(e)
	return f, cost
}

func TestAFloodDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	q := admission.NewQueue[int](nil)
	for range 1000 {
		q.Push(admission.Flow{Lane: admission.Routine, Sender: "79901"}, 100, 0, noon)
	}
	for range 10 {
		take(q)
	}
	q.Push(admission.Flow{Lane: admission.Routine, Sender: "24604"}, 100, 0, noon)
	first, _ := take(q)
	second, _ := take(q)
	if first.Sender != "24604" && second.Sender != "24604" {
		t.Errorf("a small sender waits behind %v and %v", first, second)
	}
}

func TestALaneIsNeverStarved(t *testing.T) {
	t.Parallel()
	q := admission.NewQueue[int](nil)
	urgent := admission.Flow{Lane: admission.Urgent, Sender: "a"}
	backlog := admission.Flow{Lane: admission.Backlog, Sender: "a"}
	q.Push(urgent, 10, 0, noon)
	for range 100 {
		q.Push(backlog, 10, 0, noon)
	}
	got := 0
	for range 1600 {
		q.Push(urgent, 10, 0, noon) // there is always something urgent
		if f, _ := take(q); f == backlog {
			got++
		}
	}
	if got < 90 || got > 101 {
		t.Errorf("the backlog got %d of 1600 turns, want one in sixteen", got)
	}
}

func TestUrgentGoesBeforeTheRest(t *testing.T) {
	t.Parallel()
	q := admission.NewQueue[int](nil)
	for _, l := range []admission.Lane{admission.Backlog, admission.Routine, admission.Urgent, admission.Routine, admission.Urgent} {
		q.Push(admission.Flow{Lane: l, Sender: "a"}, 1, 0, noon)
	}
	var order []admission.Lane
	for q.Len() > 0 {
		f, _ := take(q)
		order = append(order, f.Lane)
	}
	if want := []admission.Lane{admission.Urgent, admission.Urgent, admission.Routine, admission.Routine, admission.Backlog}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

func TestAPartIsChargedAndTheRestWaits(t *testing.T) {
	t.Parallel()
	q := admission.NewQueue[int](nil)
	q.Push(of("flood"), 100, 1, noon)
	q.Part(q.Next(nil, nil), 16)
	q.Push(of("other"), 1, 2, noon)
	first := q.Next(nil, nil)
	if first.Value != 2 {
		t.Error("the rest of a flood goes before who comes newly")
	}
	q.Take(first)
	if rest := q.Next(nil, nil); rest.Value != 1 || rest.Cost != 84 {
		t.Errorf("%+v is left", rest)
	}
}

// What two senders that both wait all the time got, by weight, differs by no
// more than one piece of each.
func TestSharesAreWithinOnePiece(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "senders")
		weights := admission.Weights{}
		for i := range n {
			weights[fmt.Sprint(i)] = rapid.Float64Range(0.5, 8).Draw(t, "weight")
		}
		const largest = 1000
		cost := rapid.Int64Range(1, largest)
		q := admission.NewQueue[int](weights)
		lane := admission.Lane(rapid.IntRange(0, 2).Draw(t, "lane"))
		push := func(i int) {
			q.Push(admission.Flow{Lane: lane, Sender: fmt.Sprint(i)}, cost.Draw(t, "cost"), i, noon)
		}
		for i := range n {
			push(i)
			push(i)
		}
		got := make([]float64, n)
		for range rapid.IntRange(1, 200).Draw(t, "turns") {
			e := q.Next(nil, nil)
			if e == nil {
				t.Fatal("nobody is let in while all wait")
			}
			i, c := e.Value, e.Cost
			q.Take(e)
			got[i] += float64(c) / weights[fmt.Sprint(i)]
			push(i) // each always has more
			for a := range n {
				for b := range n {
					most := largest/weights[fmt.Sprint(a)] + largest/weights[fmt.Sprint(b)]
					if got[a]-got[b] > most+1e-6 {
						t.Fatalf("sender %d got %.1f and %d %.1f, at most %.1f apart", a, got[a], b, got[b], most)
					}
				}
			}
		}
	})
}

// Whatever comes, goes and gives up: where something waits there is a next, each
// is let in once, and in the order in which its sender sent it.
func TestTheQueueIsWorkConserving(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := admission.NewQueue[int](nil)
		waiting := map[int]*admission.Entry[int]{}
		last := map[admission.Flow]int{}
		for id := range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "do") {
			case 0, 1:
				f := admission.Flow{Lane: admission.Lane(rapid.IntRange(0, 2).Draw(t, "lane")), Sender: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "sender")}
				waiting[id] = q.Push(f, rapid.Int64Range(0, 100).Draw(t, "cost"), id, noon)
			case 2, 3:
				e := q.Next(nil, nil)
				if (e == nil) != (len(waiting) == 0) {
					t.Fatalf("%d wait, and next is %v", len(waiting), e)
				}
				if e == nil {
					continue
				}
				if waiting[e.Value] != e || e.Value < last[e.Flow] {
					t.Fatalf("%d is let in after %d", e.Value, last[e.Flow])
				}
				last[e.Flow] = e.Value
				delete(waiting, e.Value)
				q.Take(e)
				if q.Remove(e) {
					t.Fatal("what was taken is taken out again")
				}
			case 4:
				for at, e := range waiting {
					if !q.Remove(e) {
						t.Fatal("who waits is not found")
					}
					delete(waiting, at)
					break
				}
			}
			if q.Len() != len(waiting) {
				t.Fatalf("%d wait, the queue says %d", len(waiting), q.Len())
			}
		}
	})
}
