package synth

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"lienthong/internal/kind/qd4750"
	"lienthong/internal/synth/world"
)

// Outcome is what a hub must answer to a file with a defect.
type Outcome string

// The outcomes.
const (
	Refused  Outcome = "refused"  // the whole file, with Code
	Rejected Outcome = "rejected" // the first dossier, with Code among its findings
	Found    Outcome = "found"    // accepted with the finding Code
)

// Defect is one thing that goes wrong in real files.
type Defect struct {
	Name    string // Submission.Defect
	Outcome Outcome
	Code    string
}

type defect struct {
	Defect
	weight   int
	dossier  func(v *visit)
	inner    func(v *visit, docs []qd4750.Inner) []qd4750.Inner
	envelope func(raw []byte) []byte // before signing
	signed   func(raw []byte) []byte // after signing
	unsigned bool
	stranger bool // signed by another facility
}

// Defects lists what can be wrong with a file, and what a hub must say to it.
func Defects() []Defect {
	var out []Defect
	for _, d := range defects() {
		out = append(out, d.Defect)
	}
	return out
}

func defectOf(name string) defect {
	for _, d := range defects() {
		if d.Name == name && name != "" {
			return d
		}
	}
	return defect{}
}

// drawDefect chooses one that the slot's file can have: check-ins and files of
// several visits only those of the seal.
func drawDefect(r *rand.Rand, s *slot) string {
	c := world.Choice[string]{}
	single := s.part == partDossier || s.part == partReceived || s.part == partCorrection
	for _, d := range defects() {
		ofSeal := d.dossier == nil && d.inner == nil && d.envelope == nil
		if single || ofSeal || d.envelope != nil && s.part == partSeveral {
			c.Add(d.Name, d.weight)
		}
	}
	return c.Draw(r)
}

func defects() []defect {
	return append(dossierDefects(), fileDefects()...)
}

func set(field, text string) func(v *visit) {
	return func(v *visit) { v.summary.set(field, text) }
}

func dossierDefects() []defect {
	found := func(code string) Defect { return Defect{code, Found, code} }
	rejected := func(code string) Defect { return Defect{code, Rejected, code} }
	return []defect{
		{Defect: rejected("subject.sex"), weight: 3, dossier: set("GIOI_TINH", "9")},
		{Defect: rejected("time.order"), weight: 3, dossier: func(v *visit) {
			v.summary.set("NGAY_RA", stamp(v.in.AddDate(0, 0, -1)))
		}},
		{Defect: rejected("time.future"), weight: 2, dossier: func(v *visit) { // 2026 typed as 2062
			v.summary.set("NGAY_RA", "2062"+stamp(v.out)[4:])
		}},
		{Defect: rejected("time.impossible"), weight: 2, dossier: func(v *visit) { // a 13th month
			v.summary.set("NGAY_VAO", stamp(v.in)[:4]+"13"+stamp(v.in)[6:])
		}},
		{Defect: rejected("facility.mismatch"), weight: 2, dossier: func(v *visit) {
			v.summary.set("MA_CSKCB", v.n.Facilities()[(v.f.Number+1)%len(v.n.Facilities())].Code)
		}},
		{Defect: rejected("episode.mismatch"), weight: 2, dossier: func(v *visit) {
			if s := v.sheet("XML8"); s != nil {
				record{v, s.table, s.rows[0]}.set("MA_LK", v.lk+"X")
			}
		}},
		{Defect: rejected("dossier.no_summary"), weight: 2, inner: func(_ *visit, docs []qd4750.Inner) []qd4750.Inner { return docs[1:] }},
		{Defect: rejected("dossier.two_patients"), weight: 1, inner: func(_ *visit, docs []qd4750.Inner) []qd4750.Inner {
			return append(docs, docs[0])
		}},
		{Defect: found("XML1.T_TONGCHI_BV.sum"), weight: 8, dossier: func(v *visit) {
			v.summary.set("T_TONGCHI_BV", money(v.t.bv+int64(world.Between(v.r, 1000, 90000))*100))
		}},
		{Defect: found("XML1.MA_BENH_CHINH.pattern"), weight: 6, dossier: func(v *visit) {
			v.summary.set("MA_BENH_CHINH", strings.ToLower(strings.ReplaceAll(v.main.ICD, ".", "")))
		}},
		{Defect: found("XML1.NHOM_MAU.too_long"), weight: 4, dossier: set("NHOM_MAU", "Nhóm O Rh+")},
		{Defect: found("XML8.MA_TTDV.missing"), weight: 6, dossier: func(v *visit) {
			if s := v.sheet("XML8"); s != nil {
				record{v, s.table, s.rows[0]}.set("MA_TTDV", "")
			}
		}},
		{Defect: found("XML1.MA_DOITUONG_KCB.not_in_list"), weight: 5, dossier: set("MA_DOITUONG_KCB", "4.9")},
		{Defect: found("XML1.GT_THE_DEN.expired"), weight: 6, dossier: func(v *visit) {
			from, to := v.in.AddDate(-1, -1, 0), v.in.AddDate(0, 0, -3)
			v.summary.set("MA_THE_BHYT", "GD4"+v.f.Old+v.p.Social, "MA_DKBD", v.f.Code, "GT_THE_TU", date(from), "GT_THE_DEN", date(to))
			if v.entitled == "9" {
				v.summary.set("MA_DOITUONG_KCB", "3.3") // the counter took the card for a good one
			}
		}},
		{Defect: found("XML1.DIEN_THOAI.pattern"), weight: 4, dossier: set("DIEN_THOAI", "0000")},
	}
}

func fileDefects() []defect {
	refused := func(name, code string) Defect { return Defect{name, Refused, code} }
	return []defect{
		{Defect: Defect{"dossier.unreadable", Rejected, "dossier.unreadable"}, weight: 3, envelope: func(raw []byte) []byte {
			second := bytes.Index(raw, []byte("</FILEHOSO>")) // XML1 is the first
			at := second + bytes.Index(raw[second:], []byte("<NOIDUNGFILE>")) + len("<NOIDUNGFILE>")
			out := append([]byte(nil), raw...)
			copy(out[at+40:], "!!") // not letters of base64
			return out
		}},
		{Defect: refused("envelope.truncated", "envelope.truncated"), weight: 2, envelope: func(raw []byte) []byte {
			at := bytes.Index(raw, []byte("<SOLUONGHOSO>")) + len("<SOLUONGHOSO>")
			end := at + bytes.IndexByte(raw[at:], '<')
			return fmt.Appendf(append([]byte(nil), raw[:at]...), "9%s", raw[end:])
		}},
		{Defect: refused("facility.unknown", "facility.unknown"), weight: 2, envelope: func(raw []byte) []byte {
			at := bytes.Index(raw, []byte("<MACSKCB>")) + len("<MACSKCB>")
			out := append([]byte(nil), raw...)
			copy(out[at:], "00S00")
			return out
		}},
		{Defect: refused("seal.missing", "seal.missing"), weight: 3, unsigned: true},
		{Defect: refused("seal.broken", "seal.broken"), weight: 2, signed: func(raw []byte) []byte { // edited after signing
			at := bytes.Index(raw, []byte("<"+container+">"))
			return append(append(append([]byte(nil), raw[:at]...), ' '), raw[at:]...)
		}},
		{Defect: refused("seal.untrusted", "seal.untrusted"), weight: 2, stranger: true},
	}
}
