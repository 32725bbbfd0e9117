package bundle

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/seal"
)

// Options say what a bundle is held against. All but the readers may be empty.
type Options struct {
	Kinds *kind.Registry
	Seals *seal.Verifier

	LogKeys        []string            // verifier lines of logs the reader trusts
	TSARoots       []*x509.Certificate // of time-stamp authorities
	SignerRoots    []*x509.Certificate // of authorities that issue facilities' certificates
	Witnesses      []string            // verifier lines: who of them cosigned is told
	RequireWitness []string            // of these one at least must have
	RequireStamp   bool                // a verified time-stamp must be there
}

// Step is one thing that was checked.
type Step struct {
	Name   string     `json:"step"`
	OK     bool       `json:"ok"`             // it holds, or is open
	Open   bool       `json:"open,omitempty"` // it could not be checked, or is not known yet
	Code   string     `json:"code,omitempty"` // of a step that failed: "bundle.<step>"
	Member string     `json:"member,omitempty"`
	Text   fault.Text `json:"message"`
}

// Report is what Verify found: OK when no step failed, Trusted when a log key
// of the options signed the checkpoint.
type Report struct {
	OK       bool            `json:"ok"`
	Trusted  bool            `json:"trusted"`
	Says     fault.Text      `json:"says"`
	Redacted bool            `json:"redacted"`
	Stamped  *time.Time      `json:"stamped_at,omitempty"` // proved under a root of the options
	Steps    []Step          `json:"steps"`
	Receipt  json.RawMessage `json:"receipt,omitempty"`
}

// Verify checks a bundle offline, member by member. Whatever was done to the
// bytes shows as a failed step; an error means that it could not be checked at
// all: a key in the options is malformed (ledger.key), or a reader is missing.
func Verify(data []byte, o Options) (r Report, err error) {
	if o.Kinds == nil || o.Seals == nil {
		return r, ErrParts.Because(errors.New("no readers"))
	}
	for _, k := range o.Witnesses {
		if _, err := ledger.WitnessName(k); err != nil {
			return r, err
		}
	}
	if _, err := ledger.Verify(nil, ledger.VerifyOptions{LogKeys: o.LogKeys, RequireWitness: o.RequireWitness}); fault.Of(err).Code == ledger.ErrKey.Code {
		return r, err
	}
	c := &check{o: o, r: Report{OK: true}}
	c.run(data)
	return c.r, nil
}

type check struct {
	o    Options
	r    Report
	p    *Parts
	doc  *ledger.Document
	body *ledger.Body
	own  ledger.Checkpoint

	signers []seal.Signature // as the seals say, in the order of Parts.Signers
}

func (c *check) step(name, member string, ok bool, good, bad fault.Text) bool {
	s := Step{Name: name, Member: member, OK: ok, Text: good}
	if !ok {
		s.Text, s.Code = bad, "bundle."+name
		c.r.OK = false
	}
	c.r.Steps = append(c.r.Steps, s)
	return ok
}

func (c *check) open(name, member string, text fault.Text) {
	c.r.Steps = append(c.r.Steps, Step{Name: name, Member: member, OK: true, Open: true, Text: text})
}

func (c *check) run(data []byte) {
	members, whole := unpack(data)
	if !c.container(data, members, whole) {
		return
	}
	if !c.receipt() {
		return
	}
	c.record()
	c.original()
	c.later()
	c.witnesses()
	c.stamp()
	c.revocation()
	c.above()
}

// container checks that the bundle is what its own parts give, byte for byte:
// no member edited, added, left out or moved, no page that says something else.
func (c *check) container(data []byte, members []member, whole bool) bool {
	readable := fault.Text{VI: "Bộ chứng cứ không đọc được: tệp nén bị hỏng, bị sửa hoặc đã nén lại.", EN: "The bundle cannot be read: the archive is damaged, was edited or was packed again."}
	good := fault.Text{VI: "Bộ chứng cứ còn nguyên từng byte.", EN: "The bundle is as it was made, byte for byte."}
	bad := fault.Text{VI: "Bộ chứng cứ đã bị sửa, hoặc đã được nén lại bằng chương trình khác.", EN: "The bundle was edited, or packed again by another program."}
	if !whole {
		c.digests(members)
		return c.step("container", "", false, good, readable)
	}
	if !c.digests(members) {
		return false
	}
	p, err := partsOf(members)
	if err != nil {
		var m *memberError
		name := ""
		if errors.As(err, &m) {
			name = m.member
		}
		return c.step("container", name, false, good, readable)
	}
	c.p = p
	again, err := p.members()
	if err != nil {
		return c.step("container", "", false, good, readable)
	}
	var packed bytes.Buffer
	packed.Grow(len(data))
	exact := pack(&packed, again) == nil && bytes.Equal(packed.Bytes(), data)
	return c.step("container", "", exact, good, bad)
}

// digests holds each member against the manifest.
func (c *check) digests(members []member) bool {
	var manifest []byte
	for _, m := range members {
		if m.name == manifestName {
			manifest = m.data
		}
	}
	good := fault.Text{VI: "Mọi tệp đúng là tệp mà bảng kê nêu.", EN: "Every member is the one the manifest names."}
	m, err := manifestOf(manifest)
	if err != nil {
		return c.step("manifest", manifestName, false, good, fault.Text{VI: "Bảng kê không đọc được.", EN: "The manifest cannot be read."})
	}
	named := map[string]string{}
	for _, x := range m.Members {
		named[x.Name] = x.SHA256
	}
	ok := true
	for _, x := range members {
		if x.name == manifestName {
			continue
		}
		sum := sha256.Sum256(x.data)
		if named[x.name] != hex.EncodeToString(sum[:]) {
			ok = c.step("manifest", clean(x.name), false, good, fault.Text{VI: "Tệp này khác với bảng kê.", EN: "This member is not the one the manifest names."})
		}
		delete(named, x.name)
	}
	for name := range named {
		ok = c.step("manifest", clean(name), false, good, fault.Text{VI: "Thiếu tệp mà bảng kê nêu.", EN: "A member the manifest names is missing."})
	}
	return ok && c.step("manifest", "", true, good, good)
}

// clean is a foreign name as it may be shown: known ones as they are.
func clean(name string) string {
	if name == manifestName || whatIs(name) != whatIs("") {
		return name
	}
	return "?"
}

// receipt checks the receipt document with the later checkpoint.
func (c *check) receipt() bool {
	o := ledger.VerifyOptions{LogKeys: c.o.LogKeys, RequireWitness: c.o.RequireWitness, Later: c.p.Later}
	if !c.p.Redacted {
		o.Original = c.p.Original
	}
	report, err := ledger.Verify(c.p.Receipt, o)
	if err != nil {
		return c.step("receipt", receiptName, false, fault.Text{}, fault.Of(err).Text)
	}
	for _, s := range report.Steps {
		c.step("receipt."+s.Name, receiptName, s.OK, s.Text, s.Text)
	}
	c.r.Says, c.r.Receipt, c.r.Trusted, c.r.Redacted = report.Says, report.Receipt, report.Trusted, c.p.Redacted
	if report.Body == nil || report.Checkpoint.Origin == "" {
		return false
	}
	c.body, c.own = report.Body, report.Checkpoint
	c.doc, err = ledger.ParseDocument(c.p.Receipt)
	return err == nil
}

func (c *check) record() {
	c.step("record", manifestName, c.p.Record == c.body.Record,
		fault.Text{VI: "Bảng kê và biên nhận nói về cùng một hồ sơ.", EN: "Manifest and receipt are of the same record."},
		fault.Text{VI: "Bảng kê nói về hồ sơ khác với biên nhận.", EN: "The manifest is of another record than the receipt."})
}

// original reads the original by its kind: its inner documents are those the
// receipt names, and its seals verify.
func (c *check) original() {
	name := c.p.originalName()
	reader, err := c.o.Kinds.Pick(c.p.Original)
	if err != nil || reader.Name() != c.body.Kind {
		if c.o.Kinds.ByName(c.body.Kind) == nil {
			c.open("content", name, fault.Text{VI: "Bản lienthong này không đọc được loại hồ sơ này; nội dung chưa được đối chiếu.", EN: "This lienthong does not read this kind; the content was not compared."})
			return
		}
		c.step("content", name, false, fault.Text{}, fault.Text{VI: "Tệp gốc không thuộc loại hồ sơ mà biên nhận nêu.", EN: "The original is not of the kind the receipt names."})
		return
	}
	file, err := reader.Open(c.p.Original)
	if err != nil {
		c.step("content", name, false, fault.Text{}, fault.Text{VI: "Tệp gốc không đọc được.", EN: "The original cannot be read."})
		return
	}
	c.content(name, file)
	c.seals(name, file)
}

// content looks for the dossier whose inner documents, in order, are those of
// the receipt; papers are the last of them.
func (c *check) content(name string, file kind.File) {
	papers := make([]kind.Paper, len(c.p.Papers))
	for i, x := range c.p.Papers {
		papers[i].Bytes = x.Bytes
	}
	file = kind.WithPapers(file, len(c.p.Original), papers)
	found := false
	for i := 0; i < file.Len() && !found; i++ {
		found = sameDigests(file.Dossier(i).Inner, c.body.InnerSHA256)
	}
	c.step("content", name, found,
		fault.Text{VI: "Nội dung hồ sơ trong tệp gốc đúng là nội dung mà biên nhận nêu.", EN: "The dossier in the original is the one the receipt names."},
		fault.Text{VI: "Không có hồ sơ nào trong tệp gốc khớp với các mã SHA-256 trong biên nhận.", EN: "No dossier in the original has the digests the receipt names."})
}

func sameDigests(inner [][]byte, named []string) bool {
	if len(inner) != len(named) {
		return false
	}
	for i, b := range inner {
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != named[i] {
			return false
		}
	}
	return true
}

// seals verifies the seals of original and papers, and that the enclosed
// certificates are theirs.
func (c *check) seals(name string, file kind.File) {
	good := fault.Text{VI: "Chữ ký số khớp với nội dung từng byte.", EN: "The seal matches the content, byte for byte."}
	if c.p.Redacted {
		c.open("seal", name, fault.Text{VI: "Bản đã lược phần của người khác: chữ ký số trên cả tệp không kiểm tra được.", EN: "Others' parts are left out: the seal over the whole file cannot be checked."})
	} else {
		verdict, err := sealOf(c.o.Seals, file, c.p.Original, c.p.Seal)
		if !c.step("seal", name, err == nil, good, fault.Of(err).Text) {
			return
		}
		c.signers = verdict.Signatures
	}
	for i, x := range c.p.Papers {
		verdict, err := c.o.Seals.VerifyDetached(x.Bytes, x.Seal)
		if !c.step("seal", paperName(i), err == nil, good, fault.Of(err).Text) {
			return
		}
		c.signers = append(c.signers, verdict.Signatures...)
	}
	if !c.p.Redacted {
		c.certificates(c.signers)
		if c.p.Seal != "" || len(c.p.Papers) > 0 {
			c.open("signer", "", detachedSeal)
		}
	} else {
		c.redactedCertificates(file)
	}
	c.chains()
}

func sealOf(v *seal.Verifier, file kind.File, original []byte, detached string) (*seal.Verdict, error) {
	if inside := file.Sealing().Inside; inside != nil {
		return v.Verify(original, *inside)
	}
	return v.VerifyDetached(original, detached)
}

var (
	ownCertificates   = fault.Text{VI: "Chứng thư kèm theo đúng là của chữ ký trong tệp gốc.", EN: "The enclosed certificate is the one of the seal."}
	otherCertificates = fault.Text{VI: "Chứng thư kèm theo không phải của chữ ký trong tệp gốc.", EN: "The enclosed certificate is not the one of the seal."}
)

// detachedSeal: anybody may seal the same bytes later, and the receipt names the
// bytes only.
var detachedSeal = fault.Text{VI: "Biên nhận không ghi mã của chữ ký rời: chữ ký khớp với nội dung, còn đó có đúng là chữ ký đã gửi hay không thì so chứng thư với cơ sở ghi trong biên nhận.",
	EN: "The receipt names no digest of a detached seal: it matches the content; whether it is the one that was sent, compare its certificate with the facility in the receipt."}

func (c *check) certificates(signed []seal.Signature) {
	ok := len(signed) == len(c.p.Signers)
	for i := 0; ok && i < len(signed); i++ {
		ok = signed[i].Certificate.Equal(c.p.Signers[i][0])
	}
	c.step("signer", "", ok, ownCertificates, otherCertificates)
}

// redactedCertificates holds the enclosed certificates against the text of
// those in the redacted file, and those of papers against their seals. What
// stands around the documents of a redacted file is covered by no digest and no
// seal that could be checked, so whose seal it was stays open.
func (c *check) redactedCertificates(file kind.File) {
	inside := extracts(file, c.p.Original)
	ok := len(inside)+len(c.signers) == len(c.p.Signers)
	for i := 0; ok && i < len(inside); i++ {
		ok = inside[i].Equal(c.p.Signers[i][0])
	}
	for i := 0; ok && i < len(c.signers); i++ {
		ok = c.signers[i].Certificate.Equal(c.p.Signers[len(inside)+i][0])
	}
	if !ok {
		c.step("signer", "", false, ownCertificates, otherCertificates)
		return
	}
	c.open("signer", "", fault.Text{VI: "Chứng thư kèm theo là chứng thư ghi trong bản đã lược; ai đã ký thì chỉ bản đầy đủ mới chứng minh được.",
		EN: "The enclosed certificate is the one written in the redacted file; who sealed it is proved by the whole file only."})
}

// extracts are the signers' certificates that stand in a file's envelope: those
// that are no authority's.
func extracts(file kind.File, raw []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for _, e := range file.Extracts() {
		if cert := certificateIn(raw, e); cert != nil && !cert.IsCA {
			out = append(out, cert)
		}
	}
	return out
}

func certificateIn(raw []byte, e body.Extract) *x509.Certificate {
	text := bytes.Join(bytes.Fields(raw[e.Start:e.End]), nil)
	der, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// chains checks that each enclosed issuer issued the one before, and that the
// signer is issued under a root of the options.
func (c *check) chains() {
	for i, chain := range c.p.Signers {
		linked := true
		for k := 0; k+1 < len(chain); k++ {
			linked = linked && chain[k].CheckSignatureFrom(chain[k+1]) == nil
		}
		good := fault.Text{VI: "Các chứng thư cấp trên kèm theo đúng là bên đã cấp.", EN: "The enclosed issuers are those that issued."}
		if !c.step("issuer", signerName(i), linked, good, fault.Text{VI: "Chứng thư cấp trên kèm theo không phải bên đã cấp.", EN: "An enclosed issuer did not issue the certificate before it."}) {
			continue
		}
		if len(c.o.SignerRoots) == 0 {
			continue
		}
		pool, between := x509.NewCertPool(), x509.NewCertPool()
		for _, root := range c.o.SignerRoots {
			pool.AddCert(root)
		}
		for _, x := range chain[1:] {
			between.AddCert(x)
		}
		leaf := *chain[0] // its own validity was judged with its grace by the hub
		leaf.NotBefore, leaf.NotAfter = c.body.ReceivedAt, c.body.ReceivedAt
		_, err := leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: c.body.ReceivedAt, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		c.step("signer_root", signerName(i), err == nil,
			fault.Text{VI: "Chứng thư do tổ chức được tin cậy cấp.", EN: "The certificate is issued under a trusted root."},
			fault.Text{VI: "Chứng thư không do tổ chức được tin cậy nào trong số đã nêu cấp.", EN: "The certificate is not issued under a root that was given."})
	}
}
