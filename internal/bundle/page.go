package bundle

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/stamp"
)

//go:embed page/*.html
var pageFiles embed.FS

// templates are the pages of Form. Their text is part of the bundle's bytes: a
// change needs a new Form, and the old pages kept beside it.
var templates = template.Must(template.ParseFS(pageFiles, "page/*.html"))

// facts are what the pages say of one bundle.
type facts struct {
	Record, Hub, Facility, Kind string
	State                       fault.Text
	At                          string // Hanoi
	Original                    string
	Redacted, Detached          bool
	Papers                      int
	Signers                     []signerFacts
	LeafIndex, Size, LaterSize  uint64
	Origin                      string
	Stamped                     bool
	StampTime, StampBy          string
	StampSize                   uint64
	Answers                     []answerFacts
}

type signerFacts struct {
	N                                      int
	Subject, Issuer, Serial, Print, Expiry string
	RSA                                    bool
}

type answerFacts struct {
	Signer int
	State  string
	List   bool // a revocation list, else OCSP
	Member string
}

// hanoi is the time zone people read: Vietnam has had no other offset since 1975.
var hanoi = time.FixedZone("", 7*60*60)

const timeForm = "15:04:05 02/01/2006"

var states = map[string]fault.Text{
	ledger.StateAccepted:             {VI: "được tiếp nhận", EN: "was accepted"},
	ledger.StateAcceptedWithWarnings: {VI: "được tiếp nhận, có cảnh báo", EN: "was accepted, with warnings"},
	ledger.StateRejected:             {VI: "bị từ chối", EN: "was rejected"},
}

func (p *Parts) facts(doc *ledger.Document) (*facts, error) {
	b, err := ledger.ParseBody(doc.Body)
	if err != nil {
		return nil, ErrParts.Because(err)
	}
	own, err := ledger.ParseCheckpoint([]byte(doc.Checkpoint))
	if err != nil {
		return nil, ErrParts.Because(err)
	}
	later, err := ledger.ParseCheckpoint(p.Later.Checkpoint)
	if err != nil {
		return nil, ErrParts.Because(err)
	}
	f := &facts{Record: b.Record, Hub: b.Hub, Facility: b.Facility, Kind: b.Kind, State: states[b.State], At: b.ReceivedAt.In(hanoi).Format(timeForm),
		Original: p.originalName(), Redacted: p.Redacted, Detached: p.Seal != "", Papers: len(p.Papers), LeafIndex: doc.Index, Size: own.Size,
		LaterSize: later.Size, Origin: doc.Origin}
	for i, chain := range p.Signers {
		c := chain[0]
		sum := sha256.Sum256(c.Raw)
		f.Signers = append(f.Signers, signerFacts{N: i + 1, Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16),
			Print: hex.EncodeToString(sum[:]), Expiry: c.NotAfter.In(hanoi).Format(timeForm), RSA: c.PublicKeyAlgorithm.String() == "RSA"})
	}
	if s := p.Stamp; s != nil {
		stamped, err := ledger.ParseCheckpoint(s.Checkpoint)
		if err != nil {
			return nil, ErrParts.Because(err)
		}
		_, at, err := stamp.Imprint(s.Token)
		if err != nil {
			return nil, ErrParts.Because(err)
		}
		f.Stamped, f.StampTime, f.StampSize = true, at.In(hanoi).Format(timeForm), stamped.Size
		if len(s.Certificates) > 0 {
			f.StampBy = s.Certificates[0].Subject.String()
		}
	}
	for i, a := range p.Answers {
		x := answerFacts{Signer: a.Signer + 1, State: a.State, List: a.Kind == "crl"}
		if a.State != NotYetKnown {
			x.Member = answerName(i, a)
		}
		f.Answers = append(f.Answers, x)
	}
	return f, nil
}

// pages fills in the two pages.
func (p *Parts) pages(doc *ledger.Document) ([]member, error) {
	if p.Later == nil {
		return nil, ErrParts
	}
	f, err := p.facts(doc)
	if err != nil {
		return nil, err
	}
	out := []member{{name: pageVI}, {name: pageEN}}
	for i, file := range []string{"v1-vi.html", "v1-en.html"} {
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, file, f); err != nil {
			return nil, ErrParts.Because(err)
		}
		out[i].data = b.Bytes()
	}
	return out, nil
}
