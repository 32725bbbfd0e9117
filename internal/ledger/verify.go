package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/fault"
)

// VerifyOptions say what a receipt is checked against. All may be empty.
type VerifyOptions struct {
	// LogKeys are verifier lines of logs the reader trusts. Without one the
	// receipt can only be found to agree with itself.
	LogKeys []string
	// Original is the file the receipt should be about; nil: not checked.
	Original []byte
	// RequireWitness are verifier lines of witnesses (C2SP cosignature/v1), one
	// of which at least must have cosigned; empty: not asked.
	RequireWitness []string
	// Later is a later checkpoint of the log with its consistency proof, for
	// witnesses that cosigned after the receipt was made; nil: there is none.
	Later *LaterCheckpoint
}

// LaterCheckpoint is a signed checkpoint and the proof that the one in the
// receipt is a prefix of it.
type LaterCheckpoint struct {
	Checkpoint  []byte
	Consistency Proof
}

// Step is one thing that was checked.
type Step struct {
	Name string     `json:"step"`
	OK   bool       `json:"ok"`
	Text fault.Text `json:"message"`
}

// Report is what Verify found. The receipt is proved when OK and Trusted; OK
// alone means only that nothing in it contradicts itself.
type Report struct {
	OK      bool `json:"ok"`
	Trusted bool `json:"trusted"` // signed by a log key given in the options
	// Says is what the receipt states, for people; empty until its body is read.
	Says    fault.Text      `json:"says"`
	Steps   []Step          `json:"steps"`
	Receipt json.RawMessage `json:"receipt,omitempty"` // the body's exact bytes

	Body       *Body      `json:"-"`
	Checkpoint Checkpoint `json:"-"`
}

// step records a check and passes its outcome on.
func (r *Report) step(name string, ok bool, good, bad fault.Text) bool {
	s := Step{Name: name, OK: ok, Text: bad}
	if ok {
		s.Text = good
	}
	r.Steps = append(r.Steps, s)
	r.OK = r.OK && ok
	return ok
}

// Verify checks a receipt document offline, step by step: the body's form, the
// receipt key, the signature, the checkpoint, both leaves under it, the log's
// signature, and what else the options ask. It stops where nothing further can
// be checked. Three things might happen: the report is OK and Trusted (proved);
// it is OK and not Trusted (no log key was given); it is not OK, and the steps
// say why. An error means that it could not be checked: ErrDocument when doc is
// not a receipt document, ErrKey when a key in the options is malformed.
func Verify(doc []byte, opts VerifyOptions) (Report, error) {
	c, err := newCheck(opts)
	if err != nil {
		return Report{}, err
	}
	if c.doc, err = ParseDocument(doc); err != nil {
		return Report{}, err
	}
	c.run()
	return c.report, nil
}

type check struct {
	opts      VerifyOptions
	logKeys   []note.Verifier
	witnesses []witness
	doc       *Document
	report    Report
}

func newCheck(opts VerifyOptions) (*check, error) {
	c := &check{opts: opts, report: Report{OK: true}}
	for _, vkey := range opts.LogKeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, ErrKey.Because(err)
		}
		c.logKeys = append(c.logKeys, v)
	}
	for _, vkey := range opts.RequireWitness {
		w, err := parseWitness(vkey)
		if err != nil {
			return nil, err
		}
		c.witnesses = append(c.witnesses, w)
	}
	return c, nil
}

func (c *check) run() {
	r, d := &c.report, c.doc
	b, err := ParseBody(d.Body)
	if !r.step("body", err == nil,
		fault.Text{VI: "Nội dung biên nhận đúng dạng.", EN: "The receipt's body is in its prescribed form."},
		ErrBody.Text) {
		return
	}
	r.Body, r.Receipt, r.Says = b, json.RawMessage(d.Body), says(b)
	if !c.keyAndSignature() || !c.checkpoint() {
		return
	}
	c.leaves()
	c.logSignature()
	c.original()
	c.witnessed()
}

func (c *check) keyAndSignature() bool {
	r, d := &c.report, c.doc
	pub, err := parseSPKI(d.Key.SPKI)
	kid := KeyID(d.Key.SPKI)
	if !r.step("key", err == nil && kid == d.Key.Kid && kid == r.Body.Kid,
		fault.Text{VI: "Khóa kèm theo đúng là khóa mà biên nhận nêu.", EN: "The enclosed key is the one the receipt names."},
		fault.Text{VI: "Khóa kèm theo không phải là khóa mà biên nhận nêu.", EN: "The enclosed key is not the one the receipt names."}) {
		return false
	}
	r.step("signature", verifyES256(pub, d.Body, d.Signature),
		fault.Text{VI: "Chữ ký của hub trên biên nhận đúng.", EN: "The hub's signature on the receipt verifies."},
		fault.Text{VI: "Chữ ký của hub trên biên nhận sai: nội dung, chữ ký hoặc khóa đã bị thay đổi.", EN: "The hub's signature on the receipt does not verify: body, signature or key was changed."})
	return true
}

func (c *check) checkpoint() bool {
	r, d := &c.report, c.doc
	cp, err := ParseCheckpoint([]byte(d.Checkpoint))
	if !r.step("checkpoint", err == nil && cp.Origin == d.Origin && originOf(cp.Origin, r.Body.Hub),
		fault.Text{VI: "Điểm chốt là của sổ nhật ký của hub này.", EN: "The checkpoint is of a log of this hub."},
		fault.Text{VI: "Điểm chốt không đọc được hoặc không phải của sổ nhật ký của hub này.", EN: "The checkpoint cannot be read or is not of a log of this hub."}) {
		return false
	}
	r.Checkpoint = cp
	return true
}

func (c *check) leaves() {
	r, d := &c.report, c.doc
	r.step("key_leaf", d.Key.Index < d.Index && CheckInclusion(d.Key.Proof, r.Checkpoint, d.Key.Index, KeyLeaf(d.Key.SPKI)),
		fault.Text{VI: "Khóa đã được công bố trong sổ nhật ký trước biên nhận.", EN: "The key was published in the log before the receipt."},
		fault.Text{VI: "Không chứng minh được khóa đã nằm trong sổ nhật ký trước biên nhận.", EN: "It is not proved that the key was in the log before the receipt."})
	r.step("receipt_leaf", CheckInclusion(d.Proof, r.Checkpoint, d.Index, d.Leaf()),
		fault.Text{VI: "Biên nhận nằm trong sổ nhật ký ở đúng vị trí đã nêu.", EN: "The receipt is in the log at the stated place."},
		fault.Text{VI: "Không chứng minh được biên nhận nằm trong sổ nhật ký: nội dung, muối, chữ ký, vị trí, bằng chứng hoặc điểm chốt đã bị thay đổi.", EN: "It is not proved that the receipt is in the log: body, salt, signature, place, proof or checkpoint was changed."})
}

// signedByLog reports whether one of the trusted log keys signed checkpoint.
func (c *check) signedByLog(checkpoint []byte, origin string) bool {
	for _, v := range c.logKeys {
		if v.Name() != origin {
			continue
		}
		if _, err := note.Open(checkpoint, note.VerifierList(v)); err == nil {
			return true
		}
	}
	return false
}

func (c *check) logSignature() {
	if len(c.logKeys) == 0 {
		return
	}
	c.report.Trusted = c.report.step("log_key", c.signedByLog([]byte(c.doc.Checkpoint), c.report.Checkpoint.Origin),
		fault.Text{VI: "Điểm chốt do khóa sổ nhật ký được tin cậy ký.", EN: "The checkpoint is signed by the trusted log key."},
		fault.Text{VI: "Điểm chốt không do khóa sổ nhật ký được tin cậy ký.", EN: "The checkpoint is not signed by the trusted log key."})
}

func (c *check) original() {
	if c.opts.Original == nil {
		return
	}
	c.report.step("original", HexSHA256(sha256.Sum256(c.opts.Original)) == c.report.Body.FileSHA256,
		fault.Text{VI: "Tệp gốc đúng là tệp mà biên nhận nêu.", EN: "The original is the file the receipt is about."},
		fault.Text{VI: "Tệp gốc không phải là tệp mà biên nhận nêu.", EN: "The original is not the file the receipt is about."})
}

func (c *check) witnessed() {
	if len(c.witnesses) == 0 {
		return
	}
	c.report.step("witness", c.hasWitness(),
		fault.Text{VI: "Có nhân chứng độc lập đã ký xác nhận sổ nhật ký.", EN: "An independent witness has cosigned the log."},
		fault.Text{VI: "Chưa có nhân chứng được tin cậy nào ký xác nhận sổ nhật ký.", EN: "No trusted witness has cosigned the log."})
}

// hasWitness looks for a cosignature on the receipt's own checkpoint, then on
// the later one when that is the same log grown.
func (c *check) hasWitness() bool {
	checkpoints := [][]byte{[]byte(c.doc.Checkpoint)}
	if later := c.opts.Later; later != nil {
		cp, err := ParseCheckpoint(later.Checkpoint)
		if err == nil && CheckConsistency(later.Consistency, c.report.Checkpoint, cp) {
			checkpoints = append(checkpoints, later.Checkpoint)
		}
	}
	for _, data := range checkpoints {
		cp, lines, err := splitCheckpoint(data)
		if err != nil {
			continue
		}
		for _, w := range c.witnesses {
			if _, ok := w.cosignedBy(cp, lines); ok {
				return true
			}
		}
	}
	return false
}

// says puts the receipt's statement in a sentence.
func says(b *Body) fault.Text {
	verdict := map[string]fault.Text{
		StateAccepted:             {VI: "được tiếp nhận", EN: "was accepted"},
		StateAcceptedWithWarnings: {VI: "được tiếp nhận, có cảnh báo", EN: "was accepted with warnings"},
		StateRejected:             {VI: "bị từ chối", EN: "was rejected"},
	}[b.State]
	hanoi := b.ReceivedAt.In(time.FixedZone("", 7*60*60)) // Vietnam has had no other offset since 1975
	return fault.Text{
		VI: "Theo biên nhận của " + b.Hub + ", hồ sơ " + b.Record + " của cơ sở " + b.Facility + " " + verdict.VI +
			" lúc " + hanoi.Format("15:04:05") + " ngày " + hanoi.Format("02/01/2006") + " (giờ Việt Nam).",
		EN: "According to the receipt of " + b.Hub + ", record " + b.Record + " of facility " + b.Facility + " " + verdict.EN +
			" at " + hanoi.Format("15:04:05 on 2006-01-02") + " (Vietnam time).",
	}
}
