// Package content answers what the portal asks of content, receipts and sending,
// out of packages disclose, ledger, intake and quality. It decides nothing:
// every opening goes through disclose, every file through intake. Numbers and
// lists are package desk's.
package content

import (
	"context"
	"errors"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/jsondoc"
	kindslip "lienthong/internal/kind/slip"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/slip"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Discloser opens records; *disclose.Discloser is one.
type Discloser interface {
	Open(ctx context.Context, reader disclose.Reader, id dossier.ID) (*disclose.Opened, error)
	Original(ctx context.Context, reader disclose.Reader, id dossier.ID) (raw []byte, redacted bool, err error)
	Receipt(ctx context.Context, reader disclose.Reader, id dossier.ID) ([]byte, error)
	Book(ctx context.Context, reader disclose.Reader, id dossier.ID, limit int) ([]*disclose.Opened, error)
}

// Taker takes files; *intake.Intake is one.
type Taker interface {
	Reserve(ctx context.Context, bytes int64, wait bool) (release func(), err error)
	Submit(ctx context.Context, from intake.Sender, f intake.File) ([]intake.Answer, error)
}

// Opener is portal.Content over a discloser.
type Opener struct {
	from    Discloser
	logKeys []string
	clock   clock.Clock
}

// NewOpener returns an opener over from; receipts are verified against
// the logs' verifier lines.
func NewOpener(from Discloser, logKeys []string, clk clock.Clock) (*Opener, error) {
	if from == nil || clk == nil || len(logKeys) == 0 {
		return nil, errors.New("content: a discloser, the logs' keys and a clock are needed")
	}
	return &Opener{from, logKeys, clk}, nil
}

func reader(r view.Reader) disclose.Reader {
	return disclose.Reader{Role: r.Role, Name: r.Mark, Route: r.Route, Reason: r.Reason}
}

// Open opens a record; its documents come in the order a reader wants them.
func (c *Opener) Open(ctx context.Context, r view.Reader, id dossier.ID) (*view.Opened, error) {
	o, err := c.from.Open(ctx, reader(r), id)
	if err != nil {
		return nil, err
	}
	out := &view.Opened{Episode: o.Episode, Content: ordered(o.Read.Content, o.View.Documents), Spec: o.Read.Spec, Slip: slipOf(o), Papers: o.Papers,
		Patient: view.Patient{Name: o.Read.Patient.Name, Birth: o.Read.Patient.Birth, Sex: o.Read.Patient.Sex, CitizenID: o.Read.Patient.CitizenID}}
	for _, s := range o.Seals {
		out.Seals = append(out.Seals, view.Seal{Subject: s.Subject, Algorithm: s.Algorithm, Revocation: s.Revocation, Expired: s.Expired, Person: s.Role == store.RolePerson})
	}
	doc, err := c.from.Receipt(ctx, reader(r), id)
	if errors.Is(err, store.ErrAbsent) || errors.Is(err, disclose.ErrCompartment) {
		return out, nil // erased, and its receipt with it; or the receipt is not this reader's
	} else if err != nil {
		return nil, err
	}
	d, err := ledger.ParseDocument(doc)
	if err != nil {
		return nil, err
	}
	body, err := ledger.ParseBody(d.Body)
	if err != nil {
		return nil, err
	}
	out.Receipt, out.Digest = doc, body.ContentSHA256
	return out, nil
}

// slipOf is how long an opened slip holds, nil for other kinds.
func slipOf(o *disclose.Opened) *slip.Validity {
	if o.Record.Kind != kindslip.Name || o.Read.Content == nil || len(o.Read.Content.All) == 0 {
		return nil
	}
	v := kindslip.ValidityOf(o.Read.Content.All[0])
	return &v
}

// bookLimit is how many records a health book is made of at most.
const bookLimit = 200

// Book opens the records of the same person, newest first.
func (c *Opener) Book(ctx context.Context, r view.Reader, id dossier.ID) ([]view.BookEntry, error) {
	book, err := c.from.Book(ctx, reader(r), id, bookLimit)
	if err != nil {
		return nil, err
	}
	out := make([]view.BookEntry, 0, len(book))
	for _, o := range book {
		if o.Read.Content == nil {
			continue
		}
		out = append(out, view.BookEntry{ID: o.Record.ID, Kind: o.Record.Kind, Title: o.View.Title, At: o.Record.Received, Episode: o.Episode, Content: o.Read.Content, Spec: o.Read.Spec, Slip: slipOf(o)})
	}
	return out, nil
}

// ordered puts the tables named first, in that order, then the others as sent.
func ordered(content *dossier.Content, first []string) *dossier.Content {
	if content == nil {
		return &dossier.Content{}
	}
	rank := func(t *dossier.Table) int {
		if i := slices.Index(first, t.Columns.Table); i >= 0 {
			return i
		}
		return len(first)
	}
	all := slices.Clone(content.All)
	slices.SortStableFunc(all, func(a, b *dossier.Table) int { return rank(a) - rank(b) })
	return &dossier.Content{All: all}
}

// Original returns the file as signed, or what this reader may have of it.
func (c *Opener) Original(ctx context.Context, r view.Reader, id dossier.ID) (view.File, error) {
	raw, redacted, err := c.from.Original(ctx, reader(r), id)
	suffix, form := ".xml", "application/xml"
	if jsondoc.IsJSON(raw) {
		suffix, form = ".json", "application/json"
	}
	if redacted {
		suffix = ".redacted" + suffix
	}
	return view.File{Name: id.String() + suffix, Type: form, Data: raw}, err
}

// Receipt returns the receipt document.
func (c *Opener) Receipt(ctx context.Context, r view.Reader, id dossier.ID) ([]byte, error) {
	return c.from.Receipt(ctx, reader(r), id)
}

// Verify checks a record's receipt as `lienthong verify` does.
func (c *Opener) Verify(ctx context.Context, r view.Reader, id dossier.ID) (view.Proof, error) {
	doc, err := c.from.Receipt(ctx, reader(r), id)
	if err != nil {
		return view.Proof{}, err
	}
	d, err := ledger.ParseDocument(doc)
	if err != nil {
		return view.Proof{}, err
	}
	report, err := ledger.Verify(doc, ledger.VerifyOptions{LogKeys: c.logKeys})
	if err != nil {
		return view.Proof{}, err
	}
	p := view.Proof{At: c.clock.Now(), Right: report.OK && report.Trusted, Origin: d.Origin, Leaf: d.Index, Size: report.Checkpoint.Size}
	if report.Body != nil && report.Body.Record != id.String() {
		p.Right, p.Problem = false, fault.Text{VI: "Biên nhận nói về hồ sơ khác. Báo trực vận hành.", EN: "The receipt speaks of another record. Tell the operator on duty."}
	}
	for _, s := range report.Steps {
		if !s.OK {
			p.Problem = s.Text
			break
		}
	}
	return p, nil
}

// Sender is portal.Sender over intake.
type Sender struct {
	taker   Taker
	preview func(ctx context.Context, f intake.File, now time.Time) (*intake.Preview, error)
	clock   clock.Clock
}

// NewSender returns a sender; preview judges a file and keeps nothing
// (intake.Checker.Check with the directory of the moment).
func NewSender(taker Taker, preview func(context.Context, intake.File, time.Time) (*intake.Preview, error), clk clock.Clock) (*Sender, error) {
	if taker == nil || preview == nil || clk == nil {
		return nil, errors.New("content: a taker, a preview and a clock are needed")
	}
	return &Sender{taker, preview, clk}, nil
}

// errOther refuses to check another facility's file: its findings are not this reader's.
var errOther = fault.New(fault.Withheld, "sender.not_allowed",
	"Tệp này của cơ sở khác nên không gửi được ở đây.", "This file is another facility's and cannot be sent here.")

// Check judges a file and keeps nothing.
func (s *Sender) Check(ctx context.Context, r role.Role, name string, data []byte) ([]view.Result, error) {
	release, err := s.taker.Reserve(ctx, int64(len(data)), false)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := s.preview(ctx, intake.File{Name: name, Bytes: data}, s.clock.Now())
	if err != nil {
		return refused(err)
	}
	list := make([]view.Result, len(p.Results))
	for i, x := range p.Results {
		if x.Facility != r.ID {
			return refused(errOther)
		}
		list[i] = result(x)
	}
	return list, nil
}

// Submit sends a file as the reader's facility.
func (s *Sender) Submit(ctx context.Context, r view.Reader, name string, data []byte) ([]view.Result, error) {
	release, err := s.taker.Reserve(ctx, int64(len(data)), true)
	if err != nil {
		return nil, err
	}
	defer release()
	from := intake.Sender{Facility: care.FacilityCode(r.Role.ID), Name: "portal:" + r.Mark}
	answers, err := s.taker.Submit(ctx, from, intake.File{Name: name, Bytes: data, Lane: store.Routine})
	if err != nil {
		return refused(err)
	}
	var list []view.Result
	for _, a := range answers {
		switch {
		case a.Result != nil:
			list = append(list, result(*a.Result))
		case a.Deferred != nil:
			list = append(list, view.Result{Index: a.Deferred.Index, Deferred: true, Code: a.Deferred.Code, Message: a.Deferred.Message})
		}
	}
	return list, nil
}

// refused turns the refusal of a whole file into its one result; a file that
// was not decided, or a broken hub, stays an error.
func refused(err error) ([]view.Result, error) {
	f := fault.Of(err)
	switch f.Kind {
	case fault.Invalid, fault.TooLarge, fault.Withheld:
		return []view.Result{{Refused: true, Code: f.Code, Message: f.Text}}, nil
	}
	return nil, err
}

func result(x intake.Result) view.Result {
	r := view.Result{Index: x.Index, Record: x.Record, Episode: x.Episode, Kind: x.Kind, State: x.State, Replay: x.Replay, Receipt: []byte(x.Receipt), Quality: x.Quality}
	for _, f := range x.Findings {
		r.Findings = append(r.Findings, dossier.Finding{Code: f.Code, Severity: f.Severity, Blocks: f.Blocks,
			Table: f.Table, Row: f.Row, Field: f.Field, Line: f.Line, Hint: f.Hint})
	}
	return r
}

// Rules is portal.Rules over a rule pack.
type Rules struct{ Pack func() *quality.Pack }

// Rule returns what the catalogue says of a code.
func (r Rules) Rule(code string) (view.Rule, bool) {
	x, ok := r.Pack().Rule(code)
	return view.Rule{Code: x.Code, Severity: x.Severity, Blocks: x.Blocks, Text: x.Text, Hint: x.Hint, Source: x.Source}, ok
}
