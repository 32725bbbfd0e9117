package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/retention"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

// Look is one row of the log as a privacy officer reads it.
type Look struct {
	ID        int64
	At        time.Time
	Staff     care.Staff
	Reader    string // mark of the session or the facility's system
	Role      string
	Facility  care.FacilityCode // whose record
	Kind      string            // of the record; "" where none is named
	Received  time.Time
	Basis     string
	Purpose   string
	SteppedUp bool // the second factor counted when it was decided
}

// Thing is a record that a matter names.
type Thing struct {
	ID       dossier.ID
	Kind     string
	Received time.Time
	State    dossier.State
	KeepTo   time.Time // the law obliges to keep it until then; zero: erased
	Law      string    // that says so
}

// Case is a matter with all that is needed to decide it.
type Case struct {
	Matter    matter.Matter
	Words     casework.Words
	Law       law.Source
	AckBy     time.Time
	Longer    time.Time // the latest answer after prolonging; zero: may not be
	Late      bool
	Opening   *consent.Opening
	Looks     []Look // by the officer's own facility
	Elsewhere int    // looks of others that the matter names: their officers see those
	Things    []Thing
	Suspended []care.Staff // of those who looked: without the right to open in an emergency
	Own       bool         // the officer looked themself
	Outcomes  []string     // decisions that may be taken now
}

// mostLooks is how many looks one case shows.
const mostLooks = 500

// Case returns a matter that the officer answers for. Faults: review.absent.
func (d *Desk) Case(ctx context.Context, o Officer, number string) (*Case, error) {
	m, err := d.matter(ctx, o, number)
	if err != nil {
		return nil, err
	}
	if m.Kind == matter.Breach {
		return nil, ErrAbsent
	}
	c := &Case{Matter: *m, Late: m.Late(d.Clock.Now()), Outcomes: outcomesOf(m)}
	if c.Words, err = d.Cases.Words(m); err != nil {
		return nil, err
	}
	c.Law, _ = law.Get(m.Law)
	if term, ok := matter.TermOf(m.Kind); ok {
		c.AckBy, c.Longer = term.AckBy(m.Opened, slip.Works), term.LongerUntil(m.Opened, slip.Works)
	}
	if m.Opening != [16]byte{} {
		if c.Opening, err = d.Openings.Opening(ctx, m.Opening); err != nil && !errors.Is(err, store.ErrAbsent) {
			return nil, fmt.Errorf("review: %w", err)
		}
		if c.Opening != nil && c.Opening.Facility != m.Facility {
			c.Opening = nil
		}
	}
	if err := d.looksOf(ctx, c); err != nil {
		return nil, err
	}
	if err := d.things(ctx, c); err != nil {
		return nil, err
	}
	return c, d.involved(ctx, o, c)
}

func (d *Desk) matter(ctx context.Context, o Officer, number string) (*matter.Matter, error) {
	number, err := matter.ParseNumber(number)
	if err != nil {
		return nil, ErrAbsent
	}
	m, err := d.Matters.Matter(ctx, number)
	switch {
	case errors.Is(err, store.ErrAbsent), err == nil && !o.sees(m):
		return nil, ErrAbsent
	case err != nil:
		return nil, fmt.Errorf("review: %w", err)
	}
	return m, nil
}

// outcomesOf are the decisions of a kind, none where it is decided.
func outcomesOf(m *matter.Matter) []string {
	switch {
	case m.State == matter.Answered || m.State == matter.Closed:
		return nil
	case m.Kind == matter.EmergencyReview || m.Kind == matter.LookUnrecognised:
		return []string{casework.Justified, casework.Unjustified}
	case matter.IsRequest(m.Kind):
		return []string{casework.Granted, casework.Refused}
	}
	return nil
}

// looksOf finds what was looked at: under the opening, and by the rows named.
func (d *Desk) looksOf(ctx context.Context, c *Case) error {
	seen := map[int64]bool{}
	take := func(row *store.Disclosure) {
		if seen[row.ID] {
			return
		}
		seen[row.ID] = true
		if c.Matter.Facility != "" && readerAt(row) != c.Matter.Facility {
			c.Elsewhere++
			return
		}
		c.Looks = append(c.Looks, d.look(ctx, row))
	}
	if c.Opening != nil {
		if err := d.each(ctx, store.DisclosureFilter{Opening: c.Opening.ID}, mostLooks, take); err != nil {
			return err
		}
	}
	for _, id := range c.Matter.Looks[:min(len(c.Matter.Looks), mostLooks)] {
		if seen[id] {
			continue
		}
		list, _, err := d.Looks.List(ctx, all, store.DisclosureFilter{Before: id + 1, Limit: 1})
		if err != nil {
			return fmt.Errorf("review: %w", err)
		}
		if len(list) == 1 && list[0].ID == id {
			take(&list[0])
		}
	}
	return nil
}

func (d *Desk) look(ctx context.Context, row *store.Disclosure) Look {
	l := Look{ID: row.ID, At: row.At, Staff: row.Staff, Reader: row.Reader, Role: row.Role, Facility: row.Facility, Basis: row.Basis, Purpose: row.Purpose}
	var q policy.Question
	if row.Facts != "" && json.Unmarshal([]byte(row.Facts), &q) == nil {
		l.SteppedUp = q.SteppedUp
	}
	if !row.Record.IsZero() {
		if r, err := d.Records.Get(ctx, all, row.Record); err == nil { // gone: the row alone is shown
			l.Kind, l.Received, l.Facility = r.Kind, r.Received, r.ID.Facility
		}
	}
	return l
}

// things are the records that a request names.
func (d *Desk) things(ctx context.Context, c *Case) error {
	for _, name := range c.Matter.Records {
		id, err := dossier.ParseID(name)
		if err != nil {
			return fmt.Errorf("review: %s: %w", c.Matter.Number, err)
		}
		r, err := d.Records.Get(ctx, all, id)
		if errors.Is(err, store.ErrAbsent) {
			continue
		}
		if err != nil {
			return fmt.Errorf("review: %w", err)
		}
		t := Thing{ID: r.ID, Kind: r.Kind, Received: r.Received, State: r.State()}
		if r.Erased.IsZero() {
			class := retention.ByName(r.Class)
			t.KeepTo, t.Law = class.Ends(r.Month, clock.Hanoi), class.Source
		}
		c.Things = append(c.Things, t)
	}
	return nil
}

// involved finds who of the facility looked, whether that is the officer, and whose
// right is suspended.
func (d *Desk) involved(ctx context.Context, o Officer, c *Case) error {
	now := d.Clock.Now()
	for _, id := range c.staff() {
		c.Own = c.Own || id == o.Staff
		s, err := d.Staffs.Staff(ctx, id)
		if errors.Is(err, store.ErrAbsent) {
			continue
		}
		if err != nil {
			return fmt.Errorf("review: %w", err)
		}
		if now.Before(s.NoEmergency) {
			c.Suspended = append(c.Suspended, id)
		}
	}
	return nil
}

// staff are those who opened or looked.
func (c *Case) staff() []care.Staff {
	var out []care.Staff
	seen := map[care.Staff]bool{{}: true}
	add := func(id care.Staff) {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	if c.Opening != nil {
		add(c.Opening.Staff)
		add(c.Opening.Renewed)
	}
	for i := range c.Looks {
		add(c.Looks[i].Staff)
	}
	return out
}

// What an officer may do with a matter.
const (
	Acknowledge = "acknowledge"
	Take        = "take"    // it is mine from now on
	Prolong     = "prolong" // it takes longer, for the reason given
	Decide      = "decide"
	Close       = "close"
)

// Decision is what an officer sends.
type Decision struct {
	Do      string
	Seen    int // version of the matter on the page
	Outcome string
	Text    string // the citizen reads it
	Suspend bool   // of an unjustified look: who looked opens nothing in an emergency until it is lifted
	Lift    bool   // the right is given back
}

// leastReason is how long a reason is, in characters.
const leastReason = 10

// Act does what an officer decided. The same form sent again finds the matter moved
// on (request.step). Faults: review.absent, review.own, review.second_factor,
// review.decision, review.reason, review.retention, review.not_corrected, those of
// casework.Step.
func (d *Desk) Act(ctx context.Context, o Officer, number string, v Decision) (*matter.Matter, error) {
	c, err := d.Case(ctx, o, number)
	if err != nil {
		return nil, err
	}
	v.Text = strings.TrimSpace(v.Text)
	move := casework.Move{Text: v.Text, Actor: o.Actor()}
	if c.Matter.Version != v.Seen {
		return nil, casework.ErrStep
	}
	switch v.Do {
	case Acknowledge:
		move.To, move.Owner = matter.Acknowledged, o.Actor()
	case Take:
		move.To, move.Owner = matter.InWork, o.Actor()
	case Prolong:
		move.To, move.Prolong = matter.InWork, true
	case Close:
		if c.Matter.State != matter.Answered {
			return nil, casework.ErrStep
		}
		move.To = matter.Closed
	case Decide:
		return d.decide(ctx, o, c, v, move)
	default:
		return nil, ErrDecision
	}
	return d.Cases.Step(ctx, c.Matter.Number, v.Seen, move)
}

// decide answers a matter; what follows from it is done first, so that nobody is
// told of what did not happen. Each part done twice is done once.
func (d *Desk) decide(ctx context.Context, o Officer, c *Case, v Decision, move casework.Move) (*matter.Matter, error) {
	if err := d.mayDecide(o, c, v); err != nil {
		return nil, err
	}
	move.To, move.Outcome, move.Owner = matter.Answered, v.Outcome, o.Actor()
	if err := d.follow(ctx, o, c, v, &move); err != nil {
		return nil, err
	}
	return d.Cases.Step(ctx, c.Matter.Number, v.Seen, move)
}

func (d *Desk) mayDecide(o Officer, c *Case, v Decision) error {
	known := false
	for _, outcome := range c.Outcomes {
		known = known || outcome == v.Outcome
	}
	switch {
	case len(c.Outcomes) == 0:
		return casework.ErrStep
	case !known:
		return ErrDecision
	case utf8.RuneCountInString(v.Text) < leastReason:
		return ErrReason
	case c.Own:
		return ErrOwn
	}
	return o.fresh(d.Clock.Now())
}

// follow does what a decision has as its consequence.
func (d *Desk) follow(ctx context.Context, o Officer, c *Case, v Decision, move *casework.Move) error {
	switch v.Outcome {
	case casework.Justified:
		if v.Lift {
			return every(c.Suspended, func(id care.Staff) error { return d.Rights.Lift(ctx, o, id) })
		}
	case casework.Unjustified:
		if err := d.endOpening(ctx, o, c); err != nil || !v.Suspend {
			return err
		}
		return every(c.staff(), func(id care.Staff) error { return d.Rights.Suspend(ctx, o, id) })
	case casework.Granted:
		return d.grant(ctx, o, c, move)
	}
	return nil
}

func every(list []care.Staff, fn func(care.Staff) error) error {
	for _, id := range list {
		if err := fn(id); err != nil && fault.KindOf(err) != fault.Absent { // of another facility by now: not this officer's
			return err
		}
	}
	return nil
}

// endOpening ends what an unjustified look was made under, where it stands still.
func (d *Desk) endOpening(ctx context.Context, o Officer, c *Case) error {
	now := d.Clock.Now()
	if c.Opening == nil || !c.Opening.Live(now) {
		return nil
	}
	err := d.Openings.EndOpening(ctx, c.Opening.ID, now, "reviewed", d.act(o, "opening.ended", c.Matter.Number, "{}"))
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return fmt.Errorf("review: ending an opening: %w", err)
	}
	return nil
}

// grant does what was asked. A restriction or objection takes effect as a denial of
// the citizen's: enforcement, simulator and the page of choices know denials, and
// the citizen can end it there. A correction is accepted, and done when the new
// version arrives. What must be kept is not erased.
func (d *Desk) grant(ctx context.Context, o Officer, c *Case, move *casework.Move) error {
	switch c.Matter.Kind {
	case matter.RequestRestrict, matter.RequestObject:
		scope, err := d.restricts(ctx, c)
		if err != nil {
			return err
		}
		return d.Choices.Restrict(ctx, o, c.Matter.Person, c.Matter.Number, scope)
	case matter.RequestCorrect:
		if len(c.Things) > 0 {
			move.To, move.Outcome = matter.InWork, ""
		}
	case matter.RequestErase:
		if len(c.Things) == 0 {
			return ErrRetention // all of a facility's records: some must always be kept
		}
		for _, t := range c.Things {
			if d.Clock.Now().Before(t.KeepTo) {
				return ErrRetention
			}
		}
	}
	return nil
}

// restricts is what a granted restriction closes to other facilities: the visits
// that the request names, else all that this facility wrote.
func (d *Desk) restricts(ctx context.Context, c *Case) (consent.Scope, error) {
	var s consent.Scope
	for _, t := range c.Things {
		r, err := d.Records.Get(ctx, all, t.ID)
		if err != nil {
			return s, fmt.Errorf("review: %w", err)
		}
		s.Visits = append(s.Visits, consent.Visit{Facility: r.ID.Facility, Episode: r.Episode})
	}
	if len(s.Visits) == 0 && c.Matter.Facility != "" {
		s.Authors = []care.FacilityCode{c.Matter.Facility}
	}
	return s, nil
}

// Lift gives a clinician of the officer's facility the right to open in an
// emergency back.
func (d *Desk) Lift(ctx context.Context, o Officer, whose care.Staff) error {
	if err := o.fresh(d.Clock.Now()); err != nil {
		return err
	}
	return d.Rights.Lift(ctx, o, whose)
}

// Unlock lets an account go on that was cut off. Faults: review.reason,
// review.second_factor, disclosure.not_cut.
func (d *Desk) Unlock(ctx context.Context, o Officer, mark, reason string) error {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < leastReason || n > casework.MostText {
		return ErrReason
	}
	if o.Role.At() == "" {
		return ErrAbsent
	}
	if o.Staff != (care.Staff{}) && mark == brake.MarkOf(o.Staff) {
		return ErrOwn
	}
	if err := o.fresh(d.Clock.Now()); err != nil {
		return err
	}
	return d.Stops.Unlock(ctx, o.Role.At(), mark, o.Actor(), reason)
}

// fresh says whether the second factor was given lately.
func (o Officer) fresh(now time.Time) error {
	age := now.Sub(o.SteppedUp)
	if o.Staff != (care.Staff{}) && (o.SteppedUp.IsZero() || age < 0 || age > Lately) {
		return ErrFactor
	}
	return nil
}
