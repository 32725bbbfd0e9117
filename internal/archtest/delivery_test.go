package archtest_test

import (
	"regexp"
	"strings"
	"testing"
)

// The table of doc/design/delivery.md says for each fault which test shows its
// outcome: the tests must be there.
func TestTheTableOfFaultsNamesTests(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, name := range files(t) {
		if strings.HasSuffix(name, "_test.go") {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(readFile(t, name), -1) {
				there[m[1]] = true
			}
		}
	}
	rows := 0
	for line := range strings.Lines(readFile(t, "doc/design/delivery.md")) {
		named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1)
		if len(named) > 0 {
			rows++
		}
		for _, m := range named {
			if !there[m[1]] {
				t.Errorf("%s is named and is no test", m[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("only %d rows name a test", rows)
	}
}
