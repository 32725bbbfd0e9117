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

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
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

func TestValuesBecomeCanonical(t *testing.T) {
	t.Parallel()
	db, now := compile(t, good), time.Date(2026, 11, 20, 9, 0, 0, 0, clock.Hanoi)
	got := db.Check(registry.Values{"number": " AB1 ", "person": "079988000001", "given": "20/11/2026", "dose": "03", "price": "12,50", "sex": "1", "site": "L", "paid": "Có", "at": "202611200830"}, now)
	want := registry.Values{"number": "AB1", "person": "079988000001", "given": "2026-11-20", "dose": "3", "price": "12.5", "sex": "1", "site": "L", "paid": "true", "at": "2026-11-20T08:30:00+07:00"}
	if diff := cmp.Diff(want, got.Values); diff != "" || got.Refused() || len(got.Findings) > 0 {
		t.Error(diff, got.Findings)
	}
	if !got.Rules["first"] {
		t.Error("the rule did not hold")
	}
	again := db.Check(got.Values, now)
	if diff := cmp.Diff(got, again); diff != "" {
		t.Error("canonical is not stable", diff)
	}
	key, ok := db.Key(got.Values)
	other, _ := db.Key(registry.Values{"number": "AB2"})
	if _, none := db.Key(registry.Values{}); !ok || none || bytes.Equal(key, other) {
		t.Error("keys")
	}
}

func TestFindingsNameFieldWordAndCause(t *testing.T) {
	t.Parallel()
	db, now := compile(t, good), time.Date(2026, 11, 20, 9, 0, 0, 0, clock.Hanoi)
	for _, c := range []struct {
		values   registry.Values
		code     string
		word     string
		severity string
	}{
		{registry.Values{"person": "1", "given": "20260101"}, "entry.number.missing", "sufficient", "error"},
		{registry.Values{"number": "A", "given": "20260101"}, "entry.person.missing", "sufficient", "warning"},
		{registry.Values{"number": "a-b"}, "entry.number.format", "correct", "error"},
		{registry.Values{"number": "A", "given": "2026-02-30"}, "entry.given.format", "correct", "error"},
		{registry.Values{"number": "A", "given": "2026"}, "entry.given.format", "correct", "error"},
		{registry.Values{"number": "A", "given": "1999-12-31"}, "entry.given.range", "correct", "error"},
		{registry.Values{"number": "A", "dose": "10"}, "entry.dose.range", "correct", "error"},
		{registry.Values{"number": "A", "dose": "1.5"}, "entry.dose.format", "correct", "error"},
		{registry.Values{"number": "A", "price": "-0.01"}, "entry.price.range", "correct", "error"},
		{registry.Values{"number": "A", "price": "1.000.000"}, "entry.price.format", "correct", "error"},
		{registry.Values{"number": "A", "sex": "7"}, "entry.sex.not_in_list", "unified", "error"},
		{registry.Values{"number": "A", "site": "X"}, "entry.site.not_in_list", "unified", "error"},
		{registry.Values{"number": "A", "paid": "maybe"}, "entry.paid.format", "correct", "error"},
		{registry.Values{"number": "A", "reaction": "sốt cao kéo dài"}, "entry.reaction.length", "correct", "error"},
		{registry.Values{"number": "A", "given": "2026-03-01", "until": "2026-02-01"}, "entry.until.before", "consistent", "error"},
		{registry.Values{"number": "A", "dose": "4"}, "rule.first", "consistent", "warning"},
		{registry.Values{"number": "A", "who": "Bí Mật"}, "entry.unknown_field", "correct", "error"},
	} {
		checked, found := db.Check(c.values, now), false
		for _, f := range checked.Findings {
			if f.Code == c.code {
				found = f.Word == c.word && f.Severity == c.severity && f.Text.VI != f.Text.EN
			}
			for _, v := range c.values {
				if len(v) > 4 && strings.Contains(f.Text.VI+f.Text.EN+f.Code, v) {
					t.Errorf("%s holds a value", f.Code)
				}
			}
		}
		if !found {
			t.Errorf("%v: %+v, want %s", c.values, checked.Findings, c.code)
		}
	}
}

func TestRowsBecomeEntries(t *testing.T) {
	t.Parallel()
	db := compile(t, good)
	row := func(texts ...string) (r dossier.Row) {
		for _, s := range texts {
			r.Cells = append(r.Cells, dossier.Cell{Text: s})
		}
		return r
	}
	d := &dossier.Content{All: []*dossier.Table{
		{Columns: dossier.NewColumns("XML1", "MA_LK", "SO_CCCD"), Rows: []dossier.Row{row("LK9", "079988000001")}},
		{Columns: dossier.NewColumns("XML2", "MA_LK", "STT", "MA_NHOM", "NGAY_YL", "DON_GIA"), Rows: []dossier.Row{
			row("LK9", "1", "4", "202611010830", "1200.50"), row("LK9", "2", "8", "202611010830", "1"), row("LK9", "3", "4", "", "dear")}},
	}}
	about := declaration.About{ID: dossier.ID{Facility: "79901"}, Kind: "qd4750", Received: time.Now()}
	made := db.Project("xml2", d, about)
	if len(made) != 2 || made[0].Row != 0 || made[1].Row != 2 {
		t.Fatalf("%+v", made)
	}
	if diff := cmp.Diff(registry.Values{"number": "LK91", "person": "079988000001", "given": "2026-11-01", "price": "1200.5"}, made[0].Values); diff != "" || made[0].Findings != nil {
		t.Error(diff, made[0].Findings)
	}
	if len(made[1].Findings) != 1 || made[1].Findings[0].Code != "entry.price.source" || made[1].Values["given"] != "" {
		t.Errorf("%+v", made[1])
	}
	about.Kind = "checkup"
	if db.Project("xml2", d, about) != nil || db.Project("file", d, about) != nil || db.Project("none", d, about) != nil {
		t.Error("what is no source of those records gives entries")
	}
	if h := db.Headers("file"); h["ma"] != "number" || h["ngay tiem"] != "given" || h["price"] != "price" {
		t.Errorf("headers %v", h)
	}
}

func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	d := compile(t, good).Declaration
	before, after := time.Date(2026, 12, 31, 0, 0, 0, 0, clock.Hanoi), time.Date(2027, 1, 2, 0, 0, 0, 0, clock.Hanoi)
	grant := declaration.Permission{ID: "grant-1", To: "partner:x", Fields: []string{"reaction", "person"}, Purpose: "Nghiên cứu"}
	for _, c := range []struct {
		as     string
		at     time.Time
		fields string
		by     string
	}{
		{"unit:pb", after, "number,person,given,until,dose,price,sex,site,paid,at,reaction", "steward"},
		{"ministry", after, "number,person,given,until,dose,price,sex,site,paid,at", "share-1,share-2"},
		{"province:79", before, "number,price,sex,reaction", "share-2,share-3"},
		{"province:79", after, "price,sex", "share-2"},
		{"facility:79901", after, "price,sex", "share-2"},
		{"partner:x", after, "person,price,sex,reaction", "share-2,grant-1"},
	} {
		r, err := role.Parse(c.as)
		if err != nil {
			t.Fatal(err)
		}
		sight, ok := declaration.Sees(d, r, append(declaration.Shares(d, c.at), grant))
		if got := strings.Join(sight.Fields, ","); !ok || got != c.fields || sight.By != c.by {
			t.Errorf("%s: %s by %s, want %s by %s", c.as, got, sight.By, c.fields, c.by)
		}
	}
	if _, ok := declaration.Sees(d, role.Role{Kind: role.Auditor}, nil); ok {
		t.Error("nobody gave an auditor anything")
	}
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
