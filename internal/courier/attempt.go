package courier

import (
	"context"
	"errors"
	"slices"
	"time"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// attempt makes one attempt: it looks whether there is anything left to carry,
// opens it, and hands it to the adapter. What needs no attempt is in early.
func (l *line) attempt(d exchange.Destination, j job) (f finish) {
	f.job = j
	ctx, cancel := context.WithTimeout(l.work, l.c.cfg.Timeout)
	defer cancel()
	p := &Parcel{Destination: d, Legs: j.legs}
	follow := l.follows != nil && !j.legs[0].Received.IsZero()
	if !follow {
		err := l.fill(ctx, d, p, &f)
		if f.job.legs = p.Legs; len(p.Legs) == 0 {
			return f
		}
		if err != nil {
			f.answer = l.failed(err)
			return f
		}
	}
	err := l.address(ctx, d, p)
	if err != nil {
		f.answer = l.failed(err)
		return f
	}
	defer clear(p.Secret)
	f.called = true
	began := time.Now()
	if follow {
		f.answer = l.follows.Follow(ctx, p)
	} else {
		f.answer = l.adapter.Deliver(ctx, p)
	}
	f.took = time.Since(began)
	l.seal(p, &f)
	if f.answer.Outcome == 0 { // an adapter's defect: nobody knows what happened
		f.answer.Outcome, f.answer.Sent = exchange.Again, true
	}
	return f
}

// seal seals what the destination said of each record, to be kept with its leg.
// A receipt that cannot be kept is asked for again.
func (l *line) seal(p *Parcel, f *finish) {
	for i := range p.Legs {
		a := f.answer.Of(i)
		if len(a.Receipt) == 0 || i >= len(p.Own) {
			continue
		}
		r, id := &p.Own[i].Record, p.Legs[i].Record
		sealed, err := l.c.Vault.Seal(r.Class, r.Month, evidence.LegName(id, l.id), evidence.Said{Receipt: a.Receipt, Person: a.Person}.Marshal())
		if err != nil {
			l.c.Logger.Error("what a destination said is not kept", "destination", l.id, "error", err)
			f.answer = exchange.Answer{Outcome: exchange.Again, Sent: true, Code: fault.Of(err).Code}
			f.said = nil
			return
		}
		if f.said == nil {
			f.said = make([]*store.LegReceipt, len(p.Legs))
		}
		f.said[i] = &store.LegReceipt{Destination: l.id, At: l.c.Clock.Now(), Wrapped: sealed.Wrapped, Sealed: sealed.Parts[0]}
	}
}

// failed is the answer of an attempt that this hub itself could not make. It
// says nothing of the destination.
func (l *line) failed(err error) exchange.Answer {
	fl := fault.Of(err)
	if fl.Kind == fault.Broken && l.work.Err() == nil {
		l.c.Logger.Error("a leg cannot be carried", "destination", l.id, "error", err)
	}
	a := exchange.Answer{Outcome: exchange.Again, Code: fl.Code}
	if errors.Is(err, disclose.ErrNotWhole) {
		a.Outcome = exchange.Refused
	}
	if errors.Is(err, ErrBraked) || l.work.Err() != nil {
		a.Whole = true // not the record's fault
	}
	return a
}

// address adds whose the parcel is and the credential for it.
func (l *line) address(ctx context.Context, d exchange.Destination, p *Parcel) (err error) {
	code := p.Legs[0].Record.Facility
	p.Facility, _ = l.c.Facility(code)
	for i := range p.Legs {
		// A leg older than this process may have been carried by what a restored
		// backup does not know of.
		p.Repeated = p.Repeated || p.Legs[i].Lapsed || !p.Legs[i].Sent.IsZero() || p.Legs[i].Created.Before(l.c.born)
	}
	p.Secret, err = l.c.secrets.of(ctx, d.ID, code)
	return err
}

// fill leaves in p.Legs what is to be carried, with its content; the results of
// the others are in f.early.
func (l *line) fill(ctx context.Context, d exchange.Destination, p *Parcel, f *finish) error {
	leg := p.Legs[0]
	to, form := disclose.Destination{ID: d.ID, Closed: d.Closed}, disclose.Reading
	var err error
	switch {
	case !leg.Withdraws.IsZero():
		err = l.fillWithdrawal(ctx, p, f)
	case l.wants.Original:
		form = disclose.File
		err = l.fillFile(ctx, p, f)
	default:
		var r *store.Record
		if r, err = l.c.Records.Get(ctx, role.Scope{All: true}, leg.Record); err == nil {
			if code := l.over(r); code != "" {
				l.drop(p, f, exchange.Skipped, code)
			}
		}
	}
	if err != nil || len(p.Legs) == 0 {
		return err
	}
	to.Own = l.wants.Apart
	got, err := l.c.Disclose.Deliver(ctx, to, form, p.Legs[0].Record)
	switch {
	case errors.Is(err, disclose.ErrCompartment):
		l.drop(p, f, exchange.Held, exchange.HeldClosed)
		return nil
	case errors.Is(err, store.ErrErased):
		l.drop(p, f, exchange.Skipped, exchange.SkippedErased)
		return nil
	case err != nil:
		return err
	}
	p.Sent, p.Opened, p.Receipt, p.Reason = got.Sent, got.Opened, got.Receipt, got.Reason
	if l.wants.Apart {
		p.Own = make([]disclose.Own, len(p.Legs))
		for i := range p.Legs {
			for k := range got.Own {
				if got.Own[k].Record.ID == p.Legs[i].Record {
					p.Own[i] = got.Own[k]
				}
			}
		}
	}
	return nil
}

// over says why a record needs no carrying any more, "" when it does.
func (l *line) over(r *store.Record) string {
	state := r.State()
	if l.wants.History && state != dossier.Erased {
		return ""
	}
	switch state {
	case dossier.Superseded:
		return exchange.SkippedSuperseded
	case dossier.Withdrawn:
		return exchange.SkippedWithdrawn
	case dossier.Erased:
		return exchange.SkippedErased
	}
	return ""
}

// drop settles all legs of a parcel without an attempt.
func (l *line) drop(p *Parcel, f *finish, s exchange.State, code string) {
	for i := range p.Legs {
		f.early = append(f.early, ended(&p.Legs[i], s, code))
	}
	p.Legs = nil
}

func ended(leg *store.Leg, s exchange.State, code string) store.LegResult {
	r := unchanged(leg)
	r.State, r.Due, r.Code = s, time.Time{}, code
	return r
}

// fillWithdrawal finds the leg that is taken back. What never left the hub needs
// no taking back.
func (l *line) fillWithdrawal(ctx context.Context, p *Parcel, f *finish) error {
	leg := p.Legs[0]
	legs, err := l.c.Legs.Of(ctx, leg.Withdraws)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(legs, func(x store.Leg) bool { return x.Destination == leg.Destination })
	switch {
	case i >= 0 && l.wants.History && legs[i].Sent.IsZero() && (legs[i].State == exchange.Parked || legs[i].State == exchange.Held):
		l.drop(p, f, exchange.Parked, exchange.ParkedBehind) // to be let go with what it takes back
	case i < 0, legs[i].Sent.IsZero() && legs[i].State != exchange.Waiting && legs[i].State != exchange.Done:
		l.drop(p, f, exchange.Skipped, exchange.SkippedWithdrawn)
	case legs[i].State == exchange.Waiting && legs[i].Received.IsZero(): // it goes first: to be skipped, or to be known
		l.later(p, f)
	default:
		p.Withdraws = &legs[i]
	}
	return nil
}

// firstGoes reports whether one of the records that a file replaces is still on
// its way to a destination that keeps every version: what replaces a record of
// another episode (a prescription's successor) is no more to overtake it than a
// version is, which Claim sees to.
func (l *line) firstGoes(ctx context.Context, before []dossier.ID) (bool, error) {
	if !l.wants.History || len(before) == 0 {
		return false, nil
	}
	legs, err := l.c.Legs.Of(ctx, before...)
	return slices.ContainsFunc(legs, func(x store.Leg) bool { return x.Destination == l.id && x.State == exchange.Waiting }), err
}

// later puts the legs of a parcel off for a moment.
func (l *line) later(p *Parcel, f *finish) {
	for i := range p.Legs {
		r := unchanged(&p.Legs[i])
		r.Due = l.c.Clock.Now().Add(l.c.cfg.Law.Base)
		f.early = append(f.early, r)
	}
	p.Legs = nil
}

// fillFile looks at every record of the file: those that are over are left out,
// one that is held holds the file, and a file that the destination has already
// is not sent again.
func (l *line) fillFile(ctx context.Context, p *Parcel, f *finish) error {
	first := p.Legs[0]
	_, places, err := l.c.Records.File(ctx, first.Record.Facility, first.File)
	if err != nil {
		return err
	}
	var keep []store.Leg
	var before []dossier.ID // what these replace
	ids := make([]dossier.ID, len(places))
	for i := range places {
		ids[i] = places[i].ID
	}
	for i := range p.Legs {
		code := ""
		if at := slices.Index(ids, p.Legs[i].Record); at >= 0 {
			code = l.over(&places[at].Record)
			if was := places[at].Supersedes; !was.IsZero() && !slices.Contains(ids, was) {
				before = append(before, was)
			}
		} else if r, err := l.c.Records.Get(ctx, role.Scope{All: true}, p.Legs[i].Record); err != nil {
			return err
		} else {
			code = l.over(r) // the place is now of a record judged anew
		}
		if code != "" {
			f.early = append(f.early, ended(&p.Legs[i], exchange.Skipped, code))
			continue
		}
		keep = append(keep, p.Legs[i])
	}
	p.Legs = keep
	if first, err := l.firstGoes(ctx, before); err != nil || first {
		if first {
			l.later(p, f)
		}
		return err
	}
	if len(keep) == 0 || len(places) <= len(keep) {
		return nil
	}
	others, err := l.c.Legs.Of(ctx, ids...)
	if err != nil {
		return err
	}
	for i := range others {
		switch o := &others[i]; {
		case o.Destination != first.Destination || o.File != first.File:
		case o.State == exchange.Held:
			l.drop(p, f, exchange.Held, o.Code)
			return nil
		case o.State == exchange.Done && !l.wants.Apart:
			for k := range p.Legs {
				r := ended(&p.Legs[k], exchange.Done, "")
				r.Reference, r.Sent, r.Received, r.Finalized = o.Reference, o.Sent, o.Received, o.Finalized
				f.early = append(f.early, r)
			}
			p.Legs = nil
			return nil
		}
	}
	return nil
}
