package enrol

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

var (
	// ErrSequence: the header is not of its form.
	ErrSequence = fault.New(fault.Invalid, "sender.sequence",
		"Agent-Sequence phải là số thứ tự và mã nhận ở lần trước: \"N MÃ\", lần đầu là \"1 -\".",
		`Agent-Sequence must be a number and the token of the request before: "N TOKEN", at first "1 -".`)
	// ErrForked: two systems send with one key, or one was put back to an old copy.
	ErrForked = fault.New(fault.Conflict, "sender.forked",
		"Thứ tự gửi bị rẽ nhánh: có hai hệ thống dùng chung một khóa, hoặc hệ thống gửi đã bị trả về bản cũ. Chưa ghi gì. Xin cấp khóa mới.",
		"The sequence of this sender has forked: two systems use one key, or the sender was put back to an old copy. Nothing was kept. Have a new key issued.")
)

const (
	tokenSize = 16 // bytes: half of it by chance, half a mark that this hub made it
	// longestSequence bounds the header.
	longestSequence = 64
	first           = "-"
)

// Place is a request in a sequence, as its sender says it.
type Place struct {
	N    int64
	Prev string
}

// ParseSequence reads the header Agent-Sequence: a number counted from 1 and the
// token given with the one before, "-" at first. Fault: sender.sequence.
func ParseSequence(s string) (Place, error) {
	number, prev, ok := strings.Cut(s, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < 1 || len(s) > longestSequence || strconv.FormatInt(n, 10) != number {
		return Place{}, ErrSequence.Because(err)
	}
	if (prev == first) != (n == 1) {
		return Place{}, ErrSequence
	}
	if b, err := hex.DecodeString(prev); prev != first && (err != nil || len(b) != tokenSize || strings.ToLower(prev) != prev) {
		return Place{}, ErrSequence.Because(err)
	}
	return Place{n, prev}, nil
}

// SequencerDeps is what a Sequencer works with.
type SequencerDeps struct {
	Store  store.Enrolments
	Secret []byte // the hub's; hubs of one store have the same
	Clock  clock.Clock
	Random io.Reader
	Logger *slog.Logger
}

// Sequencer notices two systems that send with one key: each request names the
// token that the one before was given.
type Sequencer struct {
	SequencerDeps
	key []byte
}

// NewSequencer returns a sequencer.
func NewSequencer(d SequencerDeps) (*Sequencer, error) {
	if d.Store == nil || d.Clock == nil || d.Random == nil || d.Logger == nil {
		return nil, errors.New("enrol: a part is missing")
	}
	key, err := hkdf.Key(sha256.New, d.Secret, nil, "lienthong/agent-sequence/v1", 32)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	return &Sequencer{d, key}, nil
}

// Step takes a client's next request and returns the token to answer with; for
// the same request again the same one. A hub that was put back to an older copy
// knows its own tokens and catches up: that is no fork. Faults:
// sender.sequence, sender.forked.
func (q *Sequencer) Step(ctx context.Context, client, header string) (token string, err error) {
	m, err := ParseSequence(header)
	if err != nil {
		return "", err
	}
	next, err := q.token(client, m.N)
	if err != nil {
		return "", err
	}
	now := q.Clock.Now()
	s := store.Step{Client: client, N: m.N, Prev: m.Prev, Next: next, Known: q.made(client, m.N-1, m.Prev), At: now}
	token, ok, err := q.Store.Sequence(ctx, s)
	if err != nil || ok {
		return token, err
	}
	detail, err := json.Marshal(map[string]any{"n": m.N})
	if err != nil {
		return "", fmt.Errorf("enrol: %w", err)
	}
	act := store.Act{At: now, Actor: "hub", Action: "sender.forked", Object: client, Detail: string(detail)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	fresh, err := q.Store.Fork(ctx, client, now, act)
	if err != nil {
		return "", err
	}
	if fresh {
		q.Logger.ErrorContext(ctx, "a sender's sequence forked: two systems with one key, or one put back to an old copy; give it a new key", "client", client, "n", m.N)
	}
	return "", ErrForked
}

// token makes the token of a client's request n.
func (q *Sequencer) token(client string, n int64) (string, error) {
	b := make([]byte, tokenSize)
	if _, err := io.ReadFull(q.Random, b[:tokenSize/2]); err != nil {
		return "", fmt.Errorf("enrol: %w", err)
	}
	copy(b[tokenSize/2:], q.mark(client, n, b[:tokenSize/2]))
	return hex.EncodeToString(b), nil
}

// made reports whether a token is one this hub made for a client's request n.
func (q *Sequencer) made(client string, n int64, token string) bool {
	b, err := hex.DecodeString(token)
	return err == nil && len(b) == tokenSize && hmac.Equal(b[tokenSize/2:], q.mark(client, n, b[:tokenSize/2]))
}

func (q *Sequencer) mark(client string, n int64, chance []byte) []byte {
	h := hmac.New(sha256.New, q.key)
	fmt.Fprintf(h, "%d %q ", n, client) // a hash takes everything
	h.Write(chance)
	return h.Sum(nil)[:tokenSize/2]
}
