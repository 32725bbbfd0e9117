package errand

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"lienthong/internal/duty"
	"lienthong/internal/fault"
)

var (
	// ErrFormat: neither of the formats.
	ErrFormat = fault.New(fault.Invalid, "programme.format", "Định dạng phải là csv hoặc yaml.", "The format must be csv or yaml.")
	// ErrFile: a file of programmes that cannot be read.
	ErrFile = fault.New(fault.Invalid, "programme.file",
		"Không đọc được tệp chương trình. Xuất một tệp ra, sửa rồi nhập lại.",
		"The file of programmes cannot be read. Export one, change it, and import that.")
)

// longFile is the largest file of programmes, in bytes; they are few.
const longFile = 1 << 20

// line is a programme as files have it.
type line struct {
	ID    string `yaml:"id"`
	Kind  string `yaml:"kind"`
	Title struct {
		VI string `yaml:"vi"`
		EN string `yaml:"en"`
	} `yaml:"title"`
	Note struct {
		VI string `yaml:"vi,omitempty"`
		EN string `yaml:"en,omitempty"`
	} `yaml:"note,omitempty"`
	ConfirmedBy string `yaml:"confirmed_by"`
}

var head = []string{"id", "kind", "title_vi", "title_en", "note_vi", "note_en", "confirmed_by"}

// ReadProgrammes reads a list as "csv" (comma or semicolon, with a head) or "yaml":
// ErrFormat, ErrFile. What each says is checked when it is put.
func ReadProgrammes(format string, text []byte) ([]duty.Programme, error) {
	if len(text) > longFile || !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, ErrFile
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch format {
	case "csv":
		return readCSV(text)
	case "yaml":
		return readYAML(text)
	}
	return nil, ErrFormat
}

func readCSV(text []byte) ([]duty.Programme, error) {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = len(head)
	if bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		r.Comma = ';'
	}
	var all []duty.Programme
	for n := 0; ; n++ {
		row, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return all, nil
		case err != nil:
			return nil, ErrFile.Because(err)
		case n == 0:
			if !slices.Equal(row, head) {
				return nil, ErrFile
			}
			continue
		}
		all = append(all, duty.Programme{ID: row[0], Kind: row[1], Title: fault.Text{VI: row[2], EN: row[3]}, Note: fault.Text{VI: row[4], EN: row[5]}, ConfirmedBy: row[6]})
	}
}

func readYAML(text []byte) ([]duty.Programme, error) {
	var lines []line
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&lines); err != nil && !errors.Is(err, io.EOF) {
		return nil, ErrFile.Because(err)
	}
	var all []duty.Programme
	for _, l := range lines {
		all = append(all, duty.Programme{ID: l.ID, Kind: l.Kind, Title: fault.Text(l.Title), Note: fault.Text(l.Note), ConfirmedBy: l.ConfirmedBy})
	}
	return all, nil
}

// WriteProgrammes writes what ReadProgrammes reads.
func WriteProgrammes(format string, all []duty.Programme) ([]byte, error) {
	var out bytes.Buffer
	switch format {
	case "csv":
		w := csv.NewWriter(&out)
		rows := [][]string{head}
		for _, p := range all {
			rows = append(rows, []string{p.ID, p.Kind, p.Title.VI, p.Title.EN, p.Note.VI, p.Note.EN, p.ConfirmedBy})
		}
		err := w.WriteAll(rows)
		return out.Bytes(), err
	case "yaml":
		lines := []line{}
		for _, p := range all {
			l := line{ID: p.ID, Kind: p.Kind, ConfirmedBy: p.ConfirmedBy}
			l.Title.VI, l.Title.EN, l.Note.VI, l.Note.EN = p.Title.VI, p.Title.EN, p.Note.VI, p.Note.EN
			lines = append(lines, l)
		}
		return yaml.Marshal(lines)
	}
	return nil, ErrFormat
}

// FormatOf is the format of a file by its name, "" for another.
func FormatOf(name string) string {
	switch name = strings.ToLower(name); {
	case strings.HasSuffix(name, ".csv"):
		return "csv"
	case strings.HasSuffix(name, ".yaml"), strings.HasSuffix(name, ".yml"):
		return "yaml"
	}
	return ""
}
