package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

// Scope says which looks a breach is about: those in a time by any of the accounts,
// members of staff and openings named.
type Scope struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Accounts []string  `json:"accounts,omitempty"` // marks of sessions or clients, as the log has them
	Staff    []string  `json:"staff,omitempty"`    // ids in the roster, hexadecimal
	Openings []string  `json:"openings,omitempty"` // hexadecimal
}

// Breach is a breach with its clock.
type Breach struct {
	Matter  matter.Matter
	What    string
	Known   time.Time // since when it is known: the clock runs from here
	Scope   Scope
	Steps   []casework.Step
	Law     law.Source
	Told    time.Time // when the authority was; zero: not yet
	Sent    time.Time // when the citizens were; zero: not yet
	Notices int
	Late    bool // the authority was not told in time, or is not yet
}

// The steps of a breach.
const (
	StepOpened   = "opened"
	StepScope    = "scope" // what it is about was changed
	StepReported = "reported"
	StepTold     = "told"
	StepClosed   = "closed"
)

// NoticeBreach tells a citizen that records of theirs are concerned by a breach.
const NoticeBreach = "breach.told"

// sealed is what is written of a breach; package casework reads its words and steps.
type sealed struct {
	Asked   string          `json:"asked"`
	Steps   []casework.Step `json:"steps,omitempty"`
	Known   time.Time       `json:"known"`
	Scope   Scope           `json:"scope"`
	Told    time.Time       `json:"told,omitzero"`
	Sent    time.Time       `json:"sent,omitzero"`
	Notices int             `json:"notices,omitempty"`
}

// Faults of a breach.
var (
	// ErrBreach: what happened, or since when it is known, is missing or cannot be.
	ErrBreach = fault.New(fault.Invalid, "breach.what",
		"Ghi sự việc bằng vài câu và lúc phát hiện (không sau lúc này, không quá 10 năm trước).",
		"Say in a few sentences what happened, and since when it is known: not after now, not over 10 years ago.")
	// ErrScope: no account, member of staff or opening, no time, or one that cannot be.
	ErrScope = fault.New(fault.Invalid, "breach.scope",
		"Ghi khoảng thời gian và ít nhất một tài khoản, cán bộ hoặc lần mở (mã 32 ký tự), nhiều nhất 100 mỗi loại.",
		"Give a time and at least one account, member of staff or opening (ids of 32 characters), at most 100 of each.")
	// ErrNobody: there is nobody to tell.
	ErrNobody = fault.New(fault.Conflict, "breach.nobody", "Không có ai bị ảnh hưởng để báo.", "Nobody is concerned, so there is nobody to tell.")
)

const mostNamed = 100

// Report is what somebody says of a breach.
type Report struct {
	What  string
	Known time.Time
	Scope Scope
	Form  string // random, one for each form shown
}

func (d *Desk) mayBreach(o Officer) bool {
	return o.Role.Kind == role.Operator || o.Role.Kind == role.Privacy && o.Role.At() != ""
}

// OpenBreach opens a breach; the 72 hours run from when it was known. The same
// words and time twice return the one that is open. Faults: breach.what, breach.scope.
func (d *Desk) OpenBreach(ctx context.Context, o Officer, r Report) (*matter.Matter, error) {
	if !d.mayBreach(o) {
		return nil, ErrAbsent
	}
	now := d.Clock.Now()
	r.What = strings.TrimSpace(r.What)
	if n := utf8.RuneCountInString(r.What); !utf8.ValidString(r.What) || n < leastReason || n > casework.MostText || r.Known.IsZero() || r.Known.After(now) || now.Sub(r.Known) > 10*365*24*time.Hour {
		return nil, ErrBreach
	}
	if err := r.Scope.check(); err != nil {
		return nil, err
	}
	d.breaching.Lock()
	defer d.breaching.Unlock()
	list, err := d.Breaches(ctx, o)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if b := &list[i]; b.Matter.State != matter.Closed && b.What == r.What && b.Known.Equal(r.Known) {
			return &b.Matter, nil
		}
	}
	number, err := d.Matters.NextMatter(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("review: a number: %w", err)
	}
	term, _ := matter.TermOf(matter.Breach)
	m := matter.Matter{Number: number, Kind: matter.Breach, Facility: o.Role.At(), Version: 1, State: matter.Open, Opened: now,
		Due: term.Due(r.Known, slip.Works), Law: term.Source, Owner: o.Actor()}
	s := sealed{Asked: r.What, Known: r.Known, Scope: r.Scope, Steps: []casework.Step{{At: now, What: StepOpened}}}
	return &m, d.put(ctx, o, &m, &s, "breach.open")
}

// check says whether a scope selects anything in particular.
func (s *Scope) check() error {
	if s.From.IsZero() || !s.To.After(s.From) || len(s.Accounts)+len(s.Staff)+len(s.Openings) == 0 {
		return ErrScope
	}
	for i, list := range [][]string{s.Accounts, s.Staff, s.Openings} {
		if len(list) > mostNamed {
			return ErrScope
		}
		for _, name := range list {
			b, err := hex.DecodeString(name)
			if i > 0 && (err != nil || len(b) != 16) || name == "" || len(name) > 120 {
				return ErrScope
			}
		}
	}
	return nil
}

func (d *Desk) put(ctx context.Context, o Officer, m *matter.Matter, s *sealed, action string) error {
	plain, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	if m.Sealed, m.Wrapped, err = d.Sealer.Seal(ctx, casework.SealedName(m.Number), plain); err != nil {
		return fmt.Errorf("review: sealing: %w", err)
	}
	detail, err := json.Marshal(map[string]any{"state": m.State, "version": m.Version})
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	err = d.Matters.PutMatter(ctx, *m, nil, d.act(o, action, m.Number, string(detail)))
	if errors.Is(err, store.ErrChanged) {
		return casework.ErrStep
	}
	if err != nil {
		return fmt.Errorf("review: keeping a breach: %w", err)
	}
	return nil
}

// Breaches lists those that an officer answers for, newest first.
func (d *Desk) Breaches(ctx context.Context, o Officer) ([]Breach, error) {
	if !d.mayBreach(o) {
		return nil, ErrAbsent
	}
	list, err := d.Matters.Matters(ctx, matter.Filter{Facility: o.Role.At(), Kind: matter.Breach, Limit: 1000})
	if err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	var out []Breach
	for i := range list {
		b, _, err := d.read(&list[i])
		if err != nil {
			return nil, err
		}
		out = append(out, *b)
	}
	slices.SortStableFunc(out, func(a, b Breach) int { return b.Matter.Opened.Compare(a.Matter.Opened) })
	return out, nil
}

func (d *Desk) read(m *matter.Matter) (*Breach, *sealed, error) {
	plain, err := d.Sealer.Open(casework.SealedName(m.Number), m.Sealed, m.Wrapped)
	if err != nil {
		return nil, nil, fmt.Errorf("review: opening %s: %w", m.Number, err)
	}
	var s sealed
	if err := json.Unmarshal(plain, &s); err != nil {
		return nil, nil, fmt.Errorf("review: reading %s: %w", m.Number, err)
	}
	b := &Breach{Matter: *m, What: s.Asked, Known: s.Known, Scope: s.Scope, Steps: s.Steps, Told: s.Told, Sent: s.Sent, Notices: s.Notices}
	b.Law, _ = law.Get(m.Law)
	if b.Told.IsZero() {
		b.Late = d.Clock.Now().After(m.Due)
	} else {
		b.Late = b.Told.After(m.Due)
	}
	return b, &s, nil
}

// Breach returns one. Faults: review.absent.
func (d *Desk) Breach(ctx context.Context, o Officer, number string) (*Breach, error) {
	b, _, err := d.breach(ctx, o, number)
	return b, err
}

func (d *Desk) breach(ctx context.Context, o Officer, number string) (*Breach, *sealed, error) {
	m, err := d.matter(ctx, o, number)
	if err != nil {
		return nil, nil, err
	}
	if m.Kind != matter.Breach {
		return nil, nil, ErrAbsent
	}
	return d.read(m)
}

// Affected is whom and what a breach concerns, out of the log of looks.
type Affected struct {
	Looks      int
	Records    int
	Persons    []Concerned // by number of looks
	Facilities []Place     // whose records
	Partial    bool        // more than was read: the numbers are at least these
}

// Concerned is a person by a reference that means something in this breach alone.
type Concerned struct {
	Ref     string
	Looks   int
	Records int
	First   time.Time
	Last    time.Time

	person care.Person
}

// Place is a facility with how much of it was seen.
type Place struct {
	Facility care.FacilityCode
	Looks    int
	Records  int
}

// mostConcerned is how many rows of the log a breach reads.
const mostConcerned = 2_000_000

// Affected computes whom a breach concerns, anew from the log each time. A privacy
// officer's breach counts looks by their own facility's accounts alone. Faults:
// review.absent.
func (d *Desk) Affected(ctx context.Context, o Officer, number string) (*Affected, error) {
	b, _, err := d.breach(ctx, o, number)
	if err != nil {
		return nil, err
	}
	return d.affected(ctx, b)
}

func (d *Desk) affected(ctx context.Context, b *Breach) (*Affected, error) {
	c := count{desk: d, number: b.Matter.Number, persons: map[care.Person]*tally{}, places: map[care.FacilityCode]*tally{}, records: map[string]bool{}}
	in := b.Scope.matcher()
	n := 0
	var failed error
	err := d.each(ctx, store.DisclosureFilter{Since: b.Scope.From, Until: b.Scope.To}, mostConcerned, func(row *store.Disclosure) {
		n++
		if failed != nil || !in(row) || row.Count == 0 || b.Matter.Facility != "" && readerAt(row) != b.Matter.Facility {
			return
		}
		failed = c.add(ctx, row)
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	out := c.sum()
	out.Partial = n >= mostConcerned
	return out, nil
}

// matcher says which rows a scope is about.
func (s *Scope) matcher() func(*store.Disclosure) bool {
	in := map[string]bool{}
	for kind, list := range map[string][]string{"a": s.Accounts, "s": s.Staff, "o": s.Openings} {
		for _, name := range list {
			if kind != "a" {
				name = strings.ToLower(name)
			}
			in[kind+name] = true
		}
	}
	return func(row *store.Disclosure) bool {
		return in["a"+row.Reader] || in["s"+named(row.Staff)] || in["o"+named(row.Opening)]
	}
}

type tally struct {
	looks       int
	records     map[string]bool
	first, last time.Time
}

func (t *tally) add(record string, at time.Time) {
	t.looks++
	if record != "" {
		t.records[record] = true
	}
	if t.first.IsZero() || at.Before(t.first) {
		t.first = at
	}
	if at.After(t.last) {
		t.last = at
	}
}

// count gathers what rows concern.
type count struct {
	desk    *Desk
	number  string
	looks   int
	persons map[care.Person]*tally
	places  map[care.FacilityCode]*tally
	records map[string]bool
}

func (c *count) add(ctx context.Context, row *store.Disclosure) error {
	record, who := "", care.Person(row.Person)
	if !row.Record.IsZero() {
		record = row.Record.String()
		c.records[record] = true
		if r, err := c.desk.Records.Get(ctx, all, row.Record); err == nil && r.Person != (store.PersonID{}) {
			who = care.Person(r.Person) // whose it is now: links change
		} else if err != nil && !errors.Is(err, store.ErrAbsent) {
			return fmt.Errorf("review: %w", err)
		}
	}
	c.looks++
	if who != (care.Person{}) {
		if c.persons[who] == nil {
			c.persons[who] = &tally{records: map[string]bool{}}
		}
		c.persons[who].add(record, row.At)
	}
	if row.Facility != "" {
		if c.places[row.Facility] == nil {
			c.places[row.Facility] = &tally{records: map[string]bool{}}
		}
		c.places[row.Facility].add(record, row.At)
	}
	return nil
}

func (c *count) sum() *Affected {
	a := &Affected{Looks: c.looks, Records: len(c.records)}
	for who, t := range c.persons {
		a.Persons = append(a.Persons, Concerned{Ref: refOf(c.number, who), Looks: t.looks, Records: len(t.records), First: t.first, Last: t.last, person: who})
	}
	slices.SortFunc(a.Persons, func(x, y Concerned) int {
		if x.Looks != y.Looks {
			return y.Looks - x.Looks
		}
		return strings.Compare(x.Ref, y.Ref)
	})
	for at, t := range c.places {
		a.Facilities = append(a.Facilities, Place{Facility: at, Looks: t.looks, Records: len(t.records)})
	}
	slices.SortFunc(a.Facilities, func(x, y Place) int { return strings.Compare(string(x.Facility), string(y.Facility)) })
	return a
}

// refOf names a person within one breach.
func refOf(number string, who care.Person) string {
	sum := sha256.Sum256(append([]byte("lienthong/breach/"+number+"/"), who[:]...))
	return strings.ToUpper(hex.EncodeToString(sum[:5]))
}
