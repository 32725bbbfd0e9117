// Package entries keeps in PostgreSQL the entries of databases, and reads the flow
// of records they are made from. It opens nothing.
package entries

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/store/postgres/scores"
	"lienthong/internal/store/scoring"
)

// Entries implements house.Entries and house.Flow.
type Entries struct {
	db     *handle.DB
	writer *ledger.Writer
}

var (
	_ house.Entries = (*Entries)(nil)
	_ house.Flow    = (*Entries)(nil)
)

// New returns the slices; writer nil: a batch with an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Entries { return &Entries{db, writer} }

const write = `INSERT INTO db_entry (` + entry.Columns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
	ON CONFLICT (database, id) DO UPDATE SET ` + entry.Update

// Put writes a batch, or nothing. Writers of a database follow one another by the
// lock of its head row, which is also what gives changes their order.
func (x *Entries) Put(ctx context.Context, id registry.ID, b house.Batch, was string) error {
	if err := entry.Check(&b); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	s, seq, err := x.begin(ctx, tx, id, &b, was)
	if err != nil {
		return err
	}
	q := tx.Batch()
	versions(q, id, s, seq)
	said(q, id, &b)
	wipe(q, id, b.Wipe)
	for _, state := range slices.Sorted(maps.Keys(s.Counts)) {
		q.Queue(`INSERT INTO db_count AS c (database, state, n) VALUES ($1, $2, $3) ON CONFLICT (database, state) DO UPDATE SET n = c.n + excluded.n`, string(id), string(state), s.Counts[state])
	}
	g := scoring.Group{}
	for _, d := range b.Scores {
		if err := g.Add(d); err != nil {
			return err
		}
	}
	scores.Queue(q, &g)
	if s.Changes > 0 {
		q.Queue(`UPDATE db_head SET seq = $2 WHERE database = $1`, string(id), seq+s.Changes)
	}
	if p := b.Place; p != nil {
		q.Queue(`INSERT INTO db_place (database, source, declared, place, at, code, seen, made, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (database, source) DO UPDATE SET declared = $3, place = $4, at = $5, code = $6, seen = $7, made = $8, ended = $9`,
			string(p.Database), p.Source, int64(p.Declared), p.Cursor, entry.Micros(p.At), p.Code, p.Seen, p.Made, p.Ended)
	}
	if b.Act != nil {
		return x.writer.CommitAct(ctx, tx, q, *b.Act)
	}
	if err := tx.Send(ctx, q); err != nil {
		return err
	}
	return handle.Fault(tx.Commit(ctx, tx.Batch()))
}

// begin takes the database's turn and holds the batch against what is kept.
func (x *Entries) begin(ctx context.Context, tx *handle.Tx, id registry.ID, b *house.Batch, was string) (*entry.Sorted, int64, error) {
	var seq int64
	now := map[registry.EntryID]entry.State{}
	q := tx.Batch()
	q.Queue(`INSERT INTO db_head (database, seq) VALUES ($1, 0) ON CONFLICT (database) DO NOTHING`, string(id))
	q.Queue(`SELECT seq FROM db_head WHERE database = $1 FOR UPDATE`, string(id)).QueryRow(func(row pgx.Row) error { return row.Scan(&seq) })
	if err := tx.Send(ctx, q); err != nil {
		return nil, 0, err
	}
	q = tx.Batch()
	cursor := ""
	if b.Place != nil {
		q.Queue(`SELECT place FROM db_place WHERE database = $1 AND source = $2`, string(b.Place.Database), b.Place.Source).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&cursor)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		})
	}
	q.Queue(`SELECT id, version, state, facility, confirmed, marks FROM db_entry WHERE database = $1 AND id = ANY($2)`, string(id), column(entry.IDs(b))).Query(func(rows pgx.Rows) error {
		var key []byte
		var st entry.State
		_, err := pgx.ForEachRow(rows, []any{&key, &st.Version, &st.State, &st.Facility, &st.Confirmed, &st.Marks}, func() error {
			now[registry.EntryID(key)] = st
			return nil
		})
		return err
	})
	if err := tx.Send(ctx, q); err != nil {
		return nil, 0, err
	}
	if b.Place != nil && cursor != was {
		return nil, 0, store.ErrChanged
	}
	s, err := entry.Sort(b, now, seq)
	return s, seq, err
}

func column(ids []registry.EntryID) [][]byte {
	return handle.Column(ids, func(id registry.EntryID) []byte { return id[:] })
}

// versions queues what a batch says of entries.
func versions(q *pgx.Batch, id registry.ID, s *entry.Sorted, seq int64) {
	next := handle.Column(s.Next, func(r *house.Row) []byte { return r.ID[:] })
	old := append(slices.Clone(next), handle.Column(s.Closes, func(c *house.Close) []byte { return c.ID[:] })...)
	if len(old) > 0 {
		q.Queue(`INSERT INTO db_entry_version (`+entry.Columns+`) SELECT `+entry.Columns+` FROM db_entry WHERE database = $1 AND id = ANY($2)`, string(id), old)
	}
	if len(next) > 0 {
		q.Queue(`DELETE FROM db_key WHERE database = $1 AND id = ANY($2)`, string(id), next)
	}
	var fields []string
	var values, ids [][]byte
	for _, r := range slices.Concat(s.Fresh, s.Next) {
		q.Queue(write, entry.Values(r)...)
		for _, k := range r.Keys {
			fields, values, ids = append(fields, k.Field), append(values, entry.Bytes(k.Value)), append(ids, r.ID[:])
		}
	}
	if len(ids) > 0 {
		q.Queue(`INSERT INTO db_key (database, field, value, id) SELECT $1, k.field, k.value, k.id FROM unnest($2::text[], $3::bytea[], $4::bytea[]) AS k (field, value, id)
			ON CONFLICT DO NOTHING`, string(id), fields, values, ids)
	}
	for _, r := range s.Same {
		o := r.Origin
		q.Queue(`UPDATE db_entry SET confirmed = greatest(confirmed, $1), source = $2, facility = $3, record_facility = $4, record = $5, brought = $6, actor = $7, marks = $8 WHERE database = $9 AND id = $10`,
			entry.Micros(r.Confirmed), o.Source, string(o.Facility), string(o.Record.Facility), entry.Serial(o.Record), o.Import, o.By, entry.Bytes(r.Marks), string(id), r.ID[:])
	}
	if len(s.Marked) > 0 {
		q.Queue(`UPDATE db_entry e SET marks = k.marks FROM unnest($2::bytea[], $3::bytea[]) AS k (id, marks) WHERE e.database = $1 AND e.id = k.id`, string(id),
			handle.Column(s.Marked, func(m *house.Marking) []byte { return m.ID[:] }), handle.Column(s.Marked, func(m *house.Marking) []byte { return entry.Bytes(m.Marks) }))
	}
	seq += int64(len(s.Fresh) + len(s.Next))
	for i, c := range s.Closes {
		q.Queue(`UPDATE db_entry SET version = version + 1, state = $1, merged_into = $2, at = $3, valid_to = CASE WHEN $4::bigint = 0 THEN valid_to ELSE $4 END, actor = $5, seq = $6 WHERE database = $7 AND id = $8`,
			string(c.State), entry.Some(c.Into), entry.Micros(c.At), entry.Micros(c.Until), c.By, seq+int64(i)+1, string(id), c.ID[:])
		if !c.Wipe {
			continue
		}
		for _, text := range []string{
			`UPDATE db_entry SET sealed = '', wrapped = '', open = '{}', content = '' WHERE database = $1 AND id = $2`,
			`UPDATE db_entry_version SET sealed = '', wrapped = '', open = '{}', content = '' WHERE database = $1 AND id = $2`,
			`DELETE FROM db_key WHERE database = $1 AND id = $2`, `DELETE FROM db_said WHERE database = $1 AND id = $2`,
		} {
			q.Queue(text, string(id), c.ID[:])
		}
	}
}

func said(q *pgx.Batch, id registry.ID, b *house.Batch) {
	var facilities []string
	var serials, ids [][]byte
	for _, s := range b.Unsaid {
		facilities, serials, ids = append(facilities, string(s.Record.Facility)), append(serials, s.Record.Serial[:]), append(ids, s.Entry[:])
	}
	if len(ids) > 0 {
		q.Queue(`DELETE FROM db_said s USING unnest($2::text[], $3::bytea[], $4::bytea[]) AS k (facility, serial, id)
			WHERE s.database = $1 AND s.facility = k.facility AND s.serial = k.serial AND s.id = k.id`, string(id), facilities, serials, ids)
	}
	facilities, serials, ids = nil, nil, nil
	for i := range b.Rows {
		if r := &b.Rows[i]; r.Origin.Record != (registry.RecordID{}) {
			facilities, serials, ids = append(facilities, string(r.Origin.Record.Facility)), append(serials, r.Origin.Record.Serial[:]), append(ids, r.ID[:])
		}
	}
	for _, s := range b.Said {
		facilities, serials, ids = append(facilities, string(s.Record.Facility)), append(serials, s.Record.Serial[:]), append(ids, s.Entry[:])
	}
	if len(ids) > 0 {
		q.Queue(`INSERT INTO db_said (database, id, facility, serial) SELECT $1, k.id, k.facility, k.serial FROM unnest($2::text[], $3::bytea[], $4::bytea[]) AS k (facility, serial, id)
			ON CONFLICT DO NOTHING`, string(id), facilities, serials, ids)
	}
}
