package policy_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/law"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/policies"
)

var write = flag.Bool("write", false, "write doc/design/policies.md")

func set(t testing.TB) *policy.Set {
	t.Helper()
	s, err := policy.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bases are all bases, and none.
func bases() []policy.Basis { return append(policy.Bases(), "") }

// roleOf reads "own-clinician" as a clinician of the author, "clinician" as one of
// another facility.
func roleOf(name string) role.Role {
	kind, own := strings.CutPrefix(name, "own-")
	r := role.Role{Kind: role.Kind(kind), ID: "79902"}
	if own {
		r.ID = author
	}
	return r
}

const author = "79901"

// favourable has every fact but the basis in favour.
func favourable(name string, action policy.Action, purpose string, classes care.Classes) policy.Question {
	return policy.Question{Action: action, Role: roleOf(name), Purpose: consent.Purpose(purpose), Staff: true, Author: author, Kind: "qd4750", Classes: classes,
		Reason: true, SteppedUp: true, Permitted: true}
}

// row is one line of the table.
type row struct {
	role, action, purpose string
	bases                 [2]string // ordinary, sensitive
}

func table(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "decisions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "#" || strings.HasPrefix(line, "#"):
		case len(f) != 5:
			t.Fatalf("line %q", line)
		case f[1] == "*":
			for _, a := range policy.Actions() {
				out = append(out, row{f[0], string(a), f[2], [2]string{f[3], f[4]}})
			}
		default:
			out = append(out, row{f[0], f[1], f[2], [2]string{f[3], f[4]}})
		}
	}
	return out
}

func (r row) permits(sensitive int, b policy.Basis) bool {
	return r.bases[sensitive] == "*" || b != "" && slices.Contains(strings.Split(r.bases[sensitive], ","), string(b))
}

// TestTheTableOfDecisions holds the policies against testdata/decisions.txt: every
// role by every action, basis and class.
func TestTheTableOfDecisions(t *testing.T) {
	t.Parallel()
	s, asked, seen := set(t), 0, map[string]bool{}
	for _, r := range table(t) {
		seen[r.role+" "+r.action] = true
		for _, b := range bases() {
			for sensitive, all := range [][]care.Classes{{0}, {care.HIV, care.TB, care.MentalHealth, care.PregnancyTermination, care.AllClasses}} {
				for _, classes := range all {
					q := favourable(r.role, policy.Action(r.action), r.purpose, classes)
					q.Basis = b
					a, err := s.Decide(q)
					asked++
					if err != nil || a.Permit != r.permits(sensitive, b) || a.Version != s.Version() {
						t.Errorf("%s %s for %s by %q, classes %q: %+v, %v", r.role, r.action, r.purpose, b, classes, a, err)
					}
				}
			}
		}
	}
	for _, kind := range append(role.Kinds(), role.Destination, role.Carrier) {
		for _, action := range policy.Actions() {
			if !seen[string(kind)+" "+string(action)] {
				t.Errorf("the table says nothing of %s %s", kind, action)
			}
		}
	}
	if asked < 3000 {
		t.Errorf("only %d questions were asked", asked)
	}
}

// changes are the facts that turn an answer, one by one.
var changes = map[string]func(*policy.Question){
	"as it is":            func(*policy.Question) {},
	"no reason":           func(q *policy.Question) { q.Reason = false },
	"no second factor":    func(q *policy.Question) { q.SteppedUp = false },
	"nobody in person":    func(q *policy.Question) { q.Staff = false },
	"no consent":          func(q *policy.Question) { q.Permitted = false },
	"denied":              func(q *policy.Question) { q.Denied = true },
	"denied in emergency": func(q *policy.Question) { q.Denied, q.DeniedToo = true, true },
	"one class opened":    func(q *policy.Question) { q.Opened = care.HIV },
	"all classes opened":  func(q *policy.Question) { q.Opened = care.AllClasses },
	"may take closed":     func(q *policy.Question) { q.Closed = true },
}

// registry is the purpose of what specialised databases are made from.
const registry consent.Purpose = "registry"

// size is how many bytes a random question is made of.
const size = 9

// TestEachPolicyDecidesSomething takes away one policy after the other: an answer
// must change, or there is a policy that no test would miss.
func TestEachPolicyDecidesSomething(t *testing.T) {
	t.Parallel()
	whole, all := set(t), questions(t)
	answers := make([]policy.Answer, len(all))
	for i, q := range all {
		answers[i], _ = whole.Decide(q)
	}
	decided := map[string]bool{}
	for _, a := range answers {
		decided[a.Policy] = true
	}
	for _, gone := range whole.Rules() {
		if !decided[gone.ID] {
			t.Errorf("%s decides nothing", gone.ID)
			continue
		}
		less := without(t, whole, gone.ID)
		if less.Version() == whole.Version() {
			t.Errorf("the version does not change without %s", gone.ID)
		}
		turned := false
		for i, q := range all {
			if answers[i].Policy != gone.ID {
				continue
			}
			a, err := less.Decide(q)
			if err != nil {
				t.Fatal(err)
			}
			// Where a forbidding policy is taken away, nothing need open (another may
			// forbid as well), but another policy must decide.
			if turned = a.Permit != answers[i].Permit || a.Policy != answers[i].Policy; turned {
				break
			}
		}
		if !turned {
			t.Errorf("nothing changes without %s", gone.ID)
		}
	}
}

// without makes a set that lacks one policy.
func without(t *testing.T, s *policy.Set, id string) *policy.Set {
	t.Helper()
	files := fstest.MapFS{}
	for _, r := range s.Rules() {
		if r.ID == id {
			continue
		}
		f := files[r.File]
		if f == nil {
			f = &fstest.MapFile{}
			files[r.File] = f
		}
		f.Data = append(f.Data, r.Text+"\n"...)
	}
	less, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return less
}

func TestEveryPolicyNamesItsLawAndSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	rules := set(t).Rules()
	if len(rules) < 20 {
		t.Fatalf("only %d policies", len(rules))
	}
	for _, r := range rules {
		if _, ok := law.Get(r.Law); !ok {
			t.Errorf("%s: no source %q", r.ID, r.Law)
		}
		for _, says := range []string{r.Says.VI, r.Says.EN} {
			if !strings.HasSuffix(says, ".") || strings.Count(says, ". ") > 0 || len(says) < 20 {
				t.Errorf("%s: %q is not one sentence", r.ID, says)
			}
		}
	}
	for _, b := range policy.Bases() {
		if u, ok := law.Basis(string(b)); !ok || u.Title.VI == "" || u.Title.EN == "" {
			t.Errorf("basis %s has no source", b)
		}
	}
	entries, err := policies.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := policies.Files.ReadFile(e.Name())
		if err != nil || !strings.HasPrefix(string(text), "// "+e.Name()[:2]+"  ") {
			t.Errorf("%s does not begin with what it is about: %v", e.Name(), err)
		}
	}
}

func TestExplainSaysRuleFactsAndSource(t *testing.T) {
	t.Parallel()
	s := set(t)
	for _, q := range questions(t) {
		a, err := s.Decide(q)
		if err != nil {
			t.Fatal(err)
		}
		text := s.Explain(a, q)
		r, ok := s.Rule(a.Policy)
		switch {
		case ok && (!strings.Contains(text.VI, r.Says.VI) || !strings.Contains(text.EN, r.Says.EN) ||
			!strings.Contains(text.VI, law.Text(r.Law).VI) || !strings.Contains(text.EN, law.Text(r.Law).EN)):
			t.Fatalf("%+v is explained by %q", a, text.EN)
		case strings.HasPrefix(text.EN, "Allowed. ") != a.Permit || strings.HasPrefix(text.VI, "Được phép. ") != a.Permit:
			t.Fatalf("%+v is explained by %q", a, text.EN)
		case strings.Contains(text.VI, author) || strings.Contains(text.EN, "79902"):
			t.Fatalf("%q names a code", text.EN)
		}
	}
	q := favourable("clinician", policy.Read, "treatment", care.HIV)
	q.Basis, q.Opened = policy.Presence, care.HIV
	a, _ := s.Decide(q)
	got := s.Explain(a, q)
	for _, want := range []string{"another facility wrote the record", "the person is there and has proved it", "examination and treatment", "HIV", law.Unconfirmed.EN} {
		if !strings.Contains(got.EN, want) {
			t.Errorf("%q does not say %q", got.EN, want)
		}
	}
	a.Version = "000000000000"
	if got := s.Explain(a, q); !strings.Contains(got.EN, "earlier version") {
		t.Errorf("%q does not tell the other version", got.EN)
	}
	if got := s.Explain(policy.Answer{Permit: true, Policy: "gone", Version: "000000000000"}, q); !strings.Contains(got.EN, "no longer") {
		t.Errorf("%q", got.EN)
	}
}

// A question that leaves out what decides is answered with no, and with an error.
func TestAnIncompleteQuestionIsRefused(t *testing.T) {
	t.Parallel()
	s := set(t)
	whole := favourable("own-clinician", policy.Read, "treatment", 0)
	if a, err := s.Decide(whole); err != nil || !a.Permit {
		t.Fatalf("%+v, %v", a, err)
	}
	for name, change := range map[string]func(*policy.Question){
		"no author":    func(q *policy.Question) { q.Author = "" },
		"no facility":  func(q *policy.Question) { q.Role.ID = "" },
		"neither":      func(q *policy.Question) { q.Role.ID, q.Author = "", "" },
		"no role":      func(q *policy.Question) { q.Role = role.Role{} },
		"unknown role": func(q *policy.Question) { q.Role.Kind = "king" },
		"no action":    func(q *policy.Question) { q.Action = "" },
		"other action": func(q *policy.Question) { q.Action = "erase" },
	} {
		q := whole
		change(&q)
		if a, err := s.Decide(q); !errors.Is(err, policy.ErrQuestion) || a.Permit {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	// A policy that asks for a fact that there is not refuses, too.
	broken, err := policy.Load(fstest.MapFS{"x.cedar": {Data: []byte(`@id("broken") @basis("self") @law("hub-rule") @vi("a") @en("b") permit (principal, action, resource) when { context.weather == "fine" };`)}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := broken.Decide(whole); !errors.Is(err, policy.ErrQuestion) || a.Permit {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestLoadRefusesWhatALawyerCannotRead(t *testing.T) {
	t.Parallel()
	const good = `@id("good") @basis("self") @law("hub-rule") @vi("a") @en("b") permit (principal, action, resource);`
	if _, err := policy.Load(fstest.MapFS{"x.cedar": {Data: []byte(good)}}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "permit", `permit (principal, action, resource);`, good + good,
		strings.Replace(good, `@id("good")`, `@id("Good one")`, 1),
		strings.Replace(good, `"hub-rule"`, `"law-0"`, 1),
		strings.Replace(good, `@vi("a")`, "", 1),
		strings.Replace(good, `@en("b")`, "", 1),
		strings.Replace(good, `"self"`, `"whim"`, 1),
		strings.Replace(good, `"self"`, `"forbids"`, 1),
		strings.Replace(good, "permit", "forbid", 1),
	} {
		if s, err := policy.Load(fstest.MapFS{"x.cedar": {Data: []byte(bad)}}); err == nil {
			t.Errorf("%q is taken as %d policies", bad, len(s.Rules()))
		}
	}
	if _, err := policy.Load(fstest.MapFS{}); err == nil {
		t.Error("no policy at all is taken")
	}
}

func TestTheFactsAreKeptSmallAndReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := questionOf(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "question"))
		b, err := json.Marshal(q)
		if err != nil || len(b) > 500 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		var back policy.Question
		if err := json.Unmarshal(b, &back); err != nil || back != q {
			t.Fatalf("%s is read as %+v, %v", b, back, err)
		}
	})
	q := favourable("clinician", policy.Read, "treatment", care.HIV)
	q.Basis = policy.Presence
	b, _ := json.Marshal(q)
	if want := `{"action":"read","role":"clinician:79902","purpose":"treatment","staff":true,"author":"79901","kind":"qd4750","classes":["hiv"],"basis":"presence","reason":true,"stepped_up":true,"permitted":true}`; string(b) != want {
		t.Errorf("%s", b)
	}
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"action":"read","role":"clinician:79902","author":"79901","classes":["hiv"]}`))
	f.Add([]byte(`{"action":"read","role":"king","author":"79901"}`))
	f.Add([]byte(`{"action":"read","role":"auditor","classes":["x"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q policy.Question
		if err := q.UnmarshalJSON(b); err != nil {
			if !errors.Is(err, policy.ErrFacts) {
				t.Fatal(err)
			}
			return
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var back policy.Question
		if err := json.Unmarshal(again, &back); err != nil || fmt.Sprint(back) != fmt.Sprint(q) {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
	})
}

func TestThePageIsCurrent(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "doc", "design", "policies.md")
	page := set(t).Page()
	if *write {
		if err := os.WriteFile(name, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := os.ReadFile(name); err != nil || string(is) != page {
		t.Errorf("doc/design/policies.md is not of these policies (go test ./internal/policy -run TestThePage -args -write): %v", err)
	}
}

func BenchmarkDecide(b *testing.B) {
	s := set(b)
	q := favourable("clinician", policy.Read, "treatment", care.HIV)
	q.Basis, q.Opened = policy.Presence, care.HIV
	for b.Loop() {
		if a, err := s.Decide(q); err != nil || !a.Permit {
			b.Fatal(a, err)
		}
	}
}

// A look at who somebody may be is by no policy; it is said what it was.
func TestACandidateIsExplained(t *testing.T) {
	t.Parallel()
	got := set(t).Explain(policy.Answer{Permit: true, Policy: "candidate", Basis: "candidate", Version: "hub"}, policy.Question{})
	if !strings.Contains(got.VI, "chưa rõ danh tính") || !strings.Contains(got.EN, "nothing clinical was opened") {
		t.Errorf("%+v", got)
	}
}
