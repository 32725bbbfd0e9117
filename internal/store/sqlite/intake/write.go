package intake

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/scores"
	"lienthong/internal/vault"
)

var (
	insertRecords = file.Insert(`record (id, facility, serial, kind, facility_version, received, state, version, current, late,
 supersedes, withdraws, documents, lane, file, idx, subject, episode, content, log, leaf, pack, trust_epoch, findings, class, month,
 wrapped, head, piece, piece_from, piece_size, marks)`, ``)
	insertPlaces = file.Insert(`place (facility, file, idx, record)`,
		`ON CONFLICT (facility, file, idx) DO UPDATE SET record = excluded.record WHERE record <> excluded.record`)
	insertContents = file.Insert(`dossier (facility, episode, kind, content, record)`, ``)
	insertTags     = file.Insert(`tag (facility, tag, received, record)`, `ON CONFLICT DO NOTHING`)
	insertHeads    = file.Insert(`episode (facility, episode, kind, version, current, sequence)`,
		`ON CONFLICT (facility, episode, kind) DO UPDATE SET version = excluded.version, current = excluded.current, sequence = excluded.sequence`)
	insertUnlinked = file.Insert(`subject (facility, key, person)`, `ON CONFLICT (facility, key) DO NOTHING`)
	insertLinked   = file.Insert(`subject (facility, key, person)`, `ON CONFLICT (facility, key) DO UPDATE SET person = excluded.person`)
	insertPersons  = file.Insert(`person (id, since)`, ``)
	insertLinks    = file.Insert(`link (facility, subject, person, since, evidence, actor, reason)`, ``)
	insertFeatures = file.Insert(`feature (hash, person, kind)`, `ON CONFLICT DO NOTHING`)
	insertClaims   = file.Insert(`claim (key, person, name, birth)`, `ON CONFLICT (key) DO NOTHING`)
	insertSeen     = file.Insert(`last_seen (facility, at)`, `ON CONFLICT (facility) DO UPDATE SET at = max(at, excluded.at)`)
)

// write writes what was decided: every table once, in order of its key.
func (g *group) write() error {
	for _, step := range []func() error{
		g.writeFiles, g.writeRecords, g.writePlaces, g.writeContents, g.writeTags, g.writeHeads,
		g.writeSubjects, g.writeFeatures, g.writeClaims, g.writeMarks, g.writeLegs, g.writeCounts, g.answerReplays,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// sorted lists the stored members in order of a key.
func (g *group) sorted(compare func(a, b *stored) int) []*stored {
	return slices.SortedStableFunc(slices.Values(g.stored), compare)
}

func (a episodeKey) compare(b episodeKey) int {
	return cmp.Or(cmp.Compare(a.facility, b.facility), bytes.Compare(a.episode[:], b.episode[:]), cmp.Compare(a.kind, b.kind))
}

func (a contentKey) compare(b contentKey) int {
	return cmp.Or(a.episodeKey.compare(b.episodeKey), bytes.Compare(a.content[:], b.content[:]))
}

func (a subjectKey) compare(b subjectKey) int {
	return cmp.Or(cmp.Compare(a.facility, b.facility), bytes.Compare(a.subject[:], b.subject[:]))
}

func (g *group) writeRecords() error {
	args := make([]any, 0, 32*len(g.stored))
	for _, x := range g.stored {
		findings, err := file.Findings(x.Verdict.Findings)
		if err != nil {
			return err
		}
		var subject any
		if x.Subject != nil {
			subject = file.Keyed(x.Subject.Key)
		}
		piece, from, size := x.body.Columns()
		args = append(args, x.row, string(x.File.Facility), x.ID.Serial[:], x.Kind, x.FacilityVersion, file.Micros(x.Received), string(x.Verdict.State),
			int64(x.Version), file.Bool(x.Current), file.Bool(x.Version > 0 && !x.Current), file.Serial(x.Supersedes), file.Serial(x.Withdraws),
			int64(x.Documents), int64(x.File.Lane), x.File.Hash[:], int64(x.Index), subject, x.Episode[:], x.Content[:], int64(x.log), int64(x.leaf),
			x.Verdict.Pack, x.Verdict.TrustEpoch, findings, x.Class, int64(x.Month), file.Blob(x.Wrapped), file.Blob(x.Head), piece, from, size, file.Some(x.Marks))
	}
	_, err := g.tx.ExecBulk(insertRecords, args)
	return err
}

// writePlaces gives files their places. Replays say whether their place is new,
// so they go one by one, after what is stored now.
func (g *group) writePlaces() error {
	args := make([]any, 0, 4*len(g.stored))
	for _, x := range g.sorted(func(a, b *stored) int {
		return cmp.Or(cmp.Compare(a.File.Facility, b.File.Facility), bytes.Compare(a.File.Hash[:], b.File.Hash[:]), cmp.Compare(a.Index, b.Index))
	}) {
		args = append(args, string(x.File.Facility), x.File.Hash[:], int64(x.Index), x.row)
	}
	_, err := g.tx.ExecBulk(insertPlaces, args)
	return err
}

func (g *group) writeContents() error {
	args := make([]any, 0, 5*len(g.stored))
	for _, x := range g.sorted(func(a, b *stored) int { return contentOf(a.Prepared).compare(contentOf(b.Prepared)) }) {
		args = append(args, string(x.File.Facility), x.Episode[:], x.Kind, x.Content[:], x.row)
	}
	_, err := g.tx.ExecBulk(insertContents, args)
	return err
}

// writeTags keeps the tags that the column documents does not say well enough.
func (g *group) writeTags() error {
	type tag struct {
		of  *stored
		tag string
	}
	var tags []tag
	for _, x := range g.stored {
		for _, t := range x.Tags {
			if form.CommonDocument(t) == 0 {
				tags = append(tags, tag{x, t})
			}
		}
	}
	slices.SortStableFunc(tags, func(a, b tag) int {
		return cmp.Or(cmp.Compare(a.of.File.Facility, b.of.File.Facility), cmp.Compare(a.tag, b.tag), a.of.Received.Compare(b.of.Received), cmp.Compare(a.of.row, b.of.row))
	})
	args := make([]any, 0, 4*len(tags))
	for _, t := range tags {
		args = append(args, string(t.of.File.Facility), t.tag, file.Micros(t.of.Received), t.of.row)
	}
	_, err := g.tx.ExecBulk(insertTags, args)
	return err
}

func (g *group) writeHeads() error {
	args := make([]any, 0, 6*len(g.moved))
	for _, k := range slices.SortedFunc(maps.Keys(g.moved), episodeKey.compare) {
		h := g.heads[k]
		args = append(args, string(k.facility), k.episode[:], k.kind, int64(h.Version), file.Serial(h.Current), h.Order)
	}
	_, err := g.tx.ExecBulk(insertHeads, args)
	return err
}

// writeSubjects stores patients, links and persons.
func (g *group) writeSubjects() error {
	var unlinked, linked, persons, links []any
	about := slices.DeleteFunc(slices.Clone(g.stored), func(x *stored) bool { return x.Subject == nil || x.Subject.Key.IsZero() })
	slices.SortStableFunc(about, func(a, b *stored) int { return subjectKeyOf(a.Prepared).compare(subjectKeyOf(b.Prepared)) })
	for _, x := range about {
		s := x.Subject
		f, at := string(x.File.Facility), file.Micros(x.Received)
		if s.Person == (store.PersonID{}) {
			unlinked = append(unlinked, f, s.Key[:], nil)
			continue
		}
		if s.NewPerson {
			persons = append(persons, s.Person[:], at)
		}
		if x.linked {
			linked = append(linked, f, s.Key[:], s.Person[:])
			links = append(links, f, s.Key[:], s.Person[:], at, s.Evidence, "", "")
		}
	}
	for _, w := range []struct {
		into *file.Bulk
		args []any
	}{{insertUnlinked, unlinked}, {insertLinked, linked}, {insertPersons, persons}, {insertLinks, links}} {
		if _, err := g.tx.ExecBulk(w.into, w.args); err != nil {
			return err
		}
	}
	return nil
}

// writeFeatures stores what people who are linked now can be found by, in order
// of the hashes, which are scattered.
func (g *group) writeFeatures() error {
	type feature struct {
		*identity.Feature
		person *store.PersonID
	}
	var features []feature
	for _, x := range g.stored {
		if !x.linked || x.Subject == nil {
			continue
		}
		for i := range x.Subject.Features {
			features = append(features, feature{&x.Subject.Features[i], &x.Subject.Person})
		}
	}
	slices.SortFunc(features, func(a, b feature) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	args := make([]any, 0, 3*len(features))
	for _, f := range features {
		args = append(args, f.Hash[:], f.person[:], f.Kind)
	}
	_, err := g.tx.ExecBulk(insertFeatures, args)
	return err
}

func (g *group) writeClaims() error {
	type claim struct {
		*store.Claim
		person store.PersonID
	}
	var claims []claim
	for _, x := range g.stored {
		if s := x.Subject; s != nil && s.Person != (store.PersonID{}) {
			for i := range s.Claims {
				claims = append(claims, claim{&s.Claims[i], s.Person})
			}
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	args := make([]any, 0, 4*len(claims))
	for i := range claims {
		c := &claims[i]
		args = append(args, c.Key[:], c.person[:], c.Name[:], c.Birth[:])
	}
	_, err := g.tx.ExecBulk(insertClaims, args)
	return err
}

// writeMarks says on older records, and older ones of this group, what became of them.
func (g *group) writeMarks() error {
	for _, x := range g.stored {
		p := x.Prepared
		if !p.Supersedes.IsZero() {
			if err := g.supersede(p.Supersedes, p); err != nil {
				return err
			}
		}
		if !p.Withdraws.IsZero() {
			if err := g.countsNoMore(p.Withdraws); err != nil {
				return err
			}
			if _, err := g.tx.Exec(`UPDATE record SET withdrawn_by = ?, current = 0 WHERE facility = ? AND serial = ?`,
				p.ID.Serial[:], string(p.File.Facility), p.Withdraws.Serial[:]); err != nil {
				return err
			}
			if err := g.transition(p.Withdraws, p, "withdrawn", p.ID); err != nil {
				return err
			}
			if x.head.Current == p.Withdraws {
				x.head.Current = dossier.ID{}
			}
		}
		if old := x.head.Current; p.Version > 0 && p.Current && !old.IsZero() && old != p.Supersedes {
			if err := g.supersede(old, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *group) supersede(old dossier.ID, p *store.Prepared) error {
	if err := g.countsNoMore(old); err != nil {
		return err
	}
	n, err := g.tx.Exec(`UPDATE record SET superseded_by = ?, current = 0 WHERE facility = ? AND serial = ? AND superseded_by IS NULL`,
		p.ID.Serial[:], string(old.Facility), old.Serial[:])
	if err != nil || n == 0 {
		return err
	}
	return g.transition(old, p, "superseded", p.ID)
}

// transition notes an event on a record, caused by p's sender.
func (g *group) transition(id dossier.ID, p *store.Prepared, what string, by dossier.ID) error {
	_, err := g.tx.Exec(`INSERT INTO transition (record, at, what, by, actor, detail) SELECT id, ?, ?, ?, ?, '' FROM record WHERE facility = ? AND serial = ?`,
		file.Micros(p.Received), what, file.Serial(by), p.File.Sender, string(id.Facility), id.Serial[:])
	return err
}

// countsNoMore takes the marks of a record that is no longer current out of the
// scores. One that was not current counts already no more.
func (g *group) countsNoMore(id dossier.ID) error {
	return scores.Leave(g.tx, &g.scores, id)
}

// writeCounts appends what the stored members count, and when each facility was
// heard of.
func (g *group) writeCounts() error {
	sums := file.Deltas{}
	for _, x := range g.stored {
		for _, d := range x.Deltas {
			sums.Add(d, &x.Received)
		}
		if !x.Current {
			continue
		}
		if err := g.scores.Add(house.ScoreDelta{FacilityVersion: x.FacilityVersion, Day: clock.Day(x.Received), Subject: x.Kind, Marks: x.Marks, N: 1}); err != nil {
			return err
		}
	}
	if err := scores.Append(g.tx, &g.scores); err != nil {
		return err
	}
	seen := map[care.FacilityCode]int64{}
	for _, f := range g.files() {
		seen[f.Facility] = max(seen[f.Facility], file.Micros(f.Received))
	}
	args := make([]any, 0, 2*len(seen))
	for _, code := range slices.Sorted(maps.Keys(seen)) {
		args = append(args, string(code), seen[code])
	}
	if _, err := g.tx.ExecBulk(insertSeen, args); err != nil {
		return err
	}
	return sums.Append(g.tx)
}

// answerReplays keeps the places of replays, last: they may be of records and
// in files of this same group.
func (g *group) answerReplays() error {
	for _, x := range g.replays {
		p, r := &g.members[x.n], &store.Stored{Index: g.members[x.n].Index}
		if _, err := file.ScanRecord(g.tx.Row(`SELECT `+file.RecordColumns+` FROM `+file.RecordTables+` WHERE r.id = ?`, x.row), &r.Record); err != nil {
			return err
		}
		if r.Place.Size == 0 {
			g.tx.Settle(&r.Place)
		}
		g.outcomes[x.n].Stored = r
		fresh, err := g.tx.ExecBulk(insertPlaces, []any{string(p.File.Facility), p.File.Hash[:], int64(p.Index), x.row})
		if err != nil {
			return err
		}
		if fresh == 0 {
			continue
		}
		if err := g.transition(x.id, p, "sealed_again", dossier.ID{}); err != nil {
			return err
		}
	}
	return nil
}

// files lists the files that are kept, each once, in order of their keys.
func (g *group) files() []*store.File {
	all := map[fileKey]*store.File{}
	keep := func(f *store.File) {
		if k := (fileKey{f.Facility, f.Hash}); all[k] == nil {
			all[k] = f
		}
	}
	for n := range g.members {
		if s := g.outcomes[n].Status; s == store.StatusStored || s == store.StatusReplay {
			keep(g.members[n].File)
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *store.File) int {
		return cmp.Or(cmp.Compare(a.Facility, b.Facility), compareHash(a.Hash, b.Hash))
	})
}

func compareHash(a, b vault.Keyed) int { return bytes.Compare(a[:], b[:]) }
