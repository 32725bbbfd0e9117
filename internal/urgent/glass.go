package urgent

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/staff"
	"lienthong/internal/store"
)

// Reasons are the codes of why an emergency is opened.
func Reasons() []string {
	return []string{"unconscious", "cannot_answer", "child_alone", "no_papers", "other"}
}

// The notices of this package.
const (
	NoticeOpened  = "opening.emergency"
	NoticeRenewed = "opening.renewed"
	NoticeUndone  = "opening.undone"
)

// leastWords is how long a reason is, in characters.
const leastWords = 10

// Glass is what a clinician says to open the emergency set of one candidate.
type Glass struct {
	Ref       string          // of the candidate
	Confirmed []identity.Fact // at least two that fit
	Reason    string          // one of Reasons
	Words     string
}

// Break opens the emergency set of a candidate for four hours. The notice to
// the person, the matter for the facility's privacy officer, the act and its
// leaf are in the same commit. Nothing is opened without reason
// (emergency.reason), a second factor of the last minutes
// (emergency.second_factor), a right that stands (emergency.suspended), two
// facts that fit (emergency.facts) of somebody who is among the candidates
// (emergency.candidate). A form sent twice opens once.
func (d *Desk) Break(ctx context.Context, by Member, number string, g Glass) (*consent.Opening, error) {
	t, s, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now()
	words := cut(g.Words, longWords)
	switch {
	case !t.IsOpen():
		return nil, identity.ErrOver
	case !slices.Contains(Reasons(), g.Reason) || utf8.RuneCountInString(words) < leastWords:
		return nil, ErrReason
	case !d.fresh(by, now):
		return nil, ErrFactor
	}
	d.opening.Lock() // counted and opened by one at a time: many forms at once are no more than the limit
	defer d.opening.Unlock()
	if err := d.mayOpen(ctx, by, now); err != nil {
		return nil, err
	}
	c, err := d.chosen(ctx, by, t, s, g.Ref)
	if err != nil {
		return nil, err
	}
	confirmed := slices.Compact(slices.Sorted(slices.Values(g.Confirmed)))
	if len(confirmed) < identity.LeastFacts || slices.ContainsFunc(confirmed, func(f identity.Fact) bool { return !slices.Contains(c.Fits, f) }) {
		return nil, ErrFacts
	}
	if had, err := d.standing(ctx, by, t, c.person, now); err != nil || had != nil {
		return had, err
	}
	return d.open(ctx, by, t, c.person, g.Reason+": "+words, now)
}

// standing finds the emergency of this number that the member opened already.
func (d *Desk) standing(ctx context.Context, by Member, t *identity.Temporary, person store.PersonID, now time.Time) (*consent.Opening, error) {
	list, err := d.Openings.Openings(ctx, consent.OpeningFilter{Person: person, Facility: t.Facility, Staff: by.Staff, Basis: string(policy.BreakGlass), LiveAt: now, Limit: 20})
	if err != nil {
		return nil, wrap("looking for an opening", err)
	}
	for i := range list {
		if o := &list[i]; of(o) == t.Number {
			return o, nil
		}
	}
	return nil, nil
}

func (d *Desk) open(ctx context.Context, by Member, t *identity.Temporary, person store.PersonID, reason string, now time.Time) (*consent.Opening, error) {
	o := &consent.Opening{Person: person, Facility: t.Facility, Basis: string(policy.BreakGlass), Purpose: consent.Treatment, Staff: by.Staff,
		How: "break_glass", From: now, Until: now.Add(d.cfg.Life), Reason: t.Number + " " + reason}
	if _, err := io.ReadFull(d.Random, o.ID[:]); err != nil {
		return nil, wrap("naming an opening", err)
	}
	review, err := d.review(ctx, o, nil, now)
	if err != nil {
		return nil, err
	}
	notice, err := noticeOf(o, NoticeOpened, now)
	if err != nil {
		return nil, err
	}
	code, _, _ := strings.Cut(reason, ":")
	err = d.Openings.Begin(ctx, *o, notice, review, d.act(by, "emergency.opened", hex.EncodeToString(o.ID[:]), `{"reason":`+strconv.Quote(code)+`,"number":`+strconv.Quote(t.Number)+`}`))
	if err != nil {
		return nil, wrap("opening", err)
	}
	return o, d.watch(ctx, t.Facility, now)
}

// review is the matter that the facility's privacy officer answers.
func (d *Desk) review(ctx context.Context, o *consent.Opening, looks []int64, now time.Time) (*matter.Matter, error) {
	number, err := d.Matters.NextMatter(ctx, now)
	if err != nil {
		return nil, wrap("numbering a matter", err)
	}
	term, ok := matter.TermOf(matter.EmergencyReview)
	if !ok {
		return nil, errors.New("urgent: no term for the review of emergencies")
	}
	return &matter.Matter{Number: number, Kind: matter.EmergencyReview, Person: o.Person, Facility: o.Facility, Opening: o.ID, Looks: looks, Version: 1,
		State: matter.Open, Opened: now, Due: term.Due(now, d.cfg.Works), Law: string(term.Source)}, nil
}

// noticeOf is what the person is told: where, until when. Not why: the reason
// may speak of somebody else, if it was the wrong person.
func noticeOf(o *consent.Opening, kind string, now time.Time) (matter.Notice, error) {
	detail, err := json.Marshal(map[string]string{"facility": string(o.Facility), "basis": o.Basis, "until": hanoi(o.Until)})
	return matter.Notice{Person: o.Person, At: now, Kind: kind, About: hex.EncodeToString(o.ID[:]), Detail: string(detail)}, wrap("writing a notice", err)
}

// mayOpen holds a member to the right and its limit. Over the limit the right is
// suspended until the privacy officer lifts it; all else goes on.
func (d *Desk) mayOpen(ctx context.Context, by Member, now time.Time) error {
	who, err := d.Staffs.Staff(ctx, by.Staff)
	if err != nil {
		if errors.Is(err, store.ErrAbsent) {
			return identity.ErrStaff
		}
		return wrap("asking the roster", err)
	}
	if !isNamed(who, by, now) {
		return identity.ErrStaff
	}
	if now.Before(who.NoEmergency) {
		return ErrSuspended
	}
	since := d.since()
	if who.Since.After(since) { // never counted before they were here
		since = who.Since
	}
	if lifted := who.NoEmergency; lifted.After(since) {
		since = lifted
	}
	n, err := d.Openings.CountOpenings(ctx, by.at(), by.Staff, since)
	if err != nil {
		return wrap("counting openings", err)
	}
	if n[string(policy.BreakGlass)] < d.cfg.PerStaff {
		return nil
	}
	next := *who
	next.NoEmergency = untilLifted(now)
	next.Version++
	err = d.Staffs.PutStaff(ctx, next, d.act(by, "emergency.suspended", hex.EncodeToString(by.Staff[:]), ""))
	if err != nil && !errors.Is(err, store.ErrChanged) { // changed: by this same limit, or it is looked at again at once
		return wrap("suspending", err)
	}
	return ErrSuspended
}

// untilLifted stands for "until the privacy officer lifts it": nobody waits so long.
func untilLifted(now time.Time) time.Time { return now.AddDate(100, 0, 0) }

// Lift gives the right back: the privacy officer of the same facility, never the
// member themself. Openings before it do not count any more.
func (d *Desk) Lift(ctx context.Context, officer Member, whose care.Staff) error {
	who, err := d.Staffs.Staff(ctx, whose)
	if err != nil {
		return absent(err)
	}
	if officer.Role.Kind != "privacy" || who.Facility != officer.at() || officer.Staff == whose {
		return ErrAbsent
	}
	now := d.Clock.Now()
	if !now.Before(who.NoEmergency) {
		return nil
	}
	next := *who
	next.NoEmergency = now
	next.Version++
	return wrap("lifting a suspension", d.Staffs.PutStaff(ctx, next, d.act(officer, "emergency.lifted", hex.EncodeToString(whose[:]), "")))
}

// Suspended lists the members of a facility whose right is suspended now.
func (d *Desk) Suspended(ctx context.Context, officer Member) ([]staff.Staff, error) {
	if officer.Role.Kind != "privacy" {
		return nil, ErrAbsent
	}
	list, err := d.Staffs.StaffOf(ctx, officer.at(), 1000)
	if err != nil {
		return nil, wrap("listing the roster", err)
	}
	now := d.Clock.Now()
	return slices.DeleteFunc(list, func(s staff.Staff) bool { return !now.Before(s.NoEmergency) }), nil
}

// watch raises an alarm where a facility opens more than it should.
func (d *Desk) watch(ctx context.Context, facility care.FacilityCode, now time.Time) error {
	n, err := d.Openings.CountOpenings(ctx, facility, care.Staff{}, d.since())
	if err != nil {
		return wrap("counting openings", err)
	}
	if c := n[string(policy.BreakGlass)]; c > d.cfg.PerFacility {
		cause := "emergency.many:" + string(facility) // alarm.Emergencies, with its Detail
		detail := `{"n":` + strconv.Itoa(c) + `,"limit":` + strconv.Itoa(d.cfg.PerFacility) + `}`
		_, err = d.Alarms.Raise(ctx, store.Alarm{Cause: cause, Detail: detail, Opened: now, Seen: now},
			store.Act{At: now, Actor: "hub", Action: "alarm.raise", Object: cause, Detail: detail})
	}
	return wrap("raising an alarm", err)
}

// Emergency is an emergency as its page shows it.
type Emergency struct {
	Opening  consent.Opening
	Number   string // of the patient
	Sheet    *Sheet
	Mine     bool // opened or renewed by who looks
	MayRenew bool
}

// Emergency returns an emergency of the member's facility, over or not, without
// anything out of a record. Faults: emergency.absent.
func (d *Desk) Emergency(ctx context.Context, by Member, id consent.OpeningID) (*Emergency, error) {
	if err := by.admit(); err != nil {
		return nil, err
	}
	o, err := d.Openings.Opening(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	if o.Facility != by.at() || o.Basis != string(policy.BreakGlass) {
		return nil, ErrAbsent
	}
	e := &Emergency{Opening: *o, Number: of(o), Mine: o.Staff == by.Staff || o.Renewed == by.Staff}
	e.MayRenew = !e.Mine && o.Renewed == (care.Staff{}) && o.Live(d.Clock.Now())
	if _, e.Sheet, err = d.Temporary(ctx, by, e.Number); err != nil {
		return nil, err
	}
	return e, nil
}

// Set gives the records that the emergency set is computed from. Only who opened
// or renewed it may; package disclose decides and writes the look down.
func (d *Desk) Set(ctx context.Context, by Member, e *Emergency) ([]*disclose.Opened, error) {
	if !e.Mine || !e.Opening.Live(d.Clock.Now()) {
		return nil, ErrAbsent
	}
	return d.Looks.EmergencySet(ctx, by.reader(e.Opening.ID, ""), e.Opening.Person)
}

// Renew lets an emergency stand for four hours more, from now: once, by a second
// clinician with a second factor and a right of their own.
func (d *Desk) Renew(ctx context.Context, by Member, id consent.OpeningID) error {
	e, err := d.Emergency(ctx, by, id)
	if err != nil {
		return err
	}
	now := d.Clock.Now()
	switch {
	case !e.MayRenew:
		return ErrSecond
	case !d.fresh(by, now):
		return ErrFactor
	}
	d.opening.Lock()
	defer d.opening.Unlock()
	if err := d.mayOpen(ctx, by, now); err != nil {
		return err
	}
	e.Opening.Until = now.Add(d.cfg.Life)
	notice, err := noticeOf(&e.Opening, NoticeRenewed, now)
	if err != nil {
		return err
	}
	err = d.Openings.Renew(ctx, id, by.Staff, e.Opening.Until, notice, d.act(by, "emergency.renewed", hex.EncodeToString(id[:]), ""))
	if errors.Is(err, store.ErrChanged) {
		return ErrSecond
	}
	return wrap("renewing", absent(err))
}

// of is the number an emergency was opened for.
func of(o *consent.Opening) string {
	number, _, _ := strings.Cut(o.Reason, " ")
	return number
}
