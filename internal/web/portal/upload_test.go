package portal_test

import (
	"bytes"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"lienthong/internal/web/portal"
)

func post(t testing.TB, h http.Handler, path string, fields map[string]string, file []byte) answer {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := m.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if file != nil {
		part, err := m.CreateFormFile("file", `C:\his\out\a.xml`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Test-Role", "facility:22000")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func hidden(page, name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "&#43;", "+")
}

func TestAFileIsCheckedThenSent(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	checked := post(t, h, "/upload", nil, []byte("<GIAMDINHHS>\xc3\xa1</GIAMDINHHS>"))
	if checked.status != 200 || w.checked != 1 || w.sent != 0 {
		t.Fatalf("status %d, %d checks, %d sent", checked.status, w.checked, w.sent)
	}
	structure(t, checked.body, "vi")
	if !strings.Contains(checked.body, "Thiếu đơn vị đo") || !strings.Contains(checked.body, "a.xml") || strings.Contains(checked.body, "his") {
		t.Error("findings or the file's name are missing, or the sender's folders are shown")
	}
	fields := map[string]string{"name": "a.xml", "data": hidden(checked.body, "data"), "digest": hidden(checked.body, "digest")}
	sent := post(t, h, "/upload/send", fields, nil)
	if sent.status != 200 || w.sent != 1 || !strings.Contains(sent.body, "/receipt") {
		t.Fatalf("status %d, %d sent: %s", sent.status, w.sent, sent.body)
	}
	fields["data"] = base64.StdEncoding.EncodeToString([]byte("<GIAMDINHHS/>"))
	if other := post(t, h, "/upload/send", fields, nil); other.status != http.StatusConflict || w.sent != 1 {
		t.Errorf("another file than was checked: %d, %d sent", other.status, w.sent)
	}
}

func TestARefusedFileCannotBeSentOn(t *testing.T) {
	t.Parallel()
	h, _ := setup(t)
	got := post(t, h, "/upload", nil, []byte("%PDF"))
	if got.status != 200 || !strings.Contains(got.body, "file.unreadable") || strings.Contains(got.body, "/upload/send") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

func TestBadUploads(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	if got := post(t, h, "/upload", nil, nil); got.status != http.StatusUnprocessableEntity {
		t.Errorf("no file: %d", got.status)
	}
	if got := post(t, h, "/upload", nil, make([]byte, portal.MaxFile+1)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large file: %d", got.status)
	}
	if got := do(t, h, ask{method: "POST", path: "/upload", role: "facility:22000"}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("no form: %d", got.status)
	}
	if got := post(t, h, "/upload/send", map[string]string{"data": "%%%", "digest": "x"}, nil); got.status != http.StatusConflict {
		t.Errorf("broken data: %d", got.status)
	}
	if w.checked+w.sent > 0 {
		t.Errorf("%d checks, %d sent", w.checked, w.sent)
	}
}

func FuzzUpload(f *testing.F) {
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n<a/>\r\n--x--\r\n"))
	f.Add([]byte("--x\r\n\r\n"))
	f.Add([]byte(""))
	h, _ := setup(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/upload", bytes.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("Test-Role", "facility:22000")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("status %d", w.Code)
		}
	})
}
