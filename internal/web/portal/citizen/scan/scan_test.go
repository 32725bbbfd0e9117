package scan_test

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"lienthong/internal/web/portal/citizen/scan"
)

func TestOnlyScansOfPaperAreTaken(t *testing.T) {
	t.Parallel()
	rest := bytes.Repeat([]byte("x"), 100)
	for name, c := range map[string]struct {
		data []byte
		kind string
	}{
		"PDF":          {append([]byte("%PDF-1.7\n"), rest...), "application/pdf"},
		"JPEG":         {append([]byte("\xff\xd8\xff\xe0"), rest...), "image/jpeg"},
		"PNG":          {append([]byte("\x89PNG\r\n\x1a\n"), rest...), "image/png"},
		"a page":       {append([]byte("<html>"), rest...), ""},
		"almost empty": {[]byte("%PDF-1.7"), ""},
		"nothing":      {nil, ""},
		"too large":    {append([]byte("%PDF-1.7"), make([]byte, scan.Max)...), ""},
	} {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		part, err := form.CreateFormFile("paper", "scan")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(c.data); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", &b)
		r.Header.Set("Content-Type", form.FormDataContentType())
		kind, data, err := scan.Paper(r)
		if kind != c.kind || (err == nil) != (c.kind != "") || c.kind != "" && !bytes.Equal(data, c.data) || err != nil && !errors.Is(err, scan.ErrPaper) {
			t.Errorf("%s: %q, %d bytes, %v", name, kind, len(data), err)
		}
	}
	if _, _, err := scan.Paper(httptest.NewRequest(http.MethodPost, "/", nil)); !errors.Is(err, scan.ErrPaper) {
		t.Errorf("no form: %v", err)
	}
}
