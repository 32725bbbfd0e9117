package archtest_test

import (
	"regexp"
	"strings"
	"testing"
)

// The tables of doc/design say for each fault or promise which test shows its
// outcome: the tests must be there.
func TestTablesNameTests(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, name := range files(t) {
		if strings.HasSuffix(name, "_test.go") {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(readFile(t, name), -1) {
				there[m[1]] = true
			}
		}
	}
	for page, least := range map[string]int{"delivery.md": 30, "looking.md": 15} {
		rows := 0
		for line := range strings.Lines(readFile(t, "doc/design/"+page)) {
			named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1)
			if len(named) > 0 {
				rows++
			}
			for _, m := range named {
				if !there[m[1]] {
					t.Errorf("%s: %s is named and is no test", page, m[1])
				}
			}
		}
		if rows < least {
			t.Errorf("%s: only %d rows name a test", page, rows)
		}
	}
}
