// Package register is the way from records to the entries of specialised databases,
// and from entries to readers. On both it writes down who reads what and why before
// anything leaves it; when that cannot be written nothing does. Rules of records
// are package policy's; which fields of an entry a reader sees its declaration and
// its grants say. It writes no entry: package steward does.
package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/compartment"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Purpose is what records are read for to make entries.
const Purpose consent.Purpose = "registry"

// Databases is who reads records for databases, as rows keep it.
const Databases = "databases"

// Decider answers by rules; the set of package policy is one.
type Decider interface {
	Decide(q policy.Question) (policy.Answer, error)
}

// Deps is what records are opened with; package disclose has the same.
type Deps struct {
	Records  store.Records
	Log      store.Disclosures
	Vault    *vault.Vault
	Codec    *body.Codec
	Kinds    *kind.Registry
	Policies Decider
	Clock    clock.Clock
}

// Taker opens records for databases.
type Taker struct{ d Deps }

// NewTaker returns a taker.
func NewTaker(d Deps) (*Taker, error) {
	if d.Records == nil || d.Log == nil || d.Vault == nil || d.Codec == nil || d.Kinds == nil || d.Policies == nil || d.Clock == nil {
		return nil, errors.New("register: a part is missing")
	}
	return &Taker{d}, nil
}

// Wanted is a record that databases take entries from: its place, the databases'
// names for the row, the sets of closed classes that they may read.
type Wanted = steward.Asked

// Open is Take for package steward.
func (t *Taker) Open(ctx context.Context, asked []Wanted) ([]steward.Opened, error) {
	taken, err := t.Take(ctx, asked)
	out := make([]steward.Opened, len(taken))
	for i := range taken {
		out[i] = taken[i].Opened
	}
	return out, err
}

// Taken is a record as databases may read it: for each set of closed classes that
// was asked for and is permitted, what it lets through.
type Taken struct {
	ID dossier.ID
	steward.Opened
}

// found is a record on its way to be opened.
type found struct {
	record *store.Record
	sealed []byte // body
	sets   []care.Classes
}

// Take opens records, once each whatever the number of databases: one row a record,
// all of them durable before any is opened. What is absent, erased, not what its
// facility holds true now, or not to be read by any of them has no Contents; what does
// not open is Damaged. A database reads a closed class only where its declaration
// names it (policies, 88).
func (t *Taker) Take(ctx context.Context, wanted []Wanted) ([]Taken, error) {
	all, err := t.find(ctx, wanted)
	if err != nil {
		return nil, err
	}
	out := make([]Taken, len(wanted))
	ask := asking{decider: t.d.Policies, told: map[policy.Question]policy.Answer{}, facts: map[policy.Question]string{}}
	var rows []store.Disclosure
	for i := range wanted {
		out[i].ID = wanted[i].ID
		if all[i].record == nil {
			continue
		}
		row, err := t.permit(&ask, &all[i], &wanted[i])
		if err != nil {
			return nil, err
		}
		if row != nil {
			rows = append(rows, *row)
		}
	}
	if len(rows) == 0 {
		return out, nil
	}
	if err := t.d.Log.Record(ctx, rows); err != nil {
		return nil, fmt.Errorf("register: writing down what databases read: %w", err)
	}
	return out, abreast(len(out), func(i int) (err error) {
		if len(all[i].sets) > 0 {
			out[i].Contents, err = t.open(ctx, &all[i])
		}
		if err != nil && ctx.Err() == nil && fault.Of(err).Kind != fault.Busy { // the record's, not the store's
			out[i].Contents, out[i].Damaged, err = nil, err, nil
		}
		return err
	})
}

// hands is how many records are opened at the same time.
const hands = 4

func abreast(n int, do func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, hands)
	for w := range hands {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += hands {
				errs[w] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// dense is how many leaves a walk may pass for each record that is wanted.
const dense = 4

// find looks records up: those at places beside one another by walks, others one by one.
func (t *Taker) find(ctx context.Context, wanted []Wanted) ([]found, error) {
	out := make([]found, len(wanted))
	at := map[int][]int{}
	var alone []int
	for i := range wanted {
		if wanted[i].Placed {
			at[wanted[i].Log] = append(at[wanted[i].Log], i)
		} else {
			alone = append(alone, i)
		}
	}
	for log, list := range at {
		slices.SortFunc(list, func(a, b int) int { return int(wanted[a].Leaf) - int(wanted[b].Leaf) })
		first, last := wanted[list[0]].Leaf, wanted[list[len(list)-1]].Leaf
		if len(list) < 8 || last-first > uint64(dense*len(list)) {
			alone = append(alone, list...)
			continue
		}
		byID := make(map[dossier.ID]int, len(list))
		for _, i := range list {
			byID[wanted[i].ID] = i
		}
		err := t.d.Records.Walk(ctx, log, first, func(r *store.Record, sealed []byte) error {
			if r.Place.Index > last {
				return errEnough
			}
			if i, ok := byID[r.ID]; ok && holdsTrue(r) {
				record := *r
				out[i] = found{record: &record, sealed: slices.Clone(sealed)}
			}
			if r.Place.Index == last {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	return out, abreast(len(alone), func(n int) error {
		i := alone[n]
		r, err := t.d.Records.Get(ctx, role.Scope{All: true}, wanted[i].ID)
		if errors.Is(err, store.ErrAbsent) || err == nil && !holdsTrue(r) {
			return nil
		}
		if err != nil {
			return err
		}
		sealed, err := t.d.Records.Body(ctx, r.ID)
		if errors.Is(err, store.ErrAbsent) { // erased since
			return nil
		}
		out[i] = found{record: r, sealed: sealed}
		return err
	})
}

// holdsTrue reports whether a record is what its facility says now.
func holdsTrue(r *store.Record) bool { return r.State().IsAccepted() && r.Withdraws.IsZero() }

// question is what decides about a record, or a part of it, for a set.
func question(r *store.Record, classes, set care.Classes) policy.Question {
	return policy.Question{Action: policy.Deliver, Role: role.Role{Kind: role.Destination, ID: Databases}, Purpose: Purpose, Author: r.ID.Facility, Kind: r.Kind,
		Classes: classes, Basis: policy.ByLaw, Opened: set, Closed: set != 0}
}

// asking asks the policies each question once: those about records of one facility and
// kind are few. It is for one goroutine.
type asking struct {
	decider Decider
	told    map[policy.Question]policy.Answer
	facts   map[policy.Question]string
}

func (a *asking) decide(q policy.Question) (policy.Answer, error) {
	if told, ok := a.told[q]; ok {
		return told, nil
	}
	told, err := a.decider.Decide(q)
	if err == nil {
		a.told[q] = told
	}
	return told, err
}

// marshal writes a question as rows keep it.
func (a *asking) marshal(q policy.Question) (string, error) {
	if text, ok := a.facts[q]; ok {
		return text, nil
	}
	b, err := json.Marshal(q)
	a.facts[q] = string(b)
	return string(b), err
}

// permit decides which sets may read a record by what it was judged to tell when it
// came, and makes the row; nil: none may.
func (t *Taker) permit(ask *asking, f *found, w *Wanted) (*store.Disclosure, error) {
	var widest policy.Question
	var says policy.Answer
	for _, set := range w.Sets {
		q := question(f.record, care.ClassesOf(f.record.Documents), set)
		a, err := ask.decide(q)
		if err != nil {
			return nil, fmt.Errorf("register: deciding: %w", err)
		}
		if !a.Permit {
			continue
		}
		if len(f.sets) == 0 || set > widest.Opened {
			widest, says = q, a
		}
		f.sets = append(f.sets, set)
	}
	if len(f.sets) == 0 {
		return nil, nil
	}
	facts, err := ask.marshal(widest)
	r := f.record
	return &store.Disclosure{At: t.d.Clock.Now(), Reader: Databases, Role: widest.Role.String(), Record: r.ID, Person: r.Person, Facility: r.ID.Facility,
		Basis: string(says.Basis), Policy: says.Policy + "@" + says.Version, Route: "databases:" + w.Names, Count: 1, Purpose: string(Purpose), Facts: facts}, err
}

// open opens a permitted record, and lets each set have what it may.
func (t *Taker) open(ctx context.Context, f *found) (map[care.Classes]dossier.Fields, error) {
	reader := t.d.Kinds.ByName(f.record.Kind)
	if reader == nil {
		return nil, nil
	}
	content, err := t.content(ctx, f, reader)
	if err != nil || content == nil {
		return nil, err
	}
	told := compartment.Content(content)
	out := make(map[care.Classes]dossier.Fields, len(f.sets))
	for _, set := range f.sets {
		all, err := t.may(f.record, told, set)
		if err != nil {
			return nil, err
		}
		if !all { // by lists newer than the record
			continue
		}
		open := &dossier.Content{}
		for _, table := range content.Tables() {
			may, err := t.may(f.record, compartment.Table(table.Columns.Table), set)
			if err != nil {
				return nil, err
			}
			if may {
				open.All = append(open.All, table)
			}
		}
		out[set] = open
	}
	return out, nil
}

// content reads a record: out of its own parts where they tell all, which is most of
// them and costs half; else out of its file, put together again.
func (t *Taker) content(ctx context.Context, f *found, reader kind.Reader) (*dossier.Content, error) {
	frame, err := t.frame(f)
	if err != nil {
		return nil, err
	}
	if alone, ok := reader.(kind.PartReader); ok {
		parts, err := body.Parts(frame)
		if err != nil {
			return nil, err
		}
		if content, ok := alone.Tables(f.record.Documents, parts); ok {
			return content, nil
		}
	}
	sent, err := t.rebuild(ctx, f, frame)
	if errors.Is(err, store.ErrAbsent) { // erased since
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := reader.Open(sent)
	if err != nil {
		return nil, fmt.Errorf("register: reading %s again: %w", f.record.ID, err)
	}
	return file.Dossier(f.record.Index).Content, nil
}

// frame opens what is kept of a record's documents.
func (t *Taker) frame(f *found) ([]byte, error) {
	r := f.record
	packed, err := t.d.Vault.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartBody, f.sealed)
	if err != nil {
		return nil, fmt.Errorf("register: opening %s: %w", r.ID, err)
	}
	return t.d.Codec.Decode(nil, packed, longest)
}

func (t *Taker) may(r *store.Record, classes, set care.Classes) (bool, error) {
	if classes == 0 {
		return true, nil // decided for the record
	}
	a, err := t.d.Policies.Decide(question(r, classes, set))
	return a.Permit, err
}

// longest is the longest plain form of what is stored, with room for frames.
const longest = 33 << 20

// rebuild gives back the file of a record with that record alone in it.
func (t *Taker) rebuild(ctx context.Context, f *found, frame []byte) ([]byte, error) {
	r := f.record
	file, _, err := t.d.Records.File(ctx, r.ID.Facility, r.File)
	if err != nil {
		return nil, err
	}
	sealed, err := t.d.Vault.Open(evidence.FileName(file), file.Wrapped, 0, file.Skeleton)
	if err != nil {
		return nil, fmt.Errorf("register: opening a skeleton: %w", err)
	}
	wrapping, err := t.d.Codec.Decode(nil, sealed, longest)
	if err != nil {
		return nil, err
	}
	envelope, err := evidence.ParseEnvelope(wrapping)
	if err != nil {
		return nil, err
	}
	from := body.Source{
		Dossier: func(i int) ([]byte, error) {
			if i != r.Index {
				return nil, nil
			}
			return frame, nil
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
	joined, err := body.Redact(envelope.Skeleton, r.Index, from)
	if err != nil {
		return nil, err
	}
	sent, err := envelope.Unpack(joined, from.Certificate)
	return sent.Bytes, err
}
