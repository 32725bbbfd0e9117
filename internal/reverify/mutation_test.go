package reverify_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"lienthong/internal/store/sqlite"
)

// table is one table of a file with its columns.
type table struct {
	file, name string
	columns    []column
	rows       []int64 // numbers of rows in order of the table
}

type column struct {
	name, kind string
	key        bool
}

// tables reads what tables a file has, and how many rows.
func tables(t testing.TB, path string) []table {
	db := rawDB(t, path)
	defer db.Close()
	var all []table
	rows, err := db.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	must(t, err)
	for rows.Next() {
		x := table{file: filepath.Base(path)}
		must(t, rows.Scan(&x.name))
		all = append(all, x)
	}
	must(t, rows.Close())
	for i := range all {
		rows, err := db.Query(`SELECT name, type, pk > 0 FROM pragma_table_info(?)`, all[i].name)
		must(t, err)
		for rows.Next() {
			var c column
			must(t, rows.Scan(&c.name, &c.kind, &c.key))
			all[i].columns = append(all[i].columns, c)
		}
		must(t, rows.Close())
		var n int64
		must(t, db.QueryRow(`SELECT count(*) FROM `+all[i].name+` WHERE `+cmp.Or(heldHere[all[i].name], "true")).Scan(&n))
		for k := range n {
			all[i].rows = append(all[i].rows, k)
		}
	}
	return all
}

func rawDB(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(off)")
	must(t, err)
	db.SetMaxOpenConns(1)
	return db
}

// order is one that is the same in every run: keys, serials and signatures are
// drawn by chance, so numbers and moments come first, then texts, and bytes last.
func (x table) order() string {
	var names []string
	for _, kind := range []string{"INTEGER", "TEXT"} {
		for _, c := range x.columns {
			if c.kind == kind {
				names = append(names, c.name)
			}
		}
	}
	for _, c := range x.columns {
		if c.kind != "INTEGER" && c.kind != "TEXT" {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

// addressed reports whether rows are kept under nothing but an address: to give
// two of them each other's says nothing else.
func (x table) addressed() bool {
	for _, c := range x.columns {
		if _, address := unwatched[x.name+"."+c.name]; c.key && !address {
			return false
		}
	}
	return true
}

// keyOf is the condition that picks row n of a table, with its values.
func (x table) keyOf(t testing.TB, db *sql.DB, n int64) (string, []any) {
	var names, conditions []string
	for _, c := range x.columns {
		if c.key {
			names = append(names, c.name)
			conditions = append(conditions, c.name+" IS ?")
		}
	}
	if len(names) == 0 {
		names, conditions = []string{"rowid"}, []string{"rowid IS ?"}
	}
	list := strings.Join(names, ", ")
	values, to := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		to[i] = &values[i]
	}
	must(t, db.QueryRow(`SELECT `+list+` FROM `+x.name+` WHERE `+cmp.Or(heldHere[x.name], "true")+` ORDER BY `+x.order()+` LIMIT 1 OFFSET ?`, n).Scan(to...))
	return strings.Join(conditions, " AND "), values
}

// flipped is a value with one bit changed, or another value where there was none.
func flipped(r *rand.Rand, kind string, v any) any {
	switch x := v.(type) {
	case int64:
		return x ^ 1<<r.IntN(3)
	case string:
		for range 100 {
			if i := r.IntN(max(len(x), 1)); i < len(x) && x[i] < 0x80 && x[i]^1 >= 0x20 {
				return x[:i] + string(rune(x[i]^1)) + x[i+1:]
			}
		}
		return x + "x"
	case []byte:
		if len(x) == 0 {
			return []byte{1}
		}
		y := bytes.Clone(x)
		y[r.IntN(len(y))] ^= 1 << r.IntN(8)
		return y
	}
	switch kind {
	case "INTEGER":
		return int64(7)
	case "TEXT":
		return "x"
	}
	return append(make([]byte, 15), 9)
}

// mutation changes a copy of the store; false when the file itself did not
// take the change.
type mutation struct {
	name string
	do   func(t testing.TB, dir string) bool
}

func mutations(t testing.TB, dir string, r *rand.Rand, rounds int) []mutation {
	var all []mutation
	for _, name := range []string{sqlite.MainFile, sqlite.DisclosureFile} {
		for _, x := range tables(t, filepath.Join(dir, name)) {
			if _, ok := unwatched[x.name]; ok || len(x.rows) == 0 {
				continue
			}
			for _, c := range x.columns {
				if _, ok := unwatched[x.name+"."+c.name]; ok {
					continue
				}
				for range rounds {
					n := x.rows[r.IntN(len(x.rows))]
					all = append(all, mutation{fmt.Sprintf("flip a bit of %s.%s, row %d", x.name, c.name, n), x.flip(r, c, n)})
				}
			}
			n := x.rows[r.IntN(len(x.rows))]
			all = append(all, mutation{fmt.Sprintf("delete row %d of %s", n, x.name), x.remove(n)})
			if len(x.rows) > 1 && !x.addressed() {
				a := r.IntN(len(x.rows) - 1)
				all = append(all, mutation{fmt.Sprintf("swap rows %d and %d of %s", a, a+1, x.name), x.swap(int64(a), int64(a+1))})
			}
		}
	}
	return all
}

// flip draws what it does from chance of its own: how long a value is, which may
// differ from run to run, moves no other pick.
func (x table) flip(all *rand.Rand, c column, n int64) func(testing.TB, string) bool {
	seed := all.Uint64()
	return func(t testing.TB, dir string) bool {
		r := rand.New(rand.NewPCG(seed, 0))
		db := rawDB(t, filepath.Join(dir, x.file))
		defer db.Close()
		where, key := x.keyOf(t, db, n)
		var v any
		must(t, db.QueryRow(`SELECT `+c.name+` FROM `+x.name+` WHERE `+where, key...).Scan(&v))
		for range 10 {
			_, err := db.Exec(`UPDATE `+x.name+` SET `+c.name+` = ? WHERE `+where, append([]any{flipped(r, c.kind, v)}, key...)...)
			if err == nil {
				return true
			}
		}
		return false
	}
}

func (x table) remove(n int64) func(testing.TB, string) bool {
	return func(t testing.TB, dir string) bool {
		db := rawDB(t, filepath.Join(dir, x.file))
		defer db.Close()
		where, key := x.keyOf(t, db, n)
		_, err := db.Exec(`DELETE FROM `+x.name+` WHERE `+where, key...)
		return err == nil
	}
}

// swap gives two rows each other's values, but for their keys. Rows that say
// the same are no change.
func (x table) swap(a, b int64) func(testing.TB, string) bool {
	return func(t testing.TB, dir string) bool {
		db := rawDB(t, filepath.Join(dir, x.file))
		defer db.Close()
		var sets, names []string
		for _, c := range x.columns {
			_, address := unwatched[x.name+"."+c.name]
			if !c.key && !address {
				sets, names = append(sets, c.name+" = ?"), append(names, c.name)
			}
		}
		if len(names) == 0 {
			return false
		}
		read := func(n int64) (string, []any, []any) {
			where, key := x.keyOf(t, db, n)
			values, to := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				to[i] = &values[i]
			}
			must(t, db.QueryRow(`SELECT `+strings.Join(names, ", ")+` FROM `+x.name+` WHERE `+where, key...).Scan(to...))
			return where, key, values
		}
		whereA, keyA, valuesA := read(a)
		whereB, keyB, valuesB := read(b)
		if reflect.DeepEqual(valuesA, valuesB) {
			return false
		}
		tx, err := db.Begin()
		must(t, err)
		defer tx.Rollback()
		set := `UPDATE ` + x.name + ` SET ` + strings.Join(sets, ", ") + ` WHERE `
		if _, err := tx.Exec(set+whereA, append(valuesB, keyA...)...); err != nil {
			return false
		}
		if _, err := tx.Exec(set+whereB, append(valuesA, keyB...)...); err != nil {
			return false
		}
		return tx.Commit() == nil
	}
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

// change runs SQL on a file of a copy.
func change(file, query string, args ...any) func(testing.TB, string) bool {
	return func(t testing.TB, dir string) bool {
		db := rawDB(t, filepath.Join(dir, file))
		defer db.Close()
		r, err := db.Exec(query, args...)
		must(t, err)
		n, err := r.RowsAffected()
		must(t, err)
		return n > 0
	}
}
