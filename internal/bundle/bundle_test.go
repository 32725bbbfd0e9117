package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	revocations "lienthong/internal/bridge/revocation/simulator"
	tsa "lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/bundle"
	"lienthong/internal/clock"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/ledger"
	"lienthong/internal/seal"
	"lienthong/internal/stamp"
)

var noon = time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)

// world is a hub's log, a facility, its authority, a time-stamp authority and a witness.
type world struct {
	log       *ledger.Log
	memory    *memory
	key       *ledger.LogKey
	receipts  *ledger.ReceiptKey
	ca        *x509.Certificate
	caKey     *ecdsa.PrivateKey
	signer    seal.KeyPair
	stamps    *tsa.Authority
	responder *revocations.Responder
	witness   *ledger.Cosigner
}

type memory struct{ leaves [][]byte }

func (m *memory) Leaves(_ context.Context, from, to uint64) ([][]byte, error) {
	return m.leaves[min(from, uint64(len(m.leaves))):min(to, uint64(len(m.leaves)))], nil
}
func (m *memory) Tile(context.Context, int, uint64) ([]byte, error) { return nil, nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func issue(subject string, of crypto.PublicKey, parent *x509.Certificate, by *ecdsa.PrivateKey, serial int64) *x509.Certificate {
	t := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: subject}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature}
	if parent == nil {
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature
		parent = t
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, t, parent, of, by))))
}

var shared = sync.OnceValue(func() *world {
	w := &world{memory: &memory{}}
	w.caKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	w.ca = issue("Authority of tests", w.caKey.Public(), nil, w.caKey, 1)
	k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	w.signer = seal.KeyPair{Key: k, Certificate: issue("Bệnh viện thử", k.Public(), w.ca, w.caKey, 2)}
	w.key = must(ledger.LogKeyFromSeed("hub.test/log/0", bytes.Repeat([]byte{5}, 32)))
	w.log = must(ledger.Open(context.Background(), w.key, ledger.Head{Origin: "hub.test/log/0"}, w.memory))
	w.receipts = must(ledger.NewReceiptKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	w.stamps = must(tsa.New(clock.NewFake(noon), 0))
	w.responder = revocations.New(w.ca, w.caKey, clock.NewFake(noon))
	w.witness = must(ledger.DeriveCosigner("other.test/witness", bytes.Repeat([]byte{6}, 32)))
	w.append(ledger.KeyLeaf(w.receipts.SPKI()))
	return w
})

func (w *world) append(leaves ...[]byte) *ledger.Batch {
	b := must(w.log.Append(leaves))
	w.memory.leaves = append(w.memory.leaves, leaves...)
	w.log.Confirm(b)
	return b
}

const row = `<TRANG_THAI_KCB><MA_LK>K%</MA_LK><STT>1</STT><MA_BN>B1</MA_BN><HO_TEN>LÊ VĂN B</HO_TEN><SO_CCCD>001899000001</SO_CCCD>` +
	`<GIOI_TINH>1</GIOI_TINH><NGAY_VAO>202603010700</NGAY_VAO><MA_CSKCB>24604</MA_CSKCB></TRANG_THAI_KCB>`

func registry() *kind.Registry { return kind.NewRegistry(checkin.New()) }

// parts are those of the record of a check-in; two differ in everything that is the record's own.
func (w *world) parts(t testing.TB, n string) *bundle.Parts {
	t.Helper()
	raw := "<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB>" + strings.Replace(row, "%", n, 1) + "</DSACH_TRANG_THAI_KCB><CHUKYDONVI></CHUKYDONVI></CHI_TIEU_TRANG_THAI_KCB>"
	original := must(w.signer.Sign([]byte(raw), "CHUKYDONVI"))
	file := must(checkin.New().Open(original))
	sum := func(b []byte) string { x := sha256.Sum256(b); return hex.EncodeToString(x[:]) }
	body := ledger.Body{Hub: "hub.test", Record: "24604-RECORD" + n, Facility: "24604", Episode: "K" + n, Kind: "checkin", Version: 1, State: ledger.StateAccepted,
		FileSHA256: sum(original), Pack: "p", ReceivedAt: noon, Durability: "local", ContentSHA256: sum([]byte(raw))}
	for _, b := range file.Dossier(0).Inner {
		body.InnerSHA256 = append(body.InnerSHA256, sum(b))
	}
	receipt := must(ledger.Issue(body, w.receipts, must(ledger.NewSalt(rand.Reader))))
	b := w.append(receipt.Leaf())
	doc := must(b.Documents(context.Background(), ledger.KeyEntry{SPKI: w.receipts.SPKI()}, ledger.Entry{Receipt: receipt, Index: b.First}))[0]
	own := must(ledger.ParseCheckpoint(b.Head.Checkpoint))
	p := &bundle.Parts{Record: body.Record, Receipt: doc, Original: original, Signers: [][]*x509.Certificate{{w.signer.Certificate, w.ca}}}
	stamped := w.append(ledger.StatementLeaf(ledger.LeafAdmin, []byte("a"+n)))
	q := must(stamp.NewRequest(stamped.Head.Checkpoint, rand.Reader))
	token, _, err := q.Open(must(w.stamps.Stamp(q.DER)), noon, stamp.Trust{Roots: []*x509.Certificate{w.stamps.Root}})
	if err != nil {
		t.Fatal(err)
	}
	prove := func(to *ledger.Batch) ledger.Proof {
		return must(w.log.Reader().ProveConsistency(context.Background(), own.Size, to.Head.Size))
	}
	p.Stamp = &bundle.Stamp{Token: token, Checkpoint: stamped.Head.Checkpoint, Consistency: prove(stamped), Certificates: []*x509.Certificate{w.stamps.Certificate, w.stamps.Root}}
	later := w.append(ledger.StatementLeaf(ledger.LeafAdmin, []byte("b"+n)))
	p.Later = &ledger.LaterCheckpoint{Checkpoint: must(w.witness.Cosign(later.Head.Checkpoint, noon)), Consistency: prove(later)}
	answer := must(w.responder.OCSP(must(ocsp.CreateRequest(w.signer.Certificate, w.ca, nil))))
	p.Answers = []bundle.Answer{{Signer: 0, State: bundle.Good, Kind: "ocsp", Raw: answer}}
	return p
}

func write(t testing.TB, p *bundle.Parts) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) options(t testing.TB) bundle.Options {
	t.Helper()
	return bundle.Options{Kinds: registry(), Seals: must(seal.NewVerifier(seal.Config{})), LogKeys: []string{w.key.Verifier()}, TSARoots: []*x509.Certificate{w.stamps.Root},
		SignerRoots: []*x509.Certificate{w.ca}, Witnesses: []string{w.witness.Verifier()}, RequireWitness: []string{w.witness.Verifier()}, RequireStamp: true}
}

func verify(t testing.TB, data []byte, o bundle.Options) bundle.Report {
	t.Helper()
	r, err := bundle.Verify(data, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failed are the codes of the steps that failed.
func failed(r bundle.Report) (codes []string) {
	for _, s := range r.Steps {
		if !s.OK {
			codes = append(codes, s.Code+" "+s.Member)
		}
	}
	return codes
}

// world1 is a fresh bundle: tests that run at once share the log, so they are made one at a time.
var making sync.Mutex

func bundles(t testing.TB, names ...string) (*world, []*bundle.Parts) {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	w := shared()
	var out []*bundle.Parts
	for _, n := range names {
		out = append(out, w.parts(t, n))
	}
	return w, out
}

func TestAWholeBundleHolds(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "1")
	data := write(t, all[0])
	r := verify(t, data, w.options(t))
	if !r.OK || !r.Trusted || r.Stamped == nil || !r.Stamped.Equal(noon) || r.Says.VI == "" {
		t.Errorf("%v %+v", failed(r), r)
	}
	for _, s := range r.Steps {
		if s.Open || s.Text.VI == "" || s.Text.EN == "" {
			t.Errorf("step %+v", s)
		}
	}
	if !bytes.Equal(data, write(t, all[0])) {
		t.Error("the same parts gave other bytes")
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := new(bytes.Buffer).ReadFrom(rc); err != nil { // checks the CRC
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if got := strings.Join(names, " "); got != "DOC-TRUOC.html README-EN.html manifest.json original.xml signer-1.pem receipt.json checkpoint.txt consistency.json stamp.der stamp-checkpoint.txt stamp-consistency.json stamp-certificates.pem revocation-1.der" {
		t.Error(got)
	}
}

func TestWithoutKeysItOnlyAgreesWithItself(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "2")
	o := bundle.Options{Kinds: registry(), Seals: w.options(t).Seals}
	if r := verify(t, write(t, all[0]), o); !r.OK || r.Trusted || r.Stamped != nil {
		t.Errorf("%v %+v", failed(r), r)
	}
	other := must(ledger.LogKeyFromSeed("hub.test/log/0", bytes.Repeat([]byte{9}, 32)))
	o.LogKeys = []string{other.Verifier()}
	if r := verify(t, write(t, all[0]), o); r.OK || r.Trusted {
		t.Error("another log's key was enough")
	}
	o = w.options(t)
	o.TSARoots, o.SignerRoots, o.RequireWitness = []*x509.Certificate{w.ca}, []*x509.Certificate{w.stamps.Root}, []string{must(ledger.DeriveCosigner("x", make([]byte, 32))).Verifier()}
	if got := failed(verify(t, write(t, all[0]), o)); strings.Join(got, ",") != "bundle.receipt.witness receipt.json,bundle.signer_root signer-1.pem,bundle.time_stamp_root stamp.der" {
		t.Error(got)
	}
	if _, err := bundle.Verify(nil, bundle.Options{Kinds: o.Kinds, Seals: o.Seals, LogKeys: []string{"x"}}); err == nil {
		t.Error("a key that is none was taken")
	}
}

func TestWhatIsNotKnownYetIsSaid(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "3")
	p := all[0]
	p.Stamp, p.Answers = nil, []bundle.Answer{{State: bundle.NotYetKnown}}
	o := w.options(t)
	o.RequireStamp = false
	r := verify(t, write(t, p), o)
	open := map[string]bool{}
	for _, s := range r.Steps {
		if s.Open {
			open[s.Name] = true
		}
	}
	if !r.OK || !r.Trusted || !open["time_stamp"] || !open["revocation"] {
		t.Errorf("%v %v", failed(r), open)
	}
	o.RequireStamp = true
	if got := failed(verify(t, write(t, p), o)); len(got) != 1 || got[0] != "bundle.time_stamp " {
		t.Error(got)
	}
}

func TestARevocationBeforeReceiptIsSaid(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "4")
	p := all[0]
	revoked := revocations.New(w.ca, w.caKey, clock.NewFake(noon))
	revoked.Revoke(w.signer.Certificate.SerialNumber, noon.Add(-time.Hour), time.Time{})
	for kind, raw := range map[string][]byte{"ocsp": must(revoked.OCSP(must(ocsp.CreateRequest(w.signer.Certificate, w.ca, nil)))), "crl": must(revoked.CRL())} {
		p.Answers = []bundle.Answer{{State: bundle.Revoked, Kind: kind, Raw: raw}}
		if got := failed(verify(t, write(t, p), w.options(t))); len(got) != 1 || !strings.HasPrefix(got[0], "bundle.revoked_before") {
			t.Error(kind, got)
		}
		p.Answers[0].State = bundle.Good // what the hub says must be what the issuer said
		if got := failed(verify(t, write(t, p), w.options(t))); len(got) != 1 || !strings.HasPrefix(got[0], "bundle.revocation") {
			t.Error(kind, got)
		}
	}
}

func TestEveryByteIsWatched(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "5")
	data := write(t, all[0])
	o := w.options(t)
	var wg sync.WaitGroup
	const hands = 4
	for hand := range hands {
		wg.Go(func() {
			mine := bytes.Clone(data)
			for i := hand; i < len(mine); i += hands {
				mine[i] ^= 1 << (i % 8)
				r, err := bundle.Verify(mine, o)
				if err != nil || r.OK || len(failed(r)) == 0 || !strings.HasPrefix(failed(r)[0], "bundle.") {
					t.Errorf("byte %d of %d: %v %v", i, len(mine), failed(r), err)
					return
				}
				mine[i] ^= 1 << (i % 8)
			}
		})
	}
	wg.Wait()
	for _, n := range []int{0, 1, 30, len(data) / 2, len(data) - 1} {
		if r := verify(t, data[:n], o); r.OK {
			t.Errorf("%d bytes of %d hold", n, len(data))
		}
	}
	if r := verify(t, append(bytes.Clone(data), 0), o); r.OK {
		t.Error("a byte behind the end holds")
	}
}

// TestMembersOfTwoBundlesDoNotMix: with the manifest left as it was, and with
// one made to fit, which only what is signed can tell.
func TestMembersOfTwoBundlesDoNotMix(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "6", "7")
	a, b := all[0], all[1]
	from := func(p *bundle.Parts) map[string]func(*bundle.Parts) {
		return map[string]func(*bundle.Parts){
			"record":          func(to *bundle.Parts) { to.Record = p.Record },
			"receipt":         func(to *bundle.Parts) { to.Receipt = p.Receipt },
			"original":        func(to *bundle.Parts) { to.Original = p.Original },
			"redacted":        func(to *bundle.Parts) { to.Redacted, to.Original = true, p.Original },
			"signers":         func(to *bundle.Parts) { to.Signers = [][]*x509.Certificate{{w.stamps.Certificate, w.stamps.Root}} },
			"one signer more": func(to *bundle.Parts) { to.Signers = append(to.Signers[:1:1], to.Signers[0]) },
			"checkpoint": func(to *bundle.Parts) {
				to.Later = &ledger.LaterCheckpoint{Checkpoint: p.Later.Checkpoint, Consistency: to.Later.Consistency}
			},
			"consistency": func(to *bundle.Parts) {
				to.Later = &ledger.LaterCheckpoint{Checkpoint: to.Later.Checkpoint, Consistency: p.Later.Consistency}
			},
			"stamp":              func(to *bundle.Parts) { s := *to.Stamp; s.Token = p.Stamp.Token; to.Stamp = &s },
			"stamped checkpoint": func(to *bundle.Parts) { s := *to.Stamp; s.Checkpoint = p.Stamp.Checkpoint; to.Stamp = &s },
			"stamp consistency":  func(to *bundle.Parts) { s := *to.Stamp; s.Consistency = p.Stamp.Consistency; to.Stamp = &s },
			"an older stamp":     func(to *bundle.Parts) { to.Stamp = a.Stamp },
			"answer": func(to *bundle.Parts) {
				other := issue("x", w.caKey.Public(), w.ca, w.caKey, 77)
				to.Answers = []bundle.Answer{{State: bundle.Good, Kind: "ocsp", Raw: must(w.responder.OCSP(must(ocsp.CreateRequest(other, w.ca, nil))))}}
			},
		}
	}
	for name, change := range from(a) {
		mixed := *b
		change(&mixed)
		if got := failed(verify(t, write(t, &mixed), w.options(t))); len(got) == 0 {
			t.Errorf("%s of another bundle holds", name)
		}
	}
	one, two := read(t, write(t, a)), read(t, write(t, b))
	for i := range one {
		if bytes.Equal(one[i].data, two[i].data) {
			continue
		}
		mixed := append([]file(nil), two...)
		mixed[i].data = one[i].data
		if r := verify(t, zipped(t, mixed), w.options(t)); r.OK {
			t.Errorf("%s of another bundle holds", one[i].name)
		} else if got := failed(r); !strings.HasPrefix(got[0], "bundle.manifest") {
			t.Errorf("%s: %v", one[i].name, got)
		}
		if r := verify(t, zipped(t, append(append([]file(nil), two[:i]...), two[i+1:]...)), w.options(t)); r.OK {
			t.Errorf("without %s it holds", one[i].name)
		}
	}
	// the control: packed again as it was, only the container tells
	if got := failed(verify(t, zipped(t, two), w.options(t))); len(got) != 1 || got[0] != "bundle.container " {
		t.Errorf("packed again: %v", got)
	}
}

type file struct {
	name string
	data []byte
}

func read(t testing.TB, data []byte) []file {
	t.Helper()
	z := must(zip.NewReader(bytes.NewReader(data), int64(len(data))))
	var out []file
	for _, f := range z.File {
		var b bytes.Buffer
		rc := must(f.Open())
		must(b.ReadFrom(rc))
		out = append(out, file{f.Name, b.Bytes()})
	}
	return out
}

// zipped packs files as another program does: stored, sizes in front.
func zipped(t testing.TB, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Store, CompressedSize64: uint64(len(f.data)), UncompressedSize64: uint64(len(f.data))}
		w := must(z.CreateRaw(h))
		must(w.Write(f.data))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzVerify(f *testing.F) {
	w, all := bundles(f, "8")
	data := write(f, all[0])
	f.Add(data)
	f.Add(data[:100])
	f.Add([]byte("PK\x03\x04"))
	o := w.options(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := bundle.Verify(b, o)
		if err != nil || r.OK && !bytes.Equal(b, data) {
			t.Errorf("%v %v", failed(r), err)
		}
	})
}
