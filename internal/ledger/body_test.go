package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// jcs is a plain RFC 8785 writer for what receipts hold: objects sorted by
// UTF-16 code units, arrays, strings, integers, null.
func jcs(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case json.Number:
		return v.String()
	case string:
		return jcsString(v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = jcs(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		names := make([]string, 0, len(v))
		for n := range v {
			names = append(names, n)
		}
		slices.SortFunc(names, func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		parts := make([]string, len(names))
		for i, n := range names {
			parts[i] = jcsString(n) + ":" + jcs(v[n])
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	panic(fmt.Sprintf("%T", v))
}

func jcsString(s string) string {
	short := map[rune]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`}
	var b strings.Builder
	for _, r := range s {
		switch e, ok := short[r]; {
		case ok:
			b.WriteString(e)
		case r < 0x20:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// generic gives the members of DESIGN §6 as a map, independently of Canonical.
func generic(b *ledger.Body) map[string]any {
	list := func(ss []string) []any {
		out := make([]any, len(ss))
		for i, s := range ss {
			out[i] = s
		}
		return out
	}
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	number := func(n int) any {
		if n == 0 {
			return nil
		}
		return json.Number(strconv.Itoa(n))
	}
	findings := make([]any, len(b.Findings))
	for i, f := range b.Findings {
		findings[i] = map[string]any{
			"code": f.Code, "severity": f.Severity, "blocks": list(f.Blocks),
			"table": text(f.Table), "row": number(f.Row), "field": text(f.Field),
		}
	}
	return map[string]any{
		"v": json.Number("1"), "hub": b.Hub, "record": b.Record, "facility": b.Facility, "episode": text(b.Episode),
		"kind": b.Kind, "version": number(b.Version), "state": b.State, "findings": findings,
		"file_sha256": b.FileSHA256, "content_sha256": b.ContentSHA256, "inner_sha256": list(b.InnerSHA256),
		"pack": b.Pack, "trust_epoch": json.Number(strconv.FormatInt(b.TrustEpoch, 10)),
		"received_at": b.ReceivedAt.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"durability":  b.Durability, "supersedes": text(b.Supersedes), "kid": b.Kid,
	}
}

func drawBody(t *rapid.T) *ledger.Body {
	text := rapid.StringN(1, 20, -1)
	any := rapid.StringN(0, 20, -1)
	hash := rapid.StringMatching(`[0-9a-f]{64}`)
	number := rapid.IntRange(0, 1<<53-1)
	finding := rapid.Custom(func(t *rapid.T) ledger.Finding {
		return ledger.Finding{
			Code: text.Draw(t, "code"), Severity: rapid.SampledFrom([]string{"error", "warning", "info"}).Draw(t, "severity"),
			Blocks: rapid.SliceOfN(rapid.SampledFrom([]string{"payment", "statistics"}), 0, 2).Draw(t, "blocks"),
			Table:  any.Draw(t, "table"), Row: number.Draw(t, "row"), Field: any.Draw(t, "field"),
		}
	})
	return &ledger.Body{
		V: 1, Hub: text.Draw(t, "hub"), Record: text.Draw(t, "record"), Facility: text.Draw(t, "facility"),
		Episode: any.Draw(t, "episode"), Kind: text.Draw(t, "kind"), Version: number.Draw(t, "version"),
		State:      rapid.SampledFrom([]string{"accepted", "accepted_with_warnings", "rejected"}).Draw(t, "state"),
		Findings:   rapid.SliceOfN(finding, 0, 4).Draw(t, "findings"),
		FileSHA256: hash.Draw(t, "file"), ContentSHA256: hash.Draw(t, "content"),
		InnerSHA256: rapid.SliceOfN(hash, 0, 4).Draw(t, "inner"), Pack: text.Draw(t, "pack"),
		TrustEpoch: rapid.Int64Range(0, 1<<53-1).Draw(t, "epoch"),
		ReceivedAt: time.UnixMicro(rapid.Int64Range(946684800_000000, 9000000000_000000).Draw(t, "at")).UTC(),
		Durability: rapid.SampledFrom([]string{"local", "replicated"}).Draw(t, "durability"),
		Supersedes: any.Draw(t, "supersedes"), Kid: rapid.StringMatching(`[0-9a-f]{16}`).Draw(t, "kid"),
	}
}

func TestCanonicalIsRFC8785AndParsesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawBody(t)
		got, err := b.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		if want := jcs(generic(b)); string(got) != want {
			t.Fatalf("canonical\n%s\nwant\n%s", got, want)
		}
		back, err := ledger.ParseBody(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := back.Canonical()
		if err != nil || string(again) != string(got) {
			t.Fatalf("parsed and written again:\n%s\n%v", again, err)
		}
		if d := cmp.Diff(jcs(generic(back)), jcs(generic(b))); d != "" {
			t.Fatal(d)
		}
	})
}

func TestTheReferenceWriterAgreesWithRFC8785(t *testing.T) {
	t.Parallel()
	// RFC 8785 §3.2.3's sample of sorting and §3.2.2.2's of strings.
	got := jcs(map[string]any{
		"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
		"\U0001F600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
	})
	want := `{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`
	if got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
	if got, want := jcs("\u20ac$\u000f\nA'B\"\\\\\"/"), "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""; got != want {
		t.Fatalf("got %s want %s", got, want)
	}
}

func TestABodyOutsideItsFormIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ledger.Body){
		"v":                  func(b *ledger.Body) { b.V = 2 },
		"no hub":             func(b *ledger.Body) { b.Hub = "" },
		"no record":          func(b *ledger.Body) { b.Record = "" },
		"bad UTF-8":          func(b *ledger.Body) { b.Episode = "\xff" },
		"state":              func(b *ledger.Body) { b.State = "maybe" },
		"durability":         func(b *ledger.Body) { b.Durability = "" },
		"upper-case digest":  func(b *ledger.Body) { b.FileSHA256 = strings.ToUpper(b.FileSHA256) },
		"short inner digest": func(b *ledger.Body) { b.InnerSHA256 = []string{"ab"} },
		"version":            func(b *ledger.Body) { b.Version = -1 },
		"negative epoch":     func(b *ledger.Body) { b.TrustEpoch = -1 },
		"no time":            func(b *ledger.Body) { b.ReceivedAt = time.Time{} },
		"supersedes":         func(b *ledger.Body) { b.Supersedes = "\xff" },
		"kid":                func(b *ledger.Body) { b.Kid = "kid" },
		"severity":           func(b *ledger.Body) { b.Findings[0].Severity = "fatal" },
		"blocks":             func(b *ledger.Body) { b.Findings[0].Blocks = []string{"care"} },
		"row":                func(b *ledger.Body) { b.Findings[0].Row = -1 },
		"finding UTF-8":      func(b *ledger.Body) { b.Findings[0].Field = "\xc3" },
	} {
		b := body(0)
		b.V, b.Kid = 1, receiptKey(t).Kid()
		if _, err := b.Canonical(); err != nil {
			t.Fatalf("%s: the control is refused: %v", name, err)
		}
		spoil(&b)
		if _, err := b.Canonical(); !errors.Is(err, ledger.ErrBody) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOnlyTheCanonicalBytesAreABody(t *testing.T) {
	t.Parallel()
	good := string(issue(t, body(1)).Body)
	if _, err := ledger.ParseBody([]byte(good)); err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if strings.Count(good, old) != 1 {
			t.Fatalf("%q is not once in the body", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, bad := range map[string]string{
		"space":          swap(`,"v":1`, `, "v":1`),
		"trailing":       good + " ",
		"twice":          swap(`"v":1`, `"v":1,"v":1`),
		"unknown member": swap(`"v":1`, `"v":1,"x":1`),
		"absent member":  swap(`"v":1,`, ``),
		"another order":  `{"v":1,` + swap(`"v":1,`, ``)[1:],
		"escaped ASCII":  swap(`"qd4750"`, `"\u00714750"`),
		"fraction":       swap(`"trust_epoch":3`, `"trust_epoch":3.0`),
		"minus nought":   swap(`"trust_epoch":3`, `"trust_epoch":-0`),
		"exponent":       swap(`"trust_epoch":3`, `"trust_epoch":3e0`),
		"leading nought": swap(`"trust_epoch":3`, `"trust_epoch":03`),
		"huge":           swap(`"trust_epoch":3`, `"trust_epoch":99999999999999999999`),
		"beyond 2^53":    swap(`"trust_epoch":3`, `"trust_epoch":9007199254740993`),
		"bool":           swap(`"trust_epoch":3`, `"trust_epoch":true`),
		"version nought": swap(`"version":1}`, `"version":0}`),
		"empty text":     swap(`"supersedes":"01J0RECORDBEFORE"`, `"supersedes":""`),
		"time zone":      swap(`.456789Z`, `.456789+07:00`),
		"nanoseconds":    swap(`.456789Z`, `.456789000Z`),
		"bad UTF-8":      swap(`qd4750`, "qd\xff"),
		"lone surrogate": swap(`qd4750`, `qd\ud800`),
		"empty":          "",
		"null":           "null",
		"array":          "[" + good + "]",
	} {
		if _, err := ledger.ParseBody([]byte(bad)); !errors.Is(err, ledger.ErrBody) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzParseBody(f *testing.F) {
	f.Add(issue(f, body(0)).Body)
	f.Add(issue(f, body(1)).Body)
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ledger.ParseBody(data)
		if err != nil {
			if !errors.Is(err, ledger.ErrBody) {
				t.Fatalf("not a coded error: %v", err)
			}
			return
		}
		if again := jcs(generic(b)); again != string(data) {
			t.Fatalf("taken as canonical:\n%s\nbut it is\n%s", data, again)
		}
	})
}
