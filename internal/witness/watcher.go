// Package witness is both sides of witnessing (C2SP tlog-witness): this hub
// cosigns the logs of others that its operator trusts (Watcher), and asks others
// to cosign its own (Asker). A cosignature says one thing: this checkpoint
// continues everything the witness has cosigned of that log before. Where that
// does not hold somebody shows two people two logs, and that is an alarm.
//
// It does no network of its own and stamps nothing: a cosignature's time is the
// witness's own statement.
package witness

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

var (
	// ErrLog: this hub does not watch that log (C2SP: 404).
	ErrLog = fault.New(fault.Absent, "witness.log",
		"Hub này không làm chứng cho sổ nhật ký đó.", "This hub does not witness that log.")
	// ErrSignature: the checkpoint is not signed by the log's key (403).
	ErrSignature = fault.New(fault.Withheld, "witness.signature",
		"Điểm chốt không do khóa đã tin cậy của sổ đó ký.", "The checkpoint is not signed by the trusted key of that log.")
	// ErrProof: the proof does not hold (422).
	ErrProof = fault.New(fault.Invalid, "witness.proof",
		"Không chứng minh được điểm chốt này nối tiếp điểm chốt đã ký chứng kiến.", "It is not proved that this checkpoint continues the one cosigned before.")
	// ErrSize: the witness is at another size (409). Its cause is a *KnownSize.
	ErrSize = fault.New(fault.Conflict, "witness.size",
		"Nhân chứng đang ở cỡ sổ khác.", "The witness is at another size of the log.")
	// ErrFork: the log does not hold what was seen of it: two signed checkpoints
	// of one size differ, or one that was seen is gone (409).
	ErrFork = fault.New(fault.Conflict, "ledger.fork",
		"Sổ nhật ký đã rẽ nhánh hoặc bị đưa về bản cũ: không còn chứa điểm chốt đã thấy trước đây. Báo ngay cho đơn vị vận hành.",
		"The log has forked or was put back to an old copy: it does not hold a checkpoint that was seen before. Tell the operator at once.")
)

// KnownSize is the size a witness is at.
type KnownSize struct{ Size uint64 }

func (k *KnownSize) Error() string { return fmt.Sprintf("witness: at size %d", k.Size) }

// mostUnproved is how many alarms without proof are kept of one log: anybody
// may send what makes one.
const mostUnproved = 16

// Watcher cosigns logs of others.
type Watcher struct {
	store    store.Witnessing
	cosigner *ledger.Cosigner
	clock    clock.Clock
	log      *slog.Logger

	cosigned, refused, forks atomic.Int64
}

// NewWatcher returns a watcher that cosigns with cosigner.
func NewWatcher(s store.Witnessing, cosigner *ledger.Cosigner, c clock.Clock, log *slog.Logger) (*Watcher, error) {
	if s == nil || cosigner == nil || c == nil || log == nil {
		return nil, errors.New("witness: a part is missing")
	}
	return &Watcher{store: s, cosigner: cosigner, clock: c, log: log}, nil
}

// Key is the verifier line others know this witness by.
func (w *Watcher) Key() string { return w.cosigner.Verifier() }

// Figures are how many checkpoints were cosigned and refused, and how many forks
// were proved, since the start.
func (w *Watcher) Figures() (cosigned, refused, forks int64) {
	return w.cosigned.Load(), w.refused.Load(), w.forks.Load()
}

// Add answers one add-checkpoint request with the cosignature line; what was
// seen is durable before it returns. Faults: witness.request, witness.log,
// witness.signature, witness.size and ledger.fork (with a *KnownSize in the
// chain), witness.proof.
func (w *Watcher) Add(ctx context.Context, body []byte) (string, error) {
	line, err := w.add(ctx, body)
	if err != nil {
		w.refused.Add(1)
		return "", err
	}
	w.cosigned.Add(1)
	return line, nil
}

func (w *Watcher) add(ctx context.Context, body []byte) (string, error) {
	q, err := ledger.ParseAddCheckpoint(body)
	if err != nil {
		return "", err
	}
	cp, err := ledger.ParseCheckpoint(q.Checkpoint)
	if err != nil {
		return "", err
	}
	if q.Old > cp.Size {
		return "", ledger.ErrAddCheckpoint.Because(errors.New("the old size is larger"))
	}
	l, err := w.find(ctx, cp.Origin, q.Checkpoint)
	if err != nil {
		return "", err
	}
	known := ledger.Checkpoint{Origin: cp.Origin, Root: sha256.Sum256(nil)}
	if l.Size > 0 {
		if known, err = ledger.ParseCheckpoint(l.Checkpoint); err != nil {
			return "", fmt.Errorf("witness: what is kept of %s: %w", cp.Origin, err)
		}
	}
	switch {
	case cp.Size == known.Size && cp.Root != known.Root:
		return "", w.forked(ctx, l, q.Checkpoint)
	case q.Old != known.Size:
		return "", ErrSize.Because(&KnownSize{known.Size})
	case !ledger.CheckConsistency(q.Proof, known, cp):
		return "", w.unproved(ctx, l, cp, q.Checkpoint)
	}
	now := w.clock.Now()
	line, err := w.cosigner.Line(q.Checkpoint, now)
	if err != nil {
		return "", err
	}
	err = w.store.Advance(ctx, l.Origin, l.Key, l.Size, cp.Size, q.Checkpoint, now)
	if errors.Is(err, store.ErrMoved) {
		return "", w.moved(ctx, l)
	}
	return line, err
}

// find returns the watched log whose key signed the checkpoint.
func (w *Watcher) find(ctx context.Context, origin string, checkpoint []byte) (*store.WatchedLog, error) {
	all, err := w.store.WatchedLogs(ctx)
	if err != nil {
		return nil, err
	}
	found := ErrLog
	for i := range all {
		if all[i].Origin != origin || !all[i].Ended.IsZero() {
			continue
		}
		found = ErrSignature
		if _, err := ledger.OpenCheckpoint(checkpoint, all[i].Key); err == nil {
			return &all[i], nil
		}
	}
	return nil, found
}

// forked keeps the proof that a log forked and tells the operator.
func (w *Watcher) forked(ctx context.Context, l *store.WatchedLog, seen []byte) error {
	w.forks.Add(1)
	fresh, err := w.store.Alarm(ctx, store.LogAlarm{Origin: l.Origin, Kind: store.AlarmFork, At: w.clock.Now(), Known: l.Checkpoint, Seen: seen})
	if err != nil {
		return err
	}
	if fresh {
		w.log.Error("a watched log has forked: two signed checkpoints of one size differ", "origin", l.Origin, "size", l.Size)
	}
	return ErrFork.Because(&KnownSize{l.Size})
}

// unproved keeps a signed checkpoint that came with a proof that does not hold:
// a fork that grew on looks so, and so does a request somebody made up.
func (w *Watcher) unproved(ctx context.Context, l *store.WatchedLog, cp ledger.Checkpoint, seen []byte) error {
	kept, err := w.store.Alarms(ctx, 1000)
	if err != nil {
		return err
	}
	n := 0
	for _, a := range kept {
		if a.Origin == l.Origin && a.Kind == store.AlarmUnproved {
			n++
		}
	}
	if n < mostUnproved {
		if _, err := w.store.Alarm(ctx, store.LogAlarm{Origin: l.Origin, Kind: store.AlarmUnproved, At: w.clock.Now(), Known: l.Checkpoint, Seen: seen}); err != nil {
			return err
		}
	}
	w.log.Warn("a watched log's checkpoint came without proof that it continues what was cosigned", "origin", l.Origin, "known", l.Size, "seen", cp.Size)
	return ErrProof
}

// moved answers a request that another one overtook.
func (w *Watcher) moved(ctx context.Context, l *store.WatchedLog) error {
	all, err := w.store.WatchedLogs(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Origin == l.Origin && all[i].Key == l.Key {
			return ErrSize.Because(&KnownSize{all[i].Size})
		}
	}
	return ErrLog
}
