package declaration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
)

// good is a whole declaration; tests change one thing of it.
const good = `id: doses
name: {vi: Tiêm chủng, en: Vaccination}
entry: {vi: Mũi tiêm, en: Dose}
steward: pb
legal: [law-91-2025]
fields:
  - {name: number, label: {vi: Mã mũi, en: Number}, type: text, class: internal, priority: 1, format: "[A-Z0-9]+", search: true}
  - {name: person, label: {vi: Số định danh, en: Citizen number}, type: text, class: personal, priority: 1, search: true}
  - {name: given, label: {vi: Ngày tiêm, en: Day}, type: date, class: internal, priority: 1, min: 2000-01-01}
  - {name: until, label: {vi: Đến, en: Until}, type: date, class: internal}
  - {name: dose, label: {vi: Mũi thứ, en: Dose}, type: integer, class: internal, min: 1, max: 9}
  - {name: price, label: {vi: Giá, en: Price}, type: decimal, class: open, min: 0}
  - {name: sex, label: {vi: Giới, en: Sex}, type: code, class: open, list: GIOI_TINH}
  - {name: site, label: {vi: Vị trí, en: Site}, type: code, class: open, values: [{code: L, vi: Trái, en: Left}, {code: R, vi: Phải, en: Right}]}
  - {name: paid, label: {vi: Đã trả, en: Paid}, type: boolean, class: open}
  - {name: at, label: {vi: Lúc, en: At}, type: moment, class: open}
  - {name: reaction, label: {vi: Phản ứng, en: Reaction}, type: text, class: sensitive, max_length: 10}
key: [number]
person: person
valid_from: given
valid_to: until
sources:
  - id: xml2
    kind: records
    records: [qd4750]
    table: XML2
    where: row.MA_NHOM == "4"
    map: {number: row.MA_LK + row.STT, person: 'dossier.XML1[0].SO_CCCD', given: day(row.NGAY_YL), price: number(row.DON_GIA)}
  - {id: file, kind: import, columns: {number: [Mã]}}
rules:
  - {code: first, word: consistent, field: dose, when: has(entry.dose), must: number(entry.dose) <= 3.0 || has(entry.reaction), text: {vi: Từ mũi 4 ghi phản ứng, en: From dose 4 a reaction is noted}}
sharing:
  - {to: ministry, purpose: Thống kê}
  - {to: "*", purpose: Công khai, fields: [sex, price]}
  - {to: "province:*", purpose: Địa bàn, fields: [number, reaction], until: 2027-01-01}
refresh: {every: 1 days, stale: 30 days}
retention: y10
`

func compile(t testing.TB, text string) *declaration.Database {
	t.Helper()
	d, problems, err := declaration.Parse([]byte(text))
	if err != nil {
		t.Fatal(err, problems)
	}
	db, problems := declaration.Compile(d, declaration.Config{})
	if db == nil {
		t.Fatal(problems)
	}
	return db
}

// swap changes one place of the good declaration.
func swap(t testing.TB, from, to string) string {
	t.Helper()
	if strings.Count(good, from) == 0 {
		t.Fatalf("%q is not in it", from)
	}
	return strings.Replace(good, from, to, 1)
}

// bad are declarations with one thing wrong, the code it has and the line.
func bad(t testing.TB) map[string]struct {
	text, code string
	line       int
	structural bool // the JSON Schema finds it too
} {
	type one = struct {
		text, code string
		line       int
		structural bool
	}
	return map[string]one{
		"unknown key":       {swap(t, "steward: pb", "steward: pb\nstewart: x"), "unknown_key", 5, true},
		"unknown inner key": {swap(t, "refresh: {every", "refresh: {often: 1 days, every"), "unknown_key", 36, true},
		"missing":           {swap(t, "steward: pb\n", ""), "missing", 1, true},
		"number for text":   {swap(t, "steward: pb", "steward: 12"), "type", 4, true},
		"text for a list":   {swap(t, "key: [number]", "key: number"), "type", 18, true},
		"list for a text":   {swap(t, "steward: pb", "steward: [pb]"), "type", 4, true},
		"no such type":      {swap(t, "type: integer", "type: int"), "value", 11, true},
		"no such class":     {swap(t, "class: sensitive", "class: secret"), "value", 17, true},
		"priority 9":        {swap(t, "priority: 1", "priority: 9"), "value", 7, true},
		"name of a field":   {swap(t, "name: paid", "name: Đã trả"), "value", 15, true},
		"no key":            {swap(t, "key: [number]", "key: []"), "value", 18, true},
		"term":              {swap(t, "every: 1 days", "every: daily"), "value", 36, true},
		"url":               {swap(t, "kind: import, columns: {number: [Mã]}", "kind: feed, url: \"http://plain\""), "value", 29, true},
		"word":              {swap(t, "word: consistent", "word: nice"), "value", 31, true},
		"role":              {swap(t, "to: ministry", "to: everybody"), "value", 33, true},
		"search as text":    {swap(t, "search: true", "search: \"yes\""), "type", 7, true},

		"twice a key":            {swap(t, "steward: pb", "steward: pb\nsteward: kcb"), "twice", 5, false},
		"alias":                  {swap(t, "legal: [law-91-2025]", "legal: &a [law-91-2025]"), "yaml", 5, false},
		"two documents":          {good + "---\nid: x\n", "yaml", 0, false},
		"not yaml":               {swap(t, "key: [number]", "key: [number"), "yaml", 0, false},
		"own tag":                {swap(t, "steward: pb", "steward: !x pb"), "yaml", 4, false},
		"a list":                 {"- a\n", "yaml", 1, false},
		"nothing":                {"", "yaml", 0, false},
		"bytes":                  {"id: \xff\xfe", "yaml", 0, false},
		"key of no field":        {swap(t, "key: [number]", "key: [code]"), "field_unknown", 18, false},
		"person of no field":     {swap(t, "person: person\nvalid", "person: who\nvalid"), "field_unknown", 19, false},
		"map of no field":        {swap(t, "map: {number:", "map: {code: row.STT, number:"), "field_unknown", 28, false},
		"key not mapped":         {swap(t, "map: {number: row.MA_LK + row.STT, ", "map: {"), "missing", 23, false},
		"field twice":            {swap(t, "name: paid", "name: sex"), "twice", 15, false},
		"code without a list":    {swap(t, ", list: GIOI_TINH", ""), "contradiction", 13, false},
		"both list and values":   {swap(t, "class: open, values", "class: open, list: GIOI_TINH, values"), "contradiction", 14, false},
		"no such list":           {swap(t, "list: GIOI_TINH", "list: GIOI"), "list_unknown", 13, false},
		"list of itself":         {swap(t, "list: GIOI_TINH", "list: db:doses.sex"), "contradiction", 13, false},
		"ends when it begins":    {swap(t, "valid_to: until", "valid_to: given"), "contradiction", 21, false},
		"min over max":           {swap(t, "min: 1, max: 9", "min: 10, max: 9"), "contradiction", 11, false},
		"min of a text":          {swap(t, "max_length: 10", "min: a"), "contradiction", 17, false},
		"no number":              {swap(t, "min: 1, max: 9", "min: one"), "value", 11, false},
		"format":                 {swap(t, `"[A-Z0-9]+"`, `"[A-Z"`), "format", 7, false},
		"open person":            {swap(t, "class: personal", "class: open"), "contradiction", 19, false},
		"searched sensitive":     {swap(t, "max_length: 10", "search: true"), "contradiction", 17, false},
		"published personal":     {swap(t, "fields: [sex, price]", "fields: [sex, person]"), "contradiction", 34, false},
		"share of no field":      {swap(t, "fields: [sex, price]", "fields: [sex, cost]"), "field_unknown", 34, false},
		"stale before due":       {swap(t, "every: 1 days", "every: 60 days"), "contradiction", 36, false},
		"records of an import":   {swap(t, "kind: import, columns", "kind: import, table: XML1, columns"), "contradiction", 29, false},
		"its own source":         {swap(t, "kind: import, columns: {number: [Mã]}", "kind: database, from: doses, map: {number: row.number}"), "circular", 29, false},
		"rule of no field":       {swap(t, "field: dose, when", "field: doze, when"), "field_unknown", 31, false},
		"valid from no date":     {swap(t, "valid_from: given", "valid_from: dose"), "contradiction", 20, false},
		"no day":                 {swap(t, "until: 2027-01-01", "until: 2027-02-31"), "value", 35, false},
		"source twice":           {swap(t, "id: file", "id: xml2"), "twice", 29, false},
		"value twice":            {swap(t, "code: R", "code: L"), "twice", 14, false},
		"expression field":       {swap(t, "row.MA_NHOM ==", "row.NHOM =="), "expression", 27, false},
		"expression syntax":      {swap(t, `row.MA_NHOM == "4"`, `row.MA_NHOM = "4"`), "expression", 27, false},
		"expression of a map":    {swap(t, "price: number(row.DON_GIA)", "price: dossier.XML3"), "expression", 28, false},
		"costly":                 {swap(t, `row.MA_NHOM == "4"`, `dossier.XML3.all(a, dossier.XML3.all(b, dossier.XML3.all(c, a.MA_LK + b.MA_LK == c.MA_LK)))`), "costly", 27, false},
		"no such table":          {swap(t, "table: XML2", "table: XML99"), "table_unknown", 26, false},
		"no such kind":           {swap(t, "records: [qd4750]", "records: [letters]"), "kind_unknown", 25, false},
		"a rule of everything":   {swap(t, `must: number(entry.dose) <= 3.0 || has(entry.reaction)`, `must: 1 < 2`), "contradiction", 31, false},
		"no such database":       {swap(t, "list: GIOI_TINH", "list: db:nobody.code"), "list_unknown", 13, false},
		"closed class, no class": {swap(t, "records: [qd4750]", "records: [qd4750]\n    classes: [cancer]"), "value", 26, true},
	}
}

func TestWhatIsWrongIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	for name, c := range bad(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, problems, err := declaration.Parse([]byte(c.text))
			if err == nil {
				_, problems = declaration.Compile(d, declaration.Config{})
			} else if !errors.Is(err, declaration.ErrInvalid) {
				t.Fatal(err)
			}
			for _, p := range problems {
				if p.Text.VI == "" || p.Text.EN == "" || p.Text.VI == p.Text.EN {
					t.Errorf("%s says %v", p.Code, p.Text)
				}
				if p.Code == "declaration."+c.code && !p.Note && (c.line == 0 || p.Line == c.line || p.Line == 0) {
					return
				}
			}
			t.Errorf("want %s in line %d, got %+v (%v)", c.code, c.line, problems, err)
		})
	}
}

func TestAFileThatIsTooLargeOrABombIsRefused(t *testing.T) {
	t.Parallel()
	if _, _, err := declaration.Parse(bytes.Repeat([]byte("a"), declaration.MaxSize+1)); !errors.Is(err, declaration.ErrTooLarge) {
		t.Error(err)
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	if _, problems, err := declaration.Parse([]byte(bomb)); !errors.Is(err, declaration.ErrInvalid) || problems[0].Code != "declaration.yaml" {
		t.Error(problems, err)
	}
	deep := strings.Repeat("[", 100_000)
	if _, _, err := declaration.Parse([]byte(deep)); !errors.Is(err, declaration.ErrInvalid) {
		t.Error(err)
	}
}

func TestALawThatNobodyKnowsIsANote(t *testing.T) {
	t.Parallel()
	_, problems, err := declaration.Parse([]byte(swap(t, "law-91-2025", "law-1-1999")))
	if err != nil || len(problems) != 1 || !problems[0].Note || problems[0].Code != "declaration.legal_unknown" || problems[0].Line != 5 {
		t.Error(problems, err)
	}
}

// Schema and parser say the same of every file's structure.
func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "doc", "schema", "database.schema.json")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, declaration.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(published, declaration.Schema()) {
		t.Fatalf("the published schema is not the parser's (%v); run UPDATE=1 go test", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///database.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:///database.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(instance(t, good)); err != nil {
		t.Error(err)
	}
	for name, b := range bad(t) {
		if b.code == "yaml" || name == "twice a key" {
			continue // no instance of JSON
		}
		if err := schema.Validate(instance(t, b.text)); (err != nil) != b.structural {
			t.Errorf("%s: the schema says %v", name, err)
		}
	}
}

// instance is YAML as JSON has it: a day is text.
func instance(t *testing.T, text string) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return valueOf(t, n.Content[0])
}

func valueOf(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = valueOf(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, valueOf(t, c))
		}
		return l
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return json.Number(n.Value)
	case "!!bool":
		b, err := strconv.ParseBool(n.Value)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return n.Value
}

func TestChangesAreRefusedOrSayWhatFollows(t *testing.T) {
	t.Parallel()
	old, _, err := declaration.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	old.Version = 3
	other := &registry.Declaration{ID: "other", Fields: []registry.Field{{Name: "x", Type: registry.Code, List: "db:doses.number"}},
		Sources: []registry.Source{{ID: "d", Kind: registry.FromDatabase, From: "doses", Map: map[string]string{"y": "row.site + row.price"}}}}
	use := declaration.Usage{Entries: 10, Others: []*registry.Declaration{old, other}, Granted: map[string][]string{"at": {"unit:qld"}}}
	for name, c := range map[string]struct {
		text, code string
		need       registry.Need
		refused    bool
	}{
		"key":            {swap(t, "key: [number]", "key: [number, given]"), "key", "", true},
		"type":           {swap(t, "type: integer", "type: decimal"), "field_type", "", true},
		"unsealed":       {strings.Replace(swap(t, "class: personal", "class: internal"), "\nperson: person", "", 1), "field_class", "", true},
		"used by source": {strings.Replace(swap(t, "fields: [sex, price]", "fields: [sex]"), "  - {name: site", "  - {name: place", 1), "field_in_use", "", true},
		"granted":        {swap(t, "  - {name: at,", "  - {name: hour,"), "field_in_use", "", true},
		"removed":        {strings.Replace(good, "  - {name: paid, label: {vi: Đã trả, en: Paid}, type: boolean, class: open}\n", "", 1), "field_removed", registry.Reproject, false},
		"narrowed":       {swap(t, "max_length: 10", "max_length: 5"), "field_narrowed", registry.Recount, false},
		"added":          {swap(t, "key: [number]", "  - {name: new, label: {vi: Mới, en: New}, type: text, class: open}\nkey: [number]"), "field_added", registry.Reproject, false},
		"source":         {swap(t, `row.MA_NHOM == "4"`, `row.MA_NHOM == "5"`), "sources", registry.Reproject, false},
		"rule":           {swap(t, "<= 3.0", "<= 4.0"), "rules", registry.Recount, false},
		"steward":        {swap(t, "steward: pb", "steward: kcb"), "steward", "", false},
	} {
		next, problems, err := declaration.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(name, problems)
		}
		got, err := declaration.Change(old, next, use)
		found := false
		for _, p := range got {
			found = found || p.Code == "declaration."+c.code && p.Need == c.need && p.Note != c.refused
		}
		if err != nil || !found || registry.Blocks(got) != c.refused {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	for version, want := range map[string]error{"3": declaration.ErrChanged, "4": nil, "5": declaration.ErrChanged} {
		next, _, err := declaration.Parse([]byte(swap(t, "steward: pb", "steward: pb\nversion: "+version)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := declaration.Change(old, next, use); !errors.Is(err, want) {
			t.Errorf("version %s: %v", version, err)
		}
	}
}

func TestCirclesOfSourcesAreFound(t *testing.T) {
	t.Parallel()
	from := func(id registry.ID, others ...registry.ID) *registry.Declaration {
		d := &registry.Declaration{ID: id}
		for _, o := range others {
			d.Sources = append(d.Sources, registry.Source{Kind: registry.FromDatabase, From: o})
		}
		return d
	}
	got := declaration.Cycles([]*registry.Declaration{from("a", "b"), from("b", "c", "d"), from("c", "a"), from("d", "e"), from("e")})
	if diff := cmp.Diff([][]registry.ID{{"a", "b", "c"}}, got); diff != "" {
		t.Error(diff)
	}
	if got := declaration.Cycles([]*registry.Declaration{from("a", "b", "c"), from("b", "c"), from("c")}); got != nil {
		t.Error(got)
	}
}

// FuzzParse asks that no file breaks the parser, and that what it takes compiles
// or says why.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, b := range bad(f) {
		f.Add([]byte(b.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, problems, err := declaration.Parse(text)
		if err != nil {
			if d != nil || !errors.Is(err, declaration.ErrTooLarge) && !registry.Blocks(problems) {
				t.Fatalf("%v with %v", err, problems)
			}
			return
		}
		db, problems := declaration.Compile(d, declaration.Config{})
		if db == nil {
			if !registry.Blocks(problems) {
				t.Fatal("refused without a reason")
			}
			return
		}
		db.Check(registry.Values{"number": "A", "given": "20260101"}, time.Unix(0, 0))
	})
}
