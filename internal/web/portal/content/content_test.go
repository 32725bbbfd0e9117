package content_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/schema"
	"lienthong/internal/store"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/portal/content"
	"lienthong/internal/web/portal/view"
)

var (
	_ portal.Content    = (*content.Opener)(nil)
	_ portal.Sender     = (*content.Sender)(nil)
	_ portal.Rules      = content.Rules{}
	_ content.Discloser = (*disclose.Discloser)(nil)
	_ content.Taker     = (*intake.Intake)(nil)
)

var (
	now  = time.Date(2026, 7, 14, 3, 42, 0, 0, time.UTC)
	from = view.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "facility:79901", Mark: "aabbccddee", Route: "GET /records/{id}"}
)

type discloser struct {
	book    []*disclose.Opened
	readers []disclose.Reader
	receipt []byte
	err     error
}

func (d *discloser) Open(_ context.Context, r disclose.Reader, id dossier.ID) (*disclose.Opened, error) {
	d.readers = append(d.readers, r)
	if d.err != nil {
		return nil, d.err
	}
	table := func(name string) *dossier.Table { return &dossier.Table{Columns: dossier.NewColumns(name, "MA_LK")} }
	o := &disclose.Opened{Episode: "A1", View: kind.View{Documents: []string{"XML7", "XML13"}}, Seals: []store.SealNote{{Subject: "O=Cơ sở", Expired: true}}}
	o.Read.Content = &dossier.Content{All: []*dossier.Table{table("XML1"), table("XML2"), table("XML13"), table("XML7")}}
	return o, nil
}

func (d *discloser) Original(_ context.Context, r disclose.Reader, _ dossier.ID) ([]byte, bool, error) {
	d.readers = append(d.readers, r)
	return []byte("<x/>"), r.Role.Kind == role.Operator, d.err
}

func (d *discloser) Book(_ context.Context, r disclose.Reader, _ dossier.ID, _ int) ([]*disclose.Opened, error) {
	d.readers = append(d.readers, r)
	return d.book, d.err
}

func (d *discloser) Receipt(context.Context, disclose.Reader, dossier.ID) ([]byte, error) {
	if d.receipt == nil {
		return nil, store.ErrAbsent
	}
	return d.receipt, nil
}

// empty is a log's store before its first leaf.
type empty struct{}

func (empty) Leaves(context.Context, uint64, uint64) ([][]byte, error) { return nil, nil }
func (empty) Tile(context.Context, int, uint64) ([]byte, error)        { return nil, nil }

// issued makes the receipt document of a record: leaf 1 of a new log, after
// the leaf of its key.
func issued(t *testing.T, record string) (doc []byte, vkey string) {
	t.Helper()
	logKey, err := ledger.LogKeyFromSeed("hub.test/log/0", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	raw := sha256.Sum256([]byte("receipt key of this test"))
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.NewReceiptKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	digest := ledger.HexSHA256(sha256.Sum256([]byte(record)))
	r, err := ledger.Issue(ledger.Body{Hub: "hub.test", Record: record, Facility: "79901", Episode: "A1", Kind: "qd4750", Version: 1,
		State: ledger.StateAccepted, FileSHA256: digest, ContentSHA256: digest, InnerSHA256: []string{digest}, Pack: "v1/2026.1",
		ReceivedAt: now, Durability: "local"}, key, [ledger.SaltSize]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(t.Context(), logKey, ledger.Head{Origin: "hub.test/log/0", Epoch: 1}, empty{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := log.Append([][]byte{ledger.KeyLeaf(key.SPKI()), r.Leaf()})
	if err != nil {
		t.Fatal(err)
	}
	docs, err := batch.Documents(t.Context(), ledger.KeyEntry{SPKI: key.SPKI()}, ledger.Entry{Receipt: r, Index: 1})
	if err != nil {
		t.Fatal(err)
	}
	return docs[0], logKey.Verifier()
}

func setup(t *testing.T) (*content.Opener, *discloser, dossier.ID) {
	t.Helper()
	id, err := dossier.NewID("79901", now, bytes.NewReader(make([]byte, 10)))
	if err != nil {
		t.Fatal(err)
	}
	doc, vkey := issued(t, id.String())
	d := &discloser{receipt: doc}
	c, err := content.NewOpener(d, []string{vkey}, clock.NewFake(now))
	if err != nil {
		t.Fatal(err)
	}
	return c, d, id
}

func TestContentComesInTheOrderAReaderWants(t *testing.T) {
	t.Parallel()
	c, d, id := setup(t)
	o, err := c.Open(t.Context(), from, id)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range o.Content.Tables() {
		names = append(names, table.Columns.Table)
	}
	if got := strings.Join(names, " "); got != "XML7 XML13 XML1 XML2" || len(o.Digest) != 64 || len(o.Seals) != 1 || !o.Seals[0].Expired {
		t.Errorf("%s, %+v", got, o)
	}
	if r := d.readers[0]; r.Name != "aabbccddee" || r.Route != from.Route || r.Role != from.Role {
		t.Errorf("disclosed to %+v", r)
	}
	d.receipt = nil
	if o, err := c.Open(t.Context(), from, id); err != nil || o.Receipt != nil {
		t.Errorf("an erased record: %+v, %v", o, err)
	}
	d.err = disclose.ErrWithheld
	if _, err := c.Open(t.Context(), from, id); !errors.Is(err, disclose.ErrWithheld) {
		t.Errorf("withheld: %v", err)
	}
}

func TestVerifySaysWhatIsProved(t *testing.T) {
	t.Parallel()
	c, d, id := setup(t)
	p, err := c.Verify(t.Context(), from, id)
	if err != nil || !p.Right || p.Leaf != 1 || p.Size != 2 || p.Origin != "hub.test/log/0" || p.At != now || p.Problem.VI != "" {
		t.Errorf("%+v, %v", p, err)
	}
	other, err := dossier.NewID("79901", now, bytes.NewReader(bytes.Repeat([]byte{1}, 10)))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.Verify(t.Context(), from, other); err != nil || p.Right || p.Problem.VI == "" {
		t.Errorf("a receipt of another record: %+v, %v", p, err)
	}
	changed := bytes.Replace(d.receipt, []byte(`"index":1`), []byte(`"index":0`), 1)
	if bytes.Equal(changed, d.receipt) {
		t.Fatal("the control changed nothing")
	}
	d.receipt = changed
	if p, err := c.Verify(t.Context(), from, id); err == nil && (p.Right || p.Problem.VI == "") {
		t.Errorf("a changed receipt: %+v", p)
	}
	d.receipt, _ = issued(t, id.String())
	stranger, err := ledger.LogKeyFromSeed("hub.test/log/0", bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := content.NewOpener(d, []string{stranger.Verifier()}, clock.NewFake(now))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := foreign.Verify(t.Context(), from, id); err != nil || p.Right || p.Problem.VI == "" {
		t.Errorf("signed by a log that is not ours: %+v, %v", p, err)
	}
}

func TestARedactedOriginalIsNamedSo(t *testing.T) {
	t.Parallel()
	c, _, id := setup(t)
	f, err := c.Original(t.Context(), from, id)
	if err != nil || strings.Contains(f.Name, "redacted") {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = c.Original(t.Context(), view.Reader{Role: role.Role{Kind: role.Operator}, Reason: "x"}, id)
	if err != nil || !strings.Contains(f.Name, "redacted") {
		t.Errorf("%+v, %v", f, err)
	}
}

type taker struct {
	from    intake.Sender
	answers []intake.Answer
	err     error
	held    int
}

func (k *taker) Reserve(context.Context, int64, bool) (func(), error) {
	k.held++
	return func() { k.held-- }, nil
}

func (k *taker) Submit(_ context.Context, from intake.Sender, _ intake.File) ([]intake.Answer, error) {
	k.from = from
	return k.answers, k.err
}

func TestSendingAndChecking(t *testing.T) {
	t.Parallel()
	refusal := fault.New(fault.Invalid, "seal.broken", "Chữ ký không đúng.", "The seal does not verify.")
	one := intake.Result{Index: 0, Facility: "79901", Record: "79901-x", State: dossier.Rejected, Findings: []finding.Finding{{Code: "time.order", Table: "XML1", Row: 1, Line: 4}}}
	k := &taker{answers: []intake.Answer{{Result: &one}, {Deferred: &intake.Deferred{Index: 1, Code: "hub.busy"}}}}
	var previewErr error
	preview := func(context.Context, intake.File, time.Time) (*intake.Preview, error) {
		return &intake.Preview{Results: []intake.Result{one}}, previewErr
	}
	s, err := content.NewSender(k, preview, clock.NewFake(now))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Submit(t.Context(), from, "a.xml", []byte("x"))
	if err != nil || len(got) != 2 || got[0].Findings[0].Line != 4 || !got[1].Deferred || k.from.Facility != "79901" || k.from.Name != "portal:aabbccddee" {
		t.Errorf("%+v from %+v, %v", got, k.from, err)
	}
	got, err = s.Check(t.Context(), from.Role, "a.xml", []byte("x"))
	if err != nil || len(got) != 1 || got[0].State != dossier.Rejected {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = s.Check(t.Context(), role.Role{Kind: role.Facility, ID: "79902"}, "a.xml", []byte("x"))
	if err != nil || !got[0].Refused || got[0].Code != "sender.not_allowed" || len(got[0].Findings) > 0 {
		t.Errorf("another facility's file: %+v, %v", got, err)
	}
	k.err, previewErr = refusal, refusal
	for _, try := range []func() ([]view.Result, error){
		func() ([]view.Result, error) { return s.Submit(t.Context(), from, "a.xml", nil) },
		func() ([]view.Result, error) { return s.Check(t.Context(), from.Role, "a.xml", nil) },
	} {
		if got, err := try(); err != nil || !got[0].Refused || got[0].Code != "seal.broken" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	k.err = store.ErrStopping
	if _, err := s.Submit(t.Context(), from, "a.xml", nil); !errors.Is(err, store.ErrStopping) {
		t.Errorf("a stopping hub: %v", err)
	}
	if k.held != 0 {
		t.Errorf("%d places are still held", k.held)
	}
}

func TestRulesSpeak(t *testing.T) {
	t.Parallel()
	r, ok := content.Rules{Pack: quality.V1}.Rule("facility.mismatch")
	if !ok || r.Text.VI == "" || r.Text.EN == "" {
		t.Errorf("%+v, %v", r, ok)
	}
	if _, ok := (content.Rules{Pack: quality.V1}).Rule("no.such"); ok {
		t.Error("a code that is not there has a rule")
	}
}

// TestBookAndSlips: what is in the book comes with its specification and, for
// slips, how long it holds.
func TestBookAndSlips(t *testing.T) {
	t.Parallel()
	spec := schema.For(20261101)
	columns := spec.Table("XML14").Columns
	cells := make([]dossier.Cell, len(columns.Names()))
	cells[columns.Index("NGAY_HEN_KL")].Text = "20261204"
	cells[columns.Index("NGAY_CT")].Text = "20261120"
	slip := &disclose.Opened{Record: store.Record{Kind: "slip"}, Episode: "K1", Read: kind.Dossier{Spec: spec,
		Content: &dossier.Content{All: []*dossier.Table{{Columns: columns, Rows: []dossier.Row{{Cells: cells}}}}}}}
	withdrawal := &disclose.Opened{Record: store.Record{Kind: "slip"}}
	o, err := content.NewOpener(&discloser{book: []*disclose.Opened{slip, withdrawal}}, []string{"k"}, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	book, err := o.Book(t.Context(), view.Reader{Role: role.Role{Kind: role.Facility, ID: "24604"}}, dossier.ID{})
	if err != nil || len(book) != 1 || book[0].Spec != spec || book[0].Episode != "K1" || book[0].Slip == nil || book[0].Slip.Until.Day() != 20261204 {
		t.Errorf("%+v, %v", book, err)
	}
}
