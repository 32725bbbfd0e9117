package declaration

import (
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// node reads a mapping whose shape was compared: nothing it asks for can be amiss.
type node struct{ n *yaml.Node }

func (n node) get(name string) node {
	if n.n == nil {
		return node{}
	}
	for i := 0; i+1 < len(n.n.Content); i += 2 {
		if n.n.Content[i].Value == name {
			return node{n.n.Content[i+1]}
		}
	}
	return node{}
}

func (n node) text(name string) string {
	if v := n.get(name).n; v != nil {
		return v.Value
	}
	return ""
}

func (n node) number(name string) int {
	v, err := strconv.Atoi(n.text(name))
	if err != nil {
		return 0 // absent
	}
	return v
}

func (n node) both(name string) fault.Text {
	b := n.get(name)
	return fault.Text{VI: b.text("vi"), EN: b.text("en")}
}

func (n node) list(name string) []node {
	v := n.get(name).n
	if v == nil {
		return nil
	}
	out := make([]node, len(v.Content))
	for i := range v.Content {
		out[i] = node{v.Content[i]}
	}
	return out
}

func (n node) texts(name string) []string {
	var out []string
	for _, v := range n.list(name) {
		out = append(out, v.n.Value)
	}
	return out
}

// read makes a declaration of a file of the right shape.
func read(root *yaml.Node) *registry.Declaration {
	n := node{root}
	d := &registry.Declaration{
		ID: registry.ID(n.text("id")), Version: n.number("version"), Name: n.both("name"), Entry: n.both("entry"),
		Steward: n.text("steward"), Legal: n.texts("legal"), Key: n.texts("key"), Person: n.text("person"),
		Facility: n.text("facility"), ValidFrom: n.text("valid_from"), ValidTo: n.text("valid_to"), Retention: n.text("retention"),
	}
	for _, f := range n.list("fields") {
		d.Fields = append(d.Fields, fieldOf(f))
	}
	for _, s := range n.list("sources") {
		d.Sources = append(d.Sources, sourceOf(s))
	}
	for _, r := range n.list("rules") {
		rule := registry.Rule{Code: r.text("code"), Word: r.text("word"), Field: r.text("field"), When: r.text("when"),
			Must: r.text("must"), Severity: r.text("severity"), Text: r.both("text")}
		if rule.Severity == "" {
			rule.Severity = "warning"
		}
		d.Rules = append(d.Rules, rule)
	}
	for _, s := range n.list("sharing") {
		share := registry.Share{To: s.text("to"), Fields: s.texts("fields"), Purpose: s.text("purpose")}
		if until := s.text("until"); until != "" {
			day, err := time.ParseInLocation(time.DateOnly, until, clock.Hanoi)
			if err != nil {
				day = time.Time{} // the judge says so
			}
			share.Until = day.AddDate(0, 0, 1) // the day is the last it holds on
		}
		d.Sharing = append(d.Sharing, share)
	}
	d.Refresh = registry.Refresh{Every: term(n.get("refresh").text("every")), Stale: term(n.get("refresh").text("stale"))}
	return d
}

func fieldOf(f node) registry.Field {
	field := registry.Field{Name: f.text("name"), Label: f.both("label"), Type: registry.Type(f.text("type")), Class: registry.Class(f.text("class")),
		Priority: f.number("priority"), List: f.text("list"), Format: f.text("format"), Min: f.text("min"), Max: f.text("max"),
		MaxLength: f.number("max_length"), Search: f.text("search") == "true"}
	for _, v := range f.list("values") {
		field.Values = append(field.Values, registry.Value{Code: v.text("code"), Text: fault.Text{VI: v.text("vi"), EN: v.text("en")}})
	}
	if field.Values != nil && field.List == "" {
		field.List = ownList + field.Name
	}
	return field
}

// ownList begins the name of a field's own list.
const ownList = "own:"

func sourceOf(s node) registry.Source {
	source := registry.Source{ID: s.text("id"), Kind: registry.SourceKind(s.text("kind")), Records: s.texts("records"), Table: s.text("table"),
		From: registry.ID(s.text("from")), URL: s.text("url"), Where: s.text("where")}
	for _, c := range s.texts("classes") {
		source.Classes |= care.ParseClass(c)
	}
	if m := s.get("map").n; m != nil {
		source.Map = map[string]string{}
		for i := 0; i+1 < len(m.Content); i += 2 {
			source.Map[m.Content[i].Value] = m.Content[i+1].Value
		}
	}
	if m := s.get("columns").n; m != nil {
		source.Columns = map[string][]string{}
		for i := 0; i+1 < len(m.Content); i += 2 {
			for _, c := range m.Content[i+1].Content {
				source.Columns[m.Content[i].Value] = append(source.Columns[m.Content[i].Value], c.Value)
			}
		}
	}
	return source
}

// term reads "12 hours" or "30 days"; 0 of "".
func term(s string) time.Duration {
	amount, unit, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(amount)
	if err != nil {
		return 0 // absent
	}
	if unit == "days" {
		return time.Duration(n) * 24 * time.Hour
	}
	return time.Duration(n) * time.Hour
}
