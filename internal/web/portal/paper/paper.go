// Package paper prints what a receipt says on one A4 page (PDF), with a QR code
// that leads to where anybody checks it. It prints no clinical content, reads
// no store and checks nothing: the page says so, and the check tells.
package paper

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
)

// Sheet is what is printed.
type Sheet struct {
	Lang    string // "vi", "en"
	Title   string
	Intro   string
	Lines   [][2]string // name and value
	Check   string      // the sentence beside the code
	URL     string      // what the code says
	Modules [][]bool    // rows of dark modules
	Foot    string
	At      time.Time // of printing: the same sheet at the same time gives the same bytes
}

const (
	margin = 20.0 // mm
	width  = 210 - 2*margin
	label  = 48.0
	code   = 46.0 // mm, side of the QR code
)

// PDF makes the page. DejaVu Sans is embedded as a subset: it has every letter
// of Vietnamese (ADR 0009).
func PDF(s *Sheet) ([]byte, error) {
	p := fpdf.New("P", "mm", "A4", "")
	p.SetCreationDate(s.At.UTC())
	p.SetModificationDate(s.At.UTC())
	p.SetCatalogSort(true)
	p.SetTitle(s.Title, true)
	p.SetLang(s.Lang)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, margin)
	p.AddUTF8FontFromBytes("dejavu", "", dejavusans.TTF)
	p.AddUTF8FontFromBytes("dejavu", "B", dejavusansbold.TTF)
	p.AddPage()
	text := func(style string, size, height float64, t string) {
		p.SetFont("dejavu", style, size)
		p.MultiCell(width, height, plain(t), "", "L", false)
	}
	text("B", 16, 8, s.Title)
	p.Ln(2)
	text("", 10, 5, s.Intro)
	p.Ln(4)
	for _, l := range s.Lines {
		top := p.GetY()
		p.SetFont("dejavu", "B", 9)
		p.MultiCell(label, 5, plain(l[0]), "", "L", false)
		left := p.GetY()
		p.SetXY(margin+label, top)
		p.SetFont("dejavu", "", 9)
		p.MultiCell(width-label, 5, plain(l[1]), "", "L", false)
		y := max(left, p.GetY()) + 1
		p.SetDrawColor(213, 219, 225)
		p.Line(margin, y, margin+width, y)
		p.SetXY(margin, y+1)
	}
	p.Ln(5)
	draw(p, s, text)
	text("", 8, 4, s.Foot)
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("paper: %w", err)
	}
	return out.Bytes(), nil
}

// draw puts the code with its sentence below the lines.
func draw(p *fpdf.Fpdf, s *Sheet, text func(string, float64, float64, string)) {
	top := p.GetY()
	p.SetFillColor(0, 0, 0)
	if n := len(s.Modules); n > 0 {
		side := code / float64(n)
		for y, row := range s.Modules {
			for x, dark := range row {
				if dark {
					p.Rect(margin+float64(x)*side, top+float64(y)*side, side, side, "F")
				}
			}
		}
	}
	p.SetXY(margin+code+6, top+2)
	p.SetLeftMargin(margin + code + 6)
	p.SetFont("dejavu", "", 10)
	p.MultiCell(width-code-6, 5, plain(s.Check), "", "L", false)
	p.Ln(2)
	p.SetFont("dejavu", "", 7)
	p.MultiCell(width-code-6, 3.5, plain(s.URL), "", "L", false)
	p.SetLeftMargin(margin)
	p.SetXY(margin, max(p.GetY(), top+code)+6)
}

// plain keeps what a page can show: no control characters, and none that the
// font has no place for.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r != 0x7f && r < 0x10000 {
			return r
		}
		return -1
	}, s)
}
