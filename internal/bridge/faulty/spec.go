package faulty

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/fault"
)

// ErrSpec (simulator.fault): a description of faults that cannot be read; the
// cause says which part.
var ErrSpec = fault.New(fault.Invalid, "simulator.fault",
	"Không đọc được mô tả lỗi giả lập. Xem doc/guide/simulators.md.",
	"The description of simulated faults cannot be read. See doc/guide/simulators.md.")

// Names of the faults that every simulator knows. Any answer code of the
// simulator's own protocol is a name too, and any HTTP status from 400 to 599.
const (
	Slow       = "slow"               // =D: the answer waits D, default 5s
	Drip       = "drip"               // =D: the answer comes byte by byte, D apart, default 100ms
	Garbage    = "garbage"            // 200 with something else than the protocol; nothing is recorded
	Redirect   = "redirect"           // =URL: 307 to somewhere else, default /simulator/elsewhere
	Reset      = "reset"              // the line is cut before anything is read
	LostAnswer = "lost-answer"        // it is recorded, then the line is cut
	HalfAnswer = "half-answer"        // it is recorded, half of the answer comes, then the line is cut
	Unrecorded = "unrecorded-success" // it is answered as a success and forgotten
	Down       = "down"               // every line is cut, from= and for= say when
	Status     = "http"               // =500: the HTTP status, also where 500 is an answer code
)

// Elsewhere is where a redirect leads unless told otherwise.
const Elsewhere = "/simulator/elsewhere"

// rule is one fault with its conditions.
type rule struct {
	name  string
	value string
	wait  time.Duration // of slow and drip
	http  int           // of an HTTP status

	p      float64 // 0: always
	after  int     // so many matching requests go well first
	count  int     // it happens at most so often; 0: no end
	every  int     // of the matching requests only each such; 0: each
	path   string  // only requests whose path holds this
	from   time.Duration
	fromAt time.Time
	length time.Duration // 0: no end

	seen, fired int
}

// parse reads "name[=value][:option=value]...", several with commas between.
// Options: p, after, count, every, path, from, for; one that stands behind a
// comma belongs to the fault before it.
func parse(spec string, codes []string) ([]*rule, error) {
	var rules []*rule
	for _, piece := range strings.Split(spec, ",") {
		piece = strings.TrimSpace(piece)
		if piece == "" {
			continue
		}
		if isOption(piece) {
			if len(rules) == 0 {
				return nil, bad(piece, errors.New("an option without a fault"))
			}
			if err := rules[len(rules)-1].options(piece); err != nil {
				return nil, bad(piece, err)
			}
			continue
		}
		head, rest := cutOptions(piece)
		r := &rule{}
		r.name, r.value, _ = strings.Cut(head, "=")
		if err := r.named(codes); err != nil {
			return nil, bad(piece, err)
		}
		if err := r.options(rest); err != nil {
			return nil, bad(piece, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func bad(piece string, err error) error { return ErrSpec.Because(fmt.Errorf("%q: %w", piece, err)) }

func isOption(piece string) bool {
	name, _, ok := strings.Cut(piece, "=")
	switch name {
	case "p", "after", "count", "every", "path", "from", "for":
		return ok
	}
	return false
}

// cutOptions splits at the first colon with an option behind it, so that times
// and URLs keep theirs.
func cutOptions(piece string) (head, rest string) {
	for i := range len(piece) {
		if piece[i] == ':' && isOption(piece[i+1:]) {
			return piece[:i], piece[i+1:]
		}
	}
	return piece, ""
}

// named checks the fault's name and value.
func (r *rule) named(codes []string) (err error) {
	plain := func() error {
		if r.value != "" {
			return errors.New("takes no value")
		}
		return nil
	}
	switch {
	case r.name == Slow:
		r.wait, err = length(r.value, 5*time.Second)
		return err
	case r.name == Drip:
		r.wait, err = length(r.value, 100*time.Millisecond)
		return err
	case r.name == Redirect:
		if r.value == "" {
			r.value = Elsewhere
		}
		return nil
	case slices.Contains([]string{Garbage, Reset, LostAnswer, HalfAnswer, Unrecorded, Down}, r.name):
		return plain()
	case r.name == Status:
		r.http, err = status(r.value)
		return err
	case slices.Contains(codes, r.name):
		return plain()
	}
	if r.http, err = status(r.name); err != nil {
		return errors.New("no fault or answer code of this name")
	}
	return plain()
}

func length(s string, unset time.Duration) (time.Duration, error) {
	if s == "" {
		return unset, nil
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = errors.New("a negative time")
	}
	return d, err
}

func status(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < 400 || n > 599) {
		err = errors.New("no HTTP status from 400 to 599")
	}
	return n, err
}

// options reads "name=value:name=value".
func (r *rule) options(s string) error {
	for s != "" {
		var one string
		one, s = cutOptions(s)
		name, value, _ := strings.Cut(one, "=")
		if err := r.option(name, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (r *rule) option(name, value string) (err error) {
	number := func(to *int, least int) error {
		n, err := strconv.Atoi(value)
		if err == nil && n < least {
			err = errors.New("too small")
		}
		*to = n
		return err
	}
	switch name {
	case "p":
		if r.p, err = strconv.ParseFloat(value, 64); err == nil && !(r.p > 0 && r.p <= 1) {
			err = errors.New("not over 0 and up to 1")
		}
	case "after":
		err = number(&r.after, 0)
	case "count":
		err = number(&r.count, 1)
	case "every":
		err = number(&r.every, 1)
	case "path":
		r.path = value
	case "for":
		r.length, err = length(value, 0)
	case "from":
		if r.fromAt, err = time.Parse(time.RFC3339, value); err != nil {
			r.from, err = length(value, 0)
		}
	}
	return err
}
