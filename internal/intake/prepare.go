package intake

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/forward"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// birthDomain: dates of birth, which only intake hashes.
const birthDomain vault.Domain = "birth"

// receipt is what a dossier's receipt document will be made of.
type receipt struct {
	evidence.Head
}

func claimDomain(identifier string) vault.Domain {
	if identifier == identity.CitizenNumber {
		return vault.Citizen
	}
	return vault.Card
}

// split cuts the file into skeleton and inner documents, and seals the
// skeleton: once for all dossiers of the file, to be kept as the class says.
func (t *task) split(ctx context.Context, class string) error {
	if t.stored != nil {
		return nil
	}
	parts, err := body.Split(t.joined(), t.opened.Spans(), t.opened.Extracts()...)
	if err != nil {
		return fmt.Errorf("intake: splitting the file: %w", err)
	}
	envelope, certificates, err := t.envelope(parts.Skeleton)
	if err != nil {
		return fmt.Errorf("intake: packing the seals of the file: %w", err)
	}
	t.parts = parts
	month := MonthOf(t.received)
	if err := t.in.months.ensure(ctx, class, month); err != nil {
		return err
	}
	f := &store.File{
		Facility: t.facility, Hash: t.hashes[0], Digest: t.digest, Size: int64(len(t.file.Bytes)),
		Received: t.received, Sender: t.from.Name, Lane: t.lane(), Class: class, Month: month,
		Seals: t.seals, Dossiers: t.opened.Len(), Software: Software(t.file.Software),
	}
	for _, c := range append(certificates, parts.Certificates...) {
		if !slices.ContainsFunc(f.Certificates, func(b store.Blob) bool { return b.Hash == c.Hash }) {
			f.Certificates = append(f.Certificates, store.Blob{Hash: c.Hash, Data: c.Data})
		}
	}
	sealed, err := t.in.Vault.Seal(f.Class, month, evidence.FileName(f), t.in.Codec.Encode(nil, envelope.Marshal()))
	if err != nil {
		return fmt.Errorf("intake: sealing the skeleton: %w", err)
	}
	f.Wrapped, f.Skeleton = sealed.Wrapped, sealed.Parts[0]
	t.stored = f
	return nil
}

// prepare makes everything of a dossier that its commit needs, against what is
// known now.
func (t *task) prepare(ctx context.Context, it *item) (store.Prepared, receipt, error) {
	j, known := it.judged, it.known
	p := store.Prepared{
		File: t.stored, Index: it.index, Kind: t.reader.Name(), FacilityVersion: t.version.ID, Received: t.received,
		Episode: j.query.Episode[0], Content: j.query.Content[0], ExpectHead: known.Head,
	}
	if !known.Head.Key.IsZero() {
		p.Episode = known.Head.Key // kept under an older pepper: one episode, one key
	}
	replaced, findings, err := t.follow(ctx, it, j.findings)
	if err != nil {
		return p, receipt{}, err
	}
	if quality.Verdict(findings, t.rules, t.trust.Epoch).State.IsAccepted() { // what is rejected only now is about nobody either
		if findings, err = t.identify(&p, j, known, findings); err != nil {
			return p, receipt{}, err
		}
	}
	j.told = findings
	p.Verdict = quality.Verdict(findings, t.rules, t.trust.Epoch)
	if same := known.Same; same != nil {
		p.ExpectSame = same.ID
		if same.Verdict.State.IsAccepted() || !same.Erased.IsZero() || sameVerdict(same.Verdict, p.Verdict) {
			return p, receipt{}, nil // a place only: nothing new is said
		}
	}
	if p.ID, err = dossier.NewID(t.facility, t.received, t.in.cfg.Random); err != nil {
		return p, receipt{}, err
	}
	t.number(&p, j, known)
	if !replaced.IsZero() && p.Verdict.State.IsAccepted() {
		p.Supersedes = replaced
	}
	t.label(&p, j)
	rec, err := t.issue(&p, j)
	if err != nil {
		return p, rec, err
	}
	p.Leaf = rec.Receipt.Leaf()
	p.Legs = forward.Record(t.in.Plan, &p)
	p.Deltas = deltas(&p, known.Head)
	if it.replaced != nil && p.Supersedes == replaced && !replaced.IsZero() {
		p.Deltas = append(p.Deltas, supersededDelta(p.Kind, it.replaced.Head))
	}
	return p, rec, t.sealRecord(&p, it, rec)
}

// number gives an accepted dossier its version. An older one that arrives late
// is stored as superseded already (DESIGN §3 "version").
func (t *task) number(p *store.Prepared, j *judged, known store.Known) {
	if known.Same != nil {
		p.Supersedes = known.Same.ID // the verdict on this content that no longer holds
	}
	if !p.Verdict.State.IsAccepted() {
		return
	}
	p.Order = order(j.read.Sequence, t.opened.Created().String())
	p.Version = known.Head.Version + 1
	p.Current = known.Head.Current.IsZero() || !dossier.Older(p.Order, known.Head.Order)
	if p.Current && !known.Head.Current.IsZero() {
		p.Supersedes = known.Head.Current
	}
}

// order is what versions of an episode are ordered by: the sender's sequence,
// else its date of the file; equal ones, and those of different sorts, are in
// order of arrival (dossier.Older).
func order(sequence, created string) string {
	if sequence != "" {
		return "s" + sequence
	}
	if created != "" {
		return "d" + created
	}
	return ""
}

// sameVerdict reports whether judging again came to what was said before.
func sameVerdict(a, b dossier.Verdict) bool {
	if a.State != b.State || len(a.Findings) != len(b.Findings) {
		return false
	}
	for i, f := range a.Findings {
		g := b.Findings[i]
		if f.Code != g.Code || f.Table != g.Table || f.Row != g.Row || f.Field != g.Field {
			return false
		}
	}
	return true
}

// identify decides whom the dossier is about. It returns the findings with
// identity's own added.
func (t *task) identify(p *store.Prepared, j *judged, known store.Known, findings []dossier.Finding) ([]dossier.Finding, error) {
	if len(j.query.Subject) == 0 {
		return findings, nil
	}
	subject := identity.Subject{}
	key := j.query.Subject[0]
	if s := known.Subject; s != nil {
		subject, key = identity.Subject{Person: s.Person, Barred: s.Barred}, s.Key
	}
	held := make([]identity.Held, len(known.Claims))
	for i, c := range known.Claims {
		held[i] = identity.Held{Person: c.Person, Agrees: slices.Contains(j.name, c.Name) && slices.Contains(j.birth, c.Birth)}
	}
	d, err := identity.Decide(subject, held, t.in.names)
	if err != nil {
		return nil, err
	}
	p.Subject = &store.NewSubject{Key: key, Person: d.Person, NewPerson: d.New, Linked: d.Linked}
	if d.Linked {
		p.Subject.Evidence = "subject"
	} else if d.Person != (identity.Person{}) {
		p.Subject.Evidence = j.patient.IDs[0].Type
	}
	for _, i := range d.Take {
		p.Subject.Claims = append(p.Subject.Claims, store.Claim{Key: j.query.Claims[i][0], Person: d.Person, Name: j.name[0], Birth: j.birth[0]})
	}
	if !d.Linked && d.Person != (identity.Person{}) {
		told := j.read.Patient.Told()
		p.Subject.Features = kind.Features(t.in.Vault, told.Traits())
	}
	if d.Finding == "" {
		return findings, nil
	}
	f := dossier.Finding{Code: d.Finding, Severity: dossier.Warning}
	switch name := t.reader.Name(); name { // other kinds have the number elsewhere
	case quality.KindDossier:
		f.Table, f.Row, f.Field = "XML1", 1, "SO_CCCD"
	case quality.KindCheckIn:
		f.Table, f.Row, f.Field = "XML0", 1, "SO_CCCD"
	}
	return append(slices.Clip(findings), f), nil
}

// label fills in the tables a dossier has, as bits, and the tags it can be
// asked and counted by: its finding codes and, when it is accepted, its
// documents.
func (t *task) label(p *store.Prepared, j *judged) {
	for _, f := range firsts(p.Verdict.Findings) {
		p.Tags = append(p.Tags, f.Code)
	}
	documents, tags := j.read.Label(t.reader.View(), p.Verdict.State.IsAccepted())
	p.Documents = documents
	p.Tags = append(p.Tags, tags...)
	if p.Verdict.State.IsAccepted() {
		p.Marks = t.in.marks(p.Kind, j, p.Verdict.Findings, t.received)
	}
}

func (t *task) issue(p *store.Prepared, j *judged) (receipt, error) {
	b := ledger.Body{
		V: 1, Hub: t.in.cfg.Hub, Record: p.ID.String(), Facility: string(t.facility), Episode: j.read.Episode, Kind: p.Kind,
		State: string(p.Verdict.State), FileSHA256: hex.EncodeToString(t.digest[:]), ContentSHA256: hex.EncodeToString(j.content[:]),
		InnerSHA256: make([]string, len(j.inner)), Pack: p.Verdict.Pack, TrustEpoch: p.Verdict.TrustEpoch,
		Version: p.Version, Supersedes: p.Supersedes.String(),
		ReceivedAt: t.received, Durability: t.in.cfg.Durability, Findings: make([]ledger.Finding, len(p.Verdict.Findings)),
	}
	for i, h := range j.inner {
		b.InnerSHA256[i] = hex.EncodeToString(h[:])
	}
	for i, f := range p.Verdict.Findings {
		b.Findings[i] = ledgerFinding(f)
	}
	salt, err := ledger.NewSalt(t.in.cfg.Random)
	if err != nil {
		return receipt{}, err
	}
	r, err := ledger.Issue(b, t.in.Key, salt)
	if err != nil {
		return receipt{}, fmt.Errorf("intake: issuing the receipt: %w", err)
	}
	return receipt{evidence.Head{Episode: j.read.Episode, Receipt: r}}, nil
}

func ledgerFinding(f dossier.Finding) ledger.Finding {
	out := ledger.Finding{Code: f.Code, Severity: string(f.Severity), Table: f.Table, Row: f.Row, Field: f.Field}
	for _, b := range f.Blocks {
		out.Blocks = append(out.Blocks, string(b))
	}
	return out
}

// sealRecord seals head and body under a data key of their own.
func (t *task) sealRecord(p *store.Prepared, it *item, r receipt) error {
	p.Class, p.Month = it.judged.class, MonthOf(t.received)
	sealed, err := t.in.Vault.Seal(p.Class, p.Month, evidence.RecordName(p.ID), r.Marshal(), t.in.Codec.EncodeDossier(nil, t.parts, it.index))
	if err != nil {
		return fmt.Errorf("intake: sealing the record: %w", err)
	}
	p.Wrapped, p.Head, p.Body = sealed.Wrapped, sealed.Parts[evidence.PartHead], sealed.Parts[evidence.PartBody]
	return nil
}

// deltas are the counters a record moves: its state, its finding codes once
// each and for each purpose they block, its documents, and the version it
// replaces. It is what Counters.Recount finds in the rows.
func deltas(p *store.Prepared, head store.Episode) []store.Delta {
	day := clock.Day(p.Received)
	var out []store.Delta
	one := func(measure, purpose string) {
		out = append(out, store.Delta{FacilityVersion: p.FacilityVersion, Day: day, Kind: p.Kind, Measure: measure, Purpose: purpose, N: 1})
	}
	one(string(p.Verdict.State), "")
	for _, tag := range p.Tags {
		if strings.HasPrefix(tag, kind.DocumentTag) {
			one(tag, "")
		}
	}
	for _, f := range firsts(p.Verdict.Findings) {
		if len(f.Blocks) == 0 {
			one("code:"+f.Code, "")
		}
		for _, purpose := range f.Blocks {
			one("code:"+f.Code, string(purpose))
		}
	}
	switch {
	case !p.Verdict.State.IsAccepted():
	case !p.Current:
		one("superseded", "")
	case !head.Current.IsZero():
		out = append(out, supersededDelta(p.Kind, head))
	}
	return out
}

// supersededDelta counts the current record of a head as superseded.
func supersededDelta(kind string, head store.Episode) store.Delta {
	return store.Delta{FacilityVersion: head.FacilityVersion, Day: head.Day, Kind: kind, Measure: "superseded", N: 1}
}

// follow adds what the store makes of a dossier that may not be followed by
// another content, or that replaces one under another name. It returns the
// record replaced, zero without one. What cannot be replaced is a finding: the
// new dossier stands all the same.
func (t *task) follow(ctx context.Context, it *item, findings []dossier.Finding) (dossier.ID, []dossier.Finding, error) {
	j := it.judged
	if j.read.Once != "" && it.known.Head.Version > 0 && (it.known.Same == nil || !it.known.Same.Verdict.State.IsAccepted()) {
		findings = append(slices.Clip(findings), dossier.Finding{Code: j.read.Once, Severity: dossier.Error})
	}
	if it.replaced == nil {
		return dossier.ID{}, findings, nil
	}
	head := it.replaced.Head
	why := ""
	switch {
	case head.Version == 0:
		why = j.read.Replacing[0]
	case head.Current.IsZero():
		why = j.read.Replacing[1]
	default:
		old, err := t.in.Records.Get(ctx, role.Scope{Facility: t.facility}, head.Current)
		if err != nil {
			return dossier.ID{}, nil, err
		}
		if old.SupersededBy.IsZero() || it.known.Same != nil && old.SupersededBy == it.known.Same.ID {
			return head.Current, findings, nil
		}
		why = j.read.Replacing[1]
	}
	return dossier.ID{}, append(slices.Clip(findings), dossier.Finding{Code: why, Severity: dossier.Warning}), nil
}

// firsts returns the first finding of each code.
func firsts(findings []dossier.Finding) []dossier.Finding {
	var out []dossier.Finding
	for _, f := range findings {
		if !slices.ContainsFunc(out, func(g dossier.Finding) bool { return g.Code == f.Code }) {
			out = append(out, f)
		}
	}
	return out
}

// recordOf is the stored row of what was prepared, without asking for it again.
func recordOf(p *store.Prepared, at store.LeafPlace) *store.Stored {
	r := store.Record{
		ID: p.ID, Kind: p.Kind, FacilityVersion: p.FacilityVersion, Received: p.Received, Verdict: p.Verdict,
		Version: p.Version, Current: p.Current, Supersedes: p.Supersedes, Withdraws: p.Withdraws, Documents: p.Documents, Lane: p.File.Lane,
		File: p.File.Hash, Index: p.Index, Class: p.Class, Month: p.Month, Wrapped: p.Wrapped, Head: p.Head, Place: at,
	}
	if p.Subject != nil {
		r.Subject, r.Person = p.Subject.Key, p.Subject.Person
	}
	return &store.Stored{Record: r, Index: p.Index}
}

// RetryAfter is how many seconds a sender should wait after a deferral: longer
// the more was deferred lately, and never the same for all.
func (in *Intake) RetryAfter() int { return in.busy.wait(time.Now()) }
