//go:build unix

package bench_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/body"
	"lienthong/internal/care"
	record "lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
	"lienthong/internal/score"
	"lienthong/internal/seal"
	"lienthong/internal/synth"
	"lienthong/internal/vault"
	"lienthong/internal/xmltok"
)

// passing is one dossier on its way through the reading side of intake, with
// what each stage leaves for the next.
type passing struct {
	raw      []byte
	opened   kind.File
	read     kind.Dossier
	parts    body.File
	findings []record.Finding
	receipt  ledger.Receipt
	packed   []byte

	documents uint32
}

// stages is the reading side of intake with the parts a hub has, but that no
// store answers and nothing is committed.
type stages struct {
	seals *seal.Verifier
	codec *body.Codec
	rules *quality.Pack
	vault *vault.Vault
	key   *ledger.ReceiptKey
	wire  *zstd.Decoder
	at    time.Time
	marks *score.Judge
	all   []*passing
	batch []byte // all of them as they travel
	bytes int    // of one, on average
	buf   []byte
}

const (
	stageClass = "record"
	stageMonth = 202611
	inBatch    = 64
)

// BenchmarkStage says where the processor time of a dossier goes on the reading
// side of intake, stage by stage and all in a row:
//
//	go test -run '^$' -bench Stage -benchtime 2000x -cpu 1 -benchmem ./internal/bench
//
// Every figure is per dossier. MB/s counts its bytes as signed; user-us/op is
// the processor's own time, which neighbours on the machine disturb less.
func BenchmarkStage(b *testing.B) {
	s := newStages(b)
	for _, stage := range s.list() {
		b.Run(stage.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(s.bytes))
			before := processorTime(b)
			for i := 0; b.Loop(); i++ {
				stage.do(b, s.all[i%len(s.all)])
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "user-us/op")
		})
	}
}

// processorTime is what the process has used outside the kernel.
func processorTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano())
}

type stage struct {
	name string
	do   func(testing.TB, *passing)
}

func (s *stages) list() []stage {
	list := []stage{
		{"digest", s.digest}, {"open", s.open}, {"verify", s.verify}, {"base64", s.undo}, {"split", s.split}, {"read", s.readDossier}, {"judge", s.judge},
		{"content-hash", s.contentHash}, {"keyed-hashes", s.keyedHashes},
		{"label", s.label}, {"marks", s.mark}, {"traits", s.traits},
		{"compress-skeleton", s.compressSkeleton}, {"compress-body", s.compressBody}, {"receipt", s.issue}, {"seal", s.seal},
	}
	all := stage{"all", func(t testing.TB, p *passing) {
		s.unpack(t, p)
		for _, one := range list {
			if one.name != "base64" { // split undoes that of a file just opened
				one.do(t, p)
			}
		}
	}}
	return append(append([]stage{{"wire", s.unpack}}, list...), all, stage{"read-kept", s.readKept})
}

func newStages(t testing.TB) *stages {
	t.Helper()
	nation, err := synth.New(synth.Config{Seed: 1, Profile: synth.Pilot, DefectShare: -1})
	must(t, err)
	submissions, err := nation.Outpatients(inBatch)
	must(t, err)
	s := &stages{rules: quality.V1(), marks: score.NewJudge(score.Standard()["qd4750"], nil), at: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)}
	s.seals, err = seal.NewVerifier(seal.Config{})
	must(t, err)
	s.codec, err = body.NewCodec()
	must(t, err)
	s.vault, err = vault.New(vault.Config{Master: bytes.Repeat([]byte{1}, 32), Peppers: map[int][]byte{1: bytes.Repeat([]byte{2}, 32)}, Current: 1})
	must(t, err)
	month, err := s.vault.NewMonthKey(stageClass, stageMonth)
	must(t, err)
	must(t, s.vault.Load([]vault.WrappedMonthKey{month}))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	s.key, err = ledger.NewReceiptKey(key)
	must(t, err)
	s.wire, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	must(t, err)
	t.Cleanup(s.wire.Close)
	var all []byte
	for _, sub := range submissions {
		p := &passing{raw: sub.XML}
		s.all = append(s.all, p)
		all = append(all, p.raw...)
		for _, one := range s.list()[1:17] {
			one.do(t, p)
		}
	}
	sender, err := zstd.NewWriter(nil, zstd.WithWindowSize(1<<20))
	must(t, err)
	s.batch, s.bytes = sender.EncodeAll(all, nil), len(all)/len(s.all)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unpack undoes the wire's compression of a whole batch once for each of its dossiers.
func (s *stages) unpack(t testing.TB, p *passing) {
	if p != s.all[0] {
		return
	}
	plain, err := s.wire.DecodeAll(s.batch, nil)
	must(t, err)
	if len(plain) == 0 {
		t.Fatal("nothing in the batch")
	}
}

func (s *stages) digest(_ testing.TB, p *passing) { sink = sha256.Sum256(p.raw) }

var sink [32]byte // keeps the compiler from leaving work out

func (s *stages) open(t testing.TB, p *passing) {
	tok := xmltok.New(p.raw, xmltok.Limits{})
	_, err := tok.Next()
	must(t, err)
	p.opened, err = qd4750.New().Open(p.raw)
	must(t, err)
}

func (s *stages) verify(t testing.TB, p *passing) {
	_, err := s.seals.Verify(p.raw, *p.opened.Sealing().Inside)
	must(t, err)
}

func (s *stages) readDossier(t testing.TB, p *passing) {
	if p.read = p.opened.Dossier(0); len(p.read.Unreadable) > 0 {
		t.Fatal("unreadable")
	}
}

func (s *stages) judge(t testing.TB, p *passing) {
	p.findings = s.rules.Judge(p.read.Content, quality.Input{Kind: quality.KindDossier, Facility: p.opened.Facility(),
		Received: s.at, Created: p.opened.Created(), Day: p.read.Spec.From})
}

func (s *stages) label(_ testing.TB, p *passing) {
	p.documents, _ = p.read.Label(qd4750.New().View(), true)
}

func (s *stages) mark(_ testing.TB, p *passing) { s.marks.Mark(p.read.Content, p.findings, s.at) }

func (s *stages) traits(_ testing.TB, p *passing) {
	told := p.read.Patient.Told()
	kind.Features(s.vault, told.Traits())
}

// readKept reads a dossier as databases do, out of what is kept of it.
func (s *stages) readKept(t testing.TB, p *passing) {
	frame, err := s.codec.Decode(nil, p.packed, 1<<20)
	must(t, err)
	parts, err := body.Parts(frame)
	must(t, err)
	if content, ok := qd4750.New().Tables(p.documents, parts); !ok || len(content.All) != len(p.read.Content.All) {
		t.Fatal("its parts do not tell it")
	}
}

func (s *stages) contentHash(_ testing.TB, p *passing) {
	h := sha256.New()
	var size [8]byte
	for _, doc := range p.read.Inner {
		sink = sha256.Sum256(doc)
		binary.BigEndian.PutUint64(size[:], uint64(len(doc)))
		h.Write(size[:])
		h.Write(sink[:])
	}
	h.Sum(sink[:0])
}

func (s *stages) keyedHashes(_ testing.TB, p *passing) {
	facility := []byte(p.opened.Facility())
	s.vault.HashAll(vault.File, facility, sink[:])
	s.vault.HashAll(vault.Episode, facility, []byte(p.read.Episode))
	s.vault.HashAll(vault.Content, facility, []byte("qd4750"), []byte(p.read.Episode), sink[:])
	said := p.read.Patient
	who := identity.Parse(identity.Said{LocalID: said.LocalID, Name: said.Name, CitizenID: said.CitizenID, Card: said.Card, Birth: said.Birth, Sex: said.Sex})
	s.vault.HashAll(vault.Subject, facility, []byte(who.LocalID))
	s.vault.HashAll(vault.Name, []byte(who.Name))
	s.vault.HashAll(vault.Name, strconv.AppendInt(nil, int64(who.Birth.Day()), 10))
	for _, id := range who.IDs {
		s.vault.HashAll(vault.Citizen, []byte(id.Value))
	}
}

// undo decodes what split and read find decoded when the file was asked before.
func (s *stages) undo(t testing.TB, p *passing) {
	s.buf = s.buf[:0]
	for _, at := range p.opened.Spans() {
		next, _, ok := body.Undo(s.buf, p.raw[at.Start:at.End])
		if s.buf = next; !ok && at.Undone != nil {
			t.Fatal("not undone")
		}
	}
}

func (s *stages) split(t testing.TB, p *passing) {
	var err error
	p.parts, err = body.Split(p.raw, p.opened.Spans(), p.opened.Extracts()...)
	must(t, err)
}

func (s *stages) compressSkeleton(_ testing.TB, p *passing) { s.codec.Encode(nil, p.parts.Skeleton) }

func (s *stages) compressBody(_ testing.TB, p *passing) {
	p.packed = s.codec.EncodeDossier(nil, p.parts, 0)
}

func (s *stages) issue(t testing.TB, p *passing) {
	id, err := record.NewID(p.opened.Facility(), s.at, rand.Reader)
	must(t, err)
	digest := hex.EncodeToString(sink[:])
	b := ledger.Body{V: 1, Hub: "lienthong.bench", Record: id.String(), Facility: string(p.opened.Facility()), Episode: p.read.Episode, Kind: "qd4750",
		State: ledger.StateAccepted, FileSHA256: digest, ContentSHA256: digest, Pack: s.rules.Version, TrustEpoch: 1, Version: 1,
		ReceivedAt: s.at, Durability: "local"}
	for range p.read.Inner {
		b.InnerSHA256 = append(b.InnerSHA256, digest)
	}
	for _, f := range p.findings {
		b.Findings = append(b.Findings, ledger.Finding{Code: f.Code, Severity: string(f.Severity), Table: f.Table, Row: f.Row, Field: f.Field})
	}
	salt, err := ledger.NewSalt(rand.Reader)
	must(t, err)
	p.receipt, err = ledger.Issue(b, s.key, salt)
	must(t, err)
	p.receipt.Leaf()
}

func (s *stages) seal(t testing.TB, p *passing) {
	head := evidence.Head{Episode: p.read.Episode, Receipt: p.receipt}
	_, err := s.vault.Seal(stageClass, stageMonth, []byte("a record's name"), head.Marshal(), p.packed)
	must(t, err)
	_, err = s.vault.Seal(stageClass, stageMonth, []byte("a file's name"), p.parts.Skeleton)
	must(t, err)
}

// The benchmark's dossiers are what it says they are.
func TestStagesReadWhatIntakeReads(t *testing.T) {
	t.Parallel()
	s := newStages(t)
	if s.bytes < 35_000 || s.bytes > 60_000 {
		t.Errorf("a dossier has %d bytes", s.bytes)
	}
	for _, p := range s.all {
		if day := p.read.Spec; day == (*schema.Version)(nil) || p.opened.Facility() == care.FacilityCode("") || len(p.packed) == 0 {
			t.Fatalf("%s was not read", p.opened.Facility())
		}
	}
}
