package schema

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

//go:embed fields.tsv
var fieldData string

//go:embed tables.tsv
var tableData string

// decisions are the versions in order. The first has no starting day of its
// own here: it also reads whatever is older.
func decisions() []*Version {
	return []*Version{
		{Decision: "130", Title: "QĐ 130/QĐ-BYT (2023)", From: 20230118},
		{Decision: "4750", Title: "QĐ 4750/QĐ-BYT (2023)", From: 20240701},
		{Decision: "3176", Title: "QĐ 3176/QĐ-BYT (2024)", From: 20250101},
		{Decision: "1931", Title: "QĐ 1931/QĐ-BYT (2026)", From: 20260701},
	}
}

// versions parses the embedded data once. The data is part of the program, so
// a mistake in it is a defect of the build: it panics at first use, and the
// package's tests make that use.
var versions = sync.OnceValue(func() []*Version {
	all, err := parse(tableData, fieldData)
	if err != nil {
		panic(err)
	}
	return all
})

// fieldRow is one line of fields.tsv: a field's form from one decision until another.
type fieldRow struct {
	table        string
	since, until int // positions in decisions; until is past the last for "still so"
	field        Field
}

func parse(tables, fields string) ([]*Version, error) {
	all := decisions()
	rows, err := parseFields(fields, all)
	if err != nil {
		return nil, err
	}
	var previous *Version
	for pos, v := range all {
		v.index = make(map[string]int)
		for i, line := range lines(tables) {
			c := strings.Split(line, "\t")
			if len(c) != 6 {
				return nil, fmt.Errorf("schema: tables.tsv line %d has %d columns", i+2, len(c))
			}
			t := &Table{Name: c[0], Title: fault.Text{VI: c[1], EN: c[2]}, Root: c[3], List: c[4], Record: c[5], Single: c[3] == c[5]}
			if err := t.fill(rows, pos, previous); err != nil {
				return nil, err
			}
			v.index[t.Name] = len(v.tables)
			v.tables = append(v.tables, t)
		}
		previous = v
	}
	return all, nil
}

// fill gives the table its fields at a version. Columns are shared with the
// version before where nothing was added, dropped or moved.
func (t *Table) fill(rows []fieldRow, pos int, previous *Version) error {
	var names []string
	for _, r := range rows {
		if r.table != t.Name || pos < r.since || pos >= r.until {
			continue
		}
		if slices.Contains(names, r.field.Name) {
			return fmt.Errorf("schema: %s.%s stands twice in one version", t.Name, r.field.Name)
		}
		names = append(names, r.field.Name)
		t.Fields = append(t.Fields, r.field)
	}
	if len(names) == 0 {
		return fmt.Errorf("schema: %s has no fields", t.Name)
	}
	if previous != nil {
		if old := previous.Table(t.Name).Columns; slices.Equal(old.Names(), names) {
			t.Columns = old
			return nil
		}
	}
	t.Columns = dossier.NewColumns(t.Name, names...)
	return nil
}

func parseFields(data string, all []*Version) ([]fieldRow, error) {
	position := func(decision string) int {
		return slices.IndexFunc(all, func(v *Version) bool { return v.Decision == decision })
	}
	var rows []fieldRow
	for i, line := range lines(data) {
		c := strings.Split(line, "\t")
		if len(c) != 10 {
			return nil, fmt.Errorf("schema: fields.tsv line %d has %d columns", i+2, len(c))
		}
		r := fieldRow{table: c[0], since: position(c[5]), until: len(all)}
		if c[6] != "" {
			r.until = position(c[6])
		}
		length, err := strconv.Atoi(c[3])
		if err != nil || length < 0 || r.since < 0 || r.until <= r.since || position(c[7]) < 0 {
			return nil, fmt.Errorf("schema: fields.tsv line %d is wrong", i+2)
		}
		kind, multi := strings.CutSuffix(c[2], ";")
		r.field = Field{Name: c[1], Type: Type(kind), Multi: multi, MaxLen: length, Required: Need(c[4]), Source: c[7], LabelVI: c[8], LabelEN: c[9]}
		rows = append(rows, r)
	}
	return rows, nil
}

// lines gives the lines after the heading.
func lines(data string) []string {
	all := strings.Split(strings.TrimRight(data, "\n"), "\n")
	return all[1:]
}
