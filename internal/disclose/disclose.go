// Package disclose is the only way from a record to clinical content: decide
// whether this reader may see it and why, write that down durably, then open.
// Nothing leaves before its row is on disk (promise 5); when the row cannot be
// written nothing is opened.
//
// HIV and TB (package compartment) are closed to all but the facility that wrote
// them. A record whose content tells of one is withheld whole; of one whose only
// closed part is a table (XML6, XML15) the other tables may be shown.
//
// The bases of this release are two: a facility's own record, and an operator
// who gives a reason. Whoever else asks is told that there is nothing.
package disclose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Policy names what decides here, with its version: stored with every row.
const Policy = "builtin/v1"

// The bases of a disclosure.
const (
	OwnRecord      = "own_record"
	OperatorReason = "operator_reason"
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
	Legs     Receipts // nil: destinations give none
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
	if d.Legs == nil {
		d.Legs = noReceipts{}
	}
	return &Discloser{Deps: d}, nil
}

// Reader is who asks, and how.
type Reader struct {
	Role   role.Role
	Name   string // session or client, never a person's number
	Route  string
	Reason string // an operator's own words
}

// owns reports whether the record is the reader's own.
func (r Reader) owns(id dossier.ID) bool {
	return r.Role.Kind == role.Facility && r.Role.ID == string(id.Facility)
}

// basis decides. It looks at the record's place only, never at its content.
func (r Reader) basis(id dossier.ID) (string, error) {
	switch {
	case r.owns(id):
		return OwnRecord, nil
	case r.Role.Kind == role.Operator && strings.TrimSpace(r.Reason) != "":
		return OperatorReason, nil
	case r.Role.Kind == role.Operator:
		return "", ErrReason
	case r.Role.May(role.Messages):
		return "", ErrWithheld
	}
	return "", store.ErrAbsent
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
	r, basis, err := d.admit(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	switch {
	case !r.Erased.IsZero():
		return nil, store.ErrErased
	case basis != OwnRecord && r.Documents&compartment.Bits != 0:
		return nil, d.refuse(ctx, reader, r)
	}
	if err := d.record(ctx, reader, basis, 1, *r); err != nil {
		return nil, err
	}
	return d.open(ctx, r, basis)
}

// admit finds the record in the reader's scope and decides the basis.
func (d *Discloser) admit(ctx context.Context, reader Reader, id dossier.ID) (*store.Record, string, error) {
	r, err := d.Records.Get(ctx, reader.Role.Scope(), id)
	if err != nil {
		return nil, "", err
	}
	basis, err := reader.basis(id)
	return r, basis, err
}

// record writes the rows of one look; it returns when they are durable. They
// are counted a moment later, by Count: a reader does not wait for intake.
func (d *Discloser) record(ctx context.Context, reader Reader, basis string, count int, records ...store.Record) error {
	now := d.Clock.Now()
	rows := make([]store.Disclosure, len(records))
	for i := range records {
		rows[i] = row(now, reader, basis, count, &records[i])
	}
	if err := d.Log.Record(ctx, rows); err != nil {
		return fmt.Errorf("disclose: writing down the look: %w", err)
	}
	d.looks.count(now, records)
	return nil
}

func row(now time.Time, reader Reader, basis string, count int, r *store.Record) store.Disclosure {
	return store.Disclosure{At: now, Reader: reader.Name, Role: reader.Role.String(), Record: r.ID, Person: r.Person,
		Facility: r.ID.Facility, Basis: basis, Policy: Policy, Reason: strings.TrimSpace(reader.Reason), Route: reader.Route, Count: count}
}

// refuse says ErrCompartment, once it is written down who was told.
func (d *Discloser) refuse(ctx context.Context, reader Reader, r *store.Record) error {
	if err := d.Log.Record(ctx, []store.Disclosure{row(d.Clock.Now(), reader, Refused, 0, r)}); err != nil {
		return fmt.Errorf("disclose: writing down the refusal: %w", err)
	}
	return ErrCompartment
}

func (d *Discloser) open(ctx context.Context, r *store.Record, basis string) (*Opened, error) {
	head, err := d.head(r)
	if err != nil {
		return nil, err
	}
	o := &Opened{Record: *r, Episode: head.Episode}
	reader := d.Kinds.ByName(r.Kind)
	if reader == nil || !r.Withdraws.IsZero() {
		return o, nil
	}
	o.View = reader.View()
	as := alone
	sent, stored, err := d.rebuild(ctx, r, &as)
	if err != nil {
		return nil, err
	}
	o.Seals = stored.Seals
	file, err := reader.Open(sent.Bytes)
	if err != nil {
		return nil, fmt.Errorf("disclose: reading %s again: %w", r.ID, err)
	}
	o.Read = file.Dossier(r.Index)
	for _, p := range sent.Papers {
		o.Papers = append(o.Papers, p.Name)
	}
	if basis != OwnRecord {
		if compartment.Content(o.Read.Content) != 0 { // by lists newer than the record
			return nil, ErrCompartment
		}
		o.Read = withoutClosed(o.Read)
	}
	return o, nil
}

func withoutClosed(k kind.Dossier) kind.Dossier {
	open := &dossier.Content{}
	for _, t := range k.Content.Tables() {
		if compartment.Table(t.Columns.Table) == 0 {
			open.All = append(open.All, t)
		}
	}
	k.Content, k.Inner, k.InnerNames = open, nil, nil
	return k
}

func (d *Discloser) head(r *store.Record) (evidence.Head, error) {
	if !r.Erased.IsZero() {
		return evidence.Head{}, store.ErrErased
	}
	plain, err := d.Vault.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartHead, r.Head)
	if err != nil {
		return evidence.Head{}, fmt.Errorf("disclose: opening the head of %s: %w", r.ID, err)
	}
	return evidence.ParseHead(plain)
}

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

// mayHave finds a record whose receipts the reader may have.
func (d *Discloser) mayHave(ctx context.Context, reader Reader, id dossier.ID) (*store.Record, error) {
	r, err := d.Records.Get(ctx, reader.Role.Scope(), id)
	if err != nil {
		return nil, err
	}
	switch {
	case reader.Role.Kind != role.Operator && reader.Role.Kind != role.Facility:
		return nil, ErrWithheld
	case reader.Role.Kind == role.Operator && r.Documents&closedBits != 0:
		return nil, d.refuse(ctx, reader, r) // its findings and digests speak of what is closed
	}
	return r, nil
}

// Related returns the records of the same person that lie in the reader's
// scope, newest first, the record itself among them; without a person, those
// of the same patient at the facility. Records of others with a closed
// compartment in them are not among them. The list is a disclosure too: one row
// for each record named.
func (d *Discloser) Related(ctx context.Context, reader Reader, id dossier.ID, limit int) ([]store.Record, error) {
	list, _, err := d.related(ctx, reader, id, limit)
	return list, err
}

func (d *Discloser) related(ctx context.Context, reader Reader, id dossier.ID, limit int) ([]store.Record, string, error) {
	r, basis, err := d.admit(ctx, reader, id)
	if err != nil {
		return nil, "", err
	}
	f := store.Filter{Person: r.Person, Limit: limit}
	if r.Person == (store.PersonID{}) {
		if r.Subject.IsZero() {
			return []store.Record{*r}, basis, d.record(ctx, reader, basis, 1, *r)
		}
		f = store.Filter{Facility: r.ID.Facility, Subject: []vault.Keyed{r.Subject}, Limit: limit}
	}
	list, _, err := d.Records.List(ctx, reader.Role.Scope(), f)
	if err != nil {
		return nil, "", err
	}
	list = slices.DeleteFunc(list, func(x store.Record) bool { return x.Documents&closedBits != 0 && !reader.owns(x.ID) })
	if len(list) == 0 && (r.Documents&closedBits == 0 || basis == OwnRecord) {
		list = []store.Record{*r}
	}
	return list, basis, d.record(ctx, reader, basis, len(list), list...)
}

// Original gives the exact bytes of the file a record came in: whole to the
// file's own facility, and to an operator when the file holds this one record
// and no closed compartment; else a redacted original, in which the inner
// documents of other dossiers are replaced by their SHA-256, those of erased
// ones by "withheld": also for the facility, when one was erased from its file.
func (d *Discloser) Original(ctx context.Context, reader Reader, id dossier.ID) (raw []byte, redacted bool, err error) {
	sent, redacted, err := d.Sent(ctx, reader, id)
	return sent.Bytes, redacted, err
}

// Sent is Original with what came beside the file: its detached seal, which
// covers the bytes only where they are not redacted, and its papers.
func (d *Discloser) Sent(ctx context.Context, reader Reader, id dossier.ID) (sent evidence.Sent, redacted bool, err error) {
	r, basis, err := d.admit(ctx, reader, id)
	if err != nil {
		return sent, false, err
	}
	switch {
	case !r.Erased.IsZero():
		return sent, false, store.ErrErased
	case !r.Withdraws.IsZero():
		return sent, false, store.ErrAbsent
	}
	if basis != OwnRecord && r.Documents&closedBits != 0 {
		return sent, false, d.refuse(ctx, reader, r)
	}
	if err := d.record(ctx, reader, basis, 1, *r); err != nil {
		return sent, false, err
	}
	as := whole
	if basis != OwnRecord {
		as = digests
	}
	sent, stored, err := d.rebuild(ctx, r, &as)
	if err != nil {
		return sent, false, err
	}
	return sent, as == digests && stored.Dossiers > 1, nil
}

// form is how much of a file is given back.
type form int

const (
	whole   form = iota
	digests      // other dossiers replaced by their SHA-256
	alone        // the one dossier, to be read here: no other is opened
)

// rebuild gives a record's file back as it was sent, and as it is kept. A file
// that others were erased from is not whole any more: as is then digests.
func (d *Discloser) rebuild(ctx context.Context, r *store.Record, as *form) (sent evidence.Sent, file *store.File, err error) {
	file, places, err := d.Records.File(ctx, r.ID.Facility, r.File)
	if err != nil {
		return sent, nil, err
	}
	sealed, err := d.Vault.Open(evidence.FileName(file), file.Wrapped, 0, file.Skeleton)
	if err != nil {
		return sent, nil, fmt.Errorf("disclose: opening the skeleton: %w", err)
	}
	wrapping, err := d.Codec.Decode(nil, sealed, longest)
	if err != nil {
		return sent, nil, err
	}
	envelope, err := evidence.ParseEnvelope(wrapping)
	if err != nil {
		return sent, nil, err
	}
	from := body.Source{
		Dossier: func(i int) ([]byte, error) {
			if *as == alone && i != r.Index {
				return nil, nil
			}
			for k := range places {
				if places[k].Index == i {
					return d.frame(ctx, &places[k].Record)
				}
			}
			return nil, nil
		},
		Certificate: func(hash [32]byte) ([]byte, error) {
			for _, c := range file.Certificates {
				if c.Hash == hash {
					return c.Data, nil
				}
			}
			return nil, store.ErrAbsent
		},
	}
	var joined []byte
	if *as == whole && slices.ContainsFunc(places, func(s store.Stored) bool { return !s.Erased.IsZero() }) {
		*as = digests
	}
	if *as == whole {
		joined, err = body.Join(envelope.Skeleton, from)
	} else {
		joined, err = body.Redact(envelope.Skeleton, r.Index, from)
	}
	if err != nil {
		return sent, nil, err
	}
	sent, err = envelope.Unpack(joined, from.Certificate)
	return sent, file, err
}

// frame opens the inner documents of one record; nil when it was erased.
func (d *Discloser) frame(ctx context.Context, r *store.Record) ([]byte, error) {
	if !r.Erased.IsZero() {
		return nil, nil
	}
	sealed, err := d.Records.Body(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	packed, err := d.Vault.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartBody, sealed)
	if err != nil {
		return nil, fmt.Errorf("disclose: opening %s: %w", r.ID, err)
	}
	return d.Codec.Decode(nil, packed, longest)
}

// longest is the longest plain form of a stored body: a file's limit, with room for frames.
const longest = 33 << 20

// PersonReference is how a facility's answers name a person; see package evidence.
func (d *Discloser) PersonReference(facility care.FacilityCode, p store.PersonID) string {
	return evidence.PersonReference(d.Vault, facility, p)
}
