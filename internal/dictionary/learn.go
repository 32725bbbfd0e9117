package dictionary

import (
	"context"
	"errors"

	"lienthong/internal/body"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Records is what learning needs of store.Records.
type Records interface {
	List(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error)
	Body(ctx context.Context, id dossier.ID) ([]byte, error)
}

// Lesson says what to learn from. Zero fields take the defaults.
type Lesson struct {
	Samples int // bodies at most, the newest; default 2,000
	Least   int // patients in whose bodies a phrase must stand, each; default 20
}

const (
	longest = 64 << 20 // bytes of a body when it is opened
	page    = 500      // records asked for at once
	size    = 64 << 10 // of a dictionary

	closed = 1<<6 | 1<<15 | compartment.Bits // closed compartments, by table (XML6, XML15) or by content: not learnt from
)

// Learn trains a dictionary on the newest accepted bodies of a store and
// returns its content with how many bodies and patients it was made from. The
// bodies are opened in memory and nothing of them is kept but phrases that stand
// in those of Lesson.Least patients, at least; of a patient nothing is asked but
// the keyed hash that tells one from another. Fault: body.too_few.
func Learn(ctx context.Context, records Records, v *vault.Vault, codec *body.Codec, l Lesson) (content []byte, bodies, patients int, err error) {
	if l.Samples <= 0 {
		l.Samples = 2000
	}
	if l.Least <= 0 {
		l.Least = 20
	}
	samples, patients, err := collect(ctx, records, v, codec, l.Samples)
	if err != nil {
		return nil, 0, 0, err
	}
	content, err = body.Train(samples, body.Training{Size: size, Least: l.Least})
	if err != nil {
		return nil, 0, 0, err
	}
	return content, len(samples), patients, nil
}

// collect opens bodies, newest first, and counts whose they are. One that went
// or cannot be opened is not learnt from: the re-verifier is for finding those.
func collect(ctx context.Context, records Records, v *vault.Vault, codec *body.Codec, most int) (samples []body.Sample, patients int, err error) {
	persons := map[string]bool{}
	f := store.Filter{Limit: page}
	for {
		list, more, err := records.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return nil, 0, err
		}
		for i := range list {
			r := &list[i]
			if r.Documents&closed != 0 || r.Subject.IsZero() || !r.Erased.IsZero() || !r.Withdraws.IsZero() || !r.Verdict.State.IsAccepted() {
				continue
			}
			sealed, err := records.Body(ctx, r.ID)
			if errors.Is(err, store.ErrAbsent) {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			frame, err := open(v, codec, r, sealed)
			if err != nil {
				continue
			}
			person := string(r.Person[:])
			if r.Person == (store.PersonID{}) {
				person = string(r.ID.Facility) + string(r.Subject.Bytes())
			}
			persons[person] = true
			samples = append(samples, body.NewSample(person, frame))
			if len(samples) == most {
				return samples, len(persons), nil
			}
		}
		if !more || len(list) == 0 {
			return samples, len(persons), nil
		}
		last := &list[len(list)-1]
		f.Before = store.Cursor{At: last.Received, ID: last.ID}
	}
}

// open opens a record's inner documents.
func open(v *vault.Vault, codec *body.Codec, r *store.Record, sealed []byte) ([]byte, error) {
	packed, err := v.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartBody, sealed)
	if err != nil {
		return nil, err
	}
	return codec.Decode(nil, packed, longest)
}
