// Package owed queues what goes into a transaction beside its own rows: what a
// person is told, and what they are owed an answer to.
package owed

import (
	"github.com/jackc/pgx/v5"

	"lienthong/internal/matter"
	"lienthong/internal/store/postgres/handle"
)

// Tell queues a notice with what else a transaction does. It was checked before.
func Tell(b *pgx.Batch, n *matter.Notice) {
	b.Queue(`INSERT INTO notice (person, at, kind, about, detail, sent, tries, due, seen) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)`,
		handle.UUID(n.Person), handle.Micros(n.At), n.Kind, n.About, n.Detail, handle.Micros(n.Sent), n.Tries, handle.Micros(n.Seen))
}

// Put queues a matter, whose text is form.Matter's, with what else a transaction
// does: ErrChanged, where it is not the next version.
func Put(b *pgx.Batch, m *matter.Matter, text string) {
	query := `UPDATE matter SET version = $2, person = $3, facility = $4, kind = $5, state = $6, due = $7 WHERE number = $1 AND version = $2 - 1`
	if m.Version == 1 {
		query = `INSERT INTO matter (number, version, person, facility, kind, state, due) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (number) DO NOTHING`
	}
	b.Queue(query, m.Number, int64(m.Version), handle.UUID(m.Person), string(m.Facility), m.Kind, m.State, handle.Micros(m.Due)).Exec(handle.OrChanged)
	b.Queue(`INSERT INTO matter_version (number, version, said, sealed, wrapped) VALUES ($1, $2, $3, $4, $5)`,
		m.Number, m.Version, text, handle.Bytes(m.Sealed), handle.Bytes(m.Wrapped))
}
