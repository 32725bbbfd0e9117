package kind

import (
	"slices"

	"lienthong/internal/body"
	"lienthong/internal/fault"
)

// Paper is a document that lies beside a file, sealed by itself, and belongs to
// the file's one dossier: the signed PDF of an EMR.
type Paper struct {
	Name  string // of the tar member: "x.json.pdf"
	Bytes []byte
}

// Faults of papers (PaperReader.Paper).
var (
	// ErrPaper (paper.unreadable): no PDF from its first byte to its end, or one
	// that cannot be looked into.
	ErrPaper = fault.New(fault.Invalid, "paper.unreadable",
		"Tệp kèm không phải PDF đọc được: hỏng, bị cắt, có mật khẩu, hoặc nén theo cách không kiểm tra được. Xuất lại PDF rồi ký và gửi.",
		"The paper is no readable PDF: damaged, cut short, with a password, or packed in a way that cannot be looked into. Export it again, sign and send.")
	// ErrPaperActive (paper.active): a PDF that would run something, open something
	// or carries other files.
	ErrPaperActive = fault.New(fault.Invalid, "paper.active",
		"Tệp PDF có mã lệnh, liên kết tự mở hoặc tệp đính kèm bên trong nên không nhận. Xuất lại PDF tĩnh (PDF/A-2) rồi ký và gửi.",
		"The PDF holds scripts, actions that open by themselves or attached files and is not taken. Export a plain one (PDF/A-2), sign and send.")
)

// PaperType names papers among the inner documents of a dossier.
const PaperType = "PDF"

// WithPapers is the file with papers behind it: its bytes are those of f, size
// in all, and then of each paper in order. Papers are inner documents of dossier
// 0, so the receipt names their digests.
func WithPapers(f File, size int, papers []Paper) File {
	if len(papers) == 0 {
		return f
	}
	return &papered{f, size, papers}
}

type papered struct {
	File
	size   int
	papers []Paper
}

// Spans are those of the file, then one for each paper.
func (p *papered) Spans() []body.Span {
	spans := slices.Clone(p.File.Spans())
	at := p.size
	for _, x := range p.papers {
		spans = append(spans, body.Span{Start: at, End: at + len(x.Bytes), Dossier: 0})
		at += len(x.Bytes)
	}
	return spans
}

// Dossier adds the papers to dossier 0.
func (p *papered) Dossier(i int) Dossier {
	d := p.File.Dossier(i)
	if i != 0 {
		return d
	}
	d.Inner, d.InnerNames = slices.Clip(d.Inner), slices.Clip(d.InnerNames)
	for _, x := range p.papers {
		d.Inner, d.InnerNames = append(d.Inner, x.Bytes), append(d.InnerNames, PaperType)
	}
	return d
}

// Lines are the names of version lines beside the empty one, of all kinds.
func Lines() []string { return []string{"XML14"} }

// LineOf is the line of versions of a stored record, told from its kind and the
// tables it has (Dossier.Label).
func LineOf(kind string, documents uint32) string {
	if kind == "slip" && documents&(1<<14) != 0 {
		return "XML14"
	}
	return ""
}

// EpisodeKey is what an episode's hash is made of, beside the facility: its
// MA_LK, and the line of versions where a kind has several.
func EpisodeKey(episode, line string) []byte {
	if line == "" {
		return []byte(episode)
	}
	return []byte(episode + "\x00" + line)
}
