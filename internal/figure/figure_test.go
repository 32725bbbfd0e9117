package figure_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/figure"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// rows is a store of one log whose rows a test sets; it keeps statements as
// engines do.
type rows struct {
	size   uint64
	counts func(size uint64, scope role.Scope, q store.CountQuery) []store.Count
	sums   []store.Count
	kept   map[string][]house.Statement
	acts   []store.Act
	checks []house.Check
}

func (r *rows) Sum(_ context.Context, _ role.Scope, q store.CountQuery) ([]store.Count, error) {
	if q.FromDay != 0 {
		return nil, nil
	}
	return r.sums, nil
}

func (r *rows) Recount(_ context.Context, s role.Scope, q store.CountQuery) ([]store.Count, error) {
	if q.AsOf == nil {
		if q.FromDay != 0 {
			return nil, nil
		}
		return r.counts(r.size, s, q), nil
	}
	return r.counts(q.AsOf[0], s, q), nil
}
func (r *rows) Logs(context.Context) ([]int, error) { return []int{0}, nil }
func (r *rows) Head(context.Context, int) (store.Head, error) {
	return store.Head{Head: ledger.Head{Size: r.size}}, nil
}
func (r *rows) Checkpoint(_ context.Context, _ int, size uint64) (string, error) {
	return "note of " + strings.Repeat("|", int(size)), nil
}
func (r *rows) Pin(_ context.Context, list []house.Statement, act store.Act) error {
	for _, s := range list {
		if s.Version != len(r.kept[s.Subject])+1 {
			return store.ErrChanged
		}
	}
	for _, s := range list {
		r.kept[s.Subject] = append(r.kept[s.Subject], s)
	}
	r.acts = append(r.acts, act)
	return nil
}
func (r *rows) Statement(_ context.Context, subject string, version int) (house.Statement, error) {
	all := r.kept[subject]
	if version == 0 {
		version = len(all)
	}
	if version < 1 || version > len(all) {
		return house.Statement{}, store.ErrAbsent
	}
	return all[version-1], nil
}
func (r *rows) Versions(_ context.Context, subject string) ([]house.Statement, error) {
	return r.kept[subject], nil
}
func (r *rows) Newest(_ context.Context, prefix string) ([]house.Statement, error) {
	var out []house.Statement
	for k, v := range r.kept {
		if strings.HasPrefix(k, prefix) {
			out = append(out, v[len(v)-1])
		}
	}
	return out, nil
}
func (r *rows) PutCheck(_ context.Context, c house.Check) error {
	r.checks = append(r.checks, c)
	return nil
}
func (r *rows) Checks(context.Context, int) ([]house.Check, error)         { return r.checks, nil }
func (r *rows) AddTook(context.Context, []house.Took, time.Time) error     { return nil }
func (r *rows) TookSince(context.Context, time.Time) ([]house.Took, error) { return nil, nil }
func (r *rows) AddUse(context.Context, []house.Use) error                  { return nil }
func (r *rows) Uses(context.Context, int) ([]house.Use, error)             { return nil, nil }

var now = time.Date(2026, 7, 14, 3, 0, 0, 0, time.UTC)

func setup(t *testing.T) (*rows, *figure.Desk) {
	t.Helper()
	r := &rows{size: 5, kept: map[string][]house.Statement{}}
	r.counts = func(size uint64, _ role.Scope, q store.CountQuery) []store.Count {
		if len(q.By) == 1 && q.By[0] == store.ByFacility {
			return []store.Count{{Key: []string{"24601"}, N: int64(size)}, {Key: []string{"24602"}, N: 2}}
		}
		return nil
	}
	d, err := figure.New(figure.Deps{Figures: r, Checks: r, Counters: r, Ledger: r, Hub: "thử.lienthong", Clock: clock.NewFake(now), Pack: func() string { return "v1/2026" }})
	if err != nil {
		t.Fatal(err)
	}
	return r, d
}

func ask(t *testing.T) figure.Query {
	t.Helper()
	q, err := figure.Ask("SL.04", figure.Place{Province: "24"}, 20260713, 20260713)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestAStatementIsOneText(t *testing.T) {
	t.Parallel()
	r, d := setup(t)
	s, err := d.Pin(t.Context(), "operator", ask(t))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-07-14T03:00:00Z","figure":"SL.04","hub":"thử.lienthong","id":"SL.04-20260713-p24-v1","logs":[{"checkpoint":"note of |||||","log":0,"size":5}],"pack":"v1/2026",` +
		`"query":{"by":"facility","figure":"SL.04","from":20260713,"measures":["doc:XML2"],"province":"24","to":20260713},` +
		`"sha256":"` + s.SHA256 + `","v":1,"value":{"by":{"24601":5,"24602":2},"n":7},"version":1}`
	if got := string(s.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, err := figure.Parse(s.Bytes())
	if err != nil || string(again.Bytes()) != want {
		t.Errorf("read back: %v", err)
	}
	if len(r.acts) != 1 || !strings.Contains(r.acts[0].Detail, `"sha256":`) || len(r.acts[0].Leaf) == 0 {
		t.Errorf("acts %+v", r.acts)
	}
}

func TestRecomputeGivesTheSameOrSaysNo(t *testing.T) {
	t.Parallel()
	r, d := setup(t)
	s, err := d.Pin(t.Context(), "operator", ask(t))
	if err != nil {
		t.Fatal(err)
	}
	r.size = 9
	if o, err := d.Recompute(t.Context(), s); err != nil || !o.Same || o.Value.N != 7 {
		t.Errorf("%+v, %v", o, err)
	}
	r.size = 4
	if _, err := d.Recompute(t.Context(), s); !errors.Is(err, figure.ErrBehind) {
		t.Errorf("a copy that ends earlier: %v", err)
	}
	r.size = 9
	other := *s
	other.Logs = []figure.Log{{Log: 0, Size: 5, Checkpoint: "another"}}
	if _, err := d.Recompute(t.Context(), &other); !errors.Is(err, figure.ErrHistory) {
		t.Errorf("another ledger: %v", err)
	}
	r.counts = func(uint64, role.Scope, store.CountQuery) []store.Count {
		return []store.Count{{Key: []string{"24601"}, N: 6}}
	}
	if o, err := d.Recompute(t.Context(), s); err != nil || o.Same || o.Value.N != 6 {
		t.Errorf("changed rows: %+v, %v", o, err)
	}
}

func TestPinnedTwiceIsOneAndChangedIsAnother(t *testing.T) {
	t.Parallel()
	r, d := setup(t)
	first, err := d.Pin(t.Context(), "operator", ask(t))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.Pin(t.Context(), "operator", ask(t)); err != nil || again.ID != first.ID || len(r.acts) != 1 {
		t.Errorf("%v, %v, %d acts", again, err, len(r.acts))
	}
	r.size = 8
	second, err := d.Pin(t.Context(), "operator", ask(t))
	if err != nil || second.ID != "SL.04-20260713-p24-v2" || second.Changed == nil || second.Changed.Before != 7 || second.Changed.Now != 10 {
		t.Fatalf("%+v, %v", second, err)
	}
	for id, want := range map[string]string{"SL.04-20260713-p24-v1": first.ID, "SL.04-20260713-p24": second.ID, "SL.04-20260713-p24-v2": second.ID} {
		if s, err := d.Statement(t.Context(), id); err != nil || s.ID != want {
			t.Errorf("%s: %v, %v", id, s, err)
		}
	}
	for _, id := range []string{"SL.04-20260713-p24-v3", "", "-v1", "SL.04-20260713-vn"} {
		if _, err := d.Statement(t.Context(), id); !errors.Is(err, figure.ErrAbsent) {
			t.Errorf("%q: %v", id, err)
		}
	}
	all, err := d.Versions(t.Context(), "SL.04-20260713-p24")
	if err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}

// A public statement has no small number in it, nor what would give one away; when
// rows only fall away there is no version more, for two would tell of it.
func TestAPublicStatementTellsNothingSmall(t *testing.T) {
	t.Parallel()
	r, d := setup(t)
	numbers := map[string]int64{}
	for i, p := range catalog.Provinces() {
		numbers[p.Code] = 5000 + 100*int64(i)
	}
	numbers["24"] = 7
	r.counts = func(size uint64, _ role.Scope, q store.CountQuery) []store.Count {
		var out []store.Count
		for code, n := range numbers {
			out = append(out, store.Count{Key: []string{"accepted", code}, N: n})
		}
		if size > 5 {
			out = append(out, store.Count{Key: []string{"accepted", "96"}, N: 2})
		}
		return out
	}
	q, err := figure.Ask("SL.32", figure.Place{}, 20260613, 20260613)
	if err != nil || q.From != 20260601 || q.To != 20260630 || q.Subject() != "SL.32-20260601.20260630-vn" {
		t.Fatalf("%+v, %v", q, err)
	}
	s, err := d.Pin(t.Context(), "hub", q)
	if err != nil {
		t.Fatal(err)
	}
	v := s.Read()
	if v.By["96/records"] != 8300 || v.Hide["24/records"] != "small" || v.Hide["01/records"] != "guard" || strings.Contains(string(s.Value), ":7,") || s.Changed != nil {
		t.Errorf("%s", s.Value)
	}
	codes, column := s.Column("records")
	if len(codes) != 34 || len(column.Cells) != 34 || codes[33] != "96" || column.Cells[33].N != 8300 || column.Total.N != v.N {
		t.Errorf("%v %+v", codes, column)
	}
	numbers["96"]--
	if again, err := d.Pin(t.Context(), "hub", q); err != nil || again.ID != s.ID {
		t.Errorf("after an erasure: %v, %v", again.ID, err)
	}
	r.size = 6
	if second, err := d.Pin(t.Context(), "hub", q); err != nil || second.Version != 2 || second.Changed != nil || second.Read().By["96/records"] != 8301 {
		t.Errorf("after a late record: %v, %v", second.ID, err)
	}
	for name, ask := range map[string]struct {
		place    figure.Place
		from, to int
		want     error
	}{
		"a province":     {figure.Place{Province: "24"}, 20260601, 20260630, nil},
		"the month runs": {figure.Place{}, 20260701, 20260701, figure.ErrSpan},
		"two months":     {figure.Place{}, 20260601, 20260701, figure.ErrSpan},
	} {
		q, err := figure.Ask("SL.32", ask.place, ask.from, ask.to)
		if err == nil {
			_, err = d.Pin(t.Context(), "hub", q)
		}
		if err == nil || ask.want != nil && !errors.Is(err, ask.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuestionsThatNobodyMayAsk(t *testing.T) {
	t.Parallel()
	_, d := setup(t)
	for id := range map[string]bool{"SL.01": true, "SL.05": true, "SL.99": true, "": true} {
		if _, err := figure.Ask(id, figure.Place{}, 20260713, 20260713); !errors.Is(err, figure.ErrUnknown) {
			t.Errorf("%s: %v", id, err)
		}
	}
	good := ask(t)
	for name, c := range map[string]struct {
		change func(*figure.Query)
		want   error
	}{
		"tomorrow":     {func(q *figure.Query) { q.From, q.To = 20260715, 20260715 }, figure.ErrSpan},
		"no day":       {func(q *figure.Query) { q.From, q.To = 20260231, 20260301 }, figure.ErrSpan},
		"backwards":    {func(q *figure.Query) { q.From = 20260714 }, figure.ErrSpan},
		"32 days":      {func(q *figure.Query) { q.From = 20260612 }, figure.ErrSpan},
		"two places":   {func(q *figure.Query) { q.Unit = "kcb" }, figure.ErrPlace},
		"no province":  {func(q *figure.Query) { q.Province = "99" }, figure.ErrPlace},
		"a path":       {func(q *figure.Query) { q.Province, q.Unit = "", "a/b" }, figure.ErrPlace},
		"no code":      {func(q *figure.Query) { q.Province, q.Facility = "", "x" }, figure.ErrPlace},
		"own measures": {func(q *figure.Query) { q.Measures = []string{"doc:XML6"} }, figure.ErrUnknown},
	} {
		q := good
		c.change(&q)
		if _, err := d.Pin(t.Context(), "operator", q); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := good
	q.From = 20260613 // 31 days
	if _, err := d.Pin(t.Context(), "operator", q); err != nil {
		t.Errorf("31 days: %v", err)
	}
	if _, err := d.Close(t.Context(), 20260714); !errors.Is(err, figure.ErrSpan) {
		t.Errorf("a day that is not over is closed: %v", err)
	}
}

func TestCompareTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	r, d := setup(t)
	r.sums = []store.Count{{Key: []string{"accepted", "20260713"}, N: 5}, {Key: []string{"lookup", "20260713"}, N: 9}, {Key: []string{"rejected", "20260713"}, N: 1}}
	r.counts = func(uint64, role.Scope, store.CountQuery) []store.Count {
		return []store.Count{{Key: []string{"accepted", "20260713"}, N: 5}, {Key: []string{"rejected", "20260713"}, N: 1}}
	}
	if rep, err := d.Compare(t.Context(), 20260713); err != nil || rep.Seen != 2 || rep.Unequal != 0 || r.checks[0].Detail != "null" && r.checks[0].Detail != "[]" {
		t.Errorf("%+v, %v, %+v", rep, err, r.checks)
	}
	r.sums[2].N = 2
	rep, err := d.Compare(t.Context(), 20260713)
	if err != nil || rep.Unequal != 1 || rep.Note != "rejected 20260713" {
		t.Errorf("%+v, %v", rep, err)
	}
	if c := r.checks[1]; c.Day != 20260713 || c.Unequal != 1 || c.Detail != `[{"key":"rejected 20260713","counted":2,"recounted":1}]` {
		t.Errorf("%+v", c)
	}
}

// seed is a statement that wants the digest of its value, and the value.
const seed = `{"at":"2026-07-14T03:00:00Z","figure":"SL.04","hub":"h","id":"SL.04-20260713-p24-v1","logs":[],` +
	`"query":{"figure":"SL.04","from":20260713,"measures":["doc:XML2"],"province":"24","to":20260713},"sha256":"%x","v":1,"value":%s,"version":1}`

func FuzzStatement(f *testing.F) {
	for _, value := range []string{`{"n":7}`, `{"by":{"24601":5,"24602":2},"n":7}`, `{"by":{"":-1},"hide":{"24/records":"small"},"n":100}`} {
		good := fmt.Appendf(nil, seed, sha256.Sum256([]byte(value)), value)
		if _, err := figure.Parse(good); err != nil {
			f.Fatalf("a seed that is not read: %s", good)
		}
		f.Add(good)
	}
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"v":1,"value":{"by":{"":1},"n":-1}}x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := figure.Parse(b)
		if err != nil {
			if !errors.Is(err, figure.ErrStatement) {
				t.Errorf("no code: %v", err)
			}
			return
		}
		again, err := figure.Parse(s.Bytes())
		if err != nil || string(again.Bytes()) != string(s.Bytes()) {
			t.Errorf("not read back: %v", err)
		}
	})
}
