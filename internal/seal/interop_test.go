package seal_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"lienthong/internal/seal"
)

// unusual documents: what canonicalisation must get right, each with an empty container.
var unusual = map[string]string{
	"plain":         envelope,
	"pretty":        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<A>\r\n\t<B x='1'  a = \"2\" />\r\n\t<CHUKYDONVI/>\r\n</A>\r\n",
	"text":          "<A>&lt;&amp;&gt;\"'&#13;\r\n&#x1EA4; Ấ <![CDATA[<&>\r]]]]><![CDATA[>]]> ]] ><CHUKYDONVI></CHUKYDONVI></A>",
	"attributes":    "<A q='&quot;&lt;&amp;&gt;&#9;&#10;&#13;\t\n' b=\"'\"><CHUKYDONVI z='1'></CHUKYDONVI></A>",
	"outside":       "<?p  one ?><!-- c --><?q?>\n<A><!-- d --><?r  s t ?><CHUKYDONVI/></A><!-- e -->\n<?u v?>",
	"namespaces":    `<A xmlns:z="urn:z" xmlns:a="urn:a" xmlns="urn:d" z:b="1" a:b="2" b="3" xml:lang="vi"><B xmlns="" xmlns:a="urn:a"/><z:C xmlns:z="urn:y" xmlns:u="urn:u"/><CHUKYDONVI/></A>`,
	"redeclared":    `<A xmlns:p="urn:1"><p:B xmlns:p="urn:2"><p:C xmlns:p="urn:1"/></p:B><D xmlns="urn:3"><E xmlns=""/></D><CHUKYDONVI xmlns:p="urn:9" p:x="1"/></A>`,
	"sorted by uri": `<A xmlns:a="urn:2" xmlns:b="urn:1" a:x="1" b:x="2" x="3" xml:space="preserve" B="4"><CHUKYDONVI/></A>`,
	"dsig prefix":   `<A xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xml:id="i" xml:base="urn:x"><CHUKYDONVI/></A>`,
}

func xmlsec(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Skip("SKIPPED: xmlsec1 is not installed; seals were not checked against it")
	}
	return path
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	return string(out), err
}

// current certificates: xmlsec1 judges them by the machine's clock.
func today(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().AddDate(0, 0, -1), time.Now().AddDate(0, 1, 0)
}

func TestXmlsecVerifiesOurs(t *testing.T) {
	t.Parallel()
	tool := xmlsec(t)
	k := keys()
	ca := issue(k.ca, nil, nil, func(c *x509.Certificate) { authority(c); today(c) })
	anchor := write(t, "ca.pem", certBlock(ca))
	for name, doc := range unusual {
		for kind, pair := range map[string]seal.KeyPair{
			"rsa": {Key: k.rsa, Certificate: issue(k.rsa, ca, k.ca, today)},
			"ec":  {Key: k.ec, Certificate: issue(k.ec, ca, k.ca, today)},
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				signed := sign(t, doc, pair)
				if out, err := run(t, tool, "--verify", "--trusted-pem", anchor, write(t, "s.xml", []byte(signed))); err != nil {
					t.Errorf("%v\n%s\n%s", err, out, signed)
				}
				if got := code(t, []byte(signed), container); got != "" {
					t.Errorf("we refuse our own: %s", got)
				}
				bad := strings.Replace(signed, "<CHUKYDONVI", "x<CHUKYDONVI", 1)
				if _, err := run(t, tool, "--verify", "--trusted-pem", anchor, write(t, "b.xml", []byte(bad))); err == nil {
					t.Error("control: xmlsec1 accepts a changed document")
				}
			})
		}
	}
}

const template = `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
  <ds:SignedInfo>
    <ds:CanonicalizationMethod Algorithm="INFO<!-- c -->
    <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#METHOD"/>
    <ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>BODY</ds:Transforms>
      <ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>
  </ds:SignedInfo>
  <ds:SignatureValue/>
  <ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo>
</ds:Signature>`

func TestWeVerifyXmlsecs(t *testing.T) {
	t.Parallel()
	tool := xmlsec(t)
	k := keys()
	const c14n, exc = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#"
	type key struct{ pem, cert []byte }
	pems := map[string]key{
		"rsa-sha256":   {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.rsa)), certBlock(issue(k.rsa, nil, nil, today))},
		"ecdsa-sha256": {block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(k.ec))), certBlock(issue(k.ec, nil, nil, today))},
	}
	forms := map[string]string{"": "", "c14n": `<ds:Transform Algorithm="` + c14n + `"/>`, "exclusive": `<ds:Transform Algorithm="` + exc + `"/>`,
		"prefixes": `<ds:Transform Algorithm="` + exc + `"><ec:InclusiveNamespaces xmlns:ec="` + exc + `" PrefixList="z p #default none"/></ds:Transform>`}
	infos := []string{c14n + `"/>`, exc + `"/>`, exc + `"><InclusiveNamespaces xmlns="` + exc + `" PrefixList="a #default ds"/></ds:CanonicalizationMethod>`}
	for name, doc := range unusual {
		for method, key := range pems {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				keyFile := write(t, "key.pem", key.pem) + "," + write(t, "cert.pem", key.cert)
				for form, body := range forms {
					for _, info := range infos {
						sig := strings.NewReplacer("INFO", info, "METHOD", method, "BODY", body).Replace(template)
						at := strings.Index(doc, "<CHUKYDONVI")
						end := at + strings.Index(doc[at:], ">")
						unsigned := strings.TrimSuffix(doc[:end], "/") + ">" + sig + "</CHUKYDONVI>" + strings.TrimPrefix(doc[end+1:], "</CHUKYDONVI>")
						out := filepath.Join(t.TempDir(), "out.xml")
						if msg, err := run(t, tool, "--sign", "--privkey-pem", keyFile, "--output", out, write(t, "t.xml", []byte(unsigned))); err != nil {
							t.Fatalf("%v\n%s\n%s", err, msg, unsigned)
						}
						signed, err := os.ReadFile(out)
						if err != nil {
							t.Fatal(err)
						}
						if got := code(t, signed, container); got != "" {
							t.Errorf("transform %q, signed info %s: %s\n%s", form, info, got, signed)
						}
					}
				}
			})
		}
	}
}

// goxmldsig agrees on RSA seals of ours (its ECDSA does not interoperate).
func TestGoxmldsigVerifiesOurs(t *testing.T) {
	t.Parallel()
	pair := rsaPair()
	signed := sign(t, envelope, pair)
	tree := etree.NewDocument()
	if err := tree.ReadFromString(signed); err != nil {
		t.Fatal(err)
	}
	root := tree.Root()
	container := root.SelectElement("CHUKYDONVI") // it looks for the signature under the root only
	sig := container.RemoveChildAt(0)
	root.AddChild(sig)
	ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{pair.Certificate}})
	ctx.Clock = dsig.NewFakeClockAt(at)
	if _, err := ctx.Validate(root); err != nil {
		t.Fatal(err)
	}
}

func TestSampleKeysSealForTheirFacilities(t *testing.T) {
	t.Parallel()
	ca := parsePEM(t, sharedFile(t, "samples", "facilities", "SAMPLE-CA.crt"))
	trust := newTrust(t, seal.TrustConfig{Roots: []*x509.Certificate{ca}, TaxCodes: map[string]string{"22601": "9900022601", "24604": "9900024604"}})
	for _, facility := range []string{"22601", "24604"} {
		pair, err := seal.LoadPEM(sharedFile(t, "samples", "facilities", facility+".key"), sharedFile(t, "samples", "facilities", facility+".crt"))
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := newVerifier(t).Verify([]byte(sign(t, envelope, pair)), container)
		if err != nil {
			t.Fatal(err)
		}
		b, err := trust.Bind(verdict.Signatures[0], seal.Claim{Facility: facility, At: at})
		if err != nil || b.Way != seal.Chained {
			t.Errorf("%s: %+v %v (subject %v)", facility, b, err, pair.Certificate.Subject)
		}
		if _, err := trust.Bind(verdict.Signatures[0], seal.Claim{Facility: "79901", At: at}); faultCode(err) != "seal.untrusted" {
			t.Errorf("%s for another: %v", facility, err)
		}
	}
}

func parsePEM(t *testing.T, data []byte) *x509.Certificate {
	t.Helper()
	b, _ := pem.Decode(data)
	if b == nil {
		t.Fatal("no PEM block")
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
