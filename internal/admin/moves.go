package admin

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"lienthong/internal/fault"
)

var (
	// ErrMoveUnknown: no such act under way or lately ended.
	ErrMoveUnknown = fault.New(fault.Absent, "leg.act_unknown", "Không có thao tác này.", "There is no such act.")
	// ErrMoveBusy: as many acts as are done at once are under way.
	ErrMoveBusy = fault.New(fault.Conflict, "leg.act_busy",
		"Đang có thao tác hàng loạt khác. Chờ xong hoặc hủy rồi thử lại.", "Other acts are under way. Wait for them or cancel one.")
)

// How an act on many legs stands.
const (
	MoveRunning   = "running"
	MoveDone      = "done"
	MoveCancelled = "cancelled"
	MoveFailed    = "failed"
)

// Move is an act on many legs and how far it is.
type Move struct {
	ID    string `json:"id"`
	Actor string `json:"actor"`
	LegAct
	Count int       `json:"count"` // when it began
	Moved int       `json:"moved"`
	State string    `json:"state"`
	Code  string    `json:"code,omitempty"` // why it failed
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
}

// The acts that are done at once, and those that are remembered.
const (
	movesAtOnce = 4
	movesKept   = 50
)

// Moves does acts on many legs in the background, so that who asked sees how far
// they are and can stop them. They are remembered until the hub ends; what was
// done is in the acts.
type Moves struct {
	office *Office
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup

	mu   sync.Mutex
	list []*moving // oldest first
}

type moving struct {
	Move
	cancel context.CancelFunc
}

// NewMoves returns an empty list of acts.
func NewMoves(o *Office) *Moves {
	m := &Moves{office: o}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// Begin counts what is selected and begins the act. Faults: those of MoveLegs;
// leg.act_busy.
func (m *Moves) Begin(ctx context.Context, actor string, a LegAct) (Move, error) {
	if err := a.check(); err != nil {
		return Move{}, err
	}
	count, err := m.office.CountLegs(ctx, a)
	if err != nil {
		return Move{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	running := 0
	for _, x := range m.list {
		if x.State == MoveRunning {
			running++
		}
	}
	if running >= movesAtOnce || m.ctx.Err() != nil {
		return Move{}, ErrMoveBusy
	}
	work, cancel := context.WithCancel(m.ctx)
	x := &moving{Move{ID: strings.ToLower(rand.Text()), Actor: actor, LegAct: a, Count: count, State: MoveRunning, Began: m.office.Clock.Now()}, cancel}
	m.list = append(m.list, x)
	m.forget()
	m.work.Go(func() { m.run(work, x) })
	return x.Move, nil
}

// forget drops the oldest that have ended.
func (m *Moves) forget() {
	over := len(m.list) - movesKept
	m.list = slices.DeleteFunc(m.list, func(x *moving) bool {
		over--
		return over >= 0 && x.State != MoveRunning
	})
}

func (m *Moves) run(ctx context.Context, x *moving) {
	defer x.cancel()
	moved, err := m.office.MoveLegs(ctx, x.Actor, x.LegAct, func(n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		x.Moved = n
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	x.Moved, x.Ended, x.State = moved, m.office.Clock.Now(), MoveDone
	switch {
	case err == nil:
	case ctx.Err() != nil:
		x.State = MoveCancelled
	default:
		x.State, x.Code = MoveFailed, fault.Of(err).Code
	}
}

// List returns the acts, the newest first.
func (m *Moves) List() []Move {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Move, len(m.list))
	for i, x := range m.list {
		out[i] = x.Move
	}
	slices.SortStableFunc(out, func(a, b Move) int { return cmp.Compare(b.Began.UnixMicro(), a.Began.UnixMicro()) })
	return out
}

// Get returns one act. Fault: leg.act_unknown.
func (m *Moves) Get(id string) (Move, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, err := m.find(id)
	if err != nil {
		return Move{}, err
	}
	return x.Move, nil
}

// Cancel stops an act after the step under way. What was moved stays moved.
// Fault: leg.act_unknown.
func (m *Moves) Cancel(id string) (Move, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, err := m.find(id)
	if err != nil {
		return Move{}, err
	}
	x.cancel()
	return x.Move, nil
}

func (m *Moves) find(id string) (*moving, error) {
	for _, x := range m.list {
		if x.ID == id {
			return x, nil
		}
	}
	return nil, ErrMoveUnknown
}

// Stop cancels everything and waits for it.
func (m *Moves) Stop() {
	m.mu.Lock()
	m.stop()
	m.mu.Unlock()
	m.work.Wait()
}
