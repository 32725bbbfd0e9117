package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"

	"lienthong/internal/xmltok"
)

// Names of the XML Signature recommendation and RFC 4051.
const (
	dsigSpace   = "http://www.w3.org/2000/09/xmldsig#"
	dsig11Space = "http://www.w3.org/2009/xmldsig11#"
	inclusive   = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	exclusive   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	rsaSHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	ecdsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	sha256URI   = "http://www.w3.org/2001/04/xmlenc#sha256"
	enveloped   = dsigSpace + "enveloped-signature"

	maxCertificates = 8        // in one KeyInfo
	maxDER          = 16 << 10 // bytes of one certificate
	maxPrefixes     = 16       // in one InclusiveNamespaces PrefixList
)

// found is what one pass over a document tells about its signatures.
type found struct {
	sigs      []candidate // all signatures in their place; memory reused
	any       bool        // some Signature element, wherever
	holder    int         // the holder that the walk is in, -1 for none
	holders   int         // holders seen
	malformed error       // the first thing wrong with place, number or shape
}

// candidate is one Signature element as written.
type candidate struct {
	span      xmltok.Span
	info      int // offset of SignedInfo
	scope     xmltok.Scope
	infoForm  xmltok.Form
	bodyForm  xmltok.Form
	method    Algorithm
	algorithm string // what is not allowed, empty when all is
	broken    string // what cannot be decoded, empty when all can
	keyless   string // why there is no certificate; judged after the algorithm, for HMAC has none
	digest    []byte
	value     []byte
	certs     [][]byte // DER
}

// locate reads the whole document. The error is the tokenizer's; what is wrong
// with the signatures is in found, because a malformed document comes first.
func (w *work) locate(doc []byte, limits xmltok.Limits, expect Expect) error {
	f, t := &w.found, &w.tok
	*f = found{sigs: f.sigs[:0], holder: -1}
	limits.Known = expect.Known
	t.Reset(doc, limits)
	w.plain.begin(w.hash, doc)
	inside, containers := false, 0
	for {
		k, err := t.Next()
		if err != nil {
			return err
		}
		switch {
		case k == xmltok.EOF:
			f.count(expect)
			w.plain.end(w.hash)
			return nil
		case k == xmltok.StartElement && isSignature(t):
			f.any = true
			w.plain.pause(w.hash, t.Offset())
			if !inside || !f.placed(&expect, t.Depth()) {
				f.fault("a signature in another place")
			}
			if len(f.sigs) > expect.count() { // a heap of them costs no memory
				f.fault("too many signatures")
				err = t.Skip()
			} else {
				err = w.signature()
			}
			if err != nil {
				return err
			}
			w.plain.from = t.End()
			continue
		case k == xmltok.StartElement && t.Depth() == 2:
			f.holder = -1
			if inside = string(t.Name()) == expect.Container; inside {
				if containers++; containers > 1 {
					f.fault("a second container")
				}
			}
		case inside && k == xmltok.StartElement && t.Depth() == 3:
			f.hold(&expect, t.Name())
		}
		w.plain.token(w.hash, t, k)
	}
}

func (f *found) fault(reason string) {
	if f.malformed == nil {
		f.malformed = because(ErrMalformed, reason)
	}
}

// hold notes a child of the container: the next holder, or none.
func (f *found) hold(expect *Expect, name []byte) {
	f.holder = slices.Index(expect.Holders, string(name))
	if f.holder < 0 {
		return
	}
	if f.holder != f.holders {
		f.fault("holders of signatures out of order, or one twice")
	}
	f.holders++
}

// placed reports whether a signature at a depth inside the container is the next
// in its place: the container's child, or the one of its holder.
func (f *found) placed(expect *Expect, depth int) bool {
	if len(expect.Holders) == 0 {
		return depth == 3
	}
	return depth == 4 && f.holder >= 0 && f.holder == len(f.sigs)
}

func (f *found) count(expect Expect) {
	if len(f.sigs) != expect.count() {
		f.fault("not the prescribed number of signatures")
	}
}

func isSignature(t *xmltok.Tokenizer) bool {
	name := t.Name()
	return len(name) >= 9 && string(name[len(name)-9:]) == "Signature" &&
		string(t.Local()) == "Signature" && string(t.Space()) == dsigSpace
}

// signature reads the Signature element whose start is the present token, to its end.
func (w *work) signature() error {
	f, t := &w.found, &w.tok
	if len(f.sigs) < cap(f.sigs) {
		f.sigs = f.sigs[:len(f.sigs)+1]
	} else {
		f.sigs = append(f.sigs, candidate{})
	}
	c := &f.sigs[len(f.sigs)-1]
	*c = candidate{scope: c.scope, digest: c.digest[:0], value: c.value[:0], certs: c.certs[:0]}
	c.span.Start = t.Offset()
	depth := t.Depth()
	err := (&reader{t: t, c: c}).signature()
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			return err
		}
		if f.malformed == nil {
			f.malformed = err
		}
		for t.Kind() != xmltok.EndElement || t.Depth() != depth {
			if _, err := t.Next(); err != nil {
				return err
			}
		}
	}
	c.span.End = t.End()
	return nil
}

// reader reads one Signature element strictly: these children, in this order,
// each once, with nothing but white space, comments and instructions between.
type reader struct {
	t *xmltok.Tokenizer
	c *candidate
}

func (r *reader) signature() error {
	if err := r.child("SignedInfo"); err != nil {
		return err
	}
	r.c.info = r.t.Offset()
	r.t.Scope(&r.c.scope)
	if err := r.signedInfo(); err != nil {
		return err
	}
	if err := r.child("SignatureValue"); err != nil {
		return err
	}
	var err error
	if r.c.value, err = r.base64(r.c.value, "SignatureValue"); err != nil {
		return err
	}
	more, err := r.next()
	switch {
	case err != nil:
		return err
	case !more:
		r.c.keyless = "no KeyInfo"
		return nil
	case !r.is("KeyInfo"):
		return because(ErrMalformed, "something other than KeyInfo")
	}
	if err := r.keyInfo(); err != nil {
		return err
	}
	return r.end()
}

func (r *reader) signedInfo() error {
	if err := r.child("CanonicalizationMethod"); err != nil {
		return err
	}
	form, known, err := r.form()
	if err != nil {
		return err
	}
	if r.c.infoForm = form; !known {
		r.c.algorithm = "CanonicalizationMethod"
	}
	if err := r.child("SignatureMethod"); err != nil {
		return err
	}
	method, ok := r.t.Attr("Algorithm")
	switch {
	case !ok:
		return because(ErrMalformed, "SignatureMethod without Algorithm")
	case string(method) == rsaSHA256:
		r.c.method = RSASHA256
	case string(method) == ecdsaSHA256:
		r.c.method = ECDSASHA256
	default: // HMACOutputLength and the like are its own business
		r.c.algorithm = "SignatureMethod"
		if err := r.t.Skip(); err != nil {
			return err
		}
	}
	if r.c.method != "" {
		if err := r.end(); err != nil {
			return err
		}
	}
	if err := r.child("Reference"); err != nil {
		return err
	}
	if err := r.reference(); err != nil {
		return err
	}
	return r.end()
}

func (r *reader) reference() error {
	uri, ok := r.t.Attr("URI")
	if !ok || len(uri) != 0 {
		return because(ErrMalformed, "a reference to something other than the whole document")
	}
	if kind, ok := r.t.Attr("Type"); ok && len(kind) != 0 {
		return because(ErrMalformed, "a reference with a type")
	}
	if err := r.child("Transforms"); err != nil {
		return err
	}
	if err := r.transforms(); err != nil {
		return err
	}
	if err := r.child("DigestMethod"); err != nil {
		return err
	}
	method, ok := r.t.Attr("Algorithm")
	if !ok {
		return because(ErrMalformed, "DigestMethod without Algorithm")
	}
	if string(method) != sha256URI {
		r.c.algorithm = "DigestMethod"
	}
	if err := r.end(); err != nil {
		return err
	}
	if err := r.child("DigestValue"); err != nil {
		return err
	}
	var err error
	if r.c.digest, err = r.base64(r.c.digest, "DigestValue"); err != nil {
		return err
	}
	return r.end()
}

// transforms wants enveloped-signature, then at most one canonicalisation;
// without one it is C14N 1.0 (XMLDSig §4.4.3.2).
func (r *reader) transforms() error {
	if err := r.child("Transform"); err != nil {
		return err
	}
	if a, _ := r.t.Attr("Algorithm"); string(a) != enveloped {
		return because(ErrMalformed, "the first transform is not enveloped-signature")
	}
	if err := r.end(); err != nil {
		return err
	}
	more, err := r.next()
	if err != nil || !more {
		return err
	}
	if !r.is("Transform") {
		return because(ErrMalformed, "something other than a transform")
	}
	form, known, err := r.form()
	if err != nil {
		return err
	}
	if !known {
		return because(ErrMalformed, "a transform that is not prescribed")
	}
	r.c.bodyForm = form
	return r.end()
}

// form reads the present element, which names a canonicalisation method, to its
// end. known is false for a method that is not allowed.
func (r *reader) form() (f xmltok.Form, known bool, err error) {
	a, ok := r.t.Attr("Algorithm")
	switch {
	case !ok:
		return f, false, because(ErrMalformed, "no Algorithm")
	case string(a) == inclusive:
		return f, true, r.end()
	case string(a) != exclusive:
		return f, false, r.t.Skip()
	}
	f.Method = xmltok.Exclusive
	more, err := r.next()
	if err != nil || !more {
		return f, true, err
	}
	list, ok := r.t.Attr("PrefixList")
	if !ok || string(r.t.Local()) != "InclusiveNamespaces" || string(r.t.Space()) != exclusive {
		return f, true, because(ErrMalformed, "something other than a prefix list")
	}
	for _, p := range bytes.Fields(list) {
		if len(f.Prefixes) == maxPrefixes {
			return f, true, because(ErrMalformed, "a prefix list too long")
		}
		if string(p) == "#default" {
			p = nil
		}
		f.Prefixes = append(f.Prefixes, string(p))
	}
	if err := r.end(); err != nil {
		return f, true, err
	}
	return f, true, r.end()
}

// keyInfo takes every X509Certificate of every X509Data; what else names the key
// (KeyName, KeyValue) is not looked at. KeyInfo is not signed: what XML Signature
// does not know there is not passed over, for somebody may read it.
func (r *reader) keyInfo() error {
	for {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch {
		case r.is("X509Data"):
			err = r.x509Data()
		case r.named("KeyName", "KeyValue", "PGPData", "SPKIData", "MgmtData", "DEREncodedKeyValue"):
			err = r.t.Skip()
		default:
			err = because(ErrMalformed, "a key that is to be fetched, or something that is no key")
		}
		if err != nil {
			return err
		}
	}
	if len(r.c.certs) == 0 && r.c.broken == "" {
		r.c.keyless = "no certificate"
	}
	return nil
}

// named reports whether the present element is one of these of XML Signature 1.0 or 1.1.
func (r *reader) named(locals ...string) bool {
	space := string(r.t.Space())
	return (space == dsigSpace || space == dsig11Space) && slices.Contains(locals, string(r.t.Local()))
}

func (r *reader) x509Data() error {
	for {
		more, err := r.next()
		if err != nil || !more {
			return err
		}
		if !r.is("X509Certificate") {
			if !r.named("X509SubjectName", "X509IssuerSerial", "X509SKI", "X509CRL", "X509Digest") {
				return because(ErrMalformed, "something in X509Data that does not belong there")
			}
			if err := r.t.Skip(); err != nil {
				return err
			}
			continue
		}
		n := len(r.c.certs)
		if n == maxCertificates {
			return because(ErrMalformed, "too many certificates")
		}
		var room []byte
		if n < cap(r.c.certs) {
			room = r.c.certs[:n+1][n][:0]
		}
		der, err := r.base64(room, "X509Certificate")
		if err != nil {
			return err
		}
		r.c.certs = append(r.c.certs, der)
	}
}

// next moves to the next child of the element being read: its start, or false at
// the element's end. Children are always read to their end before.
func (r *reader) next() (bool, error) {
	for {
		k, err := r.t.Next()
		if err != nil {
			return false, err
		}
		switch k {
		case xmltok.StartElement:
			return true, nil
		case xmltok.EndElement:
			return false, nil
		case xmltok.Text:
			if len(bytes.Trim(r.t.Text(), " \t\r\n")) > 0 {
				return false, because(ErrMalformed, "text between the elements of a signature")
			}
		}
	}
}

func (r *reader) is(local string) bool {
	return string(r.t.Local()) == local && string(r.t.Space()) == dsigSpace
}

// child moves to the next child, which must be this one.
func (r *reader) child(local string) error {
	more, err := r.next()
	if err != nil {
		return err
	}
	if !more || !r.is(local) {
		return because(ErrMalformed, "no "+local+" where it belongs")
	}
	return nil
}

// end moves to the element's end, before which there must be no further child.
func (r *reader) end() error {
	more, err := r.next()
	if err != nil {
		return err
	}
	if more {
		return because(ErrMalformed, "something more than belongs in a signature")
	}
	return nil
}

// base64 appends to dst the decoded text of the present element. Text that does
// not decode is noted as broken; white space in it is legal.
func (r *reader) base64(dst []byte, what string) ([]byte, error) {
	text, nested, err := r.t.ElementText()
	if err != nil {
		return dst, err
	}
	if nested {
		return dst, because(ErrMalformed, "an element inside "+what)
	}
	if len(text) > 2*maxDER {
		return dst, because(ErrMalformed, what+" too long")
	}
	packed := make([]byte, 0, len(text))
	for _, b := range text {
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			packed = append(packed, b)
		}
	}
	out, err := base64.StdEncoding.AppendDecode(dst, packed)
	if err != nil || len(out) == 0 {
		r.c.broken = what
		return dst, nil
	}
	return out, nil
}
