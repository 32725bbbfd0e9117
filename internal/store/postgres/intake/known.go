package intake

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/vault"
)

// Known tells what is held now, in one round trip. Where hashes under several
// peppers are given, an episode's head is the one with a version, else the
// newest; of contents and subjects it is the newest.
func (i *Intake) Known(ctx context.Context, queries []store.Query) ([]store.Known, error) {
	all, err := i.Recall(ctx, []store.Recall{{Dossiers: queries}})
	if err != nil {
		return nil, err
	}
	return all[0].Known, nil
}

// Recall tells what became of files and what is held of dossiers, in one round
// trip; see Known.
func (i *Intake) Recall(ctx context.Context, queries []store.Recall) ([]store.Recalled, error) {
	out := make([]store.Recalled, len(queries))
	var k knowing
	var places placing
	for n := range queries {
		q := &queries[n]
		if err := store.CheckText(string(q.Facility)); err != nil {
			return nil, err
		}
		places.ask(&out[n], q)
		out[n].Known = make([]store.Known, len(q.Dossiers))
		for m := range q.Dossiers {
			if err := store.CheckText(string(q.Dossiers[m].Facility), q.Dossiers[m].Kind); err != nil {
				return nil, err
			}
			k.ask(&out[n].Known[m], &q.Dossiers[m])
		}
	}
	b := &pgx.Batch{}
	places.queue(b)
	k.queue(b)
	if b.Len() == 0 {
		return out, nil
	}
	if err := i.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, handle.Fault(err)
	}
	return out, nil
}

// placing is what Recall asks of files: the hashes and whose they are.
type placing struct {
	facilities []string
	hashes     [][]byte
	of         []*store.Recalled
}

func (p *placing) ask(of *store.Recalled, q *store.Recall) {
	for _, h := range q.File {
		p.facilities, p.hashes, p.of = append(p.facilities, string(q.Facility)), append(p.hashes, handle.Hash(h)), append(p.of, of)
	}
}

// queue reads the places of every hash; of a file's hashes the first that has
// places counts.
func (p *placing) queue(b *pgx.Batch) {
	if len(p.of) == 0 {
		return
	}
	b.Queue(`SELECT `+handle.RecordColumns+`, p.idx, u.n
		FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS u (facility, file, n)
		JOIN place p ON p.facility = u.facility AND p.file = u.file
		JOIN record r ON r.facility = p.facility AND r.serial = p.serial `+handle.RecordJoins+`
		ORDER BY u.n, p.idx`, p.facilities, p.hashes).Query(func(rows pgx.Rows) error {
		counts := map[*store.Recalled]int{}
		for rows.Next() {
			var s store.Stored
			var n int
			var err error
			if s.Record, err = handle.ScanRecord(rows, &s.Index, &n); err != nil {
				return err
			}
			of := p.of[n-1]
			if first, others := counts[of]; others && first != n {
				continue
			}
			counts[of] = n
			of.Places = append(of.Places, s)
		}
		return rows.Err()
	})
}

// knowing is what Recall asks of dossiers: the keys and whose they are.
type knowing struct {
	episodes  []episodeKey
	episodeOf []*store.Known
	contents  []contentKey
	contentOf []*store.Known
	subjects  []subjectKey
	subjectOf []*store.Known
	claims    []vault.Keyed
	claimOf   []*store.Claim
}

func (k *knowing) ask(of *store.Known, q *store.Query) {
	for _, e := range q.Episode {
		key := episodeKey{q.Facility, q.Kind, e}
		k.episodes, k.episodeOf = append(k.episodes, key), append(k.episodeOf, of)
	}
	for _, e := range q.Episode {
		for _, c := range q.Content {
			k.contents = append(k.contents, contentKey{episodeKey{q.Facility, q.Kind, e}, c})
			k.contentOf = append(k.contentOf, of)
		}
	}
	for _, s := range q.Subject {
		k.subjects, k.subjectOf = append(k.subjects, subjectKey{q.Facility, s}), append(k.subjectOf, of)
	}
	of.Claims = make([]store.Claim, len(q.Claims))
	for c, hashes := range q.Claims {
		for _, h := range hashes {
			k.claims, k.claimOf = append(k.claims, h), append(k.claimOf, &of.Claims[c])
		}
	}
}

func (k *knowing) queue(b *pgx.Batch) {
	if len(k.episodes) > 0 {
		queueEpisodes(b, k.episodes, k.head)
	}
	if len(k.contents) > 0 {
		k.queueSame(b)
	}
	if len(k.subjects) > 0 {
		queueSubjects(b, k.subjects, k.subject)
	}
	if len(k.claims) > 0 {
		queueClaims(b, k.claims, func(n int, c store.Claim) {
			if held := k.claimOf[n]; held.Key.IsZero() {
				*held = c
			}
		})
	}
}

func (k *knowing) head(n int, e store.Episode) {
	if head := &k.episodeOf[n].Head; head.Key.IsZero() || head.Version == 0 && e.Version > 0 {
		*head = e
	}
}

func (k *knowing) subject(n int) *store.Subject {
	a := k.subjectOf[n]
	if a.Subject == nil {
		a.Subject = &store.Subject{Key: k.subjects[n].subject}
	}
	if a.Subject.Key != k.subjects[n].subject {
		return &store.Subject{} // an older pepper's: not asked for any more
	}
	return a.Subject
}

func (k *knowing) queueSame(b *pgx.Batch) {
	args := append(episodeColumns(handle.Column(k.contents, func(c contentKey) episodeKey { return c.episodeKey })),
		handle.Column(k.contents, func(c contentKey) []byte { return handle.Hash(c.content) }))
	b.Queue(`SELECT `+handle.RecordColumns+`, u.n
		FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) WITH ORDINALITY AS u (facility, kind, episode, content, n)
		JOIN content c ON c.facility = u.facility AND c.kind = u.kind AND c.episode = u.episode AND c.content = u.content
		JOIN record r ON r.facility = c.facility AND r.serial = c.serial `+handle.RecordJoins+`
		ORDER BY u.n`, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var n int
			r, err := handle.ScanRecord(rows, &n)
			if err != nil {
				return err
			}
			if a := k.contentOf[n-1]; a.Same == nil {
				a.Same = &store.Stored{Record: r, Index: r.Index}
			}
		}
		return rows.Err()
	})
}

// queueEpisodes reads heads; fn gets each with the index of its key.
func queueEpisodes(b *pgx.Batch, keys []episodeKey, fn func(int, store.Episode)) {
	var n int
	var e store.Episode
	var current pgtype.UUID
	b.Queue(`SELECT u.n, e.version, e.current, e.ord, e.facility_version, e.day
		FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS u (facility, kind, episode, n)
		JOIN episode e ON e.facility = u.facility AND e.kind = u.kind AND e.episode = u.episode
		ORDER BY u.n`, episodeColumns(keys)...).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&n, &e.Version, &current, &e.Order, &e.FacilityVersion, &e.Day}, func() error {
			k := keys[n-1]
			e.Current, e.Key = handle.ID(string(k.facility), current), k.episode
			fn(n-1, e)
			return nil
		})
	})
}

// queueSubjects reads links and bars into what at returns for each key's index.
func queueSubjects(b *pgx.Batch, keys []subjectKey, at func(int) *store.Subject) {
	var n int
	var person pgtype.UUID
	b.Queue(`SELECT u.n, s.person
		FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS u (facility, subject, n)
		JOIN subject s ON s.facility = u.facility AND s.subject = u.subject
		ORDER BY u.n`, subjectColumns(keys)...).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&n, &person}, func() error {
			at(n - 1).Person = person.Bytes
			return nil
		})
	})
	b.Queue(`SELECT u.n, b.person
		FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS u (facility, subject, n)
		JOIN bar b ON b.facility = u.facility AND b.subject = u.subject
		ORDER BY u.n, b.person`, subjectColumns(keys)...).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&n, &person}, func() error {
			s := at(n - 1)
			s.Barred = append(s.Barred, person.Bytes)
			return nil
		})
	})
}

// queueClaims reads claims; fn gets each with the index of its key.
func queueClaims(b *pgx.Batch, keys []vault.Keyed, fn func(int, store.Claim)) {
	var n int
	var person pgtype.UUID
	var name, birth []byte
	b.Queue(`SELECT u.n, c.person, c.name, c.birth
		FROM unnest($1::bytea[]) WITH ORDINALITY AS u (hash, n) JOIN claim c ON c.hash = u.hash
		ORDER BY u.n`, handle.Hashes(keys)).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&n, &person, &name, &birth}, func() error {
			c := store.Claim{Key: keys[n-1], Person: person.Bytes}
			var err error
			if c.Name, err = handle.Keyed(name); err != nil {
				return err
			}
			c.Birth, err = handle.Keyed(birth)
			fn(n-1, c)
			return err
		})
	})
}

// records reads whole records for replays.
func (g *group) readReplays(b *pgx.Batch) {
	ids := make([]dossier.ID, 0, len(g.replays))
	for _, n := range g.replays {
		ids = append(ids, g.replayed[n])
	}
	b.Queue(`SELECT `+handle.RecordColumns+`
		FROM (SELECT DISTINCT facility, serial FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)) u
		JOIN record r ON r.facility = u.facility AND r.serial = u.serial `+handle.RecordJoins, idColumns(ids)...).Query(func(rows pgx.Rows) error {
		all, err := handle.CollectRecords(rows)
		for _, r := range all {
			g.records[r.ID] = r
		}
		return err
	})
}
