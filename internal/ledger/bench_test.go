package ledger_test

import (
	"testing"

	"lienthong/internal/ledger"
)

func BenchmarkCanonicalBody(b *testing.B) {
	v := body(1)
	v.V, v.Kid = 1, receiptKey(b).Kid()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = v.AppendCanonical(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	v, k := body(1), receiptKey(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.Issue(v, k, [ledger.SaltSize]byte{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	_, docs := ledgerOf(b, 300, 1)
	opts := ledger.VerifyOptions{LogKeys: []string{logKey(b).Verifier()}}
	for b.Loop() {
		if r, err := ledger.Verify(docs[0], opts); err != nil || !r.Trusted {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit is what the ledger adds to one commit of 64 records in a log
// that began with 100,000 leaves.
func BenchmarkCommit(b *testing.B) {
	setup := func(b *testing.B) (*ledger.Log, *memory) {
		m := newMemory()
		l := open(b, m)
		add(b, l, m, ledger.KeyLeaf(receiptKey(b).SPKI()))
		add(b, l, m, leavesFrom(0, 100_000)...)
		return open(b, m), m
	}
	receipts := make([]ledger.Receipt, 64)
	leaves := make([][]byte, 64)
	for i := range receipts {
		receipts[i] = issue(b, body(i))
		leaves[i] = receipts[i].Leaf()
	}
	indexes := make([]uint64, 65) // the key's, then the batch's own
	b.Run("append 64", func(b *testing.B) {
		l, m := setup(b)
		b.ReportAllocs()
		for b.Loop() {
			add(b, l, m, leaves...)
		}
	})
	b.Run("append 64 and prove 65", func(b *testing.B) {
		l, m := setup(b)
		b.ReportAllocs()
		for b.Loop() {
			batch := add(b, l, m, leaves...)
			for i := range 64 {
				indexes[1+i] = batch.Index(i)
			}
			if _, err := batch.Prove(b.Context(), indexes...); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append 64 and make 64 documents", func(b *testing.B) {
		l, m := setup(b)
		key := ledger.KeyEntry{SPKI: receiptKey(b).SPKI()}
		entries := make([]ledger.Entry, 64)
		b.ReportAllocs()
		for b.Loop() {
			batch := add(b, l, m, leaves...)
			for i := range entries {
				entries[i] = ledger.Entry{Receipt: receipts[i], Index: batch.Index(i)}
			}
			if _, err := batch.Documents(b.Context(), key, entries...); err != nil {
				b.Fatal(err)
			}
		}
	})
}
