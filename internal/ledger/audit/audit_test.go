package audit_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"lienthong/internal/ledger"
	"lienthong/internal/ledger/audit"
)

const origin = "hub.test/log/0"

// store is one log as tables: what an intruder with SQL can reach.
type store struct {
	head        ledger.Head
	leaves      [][]byte
	tiles       map[string][]byte
	checkpoints []audit.Checkpoint
	entries     []audit.Entry
}

func tilePath(level int, n uint64) string {
	return ledger.TilePath{Level: level, N: n, Width: ledger.TileWidth}.String()
}

func (s *store) Leaves(_ context.Context, from, to uint64) ([][]byte, error) {
	to = min(to, uint64(len(s.leaves)))
	if from >= to {
		return nil, nil
	}
	return s.leaves[from:to], nil
}

func (s *store) Tile(_ context.Context, level int, n uint64) ([]byte, error) {
	return s.tiles[tilePath(level, n)], nil
}

func (s *store) stored() audit.Stored {
	return audit.Stored{Head: s.head, Source: s, Checkpoints: each(s.checkpoints), Entries: each(s.entries)}
}

func each[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// clone copies deep enough for one mutation.
func (s *store) clone() *store {
	c := *s
	c.leaves = slices.Clone(s.leaves)
	for i := range c.leaves {
		c.leaves[i] = bytes.Clone(c.leaves[i])
	}
	c.tiles = maps.Clone(s.tiles)
	for k := range c.tiles {
		c.tiles[k] = bytes.Clone(c.tiles[k])
	}
	c.checkpoints = slices.Clone(s.checkpoints)
	for i := range c.checkpoints {
		c.checkpoints[i].Note = bytes.Clone(c.checkpoints[i].Note)
	}
	c.entries = slices.Clone(s.entries)
	for i, e := range c.entries {
		c.entries[i].Data = bytes.Clone(e.Data)
		if e.Receipt != nil {
			c.entries[i].Receipt = &ledger.Receipt{Body: bytes.Clone(e.Receipt.Body), Salt: bytes.Clone(e.Receipt.Salt), Signature: bytes.Clone(e.Receipt.Signature)}
		}
	}
	return &c
}

func logKey(t testing.TB) *ledger.LogKey {
	t.Helper()
	k, err := ledger.LogKeyFromSeed(origin, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func receiptKey(t testing.TB) *ledger.ReceiptKey {
	t.Helper()
	raw := sha256.Sum256([]byte("audit"))
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
	if err != nil {
		t.Fatal(err)
	}
	k, err := ledger.NewReceiptKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func receipt(t testing.TB, i int) *ledger.Receipt {
	t.Helper()
	hash := ledger.HexSHA256(sha256.Sum256(fmt.Append(nil, i)))
	r, err := ledger.Issue(ledger.Body{
		Hub: "hub.test", Record: fmt.Sprint("record-", i), Facility: "79901", Kind: "qd4750", State: ledger.StateRejected,
		FileSHA256: hash, ContentSHA256: hash, Pack: "1", ReceivedAt: time.UnixMicro(1767225600_000000 + int64(i)), Durability: "local",
	}, receiptKey(t), sha256.Sum256(fmt.Append(nil, "salt", i)))
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

// commit appends entries in one commit.
func (s *store) commit(t testing.TB, l *ledger.Log, entries ...audit.Entry) {
	t.Helper()
	leaves := make([][]byte, len(entries))
	for i, e := range entries {
		switch {
		case e.Kind == ledger.LeafKey:
			leaves[i] = ledger.KeyLeaf(e.Data)
		case e.Receipt != nil:
			leaves[i] = e.Receipt.Leaf()
		case e.Kind == ledger.LeafDisclosure:
			leaves[i] = ledger.DisclosureLeaf(e.Rows)
		default:
			leaves[i] = ledger.StatementLeaf(e.Kind, e.Data)
		}
	}
	b, err := l.Append(leaves)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		entries[i].Index, entries[i].Commit = b.Index(i), b.Head.Size
	}
	s.head, s.leaves, s.entries = b.Head, append(s.leaves, leaves...), append(s.entries, entries...)
	s.checkpoints = append(s.checkpoints, audit.Checkpoint{Size: b.Head.Size, Note: b.Head.Checkpoint})
	for _, tile := range b.Tiles {
		s.tiles[tilePath(tile.Level, tile.N)] = tile.Data
	}
	l.Confirm(b)
}

func act(i int) audit.Entry {
	return audit.Entry{Kind: ledger.LeafAdmin, Name: fmt.Sprint("act-", i), Data: fmt.Append(nil, "act ", i)}
}

// newStore is a log of 300 leaves: the key, acts and 6 receipts, 50 a commit.
func newStore(t testing.TB) (*store, *ledger.Log) {
	t.Helper()
	s := &store{head: ledger.Head{Origin: origin, Epoch: 1}, tiles: map[string][]byte{}}
	l, err := ledger.Open(t.Context(), logKey(t), s.head, s)
	if err != nil {
		t.Fatal(err)
	}
	s.commit(t, l, audit.Entry{Kind: ledger.LeafKey, Name: "key", Data: receiptKey(t).SPKI()})
	for len(s.leaves) < 300 {
		var group []audit.Entry
		for i := len(s.leaves); i < min(len(s.leaves)+50, 300); i++ {
			e := act(i)
			if i%50 == 3 {
				e = audit.Entry{Kind: ledger.LeafReceipt, Name: fmt.Sprint("record-", i), Receipt: receipt(t, i)}
			}
			group = append(group, e)
		}
		s.commit(t, l, group...)
	}
	return s, l
}

func run(t testing.TB, s *store, known ...[]byte) *audit.Report {
	t.Helper()
	r, err := audit.Run(t.Context(), s.stored(), audit.Options{
		LogKey: logKey(t).Verifier(), Known: known, Kinds: []ledger.LeafKind{ledger.LeafAdmin, ledger.LeafKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		if p.Text.VI == "" || p.Text.EN == "" {
			t.Fatalf("%s has no sentence", p.Code)
		}
	}
	return r
}

func TestAnUntouchedLogPasses(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	r := run(t, s, s.checkpoints[3].Note, s.head.Checkpoint)
	if !r.OK() || r.Leaves != 300 || r.Tiles != 1 || r.Receipts != 6 || int(r.Checkpoints) != len(s.checkpoints) {
		t.Fatalf("%+v", r)
	}
	empty := &store{head: ledger.Head{Origin: origin}}
	if r := run(t, empty); !r.OK() {
		t.Fatalf("an empty log: %+v", r)
	}
}

// mutation is one change of one row, and the code of the first problem it must
// give at the place it must give it.
type mutation struct {
	name  string
	do    func(*store)
	code  string
	index uint64
}

func mutations(s *store) []mutation {
	var out []mutation
	one := func(code string, index uint64, name string, do func(*store)) {
		out = append(out, mutation{fmt.Sprintf("%s %d", name, index), do, code, index})
	}
	// Each leaf and record gets one of the changes in turn; those of the first
	// commits and of the part without a tile get all.
	turn := func(i, k int) bool { return i < 10 || i > 290 || i%3 == k }
	for i := range s.leaves {
		at := uint64(i)
		if turn(i, 0) {
			one("leaf.edited", at, "flip leaf digest", func(s *store) { s.leaves[i][len(s.leaves[i])-1] ^= 1 })
		}
		if turn(i, 1) {
			one("leaf.missing", at, "delete leaf", func(s *store) { s.leaves[i] = nil })
		}
		if i+1 < len(s.leaves) && turn(i, 2) {
			one("leaf.edited", at, "swap leaves", func(s *store) { s.leaves[i], s.leaves[i+1] = s.leaves[i+1], s.leaves[i] })
		}
	}
	for i, e := range s.entries {
		at := uint64(i)
		if e.Receipt == nil && !turn(i, i/3%3) {
			continue
		}
		one("record.missing", at, "delete record", func(s *store) { s.entries = slices.Delete(s.entries, i, i+1) })
		if i+1 < len(s.entries) {
			one("record.edited", at, "swap records", func(s *store) {
				a, b := &s.entries[i], &s.entries[i+1]
				a.Receipt, b.Receipt, a.Data, b.Data, a.Kind, b.Kind = b.Receipt, a.Receipt, b.Data, a.Data, b.Kind, a.Kind
			})
			one("record.missing", at, "move record beyond the log", func(s *store) {
				s.entries[i].Index = 1 << 20
				s.entries = append(s.entries, s.entries[i])
				s.entries = slices.Delete(s.entries, i, i+1)
			})
		}
		if e.Commit < s.head.Size {
			one("record.place", at, "later commit", func(s *store) { s.entries[i].Commit = 1 << 20 })
		}
		if e.Receipt == nil {
			one("record.edited", at, "edit statement", func(s *store) { s.entries[i].Data[0] ^= 1 })
			continue
		}
		one("record.edited", at, "edit body", func(s *store) { s.entries[i].Receipt.Body[30] ^= 1 })
		one("record.edited", at, "edit salt", func(s *store) { s.entries[i].Receipt.Salt[0] ^= 1 })
		one("record.edited", at, "edit signature", func(s *store) { s.entries[i].Receipt.Signature[9] ^= 1 })
		one("erasure.unproved", at, "erase unsaid", func(s *store) { s.entries[i].Receipt = nil })
	}
	for i, c := range s.checkpoints {
		last := i == len(s.checkpoints)-1
		one("checkpoint.missing", c.Size, "delete checkpoint", func(s *store) { s.checkpoints = slices.Delete(s.checkpoints, i, i+1) })
		for at := range c.Note {
			if at%11 == i%11 {
				one("checkpoint.edited", c.Size, fmt.Sprint("flip checkpoint byte ", at), func(s *store) { s.checkpoints[i].Note[at] ^= 1 })
			}
		}
		one("checkpoint.edited", c.Size, "add a signature", func(s *store) {
			s.checkpoints[i].Note = append(s.checkpoints[i].Note, "— stranger AAAAAAAA\n"...)
		})
		if !last {
			one("checkpoint.edited", c.Size, "swap notes", func(s *store) {
				s.checkpoints[i].Note, s.checkpoints[i+1].Note = s.checkpoints[i+1].Note, s.checkpoints[i].Note
			})
			one("checkpoint.order", c.Size, "swap checkpoints", func(s *store) {
				s.checkpoints[i], s.checkpoints[i+1] = s.checkpoints[i+1], s.checkpoints[i]
			})
		}
	}
	for at := 0; at < ledger.TileBytes; at += 97 {
		one("tile.edited", 0, fmt.Sprint("flip tile byte ", at), func(s *store) { s.tiles[tilePath(0, 0)][at] ^= 1 })
	}
	one("tile.missing", 0, "delete tile", func(s *store) { delete(s.tiles, tilePath(0, 0)) })
	one("tile.edited", 0, "cut tile", func(s *store) { s.tiles[tilePath(0, 0)] = s.tiles[tilePath(0, 0)][:8000] })
	one("head.edited", 300, "edit head note", func(s *store) { s.head.Checkpoint = s.checkpoints[0].Note })
	one("record.spare", 298, "shorter head", func(s *store) { s.head.Size = 298 })
	one("leaf.missing", 300, "longer head", func(s *store) { s.head.Size = 301 })
	one("leaf.spare", 300, "spare leaf", func(s *store) { s.leaves = append(s.leaves, s.leaves[0]) })
	one("record.spare", 300, "spare record", func(s *store) { s.entries = append(s.entries, audit.Entry{Index: 300}) })
	return out
}

func TestEverySingleMutationIsFound(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for _, m := range mutations(s) {
		c := s.clone()
		m.do(c)
		r := run(t, c)
		found := slices.IndexFunc(r.Problems, func(p audit.Problem) bool { return p.Code == m.code })
		switch {
		case r.OK():
			t.Errorf("%s: not found", m.name)
		case found < 0:
			t.Errorf("%s: want %s, got %+v", m.name, m.code, r.Problems)
		case m.code != "record.place" && m.code != "checkpoint.order" && r.Problems[found].Index != m.index:
			t.Errorf("%s: found at %d: %+v", m.name, r.Problems[found].Index, r.Problems)
		case len(r.Problems)+int(r.Unanchored) > 9:
			t.Errorf("%s: one change gives %d problems: %+v", m.name, len(r.Problems), r.Problems)
		}
	}
}

func TestSeveralMutationsAreAllFoundAndTheFirstFirst(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	s.leaves[20][30] ^= 1
	s.tiles[tilePath(0, 0)][32*100] ^= 1
	s.entries[203].Receipt.Body[40] ^= 1
	s.leaves[290] = nil
	var got []string
	for _, p := range run(t, s).Problems {
		got = append(got, fmt.Sprint(p.Code, " ", p.Index, p.Tile))
	}
	want := []string{"leaf.edited 20", "tile.edited 0tile/0/000", "record.edited 203", "leaf.missing 290"}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestErasureSaidInTheLogIsNoProblem(t *testing.T) {
	t.Parallel()
	s, l := newStore(t)
	at := time.UnixMicro(1767225600_000000)
	statement, err := ledger.Erasure{Origin: origin, Index: 53, At: at, Reason: "retention"}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ledger.ParseErasure(statement); err != nil || back.Index != 53 || !back.At.Equal(at) {
		t.Fatalf("read back: %+v %v", back, err)
	}
	s.commit(t, l, audit.Entry{Kind: ledger.LeafErasure, Name: "erasure", Data: statement})
	s.entries[53].Receipt = nil
	if r := run(t, s); !r.OK() || r.Erased != 1 {
		t.Fatalf("%+v", r)
	}
	s.entries[103].Receipt = nil
	if r := run(t, s); len(r.Problems) != 1 || r.Problems[0].Code != "erasure.unproved" || r.Problems[0].Index != 103 {
		t.Fatalf("another one gone: %+v", r)
	}
}

func TestDisclosureRowsAreUnderTheirLeaf(t *testing.T) {
	t.Parallel()
	s, l := newStore(t)
	rows := [][]byte{[]byte("who"), []byte("what"), []byte("why")}
	s.commit(t, l, audit.Entry{Kind: ledger.LeafDisclosure, Name: "minute", Rows: rows})
	if r := run(t, s); !r.OK() {
		t.Fatalf("control: %+v", r)
	}
	for name, spoiled := range map[string][][]byte{
		"edited": {rows[0], []byte("WHAT"), rows[2]}, "deleted": rows[:2], "swapped": {rows[1], rows[0], rows[2]},
		"added": append(slices.Clone(rows), rows[0]), "none": nil, "joined": {[]byte("whowhat"), rows[2]},
	} {
		s.entries[300].Rows = spoiled
		if r := run(t, s); len(r.Problems) != 1 || r.Problems[0].Code != "record.edited" || r.Problems[0].Name != "minute" {
			t.Errorf("%s: %+v", name, r.Problems)
		}
	}
}

func TestARewrittenHistoryIsSeenAgainstAKnownCheckpoint(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	known := s.head.Checkpoint

	cut, _ := newStore(t) // a perfect log that ends before what the witness saw
	cut.head = ledger.Head{Origin: origin, Size: 1, Checkpoint: cut.checkpoints[0].Note}
	cut.leaves, cut.tiles, cut.checkpoints, cut.entries = cut.leaves[:1], nil, cut.checkpoints[:1], cut.entries[:1]
	if r := run(t, cut); !r.OK() {
		t.Fatalf("the control fails: %+v", r)
	}
	if r := run(t, cut, known); len(r.Problems) != 1 || r.Problems[0].Code != "head.behind" {
		t.Fatalf("cut: %+v", r)
	}

	forged := &store{head: ledger.Head{Origin: origin, Epoch: 1}, tiles: map[string][]byte{}}
	l, err := ledger.Open(t.Context(), logKey(t), forged.head, forged)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 305 { // the hub itself signs another history
		forged.commit(t, l, act(i))
	}
	if r := run(t, forged); !r.OK() {
		t.Fatalf("the control fails: %+v", r)
	}
	if r := run(t, forged, known); len(r.Problems) != 1 || r.Problems[0].Code != "known.contradicted" {
		t.Fatalf("forged: %+v", r)
	}
}

func TestAReceiptByAnUnpublishedKeyIsFound(t *testing.T) {
	t.Parallel()
	s := &store{head: ledger.Head{Origin: origin, Epoch: 1}, tiles: map[string][]byte{}}
	l, err := ledger.Open(t.Context(), logKey(t), s.head, s)
	if err != nil {
		t.Fatal(err)
	}
	s.commit(t, l, audit.Entry{Kind: ledger.LeafReceipt, Name: "record-1", Receipt: receipt(t, 1)})
	s.commit(t, l, audit.Entry{Kind: ledger.LeafKey, Data: receiptKey(t).SPKI()})
	s.commit(t, l, audit.Entry{Kind: ledger.LeafReceipt, Name: "record-2", Receipt: receipt(t, 2)})
	if r := run(t, s); len(r.Problems) != 1 || r.Problems[0].Code != "record.signature" || r.Problems[0].Name != "record-1" {
		t.Fatalf("%+v", r)
	}
}

func TestHigherTilesAreRead(t *testing.T) {
	t.Parallel()
	s := &store{head: ledger.Head{Origin: origin, Epoch: 1}, tiles: map[string][]byte{}}
	l, err := ledger.Open(t.Context(), logKey(t), s.head, s)
	if err != nil {
		t.Fatal(err)
	}
	for len(s.leaves) < 66_000 {
		var group []audit.Entry
		for i := range 6000 {
			group = append(group, act(len(s.leaves)+i))
		}
		s.commit(t, l, group...)
	}
	if r := run(t, s); !r.OK() || r.Tiles != 257+1 {
		t.Fatalf("control: %+v", r)
	}
	s.tiles[tilePath(1, 0)][77] ^= 1
	if r := run(t, s); len(r.Problems) != 1 || r.Problems[0].Code != "tile.edited" || r.Problems[0].Tile != "tile/1/000" {
		t.Fatalf("edited: %+v", r)
	}
	delete(s.tiles, tilePath(1, 0))
	if r := run(t, s); len(r.Problems) != 1 || r.Problems[0].Code != "tile.missing" || r.Problems[0].Tile != "tile/1/000" {
		t.Fatalf("deleted: %+v", r)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	broken := errors.New("disk")
	rows := s.stored()
	rows.Entries = func(yield func(audit.Entry, error) bool) { yield(audit.Entry{}, broken) }
	if _, err := audit.Run(t.Context(), rows, audit.Options{LogKey: logKey(t).Verifier()}); !errors.Is(err, broken) {
		t.Errorf("entries: %v", err)
	}
	rows = s.stored()
	rows.Checkpoints = func(yield func(audit.Checkpoint, error) bool) { yield(audit.Checkpoint{}, broken) }
	if _, err := audit.Run(t.Context(), rows, audit.Options{LogKey: logKey(t).Verifier()}); !errors.Is(err, broken) {
		t.Errorf("checkpoints: %v", err)
	}
	if _, err := audit.Run(t.Context(), s.stored(), audit.Options{LogKey: "x"}); !errors.Is(err, ledger.ErrKey) {
		t.Errorf("key: %v", err)
	}
	if _, err := audit.Run(t.Context(), s.stored(), audit.Options{LogKey: logKey(t).Verifier(), Known: [][]byte{[]byte("x")}}); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("known: %v", err)
	}
}
