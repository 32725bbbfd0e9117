package urgent_test

import (
	"strings"
	"testing"

	"lienthong/internal/urgent"
)

func TestAPathDoesNotShowItsNumber(t *testing.T) {
	t.Parallel()
	w := setup(t)
	seen := map[string]bool{}
	for range 20 {
		x, err := w.desk.Begin(t.Context(), w.anna, urgent.Sheet{})
		if err != nil {
			t.Fatal(err)
		}
		p := w.desk.Path(x.Number)
		if got, err := w.desk.Number(p); err != nil || got != x.Number {
			t.Fatalf("%s is %s, %v", p, got, err)
		}
		if len(p) != 32 || strings.Contains(p, "24917") || seen[p[:8]] || seen[p[24:]] {
			t.Errorf("%s shows of %s", p, x.Number)
		}
		seen[p[:8]], seen[p[24:]] = true, true
		wrong := []byte(p)
		wrong[3] ^= 1
		if got, err := w.desk.Number(string(wrong)); err == nil && got == x.Number {
			t.Error("a wrong path led there")
		}
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("0", 32))
	f.Add(strings.Repeat("zz", 16))
	f.Fuzz(func(t *testing.T, s string) {
		w := setup(t)
		if n, err := w.desk.Number(s); err == nil && w.desk.Path(n) != strings.ToLower(s) {
			t.Errorf("%q is %s, whose path is another", s, n)
		}
	})
}
