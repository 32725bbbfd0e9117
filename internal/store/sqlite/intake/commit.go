package intake

import (
	"context"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

// Commit stores a group in one transaction: it reads what is held of its
// members, each table once; decides on them one after the other, each on what
// the ones before it leave, so that of members that exclude each other the
// first is stored; and writes, each table once, in order of its key.
func (n *Intake) Commit(ctx context.Context, lane store.Lane, members []store.Prepared) ([]store.Outcome, error) {
	for i := range members {
		if err := check(&members[i]); err != nil {
			return nil, err
		}
	}
	if len(members) == 0 {
		return nil, nil
	}
	var g *group
	err := n.db.Write(ctx, file.LaneOf(lane), len(members), func(tx *file.Tx) error {
		g = newGroup(tx, members, &n.blobs, &n.notes)
		return g.run()
	})
	if err != nil {
		return nil, err
	}
	n.blobs.remember(g.wrote)
	n.notes.remember(g.noted)
	return g.outcomes, nil
}

// check refuses what no engine keeps, before anything is written.
func check(p *store.Prepared) error {
	if p.File == nil {
		return errors.New("intake: a dossier without its file")
	}
	for _, id := range []dossier.ID{p.ID, p.Supersedes, p.Withdraws, p.ExpectSame, p.ExpectHead.Current} {
		if !id.IsZero() && id.Facility != p.File.Facility {
			return errors.New("intake: a dossier names a record of another facility")
		}
	}
	f := p.File
	if err := store.CheckText(string(f.Facility), f.Sender, f.Class, f.Software, p.Kind, string(p.Verdict.State), p.Verdict.Pack, p.Order, p.Class); err != nil {
		return err
	}
	if err := store.CheckText(p.Tags...); err != nil {
		return err
	}
	for _, s := range f.Seals {
		if err := store.CheckText(s.Subject, s.Algorithm, s.Bound, s.Revocation, s.Role, s.Covered, s.Serial, s.Issuer); err != nil {
			return err
		}
	}
	if p.Subject != nil {
		if err := store.CheckText(p.Subject.Evidence); err != nil {
			return err
		}
	}
	if err := form.CheckLegStarts(p.Legs...); err != nil {
		return err
	}
	if len(p.Marks) > 0 {
		if _, err := p.Marks.Sheet(); err != nil {
			return err
		}
	}
	return checkDeltas(p.Deltas)
}

// The names of what a commit compares.
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
	fileKey struct {
		facility care.FacilityCode
		hash     vault.Keyed
	}
)

// same is the record last made of a content.
type same struct {
	row      int64 // 0: none
	id       dossier.ID
	accepted bool
}

// group is one Commit under way. Its maps hold what is stored, and from the
// first decision on what the members decided so far leave.
type group struct {
	tx       *file.Tx
	members  []store.Prepared
	outcomes []store.Outcome

	held      map[contentKey]same
	heads     map[episodeKey]*store.Episode
	subjects  map[subjectKey]store.PersonID // zero: not linked or not known
	persons   map[store.PersonID]bool       // that exist, of those named
	bars      map[subjectKey]map[store.PersonID]bool
	claims    map[vault.Keyed]store.PersonID
	withdrawn map[dossier.ID]bool // by members of this group
	replaced  map[dossier.ID]bool // by members of this group, of other episodes
	accepted  map[dossier.ID]bool // of members of this group

	stored  []*stored
	replays []replay
	moved   map[episodeKey]bool // heads to write

	blobs  *blobs
	wrote  [][32]byte    // public blobs, to be remembered once they are durable
	scores scoring.Group // what counts now, and what counts no longer

	notes *notes
	noted []noted // the same for notes on seals
}

// stored is a member that becomes a record.
type stored struct {
	*store.Prepared
	n      int   // of the member
	row    int64 // its address in the file
	log    int
	leaf   uint64
	linked bool          // its subject gets a link
	head   store.Episode // of its episode, before it
	body   file.Span
}

// replay is a member that is a record already.
type replay struct {
	n int
	same
}

func newGroup(tx *file.Tx, members []store.Prepared, b *blobs, n *notes) *group {
	size := len(members)
	return &group{
		tx: tx, members: members, outcomes: make([]store.Outcome, size), blobs: b, notes: n,
		held: make(map[contentKey]same, size), heads: make(map[episodeKey]*store.Episode, size),
		subjects: make(map[subjectKey]store.PersonID, size), persons: make(map[store.PersonID]bool, size),
		bars: map[subjectKey]map[store.PersonID]bool{}, claims: make(map[vault.Keyed]store.PersonID, size),
		withdrawn: map[dossier.ID]bool{}, replaced: map[dossier.ID]bool{}, accepted: make(map[dossier.ID]bool, size), moved: make(map[episodeKey]bool, size),
		stored: make([]*stored, 0, size),
	}
}

func (g *group) run() error {
	if err := g.read(); err != nil {
		return err
	}
	for n := range g.members {
		if err := g.decide(n); err != nil {
			return err
		}
	}
	if len(g.stored)+len(g.replays) == 0 {
		return nil
	}
	return g.write()
}

func episodeOf(p *store.Prepared) episodeKey { return episodeKey{p.File.Facility, p.Kind, p.Episode} }

func contentOf(p *store.Prepared) contentKey { return contentKey{episodeOf(p), p.Content} }

func subjectKeyOf(p *store.Prepared) subjectKey { return subjectKey{p.File.Facility, p.Subject.Key} }
