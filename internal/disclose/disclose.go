// Package disclose is the only way from a record to clinical content: decide
// whether this reader may see it and why, write that down durably, then open.
// Nothing leaves before its row is on disk (promise 5); when the row cannot be
// written nothing is opened.
//
// The rules are not here: package policy answers, out of facts that are read anew
// for each look, so that what a citizen revokes is revoked for the next request.
// The sensitive classes (package compartment) are closed to all but the facility
// that wrote them, the citizen, and whom the citizen named. A record whose content
// tells of one is withheld whole; of one whose only closed part is a table (XML6,
// XML15) an operator may be shown the other tables. Whoever has no basis is told
// that there is nothing.
package disclose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/masked"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// The bases of a disclosure that this package names itself; others are package policy's.
const (
	OwnRecord      = string(policy.OwnRecord)
	OperatorReason = string(policy.Operator)
	// Refused is of a look that was not had: somebody else asked for a record of a
	// closed compartment and was told so. That it is one can be learnt so, and
	// by whom is on paper.
	Refused = "refused_compartment"
)

var (
	// ErrReason: an operator must say why before content is opened.
	ErrReason = fault.New(fault.Withheld, "disclosure.reason_required",
		"Ghi lý do trước khi xem nội dung hồ sơ. Lý do được lưu cùng lượt xem.",
		"Give the reason before opening the record. It is kept with the look.")
	// ErrWithheld: this role never sees clinical content.
	ErrWithheld = fault.New(fault.Withheld, "disclosure.withheld",
		"Vai trò này chỉ xem số liệu và tình trạng, không xem nội dung hồ sơ.",
		"This role sees counts and states, not the content of records.")
	// ErrCompartment: what is asked for holds a closed compartment.
	ErrCompartment = fault.New(fault.Withheld, "disclosure.compartment",
		"Hồ sơ này có dữ liệu được bảo vệ riêng, chỉ cơ sở lập hồ sơ được xem.",
		"This record holds data of a closed compartment, open to the facility that wrote it alone.")
)

// Deps is what disclose works with.
type Deps struct {
	Records  store.Records
	Log      store.Disclosures
	Counters store.Counters
	Vault    *vault.Vault
	Codec    *body.Codec
	Kinds    *kind.Registry
	Receipts *evidence.Desk
	Clock    clock.Clock
	Legs     Receipts   // nil: destinations give none
	Policies Decider    // nil: policy.Builtin
	Consents Consents   // nil: nobody said anything
	Spool    Spool      // nil: an emergency waits for the log too
	Brake    Brake      // nil: nobody is too curious
	Own      Statements // nil: nobody states anything of themself
}

// Brake turns away who looks at too many people; package brake's is one. It is
// asked before rows are written, with those rows.
type Brake interface {
	Look(ctx context.Context, rows []store.Disclosure) error
}

// Discloser opens records for readers.
type Discloser struct {
	Deps
	looks looks
}

// New returns a discloser.
func New(d Deps) (*Discloser, error) {
	if d.Records == nil || d.Log == nil || d.Vault == nil || d.Receipts == nil {
		return nil, errors.New("disclose: a part is missing")
	}
	if d.Policies == nil {
		set, err := policy.Builtin()
		if err != nil {
			return nil, err
		}
		d.Policies = set
	}
	if d.Consents == nil {
		d.Consents = nobodySaid{}
	}
	if d.Legs == nil {
		d.Legs = noReceipts{}
	}
	d.Log = marked{d.Log}
	return &Discloser{Deps: d}, nil
}

// Opened is a record with its content, as this reader may see it.
type Opened struct {
	Record  store.Record
	Episode string
	Read    kind.Dossier // tables of closed compartments left out unless the record is the reader's own
	View    kind.View
	Seals   []store.SealNote // of the file it first came in
	Papers  []string         // names of the papers beside the file; see Paper
}

// Open gives one record. Faults: record.absent, record.erased, disclosure.reason_required,
// disclosure.withheld, disclosure.compartment; a broken store or vault.
func (d *Discloser) Open(ctx context.Context, reader Reader, id dossier.ID) (*Opened, error) {
	k, e, err := d.admit(ctx, reader, policy.Read, id)
	if err != nil {
		return nil, err
	}
	if !e.record.Erased.IsZero() {
		return nil, store.ErrErased
	}
	if err := d.write(ctx, k, 1, *e); err != nil {
		return nil, err
	}
	o, err := d.open(ctx, &e.record, k.opens(e))
	if errors.Is(err, ErrCompartment) && reader.beyond() {
		return nil, store.ErrAbsent
	}
	return o, err
}

// find looks a record up where the reader may look.
func (d *Discloser) find(ctx context.Context, reader Reader, id dossier.ID) (*look, *store.Record, error) {
	r, err := d.Records.Get(ctx, reader.scope(), id)
	switch {
	case err == nil && reader.owns(id):
		return &look{rules: d.Policies, reader: reader, at: d.Clock.Now(), person: r.Person}, r, nil
	case err != nil && reader.beyond() && errors.Is(err, store.ErrAbsent):
		_, failed := d.begin(ctx, reader, store.PersonID{}) // what an id that is there costs
		return nil, nil, errors.Join(err, failed)
	case err != nil:
		return nil, nil, err
	}
	k, err := d.begin(ctx, reader, r.Person)
	return k, r, err
}

// admit finds a record and decides about it.
func (d *Discloser) admit(ctx context.Context, reader Reader, action policy.Action, id dossier.ID) (*look, *entry, error) {
	k, r, err := d.find(ctx, reader, id)
	if err != nil {
		return nil, nil, err
	}
	dec, err := k.decide(action, r, k.classesOf(action, r))
	if err != nil {
		return nil, nil, err
	}
	if dec.Permit {
		return k, &entry{*r, dec}, nil
	}
	return nil, nil, d.deny(ctx, k, r, dec)
}

// deny is what a reader is told who may not: who sees that the record is there
// is told why, others that it is absent.
func (d *Discloser) deny(ctx context.Context, k *look, r *store.Record, dec decision) error {
	switch {
	case k.reader.Role.Kind == role.Operator && !dec.question.Reason:
		return ErrReason
	case k.reader.Role.Kind == role.Operator && !r.Erased.IsZero():
		return store.ErrErased
	case k.reader.Role.Kind == role.Operator && dec.question.Classes != 0:
		return d.refuse(ctx, k, r, dec)
	case k.reader.Role.May(role.Messages) && !k.reader.beyond():
		return ErrWithheld
	}
	return store.ErrAbsent
}

// entry is one record of a look, with what decided about it.
type entry struct {
	record store.Record
	decision
}

// write writes the rows of one look; it returns when they are durable. They
// are counted a moment later, by Count: a reader does not wait for intake.
func (d *Discloser) write(ctx context.Context, k *look, count int, entries ...entry) error {
	now := d.Clock.Now()
	rows := make([]store.Disclosure, len(entries))
	records := make([]store.Record, len(entries))
	for i := range entries {
		var err error
		if rows[i], err = k.row(now, string(entries[i].Basis), count, &entries[i].record, entries[i].decision); err != nil {
			return err
		}
		records[i] = entries[i].record
	}
	records = slices.DeleteFunc(records, func(r store.Record) bool { return r.ID.IsZero() }) // a statement is counted at no facility
	if d.Brake != nil {
		if err := d.Brake.Look(ctx, rows); err != nil {
			return err
		}
	}
	if err := d.keep(ctx, k, rows); err != nil {
		return err
	}
	d.looks.count(now, k.reader.Role.At(), records)
	return nil
}

// keep makes rows durable: in the log, or, of an emergency set while the log is
// down, beside it.
func (d *Discloser) keep(ctx context.Context, k *look, rows []store.Disclosure) error {
	err := d.Log.Record(ctx, rows)
	if err == nil || !k.spools || d.Spool == nil || ctx.Err() != nil {
		return err
	}
	if failed := d.Spool.Keep(rows); failed != nil {
		return ErrLogDown.Because(errors.Join(err, failed))
	}
	mark(ctx, len(rows), true)
	return nil
}

func (k *look) row(now time.Time, basis string, count int, r *store.Record, dec decision) (store.Disclosure, error) {
	facts, err := dec.text()
	reader := k.reader
	return store.Disclosure{At: now, Reader: reader.Name, Role: reader.Role.String(), Record: r.ID, Person: r.Person,
		Facility: r.ID.Facility, Basis: basis, Policy: dec.Policy + "@" + dec.Version, Reason: reader.reason(), Route: reader.Route, Count: count,
		Staff: reader.Staff, Opening: reader.Opening, Purpose: string(reader.Purpose), Facts: facts}, err
}

// refuse says ErrCompartment, once it is written down who was told.
func (d *Discloser) refuse(ctx context.Context, k *look, r *store.Record, dec decision) error {
	row, err := k.row(d.Clock.Now(), Refused, 0, r, dec)
	if err == nil {
		err = d.Log.Record(ctx, []store.Disclosure{row})
	}
	if err != nil {
		return fmt.Errorf("disclose: writing down the refusal: %w", err)
	}
	return ErrCompartment
}

// opens says which classes of an admitted record's content its reader may have.
func (k *look) opens(e *entry) func(care.Classes) (bool, error) {
	return func(c care.Classes) (bool, error) { return k.permits(e.question.Action, &e.record, c) }
}

func everything(care.Classes) (bool, error) { return true, nil }

func nothingClosed(c care.Classes) (bool, error) { return c == 0, nil }

// Episode returns the sender's own name of a record's episode, for lists. It
// is the facility's number of a visit and no clinical content, so no row is
// written; only the facility itself and an operator are given it.
func (d *Discloser) Episode(reader Reader, r *store.Record) string {
	if !reader.owns(r.ID) && reader.Role.Kind != role.Operator {
		return ""
	}
	h, err := d.head(r)
	if err != nil {
		return ""
	}
	return h.Episode
}

// Receipt returns a record's receipt document, the same bytes at every call.
// It holds no clinical content: the verdict, places and codes, and digests.
func (d *Discloser) Receipt(ctx context.Context, reader Reader, id dossier.ID) ([]byte, error) {
	r, err := d.mayHave(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	h, err := d.head(r)
	if err != nil {
		return nil, err
	}
	docs, err := d.Receipts.Documents(ctx, []evidence.Item{{Receipt: h.Receipt, Place: r.Place}})
	if err != nil {
		return nil, err
	}
	return docs[0], nil
}

// mayHave finds a record whose receipts the reader may have: they name no
// content, and no row is written.
func (d *Discloser) mayHave(ctx context.Context, reader Reader, id dossier.ID) (*store.Record, error) {
	k, r, err := d.find(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	switch {
	case reader.owns(id):
		return r, nil
	case reader.beyond():
		dec, err := k.decide(policy.Original, r, k.classesOf(policy.Original, r))
		if err == nil && !dec.Permit {
			err = store.ErrAbsent
		}
		return r, err
	case reader.Role.Kind != role.Operator:
		return nil, ErrWithheld
	case r.Documents&masked.Closed != 0: // its findings and digests speak of what is closed
		dec, err := k.decide(policy.Original, r, withTables(r.Documents))
		if err != nil {
			return nil, err
		}
		return nil, d.refuse(ctx, k, r, dec)
	}
	return r, nil
}

// Related returns the records of the same person that the reader may know of,
// newest first, the record itself among them; without a person, those of the
// same patient at the facility. Records of others with a closed compartment in
// them are not among them. The list is a disclosure too: one row for each record
// named.
func (d *Discloser) Related(ctx context.Context, reader Reader, id dossier.ID, limit int) ([]store.Record, error) {
	_, list, err := d.related(ctx, reader, policy.List, id, limit)
	return recordsOf(list), err
}

func recordsOf(list []entry) []store.Record {
	out := make([]store.Record, len(list))
	for i := range list {
		out[i] = list[i].record
	}
	return out
}

func (d *Discloser) related(ctx context.Context, reader Reader, action policy.Action, id dossier.ID, limit int) (*look, []entry, error) {
	k, r, err := d.find(ctx, reader, id)
	if err != nil {
		return nil, nil, err
	}
	classes := withTables(r.Documents)
	if reader.Role.Kind == role.Operator {
		classes = 0 // others of the person may be open
	}
	dec, err := k.decide(policy.List, r, classes)
	if err != nil {
		return nil, nil, err
	}
	if !dec.Permit {
		return nil, nil, d.deny(ctx, k, r, dec)
	}
	f := store.Filter{Person: r.Person, Limit: limit}
	if r.Person == (store.PersonID{}) {
		if r.Subject.IsZero() {
			list := []entry{{*r, dec}}
			return k, list, d.write(ctx, k, 1, list...)
		}
		f = store.Filter{Facility: r.ID.Facility, Subject: []vault.Keyed{r.Subject}, Limit: limit}
	}
	if reader.beyond() && reader.owns(id) { // the look was not begun for others' records
		if k, err = d.begin(ctx, reader, r.Person); err != nil {
			return nil, nil, err
		}
	}
	rows, _, err := d.Records.List(ctx, reader.scope(), f)
	if err != nil {
		return nil, nil, err
	}
	list, err := k.permitted(action, rows)
	if err != nil {
		return nil, nil, err
	}
	if len(list) == 0 && (r.Documents&masked.Closed == 0 || reader.owns(id)) {
		list = []entry{{*r, dec}}
	}
	return k, list, d.write(ctx, k, len(list), list...)
}

// permitted keeps of some records those that the rules permit this action with,
// and the reader to know of.
func (k *look) permitted(action policy.Action, rows []store.Record) ([]entry, error) {
	var list []entry
	for i := range rows {
		r := &rows[i]
		first := policy.List
		if action == policy.Emergency { // its set names no record
			first = action
		}
		dec, err := k.decide(first, r, withTables(r.Documents))
		if err == nil && dec.Permit && action != first {
			dec, err = k.decide(action, r, k.classesOf(action, r))
		}
		if err != nil {
			return nil, err
		}
		if dec.Permit {
			list = append(list, entry{*r, dec})
		}
	}
	return list, nil
}

// PersonReference is how a facility's answers name a person; see package evidence.
func (d *Discloser) PersonReference(facility care.FacilityCode, p store.PersonID) string {
	return evidence.PersonReference(d.Vault, facility, p)
}
