package retention

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"

	"lienthong/internal/care"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/scores"
	"lienthong/internal/vault"
)

// Erase destroys records with leaves and act.
func (x *Retention) Erase(ctx context.Context, records []store.Erasure, act store.Act) ([]store.Residue, error) {
	if err := errors.Join(form.CheckErasures(records), file.CheckAct(act)); err != nil {
		return nil, err
	}
	claims, alone, err := x.claims(ctx, records)
	if err != nil {
		return nil, err
	}
	var residue []store.Residue
	err = x.db.Write(ctx, file.Administrative, len(records), func(tx *file.Tx) error {
		e := erasing{tx: tx, deltas: file.Deltas{}, files: map[fileKey]bool{}, subjects: map[store.SubjectOf]bool{},
			documents: map[care.FacilityCode][]string{}}
		for i := range records {
			if err := e.record(&records[i]); err != nil {
				return err
			}
		}
		if err := errors.Join(e.emptyFiles(), e.lostSubjects(), e.lostClaims(claims), e.lostFeatures(alone), e.lostWords(alone), e.deltas.Append(tx), scores.Append(tx, &e.scores)); err != nil {
			return err
		}
		residue = e.residue
		return tx.Act(act)
	})
	return residue, err
}

type fileKey struct {
	facility care.FacilityCode
	hash     vault.Keyed
}

// erasing is one Erase within its transaction.
type erasing struct {
	tx       *file.Tx
	deltas   file.Deltas
	scores   scoring.Group
	files    map[fileKey]bool
	subjects map[store.SubjectOf]bool
	residue  []store.Residue

	documents map[care.FacilityCode][]string // tags of documents, by facility
}

// record destroys one record.
func (e *erasing) record(x *store.Erasure) error {
	var r store.Record
	var episode, content []byte
	id, err := file.ScanRecord(e.tx.Row(`SELECT `+file.RecordColumns+`, r.episode, r.content FROM `+file.RecordTables+` WHERE r.facility = ? AND r.serial = ?`,
		string(x.Record.Facility), x.Record.Serial[:]), &r, &episode, &content)
	switch {
	case err != nil:
		return err
	case !r.Erased.IsZero():
		return store.ErrErased
	}
	gone, err := e.tags(id, &r)
	if err != nil {
		return err
	}
	for _, d := range form.Forgotten(&r, gone) {
		e.deltas.Add(d, nil)
	}
	if err := scores.Leave(e.tx, &e.scores, x.Record); err != nil {
		return err
	}
	if err := e.tx.DropBody(id); err != nil {
		return err
	}
	if _, err := e.tx.Exec(`UPDATE record SET erased = ?, wrapped = NULL, head = NULL, findings = NULL, marks = NULL, documents = 0, subject = NULL WHERE id = ?`,
		file.Micros(x.At), id); err != nil {
		return err
	}
	if _, err := e.tx.Exec(`INSERT INTO tombstone (facility, serial, at, reason, number, actor) VALUES (?, ?, ?, ?, ?, ?)`,
		string(x.Record.Facility), x.Record.Serial[:], file.Micros(x.At), x.Reason, x.Case, x.Actor); err != nil {
		return err
	}
	if _, err := e.tx.Exec(`INSERT INTO db_erased (facility, serial) VALUES (?, ?)`, string(x.Record.Facility), x.Record.Serial[:]); err != nil {
		return err
	}
	if _, err := e.tx.Exec(`INSERT INTO transition (record, at, what, by, actor, detail) VALUES (?, ?, 'erased', NULL, ?, ?)`,
		id, file.Micros(x.At), x.Actor, x.Reason); err != nil {
		return err
	}
	if err := e.legs(x); err != nil {
		return err
	}
	if err := e.receipts(x); err != nil {
		return err
	}
	if _, _, err := e.tx.Leaf(x.Leaf, nil); err != nil {
		return err
	}
	e.residue = append(e.residue, keyResidue(r.Wrapped)...)
	if !r.Subject.IsZero() {
		e.subjects[store.SubjectOf{Facility: r.ID.Facility, Key: r.Subject}] = true
		e.residue = append(e.residue, store.Residue{Bytes: bytes.Join([][]byte{r.Subject[:], episode, content}, nil)})
	}
	return e.filesOf(id, r.ID.Facility)
}

// legs skips the deliveries of a record that are not done: there is nothing to
// carry any more. Who carries one now has lost it.
func (e *erasing) legs(x *store.Erasure) error {
	facility, serial := string(x.Record.Facility), x.Record.Serial[:]
	var n int
	if err := e.tx.Row(`SELECT count(*) FROM leg WHERE facility = ? AND serial = ? AND state IN ('waiting', 'held', 'parked')`, facility, serial).Scan(&n); err != nil || n == 0 {
		return err
	}
	seq, err := e.tx.LegSeq(n)
	if err != nil {
		return err
	}
	_, err = e.tx.Exec(`UPDATE leg SET state = 'skipped', code = ?, lease = 0, holder = '', changed = ?, seq = k.seq FROM
 (SELECT id, ? - 1 + row_number() OVER (ORDER BY destination) AS seq FROM leg WHERE facility = ? AND serial = ? AND state IN ('waiting', 'held', 'parked')) k
 WHERE leg.id = k.id`, form.ErasedLeg, file.Micros(x.At), seq, facility, serial)
	return err
}

// receipts destroys what destinations said of a record.
func (e *erasing) receipts(x *store.Erasure) error {
	facility, serial := string(x.Record.Facility), x.Record.Serial[:]
	rows, err := e.tx.Rows(`SELECT wrapped FROM leg_receipt WHERE facility = ? AND serial = ?`, facility, serial)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var wrapped []byte
		if err := rows.Scan(&wrapped); err != nil {
			return err
		}
		e.residue = append(e.residue, keyResidue(wrapped)...)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = e.tx.Exec(`DELETE FROM leg_receipt WHERE facility = ? AND serial = ?`, facility, serial)
	return err
}

// keyResidue is what may be left of a wrapped key: its end in three parts, so
// that a part that SQLite itself wrote over or cut hides no other.
func keyResidue(wrapped []byte) (all []store.Residue) {
	for end := len(wrapped); end >= 16 && end > len(wrapped)-48; end -= 16 {
		all = append(all, store.Residue{Bytes: bytes.Clone(wrapped[end-16 : end])})
	}
	return all
}

// tags takes away the tags of a record, and names those of documents. No index
// leads from a record to its tags: every document of its facility is tried.
func (e *erasing) tags(id int64, r *store.Record) (gone []string, err error) {
	documents, known := e.documents[r.ID.Facility]
	if !known {
		if documents, err = e.documentsOf(r.ID.Facility); err != nil {
			return nil, err
		}
		e.documents[r.ID.Facility] = documents
	}
	may := slices.Clone(documents)
	for _, f := range r.Verdict.Findings {
		may = append(may, f.Code)
	}
	for _, tag := range may {
		n, err := e.tx.Exec(`DELETE FROM tag WHERE facility = ? AND tag = ? AND received = ? AND record = ?`,
			string(r.ID.Facility), tag, file.Micros(r.Received), id)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			gone = append(gone, tag)
		}
	}
	return gone, nil
}

// documentsOf names the documents that records of a facility have a tag for.
func (e *erasing) documentsOf(facility care.FacilityCode) (all []string, err error) {
	rows, err := e.tx.Rows(`WITH RECURSIVE t (tag) AS (SELECT min(tag) FROM tag WHERE facility = ?1 AND tag >= 'doc:' AND tag < 'doc;'
 UNION ALL SELECT (SELECT min(n.tag) FROM tag n WHERE n.facility = ?1 AND n.tag > t.tag AND n.tag < 'doc;') FROM t WHERE t.tag IS NOT NULL)
 SELECT tag FROM t WHERE tag IS NOT NULL`, string(facility))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var tag string
		if err := rows.Scan(&tag); err != nil {
			return nil, err
		}
		all = append(all, tag)
	}
	return all, rows.Err()
}

// filesOf notes the files a record stands in: its own, and those with a place
// given to it.
func (e *erasing) filesOf(id int64, facility care.FacilityCode) error {
	rows, err := e.tx.Rows(`SELECT file FROM record WHERE id = ?1 UNION SELECT p.file FROM transition t
 JOIN record r ON r.id = t.record JOIN file f ON f.facility = r.facility AND f.received = t.at
 JOIN place p ON p.facility = f.facility AND p.file = f.hash AND p.record = r.id WHERE t.record = ?1 AND t.what = 'sealed_again'`, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		if err := rows.Scan(&hash); err != nil {
			return err
		}
		k, err := file.KeyedOf(hash)
		if err != nil {
			return err
		}
		e.files[fileKey{facility, k}] = true
	}
	return rows.Err()
}

// emptyFiles destroys the skeletons of files all of whose records are erased.
func (e *erasing) emptyFiles() error {
	for f := range e.files {
		var id int64
		var wrapped []byte
		err := e.tx.Row(`SELECT f.id, f.wrapped FROM file f WHERE f.facility = ? AND f.hash = ? AND f.wrapped IS NOT NULL AND NOT EXISTS (SELECT 1 FROM place p
 JOIN record r ON r.id = p.record WHERE p.facility = f.facility AND p.file = f.hash AND r.erased IS NULL)`, string(f.facility), f.hash[:]).Scan(&id, &wrapped)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		if err := e.tx.DropSkeleton(id); err != nil {
			return err
		}
		if _, err := e.tx.Exec(`UPDATE file SET wrapped = NULL, digest = zeroblob(32) WHERE id = ?`, id); err != nil {
			return err
		}
		e.residue = append(e.residue, keyResidue(wrapped)...)
	}
	return nil
}

// lostSubjects takes away patients without a record.
func (e *erasing) lostSubjects() error {
	for s := range e.subjects {
		var held bool
		if err := e.tx.Row(`SELECT EXISTS (SELECT 1 FROM record WHERE facility = ? AND subject = ?)`, string(s.Facility), s.Key[:]).Scan(&held); err != nil {
			return err
		}
		if held {
			continue
		}
		for _, q := range [...]string{`DELETE FROM subject WHERE facility = ? AND key = ?`, `DELETE FROM link WHERE facility = ? AND subject = ?`,
			`DELETE FROM bar WHERE facility = ? AND subject = ?`} {
			if _, err := e.tx.Exec(q, string(s.Facility), s.Key[:]); err != nil {
				return err
			}
		}
		e.residue = append(e.residue, store.Residue{Bytes: append([]byte(s.Facility), s.Key[:]...), Subject: s})
	}
	return nil
}

// claim is an identifier of a person who may be nobody's any more.
type claim struct{ key, person, name, birth []byte }

// lostClaims takes away identifiers of persons whom no subject is linked to.
func (e *erasing) lostClaims(claims []claim) error {
	for _, c := range claims {
		var held bool
		if err := e.tx.Row(`SELECT EXISTS (SELECT 1 FROM subject WHERE person = ?)`, c.person).Scan(&held); err != nil {
			return err
		}
		if held {
			continue
		}
		n, err := e.tx.Exec(`DELETE FROM claim WHERE key = ? AND person = ?`, c.key, c.person)
		if err != nil {
			return err
		}
		if n > 0 {
			e.residue = append(e.residue, store.Residue{Bytes: bytes.Join([][]byte{c.key, c.person, c.name, c.birth}, nil)})
		}
	}
	return nil
}

// lostFeatures takes away what persons could be looked for by whom no subject is
// linked to. The bytes are those of the row and of its entry by person.
func (e *erasing) lostFeatures(persons []store.PersonID) error {
	for _, p := range persons {
		if _, err := e.tx.Exec(`DELETE FROM verified WHERE person = ?1 AND NOT EXISTS (SELECT 1 FROM subject WHERE person = ?1)`, p[:]); err != nil {
			return err
		}
		rows, err := e.tx.Rows(`SELECT hash, kind FROM feature WHERE person = ?1 AND NOT EXISTS (SELECT 1 FROM subject WHERE person = ?1)`, p[:])
		var residue []store.Residue
		if err := file.Each(rows, err, func(row file.Scanner) error {
			var hash, kind []byte
			err := row.Scan(&hash, &kind)
			residue = append(residue, store.Residue{Bytes: bytes.Join([][]byte{hash, kind, p[:]}, nil)}, store.Residue{Bytes: bytes.Join([][]byte{p[:], hash, kind}, nil)})
			return err
		}); err != nil {
			return err
		}
		if len(residue) == 0 {
			continue
		}
		if _, err := e.tx.Exec(`DELETE FROM feature WHERE person = ?`, p[:]); err != nil {
			return err
		}
		e.residue = append(e.residue, residue...)
	}
	return nil
}

// lostWords destroys what persons stated of themselves whom no subject is linked to.
func (e *erasing) lostWords(persons []store.PersonID) error {
	for _, p := range persons {
		const of = ` FROM matter m WHERE m.person = ?1 AND m.kind = ?2 AND NOT EXISTS (SELECT 1 FROM subject WHERE person = ?1)`
		rows, err := e.tx.Rows(`SELECT wrapped FROM matter_version WHERE number IN (SELECT m.number`+of+`) AND wrapped IS NOT NULL`, p[:], matter.OwnEntry)
		if err := file.Each(rows, err, func(row file.Scanner) error {
			var wrapped []byte
			err := row.Scan(&wrapped)
			e.residue = append(e.residue, keyResidue(wrapped)...)
			return err
		}); err != nil {
			return err
		}
		if _, err := e.tx.Exec(`UPDATE matter_version SET sealed = NULL, wrapped = NULL WHERE number IN (SELECT m.number`+of+`)`, p[:], matter.OwnEntry); err != nil {
			return err
		}
	}
	return nil
}

// claims finds, before the transaction, the persons whom the erasure may leave
// without any record, and their identifiers: those of persons whose only links, now or before, are
// of subjects of these records. No index leads there: it reads along the tables.
func (x *Retention) claims(ctx context.Context, records []store.Erasure) (out []claim, persons []store.PersonID, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out, persons = nil, nil
		alone := map[store.PersonID]bool{}
		for i := range records {
			rows, err := s.Rows(`SELECT DISTINCT l.person FROM record r JOIN link l ON l.facility = r.facility AND l.subject = r.subject
 WHERE r.facility = ? AND r.serial = ?`, string(records[i].Record.Facility), records[i].Record.Serial[:])
			if err != nil {
				return err
			}
			persons, err := file.ScanPersons(rows)
			if err != nil {
				return err
			}
			for _, p := range persons {
				alone[p] = true
			}
		}
		if len(alone) == 0 {
			return nil
		}
		erased := map[[2]string]bool{}
		for i := range records {
			var subject []byte
			err := s.Row(`SELECT subject FROM record WHERE facility = ? AND serial = ?`, string(records[i].Record.Facility), records[i].Record.Serial[:]).Scan(&subject)
			if err != nil {
				return err
			}
			erased[[2]string{string(records[i].Record.Facility), string(subject)}] = true
		}
		if err := leaveLinked(s, alone, erased); err != nil {
			return err
		}
		for p := range alone {
			persons = append(persons, p)
		}
		rows, err := s.Rows(`SELECT key, person, name, birth FROM claim`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c claim
			if err := rows.Scan(&c.key, &c.person, &c.name, &c.birth); err != nil {
				return err
			}
			if len(c.person) == 16 && alone[store.PersonID(c.person)] {
				out = append(out, c)
			}
		}
		return rows.Err()
	})
	return out, persons, err
}

// leaveLinked takes out of alone who has a link, now or before, with a subject
// that is not among those of the records to be erased.
func leaveLinked(s *file.Snapshot, alone map[store.PersonID]bool, erased map[[2]string]bool) error {
	rows, err := s.Rows(`SELECT facility, subject, person FROM link`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var facility string
		var subject, person []byte
		if err := rows.Scan(&facility, &subject, &person); err != nil {
			return err
		}
		if len(person) == 16 && !erased[[2]string{facility, string(subject)}] {
			delete(alone, store.PersonID(person))
		}
	}
	return rows.Err()
}
