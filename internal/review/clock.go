package review

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/law"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// StepBreach is what an officer does about a breach.
type StepBreach struct {
	Do    string // StepScope, StepReported, StepTold, StepClosed
	Seen  int
	Text  string
	Scope Scope     // of StepScope
	At    time.Time // of StepReported: when the authority was told; zero: now
}

// MoveBreach takes a step. Notices are sent once to each person concerned, however
// often that is asked. Faults: review.absent, request.step, breach.scope,
// breach.what, breach.nobody, review.second_factor, review.decision.
func (d *Desk) MoveBreach(ctx context.Context, o Officer, number string, v StepBreach) (*Breach, error) {
	d.breaching.Lock()
	defer d.breaching.Unlock()
	b, s, err := d.breach(ctx, o, number)
	if err != nil {
		return nil, err
	}
	m, now := b.Matter, d.Clock.Now()
	v.Text = strings.TrimSpace(v.Text)
	if m.Version != v.Seen || m.State == matter.Closed {
		return nil, casework.ErrStep
	}
	if !utf8.ValidString(v.Text) || utf8.RuneCountInString(v.Text) > casework.MostText {
		return nil, ErrBreach
	}
	m.State = matter.InWork
	switch v.Do {
	case StepScope:
		if err := v.Scope.check(); err != nil {
			return nil, err
		}
		s.Scope = v.Scope
	case StepReported:
		if v.At.IsZero() {
			v.At = now
		}
		if v.At.After(now) || v.At.Before(s.Known) || !s.Told.IsZero() {
			return nil, ErrBreach
		}
		s.Told = v.At
	case StepTold:
		if err := d.tell(ctx, o, b, s, now); err != nil {
			return nil, err
		}
	case StepClosed:
		if utf8.RuneCountInString(v.Text) < leastReason {
			return nil, ErrReason
		}
		m.State, m.Closed = matter.Closed, now
	default:
		return nil, ErrDecision
	}
	if m.Acked.IsZero() {
		m.Acked = now
	}
	m.Version++
	s.Steps = append(s.Steps, casework.Step{At: now, What: v.Do, Text: v.Text})
	if err := d.put(ctx, o, &m, s, "breach."+v.Do); err != nil {
		return nil, err
	}
	b, _, err = d.read(&m)
	return b, err
}

// tell sends the notices. It is done again from where it broke off.
func (d *Desk) tell(ctx context.Context, o Officer, b *Breach, s *sealed, now time.Time) error {
	if err := o.fresh(now); err != nil {
		return err
	}
	a, err := d.affected(ctx, b)
	if err != nil {
		return err
	}
	if len(a.Persons) == 0 {
		return ErrNobody
	}
	about := hex.EncodeToString([]byte(b.Matter.Number))
	detail, err := json.Marshal(map[string]string{"number": b.Matter.Number, "facility": string(b.Matter.Facility),
		"from": s.Scope.From.UTC().Format(time.RFC3339), "until": s.Scope.To.UTC().Format(time.RFC3339)})
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	told := 0
	for _, p := range a.Persons {
		had, err := d.has(ctx, p.person, about)
		if err != nil {
			return err
		}
		told++
		if had {
			continue
		}
		if err := d.Notices.PutNotice(ctx, matter.Notice{Person: p.person, At: now, Kind: NoticeBreach, About: about, Detail: string(detail)}); err != nil {
			return fmt.Errorf("review: telling a person: %w", err)
		}
	}
	s.Sent, s.Notices = now, told
	return nil
}

// has reports whether a person was told of something.
func (d *Desk) has(ctx context.Context, person care.Person, about string) (bool, error) {
	list, err := d.Notices.Notices(ctx, store.PersonID(person), 1000)
	if err != nil {
		return false, fmt.Errorf("review: %w", err)
	}
	for i := range list {
		if list[i].Kind == NoticeBreach && list[i].About == about {
			return true, nil
		}
	}
	return false, nil
}

// Summary is a breach for the authority (format "lienthong-breach/1"), after the
// parts of Form 08 of Decree 356/2025: what, when, how many, what was done. It names
// nobody.
type Summary struct {
	Format     string            `json:"format"`
	At         time.Time         `json:"at"`
	Number     string            `json:"number"`
	Facility   care.FacilityCode `json:"facility,omitempty"` // "": the hub
	What       string            `json:"what"`
	Known      time.Time         `json:"known"`
	Due        time.Time         `json:"due"`
	Reported   time.Time         `json:"reported,omitzero"`
	Late       bool              `json:"late"`
	Law        string            `json:"law"`
	Confirmed  bool              `json:"law_confirmed"`
	Scope      Scope             `json:"scope"`
	Persons    int               `json:"persons"`
	Records    int               `json:"records"`
	Looks      int               `json:"looks"`
	Partial    bool              `json:"partial"`
	Facilities []Place           `json:"facilities"`
	Told       time.Time         `json:"citizens_told,omitzero"`
	Notices    int               `json:"notices"`
	Steps      []casework.Step   `json:"steps"`
}

// Summary returns a breach for the authority. Faults: review.absent.
func (d *Desk) Summary(ctx context.Context, o Officer, number string) (*Summary, error) {
	b, err := d.Breach(ctx, o, number)
	if err != nil {
		return nil, err
	}
	a, err := d.affected(ctx, b)
	if err != nil {
		return nil, err
	}
	return &Summary{Format: "lienthong-breach/1", At: d.Clock.Now().UTC().Truncate(time.Second), Number: b.Matter.Number, Facility: b.Matter.Facility, What: b.What, Known: b.Known,
		Due: b.Matter.Due, Reported: b.Told, Late: b.Late, Law: law.Text(b.Matter.Law).VI, Confirmed: b.Law.Confirmed(), Scope: b.Scope,
		Persons: len(a.Persons), Records: a.Records, Looks: a.Looks, Partial: a.Partial, Facilities: a.Facilities, Told: b.Sent, Notices: b.Notices, Steps: b.Steps}, nil
}
