package jcs_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lienthong/internal/ledger/jcs"
)

func TestStringsReadBackHereAndElsewhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "s")
		data := jcs.AppendString([]byte(`{"s":`), want)
		data = append(data, '}')
		v, err := jcs.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		m := jcs.Object(v)
		if got := m.Text("s"); got != want || m.Close() != nil {
			t.Fatalf("read back %q, %v", got, m.Close())
		}
		var other struct{ S string }
		if err := json.Unmarshal(data, &other); err != nil || other.S != want {
			t.Fatalf("encoding/json reads %q, %v", other.S, err)
		}
	})
}

func TestEscapesAreThoseOfTheScheme(t *testing.T) {
	t.Parallel()
	// RFC 8785 §3.2.2.2; U+2028 and U+007F stay as they are.
	got := string(jcs.AppendString(nil, "\x00\b\t\n\f\r\x1f\"\\/\x7f\u2028é😀<>&"))
	if want := `"\u0000\b\t\n\f\r\u001f\"\\/` + "\x7f\u2028é😀" + `<>&"`; got != want {
		t.Fatalf("got %s", got)
	}
}

func TestMembersSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	read := func(doc string, ask func(*jcs.Members)) error {
		v, err := jcs.Parse([]byte(doc))
		if err != nil {
			return err
		}
		m := jcs.Object(v)
		ask(m)
		return m.Close()
	}
	for name, c := range map[string]struct {
		doc string
		ask func(*jcs.Members)
		ok  bool
	}{
		"all kinds": {` { "a" : "\u0061\ud83d\ude00\/" , "b":-7,"c":null,"d":[ ],"e":"AAE=", "f":{} , "g":[{}] } `, func(m *jcs.Members) {
			if s, n, o, l, b := m.Text("a"), m.Int("b"), m.TextOrNull("c"), m.Texts("d"), m.Bytes("e", 2); s != "a😀/" || n != -7 || o != "" || len(l) != 0 || b[1] != 1 {
				m.Fail("a", "is another")
			}
			if m.Object("f").Close() != nil || m.Objects("g")[0].Close() != nil {
				m.Fail("f", "is another")
			}
		}, true},
		"absent":          {`{}`, func(m *jcs.Members) { m.Text("a") }, false},
		"unknown":         {`{"a":"x"}`, func(*jcs.Members) {}, false},
		"another type":    {`{"a":1}`, func(m *jcs.Members) { m.Text("a") }, false},
		"empty for null":  {`{"a":""}`, func(m *jcs.Members) { m.TextOrNull("a") }, false},
		"nought for null": {`{"a":0}`, func(m *jcs.Members) { m.IntOrNull("a") }, false},
		"short bytes":     {`{"a":"AAE="}`, func(m *jcs.Members) { m.Bytes("a", 3) }, false},
		"loose base64":    {`{"a":"AAF="}`, func(m *jcs.Members) { m.Bytes("a", 0) }, false},
		"mixed texts":     {`{"a":["x",1]}`, func(m *jcs.Members) { m.Texts("a") }, false},
		"not an object":   {`[]`, func(*jcs.Members) {}, false},
	} {
		if err := read(c.doc, c.ask); (err == nil) != c.ok || err != nil && !errors.Is(err, jcs.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",null,{}]}`, `"\ud83d\ude00"`, `-0`, `[[[[[[[]]]]]]]`, `{"a":1,"a":1}`, "\"\xff\"", `nul`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := jcs.Parse(data)
		if err != nil && !errors.Is(err, jcs.ErrForm) {
			t.Fatalf("not of the one error: %v", err)
		}
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q is no JSON", data)
		}
		if err == nil && (strings.Contains(string(data), "true") && !strings.Contains(string(data), `"`)) {
			t.Fatalf("%q was taken", data)
		}
	})
}
