package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lienthong/internal/body"
	"lienthong/internal/fault"
)

// Envelope is what is sealed in the row of a file: how its dossiers' inner
// documents go back into its bytes, and what came beside it.
type Envelope struct {
	Skeleton []byte      // package body's
	Seal     PackedSeal  // detached seal of the file; zero where it is sealed inside
	Papers   []SentPaper // behind the file's own bytes, in order
}

// SentPaper is a paper beside a file: how many of the joined bytes are its own.
type SentPaper struct {
	Name string
	Size int
	Seal PackedSeal
}

// PackedSeal is a detached seal (compact JWS) with its certificates left out:
// Header is a skeleton of package body over the header's JSON.
type PackedSeal struct {
	Header []byte
	Value  []byte
}

// IsZero reports whether there is no seal.
func (s PackedSeal) IsZero() bool { return len(s.Header) == 0 }

// ErrEnvelope is the answer to bytes that are no envelope.
var ErrEnvelope = fault.New(fault.Broken, "file.envelope", "Phần bao của tệp lưu không đọc được.", "The stored envelope of the file cannot be read.")

// envelopeForm begins an envelope that is more than a skeleton; a skeleton alone
// begins with package body's own version, 1.
const envelopeForm = 2

// Marshal returns the envelope as bytes: the skeleton itself where nothing came
// beside the file, else a version and the parts, each with its length.
func (e Envelope) Marshal() []byte {
	if e.Seal.IsZero() && len(e.Papers) == 0 {
		return e.Skeleton
	}
	out := []byte{envelopeForm}
	put := func(b []byte) {
		out = binary.AppendUvarint(out, uint64(len(b)))
		out = append(out, b...)
	}
	put(e.Skeleton)
	put(e.Seal.Header)
	put(e.Seal.Value)
	out = binary.AppendUvarint(out, uint64(len(e.Papers)))
	for _, p := range e.Papers {
		put([]byte(p.Name))
		out = binary.AppendUvarint(out, uint64(p.Size))
		put(p.Seal.Header)
		put(p.Seal.Value)
	}
	return out
}

// maxPapers is above what a file may have beside it.
const maxPapers = 1024

// ParseEnvelope reads what Marshal wrote; ErrEnvelope for anything else. The
// parts share its memory.
func ParseEnvelope(b []byte) (Envelope, error) {
	if len(b) == 0 || b[0] != envelopeForm {
		return Envelope{Skeleton: b}, nil
	}
	r := cutter{rest: b[1:]}
	e := Envelope{Skeleton: r.part(), Seal: PackedSeal{r.part(), r.part()}}
	n := r.number()
	if n > maxPapers {
		return Envelope{}, ErrEnvelope.Because(errors.New("too many papers"))
	}
	for range n {
		e.Papers = append(e.Papers, SentPaper{Name: string(r.part()), Size: int(r.number()), Seal: PackedSeal{r.part(), r.part()}})
	}
	if r.bad || len(r.rest) > 0 {
		return Envelope{}, ErrEnvelope.Because(errors.New("cut short, or bytes behind the end"))
	}
	return e, nil
}

// cutter takes parts off the front of bytes.
type cutter struct {
	rest []byte
	bad  bool
}

func (c *cutter) number() uint64 {
	n, used := binary.Uvarint(c.rest)
	if used <= 0 || n > 1<<30 {
		c.bad = true
		return 0
	}
	c.rest = c.rest[used:]
	return n
}

func (c *cutter) part() []byte {
	n := c.number()
	if n > uint64(len(c.rest)) {
		c.bad = true
		return nil
	}
	p := c.rest[:n:n]
	c.rest = c.rest[n:]
	return p
}

// Sent is a file as it was sent: its own bytes, its detached seal, the papers
// beside it.
type Sent struct {
	Bytes  []byte
	Seal   string // "" where sealed inside
	Papers []Paper
}

// Seals are the detached seals of the file and of its papers, "" where one is
// sealed inside.
func (s Sent) Seals() []string {
	list := []string{s.Seal}
	for _, p := range s.Papers {
		list = append(list, p.Seal)
	}
	return list
}

// Paper is one paper beside a file.
type Paper struct {
	Name  string
	Bytes []byte
	Seal  string
}

// Unpack parts the joined bytes of a file. certificate gives the text of a
// certificate by its SHA-256, as for body.Join. Fault: file.envelope, or
// certificate's.
func (e Envelope) Unpack(joined []byte, certificate func([32]byte) ([]byte, error)) (Sent, error) {
	own := len(joined)
	for _, p := range e.Papers {
		own -= p.Size
	}
	if own < 0 {
		return Sent{}, ErrEnvelope.Because(errors.New("papers larger than the file"))
	}
	s := Sent{Bytes: joined[:own:own]}
	var err error
	if s.Seal, err = e.Seal.token(certificate); err != nil {
		return Sent{}, err
	}
	for _, p := range e.Papers {
		x := Paper{Name: p.Name, Bytes: joined[own : own+p.Size : own+p.Size]}
		own += p.Size
		if x.Seal, err = p.Seal.token(certificate); err != nil {
			return Sent{}, err
		}
		s.Papers = append(s.Papers, x)
	}
	return s, nil
}

// PackSeal packs a detached seal that was verified; its certificates are
// returned apart, to be kept once. A token that would not come back byte for
// byte is an error: package seal takes none such.
func PackSeal(token string) (PackedSeal, []body.Certificate, error) {
	if token == "" {
		return PackedSeal{}, nil, nil
	}
	head, value, _ := strings.Cut(token, "..")
	header, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return PackedSeal{}, nil, ErrEnvelope.Because(err)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return PackedSeal{}, nil, ErrEnvelope.Because(err)
	}
	f, err := body.Split(header, nil, certificatesIn(header)...)
	if err != nil {
		return PackedSeal{}, nil, err
	}
	p := PackedSeal{Header: f.Skeleton, Value: raw}
	back, err := p.token(f.Source().Certificate)
	if err != nil || back != token {
		return PackedSeal{}, nil, ErrEnvelope.Because(fmt.Errorf("a seal of %d bytes does not come back", len(token)))
	}
	return p, f.Certificates, nil
}

// certificatesIn finds the texts of x5c in a header, where they stand in it as
// they are.
func certificatesIn(header []byte) []body.Extract {
	var h struct {
		X5C []string `json:"x5c"`
	}
	if json.Unmarshal(header, &h) != nil {
		return nil
	}
	var out []body.Extract
	for _, text := range h.X5C {
		if at := bytes.Index(header, []byte(`"`+text+`"`)); at >= 0 && text != "" {
			out = append(out, body.Extract{Start: at + 1, End: at + 1 + len(text)})
		}
	}
	slices.SortFunc(out, func(a, b body.Extract) int { return a.Start - b.Start })
	return slices.Compact(out)
}

// token gives the compact JWS back.
func (s PackedSeal) token(certificate func([32]byte) ([]byte, error)) (string, error) {
	if s.IsZero() {
		return "", nil
	}
	header, err := body.Join(s.Header, body.Source{
		Dossier:     func(int) ([]byte, error) { return nil, ErrEnvelope.Because(errors.New("a seal with a dossier in it")) },
		Certificate: certificate,
	})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(header) + ".." + base64.RawURLEncoding.EncodeToString(s.Value), nil
}
