package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/ledger"
)

// failed lists the names of the steps that are not OK.
func failed(t testing.TB, r ledger.Report) []string {
	t.Helper()
	var out []string
	for _, s := range r.Steps {
		if s.Text.VI == "" || s.Text.EN == "" || s.Text.VI == s.Text.EN {
			t.Errorf("step %s says nothing in one language", s.Name)
		}
		if !s.OK {
			out = append(out, s.Name)
		}
	}
	if r.OK != (len(out) == 0) {
		t.Errorf("OK is %v with failures %v", r.OK, out)
	}
	return out
}

func TestAnHonestReceiptIsProved(t *testing.T) {
	t.Parallel()
	_, docs := ledgerOf(t, 257, 40)
	for i, doc := range docs {
		r, err := ledger.Verify(doc, ledger.VerifyOptions{LogKeys: []string{logKey(t).Verifier()}, Original: []byte("file" + itoa(i))})
		if err != nil {
			t.Fatal(err)
		}
		if f := failed(t, r); !r.OK || !r.Trusted || len(f) > 0 {
			t.Fatalf("receipt %d: %+v", i, r.Steps)
		}
		if r.Body.Record != body(i).Record || string(r.Receipt) != string(issue(t, body(i)).Body) {
			t.Fatal("the report is about another receipt")
		}
	}
	r, err := ledger.Verify(docs[0], ledger.VerifyOptions{LogKeys: []string{logKey(t).Verifier()}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "Theo biên nhận của hub.test, hồ sơ 01J0RECORD000000 của cơ sở 79901 được tiếp nhận, có cảnh báo lúc 08:02:03 ngày 02/03/2026 (giờ Việt Nam)."; r.Says.VI != want {
		t.Errorf("says %q", r.Says.VI)
	}
	if want := "According to the receipt of hub.test, record 01J0RECORD000000 of facility 79901 was accepted with warnings at 08:02:03 on 2026-03-02 (Vietnam time)."; r.Says.EN != want {
		t.Errorf("says %q", r.Says.EN)
	}
}

func TestWithoutALogKeyNothingIsTrusted(t *testing.T) {
	t.Parallel()
	_, docs := ledgerOf(t, 5, 1)
	r, err := ledger.Verify(docs[0], ledger.VerifyOptions{})
	if err != nil || !r.OK || r.Trusted {
		t.Fatalf("ok %v trusted %v err %v", r.OK, r.Trusted, err)
	}
	other, err := ledger.LogKeyFromSeed(testOrigin, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	r, err = ledger.Verify(docs[0], ledger.VerifyOptions{LogKeys: []string{other.Verifier()}})
	if err != nil || r.OK || r.Trusted {
		t.Fatalf("another key: ok %v trusted %v err %v", r.OK, r.Trusted, err)
	}
	r, err = ledger.Verify(docs[0], ledger.VerifyOptions{LogKeys: []string{other.Verifier(), logKey(t).Verifier()}})
	if err != nil || !r.OK || !r.Trusted {
		t.Fatalf("two keys, one right: ok %v trusted %v err %v", r.OK, r.Trusted, err)
	}
	if _, err := ledger.Verify(docs[0], ledger.VerifyOptions{LogKeys: []string{"rubbish"}}); !errors.Is(err, ledger.ErrKey) {
		t.Errorf("a malformed log key: %v", err)
	}
	if _, err := ledger.Verify(docs[0], ledger.VerifyOptions{RequireWitness: []string{logKey(t).Verifier()}}); !errors.Is(err, ledger.ErrKey) {
		t.Errorf("a log key as witness: %v", err)
	}
	if _, err := ledger.Verify([]byte("{}"), ledger.VerifyOptions{}); !errors.Is(err, ledger.ErrDocument) {
		t.Errorf("not a receipt: %v", err)
	}
}

func TestEveryTamperingIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	m, docs := ledgerOf(t, 300, 5)
	opts := ledger.VerifyOptions{LogKeys: []string{logKey(t).Verifier()}, Original: []byte("file2")}
	stranger, _ := ledger.ParseDocument(docs[3])
	for name, c := range map[string]struct {
		tamper func(*ledger.Document)
		step   string // the first that must fail; "" for the control
	}{
		"control":     {func(*ledger.Document) {}, ""},
		"body, other": {func(d *ledger.Document) { d.Body = stranger.Body }, "signature"},
		"body, form":  {func(d *ledger.Document) { d.Body = append(d.Body, ' ') }, "body"},
		"body, state": {func(d *ledger.Document) {
			d.Body = []byte(strings.Replace(string(d.Body), `"state":"accepted_with_warnings"`, `"state":"rejected"`, 1))
		}, "signature"},
		"salt":             {func(d *ledger.Document) { d.Salt[0] ^= 1 }, "receipt_leaf"},
		"signature":        {func(d *ledger.Document) { d.Signature[63] ^= 1 }, "signature"},
		"signature, zero":  {func(d *ledger.Document) { d.Signature = make([]byte, 64) }, "signature"},
		"index":            {func(d *ledger.Document) { d.Index++ }, "receipt_leaf"},
		"index, beyond":    {func(d *ledger.Document) { d.Index = 1 << 40 }, "receipt_leaf"},
		"proof":            {func(d *ledger.Document) { d.Proof[2][0] ^= 1 }, "receipt_leaf"},
		"proof, short":     {func(d *ledger.Document) { d.Proof = d.Proof[1:] }, "receipt_leaf"},
		"proof, long":      {func(d *ledger.Document) { d.Proof = append(d.Proof, ledger.Hash{}) }, "receipt_leaf"},
		"proof, none":      {func(d *ledger.Document) { d.Proof = nil }, "receipt_leaf"},
		"checkpoint, form": {func(d *ledger.Document) { d.Checkpoint = "nothing" }, "checkpoint"},
		"checkpoint, size": {func(d *ledger.Document) { d.Checkpoint = strings.Replace(d.Checkpoint, "\n306\n", "\n307\n", 1) }, "log_key"},
		"checkpoint, sig":  {func(d *ledger.Document) { d.Checkpoint = resign(t, d.Checkpoint) }, "log_key"},
		"checkpoint, old":  {func(d *ledger.Document) { d.Checkpoint = string(m.heads[1].Checkpoint) }, "key_leaf"},
		"origin":           {func(d *ledger.Document) { d.Origin = "hub.test/log/1" }, "checkpoint"},
		"another hub":      {func(d *ledger.Document) { moveTo(t, d, "other.test") }, "checkpoint"},
		"key, kid":         {func(d *ledger.Document) { d.Key.Kid = "0123456789abcdef" }, "key"},
		"key, bytes":       {func(d *ledger.Document) { d.Key.SPKI[40] ^= 1 }, "key"},
		"key, none":        {func(d *ledger.Document) { d.Key.SPKI = nil }, "key"},
		"key, index":       {func(d *ledger.Document) { d.Key.Index++ }, "key_leaf"},
		"key, after":       {func(d *ledger.Document) { d.Key.Index = d.Index + 1 }, "key_leaf"},
		"key, proof":       {func(d *ledger.Document) { d.Key.Proof[0][0] ^= 1 }, "key_leaf"},
	} {
		d, err := ledger.ParseDocument(docs[2])
		if err != nil {
			t.Fatal(err)
		}
		c.tamper(d)
		r, err := ledger.Verify(d.Marshal(), opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := failed(t, r)
		switch {
		case c.step == "" && (len(f) > 0 || !r.Trusted):
			t.Errorf("the control fails at %v", f)
		case c.step != "" && (len(f) == 0 || f[0] != c.step):
			t.Errorf("%s: failed %v, want %s first", name, f, c.step)
		}
	}
	opts.Original = []byte("another file")
	if r, err := ledger.Verify(docs[2], opts); err != nil || len(failed(t, r)) != 1 || failed(t, r)[0] != "original" {
		t.Errorf("another original: %v %v", r.Steps, err)
	}
	opts.Original = []byte{}
	if r, err := ledger.Verify(docs[2], opts); err != nil || r.OK {
		t.Errorf("an empty original: %v %v", r.Steps, err)
	}
}

// resign gives the same checkpoint signed by a key nobody trusts.
func resign(t testing.TB, checkpoint string) string {
	t.Helper()
	cp, err := ledger.ParseCheckpoint([]byte(checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ledger.LogKeyFromSeed(cp.Origin, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	out, err := k.Checkpoint(cp.Size, cp.Root)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// moveTo gives the document a receipt of another hub, well signed.
func moveTo(t testing.TB, d *ledger.Document, hub string) {
	t.Helper()
	b := body(2)
	b.Hub = hub
	d.Receipt = issue(t, b)
}

func TestEveryFlippedByteOfADocumentIsFound(t *testing.T) {
	t.Parallel()
	_, docs := ledgerOf(t, 3, 2)
	opts := ledger.VerifyOptions{LogKeys: []string{logKey(t).Verifier()}}
	doc := docs[1]
	if r, err := ledger.Verify(doc, opts); err != nil || !r.OK || !r.Trusted {
		t.Fatal("the control fails")
	}
	for i := range doc {
		bad := append([]byte(nil), doc...)
		bad[i] ^= 1
		if r, err := ledger.Verify(bad, opts); err == nil && r.OK && r.Trusted {
			t.Fatalf("byte %d (%q to %q) may be changed unseen: %s", i, doc[i], bad[i], bad[max(0, i-20):i+20])
		}
	}
}

func TestAWitnessIsAskedFor(t *testing.T) {
	t.Parallel()
	m, docs := ledgerOf(t, 3, 2)
	w, err := ledger.NewCosigner("witness.test/w1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ledger.NewCosigner("witness.test/w2", append(make([]byte, 31), 1))
	if err != nil {
		t.Fatal(err)
	}
	opts := ledger.VerifyOptions{LogKeys: []string{logKey(t).Verifier()}, RequireWitness: []string{w.Verifier()}}
	expect := func(name string, doc []byte, ok bool) {
		t.Helper()
		r, err := ledger.Verify(doc, opts)
		if err != nil || r.OK != ok || !r.Trusted {
			t.Errorf("%s: ok %v trusted %v err %v", name, r.OK, r.Trusted, err)
		}
	}
	cosigned := func(c *ledger.Cosigner, checkpoint []byte) []byte {
		t.Helper()
		out, err := c.Cosign(checkpoint, time.Unix(1679315147, 0))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	expect("nobody", docs[0], false)
	d, err := ledger.ParseDocument(docs[0])
	if err != nil {
		t.Fatal(err)
	}
	own := []byte(d.Checkpoint)
	d.Checkpoint = string(cosigned(stranger, own))
	expect("a stranger", d.Marshal(), false)
	d.Checkpoint = string(cosigned(w, []byte(d.Checkpoint)))
	expect("a stranger and the witness", d.Marshal(), true)
	d.Checkpoint = d.Checkpoint[:len(d.Checkpoint)-8] + "AAAAAA=\n"
	expect("a spoiled cosignature", d.Marshal(), false)

	l := open(t, m)
	consistency, err := l.Reader().ProveConsistency(t.Context(), 6, m.head().Size)
	if err != nil {
		t.Fatal(err)
	}
	opts.Later = &ledger.LaterCheckpoint{Checkpoint: cosigned(w, m.head().Checkpoint), Consistency: consistency}
	expect("a later checkpoint", docs[0], true)
	opts.Later.Consistency = consistency[1:]
	expect("a later checkpoint, not proved", docs[0], false)
}

func TestAWitnessKeyIsSpelledAsC2SPSays(t *testing.T) {
	t.Parallel()
	// The key ID of the example in C2SP tlog-cosignature cannot be recomputed
	// (its public key is not given): the rule is, SHA-256(name ‖ "\n" ‖ 0x04 ‖ key).
	w, err := ledger.NewCosigner("witness.test/w1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if want := "witness.test/w1+"; !strings.HasPrefix(w.Verifier(), want) || !strings.Contains(w.Verifier(), "+B") {
		t.Errorf("verifier %s", w.Verifier())
	}
	for _, name := range []string{"", "with space", "with+plus"} {
		if _, err := ledger.NewCosigner(name, make([]byte, 32)); !errors.Is(err, ledger.ErrKey) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}
