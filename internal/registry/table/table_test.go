package table_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tealeg/xlsx/v3"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"

	"lienthong/internal/registry/table"
)

// all reads a whole file.
func all(t testing.TB, file []byte) (*table.Reader, []table.Row, error) {
	t.Helper()
	r, err := table.Open(bytes.NewReader(file))
	if err != nil {
		return nil, nil, err
	}
	var rows []table.Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r, rows, nil
		}
		if err != nil {
			return r, rows, err
		}
		rows = append(rows, row)
	}
}

const plain = "Mã,Họ tên,Ngày\nA1,Nguyễn Thị Ánh,20/11/2026\nA2,\"Trần, Văn\nĐức\",\n\nA3,Lê \"\"Bé\"\" Ươm,1\n"

// windows1258 writes text as old Windows did: base letters and tones apart.
func windows1258(t testing.TB, s string) []byte {
	t.Helper()
	var apart strings.Builder
	for _, r := range s {
		if _, ok := charmap.Windows1258.EncodeRune(r); ok {
			apart.WriteRune(r)
			continue
		}
		full := []rune(norm.NFD.String(string(r)))
		tone := full[len(full)-1]
		base := norm.NFC.String(string(full[:len(full)-1]))
		if len(full) == 3 && full[1] != 0x302 && full[1] != 0x306 && full[1] != 0x31B { // dot below sorts before the hat
			base, tone = norm.NFC.String(string([]rune{full[0], full[2]})), full[1]
		}
		apart.WriteString(base)
		apart.WriteRune(tone)
	}
	b, err := charmap.Windows1258.NewEncoder().Bytes([]byte(apart.String()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tcvn3 writes the letters that tests use.
func tcvn3(s string) []byte {
	codes := map[rune]byte{'ã': 0xB7, 'ọ': 0xE4, 'ê': 0xAA, 'à': 0xB5, 'ễ': 0xD4, 'ị': 0xDE, 'á': 0xB8, 'ầ': 0xC7, 'ă': 0xA8, 'đ': 0xAE, 'ứ': 0xF8, 'Đ': 0xA7, 'Ư': 0xA6, 'ơ': 0xAC, 'é': 0xD0, 'ế': 0xD5, 'ộ': 0xE9, 'ỳ': 0xFA}
	var b []byte
	for _, r := range s {
		if c, ok := codes[r]; ok {
			b = append(b, c)
		} else {
			b = append(b, byte(r))
		}
	}
	return b
}

func wide(t testing.TB, end unicode.Endianness, mark unicode.BOMPolicy, s string) []byte {
	t.Helper()
	b, err := unicode.UTF16(end, mark).NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodingsAreTold(t *testing.T) {
	t.Parallel()
	text := "Mã,Họ tên\nA1,Nguyễn Thị Bé\nA2,Trần Văn Đức\nA3,Đặng Thế Kỳ\n"
	old := strings.NewReplacer("Đặng", "Đăng").Replace(text)
	for name, c := range map[string]struct {
		file []byte
		enc  string
		text string
	}{
		"utf-8":          {[]byte(text), "utf-8", text},
		"mark":           {append([]byte{0xEF, 0xBB, 0xBF}, text...), "utf-8", text},
		"decomposed":     {[]byte(norm.NFD.String(text)), "utf-8", text},
		"utf-16 le":      {wide(t, unicode.LittleEndian, unicode.UseBOM, text), "utf-16", text},
		"utf-16 be":      {wide(t, unicode.BigEndian, unicode.UseBOM, text), "utf-16", text},
		"utf-16 no mark": {wide(t, unicode.LittleEndian, unicode.IgnoreBOM, "id,name of a person\nA1,one two three\n"), "utf-16", "id,name of a person\nA1,one two three\n"},
		"windows-1258":   {windows1258(t, text), "windows-1258", text},
		"tcvn3":          {tcvn3(old), "tcvn3", old},
	} {
		r, rows, err := all(t, c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := strings.Join(r.Header, ",") + "\n"
		for _, row := range rows {
			got += strings.Join(row.Cells, ",") + "\n"
			if row.Codes != nil {
				t.Errorf("%s: line %d: %v", name, row.Line, row.Codes)
			}
		}
		if r.Encoding != c.enc || got != c.text {
			t.Errorf("%s: read as %s:\n%s", name, r.Encoding, got)
		}
	}
}

func TestMixedEncodingsAreNamedByLine(t *testing.T) {
	t.Parallel()
	file := []byte("Mã,Tên\nA1,Nguyễn Thị Bé\nA2,Trần Văn Đức\nA3,Lê Văn Tám\n")
	file = append(file, tcvn3("A4,Trần Thị Bé\n")...)
	file = append(file, "A5,Hoàng Văn Thụ\n"...)
	_, rows, err := all(t, file)
	if err != nil || len(rows) != 5 {
		t.Fatal(rows, err)
	}
	for i, row := range rows {
		if want := i == 3; (len(row.Codes) == 1 && row.Codes[0] == table.Mixed) != want {
			t.Errorf("line %d: %v", row.Line, row.Codes)
		}
	}
	if rows[3].Line != 5 || rows[3].Cells[1] != "Trần Thị Bé" || rows[4].Cells[1] != "Hoàng Văn Thụ" {
		t.Errorf("%+v", rows[3])
	}
}

func TestRowsOfCSV(t *testing.T) {
	t.Parallel()
	for _, separator := range []string{",", ";", "\t", "|"} {
		file := strings.ReplaceAll(strings.ReplaceAll(plain, ",", separator), "Trần"+separator, "Trần,")
		r, rows, err := all(t, []byte(file))
		if err != nil || string(r.Separator) != separator {
			t.Fatal(separator, err)
		}
		want := []table.Row{
			{Line: 2, Cells: []string{"A1", "Nguyễn Thị Ánh", "20/11/2026"}},
			{Line: 3, Cells: []string{"A2", "Trần, Văn Đức", ""}},
			{Line: 6, Cells: []string{"A3", "Lê \"\"Bé\"\" Ươm", "1"}},
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Error(diff)
		}
	}
	_, rows, err := all(t, []byte("sep=;\r\na;b\r\n1;2;3\r\n\"x\"\"y\";\r\nlast;row"))
	if err != nil || len(rows) != 3 || rows[0].Codes[0] != table.Cells || rows[1].Cells[0] != `x"y` || rows[2].Cells[1] != "row" || rows[2].Line != 5 {
		t.Errorf("%+v %v", rows, err)
	}
	_, rows, err = all(t, []byte("a,b\n1,"+strings.Repeat("x", table.MaxCell+2)+"\n2,3\n"))
	if err != nil || len(rows) != 2 || rows[0].Codes[0] != table.TooLong || rows[0].Cells != nil || rows[1].Cells[0] != "2" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if _, rows, err = all(t, []byte("a,b\n1,2\n3,\"open\n4,5\n")); !errors.Is(err, table.ErrQuote) || len(rows) != 1 {
		t.Error(rows, err)
	}
}

func TestRowsOfNDJSON(t *testing.T) {
	t.Parallel()
	file := `{"a":"Ánh","b":1.50}` + "\n\n" + `{"b":true,"c":null}` + "\n[1]\n" + `{"a":{"x":1}}` + "\n"
	r, rows, err := all(t, []byte(file))
	if err != nil || strings.Join(r.Header, "") != "abc" {
		t.Fatal(r, err)
	}
	want := []table.Row{{Line: 1, Cells: []string{"Ánh", "1.50", ""}}, {Line: 3, Cells: []string{"", "true", ""}}, {Line: 4, Codes: []string{table.Broken}}, {Line: 5, Codes: []string{table.Broken}}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	_, rows, err = all(t, []byte(strings.Repeat(`{"a":1}`+"\n", 1000)+`{"a":2,"z":3}`+"\n"))
	if err != nil || len(rows) != 1001 || rows[1000].Codes[0] != table.NewNames {
		t.Error(len(rows), err)
	}
}

func TestRowsOfXML(t *testing.T) {
	t.Parallel()
	r, rows, err := all(t, []byte("<?xml version=\"1.0\"?>\n<DS><LIST>\n<ROW><A>Ánh &amp; Em</A><B>1</B></ROW>\n<ROW><B>2</B><C/></ROW></LIST></DS>"))
	if err != nil || r.Format != table.XML {
		t.Fatal(err)
	}
	want := []table.Row{{Line: 3, Cells: []string{"Ánh & Em", "1", ""}}, {Line: 4, Cells: []string{"", "2", ""}}}
	if diff := cmp.Diff(want, rows); diff != "" || strings.Join(r.Header, "") != "ABC" {
		t.Error(diff, r.Header)
	}
	for _, bad := range []string{"<a><b>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a><b><c>&x;</c></b></a>", "<a/>", "<a><b/></a>"} {
		if _, _, err := all(t, []byte(bad)); !errors.Is(err, table.ErrFormat) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func sheet(t testing.TB, rows [][]any) []byte {
	t.Helper()
	f := xlsx.NewFile()
	s, err := f.AddSheet("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range rows {
		r := s.AddRow()
		for _, c := range cells {
			cell := r.AddCell()
			if d, ok := c.(time.Time); ok {
				cell.SetDate(d)
			} else {
				cell.SetValue(c)
			}
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRowsOfXLSX(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	r, rows, err := all(t, sheet(t, [][]any{{"Mã", "Tên", "Ngày", "Số"}, {"A1", "Nguyễn Ánh", day, 1234567890123}, {}, {"A2", "", "", 0.1}}))
	if err != nil || r.Format != table.XLSX || strings.Join(r.Header, ",") != "Mã,Tên,Ngày,Số" {
		t.Fatal(r, err)
	}
	want := []table.Row{{Line: 2, Cells: []string{"A1", "Nguyễn Ánh", "2026-11-20", "1234567890123"}}, {Line: 4, Cells: []string{"A2", "", "", "0.1"}}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// A sheet of 100 KB that opens to more than it may is refused before it is opened.
func TestAZipBombIsRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range table.MaxOpened>>20 + 1 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := all(t, b.Bytes()); !errors.Is(err, table.ErrTooLarge) || b.Len() > 1<<20 {
		t.Error(b.Len(), err)
	}
}

func TestWhatIsNoTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"nothing": {"", table.ErrFormat}, "blanks": {" \n\n", table.ErrFormat}, "pdf": {"%PDF-1.7\n1,2", table.ErrFormat},
		"old excel": {"\xD0\xCF\x11\xE0rest", table.ErrFormat}, "zip": {"PK\x03\x04nonsense", table.ErrFormat},
		"zeros": {"a,b\x00\n", table.ErrFormat}, "twice": {"a,b,a\n1,2,3\n", table.ErrHeader},
		"no headings": {",,\n1,2,3\n", table.ErrHeader}, "many": {strings.Repeat("a,", 300) + strings.Repeat("b,", 300) + "\n", table.ErrFormat},
	} {
		if _, _, err := all(t, []byte(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := table.Open(endless{size: table.MaxSize + 1}); !errors.Is(err, table.ErrTooLarge) {
		t.Error(err)
	}
}

// endless is a large file of the same row that lies nowhere.
type endless struct{ size int64 }

const line = "A1,Nguyễn Thị Ánh,20/11/2026\n"

func (e endless) Size() int64 { return e.size }
func (e endless) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), e.size-off)
	if n <= 0 {
		return 0, io.EOF
	}
	for i := range n {
		p[i] = line[(off+i)%int64(len(line))]
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// What is read as it goes does not grow with the file.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	size := int64(len(line)) * 500_000 // 18 MB; the reader of 2 GB is the same
	var before, after runtime.MemStats
	r, err := table.Open(endless{size: size})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(row.Codes) > 0 {
			t.Fatal(row, err)
		}
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); n != 499_999 || grown > 4<<20 {
		t.Errorf("%d rows, heap grew by %d bytes", n, grown)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("sep=|\na|b\n\"1|2\n"))
	f.Add([]byte(`{"a":1}` + "\n"))
	f.Add([]byte("<a><b><c>1</c></b></a>"))
	f.Add(tcvn3("a,b\nTrần,Bé\n"))
	f.Add(wide(f, unicode.BigEndian, unicode.UseBOM, plain))
	f.Add(sheet(f, [][]any{{"a", "b"}, {1, "x"}}))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, rows, err := all(t, file)
		if err != nil {
			return
		}
		for _, row := range rows {
			if row.Cells != nil && len(row.Cells) != len(r.Header) {
				t.Fatal(fmt.Sprintf("%d cells under %d headings", len(row.Cells), len(r.Header)))
			}
		}
	})
}
