package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/quality"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/trust"
	"lienthong/internal/vault"
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

// task is one file on its way through.
type task struct {
	in       *Intake
	from     Sender
	file     File
	received time.Time
	trust    *trust.View
	rules    *quality.Pack
	size     int64

	digest   [32]byte
	reader   kind.Reader
	opened   kind.File
	facility care.FacilityCode
	version  facility.Version
	hashes   []vault.Keyed // of the file, under every live pepper
	seals    []store.SealNote
	grace    bool   // sealed with a certificate in its grace
	via      string // a carrier that hands on what facilities sent to it: Sender.Via
	carried  bool   // so, and sealed with a certificate that nobody bound to the facility
	papers   papers // beside it
	unsealed error  // why the seal does not hold; told unless the file was decided before
	before   []store.Stored
	parts    body.File
	stored   *store.File
	ready    []*item // judged dossiers of a file that goes into one round

	answers []Answer
	err     error // why the whole file is refused or deferred
}

// admit opens the file and checks who sends, whose it is and its seal, in the
// order of the code table of DESIGN §6. What it finds wrong with the seal waits
// in unsealed, as a file decided before is not refused.
func (t *task) admit() error {
	t.digest = sha256.Sum256(t.file.Bytes)
	t.via = cmp.Or(t.from.Via, t.trust.Way(t.from.Client))
	var err error
	if t.reader, err = t.in.Kinds.Pick(t.file.Bytes); err != nil {
		return err
	}
	if t.opened, err = t.reader.Open(t.file.Bytes); err != nil {
		return err
	}
	t.facility = t.opened.Facility()
	verdict, sealErr := (*seal.Verdict)(nil), error(nil)
	if t.facility == "" { // the kind names no facility: the certificate does
		if verdict, sealErr = t.verify(); sealErr != nil {
			return sealErr
		}
		if t.facility = t.owner(verdict); t.facility == "" && t.via != "" {
			t.facility = trust.SaidFacility(t.opened) // whom it speaks for is the carrier's word
		}
		if t.facility == "" {
			t.facility, t.unsealed = t.senderFacility(), seal.ErrUntrusted
			t.hash()
			return nil
		}
	}
	var known bool
	if t.version, known = t.trust.Current(t.facility); !known {
		return ErrFacility
	}
	if !t.maySend() {
		return ErrSender
	}
	if verdict == nil {
		verdict, sealErr = t.verify()
	}
	if sealErr == nil {
		sealErr = t.bind(verdict)
	}
	t.unsealed = sealErr
	if sealErr == nil {
		t.admitPapers()
	}
	t.hash()
	return nil
}

// hash makes what the file is known by: its bytes, and those of papers beside it.
func (t *task) hash() {
	parts := [][]byte{[]byte(t.facility), t.digest[:]}
	for i := range t.papers.taken {
		parts = append(parts, t.papers.taken[i].digest[:])
	}
	t.hashes = t.in.Vault.HashAll(vault.File, parts...)
}

func (t *task) verify() (*seal.Verdict, error) {
	s := t.opened.Sealing()
	if s.Inside == nil {
		return t.in.Seals.VerifyDetached(t.file.Bytes, t.file.Seal)
	}
	inside := *s.Inside
	inside.Known = true // its reader has read it to the end
	return t.in.Seals.Verify(t.file.Bytes, inside)
}

// owner returns the facility the sealing certificate is registered for. One
// pinned to several is decided by the first dossier that names one of them.
func (t *task) owner(v *seal.Verdict) care.FacilityCode {
	var codes []care.FacilityCode
	for i, s := range v.Signatures {
		if t.opened.Sealing().Of(i) == kind.ByFacility {
			codes = t.trust.Owners(s)
			break
		}
	}
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
	if t.from.Client == "" { // by a route an operator set, the hub itself
		return t.from.Facility == t.facility
	}
	return t.trust.MaySend(t.from.Client, t.facility, t.reader.Name(), t.received)
}

// settledBefore reports whether every dossier of the file was accepted before:
// then there is nothing to judge again. A file whose seal does not hold now is
// settled when it was ever decided.
func (t *task) settledBefore() bool {
	if t.unsealed != nil {
		return len(t.before) > 0
	}
	if len(t.before) != t.opened.Len() {
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
// root with its tax code; valid; not known to be revoked. Persons who sign
// beside the facility are named as far as they are known.
func (t *task) bind(v *seal.Verdict) error {
	signs := t.opened.Sealing()
	for i, s := range v.Signatures {
		if signs.Of(i) == kind.ByPerson {
			note, err := t.trust.BindPerson(s, t.received)
			if err != nil {
				return err
			}
			t.seals = append(t.seals, note)
			continue
		}
		note, unbound, err := t.trust.BindVia(context.Background(), s, t.version, t.received, t.via)
		if err != nil {
			return err
		}
		t.seals = append(t.seals, note)
		t.grace, t.carried = t.grace || note.Expired, t.carried || unbound
	}
	return nil
}

// lane is the file's, but that a kind may be more urgent than its sender says.
func (t *task) lane() store.Lane {
	if t.reader != nil && t.reader.View().Urgent {
		return store.Urgent
	}
	return t.file.Lane
}

// refuse keeps that the file was refused. Its error says the refusal could not
// be kept, and then the file counts as not decided.
func (t *task) refuse(ctx context.Context, why *fault.Error) error {
	return t.refused(ctx, why, t.digest, t.size)
}

// refused keeps that bytes of the sender were refused: the file, or a paper beside it.
func (t *task) refused(ctx context.Context, why *fault.Error, digest [32]byte, size int64) error {
	owner := t.facility
	if owner == "" || t.version.ID == 0 {
		owner = cmp.Or(t.senderFacility(), owner, "00000") // a carrier's, of nobody that can be read
	}
	id, err := dossier.NewID(owner, t.received, t.in.cfg.Random)
	if err != nil {
		return err
	}
	r := store.Refusal{ID: id, At: t.received, Sender: t.from.Name, Size: size, Digest: digest,
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
