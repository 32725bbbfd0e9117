package body_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"lienthong/internal/body"
)

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Bodies of every hub are read with these very bytes.
func TestTokensNeverChange(t *testing.T) {
	t.Parallel()
	names, err := os.ReadFile("vocabulary/1.txt")
	if err != nil || hexSum(names) != "73ceeb58b167b31c659836d36a06cec2c5ace53de5f7cc92da3b3af9abc1cf71" {
		t.Errorf("the vocabulary is %s, %v", hexSum(names), err)
	}
	d := body.BuiltinTokens()
	if got := hexSum(d.Content); d.ID != 1 || got != "c408c0c6ddd4440c036448a87372c970d6161bc6708e29d6097b25c99d06cc24" {
		t.Errorf("dictionary %d of the token form is %s", d.ID, got)
	}
}

// Bodies that earlier programs stored, one of each form.
func TestStoredBodiesOfEveryFormAreRead(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for name, form := range map[string]byte{"dictionary.stored": 2, "tokens.stored": 3} {
		stored, err := os.ReadFile(filepath.Join("testdata", "stored", name))
		if err != nil {
			t.Fatal(err)
		}
		frame, err := c.Decode(nil, stored, 36714)
		if err != nil || stored[0] != form || hexSum(frame) != "b3630f386e5cb768d74742123564eb2b2370c682b05c4dbfffc6afe71369ffd0" {
			t.Errorf("%s: form %d, frame %s, %v", name, stored[0], hexSum(frame), err)
		}
	}
}

// fileOf is a file with one dossier of these texts.
func fileOf(t testing.TB, texts ...string) body.File {
	t.Helper()
	var raw []byte
	var spans []body.Span
	for _, text := range texts {
		raw = append(raw, '|')
		spans = append(spans, body.Span{Start: len(raw), End: len(raw) + len(text)})
		raw = append(raw, text...)
	}
	f, err := body.Split(raw, spans)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// throughCodec stores a dossier and reads it again; it returns the stored form.
func throughCodec(t testing.TB, c *body.Codec, f body.File) []byte {
	t.Helper()
	stored := c.EncodeDossier([]byte("before"), f, 0)
	stored, kept := bytes.CutPrefix(stored, []byte("before"))
	if !kept {
		t.Fatal("what was there is gone")
	}
	frame := f.Dossier(0)
	got, err := c.Decode([]byte("kept"), stored, len(frame))
	if err != nil || !bytes.Equal(got, append([]byte("kept"), frame...)) {
		t.Fatalf("form %d of %d bytes does not come back: %v", stored[0], len(frame), err)
	}
	if _, err := c.Decode(nil, stored, len(frame)-1); !errors.Is(err, body.ErrTooLarge) {
		t.Fatalf("one byte fewer allowed: %v", err)
	}
	return stored
}

const row = "\r\n  <CHI_TIET_THUOC>\r\n    <MA_LK>LK1</MA_LK>\r\n    <STT>1</STT>\r\n    <TEN_THUOC>Thuốc &amp; \"x\" > y</TEN_THUOC>\r\n    <GHI_CHU></GHI_CHU>\r\n  </CHI_TIET_THUOC>"

func TestDossiersAreStoredInTokens(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for name, texts := range map[string][]string{
		"rows":            {`<?xml version="1.0" encoding="utf-8"?>` + "\r\n<A>" + strings.Repeat(row, 5) + "\r\n</A>\r\n"},
		"no declaration":  {"<A>" + strings.Repeat(row, 3) + "</A>"},
		"byte order mark": {"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<A>" + strings.Repeat(row, 3) + "</A>"},
		"blank ahead":     {" \n\t<A>" + strings.Repeat(row, 3) + "</A>"},
		"attributes":      {`<A xmlns="urn:x">` + strings.Repeat(row, 3) + `<B a="1">x</B> <B a='2'/></A>`},
		"comments": {"<A><!-- <B>x</B> <C> -->" + strings.Repeat(row, 3) + "<![CDATA[ <MA_LK>1</MA_LK> ]]></A><?pi x?>",
			"<A><?x <B></B> ?>" + row + "</A>"},
		"mixed text":      {"<A>text<B>b</B> tail <C/>more</A>" + strings.Repeat(row, 3)},
		"self-closed":     {"<A><NHOM_MAU/><NHOM_MAU /><NHOM_MAU  /><X/><X/>" + strings.Repeat(row, 3) + "<NHOM_MAU/>"},
		"spaces in tags":  {"<A ><B >x</B ></A >" + strings.Repeat(row, 3)},
		"not well-formed": {"<A></B><C></A></C></>< ><<>></" + strings.Repeat(row, 3) + "<MA_LK>never closed", "<MA_LK"},
		"open at the end": {strings.Repeat(row, 3) + "<MA_LK>"},
		"control bytes":   {"<A>\x00</A><A>\x01</A><A>x\x00y</A><A>\x07</A><A>\x08ok</A><MA_LK>\x02</MA_LK>" + strings.Repeat(row, 3)},
		"new names":       {"<tên>x</tên><tên>x</tên><a:b.c-d>y</a:b.c-d>" + strings.Repeat(row, 3)},
		"numbers":         {"<STT>8</STT><STT>9</STT><STT>10</STT><STT>99</STT><STT>100</STT><STT>0099</STT><STT>0100</STT><STT>999999999999999999</STT><STT>1000000000000000000</STT><STT>1000000000000000001</STT>" + row},
		"equal texts":     {"<T_BNTT>1.00</T_BNTT><T_BHTT>1.00</T_BHTT><T_BNTT></T_BNTT><T_BNTT>1.00</T_BNTT><T_BHTT>1.00</T_BHTT>" + row + row},
		"deep":            {strings.Repeat("<A>", 200) + row + row + strings.Repeat("</A>\n", 200)},
		"with JSON":       {`{"ma_don_thuoc":"x","a":[1,2]}`, "<A>" + strings.Repeat(row, 3) + "</A>", ""},
		"long":            {"<A>" + strings.Repeat(row, 3) + "<GHI_CHU>" + strings.Repeat("dài ", 50_000) + "</GHI_CHU></A>"},
	} {
		f := fileOf(t, texts...)
		if stored := throughCodec(t, c, f); stored[0] != 3 || stored[1] != 1 {
			t.Errorf("%s: stored in form %d with dictionary %d", name, stored[0], stored[1])
		}
	}
	for name, texts := range map[string][]string{"nothing": {""}, "no XML": {strings.Repeat(`{"a":1}`, 30)}, "noise": {"<" + string(noise(3000))}, "short": {"<A/>"}} {
		if stored := throughCodec(t, c, fileOf(t, texts...)); stored[0] == 3 && name != "noise" {
			t.Errorf("%s: stored in form %d", name, stored[0])
		}
	}
}

// Names that no vocabulary holds are as many as there are; then tags stay as they are.
func TestMoreNamesThanNumbers(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 9000 {
		name := "N" + string([]byte{'a' + byte(i/676%26), 'a' + byte(i/26%26), 'a' + byte(i%26)})
		b.WriteString("<" + name + ">x</" + name + "><" + name + ">y</" + name + ">")
	}
	throughCodec(t, newCodec(t), fileOf(t, b.String()))
}

// A dossier in tokens is a fraction of what it was without.
func TestTokensAreSmaller(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	tokens, plain := 0, 0
	for name, file := range samples(t) {
		spans, extracts := ranges(file)
		f := split(t, file, spans, extracts...)
		for i := range f.Dossiers() {
			stored := c.EncodeDossier(nil, f, i)
			if stored[0] != 3 {
				t.Errorf("%s: dossier %d in form %d", name, i, stored[0])
			}
			tokens += len(stored)
			plain += len(c.Encode(nil, f.Dossier(i)))
		}
	}
	if 3*tokens > 2*plain {
		t.Errorf("%d bytes in tokens, %d without", tokens, plain)
	}
}

func TestEachFormHasItsDictionary(t *testing.T) {
	t.Parallel()
	f := fileOf(t, "<A>"+strings.Repeat(row, 9)+"</A>")
	plain := bytes.Repeat([]byte("<GIAMDINHHS>"), 20)
	var samples []body.Sample
	for i := range 6 {
		samples = append(samples, body.NewSample(string(rune('a'+i)), f.Dossier(0)))
	}
	trained, err := body.Train(samples, body.Training{Least: 5})
	if err != nil {
		t.Fatal(err)
	}
	c := newCodec(t)
	if err := errors.Join(c.Learn(body.Dictionary{ID: 2, Content: trained}), c.Learn(body.Dictionary{ID: 3, Content: bytes.Repeat([]byte("<A>"), 9)})); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ use, dossier, plain byte }{{2, 2, 1}, {3, 1, 3}, {1, 1, 1}} {
		if err := c.Use(uint32(x.use)); err != nil {
			t.Fatal(err)
		}
		stored, other := throughCodec(t, c, f), c.Encode(nil, plain)
		if stored[1] != x.dossier || other[1] != x.plain || c.Using() != uint32(x.use) {
			t.Errorf("told %d: dossiers with %d, the rest with %d", c.Using(), stored[1], other[1])
		}
		if _, err := newCodec(t).Decode(nil, stored, 1<<20); (x.dossier == 1) != (err == nil) || err != nil && !errors.Is(err, body.ErrDictionaryMissing) {
			t.Errorf("read without dictionary %d: %v", x.dossier, err)
		}
	}
}

// tokenBody is a body in token form of these tokens.
func tokenBody(t testing.TB, tokens []byte, structure, size uint64) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithEncoderDictRaw(1, body.BuiltinTokens().Content))
	if err != nil {
		t.Fatal(err)
	}
	head := binary.AppendUvarint(binary.AppendUvarint([]byte{3, 1}, size), structure)
	return e.EncodeAll(tokens, head)
}

// unpacked is the tokens of a body, with the sizes of structure and frame.
func unpacked(t testing.TB, stored []byte) (tokens []byte, structure, size uint64) {
	t.Helper()
	size, n := binary.Uvarint(stored[2:])
	structure, m := binary.Uvarint(stored[2+n:])
	d, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(1, body.BuiltinTokens().Content))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tokens, err = d.DecodeAll(stored[2+n+m:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return tokens, structure, size
}

func TestHostileTokens(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	good := throughCodec(t, c, fileOf(t, "<A>"+strings.Repeat(row, 5)+"</A>"))
	tokens, structure, size := unpacked(t, good)
	if again, err := c.Decode(nil, tokenBody(t, tokens, structure, size), 1<<20); err != nil || uint64(len(again)) != size {
		t.Fatalf("the test does not make what the codec makes: %v", err)
	}
	const huge = 1 << 40
	element := func(structure string, values string, size uint64) []byte {
		return tokenBody(t, []byte(structure+values), uint64(len(structure)), size)
	}
	for name, x := range map[string]struct {
		stored []byte
		want   error
	}{
		"larger than allowed":      {tokenBody(t, tokens, structure, 1<<20+1), body.ErrTooLarge},
		"larger than any":          {tokenBody(t, tokens, structure, huge), body.ErrTooLarge},
		"a byte more said":         {tokenBody(t, tokens, structure, size+1), body.ErrDamaged},
		"a byte less said":         {tokenBody(t, tokens, structure, size-1), body.ErrDamaged},
		"more tokens than bytes":   {tokenBody(t, tokens, structure, uint64(len(tokens))), body.ErrDamaged},
		"no size":                  {tokenBody(t, tokens, structure, 0), body.ErrDamaged},
		"structure beyond the end": {tokenBody(t, tokens, uint64(len(tokens))+1, size), body.ErrDamaged},
		"structure without end":    {tokenBody(t, tokens, huge, size), body.ErrDamaged},
		"structure cut":            {tokenBody(t, tokens, structure-1, size), body.ErrDamaged},
		"values more":              {tokenBody(t, append(slices.Clone(tokens), 0), structure, size), body.ErrDamaged},
		"nothing behind":           {good[:3], body.ErrDamaged},
		"only a form":              {good[:1], body.ErrDamaged},
		"an unknown dictionary":    {[]byte{3, 9, 1, 1}, body.ErrDictionaryMissing},
		"no part":                  {element("\x10", "\x00", 99), body.ErrDamaged},
		"unknown token":            {element("\x00\x0a\x00", "", 99), body.ErrDamaged},
		"unknown name":             {element("\x00\xff\xff", "\x00", 99), body.ErrDamaged},
		"half a name":              {element("\x00\xff", "\x00", 99), body.ErrDamaged},
		"open without name":        {element("\x00\x08\x08", "\x00", 99), body.ErrDamaged},
		"close of nothing":         {element("\x00\x07", "", 99), body.ErrDamaged},
		"literal beyond":           {element("\x00\x04\x7f", "", 99), body.ErrDamaged},
		"a name of nothing":        {element("\x00\x09\x00", "", 99), body.ErrDamaged},
		"deep":                     {element("\x00"+strings.Repeat("\x08\x10", 65), "", 1<<10), body.ErrDamaged},
		"no last text":             {element("\x00\x10", "\x01", 99), body.ErrDamaged},
		"no text before":           {element("\x00\x10", "\x02", 99), body.ErrDamaged},
		"no number":                {element("\x00\x10\x10", "a\x00\x03", 99), body.ErrDamaged},
		"unknown value":            {element("\x00\x10", "\x06", 99), body.ErrDamaged},
		"a text without end":       {element("\x00\x10", "abc", 99), body.ErrDamaged},
		"raw beyond":               {element("\x02\x09", "abc", 99), body.ErrDamaged},
		"the same again and again": {element("\x00"+strings.Repeat("\x10", 1<<15), strings.Repeat("x", 1<<10)+"\x00"+strings.Repeat("\x01", 1<<15), 1<<20), body.ErrDamaged},
	} {
		if got, err := c.Decode(nil, x.stored, 1<<20); !errors.Is(err, x.want) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokensProperty(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	pieces := []string{"<A>", "</A>", "<MA_LK>", "</MA_LK>", "<STT>1</STT>", "<STT>2</STT>", "<B/>", "\r\n", "  ", "x", "\x00", "\x01", "<", ">", "/", "<!--", "-->", "LK1", "<HO_TEN></HO_TEN>", row}
	rapid.Check(t, func(r *rapid.T) {
		var texts []string
		for range rapid.IntRange(1, 3).Draw(r, "parts") {
			texts = append(texts, strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(r, "pieces"), ""))
		}
		throughCodec(t, c, fileOf(t, texts...))
	})
}

// Whatever a dossier is, it comes back.
func FuzzEncodeDossier(f *testing.F) {
	f.Add("<A>"+row+row+"</A>", "<B/>")
	f.Add("<STT>9</STT><STT>10</STT><x y='1'>z</x>", `{"a":1}`)
	c := newCodec(f)
	f.Fuzz(func(t *testing.T, one, two string) {
		throughCodec(t, c, fileOf(t, one, two, strings.Repeat(one, 3)))
	})
}

// Whatever tokens are read, no more than is allowed comes of them.
func FuzzDecodeTokens(f *testing.F) {
	c := newCodec(f)
	tokens, structure, size := unpacked(f, c.EncodeDossier(nil, fileOf(f, "<A>"+strings.Repeat(row, 5)+"</A>"), 0))
	f.Add(tokens, uint32(structure), uint32(size))
	f.Add([]byte("\x00\x10\x10ab\x00\x01"), uint32(3), uint32(40))
	f.Fuzz(func(t *testing.T, tokens []byte, structure, size uint32) {
		const limit = 1 << 16
		got, err := c.Decode(nil, tokenBody(t, tokens, uint64(structure), uint64(size)), limit)
		switch {
		case err == nil && (len(got) > limit || uint32(len(got)) != size):
			t.Fatalf("%d bytes, %d said", len(got), size)
		case err != nil && (got != nil || !errors.Is(err, body.ErrDamaged) && !errors.Is(err, body.ErrTooLarge)):
			t.Fatalf("no known fault: %v", err)
		}
	})
}
