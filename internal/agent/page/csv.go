package page

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// table writes CSV (RFC 4180) with a byte-order mark, by which spreadsheets know
// UTF-8.
type table struct{ w *csv.Writer }

func attach(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
}

func begin(w http.ResponseWriter, name string, head ...string) *table {
	attach(w, name)
	_, _ = io.WriteString(w, "\uFEFF") // an error of it comes again at the end
	t := &table{csv.NewWriter(w)}
	t.w.UseCRLF = true
	t.row(head...)
	return t
}

// row writes a row; a spreadsheet would run what begins as a formula.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	_ = t.w.Write(cells) // told by end
}

func (t *table) standings(rows []standing) {
	for _, s := range rows {
		for _, f := range s.Findings {
			line := ""
			if f.Row > 0 {
				line = strconv.Itoa(f.Row)
			}
			t.row(s.File, s.Episode, f.Code, f.Table, line, f.Field, f.Message.VI, f.Hint.VI, f.Message.EN, f.Hint.EN)
		}
	}
}

func (t *table) end() error {
	t.w.Flush()
	return t.w.Error()
}

// broken is an error after the first byte has left: the list is cut off so that
// nobody takes it for whole.
func (p *Page) broken(ctx context.Context, err error) {
	if ctx.Err() == nil {
		p.Logger.ErrorContext(ctx, "list cut off", "error", err)
	}
	panic(http.ErrAbortHandler)
}
