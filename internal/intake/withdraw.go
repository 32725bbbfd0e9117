package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/forward"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// KindWithdrawal is the kind that the receipt of a withdrawal says.
const KindWithdrawal = "withdrawal"

var (
	// ErrWithdrawReason: no reason, or an essay.
	ErrWithdrawReason = fault.New(fault.Invalid, "withdrawal.reason",
		"Ghi lý do rút hồ sơ, từ 3 đến 500 ký tự.", "Give the reason for the withdrawal, 3 to 500 characters.")
	// ErrNotWithdrawable: only an accepted record can be withdrawn, and only once.
	ErrNotWithdrawable = fault.New(fault.Conflict, "withdrawal.not_possible",
		"Chỉ rút được hồ sơ đã nhận, chưa rút và chưa xóa.", "Only a record that is accepted, not withdrawn and not erased can be withdrawn.")
)

// Records finds the record to withdraw; store.Records does.
type Records interface {
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
	File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*store.File, []store.Stored, error)
}

// Legs finds the legs of the record to withdraw; store.Legs does.
type Legs interface {
	Of(ctx context.Context, ids ...dossier.ID) ([]store.Leg, error)
}

// statement is what is kept of a withdrawal, as the file of its record.
type statement struct {
	Withdraws string `json:"withdraws"`
	Reason    string `json:"reason"`
	Sender    string `json:"sender"`
}

// Withdraw takes back a record of the sender's own facility, or one that a
// carrier brought and may still send for its facility. The withdrawal is
// a record of its own with a receipt; asked for again it gives the first one.
// Faults: record.absent, withdrawal.reason, withdrawal.not_possible, or what
// keeps a commit from happening.
func (in *Intake) Withdraw(ctx context.Context, from Sender, id dossier.ID, reason string) (*Result, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < 3 || n > 500 {
		return nil, ErrWithdrawReason
	}
	if from.Facility != id.Facility && from.Client == "" {
		return nil, store.ErrAbsent
	}
	target, err := in.Records.Get(ctx, role.Scope{Facility: id.Facility}, id)
	if err != nil {
		return nil, err
	}
	if from.Facility != id.Facility {
		if err := in.carried(ctx, from, target); err != nil {
			return nil, err
		}
	}
	t := &task{in: in, from: from, received: in.Clock.Now(), trust: in.Trust(), rules: in.Rules(), facility: id.Facility}
	for try := 0; try < attempts; try++ {
		r, again, err := t.withdraw(ctx, target, reason)
		if err != nil || !again {
			return r, err
		}
	}
	return nil, ErrBusy
}

// carried reports whether a record came by the organisation whose system asks,
// and that one may send for the facility now. Fault: record.absent.
func (in *Intake) carried(ctx context.Context, from Sender, target *store.Record) error {
	trust := in.Trust()
	c, ok := trust.Client(from.Client)
	if !ok || c.Unit == "" || !trust.MaySend(from.Client, target.ID.Facility, target.Kind, in.Clock.Now()) {
		return store.ErrAbsent
	}
	file, _, err := in.Records.File(ctx, target.ID.Facility, target.File)
	if err != nil {
		return err
	}
	// "via:SORT:UNIT-xxxxxxxxxxxx": another credential of the same organisation will do
	by := strings.Split(file.Sender, ":")
	if len(by) != 3 || by[0] != "via" {
		return store.ErrAbsent
	}
	if at := strings.LastIndexByte(by[2], '-'); at < 0 || by[2][:at] != c.Unit {
		return store.ErrAbsent
	}
	return nil
}

func (t *task) withdraw(ctx context.Context, target *store.Record, reason string) (*Result, bool, error) {
	in := t.in
	said, err := json.Marshal(statement{target.ID.String(), reason, t.from.Name})
	if err != nil {
		return nil, false, err
	}
	head, err := in.openHead(target)
	if err != nil {
		return nil, false, err
	}
	facility := []byte(t.facility)
	query := store.Query{Facility: t.facility, Kind: target.Kind,
		Episode: in.Vault.HashAll(vault.Episode, facility, kind.EpisodeKey(head.Episode, kind.LineOf(target.Kind, target.Documents))),
		Content: in.Vault.HashAll(vault.Content, facility, []byte(KindWithdrawal), []byte(target.ID.String()))}
	known, err := in.Store.Known(ctx, []store.Query{query})
	if err != nil {
		return nil, false, err
	}
	if same := known[0].Same; same != nil {
		r, err := t.answer(ctx, &item{t: t, stored: same})
		return r, false, err
	}
	if !target.Verdict.State.IsAccepted() || !target.WithdrawnBy.IsZero() || !target.Erased.IsZero() || !target.Withdraws.IsZero() {
		return nil, false, ErrNotWithdrawable
	}
	p, rec, err := t.prepareWithdrawal(ctx, target, head, query, known[0].Head, said)
	if err != nil {
		return nil, false, err
	}
	outcomes, errs := in.groups.Submit(store.Urgent, []store.Prepared{p})
	switch {
	case errs[0] != nil:
		return nil, false, errs[0]
	case outcomes[0].Status == store.StatusConflict:
		return nil, true, nil
	case outcomes[0].Status == store.StatusReplay:
		return nil, true, nil // asked twice at once: the next round finds the other
	}
	stored := recordOf(&p, outcomes[0].Place)
	r, err := t.answer(ctx, &item{t: t, stored: stored, receipt: rec})
	return r, false, err
}

// answer gives the result of one record.
func (t *task) answer(ctx context.Context, it *item) (*Result, error) {
	if err := t.in.replies(ctx, store.Urgent, []*item{it}); err != nil {
		return nil, err
	}
	return t.answers[len(t.answers)-1].Result, nil
}

// prepareWithdrawal makes the record; its statement takes the place of a file.
// It is a record of the episode and kind of what it withdraws, as the episode's
// head changes with it; its receipt says that it is a withdrawal.
func (t *task) prepareWithdrawal(ctx context.Context, target *store.Record, head evidence.Head, q store.Query, expect store.Episode, said []byte) (store.Prepared, receipt, error) {
	in := t.in
	version, ok := t.trust.Current(t.facility)
	if !ok {
		return store.Prepared{}, receipt{}, ErrFacility
	}
	t.digest = sha256.Sum256(said)
	month := MonthOf(t.received)
	if err := in.months.ensure(ctx, target.Class, month); err != nil {
		return store.Prepared{}, receipt{}, err
	}
	p := store.Prepared{
		Kind: target.Kind, FacilityVersion: version.ID, Received: t.received, Episode: q.Episode[0], Content: q.Content[0],
		Verdict:   dossier.Verdict{State: dossier.Accepted, Pack: t.rules.String(), TrustEpoch: t.trust.Epoch},
		Withdraws: target.ID, Class: target.Class, Month: month, ExpectHead: expect,
	}
	var err error
	if p.ID, err = dossier.NewID(t.facility, t.received, in.cfg.Random); err != nil {
		return p, receipt{}, err
	}
	salt, err := ledger.NewSalt(in.cfg.Random)
	if err != nil {
		return p, receipt{}, err
	}
	sum := hex.EncodeToString(t.digest[:])
	issued, err := ledger.Issue(ledger.Body{V: 1, Hub: in.cfg.Hub, Record: p.ID.String(), Facility: string(t.facility), Episode: head.Episode,
		Kind: KindWithdrawal, State: string(p.Verdict.State), FileSHA256: sum, ContentSHA256: sum, Pack: p.Verdict.Pack, TrustEpoch: p.Verdict.TrustEpoch,
		ReceivedAt: t.received, Durability: in.cfg.Durability, Supersedes: target.ID.String()}, in.Key, salt)
	if err != nil {
		return p, receipt{}, fmt.Errorf("intake: issuing the receipt: %w", err)
	}
	rec := receipt{evidence.Head{Episode: head.Episode, Receipt: issued}}
	hash := in.Vault.Hash(vault.File, []byte(t.facility), t.digest[:])
	p.File = &store.File{Facility: t.facility, Hash: hash, Digest: t.digest, Size: int64(len(said)), Received: t.received, Sender: t.from.Name,
		Lane: store.Urgent, Class: p.Class, Month: month, Dossiers: 1}
	file, err := in.Vault.Seal(p.Class, month, evidence.FileName(p.File), in.Codec.Encode(nil, said))
	if err != nil {
		return p, rec, err
	}
	p.File.Wrapped, p.File.Skeleton = file.Wrapped, file.Parts[0]
	sealed, err := in.Vault.Seal(p.Class, month, evidence.RecordName(p.ID), rec.Marshal())
	if err != nil {
		return p, rec, err
	}
	p.Wrapped, p.Head, p.Leaf = sealed.Wrapped, sealed.Parts[evidence.PartHead], issued.Leaf()
	if in.Plan != nil {
		legs, err := in.Legs.Of(ctx, target.ID)
		if err != nil {
			return p, rec, err
		}
		p.Legs = forward.Withdrawal(in.Plan(), legs)
	}
	p.Deltas = []store.Delta{
		{FacilityVersion: version.ID, Day: clock.Day(t.received), Kind: p.Kind, Measure: string(p.Verdict.State), N: 1},
		{FacilityVersion: target.FacilityVersion, Day: clock.Day(target.Received), Kind: target.Kind, Measure: "withdrawn", N: 1},
	}
	return p, rec, nil
}
