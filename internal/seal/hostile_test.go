package seal_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/seal"
)

// Signature wrapping, adapted to a signature whose one place is a child of the
// root's CHUKYDONVI and whose one reference is the whole document: the signed
// content is moved, and content of the attacker's put where a reader looks.
func TestSignatureWrapping(t *testing.T) {
	t.Parallel()
	good := sign(t, envelope, rsaPair())
	sig := between(good, "<Signature ", "</Signature>")
	bare := strings.Replace(good, sig, "", 1)
	evil := strings.Replace(bare, ">1</SOLUONGHOSO>", ">2</SOLUONGHOSO>", 1)
	put := func(doc, at, what string) string { return replace(t, doc, at, what+at) }
	inContainer := func(doc, what string) string {
		return replace(t, doc, "<CHUKYDONVI></CHUKYDONVI>", "<CHUKYDONVI>"+what+"</CHUKYDONVI>")
	}
	withObject := func(content string) string {
		return replace(t, sig, "</Signature>", "<Object>"+content+"</Object></Signature>")
	}
	inner := strings.Replace(sig, "</KeyInfo>", "</KeyInfo>"+bare, 1)
	for name, c := range map[string]struct{ doc, code string }{
		"control: unchanged":                         {good, ""},
		"XSW1 original behind, inside the signature": {inContainer(evil, strings.Replace(sig, "</Signature>", bare+"</Signature>", 1)), "seal.malformed"},
		"XSW2 original beside the signature":         {inContainer(evil, sig+good), "seal.malformed"},
		"XSW3 evil sibling before":                   {"<HOSO>" + evil + good + "</HOSO>", "seal.malformed"},
		"XSW4 original inside the evil":              {put(evil, "</GIAMDINHHS>", good), "seal.malformed"},
		"XSW5 original at the end of the evil":       {put(inContainer(evil, sig), "</GIAMDINHHS>", bare), "seal.broken"},
		"XSW6 original inside the key info":          {inContainer(evil, inner), "seal.malformed"},
		"XSW7 original inside extensions":            {inContainer(put(evil, "<CHUKYDONVI>", "<X>"+good+"</X>"), sig), "seal.malformed"},
		"XSW8 original inside an object":             {inContainer(evil, withObject(bare)), "seal.malformed"},
		"signed object":                              {inContainer(bare, withObject("x")), "seal.malformed"},
		"evil without change of place":               {inContainer(evil, sig), "seal.broken"},
		"evil row added":                             {put(good, "</DANHSACHHOSO>", "<HOSO/>"), "seal.broken"},
		"signature under the root":                   {put(bare, "<CHUKYDONVI>", sig), "seal.malformed"},
		"signature is the root":                      {sig, "seal.malformed"},
		"signature deeper":                           {inContainer(bare, "<X>"+sig+"</X>"), "seal.malformed"},
		"container deeper":                           {put(replace(t, bare, "<CHUKYDONVI></CHUKYDONVI>", ""), "</THONGTINHOSO>", "<CHUKYDONVI>"+sig+"</CHUKYDONVI>"), "seal.malformed"},
		"second container":                           {put(good, "</GIAMDINHHS>", "<CHUKYDONVI/>"), "seal.malformed"},
		"two signatures":                             {inContainer(bare, sig+sig), "seal.malformed"},
		"prefixed second signature elsewhere":        {put(good, "</THONGTINHOSO>", `<q:Signature xmlns:q="http://www.w3.org/2000/09/xmldsig#"/>`), "seal.malformed"},
		"very many signatures":                       {inContainer(bare, sig+strings.Repeat(`<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>`, 10_000)), "seal.malformed"},
		"no signature":                               {bare, "seal.missing"},
		"signature of another namespace":             {inContainer(bare, strings.Replace(sig, "xmldsig#", "xmldsig", 1)), "seal.missing"},
		"malformed document with a signature":        {good + "x", "file.unreadable"},
		"doctype":                                    {"<!DOCTYPE GIAMDINHHS>" + good, "file.doctype"},
		"comment in the content":                     {put(good, "</THONGTINHOSO>", "<!-- x -->"), ""},
		"comment splitting a value":                  {replace(t, good, "<MACSKCB>79901", "<MACSKCB>79<!-- x -->901"), ""},
		"comment hiding a value":                     {replace(t, good, "<MACSKCB>79901", "<MACSKCB><!--79901-->"), "seal.broken"},
		"instruction in the content":                 {put(good, "</THONGTINHOSO>", "<?x?>"), "seal.broken"},
		"instruction outside the root":               {"<?x?>" + good, "seal.broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, []byte(c.doc), container); got != c.code {
				t.Fatalf("code %q, want %q", got, c.code)
			}
		})
	}
}

// Every change of shape or algorithm of the signature itself.
func TestSignatureShape(t *testing.T) {
	t.Parallel()
	good := sign(t, envelope, rsaPair())
	transform := `<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></Transform>`
	value := between(good, "<SignatureValue>", "</SignatureValue>")
	reference := between(good, "<Reference ", "</Reference>")
	digest := between(good, "<DigestValue>", "</DigestValue>")
	info := between(good, "<SignedInfo>", "</SignedInfo>")
	cert := between(good, "<X509Certificate>", "</X509Certificate>")
	const c14n, rsa256, sha = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
	for name, c := range map[string]struct{ old, new, code string }{
		"reference to an id":          {`URI=""`, `URI="#id"`, "seal.malformed"},
		"reference by xpointer":       {`URI=""`, `URI="#xpointer(/)"`, "seal.malformed"},
		"reference to a file":         {`URI=""`, `URI="file:///etc/passwd"`, "seal.malformed"},
		"reference without URI":       {` URI=""`, ``, "seal.malformed"},
		"manifest":                    {`URI=""`, `URI="" Type="http://www.w3.org/2000/09/xmldsig#Manifest"`, "seal.malformed"},
		"second reference":            {reference, reference + reference, "seal.malformed"},
		"no reference":                {reference, "", "seal.malformed"},
		"no transform":                {transform, "", "seal.malformed"},
		"enveloped twice":             {transform, transform + transform, "seal.malformed"},
		"xpath":                       {transform, transform + `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>1</XPath></Transform>`, "seal.malformed"},
		"xpath first":                 {transform, `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>1</XPath></Transform>` + transform, "seal.malformed"},
		"xslt":                        {transform, transform + `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`, "seal.malformed"},
		"base64 transform":            {transform, transform + `<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>`, "seal.malformed"},
		"c14n with comments":          {transform, transform + `<Transform Algorithm="` + c14n + `#WithComments"/>`, "seal.malformed"},
		"c14n only":                   {transform, `<Transform Algorithm="` + c14n + `"/>`, "seal.malformed"},
		"three transforms":            {transform, transform + strings.Repeat(`<Transform Algorithm="`+c14n+`"/>`, 2), "seal.malformed"},
		"exclusive with something":    {transform, transform + `<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><XPath/></Transform>`, "seal.malformed"},
		"long prefix list":            {transform, transform + `<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><InclusiveNamespaces xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="` + strings.Repeat("p ", 17) + `"/></Transform>`, "seal.malformed"},
		"two signed infos":            {info, info + info, "seal.malformed"},
		"two values":                  {value, value + value, "seal.malformed"},
		"two digests":                 {digest, digest + digest, "seal.malformed"},
		"no value":                    {value, "", "seal.malformed"},
		"value before info":           {info + value, value + info, "seal.malformed"},
		"element in the value":        {"</SignatureValue>", "<b/></SignatureValue>", "seal.malformed"},
		"element in the digest":       {"</DigestValue>", "<b/></DigestValue>", "seal.malformed"},
		"text in the signature":       {value, value + "x", "seal.malformed"},
		"no certificate":              {cert, "", "seal.malformed"},
		"key name only":               {between(good, "<X509Data>", "</X509Data>"), "<KeyName>k</KeyName>", "seal.malformed"},
		"key to be fetched":           {"<KeyInfo>", `<KeyInfo><RetrievalMethod URI="http://127.0.0.1/"/>`, "seal.malformed"},
		"no key info":                 {between(good, "<KeyInfo>", "</KeyInfo>"), "", "seal.malformed"},
		"nested signature":            {"</KeyInfo>", `<Signature/></KeyInfo>`, "seal.malformed"},
		"method without algorithm":    {` Algorithm="` + rsa256 + `"`, ``, "seal.malformed"},
		"rsa-sha1":                    {rsa256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "seal.algorithm"},
		"dsa-sha1":                    {rsa256, "http://www.w3.org/2000/09/xmldsig#dsa-sha1", "seal.algorithm"},
		"rsa-sha512":                  {rsa256, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "seal.algorithm"},
		"hmac":                        {`<SignatureMethod Algorithm="` + rsa256 + `">`, `<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"><HMACOutputLength>0</HMACOutputLength>`, "seal.algorithm"},
		"sha1 digest":                 {sha, "http://www.w3.org/2000/09/xmldsig#sha1", "seal.algorithm"},
		"c14n 1.1":                    {c14n, "http://www.w3.org/2006/12/xml-c14n11", "seal.algorithm"},
		"signed info with comments":   {c14n, c14n + "#WithComments", "seal.algorithm"},
		"algorithm before broken":     {rsa256 + `"></SignatureMethod><Reference URI=""><Transforms>` + transform + `</Transforms>`, `x"></SignatureMethod><Reference URI=""><Transforms>` + transform + `<!----></Transforms>`, "seal.algorithm"},
		"malformed before algorithm":  {rsa256 + `"></SignatureMethod><Reference URI="">`, `x"></SignatureMethod><Reference URI="#x">`, "seal.malformed"},
		"method of the other key":     {rsa256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "seal.broken"},
		"value not base64":            {"<SignatureValue>", "<SignatureValue>!", "seal.broken"},
		"value empty":                 {value, "<SignatureValue/>", "seal.broken"},
		"value short":                 {value, "<SignatureValue>AAAA</SignatureValue>", "seal.broken"},
		"digest empty":                {digest, "<DigestValue/>", "seal.broken"},
		"certificate not base64":      {"<X509Certificate>", "<X509Certificate>%", "seal.broken"},
		"certificate not parseable":   {cert, "<X509Certificate>AAAA</X509Certificate>", "seal.broken"},
		"white space in the value":    {"<SignatureValue>", "<SignatureValue>\r\n \t", ""},
		"white space in the key info": {"<KeyInfo><X509Data>", "<KeyInfo>\r\n <X509Data>\r\n", ""},
		"comment in the value":        {"</SignatureValue>", "<!-- x --></SignatureValue>", ""},
		"key name beside":             {"<KeyInfo>", "<KeyInfo><KeyName>k</KeyName>", ""},
		"an id on the signature":      {`xmldsig#"><SignedInfo>`, `xmldsig#" Id="s"><SignedInfo>`, ""},
		"white space in signed info":  {"<SignedInfo>", "<SignedInfo>\n", "seal.broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, []byte(replace(t, good, c.old, c.new)), container); got != c.code {
				t.Fatalf("code %q, want %q", got, c.code)
			}
		})
	}
}

// forge makes a signed file with any algorithm names and signing function.
func forge(t *testing.T, method, transforms, infoMethod string, cert *x509.Certificate, digest []byte, signInfo func([]byte) []byte) string {
	t.Helper()
	info := `<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><CanonicalizationMethod Algorithm="` + infoMethod + `"></CanonicalizationMethod><SignatureMethod Algorithm="` + method + `"></SignatureMethod>` +
		`<Reference URI=""><Transforms>` + transforms + `</Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod><DigestValue>` +
		base64.StdEncoding.EncodeToString(digest) + `</DigestValue></Reference></SignedInfo>`
	value := base64.StdEncoding.EncodeToString(signInfo([]byte(info)))
	sig := `<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">` + strings.Replace(info, ` xmlns="http://www.w3.org/2000/09/xmldsig#"`, "", 1) +
		"<SignatureValue>" + value + "</SignatureValue><KeyInfo><X509Data><X509Certificate>" + base64.StdEncoding.EncodeToString(cert.Raw) + "</X509Certificate></X509Data></KeyInfo></Signature>"
	return replace(t, envelope, "<CHUKYDONVI>", "<CHUKYDONVI>"+sig)
}

func TestForgedKeysAndValues(t *testing.T) {
	t.Parallel()
	const (
		ecdsa256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
		rsa256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
		c14n     = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
		exc      = "http://www.w3.org/2001/10/xml-exc-c14n#"
		env      = `<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></Transform>`
	)
	sum := sha256.Sum256([]byte(envelope))
	der := func(key crypto.Signer) func([]byte) []byte {
		return func(info []byte) []byte {
			h := sha256.Sum256(info)
			return must(key.Sign(rand.Reader, h[:], crypto.SHA256))
		}
	}
	raw := func(info []byte) []byte {
		pair := der(keys().ec)(info)
		return rawPair(t, pair)
	}
	ec, k := issue(keys().ec, nil, nil, nil), keys()
	for name, c := range map[string]struct{ doc, code string }{
		"control: r and s":         {forge(t, ecdsa256, env, c14n, ec, sum[:], raw), ""},
		"exclusive signed info":    {forge(t, ecdsa256, env, exc, ec, sum[:], raw), ""},
		"c14n transform":           {forge(t, ecdsa256, env+`<Transform Algorithm="`+c14n+`"></Transform>`, c14n, ec, sum[:], raw), ""},
		"exclusive transform":      {forge(t, ecdsa256, env+`<Transform Algorithm="`+exc+`"></Transform>`, c14n, ec, sum[:], raw), ""},
		"DER value":                {forge(t, ecdsa256, env, c14n, ec, sum[:], der(k.ec)), "seal.broken"},
		"zero value":               {forge(t, ecdsa256, env, c14n, ec, sum[:], func([]byte) []byte { return make([]byte, 64) }), "seal.broken"},
		"another key":              {forge(t, ecdsa256, env, c14n, issue(k.other, nil, nil, nil), sum[:], raw), "seal.broken"},
		"digest of something else": {forge(t, ecdsa256, env, c14n, ec, make([]byte, 32), raw), "seal.broken"},
		"digest too short":         {forge(t, ecdsa256, env, c14n, ec, sum[:31], raw), "seal.broken"},
		"short RSA key":            {forge(t, rsa256, env, c14n, issue(k.short, nil, nil, nil), sum[:], der(k.short)), "seal.algorithm"},
		"another curve":            {forge(t, ecdsa256, env, c14n, issue(k.p384, nil, nil, nil), sum[:], der(k.p384)), "seal.algorithm"},
		"short key and wrong body": {forge(t, rsa256, env, c14n, issue(k.short, nil, nil, nil), make([]byte, 32), der(k.short)), "seal.algorithm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, []byte(c.doc), container); got != c.code {
				t.Fatalf("code %q, want %q", got, c.code)
			}
		})
	}
}

// A changed byte anywhere outside the signature's own encoding never verifies:
// either it is refused, or (inside a comment, of which there is none here, or
// between attributes) the canonical form is the same, which must not happen in
// this document.
func TestAnyChangedByteFails(t *testing.T) {
	t.Parallel()
	for _, pair := range []seal.KeyPair{rsaPair(), ecPair()} {
		good := []byte(sign(t, envelope, pair))
		from, to := bytes.Index(good, []byte("<Signature ")), bytes.Index(good, []byte("</Signature>"))
		v := newVerifier(t)
		tried := 0
		for i := range good {
			if i >= from && i < to {
				continue
			}
			for _, flip := range []byte{1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80} {
				bad := bytes.Clone(good)
				bad[i] ^= flip
				tried++
				if verdict, err := v.Verify(bad, container); err == nil || verdict != nil {
					t.Fatalf("byte %d ^ %x verifies: %s", i, flip, bad[max(0, i-20):i+20])
				}
			}
		}
		if tried < 1000 {
			t.Fatalf("only %d changes tried", tried)
		}
		info := bytes.Index(good, []byte("</SignedInfo>"))
		for i := from + len(`<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">`); i < info; i++ {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			if _, err := v.Verify(bad, container); err == nil {
				t.Fatalf("byte %d of SignedInfo changed and verifies", i)
			}
		}
	}
}

// What canonicalisation takes away may change: it says nothing.
func TestEquivalentDocumentsStayValid(t *testing.T) {
	t.Parallel()
	declared := "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n" + strings.Replace(envelope, "<HOSO>", `<HOSO a="1" b="2">`, 1)
	good := sign(t, declared, ecPair())
	for name, doc := range map[string]string{
		"declaration removed": strings.TrimPrefix(good, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"),
		"byte order mark":     "\xEF\xBB\xBF" + good,
		"attributes swapped":  replace(t, good, `a="1" b="2"`, `b='2'  a='1' `),
		"tag white space":     replace(t, good, "<MACSKCB>79901</MACSKCB>", "<MACSKCB >79901</MACSKCB\n>"),
		"character reference": replace(t, good, "<MACSKCB>79901</MACSKCB>", "<MACSKCB>&#55;9901</MACSKCB>"),
		"cdata":               replace(t, good, "<MACSKCB>79901</MACSKCB>", "<MACSKCB><![CDATA[79901]]></MACSKCB>"),
		"white space behind":  good + "\n\n",
	} {
		if got := code(t, []byte(doc), container); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSeveralSignatures(t *testing.T) {
	t.Parallel()
	first := sign(t, envelope, rsaPair())
	both := sign(t, first, ecPair())
	two := seal.Expect{Container: "CHUKYDONVI", Count: 2, Countersigned: true}
	verdict, err := newVerifier(t).Verify([]byte(both), two)
	if err != nil {
		t.Fatal(err)
	}
	a, b := verdict.Signatures[0], verdict.Signatures[1]
	if a.Algorithm != seal.RSASHA256 || a.Covered != seal.Earlier || b.Algorithm != seal.ECDSASHA256 || b.Covered != seal.Whole {
		t.Fatalf("%+v", verdict)
	}
	for name, c := range map[string]struct {
		doc  string
		e    seal.Expect
		code string
	}{
		"one of two":        {first, two, "seal.malformed"},
		"two of one":        {both, container, "seal.malformed"},
		"content changed":   {replace(t, both, ">1</SOLUONGHOSO>", ">2</SOLUONGHOSO>"), two, "seal.broken"},
		"each but itself":   {both, seal.Expect{Container: "CHUKYDONVI", Count: 2}, "seal.broken"},
		"another container": {both, seal.Expect{Container: "CKS", Count: 2, Countersigned: true}, "seal.malformed"},
		"control":           {both, two, ""},
	} {
		if got := code(t, []byte(c.doc), c.e); got != c.code {
			t.Errorf("%s: %q, want %q", name, got, c.code)
		}
	}
	i := strings.Index(both, "</Signature>") + len("</Signature>")
	sigs := between(both, "<Signature ", "</CHUKYDONVI>")
	cut := strings.Index(sigs, "</Signature>") + len("</Signature>")
	swapped := strings.Replace(both, sigs, strings.TrimSuffix(sigs[cut:], "</CHUKYDONVI>")+sigs[:cut]+"</CHUKYDONVI>", 1)
	if got := code(t, []byte(swapped), two); got != "seal.broken" || i < 0 {
		t.Errorf("swapped: %q", got)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		pair seal.KeyPair
		code string
	}{
		"no container":    {"<a/>", ecPair(), "seal.malformed"},
		"two containers":  {"<a><CHUKYDONVI/><CHUKYDONVI/></a>", ecPair(), "seal.malformed"},
		"container below": {"<a><b><CHUKYDONVI/></b></a>", ecPair(), "seal.malformed"},
		"not XML":         {"<a>", ecPair(), "file.unreadable"},
		"not a pair":      {envelope, seal.KeyPair{Key: keys().other, Certificate: ecPair().Certificate}, "seal.key"},
		"no key":          {envelope, seal.KeyPair{}, "seal.key"},
		"short key":       {envelope, seal.KeyPair{Key: keys().short, Certificate: issue(keys().short, nil, nil, nil)}, "seal.key"},
	} {
		if out, err := c.pair.Sign([]byte(c.doc), "CHUKYDONVI"); faultCode(err) != c.code || out != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyCertificatesAndPickingTheSigner(t *testing.T) {
	t.Parallel()
	pair := ecPair()
	good := sign(t, envelope, pair)
	cert := between(good, "<X509Certificate>", "</X509Certificate>")
	other := "<X509Certificate>" + base64.StdEncoding.EncodeToString(issue(keys().other, nil, nil, nil).Raw) + "</X509Certificate>"
	for name, certs := range map[string]string{"signer first": cert + other, "signer last": other + cert} {
		verdict, err := newVerifier(t).Verify([]byte(replace(t, good, cert, certs)), container)
		if err != nil || !verdict.Signatures[0].Certificate.Equal(pair.Certificate) || len(verdict.Signatures[0].Chain) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := code(t, []byte(replace(t, good, cert, strings.Repeat(other, 8)+cert)), container); got != "seal.malformed" {
		t.Errorf("nine certificates: %q", got)
	}
	if got := code(t, []byte(replace(t, good, cert, other)), container); got != "seal.broken" {
		t.Errorf("another's certificate: %q", got)
	}
}

// The certificate cache is bounded and keeps giving the right certificate.
func TestManySignersThroughASmallCache(t *testing.T) {
	t.Parallel()
	v, err := seal.NewVerifier(seal.Config{Certificates: 2})
	if err != nil {
		t.Fatal(err)
	}
	var docs, names []string
	for i := range 7 {
		name := fmt.Sprintf("CSKCB %d", i)
		c := issue(keys().ec, nil, nil, func(c *x509.Certificate) { c.Subject.CommonName = name })
		docs = append(docs, sign(t, envelope, seal.KeyPair{Key: keys().ec, Certificate: c}))
		names = append(names, name)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i, doc := range slices.Concat(docs, docs) {
				verdict, err := v.Verify([]byte(doc), container)
				if err != nil || verdict.Signatures[0].Certificate.Subject.CommonName != names[i%len(names)] {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
}
