package body_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lienthong/internal/body"
	"pgregory.net/rapid"
)

var (
	content = regexp.MustCompile(`(?s)<HOSO>|<NOIDUNGFILE>(.*?)</NOIDUNGFILE>|<TRANG_THAI_KCB>(.*?)</TRANG_THAI_KCB>`)
	cert    = regexp.MustCompile(`(?s)<X509Certificate>(.*?)</X509Certificate>`)
)

// ranges finds what package kind would: content per dossier, and certificates.
func ranges(raw []byte) (spans []body.Span, extracts []body.Extract) {
	dossier := -1
	for _, m := range content.FindAllSubmatchIndex(raw, -1) {
		switch {
		case m[2] >= 0:
			spans = append(spans, body.Span{Start: m[2], End: m[3], Dossier: max(dossier, 0)})
		case m[4] >= 0:
			dossier++
			spans = append(spans, body.Span{Start: m[4], End: m[5], Dossier: dossier})
		default:
			dossier++
		}
	}
	for _, m := range cert.FindAllSubmatchIndex(raw, -1) {
		extracts = append(extracts, body.Extract{Start: m[2], End: m[3]})
	}
	return spans, extracts
}

// split takes raw apart and checks that it comes back.
func split(t testing.TB, raw []byte, spans []body.Span, extracts ...body.Extract) body.File {
	t.Helper()
	f, err := body.Split(raw, spans, extracts...)
	if err != nil {
		t.Fatal(err)
	}
	back, err := body.Join(f.Skeleton, f.Source())
	if err != nil || !bytes.Equal(back, raw) {
		t.Fatalf("the file does not come back: %v", err)
	}
	return f
}

// parts returns the parts of dossier i.
func parts(t testing.TB, f body.File, i int) []body.Part {
	t.Helper()
	p, err := body.Parts(f.Dossier(i))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// samples returns the shared sample files by name; loudly none when absent.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	root := filepath.Join(repository(t), "..", "shared", "samples")
	files := map[string][]byte{}
	for _, pattern := range []string{"*.xml", "dossiers/*.xml"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(name)] = raw
		}
	}
	if len(files) == 0 {
		t.Skip("SKIPPED: no shared samples beside the repository (../shared/samples); only the package's own testdata is tested")
	}
	return files
}

func TestSamplesComeBackByteForByte(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	raw, stored := 0, 0
	for name, file := range samples(t) {
		spans, extracts := ranges(file)
		if len(spans) == 0 {
			t.Errorf("%s: no content found", name)
			continue
		}
		f := split(t, file, spans, extracts...)
		raw += len(file)
		stored += len(codec.Encode(nil, f.Skeleton))
		for i := range f.Dossiers() {
			stored += len(codec.Encode(nil, f.Dossier(i)))
			for k, p := range parts(t, f, i) {
				if inline := bytes.Contains(file, []byte("<TRANG_THAI_KCB>")); p.Decoded == inline {
					t.Errorf("%s: part %d of dossier %d decoded: %v", name, k, i, p.Decoded)
				}
			}
		}
		if len(f.Certificates) > 1 || (len(f.Certificates) == 1) != (len(extracts) > 0) {
			t.Errorf("%s: %d certificates of %d texts", name, len(f.Certificates), len(extracts))
		}
		for _, s := range spans {
			if text := file[s.Start:s.End]; len(text) > 0 && bytes.Contains(f.Skeleton, text) {
				t.Errorf("%s: the skeleton holds content", name)
			}
		}
	}
	t.Logf("%d bytes as sent, %d stored", raw, stored)
}

func TestOwnFilesComeBackByteForByte(t *testing.T) {
	t.Parallel()
	for name, decoded := range map[string][]bool{
		"two-dossiers.xml":     {true, true, true},
		"wrapped-crlf.xml":     {true, true},
		"inline-and-odd.xml":   {false, false, false, true},
		"checkin-two-rows.xml": {false, false},
	} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		spans, extracts := ranges(raw)
		f := split(t, raw, spans, extracts...)
		var got []bool
		for i := range f.Dossiers() {
			for _, p := range parts(t, f, i) {
				got = append(got, p.Decoded)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(decoded) {
			t.Errorf("%s: decoded %v, want %v", name, got, decoded)
		}
	}
}

// lines writes text in lines of n characters.
func lines(text string, n int, sep string) string {
	var out []string
	for len(text) > n {
		out = append(out, text[:n])
		text = text[n:]
	}
	return strings.Join(append(out, text), sep)
}

func TestWhatIsDecodedAndWhatIsKept(t *testing.T) {
	t.Parallel()
	inner := []byte("<?xml version=\"1.0\"?>\r\n<TONG_HOP><HO_TEN>NGUYỄN VĂN AN</HO_TEN></TONG_HOP>")
	long := base64.StdEncoding.EncodeToString(bytes.Repeat(inner, 200))
	b64 := base64.StdEncoding.EncodeToString(inner)
	cases := []struct {
		name    string
		text    string
		decoded bool
	}{
		{"one line", b64, true},
		{"no padding needed", base64.StdEncoding.EncodeToString([]byte("abc")), true},
		{"two paddings", "YQ==", true},
		{"long", long, true},
		{"lines of 76, CRLF", lines(b64, 76, "\r\n"), true},
		{"lines of 64, LF, long", lines(long, 64, "\n"), true},
		{"lines of 7", lines(b64, 7, "\n"), true},
		{"lines of 1", lines(b64, 1, " "), true},
		{"lines indented", "\n          " + lines(b64, 60, "\n          ") + "\n        ", true},
		{"a full last line", lines(b64[:80], 20, "\r\n"), true},
		{"white space around", " \t" + b64 + "\r\n\r\n", true},
		{"uneven lines", b64[:10] + "\n" + b64[10:24] + "\n" + b64[24:], false},
		{"mixed line ends", b64[:20] + "\n" + b64[20:40] + "\r\n" + b64[40:], false},
		{"a longer last line", b64[:20] + "\n" + b64[20:], false},
		{"loose trailing bits", "YR==", false},
		{"padding missing", "YQ", false},
		{"padding half", "YQ=", false},
		{"padding inside", "YQ==YQ==", false},
		{"url alphabet", "-_-_", false},
		{"not base64", "không phải base64", false},
		{"inline document", string(inner), false},
		{"CDATA", "<![CDATA[" + b64 + "]]>", false},
		{"an entity", b64[:8] + "&#65;" + b64[8:], false},
		{"empty", "", false},
		{"blank", " \r\n ", false},
		{"bytes that are no text", "\x00\xff\xfe", false},
	}
	for _, c := range cases {
		raw := []byte("<A>" + c.text + "</A>tail")
		f := split(t, raw, []body.Span{{Start: 3, End: 3 + len(c.text), Dossier: 0}})
		got := parts(t, f, 0)
		if len(got) != 1 || got[0].Decoded != c.decoded {
			t.Errorf("%s: %d parts, decoded %v", c.name, len(got), got[0].Decoded)
			continue
		}
		if !c.decoded && string(got[0].Bytes) != c.text {
			t.Errorf("%s: kept %q", c.name, got[0].Bytes)
		}
		if c.decoded {
			want, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.text), ""))
			if err != nil || !bytes.Equal(got[0].Bytes, want) {
				t.Errorf("%s: decoded to %q, %v", c.name, got[0].Bytes, err)
			}
		}
	}
}

func TestSpansThatCannotBe(t *testing.T) {
	t.Parallel()
	raw := []byte("0123456789")
	for name, c := range map[string]struct {
		spans    []body.Span
		extracts []body.Extract
	}{
		"overlapping":        {spans: []body.Span{{Start: 0, End: 5, Dossier: 0}, {Start: 4, End: 6, Dossier: 1}}},
		"out of order":       {spans: []body.Span{{Start: 5, End: 6, Dossier: 0}, {Start: 0, End: 1, Dossier: 1}}},
		"backwards":          {spans: []body.Span{{Start: 5, End: 4, Dossier: 0}}},
		"beyond the end":     {spans: []body.Span{{Start: 5, End: 11, Dossier: 0}}},
		"before the start":   {spans: []body.Span{{Start: -1, End: 2, Dossier: 0}}},
		"a strange dossier":  {spans: []body.Span{{Start: 1, End: 2, Dossier: -2}}},
		"a dossier too far":  {spans: []body.Span{{Start: 1, End: 2, Dossier: 1 << 20}}},
		"extract in a span":  {spans: []body.Span{{Start: 1, End: 6, Dossier: 0}}, extracts: []body.Extract{{2, 4}}},
		"span in an extract": {spans: []body.Span{{Start: 2, End: 4, Dossier: 0}}, extracts: []body.Extract{{1, 6}}},
		"extracts overlap":   {extracts: []body.Extract{{1, 6}, {5, 7}}},
		"extract beyond":     {extracts: []body.Extract{{1, 60}}},
	} {
		if _, err := body.Split(raw, c.spans, c.extracts...); !errors.Is(err, body.ErrSpans) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesWithoutContentAndSpansOfTheFile(t *testing.T) {
	t.Parallel()
	if f := split(t, nil, nil); f.Dossiers() != 0 {
		t.Errorf("an empty file has %d dossiers", f.Dossiers())
	}
	raw := []byte("<a>YWJj</a><b>YWJj</b><c></c>")
	f := split(t, raw, []body.Span{{Start: 3, End: 7, Dossier: -1}, {Start: 14, End: 18, Dossier: 2}, {Start: 25, End: 25, Dossier: 2}})
	if f.Dossiers() != 3 || len(parts(t, f, 0)) != 0 || len(parts(t, f, 1)) != 0 || len(parts(t, f, 7)) != 0 {
		t.Errorf("%d dossiers", f.Dossiers())
	}
	if p := parts(t, f, 2); len(p) != 2 || string(p[0].Bytes) != "abc" || len(p[1].Bytes) != 0 {
		t.Errorf("parts %v", p)
	}
	if !bytes.Contains(f.Skeleton, []byte("<a>YWJj</a>")) {
		t.Error("a span of the file itself left the skeleton")
	}
}

// der is base64 of a DER SEQUENCE of n bytes content.
func der(n int) string {
	head := []byte{0x30, 0x82, byte(n >> 8), byte(n)}
	return base64.StdEncoding.EncodeToString(append(head, bytes.Repeat([]byte{7}, n)...))
}

func TestCertificatesAreKeptOnce(t *testing.T) {
	t.Parallel()
	text := lines(der(700), 64, "\n")
	raw := []byte("<S><X>" + text + "</X><X>" + text + "</X><X>" + der(400) + "</X></S>")
	var extracts []body.Extract
	for _, m := range regexp.MustCompile(`(?s)<X>(.*?)</X>`).FindAllSubmatchIndex(raw, -1) {
		extracts = append(extracts, body.Extract{Start: m[2], End: m[3]})
	}
	f := split(t, raw, nil, extracts...)
	if len(f.Certificates) != 2 || string(f.Certificates[0].Data) != text || f.Certificates[0].Hash != sha256.Sum256([]byte(text)) {
		t.Fatalf("%d certificates", len(f.Certificates))
	}
	if len(f.Skeleton) > 200 {
		t.Errorf("the skeleton still has %d bytes", len(f.Skeleton))
	}
	from := f.Source()
	from.Certificate = func([32]byte) ([]byte, error) { return []byte("another"), nil }
	if _, err := body.Join(f.Skeleton, from); !errors.Is(err, body.ErrDamaged) {
		t.Errorf("another certificate is taken: %v", err)
	}
}

func TestWhatIsNoCertificateStaysInTheSkeleton(t *testing.T) {
	t.Parallel()
	name := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("NGUYỄN VĂN AN "), 40))
	for _, text := range []string{name, "NGUYỄN VĂN AN", "", der(700)[:len(der(700))-4], der(3)} {
		raw := []byte("<X>" + text + "</X>")
		if f := split(t, raw, nil, body.Extract{Start: 3, End: 3 + len(text)}); len(f.Certificates) != 0 {
			t.Errorf("%.20q was taken for a certificate", text)
		}
	}
}

func twoDossiers(t *testing.T) (raw []byte, f body.File) {
	t.Helper()
	raw = []byte("<H>YWJj</H><H>ZGVm</H><H><r>row</r></H>")
	return raw, split(t, raw, []body.Span{{Start: 3, End: 7, Dossier: 0}, {Start: 14, End: 18, Dossier: 1}, {Start: 25, End: 35, Dossier: 1}})
}

func TestRedact(t *testing.T) {
	t.Parallel()
	raw, f := twoDossiers(t)
	hash := func(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }
	got, err := body.Redact(f.Skeleton, 0, f.Source())
	if want := "<H>YWJj</H><H>" + hash("def") + "</H><H>" + hash("<r>row</r>") + "</H>"; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	got, err = body.Redact(f.Skeleton, 1, f.Source())
	if want := strings.Replace(string(raw), "YWJj", hash("abc"), 1); err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	erased := f.Source()
	erased.Dossier = func(i int) ([]byte, error) {
		if i == 0 {
			return f.Dossier(0), nil
		}
		return nil, nil
	}
	got, err = body.Redact(f.Skeleton, 0, erased)
	if want := "<H>YWJj</H><H>withheld</H><H>withheld</H>"; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := body.Redact(f.Skeleton, 1, erased); !errors.Is(err, body.ErrDamaged) {
		t.Errorf("the dossier itself is missing: %v", err)
	}
	if _, err := body.Join(f.Skeleton, erased); !errors.Is(err, body.ErrDamaged) {
		t.Errorf("the exact file without a dossier: %v", err)
	}
}

func TestJoinTakesOnlyWhatFits(t *testing.T) {
	t.Parallel()
	_, f := twoDossiers(t)
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		frame []byte
		err   error
		want  error
	}{
		"the store's error":   {err: lost, want: lost},
		"another's frame":     {frame: f.Dossier(1), want: body.ErrDamaged},
		"no parts":            {frame: []byte{1}, want: body.ErrDamaged},
		"unknown form":        {frame: []byte{2}, want: body.ErrDamaged},
		"a part cut":          {frame: f.Dossier(0)[:len(f.Dossier(0))-1], want: body.ErrDamaged},
		"a head cut":          {frame: f.Dossier(0)[:3], want: body.ErrDamaged},
		"a part more":         {frame: append(bytes.Clone(f.Dossier(0)), f.Dossier(0)[1:]...), want: body.ErrDamaged},
		"a longer part":       {frame: []byte("\x01\x01\x06\x00\x00\x00abcabc"), want: body.ErrDamaged},
		"text instead of b64": {frame: []byte("\x01\x00\x03\x00\x00\x00abc"), want: body.ErrDamaged},
	} {
		from := f.Source()
		from.Dossier = func(i int) ([]byte, error) {
			if i == 0 {
				return c.frame, c.err
			}
			return f.Dossier(i), nil
		}
		if got, err := body.Join(f.Skeleton, from); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range f.Skeleton {
		if _, err := body.Join(f.Skeleton[:n], f.Source()); !errors.Is(err, body.ErrDamaged) {
			t.Errorf("a skeleton cut to %d bytes: %v", n, err)
		}
	}
}

func TestAnyBase64InAnyLayoutComesBack(t *testing.T) {
	t.Parallel()
	blank := rapid.StringMatching(`[ \t\r\n]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "data")
		text := base64.StdEncoding.EncodeToString(data)
		if n := rapid.IntRange(0, 80).Draw(t, "line"); n > 0 {
			text = lines(text, n, rapid.StringMatching(`[ \t\r\n]{1,4}`).Draw(t, "sep"))
		}
		text = blank.Draw(t, "lead") + text + blank.Draw(t, "trail")
		before := rapid.String().Draw(t, "before")
		raw := []byte(before + text + rapid.String().Draw(t, "after"))
		f, err := body.Split(raw, []body.Span{{Start: len(before), End: len(before) + len(text), Dossier: 3}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := body.Parts(f.Dossier(3))
		if err != nil || len(p) != 1 || !p[0].Decoded || !bytes.Equal(p[0].Bytes, data) {
			t.Fatalf("%q is not decoded: %v, %v", text, p, err)
		}
		if back, err := body.Join(f.Skeleton, f.Source()); err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("%q comes back as %q, %v", raw, back, err)
		}
	})
}

func FuzzSplitJoin(f *testing.F) {
	f.Add([]byte("<A>YWJj</A><A>YW\r\nJj</A>"), uint16(3), uint16(4), uint16(7), uint16(6))
	f.Add([]byte("YR== YQ=="), uint16(0), uint16(4), uint16(1), uint16(4))
	f.Add([]byte(der(90)), uint16(0), uint16(0), uint16(0), uint16(124))
	f.Fuzz(func(t *testing.T, raw []byte, gap1, len1, gap2, len2 uint16) {
		a := min(int(gap1), len(raw))
		b := min(a+int(len1), len(raw))
		c := min(b+int(gap2), len(raw))
		d := min(c+int(len2), len(raw))
		for _, extract := range []bool{false, true} {
			spans := []body.Span{{Start: a, End: b, Dossier: 0}}
			var extracts []body.Extract
			if extract {
				extracts = append(extracts, body.Extract{Start: c, End: d})
			} else {
				spans = append(spans, body.Span{Start: c, End: d, Dossier: 1})
			}
			file, err := body.Split(raw, spans, extracts...)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := body.Join(file.Skeleton, file.Source()); err != nil || !bytes.Equal(back, raw) {
				t.Fatalf("%q comes back as %q, %v", raw, back, err)
			}
			if _, err := body.Redact(file.Skeleton, 1, file.Source()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzJoin(f *testing.F) {
	file, err := body.Split([]byte("<H>YWJj</H><H> ZG\nVm </H>"), []body.Span{{Start: 3, End: 7, Dossier: 0}, {Start: 14, End: 21, Dossier: 0}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file.Skeleton, file.Dossier(0))
	f.Add([]byte{1, 0, 0}, []byte{1})
	f.Fuzz(func(t *testing.T, skeleton, frame []byte) {
		from := body.Source{
			Dossier:     func(int) ([]byte, error) { return frame, nil },
			Certificate: func([32]byte) ([]byte, error) { return nil, nil },
		}
		if _, err := body.Join(skeleton, from); err != nil && !errors.Is(err, body.ErrDamaged) {
			t.Fatalf("no known fault: %v", err)
		}
		if _, err := body.Redact(skeleton, 0, from); err != nil && !errors.Is(err, body.ErrDamaged) {
			t.Fatalf("no known fault: %v", err)
		}
	})
}
