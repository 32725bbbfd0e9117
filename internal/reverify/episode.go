package reverify

import (
	"context"
	"fmt"
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// episodes holds the versions of every episode.
func (w *walk) episodes(ctx context.Context) error {
	err := w.Slices.Audit.Episodes(ctx, func(e *store.EpisodeHead) error {
		w.report.Episodes++
		if w.opts.Sample > 1 && e.Version == 1 && !e.Current.IsZero() && uint64(w.report.Episodes)%w.opts.Sample != 0 {
			return ctx.Err()
		}
		records, err := w.versions(ctx, e)
		if err != nil {
			return w.unreadable(ctx, "episode", err)
		}
		w.episode(e, records)
		return ctx.Err()
	})
	return w.unreadable(ctx, "episode", err)
}

// versions lists the accepted records of an episode that took a version.
func (w *walk) versions(ctx context.Context, e *store.EpisodeHead) ([]store.Record, error) {
	var all []store.Record
	f := store.Filter{Facility: e.Facility, Episode: []vault.Keyed{e.Key}, Kind: e.Kind, Limit: 1000}
	for {
		page, more, err := w.Slices.Records.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			if r.Version > 0 {
				all = append(all, r)
			}
		}
		if !more {
			return all, nil
		}
		last := page[len(page)-1]
		f.Before = store.Cursor{At: last.Received, ID: last.ID}
	}
}

func (w *walk) episode(e *store.EpisodeHead, records []store.Record) {
	if slices.ContainsFunc(records, func(r store.Record) bool { return w.since(&r) }) {
		return // at work since the walk began
	}
	name := fmt.Sprintf("%s %s", e.Facility, e.Kind)
	numbers := make([]int, 0, len(records))
	var current []dossier.ID
	withdrawn := false
	replaced := false // by a record of another episode: a prescription's successor
	for i := range records {
		r := &records[i]
		name = r.ID.String()
		numbers = append(numbers, r.Version)
		withdrawn = withdrawn || !r.WithdrawnBy.IsZero()
		if r.Current {
			current = append(current, r.ID)
		}
		by := func(o store.Record) bool { return o.ID == r.SupersededBy }
		replaced = replaced || r.ID == e.Current && !r.SupersededBy.IsZero() && !slices.ContainsFunc(records, by)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i+1 {
			w.differ("episode.versions", "episode", name, "")
			break
		}
	}
	if len(numbers) != e.Version {
		w.differ("episode.versions", "episode", name, "version")
	}
	switch {
	case e.Current.IsZero() && (len(current) > 0 || !withdrawn),
		!e.Current.IsZero() && !replaced && (len(current) != 1 || current[0] != e.Current),
		replaced && len(current) != 0:
		w.differ("episode.head", "episode", name, "current")
	}
	if e.Current.IsZero() && e.Order != "" { // of records that were erased nothing else tells it
		w.differ("episode.head", "episode", name, "order")
	}
}
