package jsondoc_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

func TestParse(t *testing.T) {
	t.Parallel()
	v, err := jsondoc.Parse([]byte("\xEF\xBB\xBF {\n \"a\": \"x\\u0110\\n\\ud83d\\ude00\",\r\n \"b\": [1, -0.5e+3, true, null, {}], \"c\": []\n}\n"), jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if a := v.Get("a"); a.String() != "xĐ\n😀" || a.Line != 2 {
		t.Errorf("a is %q in line %d", a.String(), a.Line)
	}
	b := v.Get("b")
	if b.Line != 3 || len(b.Items) != 5 || b.Items[1].Text != "-0.5e+3" || b.Items[2].Text != "true" || b.Items[3].Type != jsondoc.Null {
		t.Errorf("b is %+v", b)
	}
	if v.Get("none") != nil || v.Get("none").Get("x").String() != "" {
		t.Error("a member out of nothing")
	}
}

func TestBadJSON(t *testing.T) {
	t.Parallel()
	unreadable := []string{"", "{", `{"a":1`, `{"a":1,"a":2}`, `{"a":01}`, `{"a":1.}`, `{"a":"` + "\x01" + `"}`, `{"a":"\ud800"}`, `{"a":"\ud800\u0041"}`,
		`{"a":"\u0000"}`, `{"a":"\x"}`, "{\"a\":\"\xff\"}", `{"a":1}{}`, `{'a':1}`, `{a:1}`, `{"a":nan}`, `{"a":1,}`, `[1,]`, `{"a" 1}`, "\xff\xfe{\x00}\x00"}
	many := `{"x":0`
	for i := range 100 {
		many += `,"n` + strings.Repeat("i", i) + `":1`
	}
	unreadable = append(unreadable, many+`,"niii":2}`)
	for _, doc := range unreadable {
		if _, err := jsondoc.Parse([]byte(doc), jsondoc.Limits{}); !errors.Is(err, jsondoc.ErrUnreadable) {
			t.Errorf("%.40q gives %v", doc, err)
		}
	}
	for _, doc := range []string{strings.Repeat("[", 40) + strings.Repeat("]", 40), strings.Repeat(" ", 101), "[" + strings.Repeat("1,", 60) + "1]"} {
		if _, err := jsondoc.Parse([]byte(doc), jsondoc.Limits{Bytes: 150, Depth: 32, Values: 50}); fault.Of(err).Code != "file.limits" && len(doc) != 101 {
			t.Errorf("%.40q gives %v", doc, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	doc := []byte(` {"a": {"x": 1, "y": [1, 2]}, "b\"": "c,\"d\":", "e": ["f", {"g": 1}], "h": null}`)
	if got := jsondoc.Names(doc); !slices.Equal(got, []string{"a", `b\"`, "e", "h"}) {
		t.Errorf("names %q", got)
	}
	if !jsondoc.IsJSON(doc) || jsondoc.IsJSON([]byte("<a/>")) || jsondoc.IsJSON(nil) {
		t.Error("IsJSON")
	}
}

// FuzzParse holds this reader against the library's, which takes more.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"xé\u00e9",null,true]}`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `[[[]]]`, "{\n}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		_, err := jsondoc.Parse(doc, jsondoc.Limits{})
		if err == nil && !json.Valid([]byte(strings.TrimPrefix(string(doc), "\xEF\xBB\xBF"))) {
			t.Errorf("taken: %q", doc)
		}
		jsondoc.Names(doc)
	})
}
