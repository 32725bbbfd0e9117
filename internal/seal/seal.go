// Package seal verifies and makes the signatures facilities put on what they
// send: the enveloped XML signature inside CHUKYDONVI (domain of QĐ 4750/3176:
// XMLDSig, C14N 1.0, RSA-SHA256 or ECDSA-SHA256) and the detached compact JWS
// over the exact bytes of other bodies (RFC 7515, RFC 7797). It also says whom a
// certificate speaks for (Trust).
//
// What is verified is what is parsed: Verify works over the same byte slice the
// kind's reader gets, through the same tokenizer (xmltok), demands that the one
// reference covers the whole document, and hands out no part of the document.
// A verdict is a positive statement with its certificate; everything else is an
// error, never an empty verdict.
//
// It is not a general XMLDSig library (no XPath, no Object, no Manifest, no
// reference but the whole document, no SHA-1), it fetches nothing and it does no
// I/O: revocation is asked through an interface that answers from local knowledge.
package seal

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"hash"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// Faults, in order of precedence when several apply (DESIGN §6). A document the
// tokenizer refuses gives its fault (file.*) before any of these.
var (
	// ErrMissing (seal.missing): no signature at all.
	ErrMissing = fault.New(fault.Invalid, "seal.missing",
		"Tệp chưa được ký số. Ký bằng chứng thư số của cơ sở rồi gửi lại.",
		"The file is not signed. Sign it with the facility's certificate and send it again.")
	// ErrMalformed (seal.malformed): not exactly the signatures, in the place, of
	// the shape and with the one whole-document reference that the kind prescribes.
	ErrMalformed = fault.New(fault.Invalid, "seal.malformed",
		"Chữ ký số không đúng cấu trúc quy định: phải đúng số chữ ký, đúng vị trí, mỗi chữ ký tham chiếu một lần tới toàn bộ tài liệu. Ký lại rồi gửi lại.",
		"The signature does not have the prescribed form: the right number, in the right place, each with one reference to the whole document. Sign again and send again.")
	// ErrAlgorithm (seal.algorithm): an algorithm or key size that is not allowed.
	ErrAlgorithm = fault.New(fault.Invalid, "seal.algorithm",
		"Chữ ký số dùng thuật toán hoặc độ dài khóa không được phép. Dùng RSA từ 2048 bit hoặc ECDSA P-256, với SHA-256.",
		"The signature uses an algorithm or key size that is not allowed. Use RSA of at least 2048 bits or ECDSA P-256, with SHA-256.")
	// ErrBroken (seal.broken): the signature does not verify, its values cannot be
	// decoded, or its certificate cannot be read.
	ErrBroken = fault.New(fault.Invalid, "seal.broken",
		"Chữ ký số không khớp với nội dung: tệp có thể đã bị sửa sau khi ký, hoặc ký sai. Ký lại bản gốc rồi gửi lại.",
		"The signature does not match the content: the file may have been changed after signing, or was signed wrongly. Sign the original again and send it again.")
	// ErrUntrusted (seal.untrusted): the certificate is not bound to the facility.
	ErrUntrusted = fault.New(fault.Invalid, "seal.untrusted",
		"Chứng thư số không thuộc cơ sở này: chưa đăng ký và không do tổ chức được tin cậy cấp với mã số thuế của cơ sở. Đăng ký chứng thư số hoặc ký bằng chứng thư đã đăng ký.",
		"The certificate is not bound to this facility: neither registered for it nor issued by a trusted root with its tax code. Register the certificate or sign with a registered one.")
	// ErrExpired (seal.expired): not yet valid, or expired beyond the grace.
	ErrExpired = fault.New(fault.Invalid, "seal.expired",
		"Chứng thư số chưa có hiệu lực hoặc đã hết hạn quá thời gian cho phép. Ký bằng chứng thư còn hiệu lực.",
		"The certificate is not yet valid or expired too long ago. Sign with a valid one.")
	// ErrRevoked (seal.revoked): known now to be revoked.
	ErrRevoked = fault.New(fault.Invalid, "seal.revoked",
		"Chứng thư số đã bị thu hồi. Ký bằng chứng thư còn hiệu lực.",
		"The certificate has been revoked. Sign with a valid one.")
)

// Algorithm names a signature algorithm.
type Algorithm string

// The allowed algorithms, for XMLDSig and JWS alike.
const (
	RSASHA256   Algorithm = "rsa-sha256"   // RSASSA-PKCS1-v1_5, 2048 to 8192 bits; JWS RS256
	ECDSASHA256 Algorithm = "ecdsa-sha256" // P-256, value r‖s of 64 bytes (RFC 4050, RFC 7518 §3.4); JWS ES256
)

// Expect says which signatures a kind prescribes.
type Expect struct {
	// Container is the name of the element, a child of the root, that holds the
	// signatures as its children, for example CHUKYDONVI.
	Container string
	// Count is the exact number of signatures; 0 means 1.
	Count int
	// Countersigned: each signature covers the document without itself and without
	// those behind it, as when several people sign one after the other. Otherwise
	// each covers everything but itself (the enveloped-signature transform as
	// XMLDSig §6.6.4 has it), which at most one signature of a file can do.
	Countersigned bool
	// Known: the caller has read these very bytes whole through package xmltok, and
	// they were well-formed. They are then not looked at for characters that XML
	// does not allow; everything else is as without it.
	Known bool
	// Holders, where given, are elements inside the container that hold one
	// signature each, by name and in this order, each there once: who signs which
	// is told by the place. Count is then their number, and the last of them,
	// where Countersigned, may also cover the document without any signature.
	Holders []string
}

// count is the number of signatures.
func (e *Expect) count() int {
	if len(e.Holders) > 0 {
		return len(e.Holders)
	}
	return max(e.Count, 1)
}

// Signature is one verified signature: who signed what.
type Signature struct {
	Certificate *x509.Certificate   // of the signer; shared, not to be changed
	Chain       []*x509.Certificate // further certificates that came with it, unverified
	Fingerprint [sha256.Size]byte   // SHA-256 of the certificate's DER
	Algorithm   Algorithm
	Covered     string      // Whole, Earlier or Without; Bytes for a JWS
	Span        xmltok.Span // of the Signature element in the document; zero for a JWS
}

// What a signature covered.
const (
	Whole   = "whole document"                             // all but the Signature element itself
	Earlier = "whole document without later signatures"    // Expect.Countersigned, all but the last
	Without = "whole document without the other signature" // the last of Expect.Holders, when it covers no other
	Bytes   = "exact bytes"                                // detached JWS
)

// Verdict is the proof that every prescribed signature verified, in document
// order. It says nothing about trust: see Trust.Bind.
type Verdict struct{ Signatures []Signature }

// Config configures a Verifier; the zero value is right.
type Config struct {
	Limits       xmltok.Limits // of documents
	Certificates int           // parsed certificates kept; default 4096
}

// Verifier verifies signatures. It keeps parsed certificates and buffers and is
// safe for use by many goroutines.
type Verifier struct {
	limits xmltok.Limits
	certs  *certificates
	work   sync.Pool // *work
}

type work struct {
	tok   xmltok.Tokenizer
	canon xmltok.Canonicalizer
	hash  hash.Hash
	sum   []byte
	found found

	plain plain
}

// NewVerifier returns a verifier.
func NewVerifier(c Config) (*Verifier, error) {
	if c.Certificates < 0 {
		return nil, errors.New("seal: Config.Certificates is negative")
	}
	if c.Certificates == 0 {
		c.Certificates = 4096
	}
	v := &Verifier{limits: c.Limits, certs: newCertificates(c.Certificates)}
	v.work.New = func() any { return &work{hash: sha256.New()} }
	return v, nil
}

func because(f *fault.Error, reason string) error { return f.Because(errors.New(reason)) }
