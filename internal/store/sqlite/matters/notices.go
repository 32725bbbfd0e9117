package matters

import (
	"context"
	"time"

	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Notices implements store.Notices.
type Notices struct{ db *file.DB }

var _ store.Notices = (*Notices)(nil)

// NewNotices returns the slice of an open file.
func NewNotices(db *file.DB) *Notices { return &Notices{db: db} }

// PutNotice keeps a notice.
func (x *Notices) PutNotice(ctx context.Context, n matter.Notice) error {
	if err := form.CheckNotice(&n); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error { return Tell(tx, &n) })
}

// Tell keeps a notice with what else a transaction does. It was checked before.
func Tell(tx *file.Tx, n *matter.Notice) error {
	_, err := tx.Exec(`INSERT INTO notice (person, at, kind, about, detail, sent, tries, due, seen) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)`,
		n.Person[:], file.Micros(n.At), n.Kind, n.About, n.Detail, file.MicrosOrZero(n.Sent), n.Tries, file.MicrosOrZero(n.Seen))
	return err
}

const noticeColumns = `SELECT id, person, at, kind, about, detail, sent, tries, seen FROM notice`

func scanNotice(row file.Scanner) (n matter.Notice, err error) {
	var person []byte
	var at, sent, seen int64
	if err := row.Scan(&n.ID, &person, &at, &n.Kind, &n.About, &n.Detail, &sent, &n.Tries, &seen); err != nil {
		return n, err
	}
	n.At, n.Sent, n.Seen = file.Time(at), file.Moment(sent), file.Moment(seen)
	return n, file.Fill(n.Person[:], person)
}

// Notices returns those of a person, newest first.
func (x *Notices) Notices(ctx context.Context, person store.PersonID, limit int) (all []matter.Notice, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(noticeColumns+` WHERE person = ? ORDER BY id DESC LIMIT ?`, person[:], file.Limit(limit))
		return file.Each(rows, err, func(row file.Scanner) error {
			n, err := scanNotice(row)
			all = append(all, n)
			return err
		})
	})
	return all, err
}

// Unsent leases notices until a moment, those that wait longest first.
func (x *Notices) Unsent(ctx context.Context, now, until time.Time, limit int) (all []matter.Notice, err error) {
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		all = nil
		rows, err := tx.Rows(noticeColumns+` WHERE sent = 0 AND due <= ? ORDER BY due, id LIMIT ?`, file.Micros(now), file.Limit(limit))
		if err := file.Each(rows, err, func(row file.Scanner) error {
			n, err := scanNotice(row)
			all = append(all, n)
			return err
		}); err != nil {
			return err
		}
		for i := range all {
			if _, err := tx.Exec(`UPDATE notice SET due = ? WHERE id = ?`, file.Micros(until), all[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// SentNotice marks a notice as sent or as tried.
func (x *Notices) SentNotice(ctx context.Context, id int64, at time.Time, ok bool) error {
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		var tries int
		if err := tx.Row(`SELECT tries FROM notice WHERE id = ?`, id).Scan(&tries); err != nil {
			return err
		}
		if ok {
			_, err := tx.Exec(`UPDATE notice SET sent = ?, tries = tries + 1 WHERE id = ? AND sent = 0`, file.Micros(at), id)
			return err
		}
		_, err := tx.Exec(`UPDATE notice SET tries = tries + 1, due = ? WHERE id = ? AND sent = 0`, file.Micros(form.Again(at, tries+1)), id)
		return err
	})
}

// SeenNotices marks those of a person that were not seen.
func (x *Notices) SeenNotices(ctx context.Context, person store.PersonID, at time.Time) error {
	return x.db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`UPDATE notice SET seen = ? WHERE person = ? AND seen = 0 AND at <= ?`, file.Micros(at), person[:], file.Micros(at))
		return err
	})
}
