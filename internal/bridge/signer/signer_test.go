package signer_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/signer"
	"lienthong/internal/clock"
	"lienthong/internal/ledger"
	"lienthong/internal/vault"
)

const (
	class = "clinical"
	month = 202611
)

func key(fill byte) []byte { return bytes.Repeat([]byte{fill}, vault.KeySize) }

func held(t testing.TB, unwraps int) signer.Held {
	t.Helper()
	ring, err := vault.NewKeys(vault.RingConfig{Master: key(1), Unwraps: unwraps, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := ledger.WitnessSeed(key(7))
	if err != nil {
		t.Fatal(err)
	}
	return signer.Held{Ring: ring, Receipt: receipt, Log: ed25519.NewKeyFromSeed(key(7)), Witness: ed25519.NewKeyFromSeed(seed)}
}

// serve runs a signing process and returns where it listens.
func serve(t testing.TB, h signer.Held) (socket string, stop func()) {
	t.Helper()
	s, err := signer.NewServer(h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return socket, stop
}

func dial(t testing.TB, socket string) *signer.Client {
	t.Helper()
	c, err := signer.Dial(t.Context(), signer.Config{Socket: socket, Timeout: 5 * time.Second, Idle: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func vaultOf(t testing.TB, ring vault.Ring) *vault.Vault {
	t.Helper()
	v, err := vault.New(vault.Config{Ring: ring, Peppers: map[int][]byte{1: key(9)}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A vault whose keys are in another process seals and opens what one with the
// keys at hand opens and seals.
func TestAVaultWithoutItsKeys(t *testing.T) {
	t.Parallel()
	h := held(t, 0)
	socket, _ := serve(t, h)
	far, near := vaultOf(t, dial(t, socket)), vaultOf(t, h.Ring)
	w, err := far.NewMonthKey(class, month)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []*vault.Vault{far, near} {
		if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
			t.Fatal(err)
		}
	}
	aad := []byte("record-1")
	for _, c := range []struct{ by, to *vault.Vault }{{far, near}, {near, far}} {
		s, err := c.by.Seal(class, month, aad, []byte("one"), []byte("two"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.to.Open(aad, s.Wrapped, 1, s.Parts[1]); err != nil || string(got) != "two" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := c.to.Open([]byte("record-2"), s.Wrapped, 0, s.Parts[0]); !errors.Is(err, vault.ErrOpenedWrong) {
			t.Errorf("as another record: %v", err)
		}
	}
	secret, err := far.SealSecret("bhxh", []byte("password"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Ring.Turn(key(2)); err != nil {
		t.Fatal(err)
	}
	if secret, err = far.RewrapSecret("bhxh", secret); err != nil {
		t.Fatal(err)
	}
	if got, err := far.OpenSecret("bhxh", secret); err != nil || string(got) != "password" {
		t.Errorf("%q, %v", got, err)
	}
	again, err := far.Rewrap(w)
	if err != nil || again.Master == w.Master || far.MasterID() != again.Master {
		t.Errorf("wrapped by %s after the turn, %v", again.Master, err)
	}
	far.Forget(class, month)
	if _, err := near.Seal(class, month, aad, nil); !errors.Is(err, vault.ErrKeyMissing) {
		t.Errorf("what was forgotten there is here: %v", err)
	}
}

func TestTheBudgetIsOutOfTheHubsReach(t *testing.T) {
	t.Parallel()
	socket, _ := serve(t, held(t, 50))
	v := vaultOf(t, dial(t, socket))
	w, err := v.NewMonthKey(class, month)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatal(err)
	}
	s, err := v.Seal(class, month, nil, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for range 200 {
		if _, err = v.OpenKey(nil, s.Wrapped); err != nil {
			break
		}
		opened++
	}
	if !errors.Is(err, vault.ErrBudget) || opened < 50 || opened > 100 {
		t.Errorf("%d opened, then %v", opened, err)
	}
}

func TestEachKeySignsItsOwnSort(t *testing.T) {
	t.Parallel()
	h := held(t, 0)
	socket, _ := serve(t, h)
	c := dial(t, socket)
	receipt, err := ledger.NewReceiptKey(c.Signer(signer.KeyReceipt))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := receipt.Sign([]byte(`{"v":1}`))
	if err != nil || len(raw) != 64 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	local, err := ledger.NewReceiptKey(h.Receipt)
	if err != nil || local.Kid() != receipt.Kid() {
		t.Errorf("another key: %v", err)
	}
	log, err := ledger.LogKeyOf("hub.test/log/0", c.Signer(signer.KeyLog))
	if err != nil {
		t.Fatal(err)
	}
	same, err := ledger.LogKeyFromSeed("hub.test/log/0", key(7))
	if err != nil || same.Verifier() != log.Verifier() {
		t.Errorf("the log's key differs: %v", err)
	}
	note, err := log.Checkpoint(3, ledger.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	want, err := same.Checkpoint(3, ledger.Hash{1})
	if err != nil || !bytes.Equal(note, want) {
		t.Errorf("the checkpoint is not the one the key at hand signs: %v", err)
	}
	witness, err := ledger.CosignerOf("w.test", c.Signer(signer.KeyWitness))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := witness.Line(note, time.Unix(1e9, 0)); err != nil {
		t.Error(err)
	} else if _, err := ledger.CheckCosignature(note, line, witness.Verifier()); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		key  crypto.Signer
		data []byte
	}{
		"a text as a receipt":             {c.Signer(signer.KeyReceipt), []byte("pay 100")},
		"a cosignature by the log's key":  {c.Signer(signer.KeyLog), []byte("cosignature/v1\ntime 1\nx\n1\n\n")},
		"any text by the log's key":       {c.Signer(signer.KeyLog), []byte("hub.test/log/0\n1\n")},
		"a checkpoint by the witness's":   {c.Signer(signer.KeyWitness), []byte("hub.test/log/0\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")},
		"anything by a key that is not":   {c.Signer("root"), []byte("x")},
		"a checkpoint of a negative size": {c.Signer(signer.KeyLog), []byte("hub.test/log/0\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")},
	} {
		if _, err := c.key.Sign(nil, c.data, crypto.Hash(0)); !errors.Is(err, signer.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was asked while the signing process was away is an error; once it is back
// the same client goes on.
func TestTheSigningProcessComesBack(t *testing.T) {
	t.Parallel()
	h := held(t, 0)
	socket, stop := serve(t, h)
	c := dial(t, socket)
	if _, err := c.Signer(signer.KeyReceipt).Sign(nil, make([]byte, 32), nil); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := c.Signer(signer.KeyReceipt).Sign(nil, make([]byte, 32), nil); !errors.Is(err, signer.ErrAway) {
		t.Errorf("while it is away: %v", err)
	}
	s, err := signer.NewServer(h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	if _, err := c.Signer(signer.KeyReceipt).Sign(nil, make([]byte, 32), nil); err != nil {
		t.Errorf("once it is back: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := signer.Dial(t.Context(), signer.Config{Socket: socket + "-"}); !errors.Is(err, signer.ErrAway) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestKeysOfAnotherSortAreRefused(t *testing.T) {
	t.Parallel()
	h := held(t, 0)
	h.Receipt, h.Log = h.Log, h.Receipt
	if _, err := signer.NewServer(h, slog.New(slog.DiscardHandler)); !errors.Is(err, ledger.ErrKey) {
		t.Errorf("keys in each other's place: %v", err)
	}
	h = held(t, 0)
	h.Ring = nil
	if _, err := signer.NewServer(h, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a signer without a master key")
	}
}

func FuzzServer(f *testing.F) {
	for _, body := range []string{`{"verb":"hello"}`, `{"verb":"sign","key":"log","data":"AAAA"}`, `{"verb":"wrap"}`, `{"verb":"load_months","months":[{"Class":"x","Month":1}]}`, `{`, `{"verb":"unwrap","id":"AAAAAAAAAAAAAAAA"}`} {
		f.Add(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, strings.Repeat("x", 100))
	socket, _ := serve(f, held(f, 1000))
	f.Fuzz(func(t *testing.T, head []byte, body string) {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		w := bufio.NewWriter(conn)
		w.Write(head)
		w.WriteString(body)
		if err := w.Flush(); err != nil {
			return
		}
		if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
			return
		}
		got, err := io.ReadAll(conn)
		if err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
			t.Fatal(err)
		}
		if bytes.Contains(got, key(1)) {
			t.Fatal("a key was given out")
		}
	})
}
