package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
	"lienthong/internal/web/api"
	"lienthong/internal/web/delivery"
	"lienthong/internal/web/problem"
	"lienthong/internal/web/tlog"
)

type object = map[string]any

var openapi = sync.OnceValues(func() (object, error) {
	b, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	var doc object
	return doc, json.Unmarshal(b, &doc)
})

func description(t testing.TB) object {
	t.Helper()
	doc, err := openapi()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// at walks into the document, through references.
func at(t testing.TB, from any, names ...string) object {
	t.Helper()
	o, _ := from.(object)
	for _, name := range names {
		next, ok := o[name].(object)
		if o = next; !ok {
			t.Fatalf("the description has no %q in %v", name, names)
		}
		for {
			ref, is := o["$ref"].(string)
			if !is {
				break
			}
			o = at(t, description(t), strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return o
}

// pathOf is a route's pattern as OpenAPI writes it.
func pathOf(pattern string) string { return strings.ReplaceAll(pattern, "...}", "}") }

func TestEveryRouteIsDescribedAndNothingElse(t *testing.T) {
	t.Parallel()
	doc := description(t)
	want := map[string]bool{"POST /oauth2/token": true} // mounted beside the table
	for _, r := range routes() {
		want[r.Method+" "+pathOf(r.Pattern)] = r.Room == ""
	}
	got := map[string]bool{}
	names := map[string]bool{}
	for path, item := range at(t, doc, "paths") {
		for method, op := range item.(object) {
			security, public := op.(object)["security"].([]any)
			got[strings.ToUpper(method)+" "+path] = public && len(security) == 0
			name := op.(object)["operationId"].(string)
			if names[name] {
				t.Errorf("operationId %s twice", name)
			}
			names[name] = true
			in := slices.Collect(maps.Keys(pathParameters(t, op)))
			slices.Sort(in)
			var holes []string
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				holes = append(holes, m[1])
			}
			slices.Sort(holes)
			if !slices.Equal(in, holes) {
				t.Errorf("%s %s: path parameters %v, described %v", method, path, holes, in)
			}
		}
	}
	if !maps.Equal(want, got) {
		t.Errorf("routes (public?) %v\ndescribed %v", want, got)
	}
}

func pathParameters(t *testing.T, op any) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	list, _ := op.(object)["parameters"].([]any)
	for _, p := range list {
		o := at(t, object{"p": p}, "p")
		if o["in"] == "path" {
			out[o["name"].(string)] = true
		}
	}
	return out
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	t.Parallel()
	doc := description(t)
	used := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch x := v.(type) {
		case object:
			if ref, ok := x["$ref"].(string); ok && !used[ref] {
				used[ref] = true
				at(t, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			}
			for _, y := range x {
				walk(y)
			}
		case []any:
			for _, y := range x {
				walk(y)
			}
		}
	}
	walk(doc)
	for name := range at(t, doc, "components", "schemas") {
		if !used["#/components/schemas/"+name] {
			t.Errorf("schema %s is used by nobody", name)
		}
	}
}

// Members and their types are those of the Go types that are sent.
func TestSchemasAreTheGoTypes(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{"Result": intake.Result{}, "Refused": intake.Refused{}, "Deferred": intake.Deferred{}, "Finding": finding.Finding{},
		"Judged": intake.Judged{}, "Text": fault.Text{}, "Item": api.Item{}, "Leg": delivery.Leg{}, "Way": admin.Way{}, "Seal": api.Seal{}, "Stamp": tlog.Stamp{}, "Problem": problem.Problem{}} {
		schema := at(t, description(t), "components", "schemas", name)
		want := map[string]string{}
		var required []string
		members(reflect.TypeOf(v), want, &required, false)
		got := map[string]string{}
		for member := range at(t, schema, "properties") {
			got[member] = kindOf(t, at(t, schema, "properties", member))
		}
		for member, kind := range want {
			if kind != "" && got[member] != kind {
				t.Errorf("%s.%s: Go sends %q, described %q", name, member, kind, got[member])
			}
			delete(got, member)
		}
		if len(got) > 0 {
			t.Errorf("%s: described and never sent: %v", name, got)
		}
		var said []string
		for _, r := range schema["required"].([]any) {
			said = append(said, r.(string))
		}
		slices.Sort(said)
		slices.Sort(required)
		if !slices.Equal(said, required) {
			t.Errorf("%s requires %v, Go always sends %v", name, said, required)
		}
	}
}

// members lists the JSON members of a struct with their types.
func members(s reflect.Type, into map[string]string, required *[]string, optional bool) {
	for f := range fields(s) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous {
			members(f.Type.Elem(), into, required, true) // a pointer: may be nil
			continue
		}
		into[name] = kindOfGo(f.Type)
		if !optional && options != "omitempty" {
			*required = append(*required, name)
		}
	}
}

func fields(s reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range s.NumField() {
			if !yield(s.Field(i)) {
				return
			}
		}
	}
}

func kindOfGo(x reflect.Type) string {
	switch {
	case x == reflect.TypeFor[time.Time](), x == reflect.TypeFor[*time.Time]():
		return "string"
	case x.Kind() == reflect.Pointer:
		return kindOfGo(x.Elem()) + "|null"
	case x.Kind() == reflect.Slice && x.Elem().Kind() == reflect.Uint8:
		return "" // a document of its own
	}
	switch x.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	}
	return "object"
}

func kindOf(t *testing.T, schema object) string {
	t.Helper()
	switch x := schema["type"].(type) {
	case string:
		return x
	case []any:
		words := make([]string, len(x))
		for i := range x {
			words[i] = x[i].(string)
		}
		return strings.Join(words, "|")
	}
	if schema["const"] == true {
		return "boolean"
	}
	return "?"
}

// documented fails when an answer is not as the description says: its status,
// its type of content, and every member of it.
func documented(t testing.TB, r *http.Request, rec *httptest.ResponseRecorder) {
	t.Helper()
	_, pattern, _ := strings.Cut(r.Pattern, " ")
	if pattern == "" {
		return // no route
	}
	op := at(t, description(t), "paths", pathOf(pattern), strings.ToLower(r.Method))
	answers := at(t, op, "responses")
	status := strconv.Itoa(rec.Code)
	if _, ok := answers[status]; !ok {
		if rec.Code < 500 {
			t.Errorf("%s: status %s is not described: %s", r.Pattern, status, rec.Body)
			return
		}
		status = "default"
	}
	content := at(t, answers, status, "content")
	said := rec.Header().Get("Content-Type")
	form, ok := content[said].(object)
	if !ok {
		t.Errorf("%s: %s answers %q, described %v", r.Pattern, status, said, slices.Collect(maps.Keys(content)))
		return
	}
	kind, _, _ := mime.ParseMediaType(said)
	switch {
	case kind == "application/x-ndjson":
		lines := bufio.NewScanner(strings.NewReader(rec.Body.String()))
		for lines.Scan() {
			holds(t, r.Pattern, at(t, form, "schema"), []byte(lines.Text()))
		}
	case strings.HasSuffix(kind, "json"):
		holds(t, r.Pattern, at(t, form, "schema"), rec.Body.Bytes())
	}
}

func holds(t testing.TB, where string, schema object, data []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Errorf("%s: %v: %s", where, err, data)
		return
	}
	if err := valid(t, schema, v); err != nil {
		t.Errorf("%s: %v\n%s", where, err, data)
	}
}

// valid judges a value by the part of JSON Schema that the description uses.
func valid(t testing.TB, schema object, v any) error {
	t.Helper()
	schema = at(t, object{"s": schema}, "s")
	if list, ok := schema["oneOf"].([]any); ok {
		fits := 0
		for _, s := range list {
			if valid(t, s.(object), v) == nil {
				fits++
			}
		}
		if fits != 1 {
			return fmt.Errorf("fits %d of the forms, want one", fits)
		}
		return nil
	}
	if c, ok := schema["const"]; ok && c != v {
		return fmt.Errorf("is %v, always %v", v, c)
	}
	if list, ok := schema["enum"].([]any); ok && !slices.Contains(list, v) {
		return fmt.Errorf("%v is none of %v", v, list)
	}
	if typed, ok := schema["type"]; ok && !hasType(typed, v) {
		return fmt.Errorf("%v is no %v", v, typed)
	}
	switch x := v.(type) {
	case []any:
		for i, y := range x {
			if err := valid(t, schema["items"].(object), y); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case object:
		return validObject(t, schema, x)
	}
	return nil
}

func validObject(t testing.TB, schema, v object) error {
	t.Helper()
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Errorf("%v is missing", name)
		}
	}
	known, _ := schema["properties"].(object)
	for name, y := range v {
		s, ok := known[name].(object)
		if !ok {
			switch more := schema["additionalProperties"].(type) {
			case bool:
				return fmt.Errorf("%s is not described", name)
			case object:
				s = more
			default:
				continue
			}
		}
		if err := valid(t, s, y); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func hasType(typed, v any) bool {
	if list, ok := typed.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return hasType(one, v) })
	}
	switch x := v.(type) {
	case nil:
		return typed == "null"
	case bool:
		return typed == "boolean"
	case string:
		return typed == "string"
	case float64:
		return typed == "number" || typed == "integer" && x == float64(int64(x))
	case []any:
		return typed == "array"
	}
	return typed == "object"
}

// The judge of answers must be able to say no.
func TestTheDescriptionRefuses(t *testing.T) {
	t.Parallel()
	schema := at(t, description(t), "components", "schemas", "Refused")
	for text, want := range map[string]bool{
		`{"file":"a","refused":true,"code":"x","message":{"vi":"a","en":"b"}}`:         true,
		`{"file":"a","refused":false,"code":"x","message":{"vi":"a","en":"b"}}`:        false,
		`{"file":"a","refused":true,"code":"x"}`:                                       false,
		`{"file":"a","refused":true,"code":1,"message":{"vi":"a","en":"b"}}`:           false,
		`{"file":"a","refused":true,"code":"x","message":{"vi":"a","en":"b"},"why":1}`: false,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := valid(t, schema, v); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheDescriptionIsServed(t *testing.T) {
	t.Parallel()
	rec := setup(t).get("/openapi.json", "")
	if doc := read[object](t, rec); doc["openapi"] != "3.1.0" {
		t.Errorf("%d %v", rec.Code, doc["openapi"])
	}
}

// What the doors of the logs answer is held against the description too: get
// does it for every call.
func TestTheDoorsOfTheLogsAreDescribed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for path, want := range map[string]int{"/ledger/0/checkpoint": 200, "/ledger/0/tile/entries/000.p/3": 200, "/ledger/0/stamps": 200, "/ledger/0/stamps?limit=0": 422,
		"/ledger/0/stamp/2": 200, "/ledger/0/consistency?from=1": 200, "/ledger/0/consistency": 422, "/ledger/0/cosigned": 404, "/ledger/9/checkpoint": 404} {
		if rec := w.get(path, ""); rec.Code != want {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
}
