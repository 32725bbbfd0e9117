// Package bundle makes and checks evidence bundles: one ZIP file with everything
// that proves one record to somebody who has nothing else but the hub's log key
// and the roots he trusts: the original bytes with their seal, the signers'
// certificates, the receipt, a later checkpoint, a time-stamp over one, what was
// answered about the certificates' revocation, and a page that says in plain
// words what is there and how to check it.
//
// The same parts give the same bytes. Nothing is unpacked to a path anywhere.
// It decides about no access: package disclose has, before it hands out the
// bytes, and has written the look down. doc/design/evidence.md has the bytes.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"regexp"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// Form names the form of bundles: it changes with the bytes any parts give.
const Form = "lienthong/bundle/v1"

// ErrParts: what should go into a bundle does not make one.
var ErrParts = fault.New(fault.Broken, "bundle.parts", "Không lập được bộ chứng cứ.", "The evidence bundle could not be made.")

// Parts are what a bundle holds.
type Parts struct {
	Record   string // as in the receipt
	Receipt  []byte // receipt document
	Original []byte
	JSON     bool   // the original is JSON, else XML
	Redacted bool   // others' dossiers in it are replaced by their digests
	Seal     string // detached, compact JWS; "" sealed inside
	Papers   []Paper
	Signers  [][]*x509.Certificate // of the original, then of the papers: signer first, then its issuers as far as known
	Later    *ledger.LaterCheckpoint
	Stamp    *Stamp // nil: not stamped yet
	Answers  []Answer
	Above    [][]byte // receipt documents that hubs above gave of the same dossier
}

// Paper is a document beside the original with its own detached seal.
type Paper struct {
	Bytes []byte
	Seal  string
}

// Stamp is a time-stamp over a checkpoint that covers the receipt's leaf.
type Stamp struct {
	Token        []byte // TimeStampToken (RFC 3161), DER
	Checkpoint   []byte // the bytes it is over
	Consistency  ledger.Proof
	Certificates []*x509.Certificate // the authority's, as far as known
}

// The states of an answer about revocation.
const (
	Good        = "good"
	Revoked     = "revoked"
	NotYetKnown = "not_yet_known"
)

// Answer is what is known of the revocation of one signer's certificate.
type Answer struct {
	Signer int    // in Signers
	State  string // Good, Revoked, NotYetKnown
	Kind   string // "ocsp", "crl"; "" when not yet known
	Raw    []byte // OCSPResponse or CertificateList, DER
}

// The members that every bundle may have; the numbered ones count from 1.
const (
	pageVI            = "DOC-TRUOC.html"
	pageEN            = "README-EN.html"
	manifestName      = "manifest.json"
	receiptName       = "receipt.json"
	checkpointName    = "checkpoint.txt"
	consistencyName   = "consistency.json"
	stampName         = "stamp.der"
	stampedName       = "stamp-checkpoint.txt"
	stampProofName    = "stamp-consistency.json"
	stampCertificates = "stamp-certificates.pem"
)

func (p *Parts) originalName() string {
	if p.JSON {
		return "original.json"
	}
	return "original.xml"
}

func signerName(i int) string { return fmt.Sprintf("signer-%d.pem", i+1) }
func paperName(i int) string  { return fmt.Sprintf("paper-%d.pdf", i+1) }

func answerName(i int, a Answer) string {
	ending := "der"
	if a.Kind == "crl" {
		ending = "crl"
	}
	return fmt.Sprintf("revocation-%d.%s", i+1, ending)
}

// Manifest is manifest.json: every other member with its digest, and what is
// known and not known.
type Manifest struct {
	Form       string           `json:"form"`
	Record     string           `json:"record"`
	Redacted   bool             `json:"redacted"`
	TimeStamp  string           `json:"time_stamp"` // "stamped", "not_yet"
	Revocation []ManifestAnswer `json:"revocation"`
	Members    []ManifestMember `json:"members"`
}

// ManifestAnswer is one line about revocation.
type ManifestAnswer struct {
	Signer int    `json:"signer"` // n of signer-n.pem
	State  string `json:"state"`
	Kind   string `json:"kind,omitempty"`
	Member string `json:"member,omitempty"`
}

// ManifestMember is one member.
type ManifestMember struct {
	Name   string     `json:"name"`
	Size   int        `json:"size"`
	SHA256 string     `json:"sha256"`
	What   fault.Text `json:"what"`
}

// Write writes the bundle of parts. ErrParts, or the writer's error.
func Write(w io.Writer, p *Parts) error {
	members, err := p.members()
	if err != nil {
		return err
	}
	return pack(w, members)
}

// members lays the parts out: pages and manifest first, so that they are seen first.
func (p *Parts) members() ([]member, error) {
	doc, err := ledger.ParseDocument(p.Receipt)
	if err != nil {
		return nil, ErrParts.Because(err)
	}
	rest, err := p.evidence(doc)
	if err != nil {
		return nil, err
	}
	pages, err := p.pages(doc)
	if err != nil {
		return nil, err
	}
	m := Manifest{Form: Form, Record: p.Record, Redacted: p.Redacted, TimeStamp: "not_yet", Revocation: []ManifestAnswer{}}
	if p.Stamp != nil {
		m.TimeStamp = "stamped"
	}
	for i, a := range p.Answers {
		line := ManifestAnswer{Signer: a.Signer + 1, State: a.State, Kind: a.Kind}
		if a.State != NotYetKnown {
			line.Member = answerName(i, a)
		}
		m.Revocation = append(m.Revocation, line)
	}
	for _, x := range append(pages, rest...) {
		sum := sha256.Sum256(x.data)
		m.Members = append(m.Members, ManifestMember{x.name, len(x.data), hex.EncodeToString(sum[:]), whatIs(x.name)})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, ErrParts.Because(err)
	}
	all := append(pages, member{manifestName, text.Bytes()})
	all = append(all, rest...)
	size := 0
	for _, x := range all {
		size += len(x.data) + 2*len(x.name) + localSize + centralSize
	}
	if len(all) > MaxMembers || size+endSize > MaxBundle {
		return nil, ErrParts.Because(fmt.Errorf("%d members, %d bytes", len(all), size))
	}
	return all, nil
}

// evidence are the members that prove something.
func (p *Parts) evidence(doc *ledger.Document) ([]member, error) {
	out := []member{{p.originalName(), p.Original}}
	if p.Seal != "" {
		out = append(out, member{p.originalName() + ".jws", []byte(p.Seal)})
	}
	for i, x := range p.Papers {
		out = append(out, member{paperName(i), x.Bytes}, member{paperName(i) + ".jws", []byte(x.Seal)})
	}
	for i, chain := range p.Signers {
		out = append(out, member{signerName(i), pemOf(chain)})
	}
	out = append(out, member{receiptName, p.Receipt})
	own, err := ledger.ParseCheckpoint([]byte(doc.Checkpoint))
	if err != nil {
		return nil, ErrParts.Because(err)
	}
	proof := func(note []byte, hashes ledger.Proof) ([]byte, error) {
		cp, err := ledger.ParseCheckpoint(note)
		if err != nil {
			return nil, ErrParts.Because(err)
		}
		c := ledger.Consistency{From: own.Size, To: cp.Size, Proof: hashes}
		return c.Marshal(), nil
	}
	if p.Later == nil {
		return nil, ErrParts.Because(fmt.Errorf("no later checkpoint"))
	}
	c, err := proof(p.Later.Checkpoint, p.Later.Consistency)
	if err != nil {
		return nil, err
	}
	out = append(out, member{checkpointName, p.Later.Checkpoint}, member{consistencyName, c})
	if s := p.Stamp; s != nil {
		if c, err = proof(s.Checkpoint, s.Consistency); err != nil {
			return nil, err
		}
		out = append(out, member{stampName, s.Token}, member{stampedName, s.Checkpoint}, member{stampProofName, c}, member{stampCertificates, pemOf(s.Certificates)})
	}
	for i, a := range p.Answers {
		if a.State != NotYetKnown {
			out = append(out, member{answerName(i, a), a.Raw})
		}
	}
	for i, doc := range p.Above {
		out = append(out, member{aboveName(i), doc})
	}
	return out, nil
}

func pemOf(list []*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range list {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return b.Bytes()
}

// whatIs says what a member is, by its name.
func whatIs(name string) fault.Text {
	for _, k := range kinds {
		if k.name.MatchString(name) {
			return k.what
		}
	}
	return fault.Text{VI: "Tệp kèm theo.", EN: "A further file."}
}

var kinds = []struct {
	name *regexp.Regexp
	what fault.Text
}{
	{regexp.MustCompile(`^DOC-TRUOC`), fault.Text{VI: "Trang giải thích và cách tự kiểm tra.", EN: "The explanation in Vietnamese."}},
	{regexp.MustCompile(`^README-EN`), fault.Text{VI: "Trang giải thích bằng tiếng Anh.", EN: "The explanation and how to check, in English."}},
	{regexp.MustCompile(`^original\.(xml|json)$`), fault.Text{VI: "Tệp gốc cơ sở đã ký và gửi.", EN: "The original file that the facility sealed and sent."}},
	{regexp.MustCompile(`^original\..*\.jws$`), fault.Text{VI: "Chữ ký số rời của tệp gốc (JWS).", EN: "The detached seal of the original (JWS)."}},
	{regexp.MustCompile(`^paper-\d+\.pdf$`), fault.Text{VI: "Tài liệu PDF đi kèm tệp gốc.", EN: "A PDF that came beside the original."}},
	{regexp.MustCompile(`^paper-\d+\.pdf\.jws$`), fault.Text{VI: "Chữ ký số rời của tài liệu PDF.", EN: "The detached seal of the PDF."}},
	{regexp.MustCompile(`^signer-`), fault.Text{VI: "Chứng thư số của bên ký và các chứng thư cấp trên đã biết.", EN: "The signer's certificate and the issuers that are known."}},
	{regexp.MustCompile(`^receipt\.json$`), fault.Text{VI: "Biên nhận do hub ký, kèm bằng chứng nằm trong sổ nhật ký.", EN: "The receipt signed by the hub, with its proof of being in the log."}},
	{regexp.MustCompile(`^checkpoint\.txt$`), fault.Text{VI: "Điểm chốt của sổ nhật ký lúc lập bộ này.", EN: "The log's checkpoint when this bundle was made."}},
	{regexp.MustCompile(`^consistency\.json$`), fault.Text{VI: "Bằng chứng điểm chốt đó nối tiếp điểm chốt trong biên nhận.", EN: "The proof that this checkpoint continues the one in the receipt."}},
	{regexp.MustCompile(`^stamp\.der$`), fault.Text{VI: "Dấu thời gian RFC 3161.", EN: "The RFC 3161 time-stamp."}},
	{regexp.MustCompile(`^stamp-checkpoint`), fault.Text{VI: "Điểm chốt được đóng dấu thời gian.", EN: "The checkpoint that was time-stamped."}},
	{regexp.MustCompile(`^stamp-consistency`), fault.Text{VI: "Bằng chứng điểm chốt đó nối tiếp điểm chốt trong biên nhận.", EN: "The proof that it continues the one in the receipt."}},
	{regexp.MustCompile(`^stamp-certificates`), fault.Text{VI: "Chứng thư của tổ chức cấp dấu thời gian.", EN: "The time-stamp authority's certificates."}},
	{regexp.MustCompile(`^above-\d+\.receipt\.json$`), fault.Text{VI: "Biên nhận của hub cấp trên về cùng hồ sơ này.", EN: "The receipt that the hub above gave of the same dossier."}},
	{regexp.MustCompile(`^revocation-`), fault.Text{VI: "Trả lời của tổ chức cấp chứng thư về tình trạng thu hồi.", EN: "The issuer's answer about revocation."}},
}

// partsOf reads the parts back out of the members. Faults name the member.
func partsOf(members []member) (*Parts, error) {
	by := map[string][]byte{}
	for _, m := range members {
		if _, twice := by[m.name]; twice {
			return nil, errMember(m.name, "is there twice")
		}
		by[m.name] = m.data
	}
	m, err := manifestOf(by[manifestName])
	if err != nil {
		return nil, err
	}
	p := &Parts{Record: m.Record, Redacted: m.Redacted, Receipt: by[receiptName], Original: by["original.xml"]}
	if b, ok := by["original.json"]; ok {
		p.JSON, p.Original = true, b
	}
	p.Seal = string(by[p.originalName()+".jws"])
	for i := 0; by[paperName(i)] != nil; i++ {
		p.Papers = append(p.Papers, Paper{by[paperName(i)], string(by[paperName(i)+".jws"])})
	}
	for i := 0; by[aboveName(i)] != nil; i++ {
		p.Above = append(p.Above, by[aboveName(i)])
	}
	for i := 0; by[signerName(i)] != nil; i++ {
		chain, err := certificatesOf(signerName(i), by[signerName(i)])
		if err != nil {
			return nil, err
		}
		p.Signers = append(p.Signers, chain)
	}
	later, err := consistencyOf(consistencyName, by[consistencyName])
	if err != nil {
		return nil, err
	}
	p.Later = &ledger.LaterCheckpoint{Checkpoint: by[checkpointName], Consistency: later.Proof}
	if m.TimeStamp == "stamped" {
		c, err := consistencyOf(stampProofName, by[stampProofName])
		if err != nil {
			return nil, err
		}
		p.Stamp = &Stamp{Token: by[stampName], Checkpoint: by[stampedName], Consistency: c.Proof}
		if len(by[stampCertificates]) > 0 {
			if p.Stamp.Certificates, err = certificatesOf(stampCertificates, by[stampCertificates]); err != nil {
				return nil, err
			}
		}
	}
	for i, line := range m.Revocation {
		a := Answer{Signer: line.Signer - 1, State: line.State, Kind: line.Kind}
		if a.Signer < 0 || a.Signer >= len(p.Signers) {
			return nil, errMember(manifestName, "speaks of a signer that is not there")
		}
		if a.State != NotYetKnown {
			a.Raw = by[answerName(i, a)]
		}
		p.Answers = append(p.Answers, a)
	}
	return p, nil
}

// manifestOf reads the manifest, strictly.
func manifestOf(b []byte) (*Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || m.Form != Form {
		return nil, errMember(manifestName, "is not of this form")
	}
	return &m, nil
}

func consistencyOf(name string, b []byte) (*ledger.Consistency, error) {
	c, err := ledger.ParseConsistency(b)
	if err != nil {
		return nil, errMember(name, "cannot be read")
	}
	return c, nil
}

// maxChain is the longest chain of certificates read.
const maxChain = 16

func certificatesOf(name string, text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for len(strings.TrimSpace(string(text))) > 0 {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" || len(out) == maxChain {
			return nil, errMember(name, "is not PEM of certificates")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errMember(name, "holds no certificate")
		}
		out, text = append(out, c), rest
	}
	if len(out) == 0 {
		return nil, errMember(name, "is empty")
	}
	return out, nil
}

// memberError is a fault of one member.
type memberError struct{ member, why string }

func (e *memberError) Error() string { return "bundle: " + e.member + " " + e.why }

func errMember(name, why string) error { return &memberError{name, why} }
