package table

import (
	"unicode/utf8"

	"lienthong/internal/schema"
)

// Append writes rows as a document of table t to dst, with an XML declaration
// and CRLF line ends as hospital systems do, and returns it. A row is the texts
// of its fields in the order of t.Columns; what is absent at its end is left
// out, what is empty is an empty element. Where public sources do not name the
// document element (XML12) one row is the document and more are not written.
func Append(dst []byte, t *schema.Table, rows [][]string) []byte {
	dst = append(dst, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"...)
	if t.Single || t.Root == "" {
		if len(rows) == 0 {
			return append(openTag(dst, t.Record, ""), "</"+t.Record+">"...)
		}
		return AppendRecord(dst, t, rows[0], "")
	}
	dst = append(openTag(dst, t.Root, ""), "\r\n"...)
	if t.List != "" {
		dst = append(openTag(dst, t.List, "  "), "\r\n"...)
	}
	for _, row := range rows {
		dst = append(AppendRecord(dst, t, row, "    "), "\r\n"...)
	}
	if t.List != "" {
		dst = append(dst, "  </"+t.List+">\r\n"...)
	}
	return append(dst, "</"+t.Root+">"...)
}

// AppendRecord writes one record, its lines behind indent, without a line end after it.
func AppendRecord(dst []byte, t *schema.Table, row []string, indent string) []byte {
	dst = append(openTag(dst, t.Record, indent), "\r\n"...)
	names := t.Columns.Names()
	for i, text := range row {
		if i == len(names) {
			break
		}
		dst = openTag(dst, names[i], indent)
		dst = AppendText(dst, text)
		dst = append(dst, "</"...)
		dst = append(dst, names[i]...)
		dst = append(dst, ">\r\n"...)
	}
	dst = append(dst, indent...)
	return append(dst, "</"+t.Record+">"...)
}

func openTag(dst []byte, name, indent string) []byte {
	dst = append(dst, indent...)
	dst = append(dst, '<')
	dst = append(dst, name...)
	return append(dst, '>')
}

// AppendText writes character data: what a reader takes back is s, with U+FFFD
// for what XML 1.0 (§2.2) cannot hold.
func AppendText(dst []byte, s string) []byte {
	for _, c := range s {
		switch {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '\r':
			dst = append(dst, "&#13;"...)
		case c < 0x20 && c != '\t' && c != '\n', c == 0xFFFE, c == 0xFFFF:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}
