// Package booklet prints a citizen's copy of their records (PDF). It is handed what
// may be printed and opens nothing.
package booklet

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"

	"lienthong/internal/chart/readable"
	"lienthong/internal/web/portal/view"
)

// Book is what a health book says on paper.
type Book struct {
	Name, Birth string
	More        int // records that are not among these; 0: all are
	Records     []Record
}

// Record is one record's heading and its tables.
type Record struct {
	Title    string
	Sections []readable.Section
}

// PDF writes a health book as PDF: the same at the same moment.
func PDF(p *view.Page, at time.Time, b Book) ([]byte, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCreationDate(at)
	f.SetModificationDate(at)
	f.SetCatalogSort(true)
	f.SetTitle(p.W.T("me.download.title"), true)
	f.SetLang(p.W.Lang)
	f.SetMargins(18, 18, 18)
	f.SetAutoPageBreak(true, 18)
	f.AddUTF8FontFromBytes("dejavu", "", dejavusans.TTF)
	f.AddUTF8FontFromBytes("dejavu", "B", dejavusansbold.TTF)
	f.AddPage()
	line := func(style string, size float64, text string) {
		if text = strings.TrimSpace(strings.Map(basic, text)); text == "" {
			return
		}
		f.SetFont("dejavu", style, size)
		f.MultiCell(0, size*0.5, text, "", "L", false)
	}
	line("B", 16, p.W.T("me.download.title"))
	line("", 11, b.Name+" "+b.Birth)
	line("", 9, p.W.T("me.download.at", p.W.Time(at)))
	if b.More > 0 {
		line("B", 9, p.W.T("me.download.more", b.More))
	}
	for _, r := range b.Records {
		f.Ln(4)
		line("B", 12, r.Title)
		for _, s := range r.Sections {
			line("B", 10, p.W.Text(s.Title))
			for _, row := range rowsOf(p, &s) {
				line("", 9, row)
			}
		}
	}
	var out bytes.Buffer
	if err := f.Output(&out); err != nil {
		return nil, fmt.Errorf("booklet: writing a health book: %w", err)
	}
	return out.Bytes(), nil
}

// basic leaves out what the font's tables cannot hold.
func basic(r rune) rune {
	if r > 0xffff {
		return -1
	}
	return r
}

// rowsOf writes a table's rows as lines of words.
func rowsOf(p *view.Page, s *readable.Section) []string {
	var out []string
	for _, row := range s.Rows {
		var parts []string
		for i, v := range row.Values {
			if text := p.W.Text(v.Text); text != "" && i < len(s.Columns) {
				parts = append(parts, p.W.Text(s.Columns[i].Label)+": "+text)
			}
		}
		if len(parts) > 0 {
			out = append(out, strings.Join(parts, "; "))
		}
	}
	return out
}
