package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// hubsWanted hubs, each with hubWriters writers, are on one database in Hubs.
const (
	hubsWanted = 4
	hubWriters = 16
)

// Hubs puts four hubs with sixteen writers each on the same data for the given
// time. All write to the same few episodes, subjects and identifiers, in groups
// in any order, while counts are folded and read. Every commit must answer: no
// serialization failure, no deadlock, nothing to be tried again by the engine's
// own fault. Afterwards versions, links, logs and counts must be as if one
// writer had done it all. An engine that allows fewer hubs has no use for it.
func Hubs(t *testing.T, h *Harness, lasting time.Duration) {
	if h.Hubs < hubsWanted {
		t.Fatalf("%d hubs at once, %d are needed", h.Hubs, hubsWanted)
	}
	w := newWorld(t, h)
	c := &crowd{world: w, stored: map[version]dossier.ID{}}
	for n := range hubsWanted {
		c.hubs = append(c.hubs, c.hub(n))
	}
	c.duels(40)
	ctx, cancel := context.WithTimeout(w.ctx(), lasting)
	defer cancel()
	var wg sync.WaitGroup
	for n, hub := range c.hubs {
		for writer := range hubWriters {
			rng := mathrand.New(mathrand.NewPCG(uint64(n), uint64(writer)))
			wg.Go(func() { c.write(ctx, hub, rng) })
		}
		wg.Go(func() { c.read(ctx, hub) })
	}
	wg.Wait()
	t.Logf("%d stored, %d replays, %d conflicts", c.count[store.StatusStored].Load(), c.count[store.StatusReplay].Load(), c.count[store.StatusConflict].Load())
	if c.count[store.StatusStored].Load() == 0 || c.count[store.StatusReplay].Load() == 0 || c.count[store.StatusConflict].Load() == 0 {
		t.Error("the writers never met: nothing was tested")
	}
	c.checkVersions()
	c.checkLinks()
	c.checkLogs()
	c.checkCounts()
	strays, err := c.s.Audit.Strays(w.ctx(), 10)
	w.must(err)
	if len(strays) > 0 {
		t.Errorf("rows that go with no other: %+v", strays)
	}
}

// crowd is many writers on one world.
type crowd struct {
	*world
	hubs  []*store.Slices
	count [store.StatusConflict + 1]atomic.Int64

	mu     sync.Mutex
	stored map[version]dossier.ID
}

// version names what only one record may be.
type version struct {
	facility care.FacilityCode
	episode  vault.Keyed
	number   int
}

const (
	crowdEpisodes = 8 // of each facility
	crowdContents = 200
	crowdSubjects = 12 // of each facility
	crowdClaims   = 10
)

var crowdFacilities = []care.FacilityCode{cityHospital, hillStation, coastClinic}

func crowdEpisode(n int) vault.Keyed { return keyed("crowd episode %d", n) }

func crowdSubject(n int) vault.Keyed { return keyed("crowd subject %d", n) }

func crowdClaim(n int) vault.Keyed { return keyed("crowd claim %d", n) }

// hub opens hub n; the first is open already.
func (c *crowd) hub(n int) *store.Slices {
	if n == 0 {
		return c.s
	}
	return c.open(n)
}

// write prepares and commits groups until time is up.
func (c *crowd) write(ctx context.Context, hub *store.Slices, rng *mathrand.Rand) {
	for ctx.Err() == nil {
		queries := make([]store.Query, 1+rng.IntN(8))
		for n := range queries {
			queries[n] = crowdQuery(rng)
		}
		known, err := hub.Intake.Known(c.ctx(), queries)
		if err != nil {
			c.t.Errorf("known: %v", err)
			return
		}
		group := make([]store.Prepared, len(queries))
		for n, q := range queries {
			if group[n], err = c.crowdPrepare(q, known[n], rng.IntN(10) == 0); err != nil {
				c.t.Error(err)
				return
			}
		}
		out, err := hub.Intake.Commit(c.ctx(), store.Routine, group)
		if err != nil {
			c.t.Errorf("commit: %v", err)
			return
		}
		for n, o := range out {
			c.note(&group[n], o)
		}
	}
}

func crowdQuery(rng *mathrand.Rand) store.Query {
	q := store.Query{
		Facility: crowdFacilities[rng.IntN(len(crowdFacilities))], Kind: "qd4750",
		Episode: keys(crowdEpisode(rng.IntN(crowdEpisodes))), Content: keys(keyed("crowd content %d", rng.IntN(crowdContents))),
		Subject: keys(crowdSubject(rng.IntN(crowdSubjects))),
	}
	for _, n := range rng.Perm(crowdClaims)[:1+rng.IntN(3)] { // in any order: the engine must sort
		q.Claims = append(q.Claims, keys(crowdClaim(n)))
	}
	return q
}

// crowdPrepare does what intake does with what is known.
func (c *crowd) crowdPrepare(q store.Query, k store.Known, rejected bool) (store.Prepared, error) {
	now := clock.System{}.Now()
	id, err := dossier.NewID(q.Facility, now, nil)
	if err != nil {
		return store.Prepared{}, err
	}
	v, ok := c.dir.Current(q.Facility)
	if !ok {
		return store.Prepared{}, fmt.Errorf("no facility %s", q.Facility)
	}
	p := store.Prepared{
		File: &store.File{Facility: q.Facility, Hash: keyed("crowd file %s", id), Received: now, Sender: "crowd", Class: "clinical", Month: 202607,
			Skeleton: []byte("s"), Dossiers: 1, Certificates: []store.Blob{{Hash: [32]byte{byte(now.UnixMilli() % 7)}, Data: []byte("certificate")}}},
		ID: id, Kind: q.Kind, FacilityVersion: v.ID, Received: now, Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "base/1"},
		Episode: q.Episode[0], Content: q.Content[0], ExpectHead: k.Head, Class: "clinical", Month: 202607,
		Wrapped: []byte("key"), Head: []byte("head of " + id.String()), Body: []byte("body of " + id.String()), Leaf: leafOf("receipt", id.String()),
	}
	if k.Same != nil {
		p.ExpectSame, p.Supersedes = k.Same.ID, k.Same.ID
	}
	if rejected {
		p.Verdict.State = dossier.Rejected
	}
	p.Marks = marksFor(&p)
	p.Deltas = []store.Delta{{FacilityVersion: v.ID, Day: clock.Day(now), Kind: q.Kind, Measure: string(p.Verdict.State), N: 1}}
	if rejected {
		return p, nil
	}
	p.Version, p.Current, p.Order = k.Head.Version+1, true, fmt.Sprintf("%08d", k.Head.Version+1)
	if !k.Head.Current.IsZero() {
		if p.Supersedes.IsZero() {
			p.Supersedes = k.Head.Current
		}
		p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: k.Head.FacilityVersion, Day: k.Head.Day, Kind: q.Kind, Measure: string(dossier.Superseded), N: 1})
	}
	p.Subject, err = crowdSubjectOf(q, k)
	return p, err
}

// crowdSubjectOf links as identity would: to the one who holds the identifiers,
// else to a person made now.
func crowdSubjectOf(q store.Query, k store.Known) (*store.NewSubject, error) {
	s := &store.NewSubject{Key: q.Subject[0], Evidence: "citizen_id"}
	if k.Subject != nil && k.Subject.Person != (store.PersonID{}) {
		s.Person, s.Linked = k.Subject.Person, true
		return s, nil
	}
	for n, held := range k.Claims {
		switch {
		case held.Person == store.PersonID{}:
			s.Claims = append(s.Claims, store.Claim{Key: q.Claims[n][0], Name: keyed("crowd name"), Birth: keyed("crowd birth")})
		case s.Person == store.PersonID{}:
			s.Person = held.Person
		case s.Person != held.Person:
			s.Person, s.Claims = store.PersonID{}, nil
			return s, nil // two persons: left unlinked
		}
	}
	if s.Person == (store.PersonID{}) {
		s.NewPerson = true
		if _, err := rand.Read(s.Person[:]); err != nil {
			return nil, err
		}
	}
	for n := range s.Claims {
		s.Claims[n].Person = s.Person
	}
	for n := range k.Claims { // as many, and as much the same, as what people are looked for by
		s.Features = append(s.Features, identity.Feature{Kind: identity.ByPhone, Hash: q.Claims[n][0]}, identity.Feature{Kind: identity.ByNameYear, Hash: keyed("crowd name")})
	}
	return s, nil
}

// note counts an outcome; no version may be stored twice.
func (c *crowd) note(p *store.Prepared, o store.Outcome) {
	c.count[o.Status].Add(1)
	if o.Status != store.StatusStored || p.Version == 0 {
		return
	}
	v := version{p.ID.Facility, p.Episode, p.Version}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, twice := c.stored[v]; twice {
		c.t.Errorf("version %d of one episode was stored as %s and as %s", v.number, other, p.ID)
	}
	c.stored[v] = p.ID
}

// read folds and reads until time is up: what readers do must not make writers fail.
func (c *crowd) read(ctx context.Context, hub *store.Slices) {
	for ctx.Err() == nil {
		_, fold := hub.Counters.Fold(c.ctx())
		_, scores := hub.House.Scores.Fold(c.ctx())
		fold = errors.Join(fold, scores)
		_, sum := hub.Counters.Sum(c.ctx(), everything, store.CountQuery{By: []store.Dimension{store.ByMeasure}})
		_, _, list := hub.Records.List(c.ctx(), everything, store.Filter{Limit: 20})
		if err := errors.Join(fold, sum, list); err != nil {
			c.t.Errorf("beside the writers: %v", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// duels lets every hub prepare the next version of one episode against the same
// head, and a new person for the same identifier, and commit in one moment: each
// time exactly one is stored and the others are conflicts.
func (c *crowd) duels(rounds int) {
	for round := range rounds {
		q := store.Query{Facility: hillStation, Kind: "qd4750", Episode: keys(keyed("duel %d", round/4)), Content: keys(keyed("duel content")),
			Subject: keys(keyed("duel subject %d", round)), Claims: [][]vault.Keyed{keys(keyed("duel claim %d", round))}}
		known, err := c.s.Intake.Known(c.ctx(), []store.Query{q})
		c.must(err)
		if round%2 == 1 { // on even rounds the episode is fought over, on odd ones the identifier
			q.Kind = "checkin"
		}
		group := make([]store.Prepared, len(c.hubs))
		for n := range c.hubs {
			own := q
			own.Content = keys(keyed("duel content %d of hub %d", round, n))
			if round%2 == 1 {
				own.Episode = keys(keyed("duel %d of hub %d", round, n))
				known[0].Head = store.Episode{}
			}
			group[n], err = c.crowdPrepare(own, known[0], false)
			c.must(err)
		}
		out := make([]store.Outcome, len(c.hubs))
		start := make(chan struct{})
		var wg sync.WaitGroup
		for n, hub := range c.hubs {
			wg.Go(func() {
				<-start
				o, err := hub.Intake.Commit(c.ctx(), store.Routine, group[n:n+1])
				if err != nil {
					c.t.Errorf("duel: %v", err)
					return
				}
				out[n] = o[0]
			})
		}
		close(start)
		wg.Wait()
		if stored, replay, conflict := c.statuses(out); stored != 1 || replay != 0 || conflict != len(c.hubs)-1 {
			c.t.Errorf("duel %d: %d stored, %d replays, %d conflicts", round, stored, replay, conflict)
		}
		for n := range out {
			c.note(&group[n], out[n])
		}
	}
}

// checkVersions: versions are 1 ... n without a gap, the last is current, each
// names the one before.
func (c *crowd) checkVersions() {
	for _, f := range crowdFacilities {
		for e := range crowdEpisodes {
			known, err := c.s.Intake.Known(c.ctx(), []store.Query{{Facility: f, Kind: "qd4750", Episode: keys(crowdEpisode(e))}})
			c.must(err)
			head := known[0].Head
			for n := 1; n <= head.Version; n++ {
				id, ok := c.stored[version{f, crowdEpisode(e), n}]
				if !ok {
					c.t.Errorf("%s, episode %d: version %d of %d was stored by nobody", f, e, n, head.Version)
					continue
				}
				r := c.get(id)
				next := c.stored[version{f, crowdEpisode(e), n + 1}]
				if r.Version != n || r.Current != (n == head.Version) || r.SupersededBy != next || r.Current && head.Current != id {
					c.t.Errorf("%s, episode %d: version %d of %d is %+v", f, e, n, head.Version, r)
				}
			}
			if _, more := c.stored[version{f, crowdEpisode(e), head.Version + 1}]; more {
				c.t.Errorf("%s, episode %d: a stored version is beyond the head %d", f, e, head.Version)
			}
		}
	}
}

// checkLinks: an identifier has one holder, a subject one link, as its history says.
func (c *crowd) checkLinks() {
	for n := range crowdClaims {
		holders, err := c.s.People.Find(c.ctx(), keys(crowdClaim(n)))
		c.must(err)
		if len(holders) > 1 {
			c.t.Errorf("identifier %d has %d holders", n, len(holders))
		}
	}
	linked := 0
	for _, f := range crowdFacilities {
		for n := range crowdSubjects {
			history, err := c.s.People.Links(c.ctx(), f, crowdSubject(n))
			c.must(err)
			if len(history) > 1 {
				c.t.Errorf("%s, subject %d was linked %d times", f, n, len(history))
			}
			linked += len(history)
		}
	}
	if linked == 0 {
		c.t.Error("nobody was linked: nothing was tested")
	}
}

// checkLogs: the logs hold one leaf for each record and each act, no more.
func (c *crowd) checkLogs() {
	logs, err := c.s.Ledger.Logs(c.ctx())
	c.must(err)
	if len(logs) != len(c.hubs) {
		c.t.Errorf("%d hubs have %d logs", len(c.hubs), len(logs))
	}
	var leaves, records uint64
	for _, log := range logs {
		head, err := c.s.Ledger.Head(c.ctx(), log)
		c.must(err)
		got, err := c.s.Ledger.Source(log).Leaves(c.ctx(), 0, head.Size+1)
		c.must(err)
		if uint64(len(got)) != head.Size {
			c.t.Errorf("log %d of %d has %d leaves", log, head.Size, len(got))
		}
		if head.Size > 0 && c.checkpoint(log, string(head.Checkpoint)).Size != head.Size {
			c.t.Errorf("log %d: the checkpoint is of another size", log)
		}
		leaves += head.Size
		c.must(c.s.Records.Walk(c.ctx(), log, 0, func(*store.Record, []byte) error { records++; return nil }))
	}
	if stored := uint64(c.count[store.StatusStored].Load()); records != stored || leaves != stored+2 { // two acts founded the directory
		c.t.Errorf("%d stored, %d records walked, %d leaves", stored, records, leaves)
	}
}

// checkCounts: what was added up is what the rows say.
func (c *crowd) checkCounts() {
	by := store.CountQuery{By: []store.Dimension{store.ByFacility, store.ByMeasure}}
	sum, err := c.s.Counters.Sum(c.ctx(), everything, by)
	c.must(err)
	rows, err := c.s.Counters.Recount(c.ctx(), everything, by)
	c.must(err)
	if fmt.Sprint(sum) != fmt.Sprint(rows) || len(sum) == 0 {
		c.t.Errorf("counted %v, the rows say %v", sum, rows)
	}
	if sums := c.scoresAgree("after the crowd", everything, house.ScoreQuery{By: everyScore}); len(sums) == 0 {
		c.t.Error("the crowd has no scores")
	}
	c.foldScores()
	c.scoresAgree("after the crowd, folded", everything, house.ScoreQuery{By: everyScore})
}
