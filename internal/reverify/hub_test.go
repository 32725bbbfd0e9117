package reverify_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/intake"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/reverify"
	"lienthong/internal/role"
	"lienthong/internal/schema"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/trust"
	"lienthong/internal/vault"
)

const hubName = "hub.test"

// at is the moment the tests begin.
var at = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// secrets are the keys of the tests' hub.
type secrets struct {
	master, pepper, seed []byte
	receipt              *ecdsa.PrivateKey
}

func newSecrets(t testing.TB) secrets {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return secrets{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32), k}
}

func (s secrets) vault(t testing.TB) *vault.Vault {
	v, err := vault.New(vault.Config{Master: s.master, Peppers: map[int][]byte{1: s.pepper}, Current: 1})
	must(t, err)
	return v
}

// openStore opens an engine; the log is nil to read only.
type openStore func(open store.OpenLog) (*store.Slices, error)

// testHub is everything between the doors and the disk, wired as package hub does.
type testHub struct {
	t        testing.TB
	keys     secrets
	clock    *clock.Fake
	slices   *store.Slices
	intake   *intake.Intake
	disclose *disclose.Discloser
	office   *admin.Office
	watch    *trust.Watch
	routes   atomic.Pointer[exchange.Plan]
	signers  map[string]seal.KeyPair
}

func startHub(t testing.TB, keys secrets, open openStore, log *slog.Logger) *testHub {
	t.Helper()
	ctx := context.Background()
	h := &testHub{t: t, keys: keys, clock: clock.NewFake(at), signers: map[string]seal.KeyPair{}}
	h.routes.Store(exchange.NewPlan(nil, nil))
	v := keys.vault(t)
	var writer *evidence.Writer
	var err error
	h.slices, err = open(func(ctx context.Context, head store.Head, source ledger.Source) (store.Log, error) {
		key, err := ledger.LogKeyFromSeed(head.Origin, keys.seed)
		if err != nil {
			return nil, err
		}
		writer, err = evidence.OpenWriter(ctx, key, head, source)
		return writer, err
	})
	must(t, err)
	t.Cleanup(h.close)
	_, err = writer.BeginAfter(ctx, h.slices.Ledger)
	must(t, err)
	_, err = h.slices.Keys.PutFact(ctx, "master", []byte(v.MasterID()))
	must(t, err)
	receiptKey, err := ledger.NewReceiptKey(keys.receipt)
	must(t, err)
	desk := evidence.NewDesk(h.slices.Ledger, receiptKey, writer)
	must(t, desk.Announce(ctx))
	h.watch, err = trust.NewWatch(ctx, h.slices.Facilities, log)
	must(t, err)
	codec, seals := parts(t)
	h.intake, err = intake.New(intake.Deps{Store: h.slices.Intake, Records: h.slices.Records, Months: h.slices.Keys, Vault: v, Kinds: kinds(), Seals: seals,
		Trust: h.watch.Current, Rules: quality.V1, Receipts: desk, Key: receiptKey, Codec: codec, Clock: h.clock, Logger: log,
		Plan: h.routes.Load, Legs: h.slices.Legs}, intake.Config{Hub: hubName})
	must(t, err)
	h.disclose, err = disclose.New(disclose.Deps{Records: h.slices.Records, Log: h.slices.Disclosures, Counters: h.slices.Counters, Vault: v, Codec: codec,
		Kinds: kinds(), Receipts: desk, Clock: h.clock})
	must(t, err)
	h.office = admin.Of(h.slices, h.clock)
	return h
}

func (h *testHub) close() {
	if h.intake != nil {
		h.intake.Stop()
		h.intake = nil
	}
	if h.slices != nil {
		must(h.t, h.slices.Close())
		h.slices = nil
	}
}

func parts(t testing.TB) (*body.Codec, *seal.Verifier) {
	codec, err := body.NewCodec()
	must(t, err)
	seals, err := seal.NewVerifier(seal.Config{})
	must(t, err)
	return codec, seals
}

func kinds() *kind.Registry { return kind.NewRegistry(qd4750.New(), checkin.New()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// verify walks what is stored, with a vault and slices of its own.
func verify(t testing.TB, keys secrets, open openStore, o reverify.Options) (*reverify.Report, error) {
	t.Helper()
	s, err := open(nil)
	if err != nil {
		return nil, err
	}
	defer func() { must(t, s.Close()) }()
	return verifyIn(t, keys, s, o)
}

// verifyIn walks a store that is open.
func verifyIn(t testing.TB, keys secrets, s *store.Slices, o reverify.Options) (*reverify.Report, error) {
	t.Helper()
	codec, seals := parts(t)
	x, err := reverify.New(reverify.Deps{Slices: s, Vault: keys.vault(t), Codec: codec, Kinds: kinds(), Seals: seals, Clock: clock.NewFake(at.Add(time.Hour)),
		LogKey: func(origin string) (string, error) {
			k, err := ledger.LogKeyFromSeed(origin, keys.seed)
			if err != nil {
				return "", err
			}
			return k.Verifier(), nil
		}})
	must(t, err)
	return x.Run(context.Background(), o)
}

// register makes a facility known with a certificate of its own.
func (h *testHub) register(code string) {
	h.t.Helper()
	h.signers[code] = h.newSigner(code)
	must(h.t, h.office.AddFacility(context.Background(), "operator", admin.Facility{Code: code, Name: "Bệnh viện " + code, Province: "79", Level: "provincial",
		Certificates: []string{pemOf(h.signers[code])}}))
	must(h.t, h.watch.Refresh(context.Background()))
	h.clock.Advance(time.Second)
}

func pemOf(k seal.KeyPair) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))
}

// newSigner makes a key and its certificate.
func (h *testHub) newSigner(code string) seal.KeyPair {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(h.t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "CSKCB " + code}, NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	must(h.t, err)
	cert, err := x509.ParseCertificate(der)
	must(h.t, err)
	return seal.KeyPair{Key: key, Certificate: cert}
}

// visit is what a dossier says; fields not named take what makes it acceptable.
type visit map[string]string

// xml1 is a summary with the fields of the visit.
func xml1(code string, v visit) []byte {
	t := schema.For(20261120).Table("XML1")
	said := visit{"STT": "1", "MA_BN": "BN1", "HO_TEN": "NGUYỄN THỊ ĐÀO", "SO_CCCD": "079990000001", "NGAY_SINH": "199002030000", "GIOI_TINH": "2",
		"MA_LK": "LK1", "NGAY_VAO": "202611190800", "NGAY_RA": "202611191000", "MA_CSKCB": code, "MA_BENH_CHINH": "J18.9", "MA_LOAI_KCB": "01"}
	for k, x := range v {
		said[k] = x
	}
	row := make([]string, 0, 64)
	for _, f := range t.Columns.Names() {
		row = append(row, said[f])
	}
	return qd4750.WriteTable(nil, t, [][]string{row})
}

// dossiers signs a file of visits; created is the day of NGAYLAP.
func (h *testHub) dossiers(code, created string, visits ...visit) []byte {
	h.t.Helper()
	m, err := care.ParseMoment(created)
	must(h.t, err)
	e := qd4750.Envelope{Facility: code, Created: m}
	for _, v := range visits {
		e.Dossiers = append(e.Dossiers, []qd4750.Inner{{Type: "XML1", XML: xml1(code, v)}})
	}
	var b bytes.Buffer
	must(h.t, qd4750.Write(&b, e, qd4750.Style{}))
	return h.sign(code, b.Bytes())
}

// arrivals signs a file of check-ins.
func (h *testHub) arrivals(code string, visits ...visit) []byte {
	h.t.Helper()
	spec := schema.For(20261120)
	var rows [][]string
	for _, v := range visits {
		said := visit{"STT": "1", "MA_BN": "BN1", "HO_TEN": "NGUYỄN THỊ ĐÀO", "SO_CCCD": "079990000001", "NGAY_SINH": "199002030000", "GIOI_TINH": "2",
			"MA_LK": "LK1", "NGAY_VAO": "202611190800", "MA_CSKCB": code}
		for k, x := range v {
			said[k] = x
		}
		var row []string
		for _, f := range spec.Table("XML0").Columns.Names() {
			row = append(row, said[f])
		}
		rows = append(rows, row)
	}
	var b bytes.Buffer
	must(h.t, checkin.Write(&b, spec, rows))
	return h.sign(code, b.Bytes())
}

func (h *testHub) sign(code string, doc []byte) []byte {
	h.t.Helper()
	out, err := h.signers[code].Sign(doc, "CHUKYDONVI")
	must(h.t, err)
	return out
}

// send submits a file, a second after what went before.
func (h *testHub) send(code string, raw []byte) ([]intake.Answer, error) {
	h.clock.Advance(time.Second + 123457*time.Microsecond)
	return h.intake.Submit(context.Background(), intake.Sender{Facility: care.FacilityCode(code), Name: "portal:facility:" + code}, intake.File{Bytes: raw, Lane: store.Routine})
}

// stored sends a file whose dossiers must all be decided, and names their records.
func (h *testHub) stored(code string, raw []byte) []dossier.ID {
	h.t.Helper()
	answers, err := h.send(code, raw)
	must(h.t, err)
	ids := make([]dossier.ID, len(answers))
	for i, a := range answers {
		if a.Result == nil {
			h.t.Fatalf("dossier %d was deferred: %+v", i, a.Deferred)
		}
		b, err := json.Marshal(a.Result)
		must(h.t, err)
		var said struct{ Record string }
		must(h.t, json.Unmarshal(b, &said))
		ids[i], err = dossier.ParseID(said.Record)
		must(h.t, err)
	}
	return ids
}

// look opens a record as an operator, or as its facility without a reason.
func (h *testHub) look(id dossier.ID, reason string) {
	h.t.Helper()
	r := disclose.Reader{Role: role.Role{Kind: role.Operator}, Name: "session:1", Route: "GET /api/v1/records/{id}", Reason: reason}
	if reason == "" {
		r.Role = role.Role{Kind: role.Facility, ID: string(id.Facility)}
	}
	_, err := h.disclose.Open(context.Background(), r, id)
	must(h.t, err)
	h.clock.Advance(time.Second)
}

// root puts the looks so far under a leaf, as the hub does every minute.
func (h *testHub) root() {
	h.t.Helper()
	ctx := context.Background()
	looks, err := h.slices.Disclosures.Unrooted(ctx, 1000)
	must(h.t, err)
	var rows [][]byte
	for i := range looks {
		rows = append(rows, looks[i].Canonical())
	}
	place, err := h.slices.Ledger.Append(ctx, [][]byte{ledger.DisclosureLeaf(rows)})
	must(h.t, err)
	must(h.t, h.slices.Disclosures.Root(ctx, looks[len(looks)-1].ID, place))
}

// person is the identity of synthetic person n, with a citizen number of the
// centuries that no living person has.
func person(n int) visit {
	return visit{"MA_BN": fmt.Sprintf("BN%05d", n), "HO_TEN": fmt.Sprintf("TRẦN THỊ SỐ %d", n), "SO_CCCD": fmt.Sprintf("0799900%05d", n), "MA_LK": fmt.Sprintf("LK%05d", n)}
}

func with(v visit, more ...string) visit {
	out := visit{}
	for k, x := range v {
		out[k] = x
	}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

var everything = role.Scope{All: true}

// facilityChange makes a second version of a facility.
var facilityChange = admin.Facility{Code: "79902", Name: "Bệnh viện 79902 mới", Vendor: "HIS-A"}
