// Package destinations is the embedded engine's side of store.Destinations:
// where legs may lead, and who may be led there. What a route means is said by
// package exchange.
package destinations

import (
	"context"
	"encoding/json"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Destinations implements store.Destinations.
type Destinations struct{ db *file.DB }

var _ store.Destinations = (*Destinations)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Destinations { return &Destinations{db: db} }

// Destinations returns every entry and every route that holds.
func (x *Destinations) Destinations(ctx context.Context) (all []exchange.Destination, routes []exchange.Route, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		if all, err = entries(s); err != nil {
			return err
		}
		routes, err = holding(s)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return all, routes, nil
}

func entries(s *file.Snapshot) ([]exchange.Destination, error) {
	rows, err := s.Rows(`SELECT id, adapter, name_vi, name_en, url, private, options, purpose, closed, per_second, parallel, since, paused, ended
 FROM destination ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []exchange.Destination
	for rows.Next() {
		var d exchange.Destination
		var options string
		var since, paused, ended int64
		if err := rows.Scan(&d.ID, &d.Adapter, &d.Name.VI, &d.Name.EN, &d.URL, &d.Private, &options, &d.Purpose, &d.Closed, &d.PerSecond, &d.Parallel,
			&since, &paused, &ended); err != nil {
			return nil, err
		}
		if options != "" {
			d.Options = json.RawMessage(options)
		}
		d.Since = file.Time(since)
		if paused != 0 {
			d.Paused = file.Time(paused)
		}
		if ended != 0 {
			d.Ended = file.Time(ended)
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

func holding(s *file.Snapshot) ([]exchange.Route, error) {
	rows, err := s.Rows(`SELECT destination, facility, kind, mode, since FROM route WHERE until = 0 ORDER BY destination, facility, kind, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []exchange.Route
	for rows.Next() {
		var r exchange.Route
		var facility string
		var since int64
		if err := rows.Scan(&r.Destination, &facility, &r.Kind, &r.Mode, &since); err != nil {
			return nil, err
		}
		r.Facility, r.Since = care.FacilityCode(facility), file.Time(since)
		all = append(all, r)
	}
	return all, rows.Err()
}

// PutDestination keeps an entry with its act.
func (x *Destinations) PutDestination(ctx context.Context, d exchange.Destination, act store.Act) error {
	if err := store.CheckText(d.ID, d.Adapter, d.Name.VI, d.Name.EN, d.URL, string(d.Options), d.Purpose); err != nil {
		return err
	}
	return x.change(ctx, act, func(tx *file.Tx) error {
		paused, ended := int64(0), int64(0)
		if !d.Paused.IsZero() {
			paused = file.Micros(d.Paused)
		}
		if !d.Ended.IsZero() {
			ended = file.Micros(d.Ended)
		}
		_, err := tx.Exec(`INSERT OR REPLACE INTO destination (id, adapter, name_vi, name_en, url, private, options, purpose, closed, per_second, parallel,
 since, paused, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			d.ID, d.Adapter, d.Name.VI, d.Name.EN, d.URL, file.Bool(d.Private), string(d.Options), d.Purpose, file.Bool(d.Closed), d.PerSecond, int64(d.Parallel),
			file.Micros(d.Since), paused, ended)
		return err
	})
}

// PutRoute keeps a route with its act; the one before it ends.
func (x *Destinations) PutRoute(ctx context.Context, r exchange.Route, act store.Act) error {
	if err := store.CheckText(r.Destination, string(r.Facility), r.Kind, string(r.Mode)); err != nil {
		return err
	}
	return x.change(ctx, act, func(tx *file.Tx) error {
		since := file.Micros(r.Since)
		if _, err := tx.Exec(`UPDATE route SET until = ? WHERE destination = ? AND facility = ? AND kind = ? AND until = 0`,
			since, r.Destination, string(r.Facility), r.Kind); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO route (destination, facility, kind, mode, since, until) VALUES (?, ?, ?, ?, ?, 0)`,
			r.Destination, string(r.Facility), r.Kind, string(r.Mode), since)
		return err
	})
}

// change moves the epoch with what fn writes.
func (x *Destinations) change(ctx context.Context, act store.Act, fn func(*file.Tx) error) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE exchange SET epoch = epoch + 1 WHERE id = 1`); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Epoch moves with every change.
func (x *Destinations) Epoch(ctx context.Context) (epoch int64, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT epoch FROM exchange WHERE id = 1`).Scan(&epoch)
	})
	return epoch, err
}
