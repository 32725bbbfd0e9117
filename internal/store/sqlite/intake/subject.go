package intake

import (
	"database/sql"
	"errors"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// expectedSubject holds what identity decided to what is stored now.
func (c *commit) expectedSubject(p *store.Prepared) (bool, error) {
	s := p.Subject
	if s == nil || s.Person == (store.PersonID{}) {
		return true, nil
	}
	now, err := c.linked(p)
	if err != nil {
		return false, err
	}
	c.now = now
	switch {
	case s.Linked && now != s.Person,
		!s.Linked && now != (store.PersonID{}) && (now != s.Person || s.NewPerson):
		return false, nil
	}
	if now != s.Person {
		barred, err := c.exists(`SELECT 1 FROM bar WHERE facility = ? AND subject = ? AND person = ?`, string(p.File.Facility), s.Key[:], s.Person[:])
		if err != nil || barred {
			return false, err
		}
		exists, err := c.exists(`SELECT 1 FROM person WHERE id = ?`, s.Person[:])
		if err != nil || exists == s.NewPerson {
			return false, err
		}
	}
	for i := range s.Claims {
		var holder []byte
		err := c.tx.Row(`SELECT person FROM claim WHERE key = ?`, s.Claims[i].Key[:]).Scan(&holder)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return false, err
		}
		if person, err := file.PersonOf(holder); err != nil || person != s.Person {
			return false, err
		}
	}
	return true, nil
}

// linked returns the person a dossier's subject is linked to now, nobody when
// it is not or not known.
func (c *commit) linked(p *store.Prepared) (store.PersonID, error) {
	var b []byte
	err := c.tx.Row(subjectOf, string(p.File.Facility), p.Subject.Key[:]).Scan(&b)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return store.PersonID{}, err
	}
	return file.PersonOf(b)
}

func (c *commit) exists(q string, args ...any) (bool, error) {
	var one int
	err := c.tx.Row(q, args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// subject stores the patient, the link and the claims.
func (c *commit) subject(p *store.Prepared) error {
	s := p.Subject
	if s == nil || s.Key.IsZero() {
		return nil
	}
	f := string(p.File.Facility)
	if s.Person == (store.PersonID{}) {
		_, err := c.tx.Exec(`INSERT INTO subject (facility, key) VALUES (?, ?) ON CONFLICT (facility, key) DO NOTHING`, f, s.Key[:])
		return err
	}
	now := c.now // as expectedSubject just found it
	if now != s.Person {
		if _, err := c.tx.Exec(`INSERT INTO subject (facility, key, person) VALUES (?, ?, ?) ON CONFLICT (facility, key) DO UPDATE SET person = excluded.person`,
			f, s.Key[:], s.Person[:]); err != nil {
			return err
		}
	}
	if s.NewPerson {
		if _, err := c.tx.Exec(`INSERT INTO person (id, since) VALUES (?, ?)`, s.Person[:], file.Micros(p.Received)); err != nil {
			return err
		}
	}
	if now != s.Person {
		if _, err := c.tx.Exec(`INSERT INTO link (facility, subject, person, since, evidence, actor, reason) VALUES (?, ?, ?, ?, ?, '', '')`,
			f, s.Key[:], s.Person[:], file.Micros(p.Received), s.Evidence); err != nil {
			return err
		}
	}
	for i := range s.Claims {
		k := &s.Claims[i]
		if _, err := c.tx.Exec(`INSERT INTO claim (key, person, name, birth) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
			k.Key[:], s.Person[:], k.Name[:], k.Birth[:]); err != nil {
			return err
		}
	}
	return nil
}
