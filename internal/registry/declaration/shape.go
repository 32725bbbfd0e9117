package declaration

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// form is what a node may be.
type form int

const (
	object form = iota
	list
	words  // text
	scalar // text, a number, or true and false
	whole  // integer
	truth  // true and false
	bag    // an object with names of the writer's own
)

// shape is what one place of a file may hold. Parser and JSON Schema are both made
// of it, so that they cannot differ.
type shape struct {
	form    form
	keys    []key    // object
	of      *shape   // list, bag
	enum    []string // words
	pattern string   // words; names of a bag
	atLeast int      // entries of a list, code points of words, smallest integer
	atMost  int
	says    string // in the schema
}

type key struct {
	name  string
	shape shape
	must  bool
}

func must(name string, s shape) key { return key{name, s, true} }
func may(name string, s shape) key  { return key{name, s, false} }

func enum[T ~string](values ...T) shape {
	s := shape{form: words}
	for _, v := range values {
		s.enum = append(s.enum, string(v))
	}
	return s
}

func listOf(of shape, atLeast, atMost int) shape {
	return shape{form: list, of: &of, atLeast: atLeast, atMost: atMost}
}

func (s shape) saying(text string) shape { s.says = text; return s }

const (
	fieldName   = `^[a-z][a-z0-9_]{0,39}$`
	plainID     = `^[a-z][a-z0-9-]{0,39}$`
	sourceID    = `^[a-z][a-z0-9_-]{0,39}$`
	roleForm    = `^(\*|operator|ministry|insurer|auditor|(unit|partner):[A-Za-z0-9_.-]{1,40}|province:[0-9]{2}|facility:[0-9A-Z]{5}|(unit|partner|province|facility):\*)$`
	termForm    = `^[1-9][0-9]{0,4} (hours|days)$`
	dayForm     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	listForm    = `^([A-Z][A-Z0-9_]{0,39}|db:[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9_]{0,39})$`
	legalForm   = `^[a-z][a-z0-9]*(-[a-z0-9]+)+$`
	ruleCode    = `^[a-z][a-z0-9_.-]{0,59}$`
	tableForm   = `^[A-Z][A-Z0-9_]{0,59}$`
	unitForm    = `^[a-z0-9][a-z0-9._-]{0,39}$`
	wordsOfText = 300
)

// formOf says to people what a pattern wants, to go on behind a sentence.
func formOf(pattern string) (vi, en string) {
	switch pattern {
	case plainID:
		return ": chữ thường không dấu, số và dấu “-”, bắt đầu bằng chữ", ": lower-case letters, digits and \"-\", a letter first"
	case fieldName:
		return ": chữ thường không dấu, số và dấu “_”, bắt đầu bằng chữ", ": lower-case letters, digits and \"_\", a letter first"
	case sourceID, unitForm, ruleCode:
		return ": chữ thường không dấu, số và các dấu “-”, “_”, “.”", ": lower-case letters, digits, \"-\", \"_\" and \".\""
	case roleForm:
		return ": ghi ministry, unit:MÃ, province:24, facility:MÃ, partner:MÃ hoặc \"*\"", ": ministry, unit:ID, province:24, facility:CODE, partner:ID or \"*\""
	case termForm:
		return ": ghi số rồi hours hoặc days, ví dụ 30 days", ": a number, then hours or days, such as 30 days"
	case dayForm:
		return ": ghi năm-tháng-ngày, ví dụ 2026-12-31", ": year-month-day, such as 2026-12-31"
	case listForm:
		return ": tên một danh mục chung bằng chữ hoa, hoặc db:MÃ.TRƯỜNG của cơ sở dữ liệu khác", ": a shared list in capitals, or db:ID.FIELD of another database"
	case legalForm:
		return ": ví dụ law-15-2023", ": such as law-15-2023"
	}
	return "", ""
}

// wordsOf are the eight, as package score spells them.
var wordsOf = []string{"correct", "sufficient", "clean", "alive", "unified", "shared", "synchronous", "consistent"}

func pattern(p string) shape { return shape{form: words, pattern: p} }
func text(longest int) shape { return shape{form: words, atLeast: 1, atMost: longest} }

func both(longest int) shape {
	return shape{form: object, keys: []key{must("vi", text(longest)), must("en", text(longest))}}
}

var cel = shape{form: words, atLeast: 1, atMost: 4000}

// fileShape is a declaration.
var fileShape = shape{form: object, says: "A specialised database, declared.", keys: []key{
	must("id", pattern(plainID).saying("Name of the database: lower-case letters, digits and \"-\".")),
	may("version", shape{form: whole, atLeast: 1, atMost: 1_000_000, says: "The version this file becomes: one more than the newest. Protects against two people editing at once."}),
	must("name", both(wordsOfText)),
	must("entry", both(wordsOfText).saying("What one entry is called.")),
	must("steward", pattern(unitForm).saying("Id of the unit that answers for it.")),
	must("legal", listOf(pattern(legalForm), 1, 20).saying("Ids of the register of legal sources.")),
	must("fields", listOf(fieldShape, 1, 200)),
	must("key", listOf(pattern(fieldName), 1, 8).saying("Fields that tell one entry from another.")),
	may("person", pattern(fieldName).saying("Field with a citizen's number.")),
	may("facility", pattern(fieldName).saying("Field with a facility's code.")),
	may("valid_from", pattern(fieldName)),
	may("valid_to", pattern(fieldName)),
	must("sources", listOf(sourceShape, 1, 20)),
	may("rules", listOf(ruleShape, 0, 200)),
	may("sharing", listOf(shareShape, 0, 50)),
	may("refresh", shape{form: object, keys: []key{
		may("every", pattern(termForm).saying("An entry is expected to be confirmed that often: \"30 days\".")),
		may("stale", pattern(termForm).saying("After it an entry counts as stale."))}}),
	must("retention", enum("y2", "y10", "y20", "y30").saying("Class of retention, by years.")),
}}

var fieldShape = shape{form: object, keys: []key{
	must("name", pattern(fieldName)),
	must("label", both(wordsOfText)),
	must("type", enum(registry.Text, registry.Integer, registry.Decimal, registry.Boolean, registry.Date, registry.Moment, registry.Code)),
	must("class", enum(registry.Open, registry.Internal, registry.Personal, registry.Sensitive)),
	may("priority", shape{form: whole, atLeast: 1, atMost: 3}),
	may("list", pattern(listForm).saying("A list of the catalogue, or \"db:ID.FIELD\" of another database.")),
	may("values", listOf(shape{form: object, keys: []key{must("code", pattern(`^\S.{0,39}$`)), must("vi", text(wordsOfText)), must("en", text(wordsOfText))}}, 1, 500).saying("The list of its own.")),
	may("format", text(500).saying("Regular expression (RE2) of the whole text.")),
	may("min", shape{form: scalar}),
	may("max", shape{form: scalar}),
	may("max_length", shape{form: whole, atLeast: 1, atMost: 10_000}),
	may("search", shape{form: truth}),
}}

var sourceShape = shape{form: object, keys: []key{
	must("id", pattern(sourceID)),
	must("kind", enum(registry.FromRecords, registry.FromImport, registry.FromDatabase, registry.FromFeed, registry.FromForm)),
	may("records", listOf(pattern(`^[a-z][a-z0-9]{0,39}$`), 1, 10).saying("Kinds of records.")),
	may("classes", listOf(enum("hiv", "tb", "mental_health", "pregnancy_termination"), 1, 4).saying("Closed classes it may read, by the law named.")),
	may("table", pattern(tableForm).saying("Table whose rows are entries; without it one entry a record.")),
	may("from", pattern(plainID)),
	may("url", pattern(`^(https://[^\s]{1,500}|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/[^\s]{0,400})?)$`)), // in the clear only on this machine
	may("where", cel),
	may("map", shape{form: bag, pattern: fieldName, of: &cel}),
	may("columns", shape{form: bag, pattern: fieldName, of: &columnNames}),
}}

var columnNames = listOf(text(200), 1, 20)

var ruleShape = shape{form: object, keys: []key{
	must("code", pattern(ruleCode)),
	must("word", enum(wordsOf...)),
	may("field", pattern(fieldName)),
	may("when", cel),
	must("must", cel),
	may("severity", enum("info", "warning", "error")),
	must("text", both(wordsOfText)),
}}

var shareShape = shape{form: object, keys: []key{
	must("to", pattern(roleForm).saying("A role, or \"*\".")),
	may("fields", listOf(pattern(fieldName), 1, 200)),
	must("purpose", text(wordsOfText)),
	may("until", pattern(dayForm).saying("Last day it holds on.")),
}}

// place is where something stands in a file.
type place struct{ line, column int }

// walk compares a file with its shape.
type walk struct {
	at       map[string]place
	problems []registry.Problem
}

func (w *walk) add(code, path string, n *yaml.Node, vi, en string) {
	if len(w.problems) < 100 {
		w.problems = append(w.problems, registry.Problem{Code: "declaration." + code, Path: path, Line: n.Line, Column: n.Column, Text: fault.Text{VI: vi, EN: en}})
	}
}

func (w *walk) look(n *yaml.Node, s shape, path string) {
	w.at[path] = place{n.Line, n.Column}
	switch s.form {
	case object:
		w.object(n, s, path)
	case bag:
		w.bag(n, s, path)
	case list:
		w.list(n, s, path)
	default:
		w.scalar(n, s, path)
	}
}

// pairs calls do for each key of a mapping, once.
func (w *walk) pairs(n *yaml.Node, path string, do func(k, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		w.add("type", path, n, "Chỗ này cần các cặp “khóa: giá trị”.", "This must be made of \"key: value\" pairs.")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || seen[k.Value] {
			w.add("twice", path, k, "Khóa “"+shown(k.Value)+"” có hai lần.", "The key \""+shown(k.Value)+"\" stands twice.")
			continue
		}
		seen[k.Value] = true
		do(k, v)
	}
}

func (w *walk) object(n *yaml.Node, s shape, path string) {
	found := map[string]bool{}
	w.pairs(n, path, func(k, v *yaml.Node) {
		found[k.Value] = true
		i := slices.IndexFunc(s.keys, func(x key) bool { return x.name == k.Value })
		if i < 0 {
			names := make([]string, len(s.keys))
			for j := range s.keys {
				names[j] = s.keys[j].name
			}
			w.add("unknown_key", path, k, "Không có khóa “"+shown(k.Value)+"” ở đây. Có: "+strings.Join(names, ", ")+".",
				"There is no key \""+shown(k.Value)+"\" here. There are: "+strings.Join(names, ", ")+".")
			return
		}
		w.look(v, s.keys[i].shape, join(path, k.Value))
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, k := range s.keys {
		if k.must && !found[k.name] {
			w.add("missing", path, n, "Thiếu “"+k.name+"”.", "\""+k.name+"\" is missing.")
		}
	}
}

func (w *walk) bag(n *yaml.Node, s shape, path string) {
	w.pairs(n, path, func(k, v *yaml.Node) {
		if !compiled(s.pattern).MatchString(k.Value) {
			vi, en := formOf(s.pattern)
			w.add("value", path, k, "Tên “"+shown(k.Value)+"” không đúng dạng"+vi+".", "The name \""+shown(k.Value)+"\" is not in its form"+en+".")
			return
		}
		w.look(v, *s.of, join(path, k.Value))
	})
}

func (w *walk) list(n *yaml.Node, s shape, path string) {
	if n.Kind != yaml.SequenceNode {
		w.add("type", path, n, "Chỗ này cần một danh sách (mỗi dòng bắt đầu bằng “- ”).", "This must be a list (each line begins with \"- \").")
		return
	}
	if len(n.Content) < s.atLeast || len(n.Content) > s.atMost {
		w.add("value", path, n, fmt.Sprintf("Cần từ %d đến %d mục.", s.atLeast, s.atMost), fmt.Sprintf("There must be %d to %d.", s.atLeast, s.atMost))
		return
	}
	for i, c := range n.Content {
		w.look(c, *s.of, path+"["+strconv.Itoa(i)+"]")
	}
}

func (w *walk) scalar(n *yaml.Node, s shape, path string) {
	tag := n.ShortTag()
	if tag == "!!timestamp" { // a day that nobody put into quotes
		tag = "!!str"
	}
	want := map[form][]string{words: {"!!str"}, scalar: {"!!str", "!!int", "!!float", "!!bool"}, whole: {"!!int"}, truth: {"!!bool"}}[s.form]
	if n.Kind != yaml.ScalarNode || !slices.Contains(want, tag) {
		vi, en := "Chỗ này cần chữ; số và true/false phải đặt trong dấu nháy.", "This must be text; numbers and true/false need quotes."
		switch s.form {
		case whole:
			vi, en = "Chỗ này cần số nguyên.", "This must be an integer."
		case truth:
			vi, en = "Chỗ này cần true hoặc false.", "This must be true or false."
		}
		w.add("type", path, n, vi, en)
		return
	}
	long := len([]rune(n.Value))
	switch {
	case s.form == whole:
		if v, err := strconv.Atoi(n.Value); err != nil || v < s.atLeast || v > s.atMost {
			w.add("value", path, n, fmt.Sprintf("Cần số từ %d đến %d.", s.atLeast, s.atMost), fmt.Sprintf("It must be %d to %d.", s.atLeast, s.atMost))
		}
	case s.enum != nil && !slices.Contains(s.enum, n.Value):
		w.add("value", path, n, "“"+shown(n.Value)+"” không dùng được ở đây. Chọn một trong: "+strings.Join(s.enum, ", ")+".",
			"\""+shown(n.Value)+"\" is not possible here. One of: "+strings.Join(s.enum, ", ")+".")
	case s.pattern != "" && !compiled(s.pattern).MatchString(n.Value):
		vi, en := formOf(s.pattern)
		w.add("value", path, n, "“"+shown(n.Value)+"” không đúng dạng"+vi+".", "\""+shown(n.Value)+"\" is not in its form"+en+".")
	case s.form == words && (long < s.atLeast || s.atMost > 0 && long > s.atMost):
		w.add("value", path, n, fmt.Sprintf("Cần từ %d đến %d ký tự.", s.atLeast, s.atMost), fmt.Sprintf("It must have %d to %d characters.", s.atLeast, s.atMost))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// shown cuts what somebody wrote to what fits into a sentence.
func shown(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// patterns are the compiled patterns of fileShape.
var patterns = sync.OnceValue(func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	var collect func(s shape)
	collect = func(s shape) {
		if s.pattern != "" {
			all[s.pattern] = regexp.MustCompile(s.pattern)
		}
		for _, k := range s.keys {
			collect(k.shape)
		}
		if s.of != nil {
			collect(*s.of)
		}
	}
	collect(fileShape)
	return all
})

func compiled(p string) *regexp.Regexp { return patterns()[p] }
