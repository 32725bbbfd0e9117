package spool

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

const selectItem = `SELECT id, key, sha, name, source, facility, lane, state, size, dossiers, attempts, code, said, taken, changed, due FROM item i `

// scanner is a row of either sort.
type scanner interface{ Scan(...any) error }

func (s *Spool) scan(row scanner) (Item, error) {
	var i Item
	var key, sha, name []byte
	var said string
	var taken, changed, due int64
	if err := row.Scan(&i.ID, &key, &sha, &name, &i.Source, &i.Facility, &i.Lane, &i.State, &i.Size, &i.Dossiers, &i.Attempts, &i.Code, &said,
		&taken, &changed, &due); err != nil {
		return i, err
	}
	plain, err := s.box.open("name", key, name)
	if err != nil {
		return i, err
	}
	i.Name, i.Ref, i.SHA = string(plain), RefOf([32]byte(key)), [32]byte(sha)
	i.Taken, i.Changed, i.Due = moment(taken), moment(changed), moment(due)
	i.Said, err = unphrase(said)
	return i, err
}

// items reads a list; where is what follows FROM item i.
func (s *Spool) items(ctx context.Context, where string, args ...any) (out []Item, err error) {
	rows, err := s.db.QueryContext(ctx, selectItem+where, args...)
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	for rows.Next() {
		i, err := s.scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, blame(rows.Err())
}

// Unlooked returns items that were taken and not looked at, the urgent first,
// each lane in the order of taking.
func (s *Spool) Unlooked(ctx context.Context, limit int) ([]Item, error) {
	return s.items(ctx, `WHERE state = ? ORDER BY lane, id LIMIT ?`, Taken, limit)
}

// Waiting returns items that wait for a seal, in the order of taking.
func (s *Spool) Waiting(ctx context.Context, limit int) ([]Item, error) {
	return s.items(ctx, `WHERE state = ? ORDER BY lane, id LIMIT ?`, Unsealed, limit)
}

// Looked is what was found out about an item.
type Looked struct {
	State    State // Unsealed, Held, Ready, Refused (it is no dossier)
	Lane     store.Lane
	Facility care.FacilityCode
	Dossiers int
	Episodes []string // that are in it; none is overtaken in its lane
	Code     string   // why it waits or is held, or what the hub will say
	Said     fault.Text
	Payload  *Payload // what is sent instead, once it is sealed; nil: as it was taken
}

// Look writes down what was found out about an item.
func (s *Spool) Look(ctx context.Context, id int64, l Looked) error {
	said, err := phrase(l.Said)
	if err != nil {
		return err
	}
	var packed []byte
	if l.Payload != nil {
		packed = encodePayload(*l.Payload)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE item SET lane = ?, facility = ?, dossiers = ?, code = ?, said = ?, changed = ?,
			state = CASE WHEN ? = ? AND forced = 1 THEN ? ELSE ? END WHERE id = ?`,
			l.Lane, string(l.Facility), l.Dossiers, l.Code, said, micros(s.clock.Now()), l.State, Held, Ready, l.State, id); err != nil {
			return err
		}
		if l.Payload != nil {
			if err := s.replace(ctx, tx, id, packed, *l.Payload); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM episode WHERE item = ?`, id); err != nil {
			return err
		}
		if l.State == Held || l.State.Decided() { // what is held back lets its successor pass
			return nil
		}
		for _, e := range l.Episodes {
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO episode (key, item) VALUES (?, ?)`, s.box.hash("lane", l.Lane.String(), e), id); err != nil {
				return err
			}
		}
		return nil
	})
}

// replace puts what is sent in the place of what was taken.
func (s *Spool) replace(ctx context.Context, tx *sql.Tx, id int64, packed []byte, p Payload) error {
	var key []byte
	if err := tx.QueryRowContext(ctx, `SELECT key FROM item WHERE id = ?`, id).Scan(&key); err != nil {
		return err
	}
	sum := sha256.Sum256(p.File.Bytes)
	if _, err := tx.ExecContext(ctx, `UPDATE item SET sha = ?, size = ? WHERE id = ?`, sum[:], sizeOf(p), id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE payload SET body = ? WHERE item = ?`, s.box.seal("payload", key, packed), id)
	return err
}

// Limit says how much may go in one batch.
type Limit struct {
	Items int
	Bytes int64 // of files; the first goes however long it is
}

// NobodySeals is the code of an item that waits for a seal where nothing seals:
// a later file of its episode passes it, and holds it.
const NobodySeals = "agent.no_signer"

// ErrOvertaken (agent.overtaken): a later file of the same episode went first.
// By itself the earlier one would now undo it.
var ErrOvertaken = fault.New(fault.Conflict, "agent.overtaken",
	"Một tệp đến sau của cùng đợt điều trị đã được gửi trước, nên tệp chưa ký này không tự gửi nữa. Chỉ gửi lại nếu đây mới là bản đúng.",
	"A later file of the same episode was sent first, so this unsealed one no longer goes by itself. Send it again only if it is the right version.")

// before finds what stands before item i; it wants Unsealed and NobodySeals.
const before = `SELECT 1 FROM episode mine JOIN episode other ON other.key = mine.key AND other.item < mine.item
	JOIN item o ON o.id = other.item WHERE mine.item = i.id AND NOT (o.state = ? AND o.code = ?)`

// hold keeps back what an item overtakes on its way.
func (s *Spool) hold(ctx context.Context, tx *sql.Tx, id int64) error {
	said, err := phrase(ErrOvertaken.Text)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE item SET state = ?, code = ?, said = ?, changed = ? WHERE state = ? AND code = ? AND id IN (
		SELECT other.item FROM episode mine JOIN episode other ON other.key = mine.key AND other.item < mine.item WHERE mine.item = ?)`,
		Held, ErrOvertaken.Code, said, micros(s.clock.Now()), Unsealed, NobodySeals, id)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM episode WHERE item < ? AND item IN (SELECT other.item FROM episode mine JOIN episode other ON other.key = mine.key
		WHERE mine.item = ?) AND item IN (SELECT id FROM item WHERE state = ?)`, id, id, Held)
	return err
}

// Next returns what may be sent now in a lane, in the order of taking: nothing
// that an item of the same episode stands before, so that a batch has each
// episode once and the hub may take its files in any order. What waits for a
// seal that nobody gives stands before nothing.
func (s *Spool) Next(ctx context.Context, lane store.Lane, l Limit) ([]Item, error) {
	list, err := s.items(ctx, `WHERE state = ? AND lane = ? AND due <= ? AND NOT EXISTS (`+before+`) ORDER BY id LIMIT ?`,
		Ready, lane, micros(s.clock.Now()), Unsealed, NobodySeals, l.Items)
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for n, i := range list {
		if total += i.Size; n > 0 && total > l.Bytes {
			return list[:n], nil
		}
	}
	return list, nil
}

// Behind says whether an item that is ready waits for an earlier one of its episode.
func (s *Spool) Behind(ctx context.Context, id int64) (yes bool, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM item i WHERE i.id = ? AND i.state = ? AND EXISTS (`+before+`))`,
		id, Ready, Unsealed, NobodySeals).Scan(&yes)
	return yes, blame(err)
}

// Soonest is when the next item that waits for a time falls due; zero: none does.
func (s *Spool) Soonest(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	err := s.db.QueryRowContext(ctx, `SELECT min(due) FROM item WHERE state = ? AND due > 0`, Ready).Scan(&at)
	return moment(at.Int64), blame(err)
}

// Sending marks items as on their way: from now on it is not known what became
// of them, until Apply or Back. It returns those that were ready still: a
// command beside may have taken some away.
func (s *Spool) Sending(ctx context.Context, ids ...int64) ([]int64, error) {
	return s.depart(ctx, Sent, ids)
}

// Carry marks items as on a stick, and returns those that were ready still.
func (s *Spool) Carry(ctx context.Context, ids ...int64) ([]int64, error) {
	return s.depart(ctx, Carried, ids)
}

func (s *Spool) depart(ctx context.Context, to State, ids []int64) (gone []int64, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		gone = gone[:0]
		for _, id := range ids {
			done, err := tx.ExecContext(ctx, `UPDATE item SET state = ?, attempts = attempts + 1, changed = ? WHERE id = ? AND state = ?`,
				to, micros(s.clock.Now()), id, Ready)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				gone = append(gone, id)
				if err := s.hold(ctx, tx, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return gone, err
}

// Recall makes everything on a stick ready again: sending twice is safe. It
// returns how many there were.
func (s *Spool) Recall(ctx context.Context) (n int64, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE item SET state = ?, changed = ? WHERE state = ?`, Ready, micros(s.clock.Now()), Carried)
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	return n, err
}

// Back makes items ready again that were on their way and are not decided; they
// are due then.
func (s *Spool) Back(ctx context.Context, due time.Time, ids ...int64) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE item SET state = ?, due = ? WHERE id = ? AND state IN (?, ?)`, Ready, micros(due), id, Sent, Carried); err != nil {
				return err
			}
		}
		return nil
	})
}

// Again has items looked at once more: after the fix of what they were held or
// not accepted for, or, with force, to be sent as they are. It returns how many;
// one whose bytes are no longer kept stays as it is.
func (s *Spool) Again(ctx context.Context, force bool, refs ...Ref) (n int, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		for _, ref := range refs {
			key, err := ref.prefix()
			if err != nil {
				return err
			}
			done, err := tx.ExecContext(ctx, `UPDATE item SET state = ?, forced = ?, due = 0, changed = ? WHERE key >= ? AND substr(key, 1, 16) = ?
				AND state IN (?, ?, ?, ?) AND EXISTS (SELECT 1 FROM payload WHERE item = id)`, Taken, force, micros(s.clock.Now()), key, key, Unsealed, Held, Rejected, Refused)
			if err != nil {
				return err
			}
			one, err := done.RowsAffected()
			if err != nil {
				return err
			}
			n += int(one)
		}
		return nil
	})
	return n, err
}

// phrase is a text in two languages as it is kept.
func phrase(t fault.Text) (string, error) {
	if t == (fault.Text{}) {
		return "", nil
	}
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	return string(b), nil
}

func unphrase(text string) (t fault.Text, err error) {
	if text == "" {
		return t, nil
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, ErrDamaged.Because(err)
	}
	return t, nil
}

// Get returns an item. Fault: spool.absent.
func (s *Spool) Get(ctx context.Context, ref Ref) (Item, error) {
	key, err := ref.prefix()
	if err != nil {
		return Item{}, err
	}
	i, err := s.scan(s.db.QueryRowContext(ctx, selectItem+`WHERE key >= ? AND substr(key, 1, 16) = ? ORDER BY key LIMIT 1`, key, key))
	if errors.Is(err, sql.ErrNoRows) {
		return Item{}, ErrAbsent
	}
	return i, blame(err)
}

// List returns items in a state, from after an id on, in the order of taking.
func (s *Spool) List(ctx context.Context, state State, after int64, limit int) ([]Item, error) {
	where := `WHERE state = ? AND state < 7 AND id > ? ORDER BY id LIMIT ?`
	if state.Decided() {
		where = strings.Replace(where, "AND state < 7", "AND state >= 7", 1)
	}
	return s.items(ctx, where, state, after, limit)
}
