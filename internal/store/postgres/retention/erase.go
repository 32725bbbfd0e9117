package retention

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/counters"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/store/postgres/legs"
	"lienthong/internal/store/postgres/scores"
	"lienthong/internal/store/scoring"
)

// Erase destroys records with leaves and act. It locks as intake does: subjects
// before records, the head of the log last. What it leaves in dead rows VACUUM
// takes away whole, so nothing is returned for Clean.
func (x *Retention) Erase(ctx context.Context, records []store.Erasure, act store.Act) ([]store.Residue, error) {
	if err := errors.Join(form.CheckErasures(records), ledger.CheckAct(act)); err != nil {
		return nil, err
	}
	claims, alone, err := x.claims(ctx, records)
	if err != nil {
		return nil, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	e := erasing{tx: tx, records: records, rows: map[dossier.ID]*store.Record{}, gone: map[dossier.ID][]string{}}
	for _, step := range []func(context.Context) error{e.lock, e.destroy, e.leftOver} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	b := tx.Batch()
	var carried []store.LegKey
	e.lockLegs(b, &carried)
	b.Queue(`DELETE FROM leg_receipt r USING unnest($1::text[], $2::uuid[]) AS u (facility, serial) WHERE r.facility = u.facility AND r.serial = u.serial`, e.ids()...)
	if len(claims) > 0 {
		b.Queue(`DELETE FROM claim c WHERE c.hash = ANY ($1) AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.person = c.person)`, claims)
	}
	if len(alone) > 0 {
		b.Queue(`DELETE FROM feature f WHERE f.person = ANY ($1::uuid[]) AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.person = f.person)`, alone)
		b.Queue(`DELETE FROM verified v WHERE v.person = ANY ($1::uuid[]) AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.person = v.person)`, alone)
		b.Queue(`UPDATE matter_version v SET sealed = '', wrapped = '' FROM matter m WHERE m.number = v.number AND m.kind = $2 AND m.person = ANY ($1::uuid[])
			AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.person = m.person)`, alone, matter.OwnEntry)
	}
	e.sums.Queue(b)
	scores.Queue(b, &e.scores)
	leaves := handle.Column(records, func(r store.Erasure) ledger.Leaf { return ledger.Leaf{Data: r.Leaf} })
	b.Queue(`INSERT INTO act (at, actor, action, object, detail) VALUES ($1, $2, $3, $4, $5)`, handle.Micros(act.At), act.Actor, act.Action, act.Object, act.Detail)
	if len(act.Leaf) > 0 {
		leaves = append(leaves, ledger.Leaf{Data: act.Leaf})
	}
	if err := tx.Send(ctx, b); err != nil {
		return nil, err
	}
	_, err = x.writer.CommitBatch(ctx, tx, func() *pgx.Batch { // the numbers of changes of legs are taken last
		b := tx.Batch()
		if len(carried) > 0 {
			legs.Change(b, carried, `state = 'skipped', code = $5, lease = 0, holder = '', changed = $6`, form.ErasedLeg, handle.Micros(act.At))
		}
		return b
	}, leaves)
	return nil, err
}

// lockLegs takes the deliveries that are not done: there is nothing to carry any
// more, and who carries one now has lost it.
func (e *erasing) lockLegs(b *pgx.Batch, to *[]store.LegKey) {
	b.Queue(`SELECT l.facility, l.serial, l.destination FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
		JOIN leg l ON l.facility = u.facility AND l.serial = u.serial WHERE l.state IN ('waiting', 'held', 'parked')
		ORDER BY l.facility, l.serial, l.destination FOR UPDATE OF l`, e.ids()...).Query(func(rows pgx.Rows) error {
		var k store.LegKey
		_, err := pgx.ForEachRow(rows, []any{&k.Record.Facility, &k.Record.Serial, &k.Destination}, func() error {
			*to = append(*to, k)
			return nil
		})
		return err
	})
}

// erasing is one Erase within its transaction.
type erasing struct {
	tx      *handle.Tx
	records []store.Erasure
	rows    map[dossier.ID]*store.Record
	gone    map[dossier.ID][]string // tags of documents

	sums   counters.Sums
	scores scoring.Group
}

// ids are the records as columns.
func (e *erasing) ids() []any { return idColumns(e.records) }

func idColumns(records []store.Erasure) []any {
	return []any{
		handle.Column(records, func(r store.Erasure) string { return string(r.Record.Facility) }),
		handle.Column(records, func(r store.Erasure) [16]byte { return r.Record.Serial }),
	}
}

// lock takes the subjects and the records, in order, and reads the records.
func (e *erasing) lock(ctx context.Context) error {
	b := e.tx.Batch()
	b.Queue(`SELECT 1 FROM subject s JOIN (SELECT DISTINCT r.facility, r.subject FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
			JOIN record r ON r.facility = u.facility AND r.serial = u.serial WHERE r.subject <> '') k
		ON s.facility = k.facility AND s.subject = k.subject ORDER BY s.facility, s.subject FOR UPDATE OF s`, e.ids()...).Query(drain)
	b.Queue(`SELECT 1 FROM record r JOIN unnest($1::text[], $2::uuid[]) AS u (facility, serial) ON r.facility = u.facility AND r.serial = u.serial
		ORDER BY r.facility, r.serial FOR UPDATE OF r`, e.ids()...).Query(drain)
	if err := e.tx.Send(ctx, b); err != nil {
		return err
	}
	b = e.tx.Batch()
	b.Queue(`SELECT `+handle.RecordColumns+` FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
		JOIN record r ON r.facility = u.facility AND r.serial = u.serial `+handle.RecordJoins, e.ids()...).Query(func(rows pgx.Rows) error {
		all, err := handle.CollectRecords(rows)
		for i := range all {
			e.rows[all[i].ID] = &all[i]
		}
		return err
	})
	b.Queue(`SELECT r.facility_version, r.day, r.kind, r.marks FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
		JOIN record r ON r.facility = u.facility AND r.serial = u.serial WHERE r.current AND r.marks <> ''`, e.ids()...).Query(func(rows pgx.Rows) error {
		d := house.ScoreDelta{N: -1}
		_, err := pgx.ForEachRow(rows, []any{&d.FacilityVersion, &d.Day, &d.Subject, (*[]byte)(&d.Marks)}, func() error { return e.scores.Add(d) })
		return err
	})
	if err := e.tx.Send(ctx, b); err != nil {
		return err
	}
	for i := range e.records {
		switch r := e.rows[e.records[i].Record]; {
		case r == nil:
			return store.ErrAbsent
		case !r.Erased.IsZero():
			return store.ErrErased
		}
	}
	return nil
}

func drain(rows pgx.Rows) error {
	for rows.Next() { //nolint:revive // only the locks are wanted
	}
	return rows.Err()
}

// deleteTags takes away the tags of a record: its codes, and every document that
// its facility has a tag for, because no index leads from a record to its tags.
const deleteTags = `WITH RECURSIVE t (tag) AS (
		SELECT (SELECT min(n.tag) FROM tag n WHERE n.facility = $1 AND n.tag >= 'doc:' AND n.tag < 'doc;')
		UNION ALL SELECT (SELECT min(n.tag) FROM tag n WHERE n.facility = $1 AND n.tag > t.tag AND n.tag < 'doc;') FROM t WHERE t.tag IS NOT NULL)
	DELETE FROM tag WHERE facility = $1 AND serial = $3 AND tag IN (SELECT tag FROM t WHERE tag IS NOT NULL UNION SELECT unnest($2::text[])) RETURNING tag`

// destroy empties the rows and keeps the tombstones.
func (e *erasing) destroy(ctx context.Context) error {
	b := e.tx.Batch()
	for i := range e.records {
		t := &e.records[i]
		facility, serial := string(t.Record.Facility), handle.UUID(t.Record.Serial)
		codes := handle.Column(e.rows[t.Record].Verdict.Findings, func(f dossier.Finding) string { return f.Code })
		b.Queue(deleteTags, facility, codes, serial).Query(func(rows pgx.Rows) (err error) {
			e.gone[t.Record], err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		b.Queue(`DELETE FROM body WHERE facility = $1 AND serial = $2`, facility, serial)
		b.Queue(`DELETE FROM body_archive WHERE facility = $1 AND serial = $2`, facility, serial)
		b.Queue(`UPDATE record SET erased = $3, wrapped = '', head = '', findings = '', marks = '', documents = 0, subject = '' WHERE facility = $1 AND serial = $2`,
			facility, serial, handle.Micros(t.At))
		b.Queue(`INSERT INTO tombstone (facility, serial, at, reason, number, actor) VALUES ($1, $2, $3, $4, $5, $6)`,
			facility, serial, handle.Micros(t.At), t.Reason, t.Case, t.Actor)
		b.Queue(`INSERT INTO db_erased (facility, serial) VALUES ($1, $2)`, facility, t.Record.Serial[:])
		b.Queue(`INSERT INTO transition (facility, serial, at, what, by, actor, detail) VALUES ($1, $2, $3, 'erased', '00000000-0000-0000-0000-000000000000', $4, $5)`,
			facility, serial, handle.Micros(t.At), t.Actor, t.Reason)
	}
	return e.tx.Send(ctx, b)
}

// leftOver destroys the skeletons of files all of whose records are erased, and
// patients without a record.
func (e *erasing) leftOver(ctx context.Context) error {
	var again [][]byte
	var facilities, subjectsOf []string
	var hashes, subjects [][]byte
	b := e.tx.Batch()
	for id, r := range e.rows {
		for _, d := range form.Forgotten(r, e.gone[id]) {
			e.sums.Add(d, time.Time{})
		}
		facilities, hashes = append(facilities, string(id.Facility)), append(hashes, handle.Hash(r.File))
		if !r.Subject.IsZero() {
			subjectsOf, subjects = append(subjectsOf, string(id.Facility)), append(subjects, handle.Hash(r.Subject))
		}
	}
	b.Queue(`SELECT DISTINCT f.facility, f.hash FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
		JOIN transition t ON t.facility = u.facility AND t.serial = u.serial AND t.what = 'sealed_again'
		JOIN file f ON f.facility = u.facility AND f.received = t.at
		JOIN place p ON p.facility = f.facility AND p.file = f.hash AND p.serial = u.serial`, e.ids()...).Query(func(rows pgx.Rows) error {
		var facility string
		var hash []byte
		_, err := pgx.ForEachRow(rows, []any{&facility, &hash}, func() error {
			facilities, again = append(facilities, facility), append(again, append([]byte{}, hash...))
			return nil
		})
		return err
	})
	if err := e.tx.Send(ctx, b); err != nil {
		return err
	}
	hashes = append(hashes, again...)
	b = e.tx.Batch()
	b.Queue(`UPDATE file f SET wrapped = '', skeleton = '', digest = $3 FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::bytea[]) AS u (facility, hash)) u
		WHERE f.facility = u.facility AND f.hash = u.hash AND NOT EXISTS (SELECT 1 FROM place p
			JOIN record r ON r.facility = p.facility AND r.serial = p.serial WHERE p.facility = f.facility AND p.file = f.hash AND r.erased = 0)`,
		facilities, hashes, make([]byte, 32))
	b.Queue(`DELETE FROM skeleton_archive a USING unnest($1::text[], $2::bytea[]) AS u (facility, hash), file f
		WHERE a.facility = u.facility AND a.hash = u.hash AND f.facility = u.facility AND f.hash = u.hash AND f.wrapped = ''`, facilities, hashes)
	for _, table := range [...]string{"subject", "link", "bar"} {
		b.Queue(`DELETE FROM `+table+` x USING unnest($1::text[], $2::bytea[]) AS u (facility, subject) WHERE x.facility = u.facility AND x.subject = u.subject
			AND NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = u.facility AND r.subject = u.subject AND r.subject <> '')`, subjectsOf, subjects)
	}
	return e.tx.Send(ctx, b)
}

// claims finds, before the transaction, the persons whom the erasure may leave
// without any record, and their identifiers: those of persons whose only links, now or before, are
// of subjects of these records. No index leads from a person to claims: it reads
// along the table.
func (x *Retention) claims(ctx context.Context, records []store.Erasure) (claims [][]byte, persons [][16]byte, err error) {
	err = x.db.Scan(ctx, allLimit, `WITH k AS (SELECT DISTINCT r.facility, r.subject FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
			JOIN record r ON r.facility = u.facility AND r.serial = u.serial WHERE r.subject <> '')
		SELECT DISTINCT l.person FROM k JOIN link l ON l.facility = k.facility AND l.subject = k.subject
		WHERE NOT EXISTS (SELECT 1 FROM link o WHERE o.person = l.person AND (o.facility, o.subject) NOT IN (SELECT facility, subject FROM k))`,
		idColumns(records), func(rows pgx.Rows) (err error) {
			persons, err = pgx.CollectRows(rows, pgx.RowTo[[16]byte])
			return err
		})
	if err != nil || len(persons) == 0 {
		return nil, nil, err
	}
	err = x.db.Scan(ctx, allLimit, `SELECT hash FROM claim WHERE person = ANY ($1::uuid[])`, []any{persons}, func(rows pgx.Rows) (err error) {
		claims, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
		return err
	})
	return claims, persons, err
}
