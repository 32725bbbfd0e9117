package manifest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/manifest"
)

func file(n int) [32]byte { return sha256.Sum256(fmt.Append(nil, "file ", n)) }

// talk lets both ends speak over JSON, as they do, and returns how often.
func talk(t testing.TB, own []manifest.Own, held []manifest.Held) manifest.Result {
	t.Helper()
	here, talk := manifest.NewHere(held), manifest.Begin(own)
	for range manifest.Rounds {
		b, err := json.Marshal(talk.Request())
		if err != nil {
			t.Fatal(err)
		}
		q, err := manifest.ParseRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		if b, err = json.Marshal(here.Answer(q)); err != nil {
			t.Fatal(err)
		}
		var a manifest.Answer
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
		done, err := talk.Take(a)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return talk.Result()
		}
	}
	t.Fatalf("not done in %d rounds", manifest.Rounds)
	return manifest.Result{}
}

// Whatever differs, a few round trips say exactly what.
func TestWhatDiffersIsFoundExactly(t *testing.T) {
	t.Parallel()
	kinds := []string{"qd4750", "checkin", "prescription"}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var own []manifest.Own
		var held []manifest.Held
		want := map[string]string{} // record to what should be said of it
		counts := manifest.Counts{}
		for n := range rng.IntN(400) {
			o := manifest.Own{Kind: kinds[rng.IntN(len(kinds))], File: file(n / 3), Index: n % 3, Record: fmt.Sprint("r", n)}
			h := manifest.Held{Kind: o.Kind, File: o.File, Index: o.Index, Record: o.Record, Accepted: rng.IntN(3) > 0}
			what := rng.IntN(200)
			if seed%5 == 0 && what > 3 {
				what = 100 // mostly equal
			}
			if seed%7 == 0 {
				what = rng.IntN(4) // hardly anything equal
			}
			switch what {
			case 0:
				want[o.Record], own = "missing", append(own, o)
				counts.Sent++
				continue
			case 1:
				want[h.Record], held = "extra", append(held, h)
			case 2:
				h.File = [32]byte{}
				own, held = append(own, o), append(held, h)
				counts.Erased++
				continue
			default:
				own, held = append(own, o, o), append(held, h)
				counts.Sent++
			}
			if h.Accepted {
				counts.Accepted++
			} else {
				counts.Rejected++
			}
		}
		rng.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		r := talk(t, own, held)
		got := map[string]string{}
		for _, m := range r.Missing {
			got[m.Record] = "missing"
		}
		for _, x := range r.Extra {
			got[x.Record] = "extra"
			if i := slices.IndexFunc(held, func(h manifest.Held) bool { return h.Record == x.Record }); held[i].Index != x.Index || hex.EncodeToString(held[i].File[:]) != x.File || held[i].Kind != x.Kind {
				t.Errorf("seed %d: %+v", seed, x)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || !r.Exact || r.Equal != (len(want) == 0) || r.Rounds > manifest.Rounds {
			t.Fatalf("seed %d: exact %v equal %v rounds %d: %s", seed, r.Exact, r.Equal, r.Rounds, diff)
		}
		pending, extra := 0, 0
		for _, w := range want {
			if w == "missing" {
				pending++
			} else {
				extra++
			}
		}
		counts.Pending, counts.Extra = &pending, &extra
		if diff := cmp.Diff(counts, r.Counts); diff != "" {
			t.Errorf("seed %d: counts: %s", seed, diff)
		}
		if c := r.Counts; c.Sent+*c.Extra != c.Accepted+c.Rejected+*c.Pending {
			t.Errorf("seed %d: sent %d + extra %d is not accepted %d + rejected %d + pending %d", seed, c.Sent, *c.Extra, c.Accepted, c.Rejected, *c.Pending)
		}
	}
}

// An equal day of a central hospital is one round trip; one that differs in one
// dossier, three.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	var own []manifest.Own
	var held []manifest.Held
	for n := range 10_000 {
		own = append(own, manifest.Own{Kind: "qd4750", File: file(n), Record: fmt.Sprint(n)})
		held = append(held, manifest.Held{Kind: "qd4750", File: file(n), Record: fmt.Sprint(n), Accepted: true})
	}
	if r := talk(t, own, held); !r.Equal || r.Rounds != 1 {
		t.Errorf("equal: %+v", r)
	}
	if r := talk(t, own, held[1:]); r.Equal || r.Rounds != 3 || len(r.Missing) != 1 || r.Missing[0] != own[0] || len(r.Extra) != 0 {
		t.Errorf("one missing: %d rounds, %d missing, %d extra", r.Rounds, len(r.Missing), len(r.Extra))
	}
	if r := talk(t, nil, nil); !r.Equal || r.Rounds != 1 {
		t.Errorf("a day of nothing: %+v", r)
	}
	if r := talk(t, nil, held[:1]); r.Equal || len(r.Extra) != 1 || !r.Exact {
		t.Errorf("a day of which one side knows nothing: %+v", r)
	}
}

// The roots are RFC 6962's, worked out by hand.
func TestRoots(t *testing.T) {
	t.Parallel()
	a, b, c := manifest.Element{1}, manifest.Element{2}, manifest.Element{3}
	leaf := func(e manifest.Element) []byte { h := sha256.Sum256(append([]byte{0}, e[:]...)); return h[:] }
	node := func(l, r []byte) []byte { h := sha256.Sum256(append(append([]byte{1}, l...), r...)); return h[:] }
	empty := sha256.Sum256(nil)
	for _, x := range []struct {
		list []manifest.Element
		want []byte
	}{{nil, empty[:]}, {[]manifest.Element{a}, leaf(a)}, {[]manifest.Element{a, b}, node(leaf(a), leaf(b))}, {[]manifest.Element{a, b, c}, node(node(leaf(a), leaf(b)), leaf(c))}} {
		if got := manifest.SumOf(x.list); got.Root != hex.EncodeToString(x.want) || got.Count != len(x.list) {
			t.Errorf("%d: %+v", len(x.list), got)
		}
	}
	f := file(7)
	if got := manifest.ElementOf(f, 258); got != manifest.Element(sha256.Sum256(append(f[:], 0, 0, 1, 2))) {
		t.Errorf("%s", got)
	}
}

const root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestBadRequests(t *testing.T) {
	t.Parallel()
	sum := `"count":0,"root":"` + root + `"`
	for text, want := range map[string]error{
		``: manifest.ErrForm, `[]`: manifest.ErrForm, `{}`: manifest.ErrForm, `{"kinds":{}}`: manifest.ErrForm, `{"kinds":[{}]}`: manifest.ErrForm,
		`{"kinds":[{"kind":"a",` + sum + `}]}`:                                           nil,
		`{"kinds":[{"kind":"a",` + sum + `},{"kind":"a",` + sum + `}]}`:                  manifest.ErrForm,
		`{"kinds":[{"kind":"a",` + sum + `,"x":1}]}`:                                     manifest.ErrForm,
		`{"kinds":[{"kind":"",` + sum + `}]}`:                                            manifest.ErrForm,
		`{"kinds":[{"kind":"á",` + sum + `}]}`:                                           manifest.ErrForm,
		`{"kinds":[{"kind":"` + strings.Repeat("a", 65) + `",` + sum + `}]}`:             manifest.ErrForm,
		`{"kinds":[],"kinds":[]}`:                                                        manifest.ErrForm,
		`{"kinds":[],"other":[]}`:                                                        manifest.ErrForm,
		`{"kinds":[{"kind":"a","count":-1,"root":"` + root + `"}]}`:                      manifest.ErrForm,
		`{"kinds":[{"kind":"a","count":1.0,"root":"` + root + `"}]}`:                     manifest.ErrForm,
		`{"kinds":[{"kind":"a","count":"1","root":"` + root + `"}]}`:                     manifest.ErrForm,
		`{"kinds":[{"kind":"a","count":99999999999999999999,"root":"` + root + `"}]}`:    manifest.ErrForm,
		`{"kinds":[{"kind":"a","count":200001,"root":"` + root + `"}]}`:                  manifest.ErrLarge,
		`{"kinds":[{"kind":"a","count":1,"root":"` + strings.ToUpper(root) + `"}]}`:      manifest.ErrForm,
		`{"kinds":[{"kind":"a","count":1,"root":"ab"}]}`:                                 manifest.ErrForm,
		`{"kinds":[],"buckets":{"a":{"0":{` + sum + `}}}}`:                               nil,
		`{"kinds":[],"buckets":{"a":{"g":{` + sum + `}}}}`:                               manifest.ErrForm,
		`{"kinds":[],"buckets":{"a":{"00":{` + sum + `}}}}`:                              manifest.ErrForm,
		`{"kinds":[],"buckets":{"a":[]}}`:                                                manifest.ErrForm,
		`{"kinds":[],"elements":{"a":{"e":["` + root + `"]}}}`:                           nil,
		`{"kinds":[],"elements":{"a":{"d":["` + root + `"]}}}`:                           manifest.ErrForm, // of another part
		`{"kinds":[],"elements":{"a":{"e":["` + root + `","` + root + `"]}}}`:            manifest.ErrForm,
		`{"kinds":[],"elements":{"a":{"e":[1]}}}`:                                        manifest.ErrForm,
		`{"kinds":[],"elements":{"a":{"e":{}}}}`:                                         manifest.ErrForm,
		`{"kinds":[],"elements":{"a":{"e":[` + strings.Repeat(`"",`, 250_000) + `""]}}}`: manifest.ErrLarge,
		`{"kinds":[]} x`: manifest.ErrForm, "\xff": manifest.ErrForm,
	} {
		if _, err := manifest.ParseRequest([]byte(text)); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%.100s: %v, want %v", text, err, want)
		}
	}
}

// An answer that makes no sense ends the talk, and never runs away.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	own := []manifest.Own{{Kind: "qd4750", File: file(1), Record: "r"}}
	bad := manifest.Answer{Kinds: []manifest.KindCompared{{Kind: "qd4750"}}, Buckets: map[string]map[string]manifest.Compared{"qd4750": {"0": {}}}}
	if _, err := manifest.Begin(own).Take(bad); !errors.Is(err, manifest.ErrForm) {
		t.Errorf("parts left out: %v", err)
	}
	talk := manifest.Begin(own)
	rounds := 0
	for done := false; !done; rounds++ {
		var err error
		if done, err = talk.Take(manifest.Answer{Kinds: []manifest.KindCompared{{Kind: "qd4750"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if r := talk.Result(); rounds != manifest.Rounds || r.Exact || r.Equal {
		t.Errorf("%d rounds, %+v", rounds, r)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"kinds":[{"kind":"qd4750","count":1,"root":"` + root + `"}],"buckets":{"qd4750":{"e":{"count":1,"root":"` + root + `"}}},"elements":{"qd4750":{"e":["` + root + `"]}}}`))
	f.Add([]byte(`{"kinds":[],"elements":{"a":{}}}`))
	f.Add([]byte(`{"kinds":[{"kind":"a","count":200000,"root":""}]}`))
	here := manifest.NewHere([]manifest.Held{{Kind: "qd4750", File: file(1), Record: "r1", Accepted: true}, {Kind: "a", Record: "r2"}})
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := manifest.ParseRequest(b)
		if err != nil {
			return
		}
		a := here.Answer(q)
		if a.Equal && len(a.Missing)+len(a.Extra) > 0 {
			t.Errorf("equal, and %d differ", len(a.Missing)+len(a.Extra))
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := manifest.ParseRequest(again); err != nil || len(p.Kinds) != len(q.Kinds) {
			t.Errorf("what was read is not read again: %v", err)
		}
	})
}
