package admission_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lienthong/internal/admission"
)

func account(ctx context.Context, sender string, lane admission.Lane) context.Context {
	return admission.With(ctx, admission.Claim{Flow: admission.Flow{Lane: lane, Sender: sender}, Piece: 10})
}

func TestADoorTurnsAwayWithASlotAndTellsWhoSendsMost(t *testing.T) {
	t.Parallel()
	d := admission.NewDoor(admission.DoorConfig{InFlight: 1000, UnderWork: 100})
	flood, other := account(t.Context(), "79901", admission.Routine), account(t.Context(), "24604", admission.Urgent)
	var turned *admission.Turned
	for range 200 {
		d.Came("79901", noon)
		if _, err := d.Hold(flood, 10, false, noon); err != nil {
			if !errors.As(err, &turned) {
				t.Fatal(err)
			}
		}
	}
	if turned == nil || !turned.Slot.Start.After(noon) {
		t.Fatalf("a flood is turned away with %+v", turned)
	}
	release, err := d.Hold(other, 400, false, noon)
	if err != nil {
		t.Fatal("another finds no room", err)
	}
	d.Done(admission.Sent{Sender: "24604", Bytes: 400, Dossiers: 2}, noon)
	d.Done(admission.Sent{Sender: "79901", Bytes: 500, Dossiers: 50}, noon)
	s := d.State(10, noon)
	if len(s.Senders) != 2 || s.Senders[0].Sender != "79901" || s.Senders[0].Requests != 200 || s.Senders[0].Deferrals < 100 || s.Senders[1].Dossiers != 2 {
		t.Errorf("%+v", s.Senders)
	}
	if s.Slots.Given != 1 || s.Slots.Ahead != 1 || s.InFlight < 800 || s.Room != 1000 || d.Depth(noon) <= 0 {
		t.Errorf("%+v", s)
	}
	release()
	if after := d.State(10, noon.Add(10*time.Minute)); len(after.Senders) != 0 || after.Slots.Ahead != 0 {
		t.Errorf("ten minutes later: %+v", after)
	}
}

func TestWhoWaitsAtTheDoorIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := admission.NewDoor(admission.DoorConfig{InFlight: 1000, UnderWork: 100})
		f := admission.Flow{Lane: admission.Backlog, Sender: "a"}
		leave, err := d.Work(t.Context(), f, 100, noon)
		if err != nil {
			t.Fatal(err)
		}
		in := make(chan error, 1)
		go func() {
			_, err := d.Work(t.Context(), f, 100, noon)
			in <- err
		}()
		synctest.Wait()
		if l := d.State(0, noon.Add(3*time.Second)).Lanes[admission.Backlog]; l.Lane != "backlog" || l.Waiting != 1 || l.Age != 3*time.Second {
			t.Errorf("%+v", l)
		}
		urgent, err := d.Work(t.Context(), admission.Flow{Lane: admission.Urgent, Sender: "a"}, 100, noon)
		if err != nil {
			t.Fatal("urgent work waits for the backlog")
		}
		urgent()
		leave()
		if err := <-in; err != nil {
			t.Error(err)
		}
	})
}

// The capacity is what was decided in seconds with more to do than could be done.
func TestTheCapacityIsMeasuredWhenThereIsMostToDo(t *testing.T) {
	t.Parallel()
	g := admission.NewGoodput()
	before := g.PerSecond(noon)
	for i := range 60 { // idle: says nothing about what could be done
		g.Done(1000, noon.Add(time.Duration(i)*time.Second))
	}
	if now := g.PerSecond(noon.Add(time.Minute)); now != before {
		t.Errorf("an idle minute made the capacity %d of %d", now, before)
	}
	busy := noon.Add(time.Hour)
	for i := range 30 {
		at := busy.Add(time.Duration(i) * time.Second)
		g.Saturated(at)
		g.Done(5<<20, at)
	}
	if got := g.PerSecond(busy.Add(30 * time.Second)); got < 4<<20 || got > 6<<20 {
		t.Errorf("the capacity is %d, want about %d", got, 5<<20)
	}
}

func TestAClaimIsNobodysWhenNotSaid(t *testing.T) {
	t.Parallel()
	if c := admission.ClaimOf(t.Context()); c.Sender != "" || c.Lane != admission.Routine {
		t.Errorf("%+v", c)
	}
	if c := admission.ClaimOf(account(t.Context(), "79901", admission.Urgent)); c.Sender != "79901" || c.Lane != admission.Urgent || c.Piece != 10 {
		t.Errorf("%+v", c)
	}
}

func TestTheTallyForgets(t *testing.T) {
	t.Parallel()
	c := admission.NewTally()
	for i := range 7 {
		c.Note(admission.Sent{Sender: "a", Bytes: 1}, noon.Add(time.Duration(i)*time.Minute))
	}
	if top := c.Top(5, noon.Add(6*time.Minute)); len(top) != 1 || top[0].Bytes != 5 {
		t.Errorf("five minutes hold %+v", top)
	}
}
