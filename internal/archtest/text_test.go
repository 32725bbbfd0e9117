package archtest_test

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// banned are the words product text never uses of itself, in both languages
// (MISSION, honesty): they claim what only a court or an office can say.
var banned = regexp.MustCompile(`(?i)complian(t|ce)|tuân thủ|tuân theo đúng luật|certified|certification|chứng nhận|legally (valid|binding)|(có )?giá trị pháp lý`)

// titles are names of documents in law, and technical terms, that hold such a
// word and claim nothing of this product.
var titles = []string{
	"Giấy chứng nhận nghỉ việc hưởng bảo hiểm xã hội", // QĐ 4750/QĐ-BYT, table XML11
	"Giấy chứng nhận nghỉ việc hưởng BHXH",
	"Giấy chứng nhận nghỉ dưỡng thai", // table XML10
}

// product reports whether people who use the product read the file.
func product(name string) bool {
	switch path.Ext(name) {
	case ".md", ".templ", ".json", ".js", ".css", ".html", ".tsv", ".txt":
		return true
	case ".go":
		return !strings.HasSuffix(name, "_test.go")
	}
	return false
}

func TestProductTextClaimsNothing(t *testing.T) {
	t.Parallel()
	read := 0
	for _, name := range files(t) {
		if !product(name) || strings.Contains(name, "testdata/") || strings.HasPrefix(name, "package-lock") {
			continue
		}
		read++
		for i, line := range strings.Split(readFile(t, name), "\n") {
			if word := claim(line); word != "" {
				t.Errorf("%s:%d says %q", name, i+1, word)
			}
		}
	}
	if read < 50 {
		t.Errorf("only %d files read: the walk is broken", read)
	}
}

// claim returns the banned word of a line, in whatever form its accents are
// written, outside the exact titles.
func claim(line string) string {
	line = norm.NFC.String(line)
	for _, title := range titles {
		for _, form := range []string{title, strings.ToLower(title), strings.ToUpper(title)} {
			line = strings.ReplaceAll(line, form, "")
		}
	}
	return banned.FindString(line)
}

func TestTheWordsAreFound(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"This product is compliant with the law.":           true,
		"Hệ thống được chứng nhận.":                         true,
		"Hệ thống " + norm.NFD.String("tuân thủ") + " luật": true,
		"Biên nhận CÓ GIÁ TRỊ PHÁP LÝ.":                     true,
		"XML11: Giấy chứng nhận nghỉ việc hưởng BHXH":       false,
		"XML9: Giấy chứng sinh":                             false,
		"Một chứng từ hợp lệ":                               false,
	} {
		if got := claim(line) != ""; got != want {
			t.Errorf("%q: found %v, want %v", line, got, want)
		}
	}
}

func TestTheHonestyStatementIsThere(t *testing.T) {
	t.Parallel()
	statement := "Liên Thông is an independent open implementation made from public articles and public format descriptions. " +
		"It is not affiliated with, endorsed by or connected to any ministry, insurer or hospital. " +
		"All people, facilities and figures in the demo are synthetic; it talks to no government system. " +
		"Legal references are readings of public texts, to be confirmed by counsel."
	text := strings.Join(strings.Fields(strings.ReplaceAll(readFile(t, "README.md"), ">", " ")), " ")
	if !strings.Contains(text, statement) {
		t.Error("README.md does not hold the honesty statement of the mission word for word")
	}
}

// machine are paths of a developer's machine, hosts are those of registries: a
// clone elsewhere has neither. Written in pieces, so that this file has none.
var (
	machine = regexp.MustCompile(`(^|[^\w.~-])/(` + `work|root|home/[a-z]+|Users/[A-Za-z]+` + `)/[\w.]`)
	hosts   = regexp.MustCompile(`registry` + `\.(npmjs|yarnpkg)|"resolved"` + `:|proxy` + `\.golang\.org|GO` + `PROXY=|regis` + `try=http`)
)

func TestNothingOfOneMachineIsKept(t *testing.T) {
	t.Parallel()
	for _, name := range files(t) {
		if path.Base(name) == "go.sum" {
			continue
		}
		text := readFile(t, name)
		if at := machine.FindString(text); at != "" {
			t.Errorf("%s holds a path of one machine: %q", name, at)
		}
		if host := hosts.FindString(text); host != "" {
			t.Errorf("%s names a registry: %q", name, host)
		}
	}
}

func TestTheMachineRuleRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"open /" + "work/main/x":         true,
		"\"/" + "root/.cache/go-build\"": true,
		"see /" + "home/lan/src/x":       true,
		"GET /api/v1/records/{id}":       false,
		"https://example.vn/work/x":      false,
		"../shared/work/x":               false,
	} {
		if got := machine.MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// What others wrote is fetched when it is needed, never kept here.
func TestNothingIsVendored(t *testing.T) {
	t.Parallel()
	for _, name := range files(t) {
		if regexp.MustCompile(`(^|/)(vendor|node_modules|dist)/|\.min\.(js|css)$|\.(exe|so|dll|a|o|jar|db|sqlite)$`).MatchString(name) {
			t.Errorf("%s does not belong into the repository", name)
		}
		switch path.Ext(name) {
		case ".js", ".css", ".html", ".templ":
			for i, line := range strings.Split(readFile(t, name), "\n") {
				if len(line) > 2_000 {
					t.Errorf("%s:%d is %d bytes long: minified?", name, i+1, len(line))
				}
			}
		}
	}
}
