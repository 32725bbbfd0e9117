package seal_test

import (
	"os/exec"
	"strings"
	"testing"

	"lienthong/internal/seal"
)

// checkup is a document two people sign, each in a place of their own.
const checkup = `<KHAMSUCKHOE><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI>` +
	`<CHUKYDONVI><CKS_NGUOI_KET_LUAN></CKS_NGUOI_KET_LUAN><CKS_BENH_VIEN/></CHUKYDONVI></KHAMSUCKHOE>`

var holders = seal.Expect{Container: "CHUKYDONVI", Countersigned: true, Holders: []string{"CKS_NGUOI_KET_LUAN", "CKS_BENH_VIEN"}}

func hold(tb testing.TB, doc, holder string, pair seal.KeyPair) string {
	tb.Helper()
	out, err := pair.SignHolder([]byte(doc), "CHUKYDONVI", holder)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

// signed is the document signed by the person (RSA) and then the facility (EC).
func signed(tb testing.TB) string {
	return hold(tb, hold(tb, checkup, "CKS_NGUOI_KET_LUAN", rsaPair()), "CKS_BENH_VIEN", ecPair())
}

// beside is the document in which each signed what there was without the other.
func beside(tb testing.TB) string {
	person := hold(tb, checkup, "CKS_NGUOI_KET_LUAN", rsaPair())
	facility := hold(tb, checkup, "CKS_BENH_VIEN", ecPair())
	sig := between(person, "<Signature ", "</Signature>")
	return replace(tb, facility, "<CKS_NGUOI_KET_LUAN>", "<CKS_NGUOI_KET_LUAN>"+sig)
}

func TestHolders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		last string
	}{"countersigned": {signed(t), seal.Whole}, "beside one another": {beside(t), seal.Without}} {
		verdict, err := newVerifier(t).Verify([]byte(c.doc), holders)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, b := verdict.Signatures[0], verdict.Signatures[1]
		if a.Algorithm != seal.RSASHA256 || a.Covered != seal.Earlier || b.Algorithm != seal.ECDSASHA256 || b.Covered != c.last {
			t.Errorf("%s: %s %q, %s %q", name, a.Algorithm, a.Covered, b.Algorithm, b.Covered)
		}
	}
}

func TestHoldersHostile(t *testing.T) {
	t.Parallel()
	good := signed(t)
	first := between(good, "<CKS_NGUOI_KET_LUAN>", "</CKS_NGUOI_KET_LUAN>")
	second := between(good, "<CKS_BENH_VIEN>", "</CKS_BENH_VIEN>")
	sig1, sig2 := between(first, "<Signature ", "</Signature>"), between(second, "<Signature ", "</Signature>")
	person, facility := "<CKS_NGUOI_KET_LUAN></CKS_NGUOI_KET_LUAN>", "<CKS_BENH_VIEN></CKS_BENH_VIEN>"
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	for name, c := range map[string]struct{ doc, code string }{
		"control":                          {good, ""},
		"nobody signed":                    {checkup, "seal.missing"},
		"no holders":                       {"<K><CHUKYDONVI></CHUKYDONVI></K>", "seal.missing"},
		"the person only":                  {edit(second, facility), "seal.malformed"},
		"the facility only":                {edit(first, person), "seal.malformed"},
		"in the container itself":          {edit(first, sig1), "seal.malformed"},
		"both in one holder":               {edit(first, person, sig2, sig1+sig2), "seal.malformed"},
		"two in the first":                 {edit(sig1, sig1+sig1), "seal.malformed"},
		"a third":                          {edit(sig2, sig2+sig1), "seal.malformed"},
		"holders the other way round":      {edit(first, second, second, first), "seal.malformed"},
		"a holder twice":                   {edit(first, person+first), "seal.malformed"},
		"an empty holder behind":           {edit(second, second+facility), "seal.malformed"},
		"deeper in its holder":             {edit(sig2, "<X>"+sig2+"</X>"), "seal.malformed"},
		"holders in a wrapper":             {edit(second, "<X>"+second+"</X>"), "seal.malformed"},
		"holders outside the container":    {edit("<CHUKYDONVI>"+first, first+"<CHUKYDONVI>"), "seal.malformed"},
		"in another root":                  {"<KHAMSUCKHOE>" + good + "</KHAMSUCKHOE>", "seal.malformed"},
		"a wrapped original":               {edit("<THONGTINDONVI>", "<X>"+good+"</X><THONGTINDONVI>"), "seal.malformed"},
		"signatures exchanged":             {edit(sig1, sig2, sig2, sig1), "seal.broken"},
		"content changed":                  {edit(">79901<", ">79902<"), "seal.broken"},
		"the person's signature exchanged": {edit(sig1, between(hold(t, replace(t, checkup, "79901", "79902"), "CKS_NGUOI_KET_LUAN", rsaPair()), "<Signature ", "</Signature>")), "seal.broken"},
		"something more in a holder":       {edit(sig2, sig2+"<NGAY/>"), "seal.broken"},
	} {
		if c.doc == good && name != "control" {
			t.Errorf("%s: nothing was changed", name)
		}
		verdict, err := newVerifier(t).Verify([]byte(c.doc), holders)
		if faultCode(err) != c.code || (verdict == nil) == (err == nil) {
			t.Errorf("%s: %q, want %q", name, faultCode(err), c.code)
		}
	}
	if code(t, []byte(sign(t, envelope, rsaPair())), seal.Expect{Container: "CHUKYDONVI"}) != "" {
		t.Error("a container without holders")
	}
}

// TestHoldersCoverEachOther: with the later one covering the earlier, no other
// signature can be put in the earlier one's place, not even over the same bytes.
func TestHoldersCoverEachOther(t *testing.T) {
	t.Parallel()
	good := signed(t)
	other := hold(t, checkup, "CKS_NGUOI_KET_LUAN", ecPair())
	sig := func(doc string) string {
		return between(between(doc, "<CKS_NGUOI_KET_LUAN>", "</CKS_NGUOI_KET_LUAN>"), "<Signature ", "</Signature>")
	}
	if got := faultCode(second(newVerifier(t).Verify([]byte(replace(t, good, sig(good), sig(other))), holders))); got != "seal.broken" {
		t.Errorf("another person's signature: %q", got)
	}
}

func second[T any](_ T, err error) error { return err }

func TestSignHolderRefuses(t *testing.T) {
	t.Parallel()
	person := hold(t, checkup, "CKS_NGUOI_KET_LUAN", rsaPair())
	facility := hold(t, checkup, "CKS_BENH_VIEN", rsaPair())
	for name, c := range map[string]struct{ doc, holder string }{
		"signed already":         {person, "CKS_NGUOI_KET_LUAN"},
		"the later one before":   {facility, "CKS_NGUOI_KET_LUAN"},
		"no such holder":         {checkup, "CKS"},
		"a holder elsewhere":     {"<K><CHUKYDONVI/><X><CKS_BENH_VIEN/></X></K>", "CKS_BENH_VIEN"},
		"a holder there twice":   {replace(t, checkup, "<CKS_BENH_VIEN/>", "<CKS_BENH_VIEN/><CKS_BENH_VIEN/>"), "CKS_BENH_VIEN"},
		"a holder further below": {replace(t, checkup, "<CKS_BENH_VIEN/>", "<X><CKS_BENH_VIEN/></X>"), "CKS_BENH_VIEN"},
	} {
		if _, err := rsaPair().SignHolder([]byte(c.doc), "CHUKYDONVI", c.holder); faultCode(err) != "seal.malformed" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestXmlsecVerifiesHolders: an independent program agrees with what the last
// signer covered, and with what the first did when it signed.
func TestXmlsecVerifiesHolders(t *testing.T) {
	t.Parallel()
	program := xmlsec(t)
	ca := issue(keys().ca, nil, nil, authority)
	pair := seal.KeyPair{Key: keys().rsa, Certificate: issue(keys().rsa, ca, keys().ca, today)}
	once := hold(t, checkup, "CKS_NGUOI_KET_LUAN", pair)
	twice := hold(t, once, "CKS_BENH_VIEN", pair)
	root := write(t, "ca.der", ca.Raw)
	verify := func(doc, node string) error {
		out, err := exec.Command(program, "--verify", "--trusted-der", root, "--enabled-key-data", "x509", "--node-xpath",
			"//*[local-name()='"+node+"']/*[local-name()='Signature']", write(t, "doc.xml", []byte(doc))).CombinedOutput()
		if err != nil {
			t.Logf("%s: %s", node, out)
		}
		return err
	}
	if verify(once, "CKS_NGUOI_KET_LUAN") != nil || verify(twice, "CKS_BENH_VIEN") != nil {
		t.Error("xmlsec1 does not agree")
	}
	if verify(replace(t, twice, "79901", "79902"), "CKS_BENH_VIEN") == nil {
		t.Error("control: xmlsec1 takes a changed document")
	}
}

func FuzzHolders(f *testing.F) {
	f.Add([]byte(signed(f)))
	f.Add([]byte(beside(f)))
	f.Add([]byte(checkup))
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		verdict, err := v.Verify(doc, holders)
		if (verdict == nil) == (err == nil) || verdict != nil && len(verdict.Signatures) != 2 {
			t.Fatalf("%v beside %v", verdict, err)
		}
	})
}
