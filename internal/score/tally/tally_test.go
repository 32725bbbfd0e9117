package tally_test

import (
	"testing"

	"lienthong/internal/score/tally"
)

func FuzzTally(f *testing.F) {
	f.Add([]byte{2, 0, 0, 2})
	f.Add(tally.Tally{{Applied: 5, Failed: -1}, {Applied: 1 << 60}}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		var sum, again tally.Tally
		if err := sum.PlusBytes(b); err != nil {
			return
		}
		if err := again.PlusBytes(sum.Marshal()); err != nil {
			t.Fatal(err)
		}
		for i := range sum {
			var one tally.Tally
			if err := one.PlusOne(b, i); err != nil || len(one) != 1 || one[0] != sum[i] {
				t.Fatalf("check %d alone is %v %v, not %v", i, one, err, sum[i])
			}
		}
		again.Minus(sum)
		if !again.IsZero() {
			t.Errorf("%v", again)
		}
	})
}

func FuzzMarks(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 0x55, 0xAA})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := tally.Marks(b)
		if _, err := m.Sheet(); err != nil {
			return
		}
		var sum tally.Tally
		sum.Add(m, 1)
		for i, c := range sum {
			if mark := m.Get(i); (mark == tally.NotApplicable) != (c.Applied == 0) || (mark == tally.Failed) != (c.Failed == 1) {
				t.Fatalf("check %d: %d, %+v", i, mark, c)
			}
		}
	})
}
