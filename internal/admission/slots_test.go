package admission_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/admission"
)

// A thousand facilities are turned away at 17:00 with a megabyte each, of a hub
// that does ten in a second.
func TestAStampedeIsSpread(t *testing.T) {
	t.Parallel()
	s := admission.NewSlots()
	const capacity = 10 << 20
	perSecond := map[int64]int{}
	var last time.Time
	for i := range 1000 {
		slot := s.Give(of(fmt.Sprint(79000+i)), 1<<20, capacity, noon)
		if !slot.Start.After(noon) || !slot.End.After(slot.Start) {
			t.Fatalf("%+v", slot)
		}
		perSecond[slot.Start.Unix()]++
		if slot.Start.After(last) {
			last = slot.Start
		}
	}
	for at, n := range perSecond {
		if n > 11 {
			t.Errorf("%d come in second %d, ten are done in one", n, at-noon.Unix())
		}
	}
	if d := last.Sub(noon); d < 95*time.Second || d > 200*time.Second {
		t.Errorf("the last comes after %v, want about 100 s", d)
	}
	if given, ahead, until := s.Ahead(noon); given != 1000 || ahead != 1000 || !until.Equal(last) {
		t.Errorf("%d given, %d ahead until %v", given, ahead, until)
	}
}

func TestSlotsOfNeighboursAreNotNeighbours(t *testing.T) {
	t.Parallel()
	s := admission.NewSlots()
	var order []int
	at := map[int]time.Time{}
	for i := range 200 {
		at[i] = s.Give(of(fmt.Sprint(79000+i)), 1<<20, 1<<20, noon).Start
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return at[a].Compare(at[b]) })
	if slices.IsSorted(order) {
		t.Error("slots are given in the order of arrival: who comes first today comes first every day")
	}
}

func TestComingEarlyCostsTheSenderAlone(t *testing.T) {
	t.Parallel()
	s := admission.NewSlots()
	const capacity = 1 << 20
	mine := s.Give(of("early"), 1<<20, capacity, noon)
	others := s.Give(of("other"), 1<<20, capacity, noon)
	if again := s.Give(of("early"), 1<<20, capacity, noon.Add(100*time.Millisecond)); !again.Start.Equal(mine.Start) {
		t.Error("what was on its way already moved the slot")
	}
	now, before := noon, mine.Start
	for i := range 4 {
		now = now.Add(1100 * time.Millisecond)
		if !now.Before(before) {
			break
		}
		if !s.Early(of("early"), now) || s.Early(of("other"), others.Start) {
			t.Error("who is early is not told from who is not")
		}
		moved := s.Give(of("early"), 1<<20, capacity, now)
		if !moved.Start.Truncate(time.Second).After(before.Truncate(time.Second)) {
			t.Errorf("attempt %d: the slot stays at %v", i, moved.Start)
		}
		before = moved.Start
	}
	if before.Sub(mine.Start) < 2*time.Second {
		t.Errorf("four early attempts cost %v", before.Sub(mine.Start))
	}
	if again := s.Give(of("other"), 1<<20, capacity, noon.Add(500*time.Millisecond)); !again.Start.Equal(others.Start) {
		t.Error("another sender's slot moved")
	}
	s.Came(of("early"), before)
	if s.Early(of("early"), before.Add(time.Second)) {
		t.Error("who came in its slot is early")
	}
}

func TestAFullHourSendsBeyondIt(t *testing.T) {
	t.Parallel()
	s := admission.NewSlots()
	for i := range 130 { // thirty seconds' worth each, of 3,600
		s.Give(of(fmt.Sprint(i)), 30, 1, noon)
	}
	slot := s.Give(of("late"), 30, 1, noon)
	if d := slot.Start.Sub(noon); d < time.Hour-2*time.Second || d > time.Hour+2*time.Minute {
		t.Errorf("it may come after %v", d)
	}
}

// Whoever asks for whatever, early or in time: what is given out for a second is
// never more than the capacity, nor less than nothing.
func TestNeverMoreThanTheCapacityIsGivenOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := admission.NewSlots()
		now := noon
		most := int64(0)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			capacity := rapid.Int64Range(1, 1000).Draw(t, "capacity")
			most = max(most, capacity)
			f := of(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "sender"))
			slot := s.Give(f, rapid.Int64Range(0, 5000).Draw(t, "bytes"), capacity, now)
			if !slot.Start.After(now) || !slot.End.After(slot.Start) || slot.BytesPerS < 0 {
				t.Fatalf("%+v at %v", slot, now)
			}
			if rapid.Bool().Draw(t, "came") {
				s.Came(f, slot.Start)
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "later")))
			for i := range 60 {
				if n := s.Booked(now.Add(time.Duration(i) * time.Second)); n > most || n < 0 {
					t.Fatalf("%d bytes are given out for one second, at most %d", n, most)
				}
			}
		}
	})
}
