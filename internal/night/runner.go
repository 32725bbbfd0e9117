package night

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store/house"
)

// The faults of a runner.
var (
	// ErrJob: no such job.
	ErrJob = fault.New(fault.Absent, "night.job", "Không có việc ban đêm này.", "There is no such job of the night.")
	// ErrDay: a day that is not over, or none.
	ErrDay = fault.New(fault.Invalid, "night.day",
		"Ngày phải viết yyyyMMdd, đã qua và không quá 366 ngày trước.", "The day is written yyyyMMdd, is over, and was at most 366 days ago.")
	// ErrTurn: another process is at it.
	ErrTurn = fault.New(fault.Conflict, "night.turn",
		"Một hub khác đang chạy việc ban đêm. Chờ rồi chạy lại.", "Another hub is at the jobs of the night. Wait and run this again.")
	// ErrPanic: a job broke off in a way it should not.
	ErrPanic = fault.New(fault.Broken, "night.broken",
		"Việc ban đêm dừng vì lỗi của chương trình. Báo đội vận hành.", "A job of the night stopped by an error of the program. Tell the operators.")
	// ErrCut: the process ended in the middle of a job, each time it was tried.
	ErrCut = fault.New(fault.Broken, "night.cut",
		"Hub dừng giữa việc ban đêm này ở mọi lần thử, nên không tự chạy lại nữa. Báo đội vận hành.",
		"The hub ended in the middle of this job of the night each time it was tried, so it is not run again by itself. Tell the operators.")
)

// Turns says which of several processes does something; house.Entries does.
type Turns interface {
	Turn(ctx context.Context, what, holder string, now, until time.Time) (bool, error)
}

// Deps is what a runner works with.
type Deps struct {
	Nights house.Nights
	Turns  Turns
	Clock  clock.Clock
	Jobs   []Job // in order
}

// Config says when. Zero fields are the defaults.
type Config struct {
	Holder  string        // this process among the hubs of a store
	From    time.Duration // after midnight in Hanoi; 1 hour
	CatchUp int           // missed days that are done later; 7
	Retry   time.Duration // until a failed job is tried again; 10 minutes
	Tries   int           // of a job and day, failed or cut off, then people look; 20
	Hold    time.Duration // of the turn, renewed in thirds; 1 minute
}

// Runner does the jobs of nights.
type Runner struct {
	d    Deps
	c    Config
	busy sync.Mutex // one round at a time in a process
}

// New returns a runner.
func New(d Deps, c Config) (*Runner, error) {
	if d.Nights == nil || d.Turns == nil || d.Clock == nil || c.Holder == "" {
		return nil, errors.New("night: a part is missing")
	}
	seen := map[string]bool{}
	for _, j := range d.Jobs {
		if j.ID == "" || j.Run == nil || seen[j.ID] {
			return nil, errors.New("night: a job without name or work, or twice: " + j.ID)
		}
		seen[j.ID] = true
	}
	fill := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	wait := func(n *time.Duration, to time.Duration) {
		if *n <= 0 {
			*n = to
		}
	}
	fill(&c.CatchUp, 7)
	fill(&c.Tries, 20)
	wait(&c.From, time.Hour)
	wait(&c.Retry, 10*time.Minute)
	wait(&c.Hold, time.Minute)
	return &Runner{d: d, c: c}, nil
}

// Jobs lists the ids of the jobs in order.
func (r *Runner) Jobs() []string {
	out := make([]string, len(r.d.Jobs))
	for i, j := range r.d.Jobs {
		out[i] = j.ID
	}
	return out
}

// Nights returns what was done of days from one to another (0: open).
func (r *Runner) Nights(ctx context.Context, from, to int) ([]house.Night, error) {
	return r.d.Nights.Nights(ctx, from, to)
}

// last is the newest day whose night has come.
func (r *Runner) last() time.Time {
	return r.d.Clock.Now().In(clock.Hanoi).Add(-r.c.From).AddDate(0, 0, -1)
}

// step is one job of one day.
type step struct {
	day int
	job Job
}

// due lists what is to be done, in order of days and jobs, and what was cut off as
// often as a job is tried: it may be what ends the process. A job nobody ran yet
// begins with the last day: what was before it is not missed.
func (r *Runner) due(ctx context.Context) (out []step, lost []house.Night, err error) {
	last := r.last()
	first := last.AddDate(0, 0, 1-r.c.CatchUp)
	all, err := r.d.Nights.Nights(ctx, clock.Day(first), 0)
	if err != nil {
		return nil, nil, err
	}
	kept, known := map[string]house.Night{}, map[string]int{}
	for _, n := range all {
		kept[key(n.Day, n.Job)] = n
		if is := known[n.Job]; is == 0 || n.Day < is {
			known[n.Job] = n.Day
		}
	}
	now := r.d.Clock.Now()
	for at := first; !at.After(last); at = at.AddDate(0, 0, 1) {
		day, newest := clock.Day(at), clock.Day(at) == clock.Day(last)
		for _, j := range r.d.Jobs {
			n, began := kept[key(day, j.ID)]
			switch {
			case !newest && (j.Present || known[j.ID] == 0 || day < known[j.ID]):
			case began && n.State == house.NightDone:
			case began && n.State == house.NightFailed && (n.Tries >= r.c.Tries || now.Sub(n.Ended) < r.c.Retry):
			case began && n.State == house.NightRunning && n.Tries >= r.c.Tries:
				lost = append(lost, n)
			default:
				out = append(out, step{day, j})
			}
		}
	}
	return out, lost, nil
}

func key(day int, job string) string { return strconv.Itoa(day) + " " + job }

// Round does what is due, if it is this process's turn. A job that fails is kept as
// such, and does not stop the others; its error is part of Round's, for the log.
func (r *Runner) Round(ctx context.Context) error {
	var failed []error
	if !r.busy.TryLock() {
		return nil
	}
	defer r.busy.Unlock()
	steps, lost, err := r.due(ctx)
	if err != nil || len(steps)+len(lost) == 0 {
		return err
	}
	err = r.inTurn(ctx, func(ctx context.Context) error {
		if steps, lost, err = r.due(ctx); err != nil { // another may just have done it
			return err
		}
		for _, n := range lost {
			n.State, n.Code, n.Ended = house.NightFailed, ErrCut.Code, r.d.Clock.Now()
			failed = append(failed, fmt.Errorf("%s of %d: %w", n.Job, n.Day, ErrCut))
			if err := r.d.Nights.End(ctx, n); err != nil {
				return err
			}
		}
		for _, s := range steps {
			_, why, err := r.do(ctx, s)
			if err != nil {
				return err
			}
			if why != nil {
				failed = append(failed, fmt.Errorf("%s of %d: %w", s.job.ID, s.day, why))
			}
		}
		return nil
	})
	if errors.Is(err, ErrTurn) {
		return nil
	}
	return errors.Join(append(failed, err)...)
}

// Do does the jobs of a day now: all, or one ("" all). What is done already is
// returned as it is. Faults: night.job, night.day, night.turn.
func (r *Runner) Do(ctx context.Context, day int, job string) ([]house.Night, error) {
	if day == 0 {
		day = clock.Day(r.d.Clock.Now().AddDate(0, 0, -1))
	}
	at, err := time.ParseInLocation("20060102", strconv.Itoa(day), clock.Hanoi)
	if age := r.d.Clock.Now().Sub(at); err != nil || age < 24*time.Hour || age > 367*24*time.Hour {
		return nil, ErrDay
	}
	if job != "" && !slices.Contains(r.Jobs(), job) {
		return nil, ErrJob
	}
	r.busy.Lock()
	defer r.busy.Unlock()
	var out []house.Night
	err = r.inTurn(ctx, func(ctx context.Context) error {
		for _, j := range r.d.Jobs {
			if job != "" && j.ID != job {
				continue
			}
			n, _, err := r.do(ctx, step{day, j}) // why it failed its code says
			if err != nil {
				return err
			}
			out = append(out, n)
		}
		return nil
	})
	return out, err
}

// turn names what one process of several does.
const turn = "night"

// inTurn does something while the turn is this process's: when it is lost, ctx ends.
func (r *Runner) inTurn(ctx context.Context, do func(context.Context) error) error {
	take := func(ctx context.Context) (bool, error) {
		now := r.d.Clock.Now()
		return r.d.Turns.Turn(ctx, turn, r.c.Holder, now, now.Add(r.c.Hold))
	}
	mine, err := take(ctx)
	if err != nil {
		return err
	}
	if !mine {
		return ErrTurn
	}
	work, lose := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		for clock.Sleep(work, r.c.Hold/3) == nil {
			if mine, err := take(work); err != nil || !mine {
				lose(errors.Join(ErrTurn, err))
				return
			}
		}
	})
	err = do(work)
	if err != nil && errors.Is(context.Cause(work), ErrTurn) {
		err = context.Cause(work)
	}
	lose(nil)
	keeping.Wait()
	now := r.d.Clock.Now() // given back: the next need not wait
	_, end := r.d.Turns.Turn(context.WithoutCancel(ctx), turn, r.c.Holder, now, now)
	return errors.Join(err, end)
}

// do does one job of one day, and keeps what it found; why is its error.
func (r *Runner) do(ctx context.Context, s step) (n house.Night, why, err error) {
	n, err = r.d.Nights.Begin(ctx, s.day, s.job.ID, r.d.Clock.Now())
	if err != nil || n.State == house.NightDone {
		return n, nil, err
	}
	found, why := run(ctx, s)
	if ctx.Err() != nil { // cut off: it stays as running, and goes on later
		return n, why, ctx.Err()
	}
	n.State, n.Code, n.Ended = house.NightDone, "", r.d.Clock.Now()
	n.Seen, n.Changed, n.Unequal, n.Note = found.Seen, found.Changed, found.Unequal, found.Note
	if why != nil {
		n.State, n.Code = house.NightFailed, fault.Of(why).Code
	}
	return n, why, r.d.Nights.End(ctx, n)
}

func run(ctx context.Context, s step) (found Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ErrPanic.Because(fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()
	return s.job.Run(ctx, s.day)
}
