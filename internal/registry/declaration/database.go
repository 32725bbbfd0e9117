package declaration

import (
	"encoding/binary"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/expression"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/schema"
)

// Config is what a declaration refers to outside itself. The zero Config knows the
// tables of the QĐ 4750 family and the lists of package catalog.
type Config struct {
	// Tables returns the tables of a kind of records and their fields; nil: no such kind.
	Tables func(kind string) map[string][]string
	// Fields returns the fields of another database; nil: no such database.
	Fields func(id registry.ID) []string
	// Lists answers whether a list is known and has a code; asked for "db:ID.FIELD" too.
	// It is called whenever an entry is checked, and must be quick.
	Lists func(list, code string) (known, has bool)
}

// Database is a declaration, compiled. It is safe for concurrent use.
type Database struct {
	*registry.Declaration
	columns []column
	rules   []rule
	sources []source
	lists   func(list, code string) (known, has bool)
}

type rule struct {
	*registry.Rule
	when, must *expression.Program // when nil: always
}

type source struct {
	*registry.Source
	where *expression.Program // nil: all
	fill  []fill
}

type fill struct {
	field string
	value *expression.Program
}

// Compile makes a Database of a declaration that Parse took. Problems that are no
// notes stand in the way, and there is no Database then.
func Compile(d *registry.Declaration, c Config) (*Database, []registry.Problem) {
	if c.Tables == nil {
		c.Tables = Family
	}
	db := &Database{Declaration: d}
	outside := c.Lists
	db.lists = func(list, code string) (bool, bool) {
		if outside != nil {
			if known, has := outside(list, code); known {
				return known, has
			}
		}
		return catalogued(list, code)
	}
	m := &maker{db: db, conf: c, at: positions(d.Text)}
	m.columns()
	m.rules()
	m.sources()
	if registry.Blocks(m.problems) {
		return nil, m.problems
	}
	return db, m.problems
}

// positions finds the places of a file's parts again.
func positions(text []byte) map[string]place {
	w := &walk{at: map[string]place{}}
	if root, problem := load(text); problem == nil {
		w.look(root, fileShape, "")
	}
	return w.at
}

func catalogued(list, code string) (known, has bool) {
	l := catalog.List(list)
	if !slices.Contains(catalog.Lists(), l) {
		return false, false
	}
	_, ever := catalog.Has(l, code, 0)
	return true, ever
}

// Family returns the tables of the QĐ 4750 family with the fields of all versions;
// nil for any other kind.
func Family(kind string) map[string][]string {
	if kind != "qd4750" {
		return nil
	}
	tables := map[string][]string{}
	for _, v := range schema.Versions() {
		Join(tables, TablesOf(v))
	}
	return tables
}

// TablesOf returns the tables of a specification with their fields.
func TablesOf(v *schema.Version) map[string][]string {
	tables := map[string][]string{}
	for _, t := range v.Tables() {
		tables[t.Name] = slices.Clone(t.Columns.Names())
	}
	return tables
}

// Join adds tables and fields to those there are.
func Join(to, more map[string][]string) {
	for name, fields := range more {
		for _, f := range fields {
			if !slices.Contains(to[name], f) {
				to[name] = append(to[name], f)
			}
		}
	}
}

// maker compiles the parts of a declaration.
type maker struct {
	db       *Database
	conf     Config
	at       map[string]place
	problems []registry.Problem
}

func (m *maker) columns() {
	d := m.db.Declaration
	for i := range d.Fields {
		f := d.Fields[i]
		c := column{Field: &f, list: d.ListOf(&f)}
		if f.Format != "" {
			re, err := regexp.Compile(`^(?:` + f.Format + `)$`)
			if err != nil {
				m.add("format", "fields["+strconv.Itoa(i)+"].format", fault.Text{VI: "format không phải biểu thức chính quy.", EN: "format is no regular expression."})
			}
			c.format = re
		}
		if f.Values != nil {
			c.codes = map[string]bool{}
			for _, v := range f.Values {
				c.codes[v.Code] = true
			}
		}
		bare := column{Field: &registry.Field{Type: f.Type}}
		if f.Min != "" {
			f.Min, _ = bare.canonical(f.Min)
		}
		if f.Max != "" {
			f.Max, _ = bare.canonical(f.Max)
		}
		m.db.columns = append(m.db.columns, c)
		if id, field, ok := OtherList(f.List); ok {
			m.otherList(i, id, field)
		}
	}
}

// OtherList reads "db:ID.FIELD".
func OtherList(list string) (registry.ID, string, bool) {
	rest, ok := strings.CutPrefix(list, "db:")
	id, field, dot := strings.Cut(rest, ".")
	return registry.ID(id), field, ok && dot
}

func (m *maker) otherList(i int, id registry.ID, field string) {
	path := "fields[" + strconv.Itoa(i) + "].list"
	var fields []string
	if id == m.db.ID {
		fields = m.db.Names()
	} else if m.conf.Fields != nil {
		fields = m.conf.Fields(id)
	}
	switch {
	case fields == nil:
		m.add("list_unknown", path, fault.Text{VI: "Chưa có cơ sở dữ liệu “" + string(id) + "”.", EN: "There is no database \"" + string(id) + "\" yet."})
	case !slices.Contains(fields, field):
		m.add("list_unknown", path, fault.Text{VI: "Cơ sở dữ liệu đó không có trường “" + field + "”.", EN: "That database has no field \"" + field + "\"."})
	}
}

// Names lists the fields in order.
func (db *Database) Names() []string {
	names := make([]string, len(db.Fields))
	for i := range db.Fields {
		names[i] = db.Fields[i].Name
	}
	return names
}

func (m *maker) add(code, path string, said fault.Text) {
	p := m.at[path]
	m.problems = append(m.problems, registry.Problem{Code: "declaration." + code, Path: path, Line: p.line, Column: p.column, Text: said})
}

// compile takes one expression; nil of "" and where it is wrong.
func (m *maker) compile(env *expression.Env, text string, kind expression.Kind, path string) *expression.Program {
	if text == "" {
		return nil
	}
	p, err := env.Compile(text, kind)
	var wrong *expression.Mistake
	if !errors.As(err, &wrong) {
		return p
	}
	at := ""
	if wrong.Line > 0 {
		at = " (" + strconv.Itoa(wrong.Line) + ":" + strconv.Itoa(wrong.Column) + ")"
	}
	code := "expression"
	if expression.IsCostly(err) {
		code = "costly"
	}
	m.add(code, path, fault.Text{VI: wrong.Said.VI + at, EN: wrong.Said.EN + at})
	return nil
}

func (m *maker) env(path string, vars ...expression.Variable) *expression.Env {
	env, err := expression.New(expression.Config{Lists: m.listed, Limit: 500_000}, vars...)
	if err != nil { // a table or a field whose name is no name
		m.add("expression", path, fault.Text{VI: "Bảng hoặc trường của nguồn có tên không dùng được trong biểu thức.", EN: "A table or field of the source has a name that expressions cannot hold."})
		return nil
	}
	return env
}

// listed answers in_list; lists of other databases are taken as they come.
func (m *maker) listed(list, code string) (known, has bool) {
	if id, field, ok := OtherList(list); ok && code == "" {
		return m.conf.Fields != nil && slices.Contains(m.conf.Fields(id), field), false
	}
	for i := range m.db.columns {
		if c := &m.db.columns[i]; c.codes != nil && c.List == list {
			return true, c.codes[code]
		}
	}
	return m.db.lists(list, code)
}

func (m *maker) rules() {
	env := m.env("rules", expression.Row("entry", m.db.Names()...), expression.Text("today"))
	for i := range m.db.Declaration.Rules {
		if env == nil {
			return
		}
		r, path := &m.db.Declaration.Rules[i], "rules["+strconv.Itoa(i)+"]"
		c := rule{Rule: r, when: m.compile(env, r.When, expression.Condition, path+".when"), must: m.compile(env, r.Must, expression.Condition, path+".must")}
		if c.must != nil && len(c.must.Uses()) == 0 {
			m.add("contradiction", path+".must", fault.Text{VI: "Quy tắc không dùng trường nào: mọi mục đều đạt, hoặc đều sai.", EN: "The rule uses no field: every entry holds, or none does."})
		}
		m.db.rules = append(m.db.rules, c)
	}
}

func (m *maker) sources() {
	for i := range m.db.Declaration.Sources {
		s, path := &m.db.Declaration.Sources[i], "sources["+strconv.Itoa(i)+"]"
		c := source{Source: s}
		if env := m.sourceEnv(s, path); env != nil {
			c.where = m.compile(env, s.Where, expression.Condition, path+".where")
			for _, field := range slices.Sorted(maps.Keys(s.Map)) {
				c.fill = append(c.fill, fill{field, m.compile(env, s.Map[field], expression.Value, path+".map."+field)})
			}
		}
		m.db.sources = append(m.db.sources, c)
	}
}

// recordRow is what expressions know of a record beside its content.
var recordRow = []string{"id", "facility", "province", "kind", "received"}

// sourceEnv returns the names that a source's expressions may use; nil where it has
// none, or where what it reads does not exist.
func (m *maker) sourceEnv(s *registry.Source, path string) *expression.Env {
	switch s.Kind {
	case registry.FromRecords:
		tables := map[string][]string{}
		for _, kind := range s.Records {
			of := m.conf.Tables(kind)
			if of == nil {
				m.add("kind_unknown", path+".records", fault.Text{VI: "Không có loại hồ sơ “" + kind + "”.", EN: "There is no kind of records \"" + kind + "\"."})
				return nil
			}
			Join(tables, of)
		}
		vars := []expression.Variable{expression.Row("record", recordRow...), expression.Tables("dossier", tables)}
		if s.Table != "" {
			if tables[s.Table] == nil {
				m.add("table_unknown", path+".table", fault.Text{VI: "Loại hồ sơ này không có bảng “" + s.Table + "”.", EN: "These records have no table \"" + s.Table + "\"."})
				return nil
			}
			vars = append(vars, expression.Row("row", tables[s.Table]...))
		}
		return m.env(path, vars...)
	case registry.FromDatabase:
		var fields []string
		if m.conf.Fields != nil {
			fields = m.conf.Fields(s.From)
		}
		if fields == nil {
			m.add("database_unknown", path+".from", fault.Text{VI: "Chưa có cơ sở dữ liệu “" + string(s.From) + "”.", EN: "There is no database \"" + string(s.From) + "\" yet."})
			return nil
		}
		return m.env(path, expression.Row("row", fields...))
	}
	return nil
}

// Key returns what tells an entry from others, of canonical values; false where a
// field of the key is absent. Equal keys are the same entry.
func (db *Database) Key(v registry.Values) ([]byte, bool) {
	key := []byte(string(db.ID) + "\x00")
	for _, k := range db.Declaration.Key {
		if v[k] == "" {
			return nil, false
		}
		key = binary.BigEndian.AppendUint32(key, uint32(len(v[k])))
		key = append(key, v[k]...)
	}
	return key, true
}

// today is a day as rules see it.
func today(t time.Time) string { return t.In(clock.Hanoi).Format(time.DateOnly) }
