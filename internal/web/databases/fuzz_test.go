package databases_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"lienthong/internal/disclose/register"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/store/house"
	"lienthong/internal/web/databases"
)

// desk is a database "doses" with an open field, "vaccine", and a sealed one,
// "person". It keeps what it is asked.
type desk struct {
	databases.Entries // the rest is not asked
	asked             []register.Query
	entered           []registry.Values
}

func (d *desk) Database(_ register.Reader, id registry.ID) (register.View, error) {
	if id != "doses" {
		return register.View{}, steward.ErrAbsent
	}
	of := &registry.Declaration{ID: id, Fields: []registry.Field{{Name: "vaccine", Class: registry.Open}, {Name: "person", Class: registry.Personal}}}
	return register.View{Live: &steward.Live{Database: &declaration.Database{Declaration: of}, Taken: house.Declared{Version: 1}}}, nil
}

func (d *desk) List(_ context.Context, _ register.Reader, _ registry.ID, q register.Query) (register.Page, error) {
	d.asked = append(d.asked, q)
	return register.Page{}, nil
}

func (d *desk) Enter(_ context.Context, _ steward.Who, _ registry.ID, v registry.Values) (steward.Written, error) {
	d.entered = append(d.entered, v)
	return steward.Written{Status: steward.Made, Version: 1}, nil
}

func (d *desk) Told(context.Context, steward.Who, registry.ID) ([]feeding.Feed, error) {
	return nil, nil
}

func (d *desk) Again(context.Context, steward.Who, registry.ID, string) error { return nil }

// ask asks a door of a desk; the fault of an answer that is no success has a code.
func ask(t *testing.T, d *desk, r *http.Request) int {
	t.Helper()
	door, err := databases.New(databases.Deps{Entries: d, Forms: d, Feeds: d, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Caller: func(*http.Request) (role.Role, string, error) {
			return role.Role{Kind: role.Unit, ID: "pb"}, "session:pb", nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	door.Register(mux)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	if !utf8.Valid(rec.Body.Bytes()) || !json.Valid(rec.Body.Bytes()) {
		t.Fatalf("HTTP %d: %q", rec.Code, rec.Body)
	}
	if rec.Code >= 400 && !strings.Contains(rec.Body.String(), `"code":"database.request"`) {
		t.Fatalf("HTTP %d: %s", rec.Code, rec.Body)
	}
	return rec.Code
}

// FuzzForm: whatever the body, a form is taken with values or refused with its code.
func FuzzForm(f *testing.F) {
	for _, s := range []string{`{"values":{"vaccine":"BCG"}}`, `{"values":{}}`, `{"values":null}`, `{"values":{"a":1}}`, `{"values":{"a":"b"},"other":1}`, `{`, ``, `null`, `[]`,
		`{"values":{"a":"\ud800"}}`, "{\"values\":{\"a\":\"\xff\"}}", `{"values":{"a":"b"}}{"values":{"c":"d"}}`, `{"VALUES":{"a":"b"}}`, strings.Repeat(`[`, 20000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := &desk{}
		r := httptest.NewRequest("POST", "/api/v1/databases/doses/entries", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		code := ask(t, d, r)
		if taken := len(d.entered) == 1 && len(d.entered[0]) > 0; taken != (code == http.StatusCreated) || len(d.entered) > 1 || !taken && code != http.StatusUnprocessableEntity {
			t.Fatalf("HTTP %d, entered %v", code, d.entered)
		}
		if len(d.entered) == 1 && !json.Valid(body) {
			t.Fatalf("taken out of what is no JSON: %q", body)
		}
	})
}

// FuzzQuery: whatever is asked, nothing is searched by a sealed field, and no more
// than a page is given.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "limit=2&newest=true", "by.vaccine=BC*&state=live", "by.person=079990000001", "limit=0", "limit=501", "limit=1&limit=2", "cursor=%zz", "stale=maybe",
		"by.=x", "what=1", "facility=79901&import=a", "by.vaccine=" + strings.Repeat("x", 1001), ";", "a;b=c&%00=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		d := &desk{}
		r := httptest.NewRequest("GET", "/api/v1/databases/doses/entries", nil)
		r.URL.RawQuery = raw
		code := ask(t, d, r)
		if asked := len(d.asked) == 1; asked != (code == http.StatusOK) || len(d.asked) > 1 || !asked && code != http.StatusUnprocessableEntity {
			t.Fatalf("HTTP %d, asked %v", code, d.asked)
		}
		if len(d.asked) == 0 {
			return
		}
		if q := d.asked[0]; q.By["person"] != "" || q.Limit < 0 || q.Limit > 500 {
			t.Fatalf("asked %+v", q)
		}
		if _, err := url.ParseQuery(raw); err != nil {
			t.Fatalf("half of a query was asked: %q", raw)
		}
	})
}
