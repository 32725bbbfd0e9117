package policy_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/policy"
	"lienthong/internal/role"
)

// questions are those of the table with each change.
func questions(t *testing.T) []policy.Question {
	var out []policy.Question
	for _, r := range table(t) {
		for _, b := range bases() {
			for _, classes := range []care.Classes{0, care.HIV, care.HIV | care.TB} {
				for _, change := range changes {
					q := favourable(r.role, policy.Action(r.action), r.purpose, classes)
					q.Basis = b
					change(&q)
					out = append(out, q)
				}
			}
		}
	}
	return out
}

func TestThePoliciesSayWhatTheOracleSays(t *testing.T) {
	t.Parallel()
	s := set(t)
	for _, q := range questions(t) {
		same(t, s, q)
	}
}

func same(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *policy.Set, q policy.Question) {
	t.Helper()
	a, err := s.Decide(q)
	if want := oracle(q); err != nil || a.Permit != want {
		t.Fatalf("%+v: %+v, %v; the oracle says %v", q, a, err, want)
	}
	if a.Permit != (a.Basis != "") || a.Permit && a.Policy == "" {
		t.Fatalf("%+v: %+v is not whole", q, a)
	}
}

func TestRandomQuestions(t *testing.T) {
	t.Parallel()
	s := set(t)
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "question")
		same(t, s, questionOf(bytes))
	})
}

func FuzzDecide(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	s := set(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= size {
			same(t, s, questionOf(b))
		}
	})
}

func questionOf(b []byte) policy.Question {
	kinds := append(role.Kinds(), role.Destination, role.Carrier)
	purposes := []consent.Purpose{"", consent.Treatment, consent.Referral, consent.SecondOpinion, consent.Insurance, consent.PublicHealth, consent.Research, consent.Administrative, registry}
	r := role.Role{Kind: kinds[int(b[0])%len(kinds)], ID: []string{author, "79902"}[b[1]%2]}
	bit := func(i int) bool { return b[2]>>i&1 == 1 }
	return policy.Question{Action: policy.Actions()[int(b[3])%6], Role: r, Purpose: purposes[int(b[4])%len(purposes)], Author: author, Kind: "qd4750",
		Basis: bases()[int(b[5])%len(bases())], Classes: care.Classes(b[6]) & care.AllClasses, Opened: care.Classes(b[7]) & care.AllClasses,
		Staff: bit(0), Reason: bit(1), SteppedUp: bit(2), Permitted: bit(3), Denied: bit(4), DeniedToo: bit(5), Closed: b[8]&1 == 1}
}

// oracle says in plain Go what the policies ought to; it shares no line with them.
func oracle(q policy.Question) bool {
	k, own := q.Role.Kind, q.Role.ID == author
	look := q.Action == policy.List || q.Action == policy.Read || q.Action == policy.Original
	caring := q.Purpose == consent.Treatment || q.Purpose == consent.Referral || q.Purpose == consent.SecondOpinion
	open := q.Classes == 0
	switch k {
	case role.Facility, role.Clinician:
		if own && (look || q.Action == policy.Emergency) {
			return true
		}
		if k == role.Facility {
			return (q.Action == policy.List || q.Action == policy.Read) && open && !q.Denied &&
				((q.Basis == policy.Presence || q.Basis == policy.ByReferral) && caring || q.Basis == policy.ByConsent && q.Permitted)
		}
		switch {
		case q.Action == policy.Emergency:
			return q.Basis == policy.BreakGlass && q.Staff && q.Reason && q.SteppedUp && open && !q.DeniedToo
		case !look || q.Denied || !q.Staff || q.Classes&^q.Opened != 0:
			return false
		}
		switch q.Basis {
		case policy.Presence, policy.ByReferral:
			return caring
		case policy.ByConsent:
			return q.Permitted
		}
		return false
	case role.Operator:
		return look && q.Reason && open && !q.Denied
	case role.Counter:
		return look && open && !q.Denied && q.Basis == policy.Presence && q.Purpose == consent.Administrative && q.Staff && q.SteppedUp
	case role.Citizen:
		switch q.Action {
		case policy.List, policy.Read:
			return q.Basis == policy.SelfReading && (open || q.SteppedUp) || q.Basis == policy.Delegate && open
		case policy.Original:
			return q.SteppedUp && (q.Basis == policy.SelfReading || q.Basis == policy.Delegate && open)
		case policy.Share:
			return q.Basis == policy.ByLink && !q.Denied && (open || q.Closed)
		}
		return false
	case role.Destination:
		return q.Action == policy.Deliver && (q.Basis == policy.ByLaw || q.Basis == policy.ByAssignment) && (open || q.Closed) &&
			(q.Purpose != registry || q.Classes&^q.Opened == 0)
	}
	return false
}
