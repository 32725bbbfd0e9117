package signer_test

import (
	"bytes"
	"crypto/elliptic"
	"os"
	"testing"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/clock"
)

func TestFilesSeal(t *testing.T) {
	t.Parallel()
	rsaPair, ecPair := fresh(t, rsaKey(t)), fresh(t, ecKey(t, elliptic.P256()))
	p12, err := rsaPair.EncodePKCS12("mật khẩu")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source   signer.Source
		password string
		cert     []byte
	}{
		"pem rsa":   {pemFiles(t, rsaPair), "", rsaPair.Certificate.Raw},
		"pem ecdsa": {pemFiles(t, ecPair), "", ecPair.Certificate.Raw},
		"pkcs12":    {signer.PKCS12{File: file(t, "k.p12", p12, 0o600)}, "mật khẩu", rsaPair.Certificate.Raw},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, c.source)
			if c.password != "" {
				if got := s.State(); got.Phase != signer.WaitingForPIN || got.TriesLeft != 3 {
					t.Fatalf("%+v", got)
				}
				if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != "signer.waiting_for_pin" {
					t.Fatal(err)
				}
				if err := s.Unlock(t.Context(), c.password); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.State(); got.Phase != signer.Ready || got.Fault != nil {
				t.Fatalf("%+v", got)
			}
			doc, err := s.Seal(t.Context(), []byte(envelope))
			if err != nil {
				t.Fatal(err)
			}
			holds(t, doc, s.Certificate())
			again, err := s.Seal(t.Context(), []byte(envelope))
			if err != nil || !bytes.Equal(again, doc) {
				t.Errorf("the same file got another seal, %v", err)
			}
			if !bytes.Equal(s.Certificate().Raw, c.cert) {
				t.Error("another certificate")
			}
			token, err := s.SealDetached(t.Context(), []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			holdsBeside(t, []byte("{}"), token)
			if err := s.Unlock(t.Context(), "x"); code(err) != "signer.pin_unneeded" {
				t.Errorf("unlocked twice: %v", err)
			}
			if _, err := s.Seal(t.Context(), []byte("<GIAMDINHHS></GIAMDINHHS>")); code(err) != "seal.malformed" {
				t.Errorf("no place for a seal: %v", err)
			}
		})
	}
}

func TestDamagedFilesAreTold(t *testing.T) {
	t.Parallel()
	good := fresh(t, rsaKey(t))
	p12, err := good.EncodePKCS12("p")
	if err != nil {
		t.Fatal(err)
	}
	other := pemFiles(t, fresh(t, rsaKey(t)))
	mine := pemFiles(t, good)
	open600 := pemFiles(t, good)
	if err := os.Chmod(open600.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source signer.Source
		code   string
	}{
		"cut pkcs12":          {signer.PKCS12{File: file(t, "a", p12[:len(p12)/2], 0o600)}, "signer.key"},
		"no pkcs12":           {signer.PKCS12{File: file(t, "a", []byte("hello"), 0o600)}, "signer.key"},
		"empty pkcs12":        {signer.PKCS12{File: file(t, "a", nil, 0o600)}, "signer.key"},
		"absent pkcs12":       {signer.PKCS12{File: "/nowhere/k.p12"}, "signer.unavailable"},
		"not a pair":          {signer.PEM{Key: mine.Key, Certificate: other.Certificate}, "signer.key"},
		"garbage key":         {signer.PEM{Key: file(t, "k", []byte("x"), 0o600), Certificate: mine.Certificate}, "signer.key"},
		"key that all read":   {open600, "agent.modes"},
		"absent key":          {signer.PEM{Key: "/nowhere/k", Certificate: mine.Certificate}, "signer.unavailable"},
		"curve not allowed":   {pemFiles(t, fresh(t, ecKey(t, elliptic.P384()))), "signer.key"},
		"nobody to sign with": {signer.None{}, "signer.none"},
	} {
		s := open(t, c.source)
		got := s.State()
		if got.Phase != signer.Unavailable || code(got.Fault) != c.code {
			t.Errorf("%s: %s %v", name, got.Phase, got.Fault)
		}
		if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != c.code {
			t.Errorf("%s: sealing says %v", name, err)
		}
	}
}

func TestWrongPINsAreCountedAndNeverTriedAgain(t *testing.T) {
	t.Parallel()
	c := &card{pair: fresh(t, rsaKey(t)), pin: "1234"}
	kept := &tries{}
	at := clock.NewFake(now)
	s := signer.New(t.Context(), c, kept, at)
	for left := 2; left >= 0; left-- {
		if err := s.Unlock(t.Context(), "0000"); code(err) != "signer.pin_wrong" {
			t.Fatal(err)
		}
		at.Advance(time.Hour)
		if _, err := s.Seal(t.Context(), []byte(envelope)); err == nil {
			t.Fatal("sealed without PIN")
		}
		if got := s.State(); got.TriesLeft != left || got.Phase == signer.Ready {
			t.Fatalf("%+v, want %d left", got, left)
		}
	}
	if c.tried() != 3 {
		t.Fatalf("the card saw %d PINs for 3 typed", c.tried())
	}
	if err := s.Unlock(t.Context(), "1234"); code(err) != "signer.pin_locked" || c.tried() != 3 {
		t.Fatalf("the fourth: %v, the card saw %d", err, c.tried())
	}
	// A restart gives no further tries.
	s = signer.New(t.Context(), c, kept, at)
	if got := s.State(); got.Phase != signer.Unavailable || code(got.Fault) != "signer.pin_locked" {
		t.Fatalf("%+v", got)
	}
	if err := s.Unlock(t.Context(), "1234"); code(err) != "signer.pin_locked" {
		t.Fatal(err)
	}
	if err := s.Forgive(); err != nil {
		t.Fatal(err)
	}
	if err := s.Unlock(t.Context(), "1234"); err != nil {
		t.Fatal(err)
	}
	if got := s.State(); got.Phase != signer.Ready || got.TriesLeft != 3 {
		t.Fatalf("%+v", got)
	}
}

func TestPINsThatWereNotTriedDoNotCount(t *testing.T) {
	t.Parallel()
	for _, why := range []error{signer.ErrUnavailable, signer.ErrPINLast, signer.ErrPINLocked} {
		c := &card{pair: fresh(t, ecKey(t, elliptic.P256())), pin: "1234", fault: why}
		kept := &tries{}
		s := signer.New(t.Context(), c, kept, clock.NewFake(now))
		if err := s.Unlock(t.Context(), "1234"); code(err) != code(why) || kept.Tries() != 0 {
			t.Errorf("%v: %v, %d counted", why, err, kept.Tries())
		}
	}
}

func TestACardThatWasUnpluggedIsOpenedAgainOnce(t *testing.T) {
	t.Parallel()
	c := &card{pair: fresh(t, rsaKey(t)), pin: "1234"}
	kept := &tries{}
	s := signer.New(t.Context(), c, kept, clock.NewFake(now))
	if err := s.Unlock(t.Context(), "1234"); err != nil {
		t.Fatal(err)
	}
	c.lost = true
	doc, err := s.Seal(t.Context(), []byte(envelope))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, doc, c.pair.Certificate)
	if c.tried() != 2 || kept.Tries() != 0 {
		t.Errorf("%d PINs shown, %d counted", c.tried(), kept.Tries())
	}
	// Somebody changed the PIN: the old one is tried once, counted, forgotten.
	c.lost, c.pin = true, "9999"
	if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != "signer.pin_wrong" {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Seal(t.Context(), []byte(envelope)); err == nil {
			t.Fatal("sealed")
		}
	}
	if c.tried() != 3 || kept.Tries() != 1 || s.State().Phase != signer.WaitingForPIN {
		t.Errorf("%d PINs shown, %d counted, %+v", c.tried(), kept.Tries(), s.State())
	}
	if err := s.Unlock(t.Context(), "9999"); err != nil {
		t.Fatal(err)
	}
	// A service that no longer takes the PIN while signing.
	c.drop = true
	if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != "signer.pin_wrong" {
		t.Fatal(err)
	}
	if s.State().Phase != signer.WaitingForPIN || kept.Tries() != 1 {
		t.Errorf("%+v, %d counted", s.State(), kept.Tries())
	}
}

func TestASignatureThatDoesNotHoldIsNotGivenOut(t *testing.T) {
	t.Parallel()
	c := &card{pair: fresh(t, rsaKey(t)), pin: "1", wrong: true}
	s := open(t, c)
	if err := s.Unlock(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != "signer.wrong_signature" {
		t.Fatal(err)
	}
}

func TestCertificatesNearAndPastTheirEnd(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	key := rsaKey(t)
	for name, c := range map[string]struct {
		ends  time.Time
		phase signer.Phase
		code  string
	}{
		"a year left":      {now.Add(365 * day), signer.Ready, ""},
		"a week left":      {now.Add(7 * day), signer.Ready, "signer.expiring"},
		"a week over":      {now.Add(-7 * day), signer.Ready, "signer.expiring"}, // the hub takes it for 30 days
		"31 days over":     {now.Add(-31 * day), signer.Unavailable, "signer.expired"},
		"half a year over": {now.Add(-180 * day), signer.Unavailable, "signer.expired"},
	} {
		s := open(t, pemFiles(t, pair(t, key, c.ends)))
		got := s.State()
		gotCode := ""
		if got.Fault != nil {
			gotCode = got.Fault.Code
		}
		if got.Phase != c.phase || gotCode != c.code {
			t.Errorf("%s: %s %v", name, got.Phase, got.Fault)
		}
		if _, err := s.Seal(t.Context(), []byte(envelope)); (err == nil) != (c.phase == signer.Ready) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := signer.New(t.Context(), pemFiles(t, fresh(t, key)), &tries{}, clock.NewFake(now.AddDate(-5, 0, 0)))
	if got := s.State(); got.Phase != signer.Unavailable || got.Fault.Code != "signer.expired" {
		t.Errorf("a clock of five years ago: %+v", got)
	}
}

func TestManySealAtOnce(t *testing.T) {
	t.Parallel()
	c := &card{pair: fresh(t, ecKey(t, elliptic.P256())), pin: "1"}
	s := open(t, c)
	done := make(chan error, 16)
	for range 16 {
		go func() {
			_ = s.State()
			_, err := s.Seal(t.Context(), []byte(envelope))
			if code(err) == "signer.waiting_for_pin" {
				err = nil
			}
			done <- err
		}()
	}
	if err := s.Unlock(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
