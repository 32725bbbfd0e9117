package catalogue_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/quality"
	"lienthong/internal/quality/catalogue"
)

// TestErrorCatalogueIsCurrent: UPDATE=1 writes the page again.
func TestErrorCatalogueIsCurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "doc", "guide", "error-catalogue.md")
	var page bytes.Buffer
	if err := catalogue.Markdown(&page, quality.V1(), intake.Refusals()); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(committed, page.Bytes()) {
		t.Fatalf("%s is not what the rules say (%v); run UPDATE=1 go test ./internal/quality/catalogue", path, err)
	}
}

func TestCatalogueInOneLanguage(t *testing.T) {
	t.Parallel()
	var vi, en bytes.Buffer
	p := quality.V1()
	if err := catalogue.Markdown(&vi, p, intake.Refusals(), "vi"); err != nil {
		t.Fatal(err)
	}
	if err := catalogue.Markdown(&en, p, intake.Refusals(), "en"); err != nil {
		t.Fatal(err)
	}
	r, _ := p.Rule("episode.missing")
	if !strings.Contains(vi.String(), r.Text.VI) || strings.Contains(vi.String(), r.Text.EN) || !strings.Contains(en.String(), r.Text.EN) || strings.Contains(en.String(), r.Text.VI) {
		t.Error("the languages are mixed up")
	}
}

func TestCatalogueForScripts(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := catalogue.JSON(&b, quality.V1(), intake.Refusals()); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Pack  string
		Rules []struct{ Code, Answer, Severity string }
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	answers := map[string]int{}
	for _, r := range out.Rules {
		answers[r.Answer]++
	}
	if out.Pack != "v1/2026.2" || answers["refused"] != 18 || answers["rejected"] != 10 || answers["finding"] != len(quality.V1().Rules())-10 {
		t.Errorf("%s %v", out.Pack, answers)
	}
}

var (
	codeForm = regexp.MustCompile(`^(dossier|episode|facility|subject|time|identity)\.[a-z_]+$|^(XML[0-9]+|SEAL)\.([A-Z][A-Z0-9_]*\.)?[a-z_]+$`)
	accented = regexp.MustCompile(`[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]`)
	banned   = regexp.MustCompile(`(?i)complian|tuân thủ|certified|chứng nhận|legally valid|giá trị pháp lý|không hợp lệ`)
)

func TestSentencesAreWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	if n := len(quality.V1().Rules()); n < 70 {
		t.Errorf("%d rules", n)
	}
	for _, r := range quality.V1().Rules() {
		if seen[r.Code] {
			t.Errorf("%s stands twice", r.Code)
		}
		seen[r.Code] = true
		if !codeForm.MatchString(r.Code) || r.Source == "" {
			t.Errorf("code %q, source %q", r.Code, r.Source)
		}
		if r.Field != "" && !strings.HasPrefix(r.Code, r.Table+"."+r.Field+".") {
			t.Errorf("%s is about %s %s", r.Code, r.Table, r.Field)
		}
		for _, text := range []fault.Text{r.Text, r.Hint} {
			for _, s := range []string{text.VI, text.EN} {
				if len(s) < 5 || !strings.HasSuffix(s, ".") || !norm.NFC.IsNormalString(s) || strings.ContainsAny(s, "\u00d0\n|") || banned.MatchString(s) {
					t.Errorf("%s: %q", r.Code, s)
				}
			}
			if text.VI == text.EN || accented.MatchString(strings.NewReplacer("QĐ", "", "like Đ", "").Replace(text.EN)) {
				t.Errorf("%s: English %q", r.Code, text.EN)
			}
		}
		if !accented.MatchString(r.Text.VI) || !accented.MatchString(r.Hint.VI) && !strings.HasPrefix(r.Hint.VI, "Ví dụ") {
			t.Errorf("%s: no diacritics in %q %q", r.Code, r.Text.VI, r.Hint.VI)
		}
	}
}
