package gateway

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
	"lienthong/internal/web/inbound"
)

var (
	errBody = fault.New(fault.Invalid, "gateway.body",
		"Thân yêu cầu không đọc được: phải là một đối tượng JSON mã UTF-8 không lặp tên trường, hoặc dạng form.",
		"The body cannot be read: it must be one JSON object in UTF-8 without a name twice, or a form.")
	errPath = fault.New(fault.Absent, "gateway.path",
		"Không có chức năng này trên cổng thay thế. Xem hướng dẫn cổng thay thế của hub.",
		"The drop-in gateway has no such function. See the guide of the drop-in gateway.")
	errMethod = fault.New(fault.Invalid, "gateway.method",
		"Sai phương thức HTTP của chức năng này.", "This function has another HTTP method.")
)

// errField names a field that is missing or not in its form. name is a constant.
func errField(name string) *fault.Error {
	return fault.New(fault.Invalid, "gateway.field",
		fmt.Sprintf("Trường %s thiếu hoặc không đúng dạng.", name), fmt.Sprintf("The field %s is missing or not in its form.", name))
}

// fields are the flat members of a body, by name in lower case: the insurer's
// server minds no case in names.
type fields map[string]string

func (f fields) text(name string) string { return f[strings.ToLower(name)] }

// parseFields reads a JSON object or, when contentType says so, a form. Members
// that are objects or arrays are left out; a name twice, in whatever case, is
// refused.
func parseFields(body []byte, contentType string) (fields, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if contentType != "" && err != nil {
		return nil, errBody
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "utf8") {
		return nil, errBody
	}
	if kind == "application/x-www-form-urlencoded" && !jsondoc.IsJSON(body) {
		return parseForm(string(body))
	}
	v, err := jsondoc.Parse(body, jsondoc.Limits{Bytes: len(body) + 1, Depth: 8, Values: 1000})
	if err != nil || v.Type != jsondoc.Object {
		return nil, errBody
	}
	f := make(fields, len(v.Members))
	for i := range v.Members {
		m := &v.Members[i]
		name := strings.ToLower(m.Name)
		if _, twice := f[name]; twice {
			return nil, errBody
		}
		switch m.Value.Type {
		case jsondoc.String, jsondoc.Number, jsondoc.Bool, jsondoc.Null:
			f[name] = m.Value.Text
		}
	}
	return f, nil
}

// parseForm reads name=value pairs, also of a query. Its error says nothing of
// what was in them.
func parseForm(text string) (fields, error) {
	if strings.Count(text, "&") > 100 {
		return nil, errBody
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, errBody
	}
	f := make(fields, len(values))
	for name, v := range values {
		name = strings.ToLower(name)
		if _, twice := f[name]; twice || len(v) != 1 || !utf8.ValidString(v[0]) || strings.IndexByte(v[0], 0) >= 0 {
			return nil, errBody
		}
		f[name] = v[0]
	}
	return f, nil
}

// smallBody bounds the bodies that hold no file.
const smallBody = 64 << 10

// small reads a body that holds no file.
func (g *Gateway) small(w http.ResponseWriter, r *http.Request) (fields, error) {
	body, done, err := g.bodies.Open(w, r, addressOf(r), smallBody)
	if err != nil {
		return nil, err
	}
	defer done()
	b, err := inbound.ReadAll(body, min(r.ContentLength, smallBody), func(int64) error { return nil })
	if err != nil {
		return nil, slow(err)
	}
	return parseFields(b, r.Header.Get("Content-Type"))
}
