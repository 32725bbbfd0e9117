package intake

import (
	"database/sql"
	"errors"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

var (
	// heldNow gives, in one row for each key, the record last made of a content
	// and the head of its episode, null where there is none.
	heldNow = file.Asking(`n, facility, episode, kind, content`, `SELECT k.n, r.id, r.serial, r.state, e.version, e.current, e.sequence FROM k
 LEFT JOIN record r ON r.id = (SELECT d.record FROM dossier d
  WHERE d.facility = k.facility AND d.episode = k.episode AND d.kind = k.kind AND d.content = k.content ORDER BY d.record DESC LIMIT 1)
 LEFT JOIN episode e ON e.facility = k.facility AND e.episode = k.episode AND e.kind = k.kind`)
	subjectNow = file.Asking(`n, facility, key`, `SELECT k.n, s.person FROM k CROSS JOIN subject s ON s.facility = k.facility AND s.key = k.key`)
	barNow     = file.Asking(`n, facility, subject`, `SELECT k.n, b.person FROM k CROSS JOIN bar b ON b.facility = k.facility AND b.subject = k.subject`)
	personNow  = file.Asking(`id`, `SELECT p.id FROM k CROSS JOIN person p ON p.id = k.id`)
	claimNow   = file.Asking(`n, key`, `SELECT k.n, c.person FROM k CROSS JOIN claim c ON c.key = k.key`)
)

// read fills the maps with what is stored now.
func (g *group) read() error {
	if err := g.readHeld(); err != nil {
		return err
	}
	return g.readPeople()
}

func (g *group) readHeld() error {
	args := make([]any, 0, 5*len(g.members))
	for n := range g.members {
		p := &g.members[n]
		if _, twice := g.held[contentOf(p)]; twice {
			continue
		}
		g.held[contentOf(p)] = same{}
		g.heads[episodeOf(p)] = &store.Episode{}
		args = append(args, int64(n), string(p.File.Facility), p.Episode[:], p.Kind, p.Content[:])
	}
	return g.tx.AskBulk(heldNow, args, func(row file.Scanner) error {
		var n int
		var address, version sql.NullInt64
		var serial, current []byte
		var state, sequence sql.NullString
		if err := row.Scan(&n, &address, &serial, &state, &version, &current, &sequence); err != nil {
			return err
		}
		p := &g.members[n]
		f := p.File.Facility
		h := store.Episode{Version: int(version.Int64), Order: sequence.String}
		var err error
		if h.Current, err = file.ID(f, current); err != nil {
			return err
		}
		*g.heads[episodeOf(p)] = h
		id, err := file.ID(f, serial)
		if address.Valid {
			g.held[contentOf(p)] = same{address.Int64, id, accepted(state.String)}
		}
		return err
	})
}

// readPeople reads links, bars, persons and claims that members name.
func (g *group) readPeople() error {
	var subjects, bars, persons, claims []any
	for n := range g.members {
		p := &g.members[n]
		if p.Leaf == nil || p.Subject == nil || p.Subject.Person == (store.PersonID{}) {
			continue
		}
		if _, twice := g.subjects[subjectKeyOf(p)]; !twice {
			g.subjects[subjectKeyOf(p)] = store.PersonID{}
			subjects = append(subjects, int64(n), string(p.File.Facility), p.Subject.Key[:])
		}
		if !p.Subject.Linked {
			bars = append(bars, int64(n), string(p.File.Facility), p.Subject.Key[:])
			persons = append(persons, p.Subject.Person[:])
		}
		for i := range p.Subject.Claims {
			claims = append(claims, int64(n)<<16|int64(i), p.Subject.Claims[i].Key[:])
		}
	}
	err := g.tx.AskBulk(subjectNow, subjects, func(row file.Scanner) (err error) {
		n, person, err := scanPerson(row)
		g.subjects[subjectKeyOf(&g.members[n])] = person
		return err
	})
	if err != nil {
		return err
	}
	err = g.tx.AskBulk(barNow, bars, func(row file.Scanner) error {
		n, person, err := scanPerson(row)
		k := subjectKeyOf(&g.members[n])
		if g.bars[k] == nil {
			g.bars[k] = map[store.PersonID]bool{}
		}
		g.bars[k][person] = true
		return err
	})
	if err != nil {
		return err
	}
	err = g.tx.AskBulk(personNow, persons, func(row file.Scanner) error {
		var b []byte
		if err := row.Scan(&b); err != nil {
			return err
		}
		person, err := file.PersonOf(b)
		g.persons[person] = true
		return err
	})
	if err != nil {
		return err
	}
	return g.tx.AskBulk(claimNow, claims, func(row file.Scanner) error {
		n, person, err := scanPerson(row)
		g.claims[g.members[n>>16].Subject.Claims[n&0xffff].Key] = person
		return err
	})
}

// scanPerson reads a number and a person, zero for null.
func scanPerson(row file.Scanner) (n int64, person store.PersonID, err error) {
	var b []byte
	if err = row.Scan(&n, &b); err != nil {
		return 0, store.PersonID{}, err
	}
	person, err = file.PersonOf(b)
	return n, person, err
}

// holder returns the record held for the member's episode and content. What is
// held under an older pepper only the member's own expectation can name.
func (g *group) holder(p *store.Prepared) (same, error) {
	s := g.held[contentOf(p)]
	if s.row != 0 || p.ExpectSame.IsZero() {
		return s, nil
	}
	var state string
	err := g.tx.Row(`SELECT id, state FROM record WHERE facility = ? AND serial = ? AND kind = ?`,
		string(p.File.Facility), p.ExpectSame.Serial[:], p.Kind).Scan(&s.row, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return same{}, nil
	}
	s.id, s.accepted = p.ExpectSame, accepted(state)
	return s, err
}

// mayWithdraw: what is withdrawn must be accepted and standing.
func (g *group) mayWithdraw(p *store.Prepared) (bool, error) {
	if p.Withdraws.IsZero() {
		return true, nil
	}
	if g.withdrawn[p.Withdraws] {
		return false, nil
	}
	if ok, here := g.accepted[p.Withdraws]; here {
		return ok, nil
	}
	var state string
	var by []byte
	err := g.tx.Row(`SELECT state, withdrawn_by FROM record WHERE facility = ? AND serial = ?`, string(p.File.Facility), p.Withdraws.Serial[:]).Scan(&state, &by)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && accepted(state) && by == nil, err
}

// mayReplace: what is replaced must be accepted, standing and not replaced yet.
func (g *group) mayReplace(p *store.Prepared) (bool, error) {
	old := p.Replaces()
	if old.IsZero() {
		return true, nil
	}
	if g.withdrawn[old] || g.replaced[old] {
		return false, nil
	}
	if ok, here := g.accepted[old]; here {
		return ok, nil
	}
	var state string
	var withdrawn, superseded []byte
	err := g.tx.Row(`SELECT state, withdrawn_by, superseded_by FROM record WHERE facility = ? AND serial = ?`,
		string(p.File.Facility), old.Serial[:]).Scan(&state, &withdrawn, &superseded)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && accepted(state) && withdrawn == nil && superseded == nil, err
}

// mayLink: link, bars, person and claims must be as NewSubject says.
func (g *group) mayLink(p *store.Prepared) bool {
	s := p.Subject
	if s == nil || s.Person == (store.PersonID{}) {
		return true
	}
	k := subjectKeyOf(p)
	now := g.subjects[k]
	switch {
	case s.Linked && now != s.Person,
		!s.Linked && now != (store.PersonID{}) && (now != s.Person || s.NewPerson),
		now != s.Person && g.bars[k][s.Person],
		now != s.Person && g.persons[s.Person] == s.NewPerson:
		return false
	}
	for i := range s.Claims {
		if holder := g.claims[s.Claims[i].Key]; holder != (store.PersonID{}) && holder != s.Person {
			return false
		}
	}
	return true
}
