// Package inflow takes in what destinations hold of facilities: dossiers that
// reached the insurer and not the hub (mode pull), and how the insurer's days
// compare with the hub's where a facility sends to both (mode mirror). It works
// in rounds, each from where the last one ended. It speaks no protocol (the
// bridges do, behind Outside) and judges nothing (intake does).
package inflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Held is one file a destination holds for an episode.
type Held struct {
	Digest    [32]byte // SHA-256 of the bytes as the facility sent them
	Kind      string
	Facility  care.FacilityCode
	Episode   string
	Day       int // yyyyMMdd in Hanoi, as the destination says
	Reference string
	Verdict   string // accepted, rejected, pending
	Code      string // of the verdict
}

// Page is a part of a destination's list.
type Page struct {
	Items []Held
	Next  string
	More  bool
}

// Outside asks destinations. An answer other than exchange.Finalized says why
// there is nothing to read.
type Outside interface {
	// Holdings lists what a destination holds of a facility, behind since; day
	// ("yyyy-mm-dd", "" all) in Hanoi.
	Holdings(ctx context.Context, destination string, code care.FacilityCode, day, since string) (Page, exchange.Answer)
	// Bytes gives a held file.
	Bytes(ctx context.Context, destination string, code care.FacilityCode, digest [32]byte) ([]byte, exchange.Answer)
}

// Intake takes files in; *intake.Intake does.
type Intake interface {
	Submit(ctx context.Context, from intake.Sender, f intake.File) ([]intake.Answer, error)
}

// Feeds gives a facility's days; store.Feeds does.
type Feeds interface {
	Day(ctx context.Context, facility care.FacilityCode, day, limit int) ([]store.Dispatched, error)
}

// Records gives a record; store.Records does.
type Records interface {
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
}

// Notes keeps what is learned later about records; store.Revocations does.
type Notes interface {
	Annotate(ctx context.Context, list []store.Annotation) (int, error)
}

// Deps is what rounds work with.
type Deps struct {
	Outside   Outside
	Intake    Intake
	Feeds     Feeds
	Records   Records
	Notes     Notes
	Store     store.Inflow
	Plan      func() *exchange.Plan // of this moment
	Among     func() []string       // destinations that may be read
	Directory func() *facility.Directory
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Rounds reads destinations.
type Rounds struct{ Deps }

// New returns rounds; every part is needed.
func New(d Deps) (*Rounds, error) {
	if d.Outside == nil || d.Intake == nil || d.Feeds == nil || d.Records == nil || d.Notes == nil || d.Store == nil || d.Plan == nil ||
		d.Among == nil || d.Directory == nil || d.Clock == nil || d.Logger == nil {
		return nil, errors.New("inflow: a part is missing")
	}
	return &Rounds{d}, nil
}

// kinds are those an insurer holds.
func kinds() []string { return []string{"qd4750", "checkin"} }

// Round reads every destination for every facility whose routes say so, once.
// What one destination or facility fails on does not stop the others; the error
// is the hub's own store's.
func (r *Rounds) Round(ctx context.Context) error {
	among := r.Among()
	if len(among) == 0 {
		return nil
	}
	all, err := r.Store.Places(ctx)
	if err != nil {
		return err
	}
	type name struct {
		destination string
		code        care.FacilityCode
	}
	places := map[name]store.InflowPlace{}
	for _, p := range all {
		places[name{p.Destination, p.Facility}] = p
	}
	plan := r.Plan()
	for _, id := range among {
		for _, code := range r.Directory().Codes() {
			modes := map[string]exchange.Mode{}
			pulls, mirrors := false, false
			for _, k := range kinds() {
				modes[k] = plan.Mode(id, code, k)
				pulls = pulls || modes[k] == exchange.Pull
				mirrors = mirrors || modes[k] == exchange.Mirror
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if pulls {
				place, ok := places[name{id, code}]
				if !ok {
					place = store.InflowPlace{Destination: id, Facility: code}
				}
				err = errors.Join(err, r.pull(ctx, place, modes))
			}
			if mirrors {
				err = errors.Join(err, r.mirror(ctx, id, code, modes))
			}
		}
	}
	return err
}

// CodeList: a list has no end, or leads back to where it was.
const CodeList = "inflow.list"

// mostPages of one facility are read in one round, so that a list without end
// holds up nobody else's; the next round goes on behind them.
const mostPages = 200

// pull takes in what a destination holds of a facility behind the place.
func (r *Rounds) pull(ctx context.Context, p store.InflowPlace, modes map[string]exchange.Mode) error {
	for n := 1; ; n++ {
		page, out := r.Outside.Holdings(ctx, p.Destination, p.Facility, "", p.Cursor)
		p.At, p.Code = r.Clock.Now(), ""
		if out.Outcome != exchange.Finalized {
			p.Code = out.Code
			return r.Store.PutPlace(ctx, p)
		}
		for i := range page.Items {
			h := &page.Items[i]
			if h.Facility != p.Facility || modes[h.Kind] != exchange.Pull {
				continue
			}
			if p.Code = r.take(ctx, &p, h); p.Code != "" { // the page is read again from its beginning: what was taken is a replay
				return r.Store.PutPlace(ctx, p)
			}
		}
		same := page.Next == p.Cursor
		if len(page.Items) > 0 && page.Next != "" {
			p.Cursor = page.Next
		}
		if same && page.More {
			p.Code = CodeList
		}
		if err := r.Store.PutPlace(ctx, p); err != nil || !page.More || len(page.Items) == 0 || same || n == mostPages {
			return err
		}
	}
}

// CodeDigest: a file came whose bytes are not those listed.
const CodeDigest = "inflow.digest"

// take takes one held file in and keeps what the destination said of it. It
// returns why the round cannot go on, "" when it can: what intake refuses is
// counted and kept there.
func (r *Rounds) take(ctx context.Context, p *store.InflowPlace, h *Held) string {
	raw, out := r.Outside.Bytes(ctx, p.Destination, p.Facility, h.Digest)
	switch {
	case out.Outcome == exchange.Refused: // replaced meanwhile: what replaced it comes later in the list
		p.Refused++
		return ""
	case out.Outcome != exchange.Finalized:
		return out.Code
	case sha256.Sum256(raw) != h.Digest:
		return CodeDigest
	}
	from := intake.Sender{Facility: p.Facility, Name: "via:" + facility.SortInsurer + ":" + p.Destination, Via: facility.SortInsurer}
	answers, err := r.Intake.Submit(ctx, from, intake.File{Bytes: raw, Lane: store.Backlog})
	if err != nil {
		f := fault.Of(err)
		if f.Kind == fault.Busy || f.Kind == fault.Broken {
			if f.Kind == fault.Broken {
				r.Logger.Error("a pulled file was not taken in", "destination", p.Destination, "error", err)
			}
			return f.Code
		}
		p.Refused++
		return ""
	}
	for _, a := range answers {
		if a.Deferred != nil {
			return a.Deferred.Code
		}
	}
	p.Taken++
	if err := r.note(ctx, h, answers); err != nil {
		r.Logger.Error("the insurer's verdict is not noted", "error", err)
		return fault.Of(err).Code
	}
	return ""
}

// note keeps the destination's verdict on a dossier beside the hub's own.
func (r *Rounds) note(ctx context.Context, h *Held, answers []intake.Answer) error {
	if h.Verdict == "pending" {
		return nil
	}
	said := facility.SortInsurer + ":" + h.Verdict
	if h.Code != "" {
		said += ":" + h.Code
	}
	var list []store.Annotation
	for _, a := range answers {
		if a.Result == nil || a.Result.Episode != h.Episode || a.Result.ErasedAt != nil {
			continue
		}
		id, err := dossier.ParseID(a.Result.Record)
		if err != nil {
			return err
		}
		now := r.Clock.Now()
		list = append(list, store.Annotation{Record: id, What: store.InsurerVerdict, Fingerprint: sha256.Sum256([]byte(said)), At: now, Since: now, Source: said})
	}
	if len(list) == 0 {
		return nil
	}
	_, err := r.Notes.Annotate(ctx, list)
	return err
}

func digestText(d [32]byte) string { return hex.EncodeToString(d[:]) }

// dayOf is yyyyMMdd of a moment in Hanoi, and the same as yyyy-mm-dd.
func dayOf(t time.Time) (int, string) {
	return clock.Day(t), t.In(clock.Hanoi).Format(time.DateOnly)
}
