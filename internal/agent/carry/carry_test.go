package carry_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/carry"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/spool"
	"lienthong/internal/store"
)

var now = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

type world struct {
	t     *testing.T
	a, b  *spool.Spool // without a line, and with one
	hub   *ecdsa.PrivateKey
	keys  []home.ReceiptKey
	pass  string
	items []spool.Item // at a
}

func open(t *testing.T) *spool.Spool {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	s, err := spool.Open(context.Background(), filepath.Join(t.TempDir(), "spool.db"), key, spool.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, a: open(t), b: open(t)}
	var err error
	if w.hub, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&w.hub.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	w.keys = []home.ReceiptKey{{ID: "k1", SPKI: spki}}
	if w.pass, err = carry.Passphrase(); err != nil || len(w.pass) != 24 {
		t.Fatalf("%q, %v", w.pass, err)
	}
	for n := range 3 {
		text := fmt.Sprintf("<D>%d</D>", n)
		put, err := w.a.Put(t.Context(), spool.New{Name: fmt.Sprintf("NGUYEN %d.xml", n), Lane: store.Urgent, Payload: spool.Payload{File: spool.Part{Name: "x", Bytes: []byte(text), Seal: []byte("a.b.c")}}})
		if err != nil {
			t.Fatal(err)
		}
		i, err := w.a.Get(t.Context(), put[0].Ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.a.Look(t.Context(), i.ID, spool.Looked{State: spool.Ready, Lane: store.Urgent, Dossiers: 1, Episodes: []string{"E"}}); err != nil {
			t.Fatal(err)
		}
		w.items = append(w.items, i)
	}
	return w
}

// stick carries everything from a to b.
func (w *world) stick() []byte {
	w.t.Helper()
	var stick bytes.Buffer
	ids, err := carry.Files(w.t.Context(), w.a, "79901", &stick, w.pass, 0, now)
	if err != nil || len(ids) != len(w.items) {
		w.t.Fatalf("%v, %v", ids, err)
	}
	if gone, err := w.a.Carry(w.t.Context(), ids...); err != nil || len(gone) != len(w.items) {
		w.t.Fatalf("%v, %v", gone, err)
	}
	if strings.Contains(stick.String(), "NGUYEN") || bytes.Contains(stick.Bytes(), []byte("<D>")) {
		w.t.Error("the stick can be read")
	}
	return stick.Bytes()
}

// answer is the hub's answer at b to the nth file, signed by key.
func (w *world) answer(n int, state string, key *ecdsa.PrivateKey, sha [32]byte) spool.Answer {
	w.t.Helper()
	body := fmt.Appendf(nil, `{"record":"r%d","episode":"E","kind":"qd4750","state":%q,"file_sha256":%q,"received_at":"2026-11-22T02:00:00Z","kid":"k1"}`, n, state, hex.EncodeToString(sha[:]))
	digest := sha256.Sum256(body)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	line := fmt.Appendf(nil, `{"findings":[{"code":"time.order","severity":"error"}],"receipt":{"body":%q,"signature":%q}}`,
		base64.StdEncoding.EncodeToString(body), base64.StdEncoding.EncodeToString(sig))
	i, err := w.b.Get(w.t.Context(), w.items[n].Ref) // nothing was sealed on the way: the same bytes
	if err != nil {
		w.t.Fatal(err)
	}
	return spool.Answer{Item: i.ID, Record: fmt.Sprintf("r%d", n), Outcome: spool.WasAccepted, At: now, Line: line}
}

func TestFilesGoByStickAndReceiptsComeBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stick := w.stick()
	for n, known := range []int{0, 3} { // the stick may be put in twice
		got, err := carry.Import(t.Context(), w.b, "79901", nil, bytes.NewReader(stick), strings.ToLower(w.pass)+"\n")
		if err != nil || got.Files != 3 || got.Known != known {
			t.Fatalf("%d: %+v, %v", n, got, err)
		}
	}
	i, err := w.b.Get(t.Context(), w.items[0].Ref)
	if err != nil || i.Lane != store.Urgent || i.Name != "NGUYEN 0.xml" || i.Source != "import" {
		t.Fatalf("%+v, %v", i, err)
	}
	if p, err := w.b.Payload(t.Context(), i.ID); err != nil || string(p.File.Seal) != "a.b.c" {
		t.Errorf("%+v, %v", p, err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.b.Apply(t.Context(), []spool.Answer{w.answer(0, "accepted", w.hub, w.items[0].SHA), w.answer(1, "rejected", w.hub, w.items[1].SHA),
		w.answer(2, "accepted", stranger, w.items[2].SHA)}); err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if n, err := carry.Receipts(t.Context(), w.b, "79901", &back, w.pass, now); err != nil || n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	got, err := carry.Import(t.Context(), w.a, "79901", w.keys, bytes.NewReader(back.Bytes()), w.pass)
	if err != nil || got != (carry.Taken{What: "receipts", Answers: 2, Unproved: 1, Closed: 2}) {
		t.Fatalf("%+v, %v", got, err)
	}
	for n, want := range []spool.State{spool.Accepted, spool.Rejected, spool.Carried} {
		if i, err := w.a.Get(t.Context(), w.items[n].Ref); err != nil || i.State != want {
			t.Errorf("%d: %v, %v", n, i.State, err)
		}
	}
	if n, err := w.a.Recall(t.Context()); err != nil || n != 1 {
		t.Errorf("%d called back, %v", n, err)
	}
	if err := w.a.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A receipt counts for the very file it names.
func TestAReceiptOfAnotherFileProvesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := carry.Import(t.Context(), w.b, "79901", nil, bytes.NewReader(w.stick()), w.pass); err != nil {
		t.Fatal(err)
	}
	if _, err := w.b.Apply(t.Context(), []spool.Answer{w.answer(0, "accepted", w.hub, w.items[1].SHA)}); err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if _, err := carry.Receipts(t.Context(), w.b, "79901", &back, w.pass, now); err != nil {
		t.Fatal(err)
	}
	if got, err := carry.Import(t.Context(), w.a, "79901", w.keys, &back, w.pass); err != nil || got.Unproved != 1 || got.Answers != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// One receipt told of two places of a file does not close it: its other dossier
// is at no hub, and its bytes are needed still.
func TestAReceiptCountsForOnePlaceOfAFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	put, err := w.a.Put(t.Context(), spool.New{Name: "two.xml", Lane: store.Urgent, Payload: spool.Payload{File: spool.Part{Name: "x", Bytes: []byte("<D>two</D>"), Seal: []byte("a.b.c")}}})
	if err != nil {
		t.Fatal(err)
	}
	i, err := w.a.Get(t.Context(), put[0].Ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.a.Look(t.Context(), i.ID, spool.Looked{State: spool.Ready, Lane: store.Urgent, Dossiers: 2, Episodes: []string{"F"}}); err != nil {
		t.Fatal(err)
	}
	w.items = append(w.items, i)
	if _, err := carry.Import(t.Context(), w.b, "79901", nil, bytes.NewReader(w.stick()), w.pass); err != nil {
		t.Fatal(err)
	}
	first := w.answer(3, "accepted", w.hub, i.SHA)
	second, beyond := first, first
	second.N, beyond.N = 1, 7
	if _, err := w.b.Apply(t.Context(), []spool.Answer{first, second, beyond}); err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if _, err := carry.Receipts(t.Context(), w.b, "79901", &back, w.pass, now); err != nil {
		t.Fatal(err)
	}
	got, err := carry.Import(t.Context(), w.a, "79901", w.keys, &back, w.pass)
	if err != nil || got.Answers != 1 || got.Unproved != 2 || got.Closed != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if i, err = w.a.Get(t.Context(), i.Ref); err != nil || i.State != spool.Carried {
		t.Errorf("%v, %v", i.State, err)
	}
	if p, err := w.a.Payload(t.Context(), i.ID); err != nil || string(p.File.Bytes) != "<D>two</D>" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhatIsNoPackage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stick := w.stick()
	other, err := carry.Passphrase()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(stick)
	damaged[len(damaged)-30] ^= 1
	for name, c := range map[string]struct {
		b          []byte
		pass, code string
		want       error
	}{
		"empty": {nil, w.pass, "79901", carry.ErrPackage}, "text": {[]byte("hello"), w.pass, "79901", carry.ErrPackage},
		"cut": {stick[:len(stick)-40], w.pass, "79901", carry.ErrPackage}, "damaged": {damaged, w.pass, "79901", carry.ErrPackage},
		"another passphrase": {stick, other, "79901", carry.ErrPassphrase}, "none": {stick, " ", "79901", carry.ErrPassphrase},
		"another facility": {stick, w.pass, "79902", carry.ErrFacility},
	} {
		if _, err := carry.Import(t.Context(), w.b, "79901", nil, bytes.NewReader(c.b), c.pass); c.code == "79901" && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.code != "79901" {
			if _, err := carry.Import(t.Context(), w.b, "79902", nil, bytes.NewReader(c.b), c.pass); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Whatever file is handed over: it is refused, and the spool stays whole.
func FuzzImport(f *testing.F) {
	f.Add([]byte("age-encryption.org/v1\n-> scrypt AAAA 15\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := open(t)
		if _, err := carry.Import(t.Context(), s, "79901", nil, bytes.NewReader(b), "AAAA-AAAA-AAAA-AAAA-AAAA"); err == nil {
			t.Error("taken")
		}
	})
}
