package hub

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/vault"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/portal/desk"
	"lienthong/internal/web/portal/view"
)

// openPortal wires the pages for people.
func (h *Hub) openPortal() error {
	d, err := desk.New(desk.Slices{
		Counters: h.Slices.Counters, Records: h.Slices.Records, Facilities: h.Slices.Facilities, Disclosures: h.Slices.Disclosures,
		Acts: h.Slices.Keys, Episode: h.episode,
	}, h.cfg.Clock)
	if err != nil {
		return err
	}
	rooms := &rooms{hub: h, clock: h.cfg.Clock}
	h.portal, err = portal.New(portal.Deps{Boards: d, Messages: d, Trail: d, Content: rooms, Sender: rooms, Sessions: h.Sessions, Rules: rules{h.Rules}},
		portal.Config{Clock: h.cfg.Clock, Log: h.cfg.Logger, Demo: h.cfg.Demo, PublicURL: h.cfg.PublicURL, Kinds: h.Kinds.Names(), Try: h.cfg.Try})
	return err
}

// episode hashes an episode code as intake does.
func (h *Hub) episode(code care.FacilityCode, text string) ([]vault.Keyed, error) {
	id, err := care.ParseEpisodeID(text)
	if err != nil {
		return nil, err
	}
	return h.Vault.HashAll(vault.Episode, []byte(code), []byte(id)), nil
}

// rooms is what the portal's pages ask of disclosure and intake.
type rooms struct {
	hub   *Hub
	clock clock.Clock
}

func reader(r view.Reader) disclose.Reader {
	return disclose.Reader{Role: r.Role, Name: "session:" + r.Mark, Route: r.Route, Reason: r.Reason}
}

// Open opens a record's content; the look is on disk before it returns.
func (m *rooms) Open(ctx context.Context, who view.Reader, id dossier.ID) (*view.Opened, error) {
	o, err := m.hub.Disclose.Open(ctx, reader(who), id)
	if err != nil {
		return nil, err
	}
	receipt, err := m.hub.Disclose.Receipt(ctx, reader(who), id)
	if err != nil {
		return nil, err
	}
	opened := &view.Opened{Episode: o.Episode, Content: o.Read.Content, Receipt: receipt}
	if opened.Content == nil {
		opened.Content = &dossier.Content{}
	}
	doc, err := ledger.ParseDocument(receipt)
	if err != nil {
		return nil, err
	}
	body, err := ledger.ParseBody(doc.Body)
	if err != nil {
		return nil, err
	}
	opened.Digest = body.ContentSHA256
	for _, s := range o.Seals {
		opened.Seals = append(opened.Seals, view.Seal{Subject: s.Subject, Algorithm: s.Algorithm, Revocation: s.Revocation, Expired: s.Expired})
	}
	return opened, nil
}

// Original gives the file a record came in, or what the reader may have of it.
func (m *rooms) Original(ctx context.Context, who view.Reader, id dossier.ID) (portal.File, error) {
	raw, redacted, err := m.hub.Disclose.Original(ctx, reader(who), id)
	if err != nil {
		return portal.File{}, err
	}
	name := id.String() + ".xml"
	if redacted {
		name = id.String() + ".redacted.xml"
	}
	return portal.File{Name: name, Type: "application/xml", Data: raw}, nil
}

// Receipt gives the receipt document.
func (m *rooms) Receipt(ctx context.Context, who view.Reader, id dossier.ID) ([]byte, error) {
	return m.hub.Disclose.Receipt(ctx, reader(who), id)
}

// Verify checks the record's receipt offline, and that its checkpoint lies in
// the ledger as it stands now.
func (m *rooms) Verify(ctx context.Context, who view.Reader, id dossier.ID) (view.Proof, error) {
	receipt, err := m.hub.Disclose.Receipt(ctx, reader(who), id)
	if err != nil {
		return view.Proof{}, err
	}
	doc, err := ledger.ParseDocument(receipt)
	if err != nil {
		return view.Proof{}, err
	}
	p := view.Proof{At: m.clock.Now(), Origin: doc.Origin, Leaf: doc.Index}
	key, err := ledger.LogKeyFromSeed(doc.Origin, m.hub.cfg.Keys.LogSeed)
	if err != nil {
		return p, err
	}
	report, err := ledger.Verify(receipt, ledger.VerifyOptions{LogKeys: []string{key.Verifier()}})
	if err != nil {
		return p, err
	}
	p.Size = report.Checkpoint.Size
	if !report.OK || !report.Trusted {
		p.Problem = failing(report)
		return p, nil
	}
	place, err := m.hub.Slices.Records.Get(ctx, who.Role.Scope(), id)
	if err != nil {
		return p, err
	}
	p.Right, p.Problem, err = m.consistent(ctx, place.Place.Log, key.Verifier(), report.Checkpoint)
	return p, err
}

func failing(r ledger.Report) fault.Text {
	for _, s := range r.Steps {
		if !s.OK {
			return s.Text
		}
	}
	return fault.Text{}
}

// consistent proves that the log's newest checkpoint extends the receipt's.
func (m *rooms) consistent(ctx context.Context, log int, verifier string, old ledger.Checkpoint) (bool, fault.Text, error) {
	head, err := m.hub.Slices.Ledger.Head(ctx, log)
	if err != nil {
		return false, fault.Text{}, err
	}
	now, err := ledger.OpenCheckpoint(head.Checkpoint, verifier)
	if err != nil {
		return false, fault.Of(err).Text, nil
	}
	proof, err := m.hub.Receipts.Reader(log).ProveConsistency(ctx, old.Size, now.Size)
	if err != nil {
		return false, fault.Text{}, err
	}
	if !ledger.CheckConsistency(proof, old, now) {
		return false, fault.Text{VI: "Sổ hiện nay không nối tiếp sổ lúc ra biên nhận. Báo ngay cho trực vận hành.",
			EN: "The ledger of today does not continue the one of the receipt. Tell the operator on duty at once."}, nil
	}
	return true, fault.Text{}, nil
}

// Check judges a file and keeps nothing.
func (m *rooms) Check(ctx context.Context, r role.Role, name string, data []byte) ([]view.Result, error) {
	checker := &intake.Checker{Kinds: m.hub.Kinds, Seals: m.hub.Intake.Seals, Rules: m.hub.Rules, Trust: m.hub.Trust.Current()}
	p, err := checker.Check(ctx, intake.File{Name: name, Bytes: data}, m.clock.Now())
	if err != nil {
		return refusedAlone(err)
	}
	out := make([]view.Result, len(p.Results))
	for i := range p.Results {
		if p.Results[i].Facility != r.ID {
			return refusedAlone(intake.ErrSender)
		}
		out[i] = resultView(&p.Results[i])
	}
	return out, nil
}

// Submit sends a file as the reader's facility.
func (m *rooms) Submit(ctx context.Context, who view.Reader, name string, data []byte) ([]view.Result, error) {
	release, err := m.hub.Intake.Reserve(ctx, int64(len(data)), false)
	if err != nil {
		return nil, err
	}
	defer release()
	from := intake.Sender{Facility: care.FacilityCode(who.Role.ID), Name: "session:" + who.Mark}
	answers, err := m.hub.Intake.Submit(ctx, from, intake.File{Name: name, Bytes: data})
	if err != nil {
		return refusedAlone(err)
	}
	out := make([]view.Result, len(answers))
	for i, a := range answers {
		if a.Deferred != nil {
			return nil, fault.New(fault.Busy, a.Deferred.Code, a.Deferred.Message.VI, a.Deferred.Message.EN)
		}
		out[i] = resultView(a.Result)
	}
	return out, nil
}

// refusedAlone shows a refusal as the one result of the file; what is no
// refusal stays an error.
func refusedAlone(err error) ([]view.Result, error) {
	f := fault.Of(err)
	switch f.Kind {
	case fault.Invalid, fault.TooLarge, fault.Withheld:
		return []view.Result{{Refused: true, Code: f.Code, Message: f.Text}}, nil
	}
	return nil, err
}

func resultView(r *intake.Result) view.Result {
	v := view.Result{Index: r.Index, Record: r.Record, Episode: r.Episode, Kind: r.Kind, State: r.State, Replay: r.Replay, Receipt: r.Receipt}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, dossier.Finding{Code: f.Code, Severity: f.Severity, Blocks: f.Blocks, Table: f.Table, Row: f.Row,
			Field: f.Field, Line: f.Line, Hint: f.Hint})
	}
	return v
}

// rules tells the portal what a code means.
type rules struct{ pack *quality.Pack }

// Rule returns the rule of a code.
func (r rules) Rule(code string) (view.Rule, bool) {
	q, ok := r.pack.Rule(code)
	return view.Rule{Code: q.Code, Severity: q.Severity, Blocks: q.Blocks, Text: q.Text, Hint: q.Hint, Source: q.Source}, ok
}

var (
	_ portal.Content = (*rooms)(nil)
	_ portal.Sender  = (*rooms)(nil)
)
