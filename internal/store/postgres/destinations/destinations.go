// Package destinations keeps in PostgreSQL where legs may lead, and who may be
// led there. What a route means is said by package exchange.
package destinations

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/exchange"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Destinations is the store.Destinations of a hub.
type Destinations struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Destinations = (*Destinations)(nil)

// New returns the slice; writer nil: changes are ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Destinations { return &Destinations{db, writer} }

// Destinations returns every entry and every route that holds.
func (x *Destinations) Destinations(ctx context.Context) (all []exchange.Destination, routes []exchange.Route, err error) {
	err = x.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, adapter, name_vi, name_en, url, private, options, purpose, closed, per_second, parallel, since, paused, ended
			FROM destination ORDER BY id`)
		if err != nil {
			return err
		}
		if all, err = pgx.CollectRows(rows, scanDestination); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT destination, facility, kind, mode, since FROM route WHERE until = 0 ORDER BY destination, facility, kind, id`)
		if err != nil {
			return err
		}
		routes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r exchange.Route, err error) {
			var since int64
			err = row.Scan(&r.Destination, &r.Facility, &r.Kind, &r.Mode, &since)
			r.Since = handle.Moment(since)
			return r, err
		})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return all, routes, nil
}

func scanDestination(row pgx.CollectableRow) (d exchange.Destination, err error) {
	var options, perSecond string
	var since, paused, ended int64
	if err := row.Scan(&d.ID, &d.Adapter, &d.Name.VI, &d.Name.EN, &d.URL, &d.Private, &options, &d.Purpose, &d.Closed, &perSecond, &d.Parallel, &since, &paused, &ended); err != nil {
		return d, err
	}
	if options != "" {
		d.Options = json.RawMessage(options)
	}
	d.Since, d.Paused, d.Ended = handle.Moment(since), handle.Moment(paused), handle.Moment(ended)
	d.PerSecond, err = strconv.ParseFloat(perSecond, 64)
	return d, err
}

// PutDestination keeps an entry with its act.
func (x *Destinations) PutDestination(ctx context.Context, d exchange.Destination, act store.Act) error {
	if err := store.CheckText(d.ID, d.Adapter, d.Name.VI, d.Name.EN, d.URL, string(d.Options), d.Purpose); err != nil {
		return err
	}
	return x.change(ctx, act, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO destination (id, adapter, name_vi, name_en, url, private, options, purpose, closed, per_second, parallel, since, paused, ended)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (id) DO UPDATE SET adapter = excluded.adapter, name_vi = excluded.name_vi, name_en = excluded.name_en, url = excluded.url,
				private = excluded.private, options = excluded.options, purpose = excluded.purpose, closed = excluded.closed,
				per_second = excluded.per_second, parallel = excluded.parallel, since = excluded.since, paused = excluded.paused, ended = excluded.ended`,
			d.ID, d.Adapter, d.Name.VI, d.Name.EN, d.URL, d.Private, string(d.Options), d.Purpose, d.Closed, strconv.FormatFloat(d.PerSecond, 'g', -1, 64), d.Parallel,
			handle.Micros(d.Since), handle.Micros(d.Paused), handle.Micros(d.Ended))
	})
}

// PutRoute keeps a route with its act; the one before it ends.
func (x *Destinations) PutRoute(ctx context.Context, r exchange.Route, act store.Act) error {
	if err := store.CheckText(r.Destination, string(r.Facility), r.Kind, string(r.Mode)); err != nil {
		return err
	}
	return x.change(ctx, act, func(b *pgx.Batch) {
		since := handle.Micros(r.Since)
		b.Queue(`UPDATE route SET until = greatest($4::bigint, 1) WHERE destination = $1 AND facility = $2 AND kind = $3 AND until = 0`, r.Destination, string(r.Facility), r.Kind, since)
		b.Queue(`INSERT INTO route (destination, facility, kind, mode, since, until) VALUES ($1, $2, $3, $4, $5, 0)`,
			r.Destination, string(r.Facility), r.Kind, string(r.Mode), since)
	})
}

// change moves the epoch, whose row changes follow one another by, with what queue queues.
func (x *Destinations) change(ctx context.Context, act store.Act, queue func(*pgx.Batch)) error {
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`UPDATE exchange SET epoch = epoch + 1 WHERE one = 1`)
	queue(b)
	return x.writer.CommitAct(ctx, tx, b, act)
}

// Epoch moves with every change.
func (x *Destinations) Epoch(ctx context.Context) (epoch int64, err error) {
	err = x.db.Pool.QueryRow(ctx, `SELECT epoch FROM exchange WHERE one = 1`).Scan(&epoch)
	return epoch, handle.Fault(err)
}
