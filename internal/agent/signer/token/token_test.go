package token_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/token"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

const envelope = `<GIAMDINHHS><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`

// The test binary is the helper too: a script starts it with what it is to do.
func TestMain(m *testing.M) {
	if does := os.Getenv("TOKEN_TEST_HELPER"); does != "" {
		if err := helper(does); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func helper(does string) error {
	switch does {
	case "hangs":
		select {} //nolint // killed by its parent
	case "garbage":
		_, err := os.Stdout.WriteString("Xin chào, đây không phải là một khung\n")
		return err
	case "dies":
		return errors.New("the library crashed")
	}
	key, err := base64.StdEncoding.DecodeString(os.Getenv("TOKEN_TEST_KEY"))
	if err != nil {
		return err
	}
	k, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert, err := base64.StdEncoding.DecodeString(os.Getenv("TOKEN_TEST_CERT"))
	if err != nil {
		return err
	}
	return token.Serve(os.Stdin, os.Stdout, &device{does: does, key: k.(*ecdsa.PrivateKey), cert: cert})
}

// device is a token in memory: its PIN is 1234.
type device struct {
	does string
	key  *ecdsa.PrivateKey
	cert []byte
	open bool
}

func (d *device) Peek(token.Request) ([]byte, [][]byte, error) { return d.cert, nil, nil }

func (d *device) Open(r token.Request) ([]byte, [][]byte, error) {
	failures := map[string]token.Failure{"locked": token.PINLocked, "last try": token.PINLastTry, "no key": token.NoKey, "away": token.Away}
	if f, ok := failures[d.does]; ok {
		return nil, nil, &token.Refusal{Failure: f, Detail: "CKR"}
	}
	if r.PIN != "1234" {
		return nil, nil, &token.Refusal{Failure: token.PINWrong, Detail: "CKR_PIN_INCORRECT"}
	}
	d.open = true
	return d.cert, nil, nil
}

func (d *device) Sign(sum []byte) ([]byte, error) {
	if !d.open {
		return nil, errors.New("not open")
	}
	if d.does == "dies while signing" {
		os.Exit(4)
	}
	der, err := d.key.Sign(rand.Reader, sum, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	v.R.FillBytes(out[:32])
	v.S.FillBytes(out[32:])
	if d.does == "short value" {
		return out[:63], nil
	}
	return out, nil
}

func source(t *testing.T, does string, wait time.Duration) *token.Source {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "helper")
	text := fmt.Sprintf("#!/bin/sh\nTOKEN_TEST_HELPER='%s' TOKEN_TEST_KEY=%s TOKEN_TEST_CERT=%s exec '%s'\n",
		does, base64.StdEncoding.EncodeToString(der), base64.StdEncoding.EncodeToString(cert), self)
	syscall.ForkLock.RLock() // no child of a test beside this one holds it open for writing: it could not be run
	err = os.WriteFile(script, []byte(text), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	s := token.New(token.Config{Helper: script, Module: "/usr/lib/x.so", Wait: wait})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

type tries struct{ n atomic.Int64 }

func (t *tries) Tries() int { return int(t.n.Load()) }

func (t *tries) SaveTries(n int) error { t.n.Store(int64(n)); return nil }

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func TestATokenSealsBehindItsHelper(t *testing.T) {
	t.Parallel()
	s := signer.New(t.Context(), source(t, "works", 0), &tries{}, clock.System{})
	if got := s.State(); got.Phase != signer.WaitingForPIN || s.Certificate() == nil {
		t.Fatalf("%+v", got)
	}
	if err := s.Unlock(t.Context(), "0000"); code(err) != "signer.pin_wrong" {
		t.Fatal(err)
	}
	if err := s.Unlock(t.Context(), "1234"); err != nil {
		t.Fatal(err)
	}
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		doc, err := s.Seal(t.Context(), []byte(envelope))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(doc, seal.Expect{Container: "CHUKYDONVI"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatATokenSays(t *testing.T) {
	t.Parallel()
	for does, want := range map[string]string{
		"locked": "signer.pin_locked", "last try": "signer.pin_last_try", "no key": "signer.key", "away": "signer.unavailable",
		"dies": "signer.unavailable", "garbage": "signer.unavailable",
	} {
		if _, err := source(t, does, 0).Open(t.Context(), "1234"); code(err) != want {
			t.Errorf("%s: %v", does, err)
		}
	}
	if _, err := source(t, "hangs", 200*time.Millisecond).Open(t.Context(), "1234"); code(err) != "signer.unavailable" {
		t.Errorf("hangs: %v", err)
	}
	nobody := token.New(token.Config{Helper: filepath.Join(t.TempDir(), "none"), Module: "x"})
	if _, err := nobody.Open(t.Context(), "1234"); code(err) != "signer.unavailable" {
		t.Errorf("no helper: %v", err)
	}
	if nobody.Peek(t.Context()) != nil {
		t.Error("a certificate without helper")
	}
	short := signer.New(t.Context(), source(t, "short value", 0), &tries{}, clock.System{})
	if err := short.Unlock(t.Context(), "1234"); err != nil {
		t.Fatal(err)
	}
	if _, err := short.Seal(t.Context(), []byte(envelope)); code(err) != "signer.wrong_signature" {
		t.Errorf("a cut value: %v", err)
	}
	dying := signer.New(t.Context(), source(t, "dies while signing", 0), &tries{}, clock.System{})
	if err := dying.Unlock(t.Context(), "1234"); err != nil {
		t.Fatal(err)
	}
	if _, err := dying.Seal(t.Context(), []byte(envelope)); code(err) != "signer.unavailable" {
		t.Errorf("a library that crashes: %v", err)
	}
	if _, err := dying.Seal(t.Context(), []byte(envelope)); code(err) != "signer.unavailable" {
		t.Errorf("and again: %v", err)
	}
}

func TestServeAnswersWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	var in, out bytes.Buffer
	if err := token.WriteFrame(&in, token.Request{Op: "format"}); err != nil {
		t.Fatal(err)
	}
	if err := token.Serve(&in, &out, &device{}); err != nil {
		t.Fatal(err)
	}
	var r token.Reply
	if err := token.ReadFrame(&out, &r); err != nil || r.Failure != token.Away {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := token.Serve(strings.NewReader("\x00\x00\x00\x02{"), io.Discard, &device{}); err == nil {
		t.Error("half a frame was taken for the end")
	}
}

func FuzzReadFrame(f *testing.F) {
	var b bytes.Buffer
	if err := token.WriteFrame(&b, token.Reply{Failure: token.PINWrong, Signature: []byte{1}}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var r token.Reply
		if err := token.ReadFrame(bytes.NewReader(in), &r); err != nil {
			return
		}
		var out bytes.Buffer
		if err := token.WriteFrame(&out, r); err != nil {
			t.Fatal(err)
		}
	})
}
