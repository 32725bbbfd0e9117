package intake

import (
	"slices"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// mark is what a commit changes about a record stored before.
type mark struct {
	supersededBy dossier.ID
	withdrawnBy  dossier.ID
	current      bool // it stays current
	causes       []cause
}

// cause is one transition to write.
type cause struct {
	what string
	by   *store.Prepared
}

// decide compares the members with what is known under lock, in order; each
// sees what the ones before it leave.
func (g *group) decide() {
	g.settled()
	for n := range g.members {
		p := &g.members[n]
		status, same := g.judge(p)
		g.outcomes[n].Status = status
		switch status {
		case store.StatusStored:
			g.store(p)
		case store.StatusReplay:
			g.replays = append(g.replays, n)
			g.replayed[n] = same
		}
	}
}

// judge says what becomes of a member, and for a replay of which record.
func (g *group) judge(p *store.Prepared) (store.Status, dossier.ID) {
	same := g.holder(p)
	accepted := !same.IsZero() && g.known[same].accepted
	switch {
	case accepted, p.Leaf == nil && !same.IsZero() && same == p.ExpectSame:
		return store.StatusReplay, same
	case same != p.ExpectSame, p.Leaf == nil:
		return store.StatusConflict, dossier.ID{}
	case g.headMoved(p), !g.mayWithdraw(p), !g.mayReplace(p), !g.mayLink(p):
		return store.StatusConflict, dossier.ID{}
	}
	return store.StatusStored, dossier.ID{}
}

// holder returns the record held for the member's episode and content. What is
// held under an older pepper only the member's own expectation can name.
func (g *group) holder(p *store.Prepared) dossier.ID {
	if id, ok := g.held[contentKey{g.episodeOf(p), p.Content}]; ok {
		return id
	}
	if k := g.known[p.ExpectSame]; k != nil && g.under(k, p) && (k.content.Version() != p.Content.Version() || k.episode != g.episodeOf(p)) {
		return p.ExpectSame
	}
	return dossier.ID{}
}

// under reports whether a record lies under the member's episode, as far as
// hashes can tell: under another pepper the same episode has another one.
func (g *group) under(k *named, p *store.Prepared) bool {
	e := g.episodeOf(p)
	return k.episode == e || k.episode.facility == e.facility && k.episode.kind == e.kind && k.episode.episode.Version() != e.episode.Version()
}

func (g *group) headMoved(p *store.Prepared) bool {
	if !p.Verdict.State.IsAccepted() || p.Version == 0 && p.Withdraws.IsZero() {
		return false
	}
	return !g.heads[g.episodeOf(p)].Is(p.ExpectHead)
}

// mayWithdraw: what is withdrawn must be accepted, standing and of this episode
// (whose lock is held).
func (g *group) mayWithdraw(p *store.Prepared) bool {
	if p.Withdraws.IsZero() {
		return true
	}
	k := g.known[p.Withdraws]
	return k != nil && k.accepted && !k.withdrawn && g.under(k, p)
}

// mayReplace: what is replaced must be accepted, standing and not replaced yet
// (its row is locked).
func (g *group) mayReplace(p *store.Prepared) bool {
	old := p.Replaces()
	if old.IsZero() {
		return true
	}
	k := g.known[old]
	return k != nil && k.accepted && !k.withdrawn && !k.superseded && (g.marks[old] == nil || g.marks[old].supersededBy.IsZero())
}

// mayLink: link, bars, person and claims must be as NewSubject says.
func (g *group) mayLink(p *store.Prepared) bool {
	n := p.Subject
	if n == nil || n.Person == (store.PersonID{}) {
		return true
	}
	s := g.subjects[subjectKey{p.ID.Facility, n.Key}]
	unlinked := s.Person == (store.PersonID{})
	switch {
	case n.Linked && s.Person != n.Person,
		!n.Linked && !unlinked && (s.Person != n.Person || n.NewPerson),
		s.Person != n.Person && slices.Contains(s.Barred, n.Person),
		s.Person != n.Person && g.persons[n.Person] == n.NewPerson:
		return false
	}
	for _, c := range n.Claims {
		if g.claims[c.Key].Person != n.Person {
			return false
		}
	}
	return true
}

// store takes a member in and changes what later members are compared with.
func (g *group) store(p *store.Prepared) {
	g.stored = append(g.stored, p)
	key := g.episodeOf(p)
	g.held[contentKey{key, p.Content}] = p.ID
	g.known[p.ID] = &named{episode: key, content: p.Content, accepted: p.Verdict.State.IsAccepted(), counts: countsOf(p)}
	head := g.heads[key]
	if g.known[p.Supersedes] != nil { // perhaps of another episode: a prescription replaces another
		g.supersede(p.Supersedes, p)
	}
	if !p.Withdraws.IsZero() {
		g.known[p.Withdraws].withdrawn = true
		m := g.mark(p.Withdraws)
		m.withdrawnBy, m.current = p.ID, false
		m.causes = append(m.causes, cause{string(dossier.Withdrawn), p})
		if head.Current == p.Withdraws {
			head.Current, head.Order, head.FacilityVersion, head.Day = dossier.ID{}, "", 0, 0
		}
	}
	if p.Verdict.State.IsAccepted() && p.Version > 0 {
		head.Version = p.Version
		if p.Current {
			if !head.Current.IsZero() {
				g.supersede(head.Current, p)
			}
			head.Current, head.Order, head.FacilityVersion, head.Day = p.ID, p.Order, p.FacilityVersion, clock.Day(p.Received)
		}
	}
	g.link(p)
}

// countsOf is what a member counts in the scores, nothing where it is not current.
func countsOf(p *store.Prepared) house.ScoreDelta {
	if !p.Current {
		return house.ScoreDelta{}
	}
	return house.ScoreDelta{FacilityVersion: p.FacilityVersion, Day: clock.Day(p.Received), Subject: p.Kind, Marks: p.Marks, N: 1}
}

func (g *group) mark(id dossier.ID) *mark {
	if g.marks[id] == nil {
		g.marks[id] = &mark{current: true}
	}
	return g.marks[id]
}

func (g *group) supersede(id dossier.ID, by *store.Prepared) {
	if k := g.known[id]; k != nil && k.superseded {
		return // once
	}
	m := g.mark(id)
	if !m.supersededBy.IsZero() {
		return
	}
	m.supersededBy, m.current = by.ID, false
	m.causes = append(m.causes, cause{string(dossier.Superseded), by})
}

func (g *group) link(p *store.Prepared) {
	n := p.Subject
	if n == nil || n.Person == (store.PersonID{}) {
		return
	}
	g.persons[n.Person] = true
	for _, c := range n.Claims {
		g.claims[c.Key].kept = true
	}
	if s := g.subjects[subjectKey{p.ID.Facility, n.Key}]; s.Person != n.Person {
		s.Person = n.Person
		g.links = append(g.links, p)
	}
}
