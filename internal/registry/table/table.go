// Package table reads the files that people bring into databases as rows of text,
// whatever office program wrote them: CSV with any usual separator and encoding
// (UTF-8, UTF-16, Windows-1258, TCVN3, also several in one file), NDJSON, XLSX and
// XML. It reads as it goes and keeps little in memory, except of XLSX and XML files,
// which may therefore be smaller.
//
// It knows no field and judges no value: package steward/bring does.
package table

import (
	"bytes"
	"io"
	"strings"

	"lienthong/internal/fault"
)

// Format is what a file is.
type Format string

// The formats.
const (
	CSV    Format = "csv"
	NDJSON Format = "ndjson"
	XLSX   Format = "xlsx"
	XML    Format = "xml"
)

// The bounds. A file over one of them is refused or its row is, with a code.
const (
	MaxSize    = 4 << 30  // bytes of a file that is read as it goes
	MaxSheet   = 32 << 20 // of an XLSX file
	MaxOpened  = 96 << 20 // of what an XLSX file holds, opened
	MaxRows    = 200_000  // of an XLSX file
	MaxXML     = 64 << 20 // of an XML file
	MaxColumns = 500
	MaxCell    = 64 << 10 // bytes
	MaxLine    = 1 << 20  // bytes of a row
)

// The faults of a file as a whole.
var (
	ErrFormat = fault.New(fault.Invalid, "table.format",
		"Không đọc được tệp như một bảng. Dùng CSV, NDJSON, XLSX hoặc XML có một dòng tiêu đề.",
		"The file cannot be read as a table. Use CSV, NDJSON, XLSX or XML with a row of headings.")
	ErrTooLarge = fault.New(fault.TooLarge, "table.too_large",
		"Tệp quá lớn cho định dạng này. Tệp XLSX và XML lớn: lưu thành CSV rồi gửi lại.",
		"The file is too large for its format. Save large XLSX and XML files as CSV and send again.")
	ErrHeader = fault.New(fault.Invalid, "table.header",
		"Dòng tiêu đề trống, có cột trùng tên hoặc quá 500 cột.",
		"The row of headings is empty, names a column twice, or has more than 500 columns.")
	ErrQuote = fault.New(fault.Invalid, "table.quote",
		"Có dấu nháy kép mở mà không đóng. Những dòng trước đó vẫn đọc được.",
		"A double quote is opened and not closed. The rows before it could be read.")
)

// Codes of what is wrong with single rows.
const (
	Mixed    = "table.mixed_encoding" // not in the file's encoding; read by the one it seems to be in
	Unread   = "table.unreadable"     // characters that no encoding explains
	Cells    = "table.cells"          // more cells than headings
	TooLong  = "table.row_too_long"   // a cell or row over its bound; left out
	Broken   = "table.broken_row"     // no JSON object of plain values; left out
	NewNames = "table.unknown_column" // NDJSON: a name that the first 1,000 rows did not have
)

// Source is the bytes of a file.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Row is one row. Cells are as many as the headings, "" where absent.
type Row struct {
	Line  int64 // in the file, from 1; rows of XLSX and XML count likewise
	Cells []string
	Codes []string // what is wrong with it; with TooLong and Broken Cells is nil
}

// Reader reads rows.
type Reader struct {
	Format    Format
	Encoding  string // "utf-8", "utf-16", "windows-1258", "tcvn3"
	Separator rune   // CSV
	Header    []string
	next      func() (Row, error)
}

// Next returns the next row, io.EOF behind the last. Any other error is ErrQuote or
// the source's.
func (r *Reader) Next() (Row, error) { return r.next() }

// sample is how much of a file is looked at to tell what it is.
const sampleSize = 256 << 10

// Open tells what a file is by its bytes and reads its headings. Faults: ErrFormat,
// ErrTooLarge, ErrHeader.
func Open(s Source) (*Reader, error) {
	size := s.Size()
	if size > MaxSize {
		return nil, ErrTooLarge
	}
	sample := make([]byte, min(size, sampleSize))
	if _, err := s.ReadAt(sample, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if len(bytes.TrimSpace(sample)) == 0 {
		return nil, ErrFormat
	}
	var r *Reader
	var err error
	switch {
	case bytes.HasPrefix(sample, []byte("PK\x03\x04")):
		r, err = openSheet(s)
	case looksBinary(sample):
		return nil, ErrFormat
	default:
		r, err = openText(s, sample)
	}
	if err != nil {
		return nil, err
	}
	return r, checkHeader(r.Header)
}

// openText opens what is text of some encoding.
func openText(s Source, sample []byte) (*Reader, error) {
	enc := detect(sample, int64(len(sample)) < s.Size())
	in := enc.reader(io.NewSectionReader(s, 0, s.Size()))
	lead := strings.TrimSpace(enc.text(sample))
	switch {
	case strings.HasPrefix(lead, "{"):
		return openLines(in, enc)
	case strings.HasPrefix(lead, "<"):
		return openXML(s)
	}
	return openCSV(in, enc, lead)
}

// looksBinary reports bytes that no text has.
func looksBinary(sample []byte) bool {
	if utf16Of(sample) != "" {
		return false
	}
	return bytes.IndexByte(sample, 0) >= 0 || bytes.HasPrefix(sample, []byte("%PDF")) || bytes.HasPrefix(sample, []byte{0xD0, 0xCF, 0x11, 0xE0})
}

func checkHeader(header []string) error {
	if len(header) == 0 || len(header) > MaxColumns {
		return ErrHeader
	}
	seen, filled := map[string]bool{}, false
	for _, h := range header {
		if h != "" && seen[h] {
			return ErrHeader
		}
		seen[h], filled = true, filled || h != ""
	}
	if !filled {
		return ErrHeader
	}
	return nil
}

// fit makes cells as many as headings.
func fit(row Row, columns int) Row {
	for len(row.Cells) < columns {
		row.Cells = append(row.Cells, "")
	}
	for _, c := range row.Cells[columns:] {
		if strings.TrimSpace(c) != "" {
			row.Codes = append(row.Codes, Cells)
			break
		}
	}
	row.Cells = row.Cells[:columns]
	return row
}
