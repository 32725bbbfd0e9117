package choice

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

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// Push is a question to somebody's phone.
type Push struct {
	ID     consent.ID
	Person care.Person
	Title  fault.Text
	Text   fault.Text
	Until  time.Time
}

// The states of a question on a phone.
const (
	Waiting  = "waiting"
	Approved = "approved"
	Refused  = "refused"
	Expired  = "expired"
)

// Pushed is what came of a question.
type Pushed struct {
	State string
	At    time.Time // of the answer
	Level int       // of identity (Decree 69/2024); to agree takes the second
	Proof []byte    // the signed answer
}

// Pusher asks on somebody's phone; the bridge to VNeID is one. What it returns as
// approved or refused it has checked: signature, person, words, nonce and time.
type Pusher interface {
	// Push asks, and returns a reference to look for the answer by.
	Push(ctx context.Context, p Push) (ref string, err error)
	Result(ctx context.Context, id consent.ID, ref string) (Pushed, error)
}

// Request is what a facility asks of somebody.
type Request struct {
	Person   care.Person
	Facility care.FacilityCode
	Name     string // of the facility, for the question
	Staff    care.Staff
	Purpose  consent.Purpose
	Scope    consent.Scope // Readers: the facility, whatever is given
	Until    time.Time     // of the consent; zero: until it is revoked
	Channel  string        // "vneid": asked now, on the phone; "portal": may wait a week in the pages
	Actor    string
	Form     string
}

// agreeLevel is the level of identity that may agree by phone.
const agreeLevel = 2

// mostAsking is how many requests of one facility may wait at one person.
const mostAsking = 3

// Ask keeps a request, tells the person (notice "consent.asked") and, on channel
// "vneid", asks on their phone. A request for the same that waits already is
// returned instead. Where the phone cannot be reached the request waits in the
// person's pages. Faults: those of consent.Check, choice.asking,
// consent.too_many; a broken store.
func (d *Desk) Ask(ctx context.Context, r Request) (*consent.Consent, error) {
	now := d.Clock.Now()
	if r.Facility == "" {
		return nil, consent.ErrFacility
	}
	if !slices.Contains(consent.Channels(), r.Channel) {
		return nil, consent.ErrProof
	}
	id, err := idOf("ask/"+string(r.Facility), r.Person, r.Form)
	if err != nil {
		return nil, err
	}
	c := consent.Consent{ID: id, Person: r.Person, Version: 1, Effect: consent.Permit, Purpose: r.Purpose, Scope: r.Scope, Until: r.Until,
		Asked: now, Asker: r.Facility, Staff: r.Staff, Channel: r.Channel}
	c.Scope.Readers, c.Law = []care.FacilityCode{r.Facility}, lawOf(&c)
	if c.State, err = consent.Next("", consent.Ask); err != nil {
		return nil, err
	}
	if err := consent.Check(&c, d.Known, now); err != nil {
		return nil, err
	}
	waits, err := d.waiting(ctx, &c)
	if waits != nil || err != nil {
		return waits, err
	}
	if err := d.room(ctx, &c); err != nil {
		return nil, err
	}
	about := hex.EncodeToString(id[:])
	detail, err := json.Marshal(map[string]string{"facility": string(r.Facility), "purpose": string(r.Purpose)})
	if err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	err = d.put(ctx, &c, r.Actor, "consent.ask", &matter.Notice{Person: r.Person, At: now, Kind: "consent.asked", About: about, Detail: string(detail)})
	if errors.Is(err, store.ErrChanged) && r.Form != "" {
		return d.again(ctx, &c)
	}
	if err != nil {
		return nil, err
	}
	d.push(ctx, &c, r.Name)
	return &c, nil
}

// waiting finds a request of the facility for the same that nobody answered yet.
func (d *Desk) waiting(ctx context.Context, c *consent.Consent) (*consent.Consent, error) {
	list, err := d.Consents.Asked(ctx, c.Asker)
	if err != nil {
		return nil, fmt.Errorf("choice: what was asked: %w", err)
	}
	n := 0
	for i := range list {
		w := &list[i]
		if w.Person != c.Person || w.Due(d.Clock.Now()) != "" {
			continue
		}
		if w.Purpose == c.Purpose && w.Staff == c.Staff && sameScope(&w.Scope, &c.Scope) {
			return w, nil
		}
		n++
	}
	if n >= mostAsking {
		return nil, ErrAsking
	}
	return nil, nil
}

// question is one on somebody's phone, or one that could not be asked.
type question struct {
	ref   string    // "": the phone was not reached
	again time.Time // when to try it again
	over  bool      // its answer is known, and is not enough
}

// pause is between two tries to reach a phone.
const pause = 30 * time.Second

// asked returns the question about a request, after asking it where this process
// has not, or could not: after a restart, or at another hub, that finds the
// question that is on the phone already.
func (d *Desk) asked(ctx context.Context, c *consent.Consent) question {
	if d.Pusher == nil || c.Channel != "vneid" {
		return question{}
	}
	d.pushing.Lock()
	q, ok := d.pushed[c.ID]
	if !ok || q.ref == "" && !q.over && !d.Clock.Now().Before(q.again) {
		q.again = d.Clock.Now().Add(pause)
		d.pushed[c.ID], ok = q, false
	}
	d.pushing.Unlock()
	if !ok {
		d.push(ctx, c, "")
	}
	d.pushing.Lock()
	defer d.pushing.Unlock()
	return d.pushed[c.ID]
}

// push asks on the phone. That it cannot be reached is no fault of the request,
// which waits in the pages.
func (d *Desk) push(ctx context.Context, c *consent.Consent, facility string) {
	if d.Pusher == nil || c.Channel != "vneid" {
		return
	}
	if d.Named != nil {
		facility = d.Named(c.Asker)
	}
	title := fault.Text{VI: "Liên Thông · Xin phép xem hồ sơ sức khỏe", EN: "Liên Thông · May your health records be read?"}
	use, _ := law.Purpose(string(c.Purpose))
	text := fault.Text{VI: facility + " xin phép xem hồ sơ sức khỏe của bạn do nơi khác lập. Mục đích: " + use.Title.VI + ". Dữ liệu sức khỏe là dữ liệu nhạy cảm; bạn có thể từ chối và việc khám vẫn tiếp tục.",
		EN: facility + " asks to read the health records that others wrote of you. Purpose: " + use.Title.EN + ". Health data are sensitive; you may refuse, and you will be treated all the same."}
	widths(&text, c)
	ref, err := d.Pusher.Push(ctx, Push{ID: c.ID, Person: c.Person, Title: title, Text: text, Until: c.AnswerBy()})
	d.pushing.Lock()
	defer d.pushing.Unlock()
	if err != nil {
		d.pushed[c.ID] = question{again: d.Clock.Now().Add(pause)}
		return
	}
	d.pushed[c.ID] = question{ref: ref}
}

// classWords are the sensitive classes as a question names them.
func classWords() map[string]fault.Text {
	return map[string]fault.Text{"hiv": {VI: "HIV", EN: "HIV"}, "tb": {VI: "bệnh lao", EN: "tuberculosis"}, "mental_health": {VI: "sức khỏe tâm thần", EN: "mental health"},
		"pregnancy_termination": {VI: "đình chỉ thai nghén", EN: "termination of pregnancy"}}
}

// widths says in a question what makes it wider or shorter than its words: what is
// agreed to on the phone is what is kept.
func widths(text *fault.Text, c *consent.Consent) {
	words, also := classWords(), [2][]string{}
	for _, name := range c.Scope.Classes.Names() {
		also[0], also[1] = append(also[0], words[name].VI), append(also[1], words[name].EN)
	}
	if len(also[0]) > 0 {
		text.VI += " GỒM CẢ dữ liệu về: " + strings.Join(also[0], ", ") + "."
		text.EN += " INCLUDING data about: " + strings.Join(also[1], ", ") + "."
	}
	if c.Until.IsZero() {
		text.VI += " Cho đến khi bạn rút lại."
		text.EN += " Until you take it back."
		return
	}
	until := c.Until.In(clock.Hanoi).Format("15:04 02/01/2006")
	text.VI += " Đến " + until + "."
	text.EN += " Until " + until + "."
}

// State returns how a say stands, after looking whether the phone answered. It is
// for whoever asked: facility must be the asker. Fault: choice.absent.
func (d *Desk) State(ctx context.Context, facility care.FacilityCode, id consent.ID) (*consent.Consent, error) {
	c, err := d.Consents.Consent(ctx, id)
	switch {
	case errors.Is(err, store.ErrAbsent), err == nil && (facility == "" || c.Asker != facility):
		return nil, ErrAbsent
	case err != nil:
		return nil, fmt.Errorf("choice: %w", err)
	}
	return d.look(ctx, c)
}

// Asked is State for who holds the request's id by a ticket of their own. Fault:
// record.absent.
func (d *Desk) Asked(ctx context.Context, id consent.ID) (*consent.Consent, error) {
	c, err := d.Consents.Consent(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	if c.Asker == "" {
		return nil, store.ErrAbsent
	}
	return d.look(ctx, c)
}

// look asks the phone for its answer, and lets a request lapse whose time is over.
func (d *Desk) look(ctx context.Context, c *consent.Consent) (*consent.Consent, error) {
	if c.State != consent.Requested && c.State != consent.Shown {
		return c, nil
	}
	if c.Due(d.Clock.Now()) == consent.TimeOut {
		return d.lapse(ctx, c)
	}
	if q := d.asked(ctx, c); q.ref != "" {
		p, err := d.Pusher.Result(ctx, c.ID, q.ref)
		if err != nil {
			return d.waits(ctx, c) // the phone's service is away, or its answer is none
		}
		if p.State == Approved || p.State == Refused {
			if p.State == Approved && p.Level < agreeLevel {
				d.settle(c.ID)
				return d.waits(ctx, c) // the pages are left to answer by, after a second factor
			}
			d.settle(c.ID)
			s := Speaker{Person: c.Person, Channel: "vneid", Proof: sha256.Sum256(p.Proof), SteppedUp: p.At, Actor: "vneid"}
			return d.Answer(ctx, s, c.ID, p.State == Approved)
		}
	}
	return d.waits(ctx, c)
}

// waits lets a request lapse whose time is over; else it goes on waiting.
func (d *Desk) waits(ctx context.Context, c *consent.Consent) (*consent.Consent, error) {
	if c.Due(d.Clock.Now()) == consent.TimeOut {
		return d.lapse(ctx, c)
	}
	return c, nil
}

// settle keeps that the phone's answer is known: it is not asked for again.
func (d *Desk) settle(id consent.ID) {
	d.pushing.Lock()
	defer d.pushing.Unlock()
	d.pushed[id] = question{over: true}
}

func (d *Desk) forget(id consent.ID) {
	d.pushing.Lock()
	defer d.pushing.Unlock()
	delete(d.pushed, id)
}

func (d *Desk) lapse(ctx context.Context, c *consent.Consent) (*consent.Consent, error) {
	next := *c
	next.Version++
	if err := move(&next, consent.TimeOut); err != nil {
		return nil, err
	}
	if err := d.put(ctx, &next, "keeper", "consent.time_out", nil); err != nil {
		return nil, err
	}
	d.forget(c.ID)
	return &next, nil
}

// Shown notes that the person saw a request. Fault: choice.absent.
func (d *Desk) Shown(ctx context.Context, s Speaker, id consent.ID) (*consent.Consent, error) {
	c, err := d.of(ctx, s.Person, id)
	if err != nil || c.State != consent.Requested {
		return c, err
	}
	next := *c
	next.Version++
	if next.State, err = consent.Next(c.State, consent.Show); err != nil {
		return nil, err
	}
	if err := d.put(ctx, &next, s.Actor, "consent.show", nil); err != nil {
		return nil, err
	}
	return &next, nil
}

// Answer answers a request. The same answer again changes nothing. Faults:
// choice.absent, choice.lapsed, consent.state, choice.step_up (to grant), those of
// consent.Signed, store.changed.
func (d *Desk) Answer(ctx context.Context, s Speaker, id consent.ID, grant bool) (*consent.Consent, error) {
	c, err := d.of(ctx, s.Person, id)
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now()
	switch {
	case grant && (c.State == consent.Granted || c.State == consent.Active), !grant && c.State == consent.Refused:
		return c, nil
	case c.State == consent.TimedOut:
		return nil, ErrLapsed
	case c.State != consent.Requested && c.State != consent.Shown:
		return nil, consent.ErrState
	case c.Due(now) == consent.TimeOut:
		if _, err := d.lapse(ctx, c); err != nil {
			return nil, err
		}
		return nil, ErrLapsed
	}
	next := *c
	if err := d.signed(ctx, &s, &next, grant); err != nil {
		return nil, err
	}
	if c.State == consent.Requested {
		if c, err = d.Shown(ctx, s, id); err != nil {
			return nil, err
		}
		next.State, next.Version = c.State, c.Version
	}
	event := consent.Refuse
	if grant {
		event = consent.Grant
	}
	if next.State, err = consent.Next(next.State, event); err != nil {
		return nil, err
	}
	next.Version++
	next.Decided, next.Channel, next.Proof = now, s.Channel, s.Proof
	if grant {
		next.Since = now
		if err := consent.Check(&next, d.Known, now); err != nil {
			return nil, err
		}
		if err := move(&next, next.Due(now)); err != nil {
			return nil, err
		}
	}
	if err := d.put(ctx, &next, s.Actor, "consent."+string(event), nil); err != nil {
		return nil, err
	}
	d.forget(id)
	return &next, nil
}
