package duties

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Items is the house.DutyItems of a hub.
type Items struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ house.DutyItems = (*Items)(nil)

// NewItems returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func NewItems(db *handle.DB, writer *ledger.Writer) *Items { return &Items{db, writer} }

// PutItems keeps next versions together with their act. Of two who put the same
// version the key lets one.
func (x *Items) PutItems(ctx context.Context, items []house.Item, act store.Act) error {
	if err := errors.Join(CheckItems(items), ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	Queue(b, items)
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// CheckItems refuses what no item may say.
func CheckItems(items []house.Item) error {
	for i := range items {
		if err := house.CheckItem(&items[i]); err != nil {
			return err
		}
	}
	return nil
}

// Queue keeps next versions with what else a transaction does; store.ErrChanged.
func Queue(b *pgx.Batch, items []house.Item) {
	for i := range items {
		m := &items[i]
		b.Queue(`INSERT INTO duty_item (sort, id, version, at, actor, said) SELECT $1::text, $2::text, $3::integer, $4::bigint, $5::text, $6::text
			WHERE $3::integer - 1 = (SELECT COALESCE(MAX(version), 0) FROM duty_item WHERE sort = $1 AND id = $2) ON CONFLICT DO NOTHING`,
			m.Sort, m.ID, m.Version, handle.Micros(m.At), m.Actor, m.Said).Exec(handle.OrChanged)
	}
}

// Items returns the newest version of each of a sort.
func (x *Items) Items(ctx context.Context, sort string) ([]house.Item, error) {
	return x.list(ctx, `SELECT sort, id, version, at, actor, said FROM duty_item i WHERE sort = $1
		AND version = (SELECT MAX(n.version) FROM duty_item n WHERE n.sort = i.sort AND n.id = i.id) ORDER BY id`, sort)
}

// ItemVersions returns every version of one, oldest first.
func (x *Items) ItemVersions(ctx context.Context, sort, id string) ([]house.Item, error) {
	return x.list(ctx, `SELECT sort, id, version, at, actor, said FROM duty_item WHERE sort = $1 AND id = $2 ORDER BY version`, sort, id)
}

func (x *Items) list(ctx context.Context, q string, args ...any) (all []house.Item, err error) {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i], _ = a.(string)
	}
	if err := store.CheckText(texts...); err != nil {
		return nil, nil //nolint:nilerr // nothing has such an id
	}
	err = x.db.Scan(ctx, handle.ListLimit, q, args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m house.Item, err error) {
			var at int64
			err = row.Scan(&m.Sort, &m.ID, &m.Version, &at, &m.Actor, &m.Said)
			m.At = handle.Moment(at)
			return m, err
		})
		return err
	})
	if len(all) == 0 {
		all = nil
	}
	return all, err
}
