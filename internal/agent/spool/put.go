package spool

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// New is something to be taken.
type New struct {
	Name     string
	Source   string
	Lane     store.Lane
	Facility care.FacilityCode // "" until it is looked at
	Payload  Payload
}

// Put is what became of it.
type Put struct {
	Ref   Ref
	State State // now
	Fresh bool  // it will be sent; false: it was taken before and is on its way or accepted
}

// KeyOf is the SHA-256 by which a payload is known: of the file, and where it
// has a seal or papers, of the digests of all of them in order.
func KeyOf(p Payload) [32]byte {
	sum := sha256.Sum256(p.File.Bytes)
	if p.File.Seal == nil && len(p.Papers) == 0 {
		return sum
	}
	h := sha256.New()
	for _, part := range append([]Part{p.File}, p.Papers...) {
		d, s := sha256.Sum256(part.Bytes), sha256.Sum256(part.Seal)
		h.Write(d[:])
		h.Write(s[:])
	}
	return [32]byte(h.Sum(nil))
}

// RefOf names an item by its key.
func RefOf(key [32]byte) Ref { return Ref(hex.EncodeToString(key[:16])) }

// Put takes things in, durably, all or none: when it returns without an error
// they survive a power cut. What was taken before and not accepted is taken
// again: the hub judges such bytes anew. Faults: spool.full.
func (s *Spool) Put(ctx context.Context, list ...New) ([]Put, error) {
	out := make([]Put, len(list))
	sealed := make([][]byte, len(list))
	keys := make([][32]byte, len(list))
	for i, n := range list { // outside the transaction: it is most of the work
		keys[i] = KeyOf(n.Payload)
		sealed[i] = s.box.seal("payload", keys[i][:], encodePayload(n.Payload))
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		for i := range list {
			var err error
			if out[i], err = s.put(ctx, tx, &list[i], keys[i], sealed[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Spool) put(ctx context.Context, tx *sql.Tx, n *New, key [32]byte, sealed []byte) (Put, error) {
	p := Put{Ref: RefOf(key), State: Taken, Fresh: true}
	now := micros(s.clock.Now())
	sum, size := sha256.Sum256(n.Payload.File.Bytes), sizeOf(n.Payload)
	var id int64
	err := tx.QueryRowContext(ctx, `SELECT id, state FROM item WHERE key = ?`, key[:]).Scan(&id, &p.State)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		p.State = Taken
		done, err := tx.ExecContext(ctx, `INSERT INTO item (key, sha, name, source, facility, lane, state, size, taken, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			key[:], sum[:], s.box.seal("name", key[:], []byte(n.Name)), n.Source, string(n.Facility), n.Lane, Taken, size, now, now)
		if err != nil {
			return p, err
		}
		if id, err = done.LastInsertId(); err != nil {
			return p, err
		}
	case err != nil:
		return p, err
	case p.State != Rejected && p.State != Refused:
		p.Fresh = false
		return p, nil
	default:
		p.State = Taken
		if _, err := tx.ExecContext(ctx, `UPDATE item SET sha = ?, lane = ?, state = ?, size = ?, code = '', said = '', attempts = 0, due = 0, changed = ? WHERE id = ?`,
			sum[:], n.Lane, Taken, size, now, id); err != nil {
			return p, err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO payload (item, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body`, id, sealed)
	return p, err
}

func sizeOf(p Payload) int64 {
	n := len(p.File.Bytes) + len(p.File.Seal)
	for _, x := range p.Papers {
		n += len(x.Bytes) + len(x.Seal)
	}
	return int64(n)
}

// Payload reads what is sent for an item. Faults: spool.absent, spool.damaged.
func (s *Spool) Payload(ctx context.Context, id int64) (Payload, error) {
	var key, sealed []byte
	err := s.db.QueryRowContext(ctx, `SELECT key, body FROM item JOIN payload ON item = id WHERE id = ?`, id).Scan(&key, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return Payload{}, ErrAbsent
	}
	if err != nil {
		return Payload{}, blame(err)
	}
	plain, err := s.box.open("payload", key, sealed)
	if err != nil {
		return Payload{}, err
	}
	return decodePayload(plain)
}

// blame gives a full disk its fault.
func blame(err error) error {
	var lite *sqlite.Error
	if errors.As(err, &lite) && fault.KindOf(err) == fault.Broken && lite.Code()&0xff == sqlite3.SQLITE_FULL {
		return ErrFull.Because(err)
	}
	return err
}
