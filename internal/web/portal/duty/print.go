package duty

import (
	"bytes"
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
)

const (
	margin = 15.0 // mm, A4 lying
	width  = 297 - 2*margin
	bottom = 210 - margin - 6
	lineMM = 4.2
)

// printed is the report on paper: A4 lying, DejaVu Sans embedded as a subset (ADR
// 0009), heads repeated on each page, rows never split.
func printed(v *reported) ([]byte, error) {
	w := v.p.W
	d := fpdf.New("L", "mm", "A4", "")
	d.SetCreationDate(v.p.Now.UTC())
	d.SetModificationDate(v.p.Now.UTC())
	d.SetCatalogSort(true)
	d.SetTitle(w.T("duty.report"), true)
	d.SetLang(w.Lang)
	d.SetMargins(margin, margin, margin)
	d.SetAutoPageBreak(false, margin)
	d.AddUTF8FontFromBytes("dejavu", "", dejavusans.TTF)
	d.AddUTF8FontFromBytes("dejavu", "B", dejavusansbold.TTF)
	d.AliasNbPages("{all}")
	d.SetFooterFunc(func() {
		d.SetXY(margin, 210-margin)
		d.SetFont("dejavu", "", 7)
		foot := w.T("duty.report.foot", w.Time(v.p.Now), d.PageNo(), "{all}")
		if v.p.Demo {
			foot += " · " + w.T("page.synthetic")
		}
		d.CellFormat(width, 4, plain(foot), "", 0, "R", false, 0, "")
	})
	d.AddPage()
	d.SetFont("dejavu", "B", 15)
	d.MultiCell(width, 7, plain(w.T("duty.report")), "", "L", false)
	d.SetFont("dejavu", "", 9)
	d.MultiCell(width, 5, plain(v.sub()), "", "L", false)
	d.MultiCell(width, 5, plain(w.T("duty.report.sum", v.Total.Done, v.Total.Open, v.Total.Late, v.Total.Blocked)), "", "L", false)
	if v.More {
		d.MultiCell(width, 5, plain(w.T("duty.report.more")), "", "L", false)
	}
	for _, t := range v.parts() {
		table(d, w.T("duty.report."+t.Key)+" ("+w.Num(t.Count)+")", w.T("duty.report.none"), &t)
	}
	var out bytes.Buffer
	if err := d.Output(&out); err != nil {
		return nil, fmt.Errorf("duty: report: %w", err)
	}
	return out.Bytes(), nil
}

// columns are the widths of a table's columns in mm.
func (t *part) columns() []float64 {
	switch {
	case t.Wide == 1:
		return []float64{34, 84, 62, 24, width - 204}
	case t.Key == "bottlenecks":
		return []float64{width - 150, 26, 26, 26, 32, 40}
	}
	return []float64{width - 128, 32, 32, 32, 32}
}

func table(d *fpdf.Fpdf, title, none string, t *part) {
	if d.GetY() > bottom-25 {
		d.AddPage()
	}
	d.Ln(4)
	d.SetFont("dejavu", "B", 11)
	d.MultiCell(width, 6, plain(title), "", "L", false)
	if len(t.Rows) == 0 {
		d.SetFont("dejavu", "", 9)
		d.MultiCell(width, 5, plain(none), "", "L", false)
		return
	}
	row(d, t, t.Head, "B")
	for _, cells := range t.Rows {
		row(d, t, cells, "")
	}
}

// row prints one row, on the next page where it has no room here.
func row(d *fpdf.Fpdf, t *part, cells []string, style string) {
	d.SetFont("dejavu", style, 8)
	columns, high := t.columns(), 1
	texts := make([][]string, len(cells))
	for i, c := range cells {
		texts[i] = d.SplitText(plain(c), columns[i]-2)
		if len(texts[i]) > 8 {
			texts[i] = append(texts[i][:7:7], "…")
		}
		high = max(high, len(texts[i]))
	}
	if d.GetY()+float64(high)*lineMM > bottom {
		d.AddPage()
		if style == "" {
			row(d, t, t.Head, "B")
			d.SetFont("dejavu", style, 8)
		}
	}
	top, left := d.GetY(), margin
	for i, lines := range texts {
		align := "L"
		if t.right(i) {
			align = "R"
		}
		for n, text := range lines {
			d.SetXY(left, top+0.6+float64(n)*lineMM)
			d.CellFormat(columns[i], lineMM, text, "", 0, align, false, 0, "")
		}
		left += columns[i]
	}
	y := top + float64(high)*lineMM + 1.2
	d.SetDrawColor(213, 219, 225)
	d.Line(margin, y, margin+width, y)
	d.SetXY(margin, y)
}

// plain keeps what a page can show.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= ' ' && r != 0x7f && r < 0x10000 {
			return r
		}
		return ' '
	}, s)
}
