package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
)

// The answers about a certificate, as rows say them.
const (
	RevocationGood    = "good"
	RevocationRevoked = "revoked"
)

// Signer is a certificate that sealed something, as the hub saw it.
type Signer struct {
	Fingerprint [32]byte
	DER         []byte
	Seen        time.Time // first
	Ask         time.Time // when to ask about it next; zero: not any more
	Failures    int       // in a row
	Code        string    // why the last asking failed, "" when it did not
}

// Revocation is one verified answer about a certificate.
type Revocation struct {
	Fingerprint [32]byte
	State       string    // RevocationGood, RevocationRevoked
	At          time.Time // when it was asked
	Since       time.Time // revoked: since when
	Invalid     time.Time // revoked: since when the key may have been another's (invalidityDate), zero unknown
	Reason      int       // CRLReason of RFC 5280 §5.3.1, 0 unspecified
	ThisUpdate  time.Time
	NextUpdate  time.Time // zero: not said
	Kind        string    // ServiceOCSP or ServiceCRL
	Source      string    // address of the entry that answered
	Raw         []byte    // the answer's bytes: OCSPResponse or CertificateList, DER
}

// Annotation is what was learned later about a record's seal. A verdict never
// changes; this stands beside it, in the timeline and with a leaf of its own.
type Annotation struct {
	Record      dossier.ID
	What        string // "seal_revoked": sealed after the revocation; "seal_disputed": after the key may have been another's
	Fingerprint [32]byte
	At          time.Time
	Since       time.Time
	Source      string
}

// The annotations.
const (
	SealRevoked  = "seal_revoked"
	SealDisputed = "seal_disputed"
	SealBound    = "seal_bound" // the facility sent the same bytes that a carrier had handed on: its certificate is known now
	// InsurerVerdict: what the insurer said of a dossier that came from it. Source
	// tells "insurer:rejected:C07", Fingerprint is its SHA-256.
	InsurerVerdict = "insurer_verdict"
)

// Statement returns what the annotation's leaf commits to: JSON with the
// members in this order.
func (a *Annotation) Statement() []byte {
	b, err := json.Marshal(struct {
		What        string `json:"what"`
		Record      string `json:"record"`
		Certificate string `json:"certificate_sha256"`
		At          int64  `json:"at"` // microseconds UTC
		Since       int64  `json:"since"`
		Source      string `json:"source"`
	}{a.What, a.Record.String(), hex.EncodeToString(a.Fingerprint[:]), a.At.UnixMicro(), a.Since.UnixMicro(), a.Source})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return b
}

// Leaf is the annotation's leaf.
func (a *Annotation) Leaf() []byte {
	return ledger.StatementLeaf(ledger.LeafAnnotation, a.Statement())
}

// Revocations keeps what is known of signers' certificates.
type Revocations interface {
	// See keeps signers that are new; of those known nothing changes.
	See(ctx context.Context, signers []Signer) error
	// Due returns signers to be asked about now, the longest due first.
	Due(ctx context.Context, now time.Time, limit int) ([]Signer, error)
	// Asked keeps an answer (nil: none came) and when to ask next. Of answers
	// that say the same one after another the first and the last are kept.
	Asked(ctx context.Context, s Signer, answer *Revocation) error
	// Newest returns the newest answer about each certificate asked about,
	// without raw bytes.
	Newest(ctx context.Context) ([]Revocation, error)
	// Answers returns the answers kept about one certificate, oldest first,
	// with raw bytes.
	Answers(ctx context.Context, fingerprint [32]byte) ([]Revocation, error)
	// Signer returns one certificate that sealed; ErrAbsent.
	Signer(ctx context.Context, fingerprint [32]byte) (*Signer, error)
	// Sealed returns records of files sealed with the certificate and received
	// at q.Since or later and before q.Until that have no annotation of that
	// kind yet, at most q.Limit.
	Sealed(ctx context.Context, q SealedQuery) ([]SealedRecord, error)
	// Annotate keeps annotations with their leaves and transitions, committed
	// together; those that are there already are left out. It returns how many
	// are new. ErrNoLog.
	Annotate(ctx context.Context, list []Annotation) (int, error)
	// EachAnnotation gives every annotation, for the re-verifier.
	EachAnnotation(ctx context.Context, fn func(*Annotation) error) error
}

// SealedQuery selects records by who sealed them.
type SealedQuery struct {
	Fingerprint  [32]byte
	Since, Until time.Time // Until zero: open
	What         string    // the annotation they are to get
	Limit        int
}

// SealedRecord is a record and when it was received.
type SealedRecord struct {
	ID       dossier.ID
	Received time.Time
}
