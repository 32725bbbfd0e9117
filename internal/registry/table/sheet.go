package table

import (
	"archive/zip"
	"io"
	"math/big"
	"strings"
	"time"

	"github.com/tealeg/xlsx/v3"
)

// openSheet reads the first sheet that has rows. The archive is looked through
// before anything is unpacked: how much it opens to is counted, not believed.
func openSheet(s Source) (*Reader, error) {
	if s.Size() > MaxSheet {
		return nil, ErrTooLarge
	}
	archive, err := zip.NewReader(s, s.Size())
	if err != nil || len(archive.File) > 2000 {
		return nil, ErrFormat
	}
	if err := opened(archive); err != nil {
		return nil, err
	}
	rows, err := sheetRows(s)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrFormat
	}
	header := rows[0].Cells
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	for len(header) > 0 && header[len(header)-1] == "" {
		header = header[:len(header)-1]
	}
	rows = rows[1:]
	r := &Reader{Format: XLSX, Encoding: "utf-8", Header: header}
	r.next = func() (Row, error) {
		if len(rows) == 0 {
			return Row{}, io.EOF
		}
		row := rows[0]
		rows = rows[1:]
		return fit(row, len(header)), nil
	}
	return r, nil
}

// opened unpacks every part to nowhere and counts.
func opened(archive *zip.Reader) error {
	left := int64(MaxOpened)
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			return ErrFormat
		}
		n, err := io.CopyN(io.Discard, in, left+1)
		if closed := in.Close(); closed != nil || err != nil && err != io.EOF {
			return ErrFormat
		}
		if left -= n; left < 0 {
			return ErrTooLarge
		}
	}
	return nil
}

// sheetRows reads all rows that are not empty. The library panics on some files that
// are no sheets: these are not in the form of one.
func sheetRows(s Source) (rows []Row, err error) {
	defer func() {
		if recover() != nil {
			rows, err = nil, ErrFormat
		}
	}()
	f, err := xlsx.OpenReaderAt(s, s.Size(), xlsx.RowLimit(MaxRows+2), xlsx.ColLimit(MaxColumns+1), xlsx.ValueOnly())
	if err != nil {
		return nil, ErrFormat
	}
	for _, sheet := range f.Sheets {
		if sheet.MaxRow > MaxRows+1 {
			return nil, ErrTooLarge
		}
		err := sheet.ForEachRow(func(r *xlsx.Row) error {
			row := Row{Line: int64(r.GetCoordinate()) + 1}
			filled := false
			err := r.ForEachCell(func(c *xlsx.Cell) error {
				text := cellText(c, f.Date1904)
				if len(text) > MaxCell {
					row.Codes = append(row.Codes, TooLong)
					text = ""
				}
				filled = filled || text != ""
				row.Cells = append(row.Cells, text)
				return nil
			})
			if filled {
				rows = append(rows, row)
			}
			return err
		})
		if err != nil {
			return nil, ErrFormat
		}
		if len(rows) > 0 {
			break
		}
	}
	return rows, nil
}

// cellText is a cell as a person would type it: days as yyyy-MM-dd, numbers without
// exponent.
func cellText(c *xlsx.Cell, date1904 bool) string {
	if c.Type() == xlsx.CellTypeNumeric || c.Type() == xlsx.CellTypeDate {
		if c.IsTime() {
			if t, err := c.GetTime(date1904); err == nil {
				if t = t.Round(time.Second); t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
					return t.Format(time.DateOnly)
				}
				return t.Format("2006-01-02 15:04")
			}
		}
		return plainNumber(c.Value)
	}
	if c.Type() == xlsx.CellTypeBool {
		return map[string]string{"1": "true", "0": "false"}[c.Value]
	}
	return strings.Map(printable, strings.ToValidUTF8(c.String(), "\ufffd"))
}

func plainNumber(s string) string {
	if !strings.ContainsAny(s, "eE") || len(s) > 40 {
		return s
	}
	f, _, err := big.ParseFloat(s, 10, 100, big.ToNearestEven)
	if err != nil || f.MantExp(nil) > 200 || f.MantExp(nil) < -200 {
		return s
	}
	text := f.Text('f', 15)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
