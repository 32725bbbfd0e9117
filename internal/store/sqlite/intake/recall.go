package intake

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"lienthong/internal/clock"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

var (
	placesOf   = file.Asking(`n, facility, file`, `SELECT k.n, p.record, p.idx FROM k CROSS JOIN place p ON p.facility = k.facility AND p.file = k.file`)
	contentsOf = file.Asking(`n, facility, episode, kind, content`, `SELECT k.n, d.record FROM k CROSS JOIN dossier d
 ON d.facility = k.facility AND d.episode = k.episode AND d.kind = k.kind AND d.content = k.content`)
	headsOf = file.Asking(`n, facility, episode, kind`, `SELECT k.n, e.version, e.current, e.sequence, r.facility_version, r.received FROM k
 CROSS JOIN episode e ON e.facility = k.facility AND e.episode = k.episode AND e.kind = k.kind
 LEFT JOIN record r ON r.facility = e.facility AND r.serial = e.current`)
	claimsOf  = file.Asking(`n, key`, `SELECT k.n, c.person, c.name, c.birth FROM k CROSS JOIN claim c ON c.key = k.key`)
	recordsOf = file.Asking(`id`, `SELECT `+file.RecordColumns+` FROM k CROSS JOIN `+file.RecordTables+` WHERE r.id = k.id`)
)

// Recall answers queries from one state of the file. Each table is asked once
// for everything: what nearly every dossier asks, and nearly none has, costs
// few statements and no columns.
func (n *Intake) Recall(ctx context.Context, queries []store.Recall) ([]store.Recalled, error) {
	r := newRecall(queries)
	err := n.db.Read(ctx, func(s *file.Snapshot) error { return r.run(s) })
	if err != nil {
		return nil, err
	}
	return r.out, nil
}

// recall is one Recall under way.
type recall struct {
	out []store.Recalled

	// Keys asked for, and whose they are: the numbers n of their rows.
	places   []placeOf
	contents []knownOf
	heads    []knownOf
	subjects []knownOf
	claims   []claimOf

	records map[int64]*store.Record // those to answer with, by address
	held    map[*store.Known]int64  // the record last made of its content
}

type placeOf struct {
	*store.Recall
	hash vault.Keyed
	of   *store.Recalled
	got  []placed
}

type placed struct {
	record int64
	index  int
}

// knownOf is a key of a query: under which pepper its episode and content, or
// its subject, are asked for.
type knownOf struct {
	*store.Query
	of           *store.Known
	key, content vault.Keyed
}

type claimOf struct {
	key vault.Keyed
	of  *store.Claim
}

func newRecall(queries []store.Recall) *recall {
	r := &recall{out: make([]store.Recalled, len(queries)), records: map[int64]*store.Record{}, held: map[*store.Known]int64{}}
	for i := range queries {
		q, of := &queries[i], &r.out[i]
		for _, h := range q.File {
			r.places = append(r.places, placeOf{Recall: q, hash: h, of: of})
		}
		of.Known = make([]store.Known, len(q.Dossiers))
		for k := range q.Dossiers {
			r.ask(&q.Dossiers[k], &of.Known[k])
		}
	}
	return r
}

func (r *recall) ask(q *store.Query, of *store.Known) {
	for _, e := range q.Episode {
		r.heads = append(r.heads, knownOf{Query: q, of: of, key: e})
		for _, c := range q.Content {
			r.contents = append(r.contents, knownOf{Query: q, of: of, key: e, content: c})
		}
	}
	for _, s := range q.Subject {
		r.subjects = append(r.subjects, knownOf{Query: q, of: of, key: s})
	}
	of.Claims = make([]store.Claim, len(q.Claims))
	for i, keys := range q.Claims {
		for _, key := range keys {
			r.claims = append(r.claims, claimOf{key, &of.Claims[i]})
		}
	}
}

func (r *recall) run(s *file.Snapshot) error {
	for _, step := range []func(*file.Snapshot) error{r.readPlaces, r.readContents, r.readHeads, r.readSubjects, r.readClaims, r.readRecords} {
		if err := step(s); err != nil {
			return err
		}
	}
	return nil
}

func (r *recall) readPlaces(s *file.Snapshot) error {
	args := make([]any, 0, 3*len(r.places))
	for n := range r.places {
		p := &r.places[n]
		p.got = nil
		args = append(args, int64(n), string(p.Facility), p.hash[:])
	}
	return s.AskBulk(placesOf, args, func(row file.Scanner) error {
		var n int
		var p placed
		err := row.Scan(&n, &p.record, &p.index)
		r.places[n].got = append(r.places[n].got, p)
		r.records[p.record] = nil
		return err
	})
}

// readContents finds the record last made of each content; of several peppers
// the first that has one counts.
func (r *recall) readContents(s *file.Snapshot) error {
	args := make([]any, 0, 5*len(r.contents))
	for n := range r.contents {
		c := &r.contents[n]
		args = append(args, int64(n), string(c.Facility), c.key[:], c.Kind, c.content[:])
	}
	last := map[int]int64{}
	err := s.AskBulk(contentsOf, args, func(row file.Scanner) error {
		var n int
		var record int64
		err := row.Scan(&n, &record)
		last[n] = max(last[n], record)
		return err
	})
	for n := len(r.contents) - 1; n >= 0; n-- {
		if record := last[n]; record != 0 {
			r.held[r.contents[n].of] = record
		}
	}
	for _, record := range r.held {
		r.records[record] = nil
	}
	return err
}

// readHeads reads the heads of episodes; of several peppers the first that has
// a version counts, else the first.
func (r *recall) readHeads(s *file.Snapshot) error {
	args := make([]any, 0, 4*len(r.heads))
	for n := range r.heads {
		h := &r.heads[n]
		args = append(args, int64(n), string(h.Facility), h.key[:], h.Kind)
	}
	found := make([]*store.Episode, len(r.heads))
	err := s.AskBulk(headsOf, args, func(row file.Scanner) error {
		var n int
		var e store.Episode
		var current []byte
		var version, received sql.NullInt64
		if err := row.Scan(&n, &e.Version, &current, &e.Order, &version, &received); err != nil {
			return err
		}
		var err error
		e.Key = r.heads[n].key
		if e.Current, err = file.ID(r.heads[n].Facility, current); err == nil && received.Valid {
			e.FacilityVersion, e.Day = version.Int64, clock.Day(file.Time(received.Int64))
		}
		found[n] = &e
		return err
	})
	for n, e := range found {
		if of := r.heads[n].of; e != nil && (of.Head.Key.IsZero() || of.Head.Version == 0) {
			of.Head = *e
		}
	}
	return err
}

// readSubjects reads patients, and who they must not be linked to.
func (r *recall) readSubjects(s *file.Snapshot) error {
	args := make([]any, 0, 3*len(r.subjects))
	for n := range r.subjects {
		x := &r.subjects[n]
		args = append(args, int64(n), string(x.Facility), x.key[:])
	}
	found := map[int]*store.Subject{}
	err := s.AskBulk(subjectNow, args, func(row file.Scanner) error {
		n, person, err := scanPerson(row)
		found[int(n)] = &store.Subject{Key: r.subjects[n].key, Person: person}
		return err
	})
	if err != nil {
		return err
	}
	var bars []any
	for n := range r.subjects {
		x := &r.subjects[n]
		if found[n] != nil && x.of.Subject == nil {
			x.of.Subject = found[n]
			bars = append(bars, int64(n), string(x.Facility), x.key[:])
		}
	}
	return s.AskBulk(barNow, bars, func(row file.Scanner) error {
		n, person, err := scanPerson(row)
		found[int(n)].Barred = append(found[int(n)].Barred, person)
		return err
	})
}

// readClaims reads identifiers; of several peppers the first that is taken counts.
func (r *recall) readClaims(s *file.Snapshot) error {
	args := make([]any, 0, 2*len(r.claims))
	for n := range r.claims {
		args = append(args, int64(n), r.claims[n].key[:])
	}
	found := make([]*store.Claim, len(r.claims))
	err := s.AskBulk(claimsOf, args, func(row file.Scanner) error {
		var n int
		var person, name, birth []byte
		if err := row.Scan(&n, &person, &name, &birth); err != nil {
			return err
		}
		c := &store.Claim{Key: r.claims[n].key}
		found[n] = c
		var err error
		if c.Person, err = file.PersonOf(person); err != nil {
			return err
		}
		if c.Name, err = file.KeyedOf(name); err != nil {
			return err
		}
		c.Birth, err = file.KeyedOf(birth)
		return err
	})
	for n, c := range found {
		if of := r.claims[n].of; c != nil && of.Key.IsZero() {
			*of = *c
		}
	}
	return err
}

// readRecords reads the records found, and answers with them.
func (r *recall) readRecords(s *file.Snapshot) error {
	args := make([]any, 0, len(r.records))
	for id := range r.records {
		args = append(args, id)
	}
	err := s.AskBulk(recordsOf, args, func(row file.Scanner) error {
		var x store.Record
		id, err := file.ScanRecord(row, &x)
		r.records[id] = &x
		return err
	})
	if err != nil {
		return err
	}
	for of, id := range r.held {
		if x := r.records[id]; x != nil {
			of.Same = &store.Stored{Record: *x, Index: x.Index}
		}
	}
	for i := range r.places {
		p := &r.places[i]
		if p.of.Places != nil {
			continue // found under a newer pepper
		}
		slices.SortFunc(p.got, func(a, b placed) int { return cmp.Compare(a.index, b.index) })
		for _, g := range p.got {
			if x := r.records[g.record]; x != nil {
				p.of.Places = append(p.of.Places, store.Stored{Record: *x, Index: g.index})
			}
		}
	}
	return nil
}
