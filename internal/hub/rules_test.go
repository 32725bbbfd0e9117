package hub_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/quality/catalogue"
)

// TestErrorCatalogueIsCurrent: the page holds the rules of every kind this
// release takes. UPDATE=1 writes it again.
func TestErrorCatalogueIsCurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "doc", "guide", "error-catalogue.md")
	var page bytes.Buffer
	if err := catalogue.Markdown(&page, hub.Rules(), intake.Refusals()); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(committed, page.Bytes()) {
		t.Fatalf("%s is not what the rules say (%v); run UPDATE=1 go test ./internal/hub -run Catalogue", path, err)
	}
	for _, code := range []string{"paper.active", "prescription.code", "THONG_TIN_BENH_NHAN.missing", "SLIP.RECEIVER.missing", "KET_LUAN.missing", "XML1.T_THUOC.sum"} {
		if strings.Count(string(committed), "| `"+code+"` |") != 1 {
			t.Errorf("%s is not in it once", code)
		}
	}
	for _, r := range hub.Rules().Rules() {
		if !strings.Contains(string(committed), "| `"+r.Code+"` |") {
			t.Errorf("%s is not in it", r.Code)
		}
	}
}
