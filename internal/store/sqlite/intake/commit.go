package intake

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

// Commit stores a group in one transaction. Its members are judged one after
// the other, each on what the ones before it left, so that of members that
// exclude each other the first is stored.
func (n *Intake) Commit(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	for i := range group {
		if err := check(&group[i]); err != nil {
			return nil, err
		}
	}
	if len(group) == 0 {
		return nil, nil
	}
	var out []store.Outcome
	var c *commit
	err := n.db.Write(ctx, file.LaneOf(lane), len(group), func(tx *file.Tx) error {
		out = make([]store.Outcome, len(group))
		c = &commit{tx: tx, blobs: &n.blobs, deltas: file.Deltas{}, files: map[fileKey]bool{}, seen: map[care.FacilityCode]time.Time{}}
		for i := range group {
			if err := c.member(&group[i], &out[i]); err != nil {
				return err
			}
		}
		return c.end()
	})
	if err != nil {
		return nil, err
	}
	n.blobs.remember(c.wrote)
	return out, nil
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
	if err := store.CheckText(string(f.Facility), f.Sender, f.Class, p.Kind, string(p.Verdict.State), p.Verdict.Pack, p.Order, p.Class); err != nil {
		return err
	}
	if err := store.CheckText(p.Tags...); err != nil {
		return err
	}
	for _, s := range f.Seals {
		if err := store.CheckText(s.Subject, s.Algorithm, s.Bound, s.Revocation); err != nil {
			return err
		}
	}
	if p.Subject != nil {
		if err := store.CheckText(p.Subject.Evidence); err != nil {
			return err
		}
	}
	return checkDeltas(p.Deltas)
}

type fileKey struct {
	facility care.FacilityCode
	hash     vault.Keyed
}

// commit is one group on its way into the file.
type commit struct {
	tx     *file.Tx
	deltas file.Deltas
	files  map[fileKey]bool
	seen   map[care.FacilityCode]time.Time
	now    store.PersonID // whom the present member's subject is linked to
	blobs  *blobs
	wrote  [][32]byte // public blobs, to be remembered once they are durable
}

// end writes what is written once for the group.
func (c *commit) end() error {
	codes := make([]care.FacilityCode, 0, len(c.seen))
	for code := range c.seen {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		if _, err := c.tx.Exec(`INSERT INTO last_seen (facility, at) VALUES (?, ?) ON CONFLICT (facility) DO UPDATE SET at = max(at, excluded.at)`,
			string(code), file.Micros(c.seen[code])); err != nil {
			return err
		}
	}
	return c.deltas.Append(c.tx)
}

// member decides on one dossier and stores it.
func (c *commit) member(p *store.Prepared, out *store.Outcome) error {
	same, head, err := c.held(p)
	if err != nil {
		return err
	}
	switch {
	case same.row == 0 && (!p.ExpectSame.IsZero() || p.Leaf == nil),
		same.row != 0 && !same.accepted && same.id != p.ExpectSame:
		out.Status = store.StatusConflict
		return nil
	case same.row != 0 && (same.accepted || p.Leaf == nil):
		return c.replay(p, same, out)
	}
	holds, err := c.expected(p, head)
	if err != nil {
		return err
	}
	if !holds {
		out.Status = store.StatusConflict
		return nil
	}
	out.Status = store.StatusStored
	return c.keep(p, out)
}

// same is the record last made of a content.
type same struct {
	row      int64 // 0: none
	id       dossier.ID
	accepted bool
}

// heldNow gives, always in one row, the record last made of a content and the
// head of its episode, null where there is none.
const heldNow = `WITH k (facility, episode, kind, content) AS (VALUES (?, ?, ?, ?))
 SELECT r.id, r.serial, r.state, e.version, e.current, e.sequence FROM k
 LEFT JOIN record r ON r.id = (SELECT d.record FROM dossier d
  WHERE d.facility = k.facility AND d.episode = k.episode AND d.kind = k.kind AND d.content = k.content ORDER BY d.record DESC LIMIT 1)
 LEFT JOIN episode e ON e.facility = k.facility AND e.episode = k.episode AND e.kind = k.kind`

// held reads what is stored now of a dossier's content and episode.
func (c *commit) held(p *store.Prepared) (s same, h store.Episode, err error) {
	f := p.File.Facility
	var row, version sql.NullInt64
	var serial, current []byte
	var state, sequence sql.NullString
	if err := c.tx.Row(heldNow, string(f), p.Episode[:], p.Kind, p.Content[:]).Scan(&row, &serial, &state, &version, &current, &sequence); err != nil {
		return same{}, store.Episode{}, err
	}
	if !row.Valid && !p.ExpectSame.IsZero() { // found under an older pepper
		err := c.tx.Row(`SELECT id, serial, state FROM record WHERE facility = ? AND serial = ? AND kind = ?`, string(f), p.ExpectSame.Serial[:], p.Kind).
			Scan(&row, &serial, &state)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return same{}, store.Episode{}, err
		}
	}
	h.Version, h.Order = int(version.Int64), sequence.String
	if h.Current, err = file.ID(f, current); err != nil || !row.Valid {
		return same{}, h, err
	}
	s.row, s.accepted = row.Int64, accepted(state.String)
	s.id, err = file.ID(f, serial)
	return s, h, err
}

// replay keeps the file and the place in it.
func (c *commit) replay(p *store.Prepared, s same, out *store.Outcome) error {
	r := &store.Stored{Index: p.Index}
	if _, err := file.ScanRecord(c.tx.Row(`SELECT `+file.RecordColumns+` FROM `+file.RecordTables+` WHERE r.id = ?`, s.row), &r.Record); err != nil {
		return err
	}
	if r.Place.Size == 0 {
		c.tx.Settle(&r.Place)
	}
	out.Status, out.Stored = store.StatusReplay, r
	fresh, err := c.place(p, s.row)
	if err != nil || !fresh {
		return err
	}
	return c.transition(s.id, p, "sealed_again", dossier.ID{})
}

// expected holds what p was prepared against to what is stored now.
func (c *commit) expected(p *store.Prepared, head store.Episode) (bool, error) {
	f := string(p.File.Facility)
	if p.Verdict.State.IsAccepted() && (p.Version > 0 || !p.Withdraws.IsZero()) && !head.Is(p.ExpectHead) {
		return false, nil
	}
	if !p.Withdraws.IsZero() {
		var state string
		var by []byte
		err := c.tx.Row(`SELECT state, withdrawn_by FROM record WHERE facility = ? AND serial = ?`, f, p.Withdraws.Serial[:]).Scan(&state, &by)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (!accepted(state) || by != nil) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return c.expectedSubject(p)
}

// keep stores a record and all that goes with it.
func (c *commit) keep(p *store.Prepared, out *store.Outcome) error {
	log, leaf, err := c.tx.Leaf(p.Leaf, &out.Place)
	if err != nil {
		return err
	}
	row, err := c.record(p, log, leaf)
	if err != nil {
		return err
	}
	if _, err := c.place(p, row); err != nil {
		return err
	}
	f := string(p.File.Facility)
	if p.Body != nil {
		if _, err := c.tx.Exec(`INSERT INTO body (record, data) VALUES (?, ?)`, row, p.Body); err != nil {
			return err
		}
	}
	if _, err := c.tx.Exec(`INSERT INTO dossier (facility, episode, kind, content, record) VALUES (?, ?, ?, ?, ?)`,
		f, p.Episode[:], p.Kind, p.Content[:], row); err != nil {
		return err
	}
	for _, tag := range p.Tags {
		if _, err := c.tx.Exec(`INSERT INTO tag (facility, tag, received, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			f, tag, file.Micros(p.Received), row); err != nil {
			return err
		}
	}
	if err := c.marks(p); err != nil {
		return err
	}
	if err := c.subject(p); err != nil {
		return err
	}
	for _, d := range p.Deltas {
		c.deltas.Add(d, &p.Received)
	}
	return nil
}

func (c *commit) record(p *store.Prepared, log int, leaf uint64) (int64, error) {
	findings, err := file.Findings(p.Verdict.Findings)
	if err != nil {
		return 0, err
	}
	var subject any
	if p.Subject != nil {
		subject = file.Keyed(p.Subject.Key)
	}
	return c.tx.Insert(`INSERT INTO record (facility, serial, kind, facility_version, received, state, version, current, late,
 supersedes, withdraws, documents, lane, file, idx, subject, episode, content, log, leaf, pack, trust_epoch, findings, class, month, wrapped, head)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(p.File.Facility), p.ID.Serial[:], p.Kind, p.FacilityVersion, file.Micros(p.Received), string(p.Verdict.State), p.Version, p.Current,
		p.Version > 0 && !p.Current, file.Serial(p.Supersedes), file.Serial(p.Withdraws), p.Documents, int(p.File.Lane), p.File.Hash[:], p.Index,
		subject, p.Episode[:], p.Content[:], log, int64(leaf), p.Verdict.Pack, p.Verdict.TrustEpoch, findings, p.Class, p.Month, p.Wrapped, p.Head)
}

// marks moves the episode's head and says on older records what became of them.
func (c *commit) marks(p *store.Prepared) error {
	h := p.ExpectHead
	if !p.Supersedes.IsZero() {
		if err := c.supersede(p.Supersedes, p); err != nil {
			return err
		}
	}
	if !p.Withdraws.IsZero() {
		if _, err := c.tx.Exec(`UPDATE record SET withdrawn_by = ?, current = 0 WHERE facility = ? AND serial = ?`,
			p.ID.Serial[:], string(p.File.Facility), p.Withdraws.Serial[:]); err != nil {
			return err
		}
		if err := c.transition(p.Withdraws, p, "withdrawn", p.ID); err != nil {
			return err
		}
		if h.Current == p.Withdraws {
			h.Current, h.Order = dossier.ID{}, ""
		}
	}
	if p.Version > 0 {
		h.Version = p.Version
		if p.Current {
			if !h.Current.IsZero() && h.Current != p.Supersedes {
				if err := c.supersede(h.Current, p); err != nil {
					return err
				}
			}
			h.Current, h.Order = p.ID, p.Order
		}
	}
	if !p.Verdict.State.IsAccepted() || h.Is(p.ExpectHead) {
		return nil
	}
	_, err := c.tx.Exec(`INSERT INTO episode (facility, episode, kind, version, current, sequence) VALUES (?, ?, ?, ?, ?, ?)
 ON CONFLICT (facility, episode, kind) DO UPDATE SET version = excluded.version, current = excluded.current, sequence = excluded.sequence`,
		string(p.File.Facility), p.Episode[:], p.Kind, h.Version, file.Serial(h.Current), h.Order)
	return err
}

func (c *commit) supersede(old dossier.ID, p *store.Prepared) error {
	n, err := c.tx.Exec(`UPDATE record SET superseded_by = ?, current = 0 WHERE facility = ? AND serial = ? AND superseded_by IS NULL`,
		p.ID.Serial[:], string(old.Facility), old.Serial[:])
	if err != nil || n == 0 {
		return err
	}
	return c.transition(old, p, "superseded", p.ID)
}

// transition notes an event on a record, caused by p's sender.
func (c *commit) transition(id dossier.ID, p *store.Prepared, what string, by dossier.ID) error {
	_, err := c.tx.Exec(`INSERT INTO transition (record, at, what, by, actor, detail) SELECT id, ?, ?, ?, ?, '' FROM record WHERE facility = ? AND serial = ?`,
		file.Micros(p.Received), what, file.Serial(by), p.File.Sender, string(id.Facility), id.Serial[:])
	return err
}

// place keeps the file, once, and gives the dossier's place in it to a record.
// It reports whether the record was not there before.
func (c *commit) place(p *store.Prepared, row int64) (bool, error) {
	f := p.File
	if k := (fileKey{f.Facility, f.Hash}); !c.files[k] {
		if err := c.file(f); err != nil {
			return false, err
		}
		c.files[k] = true
		if f.Received.After(c.seen[f.Facility]) {
			c.seen[f.Facility] = f.Received
		}
	}
	n, err := c.tx.Exec(`INSERT INTO place (facility, file, idx, record) VALUES (?, ?, ?, ?)
 ON CONFLICT (facility, file, idx) DO UPDATE SET record = excluded.record WHERE record <> excluded.record`, string(f.Facility), f.Hash[:], p.Index, row)
	return n > 0, err
}

func (c *commit) file(f *store.File) error {
	certificates := make([]byte, 0, 32*len(f.Certificates))
	for i := range f.Certificates {
		b := &f.Certificates[i]
		certificates = append(certificates, b.Hash[:]...)
		if c.blobs.has(b.Hash) {
			continue
		}
		c.wrote = append(c.wrote, b.Hash)
		if _, err := c.tx.Exec(`INSERT INTO public_blob (hash, data) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, b.Hash[:], b.Data); err != nil {
			return err
		}
	}
	seals, err := json.Marshal(f.Seals)
	if err != nil {
		return err
	}
	_, err = c.tx.Exec(`INSERT INTO file (facility, hash, digest, size, received, sender, lane, wrapped, class, month, certificates, seals, dossiers, skeleton)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (facility, hash) DO NOTHING`,
		string(f.Facility), f.Hash[:], f.Digest[:], f.Size, file.Micros(f.Received), f.Sender, int(f.Lane), f.Wrapped, f.Class, f.Month,
		certificates, string(seals), f.Dossiers, f.Skeleton)
	return err
}
