package e2e_test

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"lienthong/internal/seal"
)

// sealSamples: seals that are not there or not what QĐ 4750's kind prescribes,
// made from good ones by editing.
func sealSamples() []sample {
	k := pairs()
	good := func() string { return string(ours(k.ec, envelope(newVisit()))) }
	sub := func(old, new string) []byte {
		s := good()
		if !strings.Contains(s, old) {
			panic("nothing to change: " + old)
		}
		return []byte(strings.Replace(s, old, new, 1))
	}
	signature := func(s string) string { return s[strings.Index(s, "<Signature "):strings.Index(s, "</CHUKYDONVI>")] }
	out := func(f func(s, sig string) string) []byte {
		s := good()
		return []byte(f(s, signature(s)))
	}
	const missing, malformed, algorithm, broken = "refused seal.missing", "refused seal.malformed", "refused seal.algorithm", "refused seal.broken"
	list := []sample{
		{name: "an empty CHUKYDONVI", data: []byte(envelope(newVisit())), want: missing},
		{name: "an empty-element CHUKYDONVI", data: []byte(strings.Replace(envelope(newVisit()), "<CHUKYDONVI></CHUKYDONVI>", "<CHUKYDONVI/>", 1)), want: missing},
		{name: "no CHUKYDONVI", data: []byte(strings.Replace(envelope(newVisit()), "<CHUKYDONVI></CHUKYDONVI>", "", 1)), want: missing},
		{name: "words in CHUKYDONVI", data: []byte(strings.Replace(envelope(newVisit()), "<CHUKYDONVI>", "<CHUKYDONVI>đã ký", 1)), want: missing},
		{name: "a picture in CHUKYDONVI", data: []byte(strings.Replace(envelope(newVisit()), "<CHUKYDONVI>", "<CHUKYDONVI><ANH>iVBORw0KGgo=</ANH>", 1)), want: missing},
		{name: "no seal and a bad dossier", data: []byte(envelope(newVisit().set("XML1", "GIOI_TINH", "9"))), want: missing},
		{name: "no seal on a check-in", data: []byte(checkin(arrival())), want: missing},
		{name: "two signatures", data: out(func(s, sig string) string { return strings.Replace(s, sig, sig+sig, 1) }), want: malformed},
		{name: "a hundred signatures", data: out(func(s, sig string) string { return strings.Replace(s, sig, strings.Repeat(sig, 100), 1) }), want: malformed},
		{name: "the signature under the root", data: out(func(s, sig string) string {
			return strings.Replace(strings.Replace(s, sig, "", 1), "<CHUKYDONVI>", sig+"<CHUKYDONVI>", 1)
		}), want: malformed},
		{name: "the signature in an element of CHUKYDONVI", data: out(func(s, sig string) string { return strings.Replace(s, sig, "<KY>"+sig+"</KY>", 1) }), want: malformed},
		{name: "the signature in a HOSO", data: out(func(s, sig string) string {
			return strings.Replace(strings.Replace(s, sig, "", 1), "</HOSO>", sig+"</HOSO>", 1)
		}), want: malformed},
		{name: "one in place, one in a HOSO", data: out(func(s, sig string) string { return strings.Replace(s, "</HOSO>", sig+"</HOSO>", 1) }), want: malformed},
		{name: "a second CHUKYDONVI with one", data: out(func(s, sig string) string {
			return strings.Replace(s, "</CHUKYDONVI>", "</CHUKYDONVI><CHUKYDONVI>"+sig+"</CHUKYDONVI>", 1)
		}), want: malformed},
		{name: "a reference to an id", data: sub(`URI=""`, `URI="#goc"`), want: malformed},
		{name: "a reference to an xpointer", data: sub(`URI=""`, `URI="#xpointer(/)"`), want: malformed},
		{name: "a reference to a URL", data: sub(`URI=""`, `URI="http://127.0.0.1:1/"`), want: malformed},
		{name: "a reference without URI", data: sub(` URI=""`, ``), want: malformed},
		{name: "two references", data: out(func(s, sig string) string {
			ref := s[strings.Index(s, "<Reference"):strings.Index(s, "</SignedInfo>")]
			return strings.Replace(s, ref, ref+ref, 1)
		}), want: malformed},
		{name: "two references, one to an id", data: out(func(s, sig string) string {
			ref := s[strings.Index(s, "<Reference"):strings.Index(s, "</SignedInfo>")]
			return strings.Replace(s, ref, ref+strings.Replace(ref, `URI=""`, `URI="#a"`, 1), 1)
		}), want: malformed},
		{name: "no reference", data: out(func(s, sig string) string {
			return strings.Replace(s, s[strings.Index(s, "<Reference"):strings.Index(s, "</SignedInfo>")], "", 1)
		}), want: malformed},
		{name: "no digest value", data: []byte(regexp.MustCompile(`<DigestValue>.*</DigestValue>`).ReplaceAllString(good(), "")), want: malformed},
		{name: "no signature value", data: []byte(regexp.MustCompile(`<SignatureValue>.*</SignatureValue>`).ReplaceAllString(good(), "")), want: malformed},
		{name: "no SignedInfo", data: []byte(regexp.MustCompile(`<SignedInfo>.*</SignedInfo>`).ReplaceAllString(good(), "")), want: malformed},
		{name: "an empty Signature", data: []byte(regexp.MustCompile(`(<Signature [^>]*>).*</Signature>`).ReplaceAllString(good(), "$1</Signature>")), want: malformed},
		{name: "no transforms", data: []byte(regexp.MustCompile(`<Transforms>.*</Transforms>`).ReplaceAllString(good(), "")), want: malformed},
		{name: "base64 as transform", data: sub(enveloped, dsig+"base64"), want: malformed},
		{name: "XPath as a further transform", data: sub("</Transforms>", `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>true()</XPath></Transform></Transforms>`), want: malformed},
		{name: "XSLT as a further transform", data: sub("</Transforms>", `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></Transforms>`), want: malformed},
		{name: "XPath filter 2 as a further transform", data: sub("</Transforms>", `<Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"/></Transforms>`), want: malformed},
		{name: "C14N with comments as transform", data: sub("</Transforms>", `<Transform Algorithm="`+c14n+`#WithComments"/></Transforms>`), want: malformed},
		{name: "enveloped twice", data: sub("</Transforms>", `<Transform Algorithm="`+enveloped+`"/></Transforms>`), want: malformed},
		{name: "an Object with the whole file", data: out(func(s, sig string) string {
			return strings.Replace(s, "</Signature>", "<Object>"+envelope(newVisit())+"</Object></Signature>", 1)
		}), want: malformed},
		{name: "words between the parts of a signature", data: sub("</SignedInfo>", "</SignedInfo>x"), want: malformed},
		{name: "a key that is to be fetched", data: sub("<KeyInfo>", `<KeyInfo><RetrievalMethod URI="http://127.0.0.1:1/"/>`), want: malformed},
		{name: "two references and SHA-1", data: out(func(s, sig string) string {
			ref := s[strings.Index(s, "<Reference"):strings.Index(s, "</SignedInfo>")]
			return strings.Replace(strings.Replace(s, ref, ref+ref, 1), "xmldsig-more#ecdsa-sha256", "xmldsig-more#ecdsa-sha1", 1)
		}), want: malformed},
		{name: "MD5 as digest", data: sub(sha256URI, more+"md5"), want: algorithm},
		{name: "SHA-1 as digest", data: sub(sha256URI, dsig+"sha1"), want: algorithm},
		{name: "SHA-512 as digest", data: sub(sha256URI, "http://www.w3.org/2001/04/xmlenc#sha512"), want: algorithm},
		{name: "SHA3 as digest", data: sub(sha256URI, "http://www.w3.org/2007/05/xmldsig-more#sha3-256"), want: algorithm},
		{name: "no digest algorithm known", data: sub(sha256URI, "urn:x"), want: algorithm},
		{name: "C14N 1.1 of SignedInfo", data: sub(c14n, "http://www.w3.org/2006/12/xml-c14n11"), want: algorithm},
		{name: "C14N with comments of SignedInfo", data: sub(c14n, c14n+"#WithComments"), want: algorithm},
		{name: "exclusive C14N with comments of SignedInfo", data: sub(c14n, exclusive+"WithComments"), want: algorithm},
		{name: "SHA-1 and a changed file", data: []byte(strings.Replace(string(sub(sha256URI, dsig+"sha1")), "20261120", "20261119", 1)), want: algorithm},
		{name: "an RSA key of 1024 bits", data: ours1024(envelope(newVisit())), want: algorithm},
		{name: "another date in the file", data: sub("<NGAYLAP>20261120", "<NGAYLAP>20261119"), want: broken},
		{name: "a blank more in the file", data: sub("<THONGTINHOSO>", " <THONGTINHOSO>"), want: broken},
		{name: "a line end more in the file", data: sub("<THONGTINHOSO>", "\r\n<THONGTINHOSO>"), want: broken},
		{name: "an attribute more in the file", data: sub("<THONGTINHOSO>", "<THONGTINHOSO a='1'>"), want: broken},
		{name: "an instruction more in the file", data: sub("<THONGTINHOSO>", "<?a b?><THONGTINHOSO>"), want: broken},
		{name: "an instruction before the root", data: []byte("<?a b?>" + good()), want: broken},
		{name: "a namespace more on the root", data: sub("<GIAMDINHHS>", "<GIAMDINHHS xmlns:a='urn:a'>"), want: broken},
		{name: "words behind the signature", data: sub("</Signature>", "</Signature>đã ký"), want: broken},
		{name: "an element behind the signature", data: sub("</Signature>", "</Signature><A/>"), want: broken},
		{name: "an inner document more", data: sub("</HOSO>", filed("XML16", b64("<A/>"))+"</HOSO>"), want: broken},
		{name: "the signature of another file", data: out(func(s, sig string) string { return strings.Replace(s, sig, signature(good()), 1) }), want: broken},
		{name: "a digest that is no base64", data: sub("<DigestValue>", "<DigestValue>?"), want: broken},
		{name: "a signature value that is no base64", data: sub("<SignatureValue>", "<SignatureValue>?"), want: broken},
		{name: "an empty signature value", data: []byte(regexp.MustCompile(`<SignatureValue>.*</SignatureValue>`).ReplaceAllString(good(), "<SignatureValue></SignatureValue>")), want: broken},
		{name: "a certificate that is none", data: []byte(regexp.MustCompile(`<X509Certificate>.*</X509Certificate>`).ReplaceAllString(good(), "<X509Certificate>AAAA</X509Certificate>")), want: broken},
		{name: "a DER signature value", data: derValue(good()), want: broken},
		{name: "another's certificate", data: []byte(strings.Replace(good(), der(k.ec.Certificate), der(k.other.Certificate), 1)), want: broken},
		{name: "a certificate of another kind of key", data: []byte(strings.Replace(good(), der(k.ec.Certificate), der(k.rsa.Certificate), 1)), want: broken},
		{name: "RSA said over an ECDSA key", data: sub("xmldsig-more#ecdsa-sha256", "xmldsig-more#rsa-sha256"), want: broken},
		{name: "a broken seal of nobody's facility", data: sub("<MACSKCB>79901", "<MACSKCB>79999"), want: "refused facility.unknown"},
		{name: "a broken seal of another's facility", data: sub("<MACSKCB>79901", "<MACSKCB>79902"), want: "refused sender.not_allowed"},
		{name: "no seal of another's facility", data: []byte(strings.Replace(envelope(newVisit()), "<MACSKCB>79901", "<MACSKCB>79902", 1)), want: "refused sender.not_allowed"},
		{name: "no seal of nobody's facility", data: []byte(strings.Replace(envelope(newVisit()), "<MACSKCB>79901", "<MACSKCB>79999", 1)), want: "refused facility.unknown"},
		{name: "a broken seal by a stranger", data: []byte(strings.Replace(string(ours(k.stranger, envelope(newVisit()))), "20261120", "20261119", 1)), want: broken},
		{name: "a broken seal by an expired certificate", data: []byte(strings.Replace(string(ours(k.past31, envelope(newVisit()))), "20261120", "20261119", 1)), want: broken},
		{name: "a broken seal on a check-in", data: []byte(strings.Replace(string(ours(k.ec, checkin(arrival()))), "TRẦN", "TRẤN", 1)), want: broken},
		// valid, and edited where editing changes nothing signed
		{name: "line ends in the signature value", data: []byte(regexp.MustCompile(`<SignatureValue>(.{30})`).ReplaceAllString(good(), "<SignatureValue>\r\n$1\n  ")), want: fine},
		{name: "line ends in the certificate", data: []byte(strings.Replace(good(), der(k.ec.Certificate), "\n"+wrap(der(k.ec.Certificate), 64, "\n")+"\n", 1)), want: fine},
		{name: "a declaration added", data: []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n" + good()), want: fine},
		{name: "a BOM added", data: []byte("\xEF\xBB\xBF" + good()), want: fine},
		{name: "line ends added behind the root", data: []byte(good() + "\r\n"), want: fine},
		{name: "a comment added", data: sub("<THONGTINHOSO>", "<THONGTINHOSO><!-- x -->"), want: fine},
		{name: "a blank in an end tag added", data: sub("</HOSO>", "</HOSO >"), want: fine},
		{name: "a second certificate behind it", data: sub("</X509Certificate>", "</X509Certificate><X509Certificate>"+der(k.root)+"</X509Certificate>"), want: fine},
		{name: "a second certificate before it", data: sub("<X509Certificate>", "<X509Certificate>"+der(k.root)+"</X509Certificate><X509Certificate>"), want: fine},
		{name: "another's certificate before it", data: sub("<X509Certificate>", "<X509Certificate>"+der(k.other.Certificate)+"</X509Certificate><X509Certificate>"), want: fine},
		{name: "subject and issuer in X509Data", data: sub("<X509Data>", "<X509Data><X509SubjectName>CN=A</X509SubjectName><X509IssuerSerial><X509IssuerName>CN=B</X509IssuerName><X509SerialNumber>1</X509SerialNumber></X509IssuerSerial>"), want: fine},
		{name: "a KeyName", data: sub("<KeyInfo>", "<KeyInfo><KeyName>79901</KeyName>"), want: fine},
		{name: "a KeyValue beside the certificate", data: sub("<KeyInfo>", "<KeyInfo><KeyValue><RSAKeyValue><Modulus>AAAA</Modulus><Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>"), want: fine},
		{name: "a comment in the signature", data: sub("<SignedInfo>", "<!-- a --><SignedInfo>"), want: fine},
	}
	for _, uri := range []string{dsig + "rsa-sha1", dsig + "dsa-sha1", dsig + "hmac-sha1", more + "hmac-sha256", more + "rsa-sha512", more + "rsa-sha384", more + "rsa-md5",
		more + "ecdsa-sha1", more + "ecdsa-sha384", more + "ecdsa-sha512", "http://www.w3.org/2007/05/xmldsig-more#rsa-pss", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", "urn:none"} {
		list = append(list, sample{name: "signature method " + uri, data: sub(more+"ecdsa-sha256", uri), want: algorithm})
	}
	hmac := regexp.MustCompile(`<KeyInfo>.*</KeyInfo>`).ReplaceAllString(string(sub(more+"ecdsa-sha256", more+"hmac-sha256")), "")
	list = append(list,
		sample{name: "HMAC without KeyInfo", data: []byte(hmac), want: algorithm},
		sample{name: "HMAC with a KeyName", data: []byte(strings.Replace(hmac, "</Signature>", "<KeyInfo><KeyName>k</KeyName></KeyInfo></Signature>", 1)), want: algorithm},
	)
	return append(list, wrapping()...)
}

// wrapping: XSW1 to XSW8 (Somorovsky et al., 2012) as far as they have a meaning
// where the one reference is the whole document: the signed file is kept
// somewhere, another is put where a reader looks.
func wrapping() []sample {
	good := string(ours(pairs().ec, envelope(newVisit())))
	evil := envelope(newVisit())
	sig := good[strings.Index(good, "<Signature "):strings.Index(good, "</CHUKYDONVI>")]
	hoso := newVisit().hoso()
	in := func(s, where, what string) []byte { return []byte(strings.Replace(s, where, what, 1)) }
	evilSigned := strings.Replace(evil, "<CHUKYDONVI></CHUKYDONVI>", "<CHUKYDONVI>"+sig+"</CHUKYDONVI>", 1)
	list := []sample{
		{name: "XSW1: the signed file inside the signature of another", data: in(evilSigned, "</Signature>", good+"</Signature>")},
		{name: "XSW2: the signed file beside the signature of another", data: in(evilSigned, "</Signature>", "</Signature>"+good)},
		{name: "XSW3: another file inside the signed one", data: in(good, "<THONGTINDONVI>", evil+"<THONGTINDONVI>")},
		{name: "XSW4: the signed file inside another", data: in(evilSigned, "<THONGTINDONVI>", good+"<THONGTINDONVI>")},
		{name: "XSW5: the signed file at the end of another", data: in(evilSigned, "</GIAMDINHHS>", good+"</GIAMDINHHS>")},
		{name: "XSW6: the signed file inside the KeyInfo of another", data: in(evilSigned, "</KeyInfo>", good+"</KeyInfo>")},
		{name: "XSW7: the signed file in an extension of another", data: in(evilSigned, "<THONGTINDONVI>", "<Extensions>"+good+"</Extensions><THONGTINDONVI>")},
		{name: "XSW8: another file in an Object of the signature", data: in(good, "</Signature>", "<Object>"+evil+"</Object></Signature>")},
		{name: "another HOSO before the signed one", data: in(good, "<HOSO>", hoso+"<HOSO>")},
		{name: "another HOSO in the KeyInfo", data: in(good, "</KeyInfo>", "<DANHSACHHOSO>"+hoso+"</DANHSACHHOSO></KeyInfo>")},
		{name: "another THONGTINHOSO before the signed one", data: in(good, "<THONGTINHOSO>", evil[strings.Index(evil, "<THONGTINHOSO>"):strings.Index(evil, "<CHUKYDONVI>")]+"<THONGTINHOSO>")},
		{name: "the root around the signed file", data: []byte("<GIAMDINHHS>" + good + "</GIAMDINHHS>")},
	}
	for i := range list {
		list[i].want = "not accepted as the other"
	}
	return list
}

func der(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }

// ours1024 puts a signature by a short RSA key into a file: key sizes are looked
// at before values.
func ours1024(text string) []byte {
	k := pairs()
	s := string(ours(k.rsa, text))
	return []byte(strings.Replace(s, der(k.rsa.Certificate), der(k.short.Certificate), 1))
}

// derValue writes the ECDSA value r‖s as ASN.1, as OpenSSL's own tools do.
func derValue(s string) []byte {
	from := strings.Index(s, "<SignatureValue>") + len("<SignatureValue>")
	to := strings.Index(s, "</SignatureValue>")
	raw := must(base64.StdEncoding.DecodeString(s[from:to]))
	value := must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])}))
	return []byte(s[:from] + base64.StdEncoding.EncodeToString(value) + s[to:])
}

// trustSamples: seals that verify, by certificates that do or do not speak for
// the facility.
func trustSamples() []sample {
	k := pairs()
	at := func(facility string) string {
		return strings.Replace(envelope(newVisit().of(facility)), "<MACSKCB>79901", "<MACSKCB>"+facility, 1)
	}
	const untrusted, expired, revoked, grace = "refused seal.untrusted", "refused seal.expired", "refused seal.revoked", "accepted with SEAL.CERTIFICATE.expired"
	list := []sample{
		{name: "a pinned P-256 certificate", data: ours(k.ec, at("79901")), want: fine},
		{name: "a pinned RSA certificate", data: ours(k.rsa, at("79901")), want: fine},
		{name: "a certificate pinned to another facility", data: ours(k.other, at("79901")), want: untrusted},
		{name: "a certificate nobody knows", data: ours(k.stranger, at("79901")), want: untrusted},
		{name: "a facility without certificate and tax code", from: "79904", data: ours(k.ec, at("79904")), want: untrusted},
		{name: "a certificate of two facilities, for the first", from: "79905", data: ours(k.group, at("79905")), want: fine},
		{name: "a certificate of two facilities, for the second", from: "79906", data: ours(k.group, at("79906")), want: fine},
		{name: "a certificate of two facilities, for a third", from: "79901", data: ours(k.group, at("79901")), want: untrusted},
		{name: "expired 29 days ago", data: ours(k.now29, at("79901")), want: grace},
		{name: "expired 30 days ago to the second", data: ours(k.now30, at("79901")), want: grace},
		{name: "expired 30 days and a second ago", data: ours(k.past30, at("79901")), want: expired},
		{name: "expired 31 days ago", data: ours(k.past31, at("79901")), want: expired},
		{name: "valid from this second", data: ours(k.starts, at("79901")), want: fine},
		{name: "valid to this second", data: ours(k.ends, at("79901")), want: fine},
		{name: "expired a second ago", data: ours(k.ended, at("79901")), want: grace},
		{name: "valid from the next second", data: ours(k.future, at("79901")), want: expired},
		{name: "revoked", data: ours(k.revoked, at("79901")), want: revoked},
		{name: "revoked and expired a day ago", data: ours(k.revokedInGrace, at("79901")), want: revoked},
		{name: "revoked and expired 40 days ago", data: ours(k.revokedPast, at("79901")), want: expired},
		{name: "expired 31 days ago, another facility's", from: "79902", data: ours(k.past31, at("79902")), want: untrusted},
		{name: "in grace, a bad dossier", data: ours(k.now29, envelope(newVisit().set("XML1", "GIOI_TINH", "9"))), want: "rejected subject.sex"},
		{name: "revoked, a bad dossier", data: ours(k.revoked, envelope(newVisit().set("XML1", "GIOI_TINH", "9"))), want: revoked},
		{name: "a check-in by a pinned certificate", data: ours(k.ec, checkin(arrival())), want: fine},
		{name: "a check-in by a stranger", data: ours(k.stranger, checkin(arrival())), want: untrusted},
		{name: "a check-in sealed by another facility", data: ours(k.other, checkin(arrival())), want: "refused sender.not_allowed"},
		{name: "a check-in by an expired certificate", data: ours(k.past31, checkin(arrival())), want: expired},
		{name: "a check-in in grace", data: ours(k.now29, checkin(arrival())), want: grace},
		{name: "a check-in by a revoked certificate", data: ours(k.revoked, checkin(arrival())), want: revoked},
		{name: "a check-in of two facilities' certificate, for the first", from: "79905", data: ours(k.group, checkin(arrival("MA_CSKCB", "79905"))), want: fine},
		{name: "a check-in of two facilities' certificate, for the second", from: "79906", data: ours(k.group, checkin(arrival("MA_CSKCB", "79906"))), want: fine},
	}
	chain := func(name, want string, pair seal.KeyPair) {
		list = append(list, sample{name: name, from: "79903", data: ours(pair, at("79903")), want: want})
	}
	attribute := func(name string, oid asn1.ObjectIdentifier, value, want string) {
		chain(name, want, k.chained(k.root, k.rootKey, oid, value, nil))
	}
	attribute("serialNumber with the bare tax code", oidSerial, taxCode, fine)
	attribute("serialNumber with MST-", oidSerial, "MST-"+taxCode, fine)
	attribute("serialNumber with MST:", oidSerial, "MST:"+taxCode, fine)
	attribute("organizationIdentifier", oidOrg, taxCode, fine)
	attribute("organizationIdentifier with MST-", oidOrg, "MST-"+taxCode, fine)
	attribute("UID", oidUID, taxCode, fine)
	attribute("UID with MST:", oidUID, "MST:"+taxCode, fine)
	attribute("another tax code", oidSerial, "0301234568", untrusted)
	attribute("a longer tax code", oidSerial, taxCode+"-001", untrusted)
	attribute("a shorter tax code", oidSerial, taxCode[:9], untrusted)
	attribute("the tax code in the common name only", asn1.ObjectIdentifier{2, 5, 4, 3}, "MST-"+taxCode, untrusted)
	attribute("the tax code in the organisation only", asn1.ObjectIdentifier{2, 5, 4, 10}, taxCode, untrusted)
	attribute("another prefix", oidSerial, "VAT-"+taxCode, untrusted)
	chain("an untrusted root", untrusted, k.chained(k.otherRoot, k.otherRootKey, oidUID, taxCode, nil))
	chain("a certificate that signed itself", untrusted, k.chained(nil, nil, oidUID, taxCode, nil))
	deep := k.chained(k.middle, k.middleKey, oidUID, "MST-"+taxCode, nil)
	chain("an authority between, not sent along", untrusted, deep)
	deep.Chain = []*x509.Certificate{k.middle}
	chain("an authority between, sent along", fine, deep)
	deep.Chain = []*x509.Certificate{k.root, k.middle}
	chain("the whole chain sent along, the root first", fine, deep)
	ended := func(t time.Time) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotAfter = t }
	}
	chain("issued, expired 29 days ago", grace, k.chained(k.root, k.rootKey, oidUID, taxCode, ended(now.Add(-29*day))))
	chain("issued, expired 31 days ago", expired, k.chained(k.root, k.rootKey, oidUID, taxCode, ended(now.Add(-31*day))))
	chain("issued, expired before its root began", expired, k.chained(k.root, k.rootKey, oidUID, taxCode, ended(now.Add(-200*day))))
	chain("issued, not yet valid", expired, k.chained(k.root, k.rootKey, oidUID, taxCode, func(c *x509.Certificate) { c.NotBefore = now.Add(day) }))
	list = append(list, sample{name: "a check-in by an issued certificate", from: "79903",
		data: ours(k.chained(k.root, k.rootKey, oidSerial, "MST-"+taxCode, nil), checkin(arrival("MA_CSKCB", "79903"))), want: fine},
		sample{name: "a check-in by an untrusted root's certificate", from: "79903",
			data: ours(k.chained(k.otherRoot, k.otherRootKey, oidUID, taxCode, nil), checkin(arrival("MA_CSKCB", "79903"))), want: untrusted})
	return list
}

// xmlsecSamples are made whole by xmlsec1: forms of signatures that are allowed,
// and signatures that verify for it and are not allowed here.
func xmlsecSamples(x *xmlsec) []sample {
	k := pairs()
	text := func() string { return envelope(newVisit()) }
	by := func(pair seal.KeyPair, m template, args ...string) []byte { return x.sign(pair, text(), m, args...) }
	canon := func(uri string) string {
		return `<P:Transform Algorithm="` + enveloped + `"/><P:Transform Algorithm="` + uri + `"/>`
	}
	const malformed, algorithm, broken = "refused seal.malformed", "refused seal.algorithm", "refused seal.broken"
	list := []sample{
		{name: "RSA", data: by(k.rsa, template{}), want: fine},
		{name: "ECDSA", data: by(k.ec, template{}), want: fine},
		{name: "RSA with ds:", data: by(k.rsa, template{prefix: "ds"}), want: fine},
		{name: "line ends in SignedInfo", data: by(k.rsa, template{prefix: "ds", between: "\r\n\t"}), want: fine},
		{name: "C14N named as transform", data: by(k.rsa, template{transforms: canon(c14n)}), want: fine},
		{name: "exclusive C14N of the file", data: by(k.ec, template{transforms: canon(exclusive)}), want: fine},
		{name: "exclusive C14N of SignedInfo", data: by(k.rsa, template{info: exclusive}), want: fine},
		{name: "exclusive C14N of both", data: by(k.ec, template{prefix: "dsig", info: exclusive, transforms: canon(exclusive)}), want: fine},
		{name: "an Id on the reference", data: by(k.rsa, template{reference: `Id="r1" URI=""`}), want: fine},
		{name: "a KeyValue beside the certificate", data: by(k.rsa, template{keyInfo: `<P:KeyInfo><P:KeyValue/><P:X509Data><P:X509Certificate/></P:X509Data></P:KeyInfo>`}), want: fine},
		{name: "subject and issuer", data: by(k.rsa, template{keyInfo: `<P:KeyInfo><P:X509Data><P:X509SubjectName/><P:X509IssuerSerial/><P:X509Certificate/></P:X509Data></P:KeyInfo>`}), want: fine},
		{name: "namespaces on the root", data: x.sign(k.rsa, strings.Replace(text(), "<GIAMDINHHS>", `<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">`, 1), template{}), want: fine},
		{name: "a namespace on the root and exclusive C14N", data: x.sign(k.ec, strings.Replace(text(), "<GIAMDINHHS>", `<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`, 1), template{info: exclusive, transforms: canon(exclusive)}), want: fine},
		{name: "an xml:lang on the root", data: x.sign(k.ec, strings.Replace(text(), "<GIAMDINHHS>", `<GIAMDINHHS xml:lang="vi">`, 1), template{}), want: fine},
		{name: "the prefix declared on the root only", data: x.run(k.rsa, strings.Replace(strings.Replace(text(), "<GIAMDINHHS>", `<GIAMDINHHS xmlns:ds="`+dsig+`">`, 1), "<CHUKYDONVI>",
			"<CHUKYDONVI>"+strings.Replace(template{prefix: "ds"}.text(true), ` xmlns:ds="`+dsig+`"`, "", 1), 1)), want: fine},
		{name: "an Id on the signature", data: x.run(k.rsa, strings.Replace(text(), "<CHUKYDONVI>", "<CHUKYDONVI>"+strings.Replace(template{}.text(true), "<Signature ", `<Signature Id="s1" `, 1), 1)), want: fine},
		{name: "two X509Data", data: by(k.ec, template{keyInfo: `<P:KeyInfo><P:X509Data><P:X509SubjectName/></P:X509Data><P:X509Data><P:X509Certificate/></P:X509Data></P:KeyInfo>`}), want: fine},
		{name: "a check-in", data: x.sign(k.rsa, checkin(arrival(), arrival()), template{}), want: fine + "; " + fine},
		{name: "RSA-SHA1", data: by(k.rsa, template{method: dsig + "rsa-sha1"}), want: algorithm},
		{name: "RSA-SHA512", data: by(k.rsa, template{method: more + "rsa-sha512"}), want: algorithm},
		{name: "RSA-SHA256 over SHA-1 digest", data: by(k.rsa, template{digest: dsig + "sha1"}), want: algorithm},
		{name: "RSA-SHA256 over SHA-512 digest", data: by(k.rsa, template{digest: "http://www.w3.org/2001/04/xmlenc#sha512"}), want: algorithm},
		{name: "ECDSA-SHA1", data: by(k.ec, template{method: more + "ecdsa-sha1"}), want: algorithm},
		{name: "ECDSA-SHA512", data: by(k.ec, template{method: more + "ecdsa-sha512"}), want: algorithm},
		{name: "ECDSA over P-384", data: by(k.p384, template{}), want: algorithm},
		{name: "RSA of 1024 bits", data: by(k.short, template{}), want: algorithm},
		{name: "C14N 1.1", data: by(k.rsa, template{info: "http://www.w3.org/2006/12/xml-c14n11"}), want: algorithm},
		{name: "C14N with comments", data: by(k.rsa, template{info: c14n + "#WithComments"}), want: algorithm},
		{name: "a transform with comments", data: by(k.rsa, template{transforms: canon(c14n + "#WithComments")}), want: malformed},
		{name: "an XPath transform over a part", data: by(k.rsa, template{transforms: `<P:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><P:XPath>ancestor-or-self::THONGTINDONVI</P:XPath></P:Transform>`}), want: malformed},
		{name: "an XPath transform after enveloped", data: by(k.rsa, template{transforms: `<P:Transform Algorithm="` + enveloped + `"/><P:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><P:XPath>not(ancestor-or-self::HOSO)</P:XPath></P:Transform>`}), want: malformed},
		{name: "no certificate, a KeyValue", data: by(k.rsa, template{keyInfo: `<P:KeyInfo><P:KeyValue/></P:KeyInfo>`}), want: malformed},
		{name: "no KeyInfo", data: by(k.rsa, template{keyInfo: " "}), want: malformed},
		{name: "two references to the whole file", data: by(k.rsa, template{references: strings.Repeat(`<P:Reference URI=""><P:Transforms><P:Transform Algorithm="`+enveloped+`"/></P:Transforms><P:DigestMethod Algorithm="`+sha256URI+`"/><P:DigestValue/></P:Reference>`, 2)}), want: malformed},
		{name: "an Object beside the reference", data: by(k.rsa, template{object: `<P:Object>x</P:Object>`}), want: malformed},
		{name: "a part only, by id", data: x.sign(k.rsa, strings.Replace(text(), "<THONGTINHOSO>", `<THONGTINHOSO Id="t">`, 1), template{reference: `URI="#t"`}, "--id-attr:Id", "THONGTINHOSO"), want: malformed},
	}
	changed := by(k.rsa, template{})
	list = append(list,
		sample{name: "changed after signing", data: []byte(strings.Replace(string(changed), "20261120", "20261119", 1)), want: broken},
		sample{name: "SOLUONGHOSO changed after signing", data: []byte(strings.Replace(string(by(k.rsa, template{})), "<SOLUONGHOSO>1<", "<SOLUONGHOSO>01<", 1)), want: broken},
		sample{name: "a stranger's certificate", data: by(k.stranger, template{}), want: "refused seal.untrusted"},
		sample{name: "an expired certificate", data: by(k.past31, template{}), want: "refused seal.expired"},
		sample{name: "a certificate in grace", data: by(k.now29, template{}), want: "accepted with SEAL.CERTIFICATE.expired"},
	)
	return list
}

func TestSealsThatAreNotThePrescribedOnes(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		var list []sample
		for _, s := range sealSamples() {
			if s.want != "not accepted as the other" {
				list = append(list, s)
				continue
			}
			got, _ := w.send("79901", s.data)
			if v := verdict(got, fine); !strings.HasPrefix(v, "refused seal.") && v != "refused envelope.invalid" {
				t.Errorf("%s: %s", s.name, v)
			}
		}
		judge(t, w, list)
	})
}

func TestWhomASealSpeaksFor(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) { judge(t, w, trustSamples()) })
}

func TestSealsByXmlsec(t *testing.T) {
	t.Parallel()
	x := needXmlsec(t)
	engines(t, func(t *testing.T, w *world) { judge(t, w, xmlsecSamples(x)) })
}
