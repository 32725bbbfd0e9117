package declaration

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lienthong/internal/catalog"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/registry"
)

// judge looks whether a file of the right shape contradicts itself.
type judge struct {
	d        *registry.Declaration
	at       map[string]place
	problems []registry.Problem
}

func (j *judge) add(code, path, vi, en string) {
	p := j.at[path]
	j.problems = append(j.problems, registry.Problem{Code: "declaration." + code, Path: path, Line: p.line, Column: p.column, Text: fault.Text{VI: vi, EN: en}})
}

func (j *judge) note(code, path, vi, en string) {
	j.add(code, path, vi, en)
	j.problems[len(j.problems)-1].Note = true
}

func (j *judge) all() {
	j.fields()
	j.roles()
	j.sources()
	j.rules()
	j.sharing()
	for i, id := range j.d.Legal {
		if _, ok := law.Get(id); !ok {
			j.note("legal_unknown", "legal["+strconv.Itoa(i)+"]", "“"+id+"” chưa có trong danh mục nguồn pháp lý; sẽ hiện là chưa được xác nhận.",
				"\""+id+"\" is not in the register of legal sources; it will show as not confirmed.")
		}
	}
	if r := j.d.Refresh; r.Every > 0 && r.Stale > 0 && r.Stale < r.Every {
		j.add("contradiction", "refresh.stale", "Mục bị coi là cũ (stale) sớm hơn lúc cần xác nhận lại (every).", "An entry would be stale before it has to be confirmed.")
	}
}

func (j *judge) has(field string) bool {
	return slices.ContainsFunc(j.d.Fields, func(f registry.Field) bool { return f.Name == field })
}

// known complains of the name of a field that there is not.
func (j *judge) known(field, path string) bool {
	if field == "" || j.has(field) {
		return field != ""
	}
	j.add("field_unknown", path, "Không có trường “"+field+"” trong fields.", "There is no field \""+field+"\" in fields.")
	return false
}

func (j *judge) fields() {
	seen := map[string]bool{}
	for i := range j.d.Fields {
		f, path := &j.d.Fields[i], "fields["+strconv.Itoa(i)+"]"
		if seen[f.Name] {
			j.add("twice", path+".name", "Trường “"+f.Name+"” có hai lần.", "The field \""+f.Name+"\" stands twice.")
		}
		seen[f.Name] = true
		j.field(f, path)
	}
}

func (j *judge) field(f *registry.Field, path string) {
	switch {
	case f.Type == registry.Code && f.List == "":
		j.add("contradiction", path, "Trường kiểu code cần list hoặc values.", "A field of type code needs list or values.")
	case f.Type != registry.Code && f.List != "":
		j.add("contradiction", path, "Chỉ trường kiểu code có list hoặc values.", "Only a field of type code has list or values.")
	case f.Values != nil && f.List != ownList+f.Name:
		j.add("contradiction", path, "Chỉ dùng một trong hai: list hoặc values.", "Either list or values, not both.")
	case f.List != "" && f.Values == nil && !strings.HasPrefix(f.List, "db:") && !slices.Contains(catalog.Lists(), catalog.List(f.List)):
		have := fmt.Sprint(catalog.Lists())
		j.add("list_unknown", path+".list", "Không có danh mục “"+f.List+"”. Có: "+have[1:len(have)-1]+".", "There is no list \""+f.List+"\". There are: "+have[1:len(have)-1]+".")
	case f.List == "db:"+string(j.d.ID)+"."+f.Name:
		j.add("contradiction", path+".list", "Trường không thể là danh mục của chính nó.", "A field cannot be the list of its own codes.")
	}
	codes := map[string]bool{}
	for k, v := range f.Values {
		if codes[v.Code] {
			j.add("twice", path+".values["+strconv.Itoa(k)+"]", "Mã “"+v.Code+"” có hai lần.", "The code \""+v.Code+"\" stands twice.")
		}
		codes[v.Code] = true
	}
	if f.Format != "" {
		if _, err := regexp.Compile(`^(?:` + f.Format + `)$`); err != nil || f.Type != registry.Text {
			j.add("format", path+".format", "format phải là biểu thức chính quy đúng (RE2) và chỉ dành cho kiểu text.", "format must be a regular expression (RE2), of type text only.")
		}
	}
	if f.MaxLength > 0 && f.Type != registry.Text {
		j.add("contradiction", path+".max_length", "max_length chỉ dành cho kiểu text.", "max_length is for type text only.")
	}
	j.bounds(f, path)
	if f.Search && f.Class == registry.Sensitive {
		j.add("contradiction", path+".search", "Trường sensitive không tìm kiếm được.", "A sensitive field cannot be searched.")
	}
}

func (j *judge) bounds(f *registry.Field, path string) {
	if f.Min == "" && f.Max == "" {
		return
	}
	bare := *f
	bare.Min, bare.Max = "", ""
	c := column{Field: &bare}
	low, lowOK := c.canonical(f.Min)
	high, highOK := c.canonical(f.Max)
	switch {
	case !ordered(f.Type):
		j.add("contradiction", path, "min và max chỉ dành cho số và ngày.", "min and max are for numbers and dates.")
	case f.Min != "" && !lowOK || f.Max != "" && !highOK:
		j.add("value", path, "min và max phải viết như giá trị của trường.", "min and max must be written as values of the field.")
	case f.Min != "" && f.Max != "" && compare(f.Type, low, high) > 0:
		j.add("contradiction", path, "min lớn hơn max.", "min is larger than max.")
	}
}

// roles are the fields with a part of their own.
func (j *judge) roles() {
	seen := map[string]bool{}
	for i, k := range j.d.Key {
		path := "key[" + strconv.Itoa(i) + "]"
		j.known(k, path)
		if seen[k] {
			j.add("twice", path, "Trường “"+k+"” có hai lần trong khóa.", "The field \""+k+"\" stands twice in the key.")
		}
		seen[k] = true
	}
	if j.known(j.d.Person, "person") && !j.of(j.d.Person).Class.Sealed() {
		j.add("contradiction", "person", "Trường có số định danh của người phải là personal hoặc sensitive.", "A field with a person's number must be personal or sensitive.")
	}
	j.known(j.d.Facility, "facility")
	for path, name := range map[string]string{"valid_from": j.d.ValidFrom, "valid_to": j.d.ValidTo} {
		if j.known(name, path) && j.of(name).Type != registry.Date && j.of(name).Type != registry.Moment {
			j.add("contradiction", path, "Trường này phải là ngày.", "This field must be a date.")
		}
	}
	if j.d.ValidFrom != "" && j.d.ValidFrom == j.d.ValidTo {
		j.add("contradiction", "valid_to", "valid_from và valid_to phải là hai trường khác nhau.", "valid_from and valid_to must be two different fields.")
	}
}

// of returns a field that is known.
func (j *judge) of(name string) *registry.Field { return fieldIn(j.d, name) }

func fieldIn(d *registry.Declaration, name string) *registry.Field {
	for i := range d.Fields {
		if d.Fields[i].Name == name {
			return &d.Fields[i]
		}
	}
	return nil
}

func (j *judge) sources() {
	seen := map[string]bool{}
	for i := range j.d.Sources {
		s, path := &j.d.Sources[i], "sources["+strconv.Itoa(i)+"]"
		if seen[s.ID] {
			j.add("twice", path+".id", "Nguồn “"+s.ID+"” có hai lần.", "The source \""+s.ID+"\" stands twice.")
		}
		seen[s.ID] = true
		j.source(s, path)
		for name := range s.Map {
			j.known(name, path+".map."+name)
		}
		for name := range s.Columns {
			j.known(name, path+".columns."+name)
		}
	}
}

func (j *judge) source(s *registry.Source, path string) {
	only := func(given bool, key string, kinds ...registry.SourceKind) {
		if given && !slices.Contains(kinds, s.Kind) {
			j.add("contradiction", path, "“"+key+"” không dành cho nguồn kiểu "+string(s.Kind)+".", "\""+key+"\" is not for sources of kind "+string(s.Kind)+".")
		}
	}
	only(s.Records != nil, "records", registry.FromRecords)
	only(s.Classes != 0, "classes", registry.FromRecords)
	only(s.Table != "", "table", registry.FromRecords)
	only(s.From != "", "from", registry.FromDatabase)
	only(s.URL != "", "url", registry.FromFeed)
	only(s.Where != "", "where", registry.FromRecords, registry.FromDatabase)
	only(s.Map != nil, "map", registry.FromRecords, registry.FromDatabase)
	only(s.Columns != nil, "columns", registry.FromImport)
	need := func(ok bool, key string) {
		if !ok {
			j.add("missing", path, "Nguồn kiểu "+string(s.Kind)+" cần “"+key+"”.", "A source of kind "+string(s.Kind)+" needs \""+key+"\".")
		}
	}
	switch s.Kind {
	case registry.FromRecords:
		need(s.Records != nil, "records")
		need(len(s.Map) > 0, "map")
		for _, k := range j.d.Key {
			if j.has(k) && len(s.Map) > 0 {
				need(s.Map[k] != "", "map."+k)
			}
		}
	case registry.FromDatabase:
		need(s.From != "", "from")
		need(len(s.Map) > 0, "map")
		if s.From == j.d.ID {
			j.add("circular", path+".from", "Cơ sở dữ liệu không thể là nguồn của chính nó.", "A database cannot be its own source.")
		}
	case registry.FromFeed:
		need(s.URL != "", "url")
	}
	if s.Classes != 0 && len(j.d.Legal) == 0 {
		j.add("contradiction", path+".classes", "Nhóm dữ liệu khép kín chỉ đọc được khi có căn cứ pháp lý.", "Closed classes can be read only with a legal basis.")
	}
}

func (j *judge) rules() {
	seen := map[string]bool{}
	for i, r := range j.d.Rules {
		path := "rules[" + strconv.Itoa(i) + "]"
		if seen[r.Code] {
			j.add("twice", path+".code", "Quy tắc “"+r.Code+"” có hai lần.", "The rule \""+r.Code+"\" stands twice.")
		}
		seen[r.Code] = true
		j.known(r.Field, path+".field")
	}
}

func (j *judge) sharing() {
	for i, s := range j.d.Sharing {
		path := "sharing[" + strconv.Itoa(i) + "]"
		for k, f := range s.Fields {
			at := path + ".fields[" + strconv.Itoa(k) + "]"
			if j.known(f, at) && s.To == "*" && j.of(f).Class != registry.Open {
				j.add("contradiction", at, "Chia sẻ cho mọi người (*) chỉ gồm trường open.", "What is shared with everybody (*) has open fields only.")
			}
		}
		closed := func(f registry.Field) bool { return f.Class != registry.Open }
		if s.Fields == nil && s.To == "*" && slices.ContainsFunc(j.d.Fields, closed) {
			j.note("open_only", path, "Mọi người chỉ thấy các trường open.", "Everybody sees open fields only.")
		}
		if !s.Until.IsZero() && s.Until.Year() < 2000 {
			j.add("value", path+".until", "Ngày không có thật.", "There is no such day.")
		}
	}
}
