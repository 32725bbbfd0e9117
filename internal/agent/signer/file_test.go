package signer_test

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"lienthong/internal/agent/signer"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/kind/slip"
	"lienthong/internal/seal"
)

const dossiers = `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20261122</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO>` +
	`<DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>PFRPTkdfSE9QPjwvVE9OR19IT1A+</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`

func kinds() *kind.Registry {
	return kind.NewRegistry(qd4750.New(), slip.New(), checkup.New(), prescription.New())
}

func TestFilesAreSealedAsTheirKindWants(t *testing.T) {
	t.Parallel()
	ctx, kinds := t.Context(), kinds()
	s := open(t, pemFiles(t, fresh(t, ecKey(t, elliptic.P256()))))

	inside, err := signer.File(ctx, s, kinds, []byte(dossiers), false)
	if err != nil || inside.Detached != "" {
		t.Fatalf("dossiers: %v", err)
	}
	holds(t, inside.Doc, s.Certificate())
	again, err := signer.File(ctx, s, kinds, inside.Doc, false)
	if err != nil || !bytes.Equal(again.Doc, inside.Doc) || again.Detached != "" {
		t.Errorf("what the HIS sealed was touched: %v", err)
	}
	spoiled := bytes.Replace(inside.Doc, []byte("20261122"), []byte("20261121"), 1)
	if _, err := signer.File(ctx, s, kinds, spoiled, false); code(err) != "seal.broken" {
		t.Errorf("a seal that does not hold: %v", err)
	}

	var sheet bytes.Buffer
	if err := prescription.Write(&sheet, &prescription.Document{Code: "79901abcdefg-c", Type: "c"}); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"prescription": sheet.Bytes(), "paper": []byte("%PDF-1.7\n")} {
		beside, err := signer.File(ctx, s, kinds, body, false)
		if err != nil || !bytes.Equal(beside.Doc, body) {
			t.Fatalf("%s: %v", name, err)
		}
		holdsBeside(t, body, beside.Detached)
		had, err := signer.File(ctx, s, kinds, body, true)
		if err != nil || had.Detached != "" {
			t.Errorf("%s that came with its seal got another: %v", name, err)
		}
	}
	if _, err := signer.File(ctx, s, kinds, []byte("hello"), false); code(err) != "file.unreadable" {
		t.Errorf("no known kind: %v", err)
	}
}

func TestAPersonSignsBeforeTheFacility(t *testing.T) {
	t.Parallel()
	ctx, kinds := t.Context(), kinds()
	s := open(t, pemFiles(t, fresh(t, rsaKey(t))))
	var out bytes.Buffer
	if err := checkup.Write(&out, checkup.Envelope{Facility: "79901", Created: "20261122", Checks: []checkup.Check{{}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := signer.File(ctx, s, kinds, out.Bytes(), false); code(err) != "signer.person_first" {
		t.Fatalf("nobody has signed: %v", err)
	}
	doctor := fresh(t, rsaKey(t))
	signed, err := doctor.SignHolder(out.Bytes(), checkup.Container, checkup.ByPerson)
	if err != nil {
		t.Fatal(err)
	}
	both, err := signer.File(ctx, s, kinds, signed, false)
	if err != nil {
		t.Fatal(err)
	}
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.Verify(both.Doc, seal.Expect{Container: checkup.Container, Countersigned: true, Holders: []string{checkup.ByPerson, checkup.ByUnit}})
	if err != nil || !verdict.Signatures[0].Certificate.Equal(doctor.Certificate) || !verdict.Signatures[1].Certificate.Equal(s.Certificate()) {
		t.Fatal(err)
	}
	again, err := signer.File(ctx, s, kinds, both.Doc, false)
	if err != nil || !bytes.Equal(again.Doc, both.Doc) {
		t.Errorf("signed by both, and touched: %v", err)
	}
}

func TestAFileWaitsForThePIN(t *testing.T) {
	t.Parallel()
	p12, err := fresh(t, rsaKey(t)).EncodePKCS12("p")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, signer.PKCS12{File: file(t, "k.p12", p12, 0o600)})
	if _, err := signer.File(t.Context(), s, kinds(), []byte(dossiers), false); code(err) != "signer.waiting_for_pin" {
		t.Fatal(err)
	}
}
