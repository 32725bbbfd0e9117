package archtest_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	createTable = regexp.MustCompile(`(?ms)^CREATE TABLE (\w+) \((.*?)^\)`)
	column      = regexp.MustCompile(`(?m)^\s+([a-z_]+)\s+(?:bytea|text|bigint|integer|smallint|boolean|uuid|INTEGER|TEXT|BLOB)\b`)
)

// Every table of both engines is spoken of in at-rest.md, and every column
// that holds text, where anything could be written, by its own name.
func TestWhatLiesInTheClearIsListed(t *testing.T) {
	t.Parallel()
	page := readFile(t, "doc/design/at-rest.md")
	tables := 0
	for _, name := range files(t) {
		if !strings.HasPrefix(name, "internal/store/") || !strings.HasSuffix(name, ".sql") {
			continue
		}
		for _, table := range createTable.FindAllStringSubmatch(readFile(t, name), -1) {
			tables++
			if strings.Contains(page, "`"+table[1]+".*`") || strings.Contains(page, "`"+table[1]+"`") {
				continue
			}
			for _, c := range column.FindAllStringSubmatch(table[2], -1) {
				if !listed(page, table[1], c[1]) {
					t.Errorf("%s: %s.%s is not in doc/design/at-rest.md", name, table[1], c[1])
				}
			}
		}
	}
	if tables < 60 {
		t.Errorf("only %d tables found", tables)
	}
}

// everywhere are columns that mean the same in every table.
var everywhere = []string{"facility", "facility_version", "day", "received", "at", "since", "serial", "id", "idx", "log", "class", "month", "lane",
	"wrapped", "kind", "record", "person", "file", "by", "data", "hash", "episode", "content", "subject", "received", "size", "leaf"}

// listed reports whether the page names the column: whole, or after another of
// the same table in one row ("`record.state`, `.version`").
func listed(page, table, column string) bool {
	if slices.Contains(everywhere, column) || strings.Contains(page, "`"+table+"."+column+"`") {
		return true
	}
	for line := range strings.SplitSeq(page, "\n") {
		if strings.Contains(line, "`"+table+".") && strings.Contains(line, "`."+column+"`") {
			return true
		}
	}
	return false
}
