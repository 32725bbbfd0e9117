package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/xmltok"
)

var (
	// ErrFacility: the file names a facility the hub does not know.
	ErrFacility = fault.New(fault.Invalid, "facility.unknown",
		"Mã cơ sở khám chữa bệnh (MACSKCB) chưa có trên hub. Kiểm tra mã, hoặc đăng ký cơ sở.",
		"The hub does not know this facility code (MACSKCB). Check the code, or have the facility registered.")
	// ErrSender: who sends may not send for this facility.
	ErrSender = fault.New(fault.Withheld, "sender.not_allowed",
		"Tài khoản này không được gửi hồ sơ của cơ sở ghi trong tệp.",
		"This account may not send files of the facility the file names.")
)

// chunk is how many dossiers of one file are worked on before they are
// committed: a file of a thousand holds its place no longer than others do.
const chunk = groupLimit

// task is one file on its way through.
type task struct {
	in       *Intake
	from     Sender
	file     File
	received time.Time
	trust    *Trust
	size     int64

	digest   [32]byte
	reader   kind.Reader
	opened   kind.File
	facility care.FacilityCode
	version  facility.Version
	hashes   []vault.Keyed // of the file, under every live pepper
	before   []store.Stored
	seals    []store.SealNote
	grace    bool // sealed with a certificate in its grace
	parts    body.File
	stored   *store.File
}

func (t *task) run(ctx context.Context) ([]Answer, error) {
	if err := t.in.gate.enter(ctx, t.file.Lane); err != nil {
		return nil, ErrBusy.Because(err)
	}
	err := t.admit(ctx)
	t.in.gate.leave()
	if err != nil {
		return nil, err
	}
	if t.opened == nil || t.settledBefore() {
		return t.again(ctx)
	}
	answers := make([]Answer, 0, t.opened.Len())
	for from := 0; from < t.opened.Len(); from += chunk {
		to := min(from+chunk, t.opened.Len())
		part, err := t.decide(ctx, from, to)
		if err != nil {
			return nil, err
		}
		answers = append(answers, part...)
	}
	return answers, nil
}

// admit opens the file and checks who sends, whose it is and its seal, in the
// order of the code table of DESIGN §6. A file decided before is not refused.
func (t *task) admit(ctx context.Context) error {
	t.digest = sha256.Sum256(t.file.Bytes)
	if err := t.open(); err != nil {
		return err
	}
	t.facility = t.opened.Facility()
	verdict, sealErr := (*seal.Verdict)(nil), error(nil)
	if t.facility == "" { // the kind names no facility: the certificate does
		if verdict, sealErr = t.verify(); sealErr != nil {
			return sealErr
		}
		t.facility = t.owner(verdict)
		if t.facility == "" {
			return t.ownedBefore(ctx)
		}
	}
	var known bool
	if t.version, known = t.trust.Current(t.facility); !known {
		return ErrFacility
	}
	if !t.maySend() {
		return ErrSender
	}
	if err := t.recall(ctx); err != nil {
		return err
	}
	if t.settledBefore() {
		return nil
	}
	if verdict == nil {
		verdict, sealErr = t.verify()
	}
	if sealErr == nil {
		sealErr = t.bind(ctx, verdict)
	}
	if sealErr != nil && len(t.before) > 0 {
		t.opened = nil // decided once: what it became then is the answer
		return nil
	}
	return sealErr
}

// ownedBefore finds a file whose certificate speaks for nobody any more among
// what its sender's own facility sent before: decided once, it has its answer.
// Fault: seal.untrusted.
func (t *task) ownedBefore(ctx context.Context) error {
	t.facility = t.senderFacility()
	if err := t.recall(ctx); err != nil {
		return err
	}
	if len(t.before) == 0 {
		t.facility = ""
		return seal.ErrUntrusted
	}
	t.opened = nil
	return nil
}

func (t *task) open() error {
	root, err := RootOf(t.file.Bytes)
	if err != nil {
		return err
	}
	t.reader = t.in.Kinds.ForRoot(root)
	if t.reader == nil {
		if err := xmltok.Check(t.file.Bytes, xmltok.Limits{}); err != nil {
			return err
		}
		return kind.ErrEnvelope
	}
	t.opened, err = t.reader.Open(t.file.Bytes)
	return err
}

// RootOf returns the name of the document element. Bytes that end or break
// before one are checked whole, so that the fault is the document's first.
func RootOf(doc []byte) (string, error) {
	tok := xmltok.New(doc, xmltok.Limits{})
	for {
		k, err := tok.Next()
		if err != nil {
			return "", err
		}
		switch k {
		case xmltok.StartElement:
			return string(tok.Local()), nil
		case xmltok.EOF:
			return "", xmltok.ErrUnreadable
		}
	}
}

func (t *task) verify() (*seal.Verdict, error) {
	return t.in.Seals.Verify(t.file.Bytes, seal.Expect{Container: t.opened.Container(), Count: t.opened.Signatures()})
}

// owner returns the facility the sealing certificate is registered for. One
// pinned to several is decided by the first dossier that names one of them.
func (t *task) owner(v *seal.Verdict) care.FacilityCode {
	s := v.Signatures[0]
	codes := t.trust.Owners(s)
	if len(codes) == 0 {
		return ""
	}
	for i := 0; i < t.opened.Len() && len(codes) > 1; i++ {
		said := t.opened.Dossier(i).Content
		for _, c := range codes {
			for _, table := range said.Tables() {
				if table.Cell(0, "MA_CSKCB").Text == string(c) {
					return c
				}
			}
		}
	}
	return codes[0]
}

func (t *task) maySend() bool {
	if t.from.Client == "" {
		return t.from.Facility == t.facility
	}
	return t.trust.MaySend(t.from.Client, t.facility, t.reader.Name(), t.received)
}

// recall asks whether these very bytes were decided before.
func (t *task) recall(ctx context.Context) error {
	t.hashes = t.in.Vault.HashAll(vault.File, []byte(t.facility), t.digest[:])
	before, err := t.in.Store.File(ctx, t.facility, t.hashes)
	if errors.Is(err, store.ErrAbsent) {
		return nil
	}
	t.before = before
	return err
}

// settledBefore reports whether every dossier of the file was accepted before:
// then there is nothing to judge again.
func (t *task) settledBefore() bool {
	if t.opened == nil || len(t.before) != t.opened.Len() {
		return false
	}
	for i := range t.before {
		if !t.before[i].Verdict.State.IsAccepted() {
			return false
		}
	}
	return true
}

// bind holds the signers against the facility: pinned, or issued by a trusted
// root with its tax code; valid; not known to be revoked.
func (t *task) bind(ctx context.Context, v *seal.Verdict) error {
	for _, s := range v.Signatures {
		b, err := t.trust.Bind(ctx, s, t.version, t.received)
		if err != nil {
			return err
		}
		t.seals = append(t.seals, b)
		t.grace = t.grace || b.Expired
	}
	return nil
}

// again gives the answers of a file decided before.
func (t *task) again(ctx context.Context) ([]Answer, error) {
	results := make([]*store.Stored, len(t.before))
	for i := range t.before {
		results[i] = &t.before[i]
	}
	return t.replies(ctx, results, nil)
}

// refuse keeps that the file was refused. Its error says the refusal could not
// be kept, and then the file counts as not decided.
func (t *task) refuse(ctx context.Context, why *fault.Error) error {
	owner := t.facility
	if owner == "" || t.version.ID == 0 {
		owner = t.senderFacility()
	}
	id, err := dossier.NewID(owner, t.received, t.in.cfg.Random)
	if err != nil {
		return err
	}
	r := store.Refusal{ID: id, At: t.received, Sender: t.from.Name, Size: t.size, Digest: t.digest,
		Code: why.Code, Lane: t.file.Lane}
	if v, ok := t.trust.Current(owner); ok {
		r.FacilityVersion = v.ID
		r.Deltas = []store.Delta{{FacilityVersion: v.ID, Day: clock.Day(t.received), Measure: "refused", N: 1}}
	}
	mark := evidence.RefusalMark(t.in.Vault, &r)
	copy(r.ID.Serial[10:], mark[:])
	return t.in.Store.Refuse(ctx, []store.Refusal{r})
}

func (t *task) senderFacility() care.FacilityCode {
	if c, ok := t.trust.Client(t.from.Client); ok {
		return c.Facility
	}
	return t.from.Facility
}

func (t *task) kindName() string {
	if t.reader == nil {
		return ""
	}
	return t.reader.Name()
}
