package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"iter"
	"regexp"
	"slices"
	"sync"

	"github.com/cedar-policy/cedar-go"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/role"
	"lienthong/policies"
)

// ErrQuestion: the question leaves out what decides, so the answer is no.
var ErrQuestion = fault.New(fault.Broken, "policy.question",
	"Chưa đủ dữ kiện để quyết định quyền xem nên từ chối.",
	"The facts do not suffice to decide who may look, so the answer is no.")

// Rule is one policy as people read it.
type Rule struct {
	ID     string
	File   string // "10-own-records.cedar"
	Forbid bool
	Basis  Basis  // of a permission
	Law    string // id in package law
	Says   fault.Text
	Text   string // the policy itself, in Cedar
}

// Set is the policies, parsed. It never changes and may be used by many at once.
type Set struct {
	rules    []Rule
	policies []*cedar.Policy // in the order of rules
	at       map[string]int
	version  string
}

// All gives the policies in order, so that of several that decide the first of
// the files is named. It makes a Set what Cedar's authorizer asks for.
func (s *Set) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i, p := range s.policies {
			if !yield(cedar.PolicyID(s.rules[i].ID), p) {
				return
			}
		}
	}
}

var builtin = sync.OnceValues(func() (*Set, error) { return Load(policies.Files) })

// Builtin returns the policies of /policies, as they were built in.
func Builtin() (*Set, error) { return builtin() }

// Load reads all *.cedar files at the top of a file system, by name. Each policy
// needs an @id of its own, @basis, @law of the register, and @vi and @en.
func Load(files fs.FS) (*Set, error) {
	names, err := fs.Glob(files, "*.cedar")
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	slices.Sort(names)
	s, sum := &Set{at: map[string]int{}}, sha256.New()
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		list, err := cedar.NewPolicyListFromBytes(name, text)
		if err != nil {
			return nil, fmt.Errorf("policy: %s: %w", name, err)
		}
		fmt.Fprintf(sum, "%s\n%d\n%s", name, len(text), text)
		for _, p := range list {
			if err := s.add(name, p); err != nil {
				return nil, fmt.Errorf("policy: %s: %w", name, err)
			}
		}
	}
	if len(s.rules) == 0 {
		return nil, fmt.Errorf("policy: there is no policy")
	}
	s.version = hex.EncodeToString(sum.Sum(nil))[:12]
	return s, nil
}

var goodID = regexp.MustCompile(`^[a-z][a-z-]{2,39}$`)

// forbids stands as the @basis of a policy that lets nobody in.
const forbids = "forbids"

func (s *Set) add(file string, p *cedar.Policy) error {
	notes := p.Annotations()
	r := Rule{ID: string(notes["id"]), File: file, Forbid: p.Effect() == cedar.Forbid, Law: string(notes["law"]),
		Says: fault.Text{VI: string(notes["vi"]), EN: string(notes["en"])}, Text: string(p.MarshalCedar())}
	if !goodID.MatchString(r.ID) {
		return fmt.Errorf("a policy has the id %q", r.ID)
	}
	if _, twice := s.at[r.ID]; twice {
		return fmt.Errorf("two policies have the id %s", r.ID)
	}
	if _, ok := law.Get(r.Law); !ok {
		return fmt.Errorf("%s names the source %q, which is not in the register", r.ID, r.Law)
	}
	if r.Says.VI == "" || r.Says.EN == "" {
		return fmt.Errorf("%s has no sentence in one language", r.ID)
	}
	basis := string(notes["basis"])
	switch {
	case r.Forbid && basis == forbids:
	case !r.Forbid && slices.Contains(Bases(), Basis(basis)):
		r.Basis = Basis(basis)
	default:
		return fmt.Errorf("%s names the basis %q", r.ID, basis)
	}
	s.at[r.ID] = len(s.rules)
	s.rules, s.policies = append(s.rules, r), append(s.policies, p)
	return nil
}

// Version names the set: the first 12 hexadecimal digits of its SHA-256.
func (s *Set) Version() string { return s.version }

// Rules lists the policies in order.
func (s *Set) Rules() []Rule { return slices.Clone(s.rules) }

// Rule returns one policy by its id; false where the set has none.
func (s *Set) Rule(id string) (Rule, bool) {
	i, ok := s.at[id]
	if !ok {
		return Rule{}, false
	}
	return s.rules[i], true
}

// Decide answers a question. Where it cannot (ErrQuestion: a question without
// author, with an unknown action or role, or facts that a policy cannot read) the
// answer says no too.
func (s *Set) Decide(q Question) (Answer, error) {
	no := Answer{Version: s.version}
	kind, ok := principals[q.Role.Kind]
	if !ok || q.Author == "" || !slices.Contains(Actions(), q.Action) || q.Role.ID == "" && q.Role.At() == "" && sits(q.Role.Kind) {
		return no, ErrQuestion
	}
	who, which := cedar.NewEntityUID(kind, "reader"), cedar.NewEntityUID("Record", "record")
	yes, why := cedar.Authorize(s, two{
		{UID: who, Attributes: cedar.NewRecord(cedar.RecordMap{
			"facility": cedar.String(q.Role.At()), "named": cedar.Boolean(q.Staff)})},
		{UID: which, Attributes: cedar.NewRecord(cedar.RecordMap{
			"author": cedar.String(q.Author), "kind": cedar.String(q.Kind), "classes": classSets[q.Classes&care.AllClasses]})},
	}, cedar.Request{Principal: who, Action: cedar.NewEntityUID("Action", cedar.String(q.Action)), Resource: which, Context: q.context()})
	if len(why.Errors) > 0 {
		return no, ErrQuestion.Because(fmt.Errorf("%s: %s", why.Errors[0].PolicyID, why.Errors[0].Message))
	}
	if len(why.Reasons) > 0 {
		no.Policy = string(why.Reasons[0].PolicyID)
	}
	if yes == cedar.Deny {
		return no, nil
	}
	return Answer{Permit: true, Policy: no.Policy, Basis: s.rules[s.at[no.Policy]].Basis, Version: s.version}, nil
}

// sits reports whether a role of the kind is at a facility.
func sits(k role.Kind) bool { return role.Role{Kind: k, ID: "0"}.At() != "" }

// context is the facts of a question, as policies name them.
func (q *Question) context() cedar.Record {
	return cedar.NewRecord(cedar.RecordMap{
		"basis":               cedar.String(q.Basis),
		"purpose":             cedar.String(q.Purpose),
		"reason":              cedar.Boolean(q.Reason),
		"stepped_up":          cedar.Boolean(q.SteppedUp),
		"permitted":           cedar.Boolean(q.Permitted),
		"opened":              classSets[q.Opened&care.AllClasses],
		"denied":              cedar.Boolean(q.Denied),
		"denied_in_emergency": cedar.Boolean(q.DeniedToo),
		"closed":              cedar.Boolean(q.Closed),
	})
}

// two is the reader and the record: all that policies look into.
type two [2]cedar.Entity

// Get finds one of the two.
func (t two) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	for i := range t {
		if t[i].UID == uid {
			return t[i], true
		}
	}
	return cedar.Entity{}, false
}

// principals are the roles as policies name them.
var principals = map[role.Kind]cedar.EntityType{
	role.Operator: "Operator", role.Ministry: "Ministry", role.Unit: "Unit", role.Province: "Province",
	role.Facility: "Facility", role.Insurer: "Insurer", role.Partner: "Partner", role.Auditor: "Auditor",
	role.Clinician: "Clinician", role.Privacy: "Privacy", role.Counter: "Counter", role.Citizen: "Citizen",
	role.Destination: "Destination", role.Carrier: "Carrier",
}

// classSets are the sets of names of all sets of classes.
var classSets = func() (all [care.AllClasses + 1]cedar.Set) {
	for c := range all {
		var names []cedar.Value
		for _, n := range care.Classes(c).Names() {
			names = append(names, cedar.String(n))
		}
		all[c] = cedar.NewSet(names...)
	}
	return all
}()
