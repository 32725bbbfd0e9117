package catalogue_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/quality"
	"lienthong/internal/quality/catalogue"
)

// Rules of other kinds have tables that no schema of the XML family knows; each
// table has one section, however the rules are ordered.
func TestRulesOfOtherKindsStandInTheirTables(t *testing.T) {
	t.Parallel()
	text := fault.Text{VI: "Sai.", EN: "Wrong."}
	p := quality.V1().With(quality.Set{Kind: "x", Rules: []quality.Rule{
		{Code: "x.rejects", Rejects: true, Text: text}, {Code: "B.F.one", Table: "B", Text: text}, {Code: "A.F.one", Table: "A", Text: text},
		{Code: "B.F.two", Table: "B", Text: text}, {Code: "X.whole", Text: text}}})
	var b bytes.Buffer
	if err := catalogue.Markdown(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, want := range []string{"## Hồ sơ bị từ chối / Rejected", "`x.rejects`", "## Nhận kèm nhận xét / Accepted", "`X.whole`", "## XML1 ", "## Bảng B / Table B\n", "`B.F.one`", "`B.F.two`",
		"## Bảng A / Table A\n", "`A.F.one`"} {
		next := strings.Index(b.String(), want)
		if next <= at || strings.Count(b.String(), want) != 1 {
			t.Errorf("%q stands %d times, at %d behind %d", want, strings.Count(b.String(), want), next, at)
		}
		at = next
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
	codeForm = regexp.MustCompile(`^(dossier|episode|facility|subject|time|identity)\.[a-z_]+$|^(XML[0-9]+|SEAL)\.([A-Z][A-Z0-9_]*\.)?[a-z_]+$|^(SEAL|SENDER)\.VIA_[A-Z]+$`)
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
