package ledger_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"lienthong/internal/ledger"
)

const testOrigin = "hub.test/log/0"

// memory is a store of one log, as a store's tables would keep it.
type memory struct {
	mu     sync.Mutex
	leaves [][]byte
	tiles  map[string][]byte
	heads  []ledger.Head
	reads  int
}

func newMemory() *memory { return &memory{tiles: map[string][]byte{}} }

func tileName(level int, n uint64) string { return fmt.Sprintf("%d/%d", level, n) }

func (m *memory) Leaves(_ context.Context, from, to uint64) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	to = min(to, uint64(len(m.leaves)))
	if from >= to {
		return nil, nil
	}
	return m.leaves[from:to], nil
}

func (m *memory) Tile(_ context.Context, level int, n uint64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return m.tiles[tileName(level, n)], nil
}

func (m *memory) head() ledger.Head {
	if len(m.heads) == 0 {
		return ledger.Head{Origin: testOrigin, Epoch: 1}
	}
	return m.heads[len(m.heads)-1]
}

// commit writes a batch as a store's transaction would.
func (m *memory) commit(b *ledger.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaves = append(m.leaves, b.Leaves...)
	for _, t := range b.Tiles {
		m.tiles[tileName(t.Level, t.N)] = t.Data
	}
	m.heads = append(m.heads, b.Head)
}

func logKey(t testing.TB) *ledger.LogKey {
	t.Helper()
	k, err := ledger.LogKeyFromSeed(testOrigin, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func receiptPrivate(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	raw := sha256.Sum256([]byte("receipt key of the tests"))
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
	if err != nil {
		t.Fatal(err)
	}
	return priv
}

func receiptKey(t testing.TB) *ledger.ReceiptKey {
	t.Helper()
	k, err := ledger.NewReceiptKey(receiptPrivate(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t testing.TB, m *memory) *ledger.Log {
	t.Helper()
	l, err := ledger.Open(t.Context(), logKey(t), m.head(), m)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// add appends, commits and confirms.
func add(t testing.TB, l *ledger.Log, m *memory, leaves ...[]byte) *ledger.Batch {
	t.Helper()
	b, err := l.Append(leaves)
	if err != nil {
		t.Fatal(err)
	}
	m.commit(b)
	l.Confirm(b)
	return b
}

// leaf returns a leaf that is like no other.
func leaf(i int) []byte {
	return ledger.StatementLeaf(ledger.LeafAdmin, fmt.Appendf(nil, "act %d", i))
}

func leavesFrom(from, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = leaf(from + i)
	}
	return out
}

func digest(s string) string { return ledger.HexSHA256(sha256.Sum256([]byte(s))) }

func body(i int) ledger.Body {
	b := ledger.Body{
		Hub: "hub.test", Record: fmt.Sprintf("01J0RECORD%06d", i), Facility: "79901", Episode: fmt.Sprintf("LK%d", i),
		Kind: "qd4750", Version: 1, State: ledger.StateAcceptedWithWarnings,
		Findings: []ledger.Finding{{
			Code: "XML1.MA_BENH_CHINH.unknown", Severity: "warning", Blocks: []string{"payment"},
			Table: "XML1", Row: 1, Field: "MA_BENH_CHINH",
		}},
		FileSHA256: digest(fmt.Sprint("file", i)), ContentSHA256: digest(fmt.Sprint("content", i)),
		InnerSHA256: []string{digest("xml1"), digest("xml2")}, Pack: "2026.1", TrustEpoch: 3,
		ReceivedAt: time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC), Durability: "local",
	}
	if i%2 == 1 {
		b.Supersedes = "01J0RECORDBEFORE"
	}
	return b
}

func issue(t testing.TB, b ledger.Body) ledger.Receipt {
	t.Helper()
	r, err := ledger.Issue(b, receiptKey(t), sha256.Sum256([]byte("salt "+b.Record)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func itoa(n int) string { return fmt.Sprint(n) }
