package intake

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/vault"
)

// The names of what a commit locks or compares.
type (
	episodeKey struct {
		facility care.FacilityCode
		kind     string
		episode  vault.Keyed
	}
	contentKey struct {
		episodeKey
		content vault.Keyed
	}
	subjectKey struct {
		facility care.FacilityCode
		subject  vault.Keyed
	}
)

func (a episodeKey) compare(b episodeKey) int {
	return cmp.Or(cmp.Compare(a.facility, b.facility), cmp.Compare(a.kind, b.kind), a.episode.Compare(b.episode))
}

func (a subjectKey) compare(b subjectKey) int {
	return cmp.Or(cmp.Compare(a.facility, b.facility), a.subject.Compare(b.subject))
}

// named is what a commit must know of a record that a member names.
type named struct {
	episode    episodeKey
	content    vault.Keyed
	accepted   bool
	withdrawn  bool
	superseded bool
	counts     house.ScoreDelta // what it counts in the scores, of one that is current
}

// claimed is a claim under lock.
type claimed struct {
	store.Claim
	fresh bool // made by this transaction for its first proposer
	kept  bool // a stored member takes it
}

// group is one Commit under way.
type group struct {
	members  []store.Prepared
	outcomes []store.Outcome

	// Rows that were not there are made as the first member wants them, which
	// nearly always is how they stay; what is proposed holds for those that are
	// fresh, made by this transaction.
	newHeads    map[episodeKey]*proposal[store.Episode]
	newSubjects map[subjectKey]*proposal[store.PersonID]

	// as read under lock, then as the members decided so far leave it
	heads    map[episodeKey]*store.Episode
	held     map[contentKey]dossier.ID
	records  map[dossier.ID]store.Record // replayed ones, to answer with
	known    map[dossier.ID]*named
	subjects map[subjectKey]*store.Subject
	claims   map[vault.Keyed]*claimed

	stored   []*store.Prepared
	replays  []int              // members
	replayed map[int]dossier.ID // by member
	marks    map[dossier.ID]*mark
	links    []*store.Prepared       // whose subject gets a link
	persons  map[store.PersonID]bool // that exist, of those named
}

// proposal is what a row is made as, if it is not there.
type proposal[T any] struct {
	as    T
	fresh bool
}

// newGroup checks the members. Fault: store.text.
func newGroup(members []store.Prepared) (*group, error) {
	g := &group{
		members: members, outcomes: make([]store.Outcome, len(members)),
		heads: map[episodeKey]*store.Episode{}, held: map[contentKey]dossier.ID{}, records: map[dossier.ID]store.Record{},
		known: map[dossier.ID]*named{}, subjects: map[subjectKey]*store.Subject{}, claims: map[vault.Keyed]*claimed{},
		newHeads: map[episodeKey]*proposal[store.Episode]{}, newSubjects: map[subjectKey]*proposal[store.PersonID]{},
		replayed: map[int]dossier.ID{}, marks: map[dossier.ID]*mark{}, persons: map[store.PersonID]bool{},
	}
	for n := range members {
		if err := check(&members[n]); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// check refuses what no engine keeps, before anything is sent.
func check(p *store.Prepared) error {
	if p.File == nil {
		return errors.New("intake: a dossier without its file")
	}
	for _, id := range []dossier.ID{p.ID, p.Supersedes, p.Withdraws, p.ExpectSame, p.ExpectHead.Current} {
		if !id.IsZero() && id.Facility != p.File.Facility {
			return errors.New("intake: a dossier names a record of another facility")
		}
	}
	texts := []string{p.Kind, p.Order, p.Class, p.Verdict.Pack, string(p.Verdict.State), string(p.ID.Facility),
		string(p.File.Facility), p.File.Sender, p.File.Class, p.File.Software}
	texts = append(texts, p.Tags...)
	for _, f := range p.Verdict.Findings {
		texts = append(texts, f.Code, string(f.Severity), f.Table, f.Field)
	}
	for _, s := range p.File.Seals {
		texts = append(texts, s.Subject, s.Algorithm, s.Bound, s.Revocation, s.Role, s.Covered, s.Serial, s.Issuer)
	}
	for _, d := range p.Deltas {
		texts = append(texts, d.Kind, d.Measure, d.Purpose)
	}
	if p.Subject != nil {
		texts = append(texts, p.Subject.Evidence)
	}
	if err := form.CheckLegStarts(p.Legs...); err != nil {
		return err
	}
	if len(p.Marks) > 0 {
		if _, err := p.Marks.Sheet(); err != nil {
			return err
		}
	}
	return store.CheckText(texts...)
}

func (g *group) episodeOf(p *store.Prepared) episodeKey {
	return episodeKey{p.File.Facility, p.Kind, p.Episode} // a place only has no ID
}

// lock queues the first round trip. ON CONFLICT DO UPDATE ... WHERE false locks
// a row that is there and leaves it as it is; a row that another transaction is
// making is waited for. The reads that follow see what is committed by then.
// Contents need no lock of their own: they lie under their episode's.
func (g *group) lock(b *pgx.Batch) *pgx.Batch {
	contents := map[contentKey]bool{}
	proposed := map[vault.Keyed]store.Claim{}
	for n := range g.members {
		p := &g.members[n]
		for _, id := range []dossier.ID{p.ExpectSame, p.Supersedes, p.Withdraws, p.ExpectHead.Current} {
			if !id.IsZero() {
				g.known[id] = nil
			}
		}
		g.heads[g.episodeOf(p)] = &store.Episode{}
		g.propose(p)
		contents[contentKey{g.episodeOf(p), p.Content}] = true
		if p.Leaf == nil || p.Subject == nil {
			continue
		}
		g.subjects[subjectKey{p.ID.Facility, p.Subject.Key}] = &store.Subject{Key: p.Subject.Key}
		if p.Subject.Person == (store.PersonID{}) {
			continue
		}
		g.persons[p.Subject.Person] = false
		for _, c := range p.Subject.Claims {
			if _, first := proposed[c.Key]; !first {
				proposed[c.Key] = store.Claim{Key: c.Key, Person: p.Subject.Person, Name: c.Name, Birth: c.Birth}
			}
		}
	}
	g.lockEpisodes(b)
	g.lockSubjects(b)
	g.lockClaims(b, proposed)
	g.readContents(b, slices.Collect(maps.Keys(contents)))
	g.readNamed(b)
	g.readPersons(b)
	return b
}

// propose says what the member would make of its episode and its patient, were
// they new; the first member's word counts.
func (g *group) propose(p *store.Prepared) {
	k := g.episodeOf(p)
	if g.newHeads[k] == nil {
		g.newHeads[k] = &proposal[store.Episode]{}
	}
	if h := g.newHeads[k]; h.as.Version == 0 && p.Leaf != nil && p.Verdict.State.IsAccepted() && p.Current && p.Version > 0 && p.ExpectHead.Is(store.Episode{}) {
		h.as = store.Episode{Version: p.Version, Current: p.ID, Order: p.Order, FacilityVersion: p.FacilityVersion, Day: clock.Day(p.Received)}
	}
	if p.Leaf == nil || p.Subject == nil {
		return
	}
	s := subjectKey{p.ID.Facility, p.Subject.Key}
	if g.newSubjects[s] == nil {
		g.newSubjects[s] = &proposal[store.PersonID]{}
	}
	if g.newSubjects[s].as == (store.PersonID{}) && !p.Subject.Linked {
		g.newSubjects[s].as = p.Subject.Person
	}
}

// settled takes back, in what was read, what this transaction made itself.
func (g *group) settled() {
	for k, p := range g.newHeads {
		if p.fresh {
			*g.heads[k] = store.Episode{Key: k.episode}
		}
	}
	for k, p := range g.newSubjects {
		if p.fresh {
			*g.subjects[k] = store.Subject{Key: k.subject}
		}
	}
}

func (g *group) lockEpisodes(b *pgx.Batch) {
	if len(g.heads) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(g.heads), episodeKey.compare)
	as := func(k episodeKey) store.Episode { return g.newHeads[k].as }
	b.Queue(`INSERT INTO episode AS e (facility, kind, episode, version, current, ord, facility_version, day)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::uuid[], $6::text[], $7::bigint[], $8::integer[])
		ON CONFLICT (facility, kind, episode) DO UPDATE SET version = e.version WHERE false
		RETURNING facility, kind, episode`, append(episodeColumns(keys), headColumns(keys, as)...)...).Query(func(rows pgx.Rows) error {
		var k episodeKey
		var hash []byte
		return each(rows, []any{&k.facility, &k.kind, &hash}, func() (err error) {
			if k.episode, err = handle.Keyed(hash); err == nil {
				g.newHeads[k].fresh = true
			}
			return err
		})
	})
	queueEpisodes(b, keys, func(n int, e store.Episode) { *g.heads[keys[n]] = e })
}

func (g *group) lockSubjects(b *pgx.Batch) {
	if len(g.subjects) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(g.subjects), subjectKey.compare)
	b.Queue(`INSERT INTO subject AS s (facility, subject, person)
		SELECT * FROM unnest($1::text[], $2::bytea[], $3::uuid[])
		ON CONFLICT (facility, subject) DO UPDATE SET person = s.person WHERE false
		RETURNING facility, subject`, append(subjectColumns(keys),
		handle.Column(keys, func(k subjectKey) pgtype.UUID { return handle.UUID(g.newSubjects[k].as) }))...).Query(func(rows pgx.Rows) error {
		var k subjectKey
		var hash []byte
		return each(rows, []any{&k.facility, &hash}, func() (err error) {
			if k.subject, err = handle.Keyed(hash); err == nil {
				g.newSubjects[k].fresh = true
			}
			return err
		})
	})
	queueSubjects(b, keys, func(n int) *store.Subject { return g.subjects[keys[n]] })
}

func (g *group) lockClaims(b *pgx.Batch, proposed map[vault.Keyed]store.Claim) {
	if len(proposed) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(proposed), vault.Keyed.Compare)
	column := func(of func(store.Claim) vault.Keyed) [][]byte {
		return handle.Column(keys, func(k vault.Keyed) []byte { return handle.Hash(of(proposed[k])) })
	}
	fresh := map[vault.Keyed]bool{}
	b.Queue(`INSERT INTO claim AS c (hash, person, name, birth)
		SELECT u.hash, u.person, u.name, u.birth
		FROM unnest($1::bytea[], $2::uuid[], $3::bytea[], $4::bytea[]) AS u (hash, person, name, birth)
		ON CONFLICT (hash) DO UPDATE SET person = c.person WHERE false
		RETURNING hash`,
		handle.Hashes(keys), handle.Column(keys, func(k vault.Keyed) pgtype.UUID { return handle.UUID(proposed[k].Person) }),
		column(func(c store.Claim) vault.Keyed { return c.Name }), column(func(c store.Claim) vault.Keyed { return c.Birth }),
	).Query(func(rows pgx.Rows) error {
		var hash []byte
		return each(rows, []any{&hash}, func() error {
			key, err := handle.Keyed(hash)
			fresh[key] = true
			return err
		})
	})
	queueClaims(b, keys, func(n int, c store.Claim) { g.claims[keys[n]] = &claimed{Claim: c, fresh: fresh[keys[n]]} })
}

// readContents reads which record each content is held by.
func (g *group) readContents(b *pgx.Batch, keys []contentKey) {
	if len(keys) == 0 {
		return
	}
	args := append(episodeColumns(handle.Column(keys, func(k contentKey) episodeKey { return k.episodeKey })),
		handle.Column(keys, func(k contentKey) []byte { return handle.Hash(k.content) }))
	var n int
	var serial pgtype.UUID
	var state dossier.State
	var withdrawn, superseded bool
	b.Queue(`SELECT u.n, c.serial, r.state, r.withdrawn_by <> '00000000-0000-0000-0000-000000000000', r.superseded_by <> '00000000-0000-0000-0000-000000000000'
		FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) WITH ORDINALITY AS u (facility, kind, episode, content, n)
		JOIN content c ON c.facility = u.facility AND c.kind = u.kind AND c.episode = u.episode AND c.content = u.content
		JOIN record r ON r.facility = c.facility AND r.serial = c.serial`, args...).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&n, &serial, &state, &withdrawn, &superseded}, func() error {
			k := keys[n-1]
			id := dossier.ID{Facility: k.facility, Serial: serial.Bytes}
			g.held[k] = id
			g.known[id] = &named{episode: k.episodeKey, content: k.content, accepted: state.IsAccepted(), withdrawn: withdrawn, superseded: superseded}
			return nil
		})
	})
}

// readNamed reads the records that members name, and locks them in order: one
// that is superseded may lie under an episode nobody here has locked.
func (g *group) readNamed(b *pgx.Batch) {
	if len(g.known) == 0 {
		return
	}
	ids := slices.Collect(maps.Keys(g.known))
	var facility care.FacilityCode
	var serial pgtype.UUID
	var kind string
	var episode, content []byte
	var state dossier.State
	var withdrawn, superseded, current bool
	var counts house.ScoreDelta
	b.Queue(`SELECT r.facility, r.serial, r.kind, r.episode, r.content, r.state, r.withdrawn_by <> '00000000-0000-0000-0000-000000000000', r.superseded_by <> '00000000-0000-0000-0000-000000000000',
			r.current, r.facility_version, r.day, r.marks
		FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)
		JOIN record r ON r.facility = u.facility AND r.serial = u.serial
		ORDER BY r.facility, r.serial FOR NO KEY UPDATE OF r`, idColumns(ids)...).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&facility, &serial, &kind, &episode, &content, &state, &withdrawn, &superseded, &current, &counts.FacilityVersion, &counts.Day, (*[]byte)(&counts.Marks)}, func() error {
			hash, err := handle.Keyed(episode)
			if err != nil {
				return err
			}
			of, err := handle.Keyed(content)
			k := &named{episode: episodeKey{facility, kind, hash}, content: of, accepted: state.IsAccepted(), withdrawn: withdrawn, superseded: superseded}
			if current && len(counts.Marks) > 0 {
				if _, err := counts.Marks.Sheet(); err != nil {
					return err
				}
				k.counts = house.ScoreDelta{FacilityVersion: counts.FacilityVersion, Day: counts.Day, Subject: kind, Marks: slices.Clone(counts.Marks), N: 1}
			}
			g.known[dossier.ID{Facility: facility, Serial: serial.Bytes}] = k
			return err
		})
	})
}

// readPersons reads which of the persons to link to exist.
func (g *group) readPersons(b *pgx.Batch) {
	if len(g.persons) == 0 {
		return
	}
	asked := slices.Collect(maps.Keys(g.persons))
	var person pgtype.UUID
	b.Queue(`SELECT person FROM person WHERE person = ANY ($1)`,
		handle.Column(asked, func(p store.PersonID) pgtype.UUID { return handle.UUID(p) })).Query(func(rows pgx.Rows) error {
		return each(rows, []any{&person}, func() error {
			g.persons[person.Bytes] = true
			return nil
		})
	})
}

func episodeColumns(keys []episodeKey) []any {
	return []any{
		handle.Column(keys, func(k episodeKey) string { return string(k.facility) }),
		handle.Column(keys, func(k episodeKey) string { return k.kind }),
		handle.Column(keys, func(k episodeKey) []byte { return handle.Hash(k.episode) }),
	}
}

func subjectColumns(keys []subjectKey) []any {
	return []any{
		handle.Column(keys, func(k subjectKey) string { return string(k.facility) }),
		handle.Column(keys, func(k subjectKey) []byte { return handle.Hash(k.subject) }),
	}
}

func idColumns(ids []dossier.ID) []any {
	return []any{
		handle.Column(ids, func(id dossier.ID) string { return string(id.Facility) }),
		handle.Column(ids, func(id dossier.ID) pgtype.UUID { return handle.UUID(id.Serial) }),
	}
}
