// Package brake stops who looks at too many people: it counts, for each account
// and each facility, the different persons whose records others wrote were shown
// to them in the last hours, and cuts off who goes over the limit until somebody
// answers for it. A facility's own records are its own: of them it only tells.
// It decides nothing about one record (package disclose does, and asks here).
package brake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// ErrCutOff: this account saw too many people and is stopped.
var ErrCutOff = fault.New(fault.Withheld, "disclosure.cut_off",
	"Tài khoản đã xem hồ sơ của quá nhiều người trong thời gian ngắn nên bị tạm dừng. Báo người phụ trách bảo vệ dữ liệu của cơ sở để được mở lại.",
	"This account has looked at the records of too many people in a short time and is stopped. Ask the facility's privacy officer to open it again.")

// Limit is how many different persons may be seen within a time.
type Limit struct {
	Within  time.Duration
	Persons int
}

// Config has the limits; empty ones take what is named.
type Config struct {
	Account  []Limit // persons of other facilities' records, one account: 40 in 10 minutes, 95 in 24 hours
	System   []Limit // the same of a facility's system, which asks for everybody who proved to be there: 95 in 10 minutes, 5,000 in 24 hours
	Facility []Limit // one facility in all: 20,000 in 24 hours; emergencies go on
	Own      []Limit // own records, one account; only told: 50,000 in 24 hours
}

func (c Config) withDefaults() Config {
	day := 24 * time.Hour
	set := func(to *[]Limit, limits ...Limit) {
		if len(*to) == 0 {
			*to = limits
		}
	}
	set(&c.Account, Limit{10 * time.Minute, 40}, Limit{day, 95})
	set(&c.System, Limit{10 * time.Minute, 95}, Limit{day, 5000})
	set(&c.Facility, Limit{day, 20_000})
	set(&c.Own, Limit{day, 50_000})
	return c
}

// Deps is what a brake works with.
type Deps struct {
	Looks  Looks
	Alarms Alarms
	Acts   Acts
	Clock  clock.Clock
}

// Looks reads what was disclosed; store.Disclosures does.
type Looks interface {
	List(ctx context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
}

// Alarms raises alarms; store.Alarms does.
type Alarms interface {
	Raise(ctx context.Context, a store.Alarm, act store.Act) (fresh bool, err error)
}

// Acts keeps and lists acts; store.Keys does.
type Acts interface {
	Act(ctx context.Context, act store.Act) error
	Acts(ctx context.Context, before int64, limit int) ([]store.Act, error)
}

// The acts of a brake. Their object is the account's mark.
const (
	Cut      = "disclosure.cut_off"
	Unlocked = "disclosure.unlocked"
)

// Brake is the state of all accounts; many may use it at once.
type Brake struct {
	Deps
	cfg   Config
	keep  time.Duration // longest window
	mu    sync.Mutex
	seen  map[string]*window // by account, "at:79901", "own:"+account
	stops map[string]Stop    // by mark
}

// Stop is an account that is cut off.
type Stop struct {
	Mark     string // of the account, as acts name it
	Facility care.FacilityCode
	At       time.Time
	Persons  int
}

// window is whom somebody saw, and when last.
type window struct {
	last   map[[16]byte]time.Time
	loaded bool
	told   time.Time
	swept  time.Time

	facility care.FacilityCode // of own records
}

// New returns a brake that knows who was cut off before; call Load.
func New(d Deps, c Config) (*Brake, error) {
	if d.Looks == nil || d.Alarms == nil || d.Acts == nil || d.Clock == nil {
		return nil, errors.New("brake: a part is missing")
	}
	b := &Brake{Deps: d, cfg: c.withDefaults(), seen: map[string]*window{}, stops: map[string]Stop{}}
	for _, list := range [][]Limit{b.cfg.Account, b.cfg.System, b.cfg.Facility, b.cfg.Own} {
		for _, l := range list {
			b.keep = max(b.keep, l.Within)
		}
	}
	return b, nil
}

// Load finds out of the acts who is cut off still.
func (b *Brake) Load(ctx context.Context) error {
	open := map[string]bool{}
	for before := int64(0); ; {
		acts, err := b.Acts.Acts(ctx, before, 1000)
		if err != nil || len(acts) == 0 {
			return err
		}
		b.mu.Lock()
		for _, a := range acts { // newest first: the first of an account decides
			if a.Action != Cut && a.Action != Unlocked || open[a.Object] {
				continue
			}
			open[a.Object] = true
			if a.Action == Cut {
				var s Stop
				if json.Unmarshal([]byte(a.Detail), &s) != nil {
					s = Stop{} // its mark is enough to stop it
				}
				s.Mark, s.At = a.Object, a.At
				b.stops[a.Object] = s
			}
		}
		b.mu.Unlock()
		before = acts[len(acts)-1].ID
	}
}

// Stops lists who is cut off at a facility; "" everybody.
func (b *Brake) Stops(facility care.FacilityCode) []Stop {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Stop
	for _, s := range b.stops {
		if facility == "" || s.Facility == facility {
			out = append(out, s)
		}
	}
	return out
}

// Many returns the facilities of which somebody read very many own records within
// a time, with how many persons.
func (b *Brake) Many(within time.Duration) map[care.FacilityCode]int {
	now := b.Clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[care.FacilityCode]int{}
	for key, w := range b.seen {
		if strings.HasPrefix(key, "own:") && !w.told.IsZero() && now.Sub(w.told) < within {
			out[w.facility] = max(out[w.facility], len(w.last))
		}
	}
	return out
}

// ErrNotCut: there is no such account, or it is not cut off, or not this facility's.
var ErrNotCut = fault.New(fault.Absent, "disclosure.not_cut", "Không có tài khoản bị dừng nào như vậy.", "No such account is stopped.")

// Unlock lets an account go on, which begins to count anew. facility "" is the
// operator; a privacy officer opens those of their own facility.
func (b *Brake) Unlock(ctx context.Context, facility care.FacilityCode, mark, actor, reason string) error {
	b.mu.Lock()
	s, ok := b.stops[mark]
	b.mu.Unlock()
	if !ok || facility != "" && s.Facility != facility {
		return ErrNotCut
	}
	detail, err := json.Marshal(map[string]string{"reason": reason})
	if err != nil {
		return fmt.Errorf("brake: %w", err)
	}
	if err := b.Acts.Act(ctx, store.Act{At: b.Clock.Now(), Actor: actor, Action: Unlocked, Object: mark, Detail: string(detail)}); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stops, mark)
	for account := range b.seen {
		if markOf(account) == mark {
			b.seen[account] = &window{last: map[[16]byte]time.Time{}, loaded: true}
		}
	}
	return nil
}

// markOf names an account in acts and alarms.
func markOf(account string) string {
	sum := sha256.Sum256([]byte(account))
	return "account:" + hex.EncodeToString(sum[:6])
}

// MarkOf names the account of a member of staff, as stops do.
func MarkOf(who care.Staff) string { return markOf("staff:" + hex.EncodeToString(who[:])) }

// Candidate is the basis of a look at who an unknown patient may be (disclose.Faces).
const Candidate = "candidate"

// look is rows about to be written, by whose they are.
type look struct {
	account  string
	through  string // the facility's system that asked for a clinician it names; "": none
	system   bool
	facility care.FacilityCode
	foreign  [][16]byte
	own      [][16]byte
	urgent   bool // under broken glass
}

// Look counts rows that are about to be written; ErrCutOff where they may not be.
// Looks under broken glass are counted apart, and so are candidates without a name:
// neither a wide search nor a cut-off keeps anybody from an emergency, which has a
// limit and a review of its own.
func (b *Brake) Look(ctx context.Context, rows []store.Disclosure) error {
	l, ok := read(rows)
	if !ok {
		return nil
	}
	if err := b.load(ctx, &l, rows[0].Staff); err != nil {
		return err
	}
	now := b.Clock.Now()
	b.mu.Lock()
	stop, fresh, told := b.weigh(&l, now)
	b.mu.Unlock()
	switch {
	case fresh:
		return errors.Join(ErrCutOff, b.tell(ctx, Cut, stop, now))
	case stop.Mark != "":
		return ErrCutOff
	case told:
		return b.raise(ctx, "disclosure.many_own", Stop{Facility: l.facility, At: now, Persons: len(l.own)}, store.Act{})
	}
	return nil
}

// weigh adds the persons of a look to who is counted, unless that is too many.
func (b *Brake) weigh(l *look, now time.Time) (stop Stop, fresh, told bool) {
	mark := markOf(l.account)
	if s, ok := b.stops[mark]; ok && len(l.foreign) > 0 {
		return s, false, false
	}
	if s, ok := b.stops[markOf(l.through)]; ok && l.through != "" && len(l.foreign) > 0 {
		return s, false, false
	}
	limits := b.cfg.Account
	if l.system {
		limits = b.cfg.System
	}
	for _, c := range []struct {
		key, who string // who is cut off
		limits   []Limit
		skip     bool
	}{{l.account, l.account, limits, false}, {l.through, l.through, b.cfg.System, l.through == ""}, {"at:" + string(l.facility), l.account, b.cfg.Facility, l.facility == "" || l.urgent}} {
		if c.key == "" {
			continue
		}
		if n := b.window(c.key).with(l.foreign, c.limits, now, b.keep); n > 0 && !c.skip {
			s := Stop{Mark: markOf(c.who), Facility: l.facility, At: now, Persons: n}
			b.stops[s.Mark] = s
			return s, true, false
		}
	}
	own, least := b.window("own:"+l.account), b.cfg.Own
	if now.Sub(own.told) < time.Hour {
		least = nil // it was told
	}
	if n := own.with(l.own, least, now, b.keep); n > 0 {
		own.told, own.facility, told = now, l.facility, true
	}
	return Stop{}, false, told
}

func (b *Brake) window(key string) *window {
	w := b.seen[key]
	if w == nil {
		w = &window{last: map[[16]byte]time.Time{}}
		b.seen[key] = w
	}
	return w
}

// with adds persons and returns how many there are now where that is over a
// limit, else 0.
func (w *window) with(persons [][16]byte, limits []Limit, now time.Time, keep time.Duration) int {
	for _, p := range persons {
		w.last[p] = now
	}
	if len(persons) == 0 {
		return 0
	}
	if now.Sub(w.swept) > time.Minute {
		w.swept = now
		for p, at := range w.last {
			if now.Sub(at) > keep {
				delete(w.last, p)
			}
		}
	}
	for _, l := range limits {
		if len(w.last) <= l.Persons {
			continue
		}
		n := 0
		for _, at := range w.last {
			if now.Sub(at) <= l.Within {
				n++
			}
		}
		if n > l.Persons {
			return n
		}
	}
	return 0
}

// read tells whose rows these are; false: citizens, destinations and links, which
// are not counted.
func read(rows []store.Disclosure) (l look, ok bool) {
	if len(rows) == 0 {
		return l, false
	}
	r, err := role.Parse(rows[0].Role)
	if err != nil || r.Kind == role.Citizen {
		return l, false // a destination's role is none that Parse reads
	}
	l.facility, l.account = r.At(), "reader:"+rows[0].Reader
	if s := rows[0].Staff; s != (care.Staff{}) {
		l.account = "staff:" + hex.EncodeToString(s[:])
		if strings.HasPrefix(rows[0].Reader, "his:") { // it could name another clinician each time
			l.through = "reader:" + rows[0].Reader
		}
	} else {
		l.system = r.Kind == role.Facility && !strings.HasPrefix(rows[0].Reader, "session:")
	}
	switch rows[0].Basis {
	case string(policy.BreakGlass):
		l.account, l.urgent = "emergencies:"+l.account, true
	case Candidate:
		l.account = "candidates:" + l.account
	}
	for i := range rows {
		who := [16]byte(rows[i].Person)
		if who == ([16]byte{}) {
			who = rows[i].Record.Serial
		}
		if l.facility != "" && rows[i].Facility == l.facility {
			l.own = append(l.own, who)
		} else {
			l.foreign = append(l.foreign, who)
		}
	}
	return l, true
}

// load reads once whom a member of staff saw before this process began.
func (b *Brake) load(ctx context.Context, l *look, staff care.Staff) error {
	if staff == (care.Staff{}) || len(l.foreign) == 0 {
		return nil
	}
	b.mu.Lock()
	loaded := b.window(l.account).loaded
	b.mu.Unlock()
	if loaded {
		return nil
	}
	rows, _, err := b.Looks.List(ctx, role.Scope{All: true}, store.DisclosureFilter{Staff: staff, Since: b.Clock.Now().Add(-b.keep), Limit: 1000})
	if err != nil {
		return fmt.Errorf("brake: reading who was seen: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.window(l.account)
	w.loaded = true
	for i := range rows {
		before, ok := read(rows[i : i+1])
		if !ok || before.account != l.account {
			continue
		}
		for _, p := range before.foreign {
			if rows[i].At.After(w.last[p]) {
				w.last[p] = rows[i].At
			}
		}
	}
	return nil
}

// tell keeps that an account was cut off, and raises the alarm.
func (b *Brake) tell(ctx context.Context, action string, s Stop, now time.Time) error {
	detail, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("brake: %w", err)
	}
	act := store.Act{At: now, Actor: "hub", Action: action, Object: s.Mark, Detail: string(detail)}
	if err := b.Acts.Act(ctx, act); err != nil {
		return err
	}
	return b.raise(ctx, Cut, s, store.Act{At: now, Actor: "hub", Action: "alarm.open", Object: cause(Cut, s.Facility), Detail: "{}"})
}

func cause(kind string, at care.FacilityCode) string {
	if at == "" {
		return kind + ":hub"
	}
	return kind + ":" + string(at)
}

func (b *Brake) raise(ctx context.Context, kind string, s Stop, act store.Act) error {
	if act.Action == "" {
		act = store.Act{At: s.At, Actor: "hub", Action: "alarm.open", Object: cause(kind, s.Facility), Detail: "{}"}
	}
	_, err := b.Alarms.Raise(ctx, store.Alarm{Cause: cause(kind, s.Facility), State: store.AlarmOpen, Detail: fmt.Sprintf(`{"n":%d}`, s.Persons), Opened: s.At, Seen: s.At}, act)
	return err
}
