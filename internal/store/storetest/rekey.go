package storetest

import (
	"bytes"
	"errors"
	"testing"

	"lienthong/internal/store"
)

func rekeyCases() []testCase {
	return []testCase{
		{"wrapped keys are found by their beginning and moved once", rekeyRows},
		{"a month key has generations, and older ones go", rekeyMonths},
	}
}

// rekeyRows moves the keys of records and files, as rekey does.
func rekeyRows(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	for i := range 5 {
		p := w.prepare(say{episode: "LK" + string(rune('1'+i)), content: "c" + string(rune('1'+i))})
		p.Wrapped = append([]byte("old/"), byte(i))
		f := *p.File
		f.Wrapped = append([]byte("old/file/"), byte(i))
		p.File = &f
		w.commit(p)
	}
	for table, want := range map[string]int{"record": 5, "file": 5} {
		var all []store.Wrapped
		for after := []string(nil); ; {
			rows, err := w.s.Rekeys.Wrapped(w.ctx(), table, []byte("old/"), after, 2)
			w.must(err)
			if len(rows) == 0 {
				break
			}
			after = rows[len(rows)-1].Key
			all = append(all, rows...)
		}
		if len(all) != want {
			t.Fatalf("%s: %d found", table, len(all))
		}
		if rows, err := w.s.Rekeys.Wrapped(w.ctx(), table, []byte("new/"), nil, 10); err != nil || len(rows) != 0 {
			t.Errorf("%s: another beginning finds %d, %v", table, len(rows), err)
		}
		for i := range all {
			all[i].Is = append([]byte("new/"), all[i].Was...)
		}
		stale := all[0]
		stale.Was, stale.Is = []byte("what stood before"), []byte("x")
		if n, err := w.s.Rekeys.Rewrap(w.ctx(), append([]store.Wrapped{stale}, all...)); err != nil || n != want {
			t.Errorf("%s: %d moved, %v", table, n, err)
		}
		if n, err := w.s.Rekeys.Rewrap(w.ctx(), all); err != nil || n != 0 {
			t.Errorf("%s: %d moved twice, %v", table, n, err)
		}
		rows, err := w.s.Rekeys.Wrapped(w.ctx(), table, []byte("new/"), nil, 10)
		w.must(err)
		for i := range rows {
			if !bytes.HasPrefix(rows[i].Was, []byte("new/old/")) || rows[i].Table != table {
				t.Errorf("%s: %q", table, rows[i].Was)
			}
		}
		if len(rows) != want {
			t.Errorf("%s: %d stand as moved", table, len(rows))
		}
	}
	for table := range store.RekeyTables { // every one can be asked, whatever is in it
		key := make([]string, len(store.RekeyTables[table].Key))
		for i, column := range store.RekeyTables[table].Key {
			switch column {
			case "serial", "id", "hash", "person":
				key[i] = "00000000000000000000000000000000"
			case "version":
				key[i] = "1"
			}
		}
		if _, err := w.s.Rekeys.Wrapped(w.ctx(), table, []byte{1}, key, 3); err != nil {
			t.Errorf("%s after a key: %v", table, err)
		}
		if n, err := w.s.Rekeys.Rewrap(w.ctx(), []store.Wrapped{{Table: table, Key: key, Was: []byte("a"), Is: []byte("b")}}); err != nil || n != 0 {
			t.Errorf("%s: %d moved of none, %v", table, n, err)
		}
	}
	if _, err := w.s.Rekeys.Wrapped(w.ctx(), "person; DROP TABLE record", []byte{1}, nil, 1); err == nil {
		t.Error("a table that is none was asked")
	}
}

func rekeyMonths(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := store.MonthKey{Class: "clinical", Month: 202607, Master: "m1", Wrapped: bytes.Repeat([]byte{1}, 61)}
	second := first
	second.Generation, second.Wrapped = 1, bytes.Repeat([]byte{2}, 61)
	for _, k := range []store.MonthKey{first, second, {Class: "clinical", Month: 202608, Master: "m1", Wrapped: bytes.Repeat([]byte{3}, 61)}} {
		if kept, err := w.s.Keys.PutMonth(w.ctx(), k); err != nil || kept.Generation != k.Generation || !bytes.Equal(kept.Wrapped, k.Wrapped) {
			t.Fatalf("kept %+v, %v", kept, err)
		}
	}
	is := first
	is.Master, is.Wrapped = "m2", bytes.Repeat([]byte{4}, 61)
	w.must(w.s.Rekeys.ReplaceMonth(w.ctx(), first, is))
	if err := w.s.Rekeys.ReplaceMonth(w.ctx(), first, is); !errors.Is(err, store.ErrChanged) {
		t.Errorf("replaced twice: %v", err)
	}
	all, err := w.s.Keys.Months(w.ctx())
	w.must(err)
	if len(all) != 3 || all[0].Master != "m2" || all[1].Master != "m1" || all[1].Generation != 1 {
		t.Fatalf("%v", all)
	}
	residue, err := w.s.Rekeys.DropGenerations(w.ctx(), "clinical", 202607, 1, w.act("keys.turn_month"))
	w.must(err)
	w.must(w.s.Retention.Clean(w.ctx(), residue))
	if all, err = w.s.Keys.Months(w.ctx()); err != nil || len(all) != 2 || all[0].Generation != 1 || all[1].Month != 202608 {
		t.Errorf("left: %v, %v", all, err)
	}
	acts, err := w.s.Keys.Acts(w.ctx(), 0, 10)
	if err != nil || len(acts) == 0 || acts[0].Action != "keys.turn_month" {
		t.Errorf("acts: %v, %v", acts, err)
	}
}
