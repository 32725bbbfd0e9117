// Package alarm looks, once a minute, for what somebody must look at: deliveries
// that fail or wait too long, a breaker that stays open, a facility silent for
// longer than its own calendar allows, a sender that forked. It keeps each cause
// with who looks after it, tells of it outside at most once an hour, and closes
// it when the cause is gone. It mends nothing, and how alarms travel is for
// whoever gives it tellers.
package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The kinds of alarms.
const (
	Failures = "leg.failures"    // of a destination: the share of attempts that fail
	Queue    = "leg.queue"       // of a destination: the oldest leg is too old
	Breaker  = "leg.breaker"     // of a destination: open for too long
	Silent   = "facility.silent" // of a facility, or "many"
	Forked   = "sender.forked"   // of a client
	Test     = "alarm.test"      // told on demand, never kept

	CutOff  = "disclosure.cut_off"  // of a facility, or "hub": accounts that saw too many people
	ManyOwn = "disclosure.many_own" // of a facility: very many of its own records were read
	Unequal = "disclosure.unequal"  // of a day: looks and what the ledger or the counters say of them differ

	Emergencies = "emergency.many"    // of a facility: more openings in emergencies within 24 hours than usual; package urgent raises it
	Register    = "identity.register" // of a population register: answers that do not agree; package verification raises it

	Late = "task.late" // of "many": tasks that are not done and whose day is over

	Rules = "rules.unread" // of a book in force: this release does not compile it, and what stood before is judged by

	Counted = "house.unequal" // of a job of the night: numbers that are not what was counted again
	GaveUp  = "night.failed"  // of a job of the night: it failed and is not tried again by itself
	Storage = "storage.short" // of "hub": the disk is full within days
	Restore = "restore.stale" // of "hub": the last proven restore was long ago
)

// Kinds lists those that are raised.
func Kinds() []string {
	return slices.Concat([]string{Failures, Queue, Breaker, Silent, Forked, CutOff, ManyOwn, Unequal, Emergencies, Register}, fromHub())
}

// fromHub are the kinds that Looks tells of, beside those of disclosures.
func fromHub() []string { return []string{Late, Rules, Counted, GaveUp, Storage, Restore} }

// Many is the object of the one alarm that stands for many silent facilities.
const Many = "many"

// Alarm is an alarm as it is kept, with what it says.
type Alarm struct {
	store.Alarm
	Kind   string
	Object string // destination, facility or client
	Text   fault.Text
}

// Of reads a kept alarm.
func Of(a store.Alarm) Alarm {
	kind, object, _ := strings.Cut(a.Cause, ":")
	var d Detail
	if json.Unmarshal([]byte(a.Detail), &d) != nil {
		d = Detail{} // another release's: its numbers are not shown
	}
	return Alarm{Alarm: a, Kind: kind, Object: object, Text: sentence(kind, object, d)}
}

// Message is an alarm on its way out.
type Message struct {
	ID     string     `json:"id"` // the same at every attempt
	Cause  string     `json:"cause"`
	Kind   string     `json:"kind"`
	Object string     `json:"object"`
	At     time.Time  `json:"at"`
	Opened time.Time  `json:"opened"`
	Text   fault.Text `json:"text"`
	Detail Detail     `json:"detail"`
}

// Detail is the numbers of an alarm.
type Detail struct {
	Percent  int       `json:"percent,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	Minutes  int       `json:"minutes,omitempty"`
	Limit    int       `json:"limit,omitempty"`
	N        int       `json:"n,omitempty"`
	Of       int       `json:"of,omitempty"`
	Last     time.Time `json:"last,omitzero"` // when it last sent
	Code     string    `json:"code,omitempty"`
}

// Teller tells of an alarm outside.
type Teller interface {
	Tell(ctx context.Context, m Message) error
}

// Deps is what a watch looks at.
type Deps struct {
	Store    store.Alarms
	Counters Counters
	Seen     Seen
	Forks    func(context.Context) (map[string]time.Time, error)
	Ways     func(context.Context) ([]Way, error)
	Looks    func(context.Context) (map[string]Detail, error) // causes of the kinds "disclosure." and of those of the hub itself, Late to Restore; nil: nobody looks
	Rates    *Rates
	Tellers  func(Limits) []Teller
	Acts     Acts
	Clock    clock.Clock
}

// Way is how the way to a destination in use stands.
type Way struct {
	Destination string
	Name        fault.Text // what people call it
	Legs        bool       // legs go there; false for what is only asked, as who logs people in
	Paused      bool       // by an operator, who knows
	Oldest      time.Time
	Waiting     int
	Sent24h     int
	Breaker     exchange.BreakerState
	Since       time.Time // of the breaker's state
	Code        string    // why nothing is carried
}

// Counters sums by facility and day; store.Counters has it.
type Counters interface {
	Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
}

// Seen tells when facilities last sent; store.Facilities has it.
type Seen interface {
	LastSeen(ctx context.Context, scope role.Scope) (map[care.FacilityCode]time.Time, error)
}

// Acts keeps acts that belong to no row; store.Keys has it.
type Acts interface {
	Act(ctx context.Context, act store.Act) error
}

// Watch looks after alarms.
type Watch struct {
	Deps
	silence silence
	quiet   atomic.Pointer[Silence]
}

// New returns a watch. Rates and Tellers may be nil: then nothing is known of
// failures, and nobody is told.
func New(d Deps) (*Watch, error) {
	if d.Store == nil || d.Counters == nil || d.Seen == nil || d.Forks == nil || d.Ways == nil || d.Acts == nil || d.Clock == nil {
		return nil, errors.New("alarm: every source is needed")
	}
	return &Watch{Deps: d}, nil
}

// self is who raises and closes alarms in the acts.
const self = "hub"

// Round looks at every source once. A source that cannot be read leaves its
// alarms as they are.
func (w *Watch) Round(ctx context.Context) error {
	l, err := w.Limits(ctx)
	if err != nil {
		return err
	}
	now := w.Clock.Now()
	found, looked, errs := map[string]Detail{}, map[string]bool{Emergencies: true, Register: true}, []error(nil)
	var causes map[string]Detail
	var unread error
	if w.Looks != nil {
		causes, unread = w.Looks(ctx)
	}
	sources := map[string]func(context.Context, Limits, time.Time, func(object string, d Detail)) error{
		Failures: w.failures, Queue: w.queues, Breaker: w.breakers, Silent: w.silent, Forked: w.forked,
	}
	for _, kind := range append(fromHub(), CutOff, ManyOwn, Unequal) {
		sources[kind] = looksOf(kind, causes, unread)
	}
	for kind, look := range sources {
		if slices.Contains(l.Off, kind) && !strings.HasPrefix(kind, "disclosure.") {
			looked[kind] = true
			continue
		}
		if err := look(ctx, l, now, func(object string, d Detail) { found[kind+":"+object] = d }); err != nil {
			errs = append(errs, err)
			continue
		}
		looked[kind] = true
	}
	for cause, d := range found {
		errs = append(errs, w.raise(ctx, cause, d, now))
	}
	kept, err := w.Store.Alarms(ctx, now)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, a := range kept {
		kind, _, _ := strings.Cut(a.Cause, ":")
		_, still := found[a.Cause]
		still = still || (kind == Emergencies || kind == Register) && now.Sub(a.Seen) < 24*time.Hour
		switch {
		case a.State == store.AlarmClosed:
		case !still && looked[kind]:
			act, err := statement(now, self, "alarm.closed", a.Cause, map[string]any{"opened": a.Opened})
			if err == nil {
				_, err = w.Store.CloseAlarm(ctx, a.Cause, now, act)
			}
			errs = append(errs, err)
		case still && a.State == store.AlarmOpen:
			errs = append(errs, w.tell(ctx, l, a, now))
		}
	}
	return errors.Join(errs...)
}

// looksOf gives what Looks found, of one kind.
func looksOf(kind string, causes map[string]Detail, unread error) func(context.Context, Limits, time.Time, func(string, Detail)) error {
	return func(_ context.Context, _ Limits, _ time.Time, found func(string, Detail)) error {
		for cause, d := range causes {
			if k, object, _ := strings.Cut(cause, ":"); k == kind {
				found(object, d)
			}
		}
		return unread
	}
}

func (w *Watch) raise(ctx context.Context, cause string, d Detail, now time.Time) error {
	detail, err := json.Marshal(d)
	if err != nil {
		return err
	}
	act, err := statement(now, self, "alarm.opened", cause, map[string]any{"detail": d})
	if err != nil {
		return err
	}
	_, err = w.Store.Raise(ctx, store.Alarm{Cause: cause, Detail: string(detail), Seen: now}, act)
	return err
}

// tell tells of an alarm that nobody looks after yet, when its hour has passed.
func (w *Watch) tell(ctx context.Context, l Limits, a store.Alarm, now time.Time) error {
	if w.Tellers == nil || strings.HasPrefix(a.Cause, Late+":") { // told once a day, with whose they are: package errand
		return nil
	}
	tellers := w.Tellers(l)
	if len(tellers) == 0 {
		return nil
	}
	mine, err := w.Store.Tell(ctx, a.Cause, now, time.Duration(l.TellMinutes)*time.Minute)
	if err != nil || !mine {
		return err
	}
	return tellAll(ctx, tellers, message(Of(a), now))
}

func tellAll(ctx context.Context, tellers []Teller, m Message) error {
	var errs []error
	for _, t := range tellers {
		errs = append(errs, t.Tell(ctx, m))
	}
	return errors.Join(errs...)
}

func message(a Alarm, now time.Time) Message {
	m := Message{ID: a.Cause + "@" + strconv.FormatInt(now.UnixMicro(), 36), Cause: a.Cause, Kind: a.Kind, Object: a.Object, At: now, Opened: a.Opened, Text: a.Text}
	_ = json.Unmarshal([]byte(a.Detail), &m.Detail) // another release's: without numbers
	return m
}

// Limits returns the settings that hold.
func (w *Watch) Limits(ctx context.Context) (Limits, error) {
	b, err := w.Store.Setting(ctx)
	if errors.Is(err, store.ErrAbsent) {
		return Limits{}.WithDefaults(), nil
	} else if err != nil {
		return Limits{}, err
	}
	l, err := ParseLimits(b)
	return l.WithDefaults(), err
}

// Open returns the alarms that are not closed, newest first.
func (w *Watch) Open(ctx context.Context) ([]Alarm, error) {
	all, err := w.List(ctx, w.Clock.Now().Add(time.Hour))
	return slices.DeleteFunc(all, func(a Alarm) bool { return a.State == store.AlarmClosed }), err
}

// List returns the open alarms, then those closed since.
func (w *Watch) List(ctx context.Context, since time.Time) ([]Alarm, error) {
	kept, err := w.Store.Alarms(ctx, since)
	out := make([]Alarm, len(kept))
	for i, a := range kept {
		out[i] = Of(a)
	}
	return out, err
}

var (
	// ErrOwner (alarm.owner): nobody is named who looks after it.
	ErrOwner = fault.New(fault.Invalid, "alarm.owner", "Ghi tên người nhận việc, từ 2 đến 80 ký tự.", "Name who looks after it, in 2 to 80 characters.")
	// ErrUnknown (alarm.unknown): no such alarm is open.
	ErrUnknown = fault.New(fault.Absent, "alarm.unknown", "Không có báo động này, hoặc đã tự đóng.", "There is no such alarm, or it has closed by itself.")
)

// Acknowledge names who looks after an alarm: it is not told any more while its
// cause lasts. Faults: alarm.owner, alarm.unknown.
func (w *Watch) Acknowledge(ctx context.Context, actor, cause, owner, note string) error {
	owner, note = strings.TrimSpace(owner), strings.TrimSpace(note)
	if n := utf8.RuneCountInString(owner); n < 2 || n > 80 || utf8.RuneCountInString(note) > 500 || store.CheckText(cause, owner, note) != nil {
		return ErrOwner
	}
	act, err := statement(w.Clock.Now(), actor, "alarm.acknowledged", cause, map[string]any{"owner": owner, "note": note})
	if err != nil {
		return err
	}
	if err := w.Store.Acknowledge(ctx, cause, owner, note, act); errors.Is(err, store.ErrAbsent) {
		return ErrUnknown
	} else if err != nil {
		return err
	}
	return nil
}

// Try tells of nothing, to see whether tellings arrive, and says how many
// tellers there are.
func (w *Watch) Try(ctx context.Context, actor string) (int, error) {
	l, err := w.Limits(ctx)
	if err != nil {
		return 0, err
	}
	var tellers []Teller
	if w.Tellers != nil {
		tellers = w.Tellers(l)
	}
	now := w.Clock.Now()
	act, err := statement(now, actor, "alarm.test", "", map[string]any{"tellers": len(tellers)})
	if err != nil {
		return 0, err
	}
	if err := w.Acts.Act(ctx, act); err != nil {
		return 0, err
	}
	return len(tellers), tellAll(ctx, tellers, message(Of(store.Alarm{Cause: Test + ":", Opened: now}), now))
}

// Set keeps settings. Fault: alarm.setting.
func Set(ctx context.Context, s store.Alarms, clk clock.Clock, actor string, setting []byte) error {
	l, err := ParseLimits(setting)
	if err != nil {
		return err
	}
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	act, err := statement(clk.Now(), actor, "alarm.set", "", map[string]any{"setting": l})
	if err != nil {
		return err
	}
	return s.PutSetting(ctx, b, act)
}

func statement(now time.Time, actor, action, object string, detail map[string]any) (store.Act, error) {
	b, err := json.Marshal(detail)
	if err != nil {
		return store.Act{}, err
	}
	act := store.Act{At: now, Actor: actor, Action: action, Object: object, Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act, nil
}

func itoa(n int) string { return strconv.Itoa(n) }
