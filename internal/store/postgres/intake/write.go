package intake

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/counters"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/scores"
	"lienthong/internal/store/scoring"
	"lienthong/internal/vault"
)

// write queues the second round trip: everything but the leaves. What another
// commit could be making too (blobs, files, places) goes first and sorted.
func (g *group) write(b *pgx.Batch) *pgx.Batch {
	g.writeFiles(b)
	g.writePlaces(b)
	if len(g.stored) > 0 {
		g.writeRecords(b)
		g.writeContents(b)
		g.writeMarks(b)
		g.writeLinks(b)
	}
	g.writeHeads(b)
	g.writeSubjects(b)
	g.writeCounts(b)
	g.dropClaims(b)
	g.writeLegs(b)
	if len(g.replays) > 0 {
		g.readReplays(b)
	}
	return b
}

// kept lists the members whose file and place are kept: what is stored, and replays.
func (g *group) kept(fn func(p *store.Prepared, as dossier.ID, replay bool)) {
	for n := range g.members {
		switch g.outcomes[n].Status {
		case store.StatusStored:
			fn(&g.members[n], g.members[n].ID, false)
		case store.StatusReplay:
			fn(&g.members[n], g.replayed[n], true)
		}
	}
}

// writeCounts appends what the stored members count, in all and, for verdicts,
// in the minute they came; and when each facility was heard of.
func (g *group) writeCounts(b *pgx.Batch) {
	var sums counters.Sums
	var scored scoring.Group
	add := func(d house.ScoreDelta) {
		if err := scored.Add(d); err != nil { // marks that were checked, or came out of a row
			panic(fmt.Sprintf("intake: marks cannot be counted: %v", err))
		}
	}
	for id, m := range g.marks {
		if k := g.known[id]; k != nil && !m.current {
			no := k.counts
			no.N = -no.N
			add(no)
		}
	}
	for _, p := range g.stored {
		add(countsOf(p))
		for _, d := range p.Deltas {
			sums.Add(d, p.Received)
		}
	}
	g.kept(func(p *store.Prepared, _ dossier.ID, _ bool) { sums.Seen(p.File.Facility, p.File.Received) })
	sums.Queue(b)
	scores.Queue(b, &scored)
}

type fileKey struct {
	facility string
	hash     vault.Keyed
}

func (a fileKey) compare(b fileKey) int {
	return cmp.Or(cmp.Compare(a.facility, b.facility), a.hash.Compare(b.hash))
}

func (g *group) writeFiles(b *pgx.Batch) {
	files, blobs := map[fileKey]*store.File{}, map[[32]byte][]byte{}
	g.kept(func(p *store.Prepared, _ dossier.ID, _ bool) {
		files[fileKey{string(p.File.Facility), p.File.Hash}] = p.File
		for _, c := range p.File.Certificates {
			blobs[c.Hash] = c.Data
		}
	})
	if len(blobs) > 0 {
		hashes := slices.SortedFunc(maps.Keys(blobs), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
		b.Queue(`INSERT INTO blob (hash, data) SELECT u.hash, u.data FROM unnest($1::bytea[], $2::bytea[]) AS u (hash, data)
			WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.hash = u.hash)
			ON CONFLICT (hash) DO NOTHING`,
			handle.Column(hashes, func(h [32]byte) []byte { return h[:] }),
			handle.Column(hashes, func(h [32]byte) []byte { return handle.Bytes(blobs[h]) }))
	}
	keys := slices.SortedFunc(maps.Keys(files), fileKey.compare)
	b.Queue(`INSERT INTO file (facility, hash, digest, size, received, sender, lane, wrapped, class, month, skeleton, certificates, seals, dossiers, software)
		SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::text[], $7::smallint[],
			$8::bytea[], $9::text[], $10::integer[], $11::bytea[], $12::bytea[], $13::text[], $14::integer[], $15::text[])
		ON CONFLICT (facility, hash) DO NOTHING`, fileColumns(handle.Column(keys, func(k fileKey) *store.File { return files[k] }))...)
}

func fileColumns(files []*store.File) []any {
	return []any{
		handle.Column(files, func(f *store.File) string { return string(f.Facility) }),
		handle.Column(files, func(f *store.File) []byte { return handle.Hash(f.Hash) }),
		handle.Column(files, func(f *store.File) []byte { return f.Digest[:] }),
		handle.Column(files, func(f *store.File) int64 { return f.Size }),
		handle.Column(files, func(f *store.File) int64 { return handle.Micros(f.Received) }),
		handle.Column(files, func(f *store.File) string { return f.Sender }),
		handle.Column(files, func(f *store.File) int16 { return int16(f.Lane) }),
		handle.Column(files, func(f *store.File) []byte { return handle.Bytes(f.Wrapped) }),
		handle.Column(files, func(f *store.File) string { return f.Class }),
		handle.Column(files, func(f *store.File) int32 { return int32(f.Month) }),
		handle.Column(files, func(f *store.File) []byte { return handle.Bytes(f.Skeleton) }),
		handle.Column(files, func(f *store.File) []byte {
			hashes := []byte{}
			for _, c := range f.Certificates {
				hashes = append(hashes, c.Hash[:]...)
			}
			return hashes
		}),
		handle.Column(files, func(f *store.File) string { return writeSeals(f.Seals) }),
		handle.Column(files, func(f *store.File) int32 { return int32(f.Dossiers) }),
		handle.Column(files, func(f *store.File) string { return f.Software }),
	}
}

func writeSeals(notes []store.SealNote) string {
	seals := handle.Column(notes, func(s store.SealNote) handle.Seal {
		return handle.Seal{Fingerprint: hex.EncodeToString(s.Fingerprint[:]), Subject: s.Subject, Algorithm: s.Algorithm,
			Bound: s.Bound, Revocation: s.Revocation, Expired: s.Expired, Role: s.Role, Covered: s.Covered, Serial: s.Serial, Issuer: s.Issuer}
	})
	text, err := json.Marshal(seals)
	if err != nil { // strings and a bool: cannot fail
		panic(fmt.Sprintf("intake: a seal note cannot be written: %v", err))
	}
	return string(text)
}

type placeKey struct {
	fileKey
	index int
}

// writePlaces gives files their places. A replay from a file that was not known
// to hold the record yet is an event in the record's life.
func (g *group) writePlaces(b *pgx.Batch) {
	type place struct {
		as     dossier.ID
		replay bool
		by     *store.Prepared
	}
	places := map[placeKey]place{}
	g.kept(func(p *store.Prepared, as dossier.ID, replay bool) {
		key := placeKey{fileKey{string(p.File.Facility), p.File.Hash}, p.Index}
		if before, twice := places[key]; !twice || before.as != as {
			places[key] = place{as, replay, p}
		}
	})
	keys := slices.SortedFunc(maps.Keys(places), func(a, b placeKey) int {
		return cmp.Or(a.fileKey.compare(b.fileKey), cmp.Compare(a.index, b.index))
	})
	b.Queue(`WITH u AS (
			SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::uuid[], $5::boolean[], $6::bigint[], $7::text[])
				AS u (facility, file, idx, serial, replay, at, actor)
		), p AS (
			INSERT INTO place AS p (facility, file, idx, serial) SELECT facility, file, idx, serial FROM u
			ON CONFLICT (facility, file, idx) DO UPDATE SET serial = excluded.serial WHERE p.serial <> excluded.serial
			RETURNING facility, file, idx
		)
		INSERT INTO transition (facility, serial, at, what, by, actor, detail)
		SELECT u.facility, u.serial, u.at, 'sealed_again', '00000000-0000-0000-0000-000000000000', u.actor, ''
		FROM u JOIN p USING (facility, file, idx) WHERE u.replay`,
		handle.Column(keys, func(k placeKey) string { return k.facility }),
		handle.Column(keys, func(k placeKey) []byte { return handle.Hash(k.hash) }),
		handle.Column(keys, func(k placeKey) int32 { return int32(k.index) }),
		handle.Column(keys, func(k placeKey) pgtype.UUID { return handle.UUID(places[k].as.Serial) }),
		handle.Column(keys, func(k placeKey) bool { return places[k].replay }),
		handle.Column(keys, func(k placeKey) int64 { return handle.Micros(places[k].by.Received) }),
		handle.Column(keys, func(k placeKey) string { return places[k].by.File.Sender }))
}

func (g *group) writeContents(b *pgx.Batch) {
	last := map[contentKey]dossier.ID{}
	for _, p := range g.stored {
		last[contentKey{g.episodeOf(p), p.Content}] = p.ID
	}
	keys := slices.Collect(maps.Keys(last))
	args := append(episodeColumns(handle.Column(keys, func(k contentKey) episodeKey { return k.episodeKey })),
		handle.Column(keys, func(k contentKey) []byte { return handle.Hash(k.content) }),
		handle.Column(keys, func(k contentKey) pgtype.UUID { return handle.UUID(last[k].Serial) }))
	b.Queue(`INSERT INTO content (facility, kind, episode, content, serial)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::uuid[])
		ON CONFLICT (facility, kind, episode, content) DO UPDATE SET serial = excluded.serial`, args...)
}

// writeHeads writes the heads of the episodes that a stored member moved, and
// those made otherwise than they stay.
func (g *group) writeHeads(b *pgx.Batch) {
	moved := map[episodeKey]bool{}
	for _, p := range g.stored {
		if p.Verdict.State.IsAccepted() {
			moved[g.episodeOf(p)] = true
		}
	}
	var keys []episodeKey
	for k, h := range g.heads {
		now := *h
		now.Key = vault.Keyed{}
		if p := g.newHeads[k]; p.fresh && now != p.as || !p.fresh && moved[k] {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return
	}
	b.Queue(`UPDATE episode e SET version = u.version, current = u.current, ord = u.ord, facility_version = u.facility_version, day = u.day
		FROM unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::uuid[], $6::text[], $7::bigint[], $8::integer[])
			AS u (facility, kind, episode, version, current, ord, facility_version, day)
		WHERE e.facility = u.facility AND e.kind = u.kind AND e.episode = u.episode`,
		append(episodeColumns(keys), headColumns(keys, func(k episodeKey) store.Episode { return *g.heads[k] })...)...)
}

func headColumns(keys []episodeKey, of func(episodeKey) store.Episode) []any {
	return []any{
		handle.Column(keys, func(k episodeKey) int32 { return int32(of(k).Version) }),
		handle.Column(keys, func(k episodeKey) pgtype.UUID { return handle.UUID(of(k).Current.Serial) }),
		handle.Column(keys, func(k episodeKey) string { return of(k).Order }),
		handle.Column(keys, func(k episodeKey) int64 { return of(k).FacilityVersion }),
		handle.Column(keys, func(k episodeKey) int32 { return int32(of(k).Day) }),
	}
}

// writeMarks marks records stored before and writes why.
func (g *group) writeMarks(b *pgx.Batch) {
	if len(g.marks) == 0 {
		return
	}
	ids := slices.Collect(maps.Keys(g.marks))
	b.Queue(`UPDATE record r SET current = r.current AND u.current,
			superseded_by = CASE WHEN u.superseded_by = '00000000-0000-0000-0000-000000000000' THEN r.superseded_by ELSE u.superseded_by END,
			withdrawn_by = CASE WHEN u.withdrawn_by = '00000000-0000-0000-0000-000000000000' THEN r.withdrawn_by ELSE u.withdrawn_by END
		FROM unnest($1::text[], $2::uuid[], $3::boolean[], $4::uuid[], $5::uuid[]) AS u (facility, serial, current, superseded_by, withdrawn_by)
		WHERE r.facility = u.facility AND r.serial = u.serial`,
		append(idColumns(ids),
			handle.Column(ids, func(id dossier.ID) bool { return g.marks[id].current }),
			handle.Column(ids, func(id dossier.ID) pgtype.UUID { return handle.UUID(g.marks[id].supersededBy.Serial) }),
			handle.Column(ids, func(id dossier.ID) pgtype.UUID { return handle.UUID(g.marks[id].withdrawnBy.Serial) }))...)
	for id, m := range g.marks {
		for _, c := range m.causes {
			b.Queue(`INSERT INTO transition (facility, serial, at, what, by, actor, detail) VALUES ($1, $2, $3, $4, $5, $6, '')`,
				string(id.Facility), handle.UUID(id.Serial), handle.Micros(c.by.Received), c.what, handle.UUID(c.by.ID.Serial), c.by.File.Sender)
		}
	}
}

// writeSubjects writes the links of subjects that are not as they were, or as
// they were made.
func (g *group) writeSubjects(b *pgx.Batch) {
	linked := map[subjectKey]bool{}
	for _, p := range g.links {
		linked[subjectKey{p.ID.Facility, p.Subject.Key}] = true
	}
	var keys []subjectKey
	for k, s := range g.subjects {
		if p := g.newSubjects[k]; p.fresh && s.Person != p.as || !p.fresh && linked[k] {
			keys = append(keys, k)
		}
	}
	if len(keys) > 0 {
		b.Queue(`UPDATE subject s SET person = u.person FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS u (facility, subject, person)
			WHERE s.facility = u.facility AND s.subject = u.subject`,
			append(subjectColumns(keys), handle.Column(keys, func(k subjectKey) pgtype.UUID { return handle.UUID(g.subjects[k].Person) }))...)
	}
}

// writeLinks writes the history of links and makes persons that are new.
func (g *group) writeLinks(b *pgx.Batch) {
	if len(g.links) == 0 {
		return
	}
	columns := []any{
		handle.Column(g.links, func(p *store.Prepared) string { return string(p.ID.Facility) }),
		handle.Column(g.links, func(p *store.Prepared) []byte { return handle.Hash(p.Subject.Key) }),
		handle.Column(g.links, func(p *store.Prepared) pgtype.UUID { return handle.UUID(p.Subject.Person) }),
		handle.Column(g.links, func(p *store.Prepared) int64 { return handle.Micros(p.Received) }),
	}
	var fresh []*store.Prepared
	for _, p := range g.links {
		if p.Subject.NewPerson {
			fresh = append(fresh, p)
		}
	}
	if len(fresh) > 0 {
		b.Queue(`INSERT INTO person (person, made) SELECT u.person, min(u.made) FROM unnest($1::uuid[], $2::bigint[]) AS u (person, made)
			GROUP BY u.person ON CONFLICT (person) DO NOTHING`,
			handle.Column(fresh, func(p *store.Prepared) pgtype.UUID { return handle.UUID(p.Subject.Person) }),
			handle.Column(fresh, func(p *store.Prepared) int64 { return handle.Micros(p.Received) }))
	}
	b.Queue(`INSERT INTO link (facility, subject, person, since, until, evidence, actor, reason, ended_by, why)
		SELECT u.facility, u.subject, u.person, u.since, 0, u.evidence, '', '', '', ''
		FROM unnest($1::text[], $2::bytea[], $3::uuid[], $4::bigint[], $5::text[]) AS u (facility, subject, person, since, evidence)`,
		append(columns, handle.Column(g.links, func(p *store.Prepared) string { return p.Subject.Evidence }))...)
	g.writeFeatures(b)
}

// writeFeatures keeps what people who are linked now can be found by. Sorted, so
// that two hubs which link one person wait for each other and never in a circle.
func (g *group) writeFeatures(b *pgx.Batch) {
	type feature struct {
		identity.Feature
		person store.PersonID
	}
	var all []feature
	for _, p := range g.links {
		for _, f := range p.Subject.Features {
			all = append(all, feature{f, p.Subject.Person})
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(x, y feature) int {
		return cmp.Or(bytes.Compare(x.Hash[:], y.Hash[:]), bytes.Compare(x.person[:], y.person[:]), cmp.Compare(x.Kind, y.Kind))
	})
	b.Queue(`INSERT INTO feature (hash, person, kind) SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::text[]) ON CONFLICT DO NOTHING`,
		handle.Column(all, func(f feature) []byte { return f.Hash[:] }),
		handle.Column(all, func(f feature) pgtype.UUID { return handle.UUID(f.person) }),
		handle.Column(all, func(f feature) string { return f.Kind }))
}

// dropClaims takes back the claims made for members that are not stored.
func (g *group) dropClaims(b *pgx.Batch) {
	var drop []vault.Keyed
	for key, c := range g.claims {
		if c.fresh && !c.kept {
			drop = append(drop, key)
		}
	}
	if len(drop) > 0 {
		b.Queue(`DELETE FROM claim WHERE hash = ANY ($1)`, handle.Hashes(drop))
	}
}

func dayOf(p *store.Prepared) int32 { return int32(clock.Day(p.Received)) }
