package cleaning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// Resume goes on with what was accepted and cut off. What the population register
// has to be asked for, while it does not answer, waits.
func (d *Desk) Resume(ctx context.Context) error {
	f := house.ProposalFilter{State: Applying, Limit: 200}
	for {
		rows, more, err := d.d.Proposals.List(ctx, f)
		if err != nil || len(rows) == 0 {
			return err
		}
		all, err := read(rows)
		if err != nil {
			return err
		}
		f.After = rows[len(rows)-1].ID
		for i := range all {
			if err := d.goOn(ctx, all[i:i+1]); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

func (d *Desk) goOn(ctx context.Context, one []Proposal) error {
	settings, err := d.settings(ctx, one)
	switch {
	case errors.Is(err, ErrRegister):
		return nil
	case errors.Is(err, ErrChanged): // or it was done before it was cut off, and nothing is asked any more
		known, err := d.known(ctx, one)
		if err != nil {
			return err
		}
		if fit(&one[0], known) != isDone {
			one[0].Undo = ""
			_, err = d.settle(ctx, one[0], Overtaken)
			return err
		}
	case err != nil:
		return err
	}
	_, err = d.apply(ctx, one, settings)
	return err
}

// undo is what undoing needs of one entry.
type undo struct {
	Entry  string            `json:"entry"`
	Before int               `json:"before"`         // version to go back to
	After  int               `json:"after"`          // version that it was given
	Keys   map[string][]byte `json:"keys,omitempty"` // what changed fields were found by: folded, or a keyed hash
}

// apply does what Applying proposals of one database say.
func (d *Desk) apply(ctx context.Context, all []Proposal, settings map[string]registry.Values) (out Outcome, err error) {
	for start := 0; start < len(all); {
		end, used := start, map[registry.EntryID]bool{}
		for end < len(all) && end-start < 100 && !slices.ContainsFunc(all[end].Entries, func(id registry.EntryID) bool { return used[id] }) {
			for _, id := range all[end].Entries {
				used[id] = true
			}
			end++
		}
		o, err := d.applySome(ctx, all[start:end], settings)
		out.Done, out.Overtaken = out.Done+o.Done, out.Overtaken+o.Overtaken
		if err != nil {
			return out, err
		}
		start = end
	}
	return out, nil
}

// applySome does proposals no two of which are about the same entry.
func (d *Desk) applySome(ctx context.Context, all []Proposal, settings map[string]registry.Values) (out Outcome, err error) {
	known, err := d.known(ctx, all)
	if err != nil {
		return out, err
	}
	var do, did, late []Proposal
	for _, p := range all {
		switch fit(&p, known) {
		case fits:
			do = append(do, p)
		case isDone:
			did = append(did, p)
		default:
			late = append(late, p)
		}
	}
	for i := range do {
		if err := d.remember(ctx, &do[i], settings[do[i].ID]); err != nil {
			return out, err
		}
	}
	for i := range did {
		if err := d.remember(ctx, &did[i], settings[did[i].ID]); err != nil {
			return out, err
		}
	}
	err = d.write(ctx, do, settings)
	switch changed := errors.Is(err, base.ErrChanged); {
	case changed && len(do) > 1: // find out which
		for i := range do {
			o, err := d.applySome(ctx, do[i:i+1], settings)
			out.Done, out.Overtaken = out.Done+o.Done, out.Overtaken+o.Overtaken
			if err != nil {
				return out, err
			}
		}
		do = nil
	case changed: // by another process at the same proposal, or by somebody
		if known, err = d.known(ctx, do); err != nil {
			return out, err
		}
		if fit(&do[0], known) != isDone {
			late, do = append(late, do...), nil
		}
	case err != nil:
		return out, err
	}
	for i := range late {
		late[i].Undo = ""
	}
	for state, some := range map[string][]Proposal{Overtaken: late, Accepted: append(do, did...)} {
		for i := range some {
			is, err := d.settle(ctx, some[i], state)
			if err != nil {
				return out, err
			}
			if is == Overtaken {
				out.Overtaken++
			} else {
				out.Done++
			}
		}
	}
	return out, nil
}

// settle keeps what became of a proposal that is Applying, and returns it. Where
// another process at the same proposal has done so, that stands.
func (d *Desk) settle(ctx context.Context, p Proposal, state string) (string, error) {
	err := d.put(ctx, []Proposal{p}, state, p.Actor, p.Reason, "")
	if !errors.Is(err, base.ErrChanged) {
		return state, err
	}
	held, again := d.d.Proposals.Held(ctx, []string{p.ID})
	switch {
	case again != nil:
		return "", again
	case len(held) == 0 || held[0].State == Applying:
		return "", err
	}
	return held[0].State, nil
}

func (d *Desk) known(ctx context.Context, all []Proposal) (map[registry.EntryID]house.Brief, error) {
	var ids []registry.EntryID
	for i := range all {
		ids = append(ids, all[i].Entries...)
	}
	out := make(map[registry.EntryID]house.Brief, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	briefs, err := d.d.Entries.Known(ctx, all[0].Database, ids)
	for i := range briefs {
		out[ids[i]] = briefs[i]
	}
	return out, err
}

// How a proposal fits what is kept.
const (
	fits   = iota
	isDone // it was done, and cut off before that was kept
	isLate
)

func fit(p *Proposal, known map[registry.EntryID]house.Brief) int {
	answer := fits
	for i, part := range p.Body.Parts {
		id, err := parseEntry(part.Entry)
		is := known[id]
		switch {
		case err != nil:
			return isLate
		case is.Version == part.Version && is.State == registry.Live:
		case i == len(p.Body.Parts)-1 && is.Version == part.Version+1 && is.Origin.By == by(p) && p.Kind != Point:
			answer = isDone
		default:
			return isLate
		}
	}
	return answer
}

// by marks versions that a proposal made.
func by(p *Proposal) string { return "cleaning/" + p.ID }

// remember keeps what undoing a proposal will need.
func (d *Desk) remember(ctx context.Context, p *Proposal, set registry.Values) error {
	if p.Kind == Point || len(p.Body.Parts) == 0 {
		return nil
	}
	last := p.Body.Parts[len(p.Body.Parts)-1]
	u := undo{Entry: last.Entry, Before: last.Version, After: last.Version + 1}
	if p.Undo != "" { // remembered before it was cut off
		return nil
	}
	if len(set) > 0 {
		id, err := parseEntry(last.Entry)
		if err != nil {
			return err
		}
		keys, err := d.d.Alike.KeysOf(ctx, p.Database, []registry.EntryID{id})
		if err != nil {
			return err
		}
		u.Keys = map[string][]byte{}
		for _, k := range keys {
			u.Keys[k.Field] = k.Value
		}
	}
	text, err := json.Marshal([]undo{u})
	p.Undo = string(text)
	return err
}

// write writes what proposals do, in one commit.
func (d *Desk) write(ctx context.Context, all []Proposal, settings map[string]registry.Values) error {
	w := Writing{}
	var ids []string
	now := d.d.Clock.Now()
	for i := range all {
		p := &all[i]
		if p.Kind == Point {
			continue
		}
		last := p.Body.Parts[len(p.Body.Parts)-1]
		id, err := parseEntry(last.Entry)
		if err != nil {
			return err
		}
		ids = append(ids, p.ID)
		if p.Kind == Change {
			w.Changes = append(w.Changes, Setting{Entry: id, Version: last.Version, Set: settings[p.ID], By: by(p)})
			continue
		}
		c := house.Close{ID: id, Version: last.Version, State: registry.Ended, At: now, By: by(p)}
		if p.Kind == Merge {
			c.State = registry.Merged
			if c.Into, err = parseEntry(p.Body.Parts[0].Entry); err != nil {
				return err
			}
		}
		w.Closes = append(w.Closes, c)
	}
	if len(ids) == 0 {
		return nil
	}
	act, err := d.act("cleaning.apply", all[0].Actor, all[0].Reason, all[0].Database, ids)
	if err != nil {
		return err
	}
	w.Act = act
	return d.d.Writer.Write(ctx, all[0].Database, w)
}
