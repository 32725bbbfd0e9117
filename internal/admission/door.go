package admission

import (
	"context"
	"time"
)

// Claim is on whose account work is done.
type Claim struct {
	Flow
	Piece int64 // bytes of one piece of its work, as far as known
}

type claimKey struct{}

// With returns a context whose work is on the claim's account.
func With(ctx context.Context, c Claim) context.Context {
	return context.WithValue(ctx, claimKey{}, c)
}

// ClaimOf is on whose account a context's work is; nobody's when not said.
func ClaimOf(ctx context.Context) Claim {
	c, ok := ctx.Value(claimKey{}).(Claim)
	if !ok {
		c.Lane = Routine
	}
	return c
}

// Turned is the error of who was turned away: there is no room for it now.
type Turned struct{ Slot Slot }

// Error says so, for the operator.
func (t *Turned) Error() string {
	return "no room; slot " + t.Slot.Start.UTC().Format(time.RFC3339) + " to " + t.Slot.End.UTC().Format(time.RFC3339)
}

// DoorConfig has the sizes of a door.
type DoorConfig struct {
	InFlight  int64 // bytes held at once
	UnderWork int64 // bytes of them that are worked on, in the urgent lane and in the others each
	Weights   Weights
}

// Door is where overload is answered: the rooms a file passes, the slots of
// those who find no room, and the count of who comes. It is safe for concurrent
// use.
type Door struct {
	held    *Room
	urgent  *Room // under work
	other   *Room
	slots   *Slots
	goodput *Goodput
	tally   *Tally
}

// Parts of the bytes in flight that a lane may fill together with those below
// it: who is urgent always finds room.
const (
	routineCeiling = 7.0 / 8
	backlogCeiling = 1.0 / 2
)

// NewDoor returns a door with nobody in it.
func NewDoor(c DoorConfig) *Door {
	return &Door{
		held:   NewRoom(RoomConfig{Size: c.InFlight, Ceilings: [Lanes]float64{1, routineCeiling, backlogCeiling}, Weights: c.Weights}),
		urgent: NewRoom(RoomConfig{Size: c.UnderWork, Weights: c.Weights}), other: NewRoom(RoomConfig{Size: c.UnderWork, Weights: c.Weights}),
		slots: NewSlots(), goodput: NewGoodput(), tally: NewTally(),
	}
}

// Came counts a request to send files.
func (d *Door) Came(sender string, now time.Time) {
	d.tally.Note(Sent{Sender: sender, Requests: 1}, now)
}

// Done counts what was decided of a sender's files, and what was not.
func (d *Door) Done(s Sent, now time.Time) {
	d.goodput.Done(s.Bytes, now)
	d.tally.Note(s, now)
}

// Hold keeps room for bytes in flight until release is called. Without wait who
// finds none is turned away (*Turned) with a slot; with wait it is held back until
// its turn, and the error is the context's.
func (d *Door) Hold(ctx context.Context, bytes int64, wait bool, now time.Time) (release func(), err error) {
	f := ClaimOf(ctx).Flow
	switch {
	case !wait && d.crowded(f, bytes, now):
		return nil, d.TurnAway(f, bytes, now)
	case d.held.Try(f, bytes, d.slots.Early(f, now)):
		d.slots.Came(f, now)
	case !wait:
		return nil, d.TurnAway(f, bytes, now)
	default:
		d.goodput.Saturated(now)
		if err := d.held.Enter(ctx, f, bytes, now); err != nil {
			return nil, err
		}
	}
	return func() { d.held.Leave(f, bytes) }, nil
}

// The line before the work is kept as short as this, and not shorter than some
// files: who would wait longer is told when to come, rather than held in memory.
const (
	longestLine  = time.Second / 2
	shortestLine = 2 << 20
)

// crowded reports whether a sender has in line before the work what it may.
func (d *Door) crowded(f Flow, bytes int64, now time.Time) bool {
	limit := max(int64(longestLine.Seconds()*float64(d.goodput.PerSecond(now))), shortestLine)
	return d.room(f.Lane).Crowded(f, bytes, limit)
}

// room is where a lane's work is done.
func (d *Door) room(l Lane) *Room {
	if l == Urgent {
		return d.urgent
	}
	return d.other
}

// TurnAway gives who cannot be taken now its slot.
func (d *Door) TurnAway(f Flow, bytes int64, now time.Time) *Turned {
	d.goodput.Saturated(now)
	d.tally.Note(Sent{Sender: f.Sender, Deferrals: 1}, now)
	return &Turned{d.slots.Give(f, bytes, d.goodput.PerSecond(now), now)}
}

// Work waits for room to work on bytes. Its error is the context's.
func (d *Door) Work(ctx context.Context, f Flow, bytes int64, now time.Time) (leave func(), err error) {
	room := d.room(f.Lane)
	if !room.Try(f, bytes, false) { // where there is room, a sender that has gone is answered too
		d.goodput.Saturated(now)
		if err := room.Enter(ctx, f, bytes, now); err != nil {
			return nil, err
		}
	}
	return func() { room.Leave(f, bytes) }, nil
}

// Depth is for how long slots are given out already.
func (d *Door) Depth(now time.Time) time.Duration {
	_, _, until := d.slots.Ahead(now)
	return max(until.Sub(now), 0)
}

// State is how things flow now, with the senders that send most, so many of them.
func (d *Door) State(top int, now time.Time) State {
	s := State{At: now, Capacity: d.goodput.PerSecond(now), Senders: d.tally.Top(top, now)}
	s.InFlight, s.Room = d.held.Held()
	s.Slots.Given, s.Slots.Ahead, s.Slots.Until = d.slots.Ahead(now)
	for l := Urgent; l < Lanes; l++ {
		lane := LaneState{Lane: l.String()}
		for _, r := range []*Room{d.held, d.urgent, d.other} {
			n, since := r.Waiting(l)
			lane.Waiting += n
			if !since.IsZero() {
				lane.Age = max(lane.Age, now.Sub(since))
			}
		}
		s.Lanes = append(s.Lanes, lane)
	}
	return s
}
