package declaration

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// Usage is what stands on a declaration.
type Usage struct {
	Entries int64
	// Others are declarations of other databases.
	Others []*registry.Declaration
	// Granted are the receivers of grants that hold, by field.
	Granted map[string][]string
}

// Change says what a new version may not do, and what follows from what it does.
// ErrChanged where the file says a version that is not the next.
func Change(old, next *registry.Declaration, u Usage) ([]registry.Problem, error) {
	if next.Version != 0 && next.Version != old.Version+1 {
		return nil, ErrChanged
	}
	c := &changes{old: old, next: next, used: u, at: positions(next.Text)}
	if !slices.Equal(old.Key, next.Key) && u.Entries > 0 {
		c.refuse("key", "key", "Khóa không đổi được khi đã có mục: hãy lập cơ sở dữ liệu mới.", "The key cannot change once there are entries: declare a new database.")
	}
	for i := range old.Fields {
		c.field(&old.Fields[i])
	}
	for i := range next.Fields {
		if fieldIn(old, next.Fields[i].Name) == nil {
			c.note("field_added", "fields["+strconv.Itoa(i)+"]", registry.Reproject, "Thêm trường “"+next.Fields[i].Name+"”.", "The field \""+next.Fields[i].Name+"\" is added.")
		}
	}
	if !slices.EqualFunc(old.Sources, next.Sources, sameSource) {
		c.note("sources", "sources", registry.Reproject, "Nguồn thay đổi: các mục được lập lại từ hồ sơ.", "Sources change: entries are made again from records.")
	}
	if !slices.Equal(old.Rules, next.Rules) || old.Refresh != next.Refresh {
		c.note("rules", "rules", registry.Recount, "Quy tắc thay đổi: điểm chất lượng của mọi mục được chấm lại trong đêm.", "Rules change: the quality of all entries is marked again overnight.")
	}
	if old.Steward != next.Steward {
		c.note("steward", "steward", "", "Đơn vị chủ quản thay đổi.", "The steward changes.")
	}
	if old.Retention != next.Retention && u.Entries > 0 {
		c.note("retention", "retention", registry.Reproject, "Thời hạn lưu thay đổi: giá trị được niêm phong lại khi lập lại mục.", "Retention changes: values are sealed again as entries are made again.")
	}
	return c.problems, nil
}

type changes struct {
	old, next *registry.Declaration
	used      Usage
	at        map[string]place
	problems  []registry.Problem
}

func (c *changes) refuse(code, path, vi, en string) {
	p := c.at[path]
	c.problems = append(c.problems, registry.Problem{Code: "declaration." + code, Path: path, Line: p.line, Column: p.column, Text: fault.Text{VI: vi, EN: en}})
}

func (c *changes) note(code, path string, need registry.Need, vi, en string) {
	c.refuse(code, path, vi, en)
	last := &c.problems[len(c.problems)-1]
	last.Note, last.Need = true, need
}

// field compares one field of the version that is.
func (c *changes) field(was *registry.Field) {
	i := slices.IndexFunc(c.next.Fields, func(f registry.Field) bool { return f.Name == was.Name })
	path := "fields"
	if i >= 0 {
		path += "[" + strconv.Itoa(i) + "]"
	}
	users := c.users(was.Name)
	switch {
	case i < 0 && len(users) > 0:
		for _, u := range users {
			c.refuse("field_in_use", path, "Trường “"+was.Name+"” đang được cơ sở dữ liệu “"+string(u)+"” dùng: đổi khai báo ấy trước.", "The field \""+was.Name+"\" is used by the database \""+string(u)+"\": change that one first.")
		}
		return
	case i < 0 && len(c.used.Granted[was.Name]) > 0:
		for _, to := range c.used.Granted[was.Name] {
			c.refuse("field_in_use", path, "Trường “"+was.Name+"” đang được chia sẻ cho “"+to+"”: chấm dứt quyền ấy trước.", "The field \""+was.Name+"\" is shared with \""+to+"\": end that grant first.")
		}
		return
	case i < 0:
		c.note("field_removed", path, registry.Reproject, "Bỏ trường “"+was.Name+"”: các phiên bản cũ của mục vẫn giữ giá trị.", "The field \""+was.Name+"\" goes: older versions of entries keep its values.")
		return
	}
	now := &c.next.Fields[i]
	if was.Type != now.Type && c.used.Entries > 0 {
		c.refuse("field_type", path+".type", "Kiểu của “"+was.Name+"” không đổi được khi đã có mục: thêm trường mới.", "The type of \""+was.Name+"\" cannot change once there are entries: add a field.")
	}
	if was.Class.Sealed() && !now.Class.Sealed() && c.used.Entries > 0 {
		c.refuse("field_class", path+".class", "Trường “"+was.Name+"” đang được niêm phong; không mở ra được khi đã có mục.", "The field \""+was.Name+"\" is kept sealed; it cannot be opened once there are entries.")
	} else if was.Class != now.Class {
		c.note("field_class", path+".class", registry.Reproject, "Mức bảo vệ của “"+was.Name+"” thay đổi.", "The class of \""+was.Name+"\" changes.")
	}
	if judgedOtherwise(was, now) {
		c.note("field_narrowed", path, registry.Recount, "“"+was.Name+"” thay đổi: mục cũ được chấm lại trong đêm, không bị xóa.", "\""+was.Name+"\" changes: entries are marked again overnight, none is dropped.")
	}
	if !was.Search && now.Search {
		c.note("field_search", path+".search", registry.Reproject, "“"+was.Name+"” tìm kiếm được sau khi lập lại mục.", "\""+was.Name+"\" can be searched once entries are made again.")
	}
}

// users are the other databases that read a field or take it as a list.
func (c *changes) users(field string) []registry.ID {
	var users []registry.ID
	for _, o := range c.used.Others {
		if o.ID != c.old.ID && slices.Contains(reads(o)[c.old.ID], field) {
			users = append(users, o.ID)
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// reads returns what a declaration takes from others: databases, and of them the
// fields it names. A mapping is searched for "row.FIELD".
func reads(d *registry.Declaration) map[registry.ID][]string {
	of := map[registry.ID][]string{}
	for i := range d.Fields {
		if id, field, ok := OtherList(d.Fields[i].List); ok {
			of[id] = append(of[id], field)
		}
	}
	for i := range d.Sources {
		s := &d.Sources[i]
		if s.Kind != registry.FromDatabase {
			continue
		}
		of[s.From] = append(of[s.From], named(s.Where)...)
		for _, text := range s.Map {
			of[s.From] = append(of[s.From], named(text)...)
		}
	}
	return of
}

// judgedOtherwise reports whether a text may be right by one and wrong by the other.
func judgedOtherwise(was, now *registry.Field) bool {
	length := func(f *registry.Field) int { return cmp.Or(f.MaxLength, usualLength) }
	return now.Format != was.Format || length(now) != length(was) || was.List != now.List ||
		!slices.Equal(was.Values, now.Values) || was.Min != now.Min || was.Max != now.Max || was.Priority != now.Priority
}

func sameSource(a, b registry.Source) bool {
	return a.ID == b.ID && a.Kind == b.Kind && slices.Equal(a.Records, b.Records) && a.Classes == b.Classes && a.Table == b.Table &&
		a.From == b.From && a.URL == b.URL && a.Where == b.Where && maps.Equal(a.Map, b.Map)
}

// Cycles finds databases that take their entries from one another in a circle:
// each circle once, as the ids along it. A list of another database's codes is no
// source, and may be mutual.
func Cycles(all []*registry.Declaration) [][]registry.ID {
	from := map[registry.ID][]registry.ID{}
	for _, d := range all {
		for i := range d.Sources {
			if d.Sources[i].Kind == registry.FromDatabase {
				from[d.ID] = append(from[d.ID], d.Sources[i].From)
			}
		}
	}
	var found [][]registry.ID
	done := map[registry.ID]bool{}
	var follow func(path []registry.ID)
	follow = func(path []registry.ID) {
		last := path[len(path)-1]
		for _, next := range from[last] {
			if i := slices.Index(path, next); i >= 0 {
				found = append(found, slices.Clone(path[i:]))
			} else if !done[next] {
				follow(append(path, next))
			}
		}
		done[last] = true
	}
	for _, id := range slices.Sorted(maps.Keys(from)) {
		if !done[id] {
			follow([]registry.ID{id})
		}
	}
	return found
}

// named finds the fields that an expression over "row" names.
func named(text string) []string {
	var out []string
	for _, m := range rowField.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

var rowField = regexp.MustCompile(`\brow\.([A-Za-z][A-Za-z0-9_]*)`)
