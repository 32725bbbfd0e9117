package cleaning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/registry"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// Undo takes accepted proposals back: each entry gets the version before as a new
// version, in one commit with the act. Nothing is opened: what was sealed stays so.
// Faults: those of Accept; ErrChanged, and nothing, where an entry was changed since.
func (d *Desk) Undo(ctx context.Context, who Who, v Decision) (Outcome, error) {
	all, err := d.take(ctx, who, &v, Accepted)
	if err != nil {
		return Outcome{}, err
	}
	var rows []house.Row
	var scores []house.ScoreDelta
	for i := range all {
		made, counted, err := d.before(ctx, &all[i])
		if err != nil {
			return Outcome{}, err
		}
		rows, scores = append(rows, made...), append(scores, counted...)
	}
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	act, err := d.act("cleaning.undo", who.Name, v.Reason, all[0].Database, ids)
	if err != nil {
		return Outcome{}, err
	}
	if len(rows) > 0 {
		b := house.Batch{Rows: rows, Scores: scores, Act: &act}
		if err := d.d.Entries.Put(ctx, all[0].Database, b, ""); err != nil {
			if errors.Is(err, base.ErrChanged) {
				return Outcome{}, ErrChanged
			}
			return Outcome{}, err
		}
	}
	// cut off here, the proposals stay accepted; undone again, their entries are
	// found as they should be (before), and only the state is kept
	if err := d.put(ctx, all, Undone, who.Name, v.Reason, "cleaning.undone"); err != nil {
		return Outcome{}, err
	}
	return Outcome{Done: len(all)}, nil
}

// before makes the versions that undoing a proposal writes, and what they count.
func (d *Desk) before(ctx context.Context, p *Proposal) (rows []house.Row, counted []house.ScoreDelta, err error) {
	var all []undo
	if p.Undo != "" {
		if err := json.Unmarshal([]byte(p.Undo), &all); err != nil {
			return nil, nil, errors.Join(errBody, err)
		}
	}
	for _, u := range all {
		id, err := parseEntry(u.Entry)
		if err != nil {
			return nil, nil, err
		}
		history, err := d.d.Entries.History(ctx, p.Database, id, 1000)
		if err != nil {
			return nil, nil, err
		}
		now := history[0]
		i := slices.IndexFunc(history, func(r house.Row) bool { return r.Version == u.Before })
		if i < 0 {
			return nil, nil, ErrChanged
		}
		row := history[i]
		if now.Version == u.After+1 && now.Origin.By == undoneBy(p) {
			continue // undone, and cut off before that was kept
		}
		if now.Version != u.After {
			return nil, nil, ErrChanged
		}
		if row.Keys, err = d.keys(ctx, p.Database, id, u.Keys); err != nil {
			return nil, nil, err
		}
		row.Version, row.At = now.Version+1, d.d.Clock.Now().Truncate(time.Microsecond)
		row.Confirmed, row.Origin.By = now.Confirmed, undoneBy(p)
		rows = append(rows, row)
		counted = append(counted, d.counts(&now, -1)...)
		counted = append(counted, d.counts(&row, 1)...)
	}
	return rows, counted, nil
}

func undoneBy(p *Proposal) string { return "cleaning/" + p.ID + "/undo" }

// keys are what an entry is found by now, or was before fields changed.
func (d *Desk) keys(ctx context.Context, db registry.ID, id registry.EntryID, before map[string][]byte) ([]house.Key, error) {
	var out []house.Key
	if before != nil {
		for field, value := range before {
			out = append(out, house.Key{Field: field, Value: value})
		}
		return out, nil
	}
	all, err := d.d.Alike.KeysOf(ctx, db, []registry.EntryID{id})
	for _, k := range all {
		out = append(out, k.Key)
	}
	return out, err
}

// counts is what a version counts in the scores of its database, n times.
func (d *Desk) counts(r *house.Row, n int64) []house.ScoreDelta {
	if r.State != registry.Live || len(r.Marks) == 0 {
		return nil
	}
	s := house.ScoreDelta{Day: clock.Day(r.At), Subject: "db:" + string(r.Database), Marks: r.Marks, N: n}
	if v, ok := facilityAt(d.d.Directory(), r); ok {
		s.FacilityVersion = v.ID
	}
	return []house.ScoreDelta{s}
}

func facilityAt(all *facility.Directory, r *house.Row) (facility.Version, bool) {
	return all.At(r.Origin.Facility, r.At)
}
