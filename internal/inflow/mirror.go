package inflow

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

const (
	// mirrored is how many days, today and before, a round compares.
	mirrored = 3
	// mostFiles of a facility's day are compared.
	mostFiles = 200_000
	// shown is how many files of one side only a comparison names.
	shown = 100
)

// mirror compares the last days of a facility. Each file is looked for at the
// other side on the neighbouring days too: what was sent at midnight may stand
// under two dates.
func (r *Rounds) mirror(ctx context.Context, id string, code care.FacilityCode, modes map[string]exchange.Mode) error {
	now := r.Clock.Now()
	here, there := map[int][]store.Dispatched{}, map[int][]Held{}
	isHere, isThere := map[[32]byte]bool{}, map[[32]byte]bool{}
	for back := range mirrored + 1 {
		day, text := dayOf(now.AddDate(0, 0, -back))
		held, out := r.listed(ctx, id, code, text)
		if out.Outcome != exchange.Finalized {
			return r.Store.PutPlace(ctx, store.InflowPlace{Destination: id, Facility: code, At: now, Code: out.Code})
		}
		for _, h := range held {
			if modes[h.Kind] == exchange.Mirror && h.Facility == code {
				there[day], isThere[h.Digest] = append(there[day], h), true
			}
		}
		sent, err := r.Feeds.Day(ctx, code, day, mostFiles)
		if err != nil {
			return err
		}
		for _, d := range sent {
			if modes[d.Kind] == exchange.Mirror && d.Digest != ([32]byte{}) && !isHere[d.Digest] {
				here[day], isHere[d.Digest] = append(here[day], d), true
			}
		}
	}
	for back := range mirrored {
		day, _ := dayOf(now.AddDate(0, 0, -back))
		m, err := r.compare(ctx, store.Mirror{Facility: code, Day: day, Destination: id, At: now}, here[day], there[day], isHere, isThere)
		if err == nil {
			err = r.Store.PutMirror(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listed reads a destination's list of a day. A list that is longer than any day
// is, or leads back to where it was, is none: who answers so is not believed.
func (r *Rounds) listed(ctx context.Context, id string, code care.FacilityCode, day string) ([]Held, exchange.Answer) {
	var all []Held
	been := map[string]bool{}
	for since := ""; ; {
		page, out := r.Outside.Holdings(ctx, id, code, day, since)
		if out.Outcome != exchange.Finalized {
			return nil, out
		}
		all = append(all, page.Items...)
		if !page.More {
			return all, out
		}
		if been[since] = true; been[page.Next] || len(page.Items) == 0 || len(all) > mostFiles {
			return nil, exchange.Answer{Outcome: exchange.Again, Sent: true, Code: CodeList}
		}
		since = page.Next
	}
}

// compare fills in what is at both sides and at one only. A version that was
// replaced here was replaced there too: nobody misses it.
func (r *Rounds) compare(ctx context.Context, m store.Mirror, here []store.Dispatched, there []Held, isHere, isThere map[[32]byte]bool) (store.Mirror, error) {
	seen := map[[32]byte]bool{}
	for _, h := range there {
		if seen[h.Digest] {
			continue
		}
		seen[h.Digest] = true
		m.There++
		if isHere[h.Digest] {
			m.Equal++
		} else if len(m.OnlyThere) < shown {
			m.OnlyThere = append(m.OnlyThere, store.MirrorItem{Digest: digestText(h.Digest), Kind: h.Kind, Reference: h.Reference, Code: h.Code})
		}
	}
	m.Here = m.Equal
	for _, d := range here {
		if seen[d.Digest] {
			continue // counted
		}
		if isThere[d.Digest] {
			continue // under a neighbouring date
		}
		if rec, err := r.Records.Get(ctx, role.Scope{All: true}, d.Record); err != nil {
			return m, err
		} else if rec.State() == dossier.Superseded {
			continue
		}
		m.Here++
		if len(m.OnlyHere) < shown {
			m.OnlyHere = append(m.OnlyHere, store.MirrorItem{Digest: digestText(d.Digest), Kind: d.Kind, Record: d.Record.String()})
		}
	}
	return m, nil
}
