package archtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/alarm"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
)

// answer is a fault as the code declares it.
type answer struct {
	kind     string
	text     fault.Text
	packages []string
}

// formed are codes whose sentence holds names: of fields out of a list of the
// program's own, of facilities; shown with "..." in its place.
var formed = map[string]fault.Text{
	"choice.facilities": {VI: "Có nhiều cơ sở khớp tên. Ghi rõ hơn, hoặc ghi mã trong ngoặc: ...", EN: "Several facilities have such a name. Write more of it, or the code in brackets: ..."},
	"gateway.field":     {VI: "Trường ... thiếu hoặc không đúng dạng.", EN: "The field ... is missing or not in its form."},
}

// carried are packages that hand on the code and the sentences which a hub or
// an agent answered them with, or a finding's: what they name is declared there.
var carried = []string{"agent", "agent/control", "agent/door", "agent/station", "web/api", "cmd/lienthong"}

// codeForm is what a code looks like: a place, a dot, what is wrong.
var codeForm = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)+$`)

// answers are the faults of the tree by code. A code that two packages declare
// has one entry, with the sentence of the first; what else it says is in others.
func answers(t *testing.T) (by map[string]*answer, others map[string][]fault.Text) {
	t.Helper()
	by, others = map[string]*answer{}, map[string][]fault.Text{}
	for _, p := range tree(t) {
		for _, f := range p.Syntax {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || !makesFault(p, call) {
					return true
				}
				code, vi, en := text(p, call.Args[1]), text(p, call.Args[2]), text(p, call.Args[3])
				if said, ok := formed[code]; ok {
					vi, en = said.VI, said.EN
				}
				if code == "" || vi == "" || en == "" {
					if !slices.Contains(carried, p.path) {
						t.Errorf("%s: a fault whose code or sentence no reader of the source can know", p.Fset.Position(call.Pos()))
					}
					return true
				}
				kind := kindName(p, call.Args[0])
				said := fault.Text{VI: vi, EN: en}
				a := by[code]
				if a == nil {
					a = &answer{kind: kind, text: said}
					by[code] = a
				} else if a.text != said && !slices.Contains(others[code], said) {
					others[code] = append(others[code], said)
				}
				if !slices.Contains(a.packages, p.path) {
					a.packages = append(a.packages, p.path)
				}
				return true
			})
		}
	}
	return by, others
}

func makesFault(p pkg, call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 4 {
		return false
	}
	f, ok := p.TypesInfo.Uses[s.Sel].(*types.Func)
	return ok && f.FullName() == module+"/internal/fault.New"
}

// text is the value of a constant expression, empty for others.
func text(p pkg, e ast.Expr) string {
	v := p.TypesInfo.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return ""
	}
	return constant.StringVal(v)
}

func kindName(p pkg, e ast.Expr) string {
	v := p.TypesInfo.Types[e].Value
	if v == nil {
		return ""
	}
	n, _ := constant.Int64Val(v)
	return fault.Kind(n).String()
}

// The page doc/guide/codes.md holds every code that the program can answer
// with, in both languages, and what the portal says of legs and of alarms.
// UPDATE=1 writes it again.
func TestEveryCodeIsInTheGuide(t *testing.T) {
	t.Parallel()
	by, others := answers(t)
	if len(by) < 300 {
		t.Fatalf("only %d codes found: the walk is broken", len(by))
	}
	for code, a := range by {
		if !codeForm.MatchString(code) {
			t.Errorf("%s (%s) is no code: place.what", code, strings.Join(a.packages, ", "))
		}
		if a.text.VI == a.text.EN {
			t.Errorf("%s says the same in both languages", code)
		}
	}
	page := codesPage(t, by, others)
	name := filepath.Join(rootDir(t), "doc", "guide", "codes.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(name); err != nil || !bytes.Equal(kept, page) {
		t.Errorf("doc/guide/codes.md is not what the code says (%v); run UPDATE=1 go test ./internal/archtest -run Guide", err)
	}
}

// Codes of legs are no faults: pages have words for each that our side gives.
func TestCodesOfLegsHaveWords(t *testing.T) {
	t.Parallel()
	vi, _ := words(t)
	own := regexp.MustCompile(`^(leg|tries|purpose|compartment|operator)\.[a-z_]+$`)
	seen := 0
	for _, p := range tree(t) {
		if !under(p.path, "bridge/...", "courier", "exchange") {
			continue
		}
		for _, f := range p.Syntax {
			ast.Inspect(f, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok {
					return true
				}
				code := text(p, lit)
				if !own.MatchString(code) {
					return true
				}
				seen++
				if vi["legcode."+code] == "" && vi["code."+code] == "" {
					t.Errorf("%s: pages have no words for %s", p.Fset.Position(lit.Pos()), code)
				}
				return true
			})
		}
	}
	if seen < 20 {
		t.Errorf("only %d codes of legs found: the walk is broken", seen)
	}
}

// words are the portal's, by key.
func words(t *testing.T) (vi, en map[string]string) {
	t.Helper()
	for lang, into := range map[string]*map[string]string{"vi": &vi, "en": &en} {
		if err := json.Unmarshal([]byte(readFile(t, "internal/web/portal/words/"+lang+".json")), into); err != nil {
			t.Fatal(err)
		}
	}
	return vi, en
}

func codesPage(t *testing.T, by map[string]*answer, others map[string][]fault.Text) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Mã trả lời / Codes of answers\n\n%s\n\n%s\n\n",
		"Mọi mã mà hub, trạm gửi và dòng lệnh có thể trả lời, mã của đường gửi tiếp và của cảnh báo. Lỗi trong nội dung hồ sơ có trang riêng: [danh mục mã lỗi](error-catalogue.md). Trang này do chương trình tạo ra từ mã nguồn, không sửa tay.",
		"Every code that the hub, the agent and the command line can answer with, and the codes of deliveries and of alarms. Faults inside a dossier have a page of their own: [the error catalogue](error-catalogue.md). This page is generated from the source: do not edit it.")
	fmt.Fprintf(&b, "| loại / kind | nghĩa là | it means | HTTP |\n|---|---|---|---|\n")
	for _, k := range kindsOfFault {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", k.kind, k.vi, k.en, problem.Status(&fault.Error{Kind: k.kind}))
	}
	section := ""
	for _, code := range slices.Sorted(maps.Keys(by)) {
		place, _, _ := strings.Cut(code, ".")
		if place != section {
			section = place
			fmt.Fprintf(&b, "\n## %s\n\n| Mã / Code | Loại / Kind | Điều sai và cách sửa | What is wrong and what to do |\n|---|---|---|---|\n", place)
		}
		row(&b, code, by[code].kind, by[code].text)
		for _, said := range others[code] {
			row(&b, code, by[code].kind, said)
		}
	}
	vi, en := words(t)
	wordsSection(&b, "Đường gửi tiếp / Deliveries", "legcode.", vi, en)
	fmt.Fprintf(&b, "\n## Cảnh báo / Alarms\n\nVới số liệu ví dụ. / With numbers of an example.\n\n| Mã / Code | Nói gì | It says |\n|---|---|---|\n")
	of := map[string]string{alarm.Failures: "bhxh", alarm.Queue: "bhxh", alarm.Breaker: "bhxh", alarm.Silent: "79901", alarm.Forked: "79901-his", alarm.CutOff: "79901",
		alarm.ManyOwn: "79901", alarm.Unequal: "2026-11-21", alarm.Emergencies: "79901", alarm.Rules: "r7",
		alarm.Counted: "scores.recount", alarm.GaveUp: "figures.close"}
	for _, kind := range alarm.Kinds() {
		said := alarm.Of(store.Alarm{Cause: kind + ":" + of[kind], Detail: `{"percent":12,"attempts":340,"minutes":25,"limit":10,"n":21,"of":300,"last":"2026-11-21T08:00:00Z"}`}).Text
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", kind, said.VI, said.EN)
	}
	return b.Bytes()
}

func row(b *bytes.Buffer, code, kind string, said fault.Text) {
	clean := strings.NewReplacer("|", `\|`, "\n", " ")
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", code, kind, clean.Replace(said.VI), clean.Replace(said.EN))
}

func wordsSection(b *bytes.Buffer, title, prefix string, vi, en map[string]string) {
	fmt.Fprintf(b, "\n## %s\n\n| Mã / Code | Nghĩa là | It means |\n|---|---|---|\n", title)
	for _, key := range slices.Sorted(maps.Keys(vi)) {
		if code, ok := strings.CutPrefix(key, prefix); ok {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", code, strings.ReplaceAll(vi[key], "|", `\|`), strings.ReplaceAll(en[key], "|", `\|`))
		}
	}
}

// kindsOfFault is what each kind asks of the caller.
var kindsOfFault = []struct {
	kind   fault.Kind
	vi, en string
}{
	{fault.Invalid, "gửi lại y nguyên thì vẫn được trả lời như vậy", "the same again is answered the same"},
	{fault.Unauthenticated, "chưa biết ai hỏi", "who asks is not known"},
	{fault.Withheld, "biết ai hỏi, nhưng người đó không được phép", "who asks is known, and may not"},
	{fault.Absent, "không có, hoặc người hỏi không được biết là có", "not there, or nothing the reader may know of"},
	{fault.Conflict, "vừa rồi còn đúng, giờ đã khác: đọc lại rồi quyết định lại", "true a moment ago, no longer: read again, decide again"},
	{fault.Busy, "chưa giữ gì, chưa quyết gì: gửi lại sau", "nothing was kept or decided: send again later"},
	{fault.TooLarge, "quá giới hạn về dung lượng hoặc số lượng", "over a limit of size or count"},
	{fault.TooMany, "quá nhịp của người gửi: gửi lại vào lượt của mình", "over the sender's rate: again in its slot"},
	{fault.Broken, "lỗi của hub: báo người trực vận hành", "the hub's own fault: tell the operator on duty"},
}
