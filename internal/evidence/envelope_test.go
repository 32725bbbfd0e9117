package evidence_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/evidence"
	"lienthong/internal/seal"
)

// pair is a signer of its own.
func pair(t *testing.T) seal.KeyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Cơ sở thử"},
		NotBefore: time.Unix(1700000000, 0), NotAfter: time.Unix(2000000000, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return seal.KeyPair{Key: key, Certificate: cert}
}

func TestEnvelopeGivesBackWhatCame(t *testing.T) {
	t.Parallel()
	signer := pair(t)
	doc, paper := []byte(`{"ma_don_thuoc":"x"}`), []byte("%PDF-1.7 ...")
	token, err := signer.SignDetached(doc)
	if err != nil {
		t.Fatal(err)
	}
	paperToken, err := signer.SignDetached(paper)
	if err != nil {
		t.Fatal(err)
	}
	packed, certs, err := evidence.PackSeal(token)
	if err != nil || len(certs) != 1 {
		t.Fatal(err, len(certs))
	}
	if len(packed.Header)+len(packed.Value) > 250 {
		t.Errorf("a packed seal takes %d bytes: the certificate stayed in", len(packed.Header)+len(packed.Value))
	}
	second, _, err := evidence.PackSeal(paperToken)
	if err != nil {
		t.Fatal(err)
	}
	e := evidence.Envelope{Skeleton: []byte{1, 2, 3}, Seal: packed, Papers: []evidence.SentPaper{{Name: "x.pdf", Size: len(paper), Seal: second}}}
	back, err := evidence.ParseEnvelope(e.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	find := func(hash [32]byte) ([]byte, error) {
		if certs[0].Hash == hash {
			return certs[0].Data, nil
		}
		return nil, errors.New("no such certificate")
	}
	sent, err := back.Unpack(append(bytes.Clone(doc), paper...), find)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sent.Bytes, doc) || sent.Seal != token || len(sent.Papers) != 1 || sent.Papers[0].Seal != paperToken ||
		!bytes.Equal(sent.Papers[0].Bytes, paper) || sent.Papers[0].Name != "x.pdf" {
		t.Errorf("came back as %+v", sent)
	}
	if _, err := back.Unpack(paper[:3], find); !errors.Is(err, evidence.ErrEnvelope) {
		t.Errorf("papers beyond the bytes: %v", err)
	}
}

func TestSkeletonAloneIsAnEnvelope(t *testing.T) {
	t.Parallel()
	f, err := body.Split([]byte("<a>b</a>"), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := evidence.Envelope{Skeleton: f.Skeleton}
	if !bytes.Equal(e.Marshal(), f.Skeleton) {
		t.Error("a skeleton alone is not kept as it is")
	}
	back, err := evidence.ParseEnvelope(f.Skeleton)
	if err != nil || !bytes.Equal(back.Skeleton, f.Skeleton) || !back.Seal.IsZero() {
		t.Error(back, err)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 0})
	f.Add(evidence.Envelope{Skeleton: []byte{1}, Seal: evidence.PackedSeal{Header: []byte{1}, Value: []byte{2}},
		Papers: []evidence.SentPaper{{Name: "a", Size: 3}}}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := evidence.ParseEnvelope(b)
		if err != nil {
			return
		}
		if again, err := evidence.ParseEnvelope(e.Marshal()); err != nil || len(again.Papers) != len(e.Papers) {
			t.Errorf("%v: %x", err, b)
		}
	})
}
