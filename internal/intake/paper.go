package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"

	"lienthong/internal/body"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/seal"
	"lienthong/internal/xmltok"
)

// Paper is a document that came beside a file, with its own detached seal: the
// signed PDF of an EMR.
type Paper struct {
	Name  string
	Bytes []byte
	Seal  string
}

// maxTogether is how many bytes a file and its papers may have: what one file may.
const maxTogether = 32 << 20

// maxPapers is how many papers a file may have beside it.
const maxPapers = 16

// errPapers refuses a paper whose file takes none, or too many.
var errPapers = fault.New(fault.Invalid, "paper.unexpected",
	"Tệp PDF này không đi kèm được: loại hồ sơ bên cạnh không nhận tệp kèm, hoặc có quá 16 tệp kèm.",
	"This PDF cannot be taken: the kind of the file beside it takes no papers, or there are more than 16.")

// ErrPaperAlone refuses a PDF that lies beside nothing.
var ErrPaperAlone = fault.New(fault.Invalid, "paper.alone",
	"Tệp PDF phải đi kèm một hồ sơ bệnh án trong cùng gói: đặt tên là tên tệp bệnh án thêm .pdf.",
	"A PDF must come beside an EMR in the same tar: name it as the EMR's file with .pdf behind.")

// papers are those beside one file: taken into its dossier, or refused by
// themselves. What is wrong with a paper never holds back the dossier.
type papers struct {
	taken   []taken
	refused []refusedPaper
}

type taken struct {
	Paper
	digest [32]byte
}

type refusedPaper struct {
	Paper
	why *fault.Error
}

// admitPapers judges the papers: the kind takes them, they can be read, and the
// facility sealed each.
func (t *task) admitPapers() {
	for i, p := range t.file.Beside {
		if err := t.admitPaper(i, p); err != nil {
			t.papers.refused = append(t.papers.refused, refusedPaper{p, fault.Of(err)})
			continue
		}
		t.papers.taken = append(t.papers.taken, taken{p, sha256.Sum256(p.Bytes)})
	}
	if len(t.papers.taken) > 0 {
		list := make([]kind.Paper, len(t.papers.taken))
		for i, p := range t.papers.taken {
			list[i] = kind.Paper{Name: p.Name, Bytes: p.Bytes}
		}
		t.opened = kind.WithPapers(t.opened, len(t.file.Bytes), list)
	}
}

func (t *task) admitPaper(i int, p Paper) error {
	reader, ok := t.reader.(kind.PaperReader)
	if !ok || i >= maxPapers {
		return errPapers
	}
	size := len(t.file.Bytes) + len(p.Bytes)
	for _, x := range t.papers.taken {
		size += len(x.Bytes)
	}
	if size > maxTogether {
		return xmltok.ErrLimits
	}
	if err := reader.Paper(p.Bytes); err != nil {
		return err
	}
	v, err := t.in.Seals.VerifyDetached(p.Bytes, p.Seal)
	if err != nil {
		return err
	}
	if t.trust == nil { // a check without a directory: whom the seal binds is unknown
		return nil
	}
	for _, s := range v.Signatures {
		if _, err := t.trust.Bind(context.Background(), s, t.version, t.received); err != nil {
			return err
		}
	}
	return nil
}

// refusePapers keeps the refusals of papers and answers them.
func (t *task) refusePapers(ctx context.Context) {
	for _, p := range t.papers.refused {
		a := Answer{Refused: &Refused{File: p.Name, Refused: true, Code: p.why.Code, Message: p.why.Text}}
		if err := t.refused(context.WithoutCancel(ctx), p.why, sha256.Sum256(p.Bytes), int64(len(p.Bytes))); err != nil {
			a = Answer{Deferred: t.deferred(p.Name, 0, err)}
		}
		t.answers = append(t.answers, a)
	}
}

// joined is what is kept as the file's bytes: its own, then those of its papers.
func (t *task) joined() []byte {
	raw := t.file.Bytes
	for i := range t.papers.taken {
		if i == 0 {
			raw = slices.Clip(raw)
		}
		raw = append(raw, t.papers.taken[i].Bytes...)
	}
	return raw
}

// envelope is the file's skeleton with its detached seals and papers, and the
// certificates of those seals.
func (t *task) envelope(skeleton []byte) (evidence.Envelope, []body.Certificate, error) {
	e := evidence.Envelope{Skeleton: skeleton}
	var certs []body.Certificate
	pack := func(token string) (evidence.PackedSeal, error) {
		p, more, err := evidence.PackSeal(token)
		certs = append(certs, more...)
		return p, err
	}
	var err error
	if t.opened.Sealing().Inside == nil {
		if e.Seal, err = pack(t.file.Seal); err != nil {
			return e, nil, err
		}
	}
	for _, p := range t.papers.taken {
		s := evidence.SentPaper{Name: p.Name, Size: len(p.Bytes)}
		if s.Seal, err = pack(p.Seal); err != nil {
			return e, nil, err
		}
		e.Papers = append(e.Papers, s)
	}
	return e, certs, nil
}

// Wants says what may lie beside a file, told from how it begins: a detached
// seal, and papers. Whoever unpacks a tar waits for them.
func (in *Intake) Wants(raw []byte) (sealed, papers bool) {
	reader, err := in.Kinds.Pick(raw)
	if err != nil {
		return false, false
	}
	v := reader.View()
	return v.Detached && (isJSON(raw) || !hasSignature(raw)), v.Papers
}

// isJSON reports a JSON document: it carries no signature inside, whatever its
// texts mention.
func isJSON(raw []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF")), " \t\r\n"), []byte("{"))
}

// hasSignature reports whether a document may carry an XML signature inside:
// then it waits for no detached seal.
func hasSignature(raw []byte) bool { return seal.Mentions(raw) }
