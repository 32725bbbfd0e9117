package casework

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

var all = role.Scope{All: true}

// The outcomes of a matter.
const (
	Granted     = "granted"
	Refused     = "refused" // with the reason in words, and the law where one obliges
	Corrected   = "corrected"
	Justified   = "justified"
	Unjustified = "unjustified"
	Withdrawn   = "withdrawn" // by who asked
)

// Move is a step somebody takes.
type Move struct {
	To      string // the state
	Outcome string // of an answer
	Text    string // what the citizen reads
	Owner   string // who is responsible from now on; "": as before
	Prolong bool   // the answer takes longer, for the reason in Text
	Actor   string
}

// Step moves a matter on from the version that was seen. Faults: request.step,
// request.text, request.absent.
func (d *Desk) Step(ctx context.Context, number string, seen int, v Move) (*matter.Matter, error) {
	m, err := d.matter(ctx, number)
	if err != nil {
		return nil, err
	}
	v.Text = strings.TrimSpace(v.Text)
	if !utf8.ValidString(v.Text) || utf8.RuneCountInString(v.Text) > MostText {
		return nil, ErrText
	}
	if m.Version != seen || !matter.Follows(m.State, v.To) {
		return nil, ErrStep
	}
	w, err := d.Words(m)
	if err != nil {
		return nil, err
	}
	now, what, notice := d.Clock.Now(), v.To, "matter."+v.To
	if v.Prolong {
		term, _ := matter.TermOf(m.Kind)
		until := term.LongerUntil(m.Opened, slip.Works)
		if until.IsZero() || !until.After(m.Due) || v.To != matter.InWork {
			return nil, ErrStep
		}
		if v.Text == "" {
			return nil, ErrText
		}
		m.Due, what, notice = until, "prolonged", "matter.prolonged"
	}
	switch v.To {
	case matter.Answered:
		if v.Outcome == "" || v.Text == "" {
			return nil, ErrText
		}
		m.Outcome, notice = v.Outcome, "matter.decided"
	case matter.Closed:
		if m.Closed = now; v.Outcome != "" {
			m.Outcome = v.Outcome
		}
	}
	if m.Acked.IsZero() {
		m.Acked = now // whoever works on it has acknowledged it
	}
	if v.Owner != "" {
		m.Owner = v.Owner
	}
	m.State = v.To
	m.Version++
	w.Steps = append(w.Steps, Step{At: now, What: what, Text: v.Text})
	return m, d.put(ctx, m, w, v.Actor, "matter."+what, notice)
}

// Withdraw closes a person's own request.
func (d *Desk) Withdraw(ctx context.Context, person care.Person, number, actor string) (*matter.Matter, error) {
	m, err := d.Mine(ctx, person, number)
	if err != nil {
		return nil, err
	}
	if m.State == matter.Closed && m.Outcome == Withdrawn {
		return m, nil
	}
	return d.Step(ctx, number, m.Version, Move{To: matter.Closed, Outcome: Withdrawn, Actor: actor})
}

func (d *Desk) matter(ctx context.Context, number string) (*matter.Matter, error) {
	number, err := matter.ParseNumber(number)
	if err != nil {
		return nil, err
	}
	m, err := d.Matters.Matter(ctx, number)
	if errors.Is(err, store.ErrAbsent) {
		return nil, store.ErrAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("casework: %w", err)
	}
	return m, nil
}

// Mine returns a matter of a person; store.ErrAbsent for one of somebody else,
// as for one that is not there.
func (d *Desk) Mine(ctx context.Context, person care.Person, number string) (*matter.Matter, error) {
	m, err := d.matter(ctx, number)
	if errors.Is(err, matter.ErrNumber) {
		return nil, store.ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	if person == (care.Person{}) || m.Person != person {
		return nil, store.ErrAbsent
	}
	return m, nil
}

// Of lists a person's requests and cases, newest first.
func (d *Desk) Of(ctx context.Context, person care.Person, limit int) ([]matter.Matter, error) {
	if person == (care.Person{}) {
		return nil, nil
	}
	list, err := d.Matters.Matters(ctx, matter.Filter{Person: person, Limit: 1000})
	if err != nil {
		return nil, fmt.Errorf("casework: %w", err)
	}
	var out []matter.Matter
	for _, m := range list {
		if m.Kind == matter.LookUnrecognised || matter.IsRequest(m.Kind) {
			out = append(out, m)
		}
	}
	newest(out)
	return out[:min(limit, len(out))], nil
}

func newest(list []matter.Matter) {
	for i := 1; i < len(list); i++ {
		for k := i; k > 0 && list[k].Opened.After(list[k-1].Opened); k-- {
			list[k], list[k-1] = list[k-1], list[k]
		}
	}
}

// Corrected closes every open request to correct whose records were all
// replaced by a newer version, or withdrawn, after it was opened; it returns how
// many. The keeper calls it every minute.
func (d *Desk) Corrected(ctx context.Context) (int, error) {
	list, err := d.Matters.Matters(ctx, matter.Filter{Kind: matter.RequestCorrect, Open: true, Limit: 1000})
	if err != nil {
		return 0, fmt.Errorf("casework: %w", err)
	}
	n := 0
	for i := range list {
		m := &list[i]
		done, err := d.replaced(ctx, m)
		if err != nil {
			return n, err
		}
		if !done {
			continue
		}
		saw, err := d.Saw(ctx, m)
		if err != nil {
			return n, err
		}
		w, err := d.Words(m)
		if err != nil {
			return n, err
		}
		now := d.Clock.Now()
		m.Looks = nil
		for _, look := range saw {
			m.Looks = append(m.Looks, look.ID)
		}
		if m.Acked.IsZero() {
			m.Acked = now
		}
		m.State, m.Outcome, m.Closed = matter.Closed, Corrected, now
		m.Version++
		w.Steps = append(w.Steps, Step{At: now, What: Corrected})
		if err := d.put(ctx, m, w, "hub", "matter.corrected", "matter.corrected"); err != nil && !errors.Is(err, ErrStep) {
			return n, err
		}
		n++
	}
	return n, nil
}

// replaced reports whether none of the records named is current any more.
func (d *Desk) replaced(ctx context.Context, m *matter.Matter) (bool, error) {
	for _, name := range m.Records {
		id, err := dossier.ParseID(name)
		if err != nil {
			return false, fmt.Errorf("casework: %s: %w", m.Number, err)
		}
		r, err := d.Records.Get(ctx, all, id)
		if err != nil {
			return false, fmt.Errorf("casework: %s: %w", m.Number, err)
		}
		switch r.State() {
		case dossier.Superseded, dossier.Withdrawn:
		default:
			return false, nil
		}
	}
	return len(m.Records) > 0, nil
}

// mostSaw is how many looks of a record are listed.
const mostSaw = 500

// Saw lists who saw the records of a matter until it was closed, newest first:
// those who should know that they saw what was wrong. The citizen's own looks
// and the system's are not among them.
func (d *Desk) Saw(ctx context.Context, m *matter.Matter) ([]store.Disclosure, error) {
	var out []store.Disclosure
	for _, name := range m.Records {
		id, err := dossier.ParseID(name)
		if err != nil {
			return nil, fmt.Errorf("casework: %s: %w", m.Number, err)
		}
		until := m.Closed
		if until.IsZero() {
			until = d.Clock.Now().Add(time.Second)
		}
		list, _, err := d.Looks.List(ctx, all, store.DisclosureFilter{Record: id, Until: until, Limit: mostSaw})
		if err != nil {
			return nil, fmt.Errorf("casework: %w", err)
		}
		for _, look := range list {
			if r, err := role.Parse(look.Role); err == nil && r.Kind == role.Citizen {
				continue
			}
			out = append(out, look)
		}
	}
	return out, nil
}

// readerAt is the facility of who looked, "" elsewhere.
func readerAt(look *store.Disclosure) care.FacilityCode {
	r, err := role.Parse(look.Role)
	if err != nil {
		return ""
	}
	return r.At()
}
