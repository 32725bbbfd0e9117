package checkup

import (
	"io"
	"strconv"

	"lienthong/internal/kind/table"
)

// Envelope is an unsigned file to write.
type Envelope struct {
	Facility string // MA_CSKCB, 5 characters
	GTIN     string // MA_GTIN_CSKCB, 13 digits; left out when empty
	Created  string // NGAYLAP, yyyyMMdd
	Checks   []Check
}

// Check is the tables of one health check, by name, each with its rows; a row is
// the texts of its fields in the order of the table's columns.
type Check map[string][][]string

// Write writes the file with empty places for both signatures. Inner documents
// are written as XML, in the order of the specification.
func Write(w io.Writer, e Envelope) error {
	out := []byte("<" + rootName + ">\r\n<THONGTINDONVI>")
	leaf := func(name, text string) {
		out = append(out, "<"+name+">"...)
		out = table.AppendText(out, text)
		out = append(out, "</"+name+">"...)
	}
	leaf("MA_CSKCB", e.Facility)
	if e.GTIN != "" {
		leaf("MA_GTIN_CSKCB", e.GTIN)
	}
	out = append(out, "</THONGTINDONVI>\r\n<THONGTINHOSO>"...)
	leaf("NGAYLAP", e.Created)
	leaf("SOLUONGHOSO", strconv.Itoa(len(e.Checks)))
	out = append(out, "<DANHSACHHOSO>\r\n"...)
	for _, c := range e.Checks {
		out = append(out, "<HOSO>\r\n"...)
		number := 0
		for _, t := range Spec().Tables() {
			rows, there := c[t.Name]
			if t.Name == Unit {
				continue
			}
			number++
			if !there {
				continue
			}
			out = append(out, "<FILEHOSO>"...)
			leaf("LOAIHOSO", "XML"+strconv.Itoa(number))
			out = append(out, "<NOIDUNGFILE>"...)
			out = appendTable(out, t.Name, rows)
			out = append(out, "</NOIDUNGFILE></FILEHOSO>\r\n"...)
		}
		out = append(out, "</HOSO>\r\n"...)
	}
	out = append(out, "</DANHSACHHOSO></THONGTINHOSO>\r\n<"+Container+"><"+ByPerson+"></"+ByPerson+"><"+ByUnit+"></"+ByUnit+"></"+Container+">\r\n</"+rootName+">"...)
	_, err := w.Write(out)
	return err
}

// appendTable writes rows without the declaration a document of its own has.
func appendTable(dst []byte, name string, rows [][]string) []byte {
	t := Spec().Table(name)
	if t.Single {
		if len(rows) == 0 {
			rows = [][]string{nil}
		}
		return table.AppendRecord(dst, t, rows[0], "")
	}
	dst = append(dst, "<"+t.Root+"><"+t.List+">\r\n"...)
	for _, row := range rows {
		dst = append(table.AppendRecord(dst, t, row, ""), "\r\n"...)
	}
	return append(dst, "</"+t.List+"></"+t.Root+">"...)
}
