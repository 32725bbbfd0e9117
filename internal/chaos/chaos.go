// Package chaos runs a hub under faults and holds the runs together: each has a
// name out of the trust page (R1 process kill, R2 power cut, ...), a seed that
// repeats it, a number of rounds, a result, and a control: the same run on
// something broken on purpose, which the run must find out. A run whose control
// is not found out fails, whatever its result.
//
// `make test` runs few rounds; `make faults` (script/faults.sh) runs all of
// them, repeats one with SEED and ROUNDS, and collects what every run says
// here. The package is not for tests of one part: those lie beside the part.
package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The variables that `make faults` sets.
const (
	envFull   = "LIENTHONG_FAULTS"        // "full": all rounds, and nothing may be missing
	envSeed   = "LIENTHONG_FAULTS_SEED"   // a number; default: of the day the run was written, or of the clock when full
	envRounds = "LIENTHONG_FAULTS_ROUNDS" // instead of the run's own
	envOut    = "LIENTHONG_FAULTS_OUT"    // file to which each run adds one line of JSON
)

// standardSeed is the seed of `make test`, where a failure should repeat.
const standardSeed = 20261122

// Plan says what a run is and how long.
type Plan struct {
	Name  string // "R1 kill sqlite": its first word is the row of the trust page
	Quick int    // rounds in `make test`
	All   int    // rounds in `make faults`
}

// Run is one run under way.
type Run struct {
	Plan
	Seed   uint64
	Rounds int

	t       testing.TB
	began   time.Time
	mu      sync.Mutex
	control string
	caught  bool
	ended   bool
}

// Outcome is the line a run leaves.
type Outcome struct {
	Name    string  `json:"name"`
	Seed    uint64  `json:"seed"`
	Rounds  int     `json:"rounds"`
	Result  string  `json:"result"`
	Control string  `json:"control"`
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"`
}

// Begin begins a run and tells its seed, so that a failure can be repeated.
func Begin(t testing.TB, p Plan) *Run {
	t.Helper()
	r := &Run{Plan: p, Seed: standardSeed, Rounds: p.Quick, t: t, began: time.Now()}
	if r.Full() {
		r.Rounds, r.Seed = p.All, uint64(r.began.UnixNano())
	}
	r.Seed = number(t, envSeed, r.Seed)
	r.Rounds = int(number(t, envRounds, uint64(r.Rounds)))
	t.Logf("%s: seed %d, %d rounds", p.Name, r.Seed, r.Rounds)
	t.Cleanup(func() {
		if !r.ended && !t.Skipped() {
			r.leave("did not come to its end")
		}
	})
	return r
}

func number(t testing.TB, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// Full reports whether this is `make faults`.
func (r *Run) Full() bool { return os.Getenv(envFull) == "full" }

// Rand is a source of chance that depends on the run's seed and on what it is for.
func (r *Run) Rand(what string, n int) *rand.Rand {
	h := uint64(14695981039346656037)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(r.Seed, h^uint64(n)*0x9e3779b97f4a7c15))
}

// Need ends a run that cannot be made here: loudly passed over in `make test`,
// a failure in `make faults`.
func (r *Run) Need(there bool, what string) {
	r.t.Helper()
	switch {
	case there:
	case r.Full():
		r.t.Fatalf("%s CANNOT BE RUN: %s", r.Name, what)
	default:
		r.t.Skipf("*** SKIPPED: %s is not run: %s", r.Name, what)
	}
}

// Control says what was broken on purpose and whether the run found it out.
// Several controls must all be found out.
func (r *Run) Control(caught bool, format string, args ...any) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if !caught {
		r.t.Errorf("%s: the control was not found out, so this run proves nothing: %s", r.Name, text)
		text = "NOT FOUND OUT: " + text
	}
	r.caught = caught && (r.caught || r.control == "")
	r.control = strings.TrimPrefix(r.control+"; "+text, "; ")
}

// End tells the result. A run without a control is a mistake.
func (r *Run) End(format string, args ...any) {
	r.t.Helper()
	if r.ended = true; r.control == "" {
		r.t.Errorf("%s has no control", r.Name)
	}
	r.leave(fmt.Sprintf(format, args...))
}

// leave leaves the line of the run.
func (r *Run) leave(result string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	o := Outcome{Name: r.Name, Seed: r.Seed, Rounds: r.Rounds, Result: result, Control: r.control,
		OK: r.caught && r.ended && !r.t.Failed(), Seconds: time.Since(r.began).Round(100 * time.Millisecond).Seconds()}
	r.t.Logf("%s | seed %d | %d rounds | %s | control: %s", o.Name, o.Seed, o.Rounds, o.Result, o.Control)
	if err := o.keep(os.Getenv(envOut)); err != nil {
		r.t.Errorf("%s: its result could not be kept: %v", r.Name, err)
	}
}

// keep adds the outcome to a file, in one write so that runs side by side do
// not mix.
func (o Outcome) keep(path string) error {
	if path == "" {
		return nil
	}
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
