package disclose

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/consent"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Decider answers by rules; the set of package policy is one.
type Decider interface {
	Decide(q policy.Question) (policy.Answer, error)
}

// Consents finds what holds of a person; store.Consents does.
type Consents interface {
	Standing(ctx context.Context, person store.PersonID, opening consent.OpeningID, at time.Time) (consent.Standing, error)
	Delegations(ctx context.Context, person store.PersonID) (of, to []consent.Delegation, err error)
}

// look is one look at one person's records: who, since when, and what holds.
type look struct {
	rules    Decider
	reader   Reader
	at       time.Time
	person   store.PersonID
	standing consent.Standing
	basis    policy.Basis // of records of others; "": none stands
	spools   bool         // its rows may wait beside the log
	own      *Opened      // what the person stated themself; nil: nothing for this look
}

// decision is what came of one question.
type decision struct {
	policy.Answer
	question policy.Question
}

// begin reads the facts for a look at a person's records: anew for each look,
// so that what was revoked before it began is not there.
func (d *Discloser) begin(ctx context.Context, reader Reader, person store.PersonID) (*look, error) {
	k := &look{rules: d.Policies, reader: reader, at: d.Clock.Now(), person: person}
	var err error
	if k.standing, err = d.Consents.Standing(ctx, person, reader.Opening, k.at); err != nil {
		return nil, fmt.Errorf("disclose: asking what holds: %w", err)
	}
	if k.reader.Purpose == "" && k.standing.Opening != nil {
		k.reader.Purpose = k.standing.Opening.Purpose
	}
	k.basis, err = d.basis(ctx, k)
	return k, err
}

// basis finds what makes reading others' records lawful for this look.
func (d *Discloser) basis(ctx context.Context, k *look) (policy.Basis, error) {
	switch k.reader.Role.Kind {
	case role.Operator:
		return policy.Operator, nil
	case role.Citizen:
		return d.kin(ctx, k)
	case role.Clinician, role.Facility, role.Counter:
		return k.opened(), nil
	}
	return "", nil
}

// kin is a citizen's basis: themself, or somebody they may act for now.
func (d *Discloser) kin(ctx context.Context, k *look) (policy.Basis, error) {
	me, whose := store.PersonID(k.reader.Person), k.reader.subject()
	switch {
	case me == store.PersonID{} || whose != k.person:
		return "", nil
	case whose == me:
		return policy.SelfReading, nil
	}
	of, _, err := d.Consents.Delegations(ctx, whose)
	if err != nil {
		return "", fmt.Errorf("disclose: asking who may act: %w", err)
	}
	if consent.MayAct(of, whose, me, k.at) == nil {
		return "", nil
	}
	return policy.Delegate, nil
}

// opened is the basis of the opening the reader named, where it is theirs and
// stands: an emergency and a consent serve who opened, the others everybody who
// treats at that facility.
func (k *look) opened() policy.Basis {
	o := k.standing.Opening
	if o == nil || k.person == (store.PersonID{}) || o.Person != k.person || o.Facility != k.reader.Role.At() || !k.standing.Stands(k.at) {
		return ""
	}
	mine := k.reader.Staff != care.Staff{} && (o.Staff == k.reader.Staff || o.Renewed == k.reader.Staff)
	if atCounter := o.Purpose == consent.Administrative; atCounter != (k.reader.Role.Kind == role.Counter) || atCounter && !mine {
		return "" // who stands at a counter proved it to one clerk, for one errand; who is treated, to clinicians
	}
	switch basis := policy.Basis(o.Basis); basis {
	case policy.Presence, policy.ByReferral:
		return basis
	case policy.BreakGlass:
		if mine {
			return basis
		}
	case policy.ByConsent:
		if mine || k.reader.Role.Kind == role.Facility {
			return basis
		}
	}
	return ""
}

// question is everything that decides about one record.
func (k *look) question(action policy.Action, r *store.Record, classes care.Classes) policy.Question {
	q := policy.Question{Action: action, Role: k.reader.Role, Purpose: k.reader.Purpose, Staff: k.reader.Staff != care.Staff{},
		Author: r.ID.Facility, Kind: r.Kind, Classes: classes,
		Reason: k.reader.reason() != "", SteppedUp: k.reader.steppedUp(k.at)}
	if r.ID.IsZero() {
		q.Author = byCitizen
	}
	switch {
	case k.reader.owns(r.ID):
		q.Basis = policy.OwnRecord
		return q // nobody but its author decides over its author's reading
	case k.reader.Role.Kind == role.Operator || k.person == r.Person && r.Person != (store.PersonID{}):
		q.Basis = k.basis
	}
	if q.Basis == policy.BreakGlass { // the opening took both
		q.Reason, q.SteppedUp = k.standing.Opening.Reason != "", true
	}
	f := consent.Facts(k.standing, &consent.Record{Author: r.ID.Facility, Kind: r.Kind, Episode: r.Episode, Received: r.Received, Classes: withTables(r.Documents)},
		consent.Asker{Facility: k.reader.Role.At(), Purpose: k.reader.Purpose}, k.at)
	q.Permitted, q.Opened, q.Denied, q.DeniedToo = f.Permitted, f.Opened, f.Denied, f.DeniedToo
	return q
}

// decide asks the rules about one record.
func (k *look) decide(action policy.Action, r *store.Record, classes care.Classes) (decision, error) {
	q := k.question(action, r, classes)
	a, err := k.rules.Decide(q)
	if err != nil {
		return decision{}, fmt.Errorf("disclose: deciding: %w", err)
	}
	return decision{a, q}, nil
}

// permits reports whether the reader may have what belongs to these classes out
// of a record that they may have.
func (k *look) permits(action policy.Action, r *store.Record, classes care.Classes) (bool, error) {
	if classes == 0 {
		return true, nil
	}
	dec, err := k.decide(action, r, classes)
	return dec.Permit, err
}

// classesOf are the sensitive classes of a record as this action meets them:
// reading leaves closed tables out, so a table alone does not close what is read
// by an operator; for all else, and for whoever reads on a basis, it does.
func (k *look) classesOf(action policy.Action, r *store.Record) care.Classes {
	if action == policy.Read && k.reader.Role.Kind == role.Operator {
		return care.ClassesOf(r.Documents)
	}
	return withTables(r.Documents)
}

// withTables are the classes of a record with those of its closed tables.
func withTables(documents uint32) care.Classes {
	c := care.ClassesOf(documents)
	for i := range 28 {
		if documents&(1<<i) != 0 {
			c |= tableClass[i]
		}
	}
	return c
}

// tableClass are the classes of the tables of the QĐ 4750 family by number.
var tableClass = func() (out [28]care.Classes) {
	for i := range out {
		out[i] = compartment.Table(fmt.Sprintf("XML%d", i))
	}
	return out
}()

// text is the question as rows keep it.
func (dec *decision) text() (string, error) {
	b, err := json.Marshal(dec.question)
	return string(b), err
}

// nobodySaid is of a hub that keeps no say of citizens: nothing stands.
type nobodySaid struct{}

// Standing is empty.
func (nobodySaid) Standing(context.Context, store.PersonID, consent.OpeningID, time.Time) (consent.Standing, error) {
	return consent.Standing{}, nil
}

// Delegations returns none.
func (nobodySaid) Delegations(context.Context, store.PersonID) (of, to []consent.Delegation, err error) {
	return nil, nil, nil
}
