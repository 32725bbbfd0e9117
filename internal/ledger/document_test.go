package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"lienthong/internal/ledger"
)

// ledgerOf makes a log: the key's leaf first, some others, then receipts, and
// returns the receipts' documents.
func ledgerOf(t testing.TB, before, receipts int) (*memory, [][]byte) {
	t.Helper()
	m := newMemory()
	l := open(t, m)
	key := ledger.KeyEntry{SPKI: receiptKey(t).SPKI()}
	add(t, l, m, ledger.KeyLeaf(key.SPKI))
	if before > 0 {
		add(t, l, m, leavesFrom(0, before)...)
	}
	entries := make([]ledger.Entry, receipts)
	leaves := make([][]byte, receipts)
	for i := range entries {
		r := issue(t, body(i))
		entries[i] = ledger.Entry{Receipt: r, Index: uint64(1 + before + i)}
		leaves[i] = r.Leaf()
	}
	b := add(t, l, m, leaves...)
	docs, err := b.Documents(t.Context(), key, entries...)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, m, leavesFrom(before, 700)...)
	later, err := l.Reader().Documents(t.Context(), b.Head.Checkpoint, key, entries...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range docs {
		if !bytes.Equal(docs[i], later[i]) {
			t.Fatal("the same receipt has other bytes later")
		}
	}
	return m, docs
}

func TestADocumentReadsBackAndIsRFC8785(t *testing.T) {
	t.Parallel()
	_, docs := ledgerOf(t, 300, 3)
	for _, data := range docs {
		d, err := ledger.ParseDocument(data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.Marshal(), data) {
			t.Fatalf("written again: %s", d.Marshal())
		}
		var v any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil || jcs(v) != string(data) {
			t.Fatalf("not RFC 8785: %s", data)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, data, "", "  "); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.ParseDocument(pretty.Bytes()); err != nil {
			t.Fatalf("the same with white space: %v", err)
		}
	}
}

func TestADocumentOutsideItsFormIsRefused(t *testing.T) {
	t.Parallel()
	_, docs := ledgerOf(t, 0, 1)
	good := string(docs[0])
	for name, bad := range map[string]string{
		"empty":           "",
		"truncated":       good[:len(good)-1],
		"trailing":        good + "{}",
		"unknown member":  strings.Replace(good, `"salt":`, `"x":1,"salt":`, 1),
		"member twice":    strings.Replace(good, `"salt":`, `"origin":"a","salt":`, 1),
		"unknown in key":  strings.Replace(good, `"kid":`, `"x":1,"kid":`, 1),
		"absent":          strings.Replace(good, `"salt":`, `"sált":`, 1),
		"negative index":  strings.Replace(good, `"index":1`, `"index":-1`, 1),
		"base64 newline":  strings.Replace(good, `"salt":"`, `"salt":"\n`, 1),
		"base64 unpadded": strings.Replace(good, `="}`, `"}`, 1),
		"deep":            strings.Repeat("[", 100_000),
		"long":            strings.Repeat(" ", ledger.MaxDocument+1),
		"bad UTF-8":       strings.Replace(good, "hub.test", "hub.\xfftest", 1),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := ledger.ParseDocument([]byte(bad)); !errors.Is(err, ledger.ErrDocument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDocumentsRefuseALeafThatIsNotThere(t *testing.T) {
	t.Parallel()
	m, _ := ledgerOf(t, 0, 2)
	l := open(t, m)
	key := ledger.KeyEntry{SPKI: receiptKey(t).SPKI()}
	cp := m.heads[1].Checkpoint
	right, other := issue(t, body(0)), issue(t, body(9))
	if _, err := l.Reader().Documents(t.Context(), cp, key, ledger.Entry{Receipt: right, Index: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reader().Documents(t.Context(), cp, key, ledger.Entry{Receipt: other, Index: 1}); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("another receipt: %v", err)
	}
	key.Index = 1
	if _, err := l.Reader().Documents(t.Context(), cp, key, ledger.Entry{Receipt: right, Index: 1}); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("another key leaf: %v", err)
	}
}

func FuzzParseDocument(f *testing.F) {
	_, docs := ledgerOf(f, 3, 2)
	for _, d := range docs {
		f.Add(d)
	}
	f.Add([]byte(`{"body":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ledger.ParseDocument(data)
		if err != nil {
			if !errors.Is(err, ledger.ErrDocument) {
				t.Fatalf("not a coded error: %v", err)
			}
			return
		}
		again, err := ledger.ParseDocument(d.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), d.Marshal()) {
			t.Fatalf("what was read does not read back: %v", err)
		}
	})
}
