package intake

import (
	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

// decide says what becomes of a member and takes it into account for those
// after it.
func (g *group) decide(n int) error {
	p, out := &g.members[n], &g.outcomes[n]
	s, err := g.holder(p)
	if err != nil {
		return err
	}
	switch {
	case s.row == 0 && (!p.ExpectSame.IsZero() || p.Leaf == nil),
		s.row != 0 && !s.accepted && s.id != p.ExpectSame:
		out.Status = store.StatusConflict
		return nil
	case s.row != 0 && (s.accepted || p.Leaf == nil):
		out.Status = store.StatusReplay
		g.replays = append(g.replays, replay{n, s})
		return nil
	}
	withdraws, err := g.mayWithdraw(p)
	if err != nil {
		return err
	}
	replaces, err := g.mayReplace(p)
	if err != nil {
		return err
	}
	if !withdraws || !replaces || !g.mayLink(p) || g.headMoved(p) {
		out.Status = store.StatusConflict
		return nil
	}
	out.Status = store.StatusStored
	return g.store(n)
}

// headMoved reports that the head of the member's episode is not the one it
// was prepared against.
func (g *group) headMoved(p *store.Prepared) bool {
	if !p.Verdict.State.IsAccepted() || p.Version == 0 && p.Withdraws.IsZero() {
		return false
	}
	return !g.heads[episodeOf(p)].Is(p.ExpectHead)
}

// store takes a member in.
func (g *group) store(n int) error {
	p := &g.members[n]
	x := &stored{Prepared: p, n: n, head: *g.heads[episodeOf(p)]}
	var err error
	if x.log, x.leaf, err = g.tx.Leaf(p.Leaf, &g.outcomes[n].Place); err != nil {
		return err
	}
	if x.row, err = g.tx.NextRecord(); err != nil {
		return err
	}
	g.stored = append(g.stored, x)
	g.held[contentOf(p)] = same{x.row, p.ID, p.Verdict.State.IsAccepted()}
	g.accepted[p.ID] = p.Verdict.State.IsAccepted()
	g.replaced[p.Replaces()] = true
	g.move(p)
	if s := p.Subject; s != nil && s.Person != (store.PersonID{}) {
		k := subjectKeyOf(p)
		x.linked = g.subjects[k] != s.Person
		g.subjects[k] = s.Person
		g.persons[s.Person] = true
		for i := range s.Claims {
			g.claims[s.Claims[i].Key] = s.Person
		}
	}
	return nil
}

// move moves the head of the member's episode.
func (g *group) move(p *store.Prepared) {
	k := episodeOf(p)
	h := g.heads[k]
	if !p.Withdraws.IsZero() {
		g.withdrawn[p.Withdraws] = true
	}
	if !p.Verdict.State.IsAccepted() {
		return
	}
	before := *h
	if !p.Withdraws.IsZero() && h.Current == p.Withdraws {
		h.Current, h.Order = dossier.ID{}, ""
	}
	if p.Version > 0 {
		h.Version = p.Version
		if p.Current {
			h.Current, h.Order = p.ID, p.Order
		}
	}
	if !h.Is(before) {
		g.moved[k] = true
	}
}
