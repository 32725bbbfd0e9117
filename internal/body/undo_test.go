package body_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"lienthong/internal/body"
)

func TestUndoneTextIsSplitWithoutDecodingAgain(t *testing.T) {
	t.Parallel()
	inner := bytes.Repeat([]byte("<MA_LK>BN 0001</MA_LK>\r\n"), 100)
	long := base64.StdEncoding.EncodeToString(inner)
	for name, text := range map[string]string{
		"one line": long, "margins": "\r\n\t" + long + " ", "lines": lines(long, 76, "\r\n"), "padded": long[:4] + long[4:8] + "QQ==",
	} {
		raw := []byte("<A>" + text + "</A>")
		buf, u, ok := body.Undo([]byte("before"), raw[3:3+len(text)])
		want, err := base64.StdEncoding.DecodeString(text)
		if name == "margins" {
			want, err = inner, nil
		}
		if !ok || err != nil || !bytes.Equal(u.Bytes(), want) || string(buf) != "before"+string(want) {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
		f := split(t, raw, []body.Span{{Start: 3, End: 3 + len(text), Undone: u}})
		got := parts(t, f, 0)
		if len(got) != 1 || !got[0].Decoded || !bytes.Equal(got[0].Bytes, want) {
			t.Errorf("%s: %d parts", name, len(got))
		}
		plain := split(t, raw, []body.Span{{Start: 3, End: 3 + len(text)}})
		if !bytes.Equal(plain.Skeleton, f.Skeleton) || !bytes.Equal(plain.Dossier(0), f.Dossier(0)) {
			t.Errorf("%s: split otherwise than without", name)
		}
	}
}

// What was undone from another text is not believed.
func TestUndoneOfAnotherTextIsNotUsed(t *testing.T) {
	t.Parallel()
	raw, other := []byte("<A>YWJj</A>"), []byte("ZGVm")
	_, u, ok := body.Undo(nil, other)
	if !ok {
		t.Fatal("not undone")
	}
	f := split(t, raw, []body.Span{{Start: 3, End: 7, Undone: u}})
	if p := parts(t, f, 0); string(p[0].Bytes) != "abc" {
		t.Errorf("%q", p[0].Bytes)
	}
}

func TestWhatUndoRefuses(t *testing.T) {
	t.Parallel()
	long := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 900))
	for name, text := range map[string]string{
		"empty": "", "blank": " \n", "not canonical": "YWJjZB==", "not padded": "YWJjZA", "uneven lines": "YWJj\nYW\nJj",
		"a late line end": long + "\nYWJj\nYWJjYWJj", "letters": "chữ", "lines uneven by four": long + "\n\n\n\nYWJj\nYWJj",
	} {
		buf, u, ok := body.Undo([]byte("kept"), []byte(text))
		if ok || u != nil || string(buf) != "kept" {
			t.Errorf("%s: undone", name)
		}
	}
}

func FuzzUndo(f *testing.F) {
	f.Add([]byte("YWJj"))
	f.Add([]byte("\r\nYWJj\r\nYWJj\r\nYQ==\r\n"))
	f.Add([]byte("YW\n\n\n\nJj"))
	f.Fuzz(func(t *testing.T, text []byte) {
		raw := append(append([]byte("<A>"), text...), "</A>"...)
		at := raw[3 : 3+len(text)]
		_, u, ok := body.Undo(nil, at)
		spans := []body.Span{{Start: 3, End: 3 + len(text), Undone: u}}
		if split(t, raw, spans); ok && !parts(t, split(t, raw, spans), 0)[0].Decoded {
			t.Fatal("undone, and not kept so")
		}
	})
}
