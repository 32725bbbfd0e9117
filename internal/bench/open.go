package bench

import (
	"context"
	"io"
	"os"
	"strings"
	"time"
)

// Senders are the clients of a target, one for each facility.
type Senders struct{ senders }

// Connect takes the tokens of facilities; the caller calls Close.
func Connect(ctx context.Context, t Target, facilities ...string) (*Senders, error) {
	s, err := newSenders(t)
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, facilities); err != nil {
		s.close()
		return nil, err
	}
	return &Senders{*s}, nil
}

// Post sends a body compressed with zstd and counts its answers. turnedAway is
// how long the hub asks to wait, when it took nothing.
func (s *Senders) Post(ctx context.Context, facility, kind string, body []byte) (c Counts, turnedAway time.Duration, err error) {
	return s.post(ctx, facility, kind, body, nil)
}

// Close gives the connections up.
func (s *Senders) Close() { s.close() }

// ErrTurnedAway is what OpenLoop's do answers when the hub took nothing.
var ErrTurnedAway = errTurnedAway

// OpenLoop starts do n times at rate a second, whether or not earlier ones have
// ended, and returns how long each that was not turned away took from when it
// was due.
func OpenLoop(ctx context.Context, rate float64, n int, do func(ctx context.Context, i int) error) ([]time.Duration, error) {
	took, err := openLoop(ctx, rate, n, do)
	return done(took), err
}

// Single takes n dossiers of a corpus.
func (c *Corpus) Single(n int) ([]Dossier, error) { return c.single(n) }

// Take returns a batch that was not taken before with its pack, false when all were.
func (c *Corpus) Take() (Batch, []byte, bool, error) { return c.take() }

// ThisMachine is what is measured on.
func ThisMachine() Machine { return machine() }

// LoadAverage is the machine's, 1, 5 and 15 minutes (Linux, proc(5)); "" where
// the system does not tell.
func LoadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(b))
	if err != nil || len(fields) < 3 {
		return ""
	}
	return strings.Join(fields[:3], " ")
}

// WatchMemory watches the resident memory of a process, of this one for 0, until
// peak is called, which is its highest in MB.
func WatchMemory(pid int) (peak func() float64) {
	m := watchMemory(pid)
	return func() float64 {
		_, peak := m.end()
		return peak
	}
}

// Row is one line of a table: what it is in Vietnamese and English, and the figure.
type Row struct{ VI, EN, Value string }

// PrintTable writes a table for people, the machine first.
func PrintTable(w io.Writer, vi, en string, m Machine, rows []Row) error {
	list := []row{m.row()}
	for _, r := range rows {
		list = append(list, row{r.VI, r.EN, r.Value})
	}
	return printTable(w, vi, en, list)
}

// Add adds what became of more.
func (c *Counts) Add(o Counts) { c.add(o) }

// Token is a facility's token.
func (s *Senders) Token(ctx context.Context, facility string) (string, error) {
	return s.token(ctx, facility)
}

// ProcessorTime is what this process has used of the processors so far; 0 where the
// system does not tell.
func ProcessorTime() time.Duration { return processorTime(os.Getpid()) }
