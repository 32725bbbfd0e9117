package disclose

import (
	"slices"

	"lienthong/internal/policy"
	"lienthong/internal/role"
)

// Builtin is the rules until policies/ are there: default deny.
type Builtin struct{}

// Decide answers by the rules of DESIGN §7.
func (Builtin) Decide(q policy.Question) (policy.Answer, error) {
	no := policy.Answer{Version: "builtin/v2"}
	yes := policy.Answer{Permit: true, Policy: string(q.Basis), Basis: q.Basis, Version: "builtin/v2"}
	open := q.Classes&^q.Opened == 0
	treats := q.Staff || q.Role.Kind == role.Facility
	switch q.Basis {
	case policy.OwnRecord, policy.ByAssignment:
		return yes, nil
	case policy.Operator, policy.ByLaw:
		if q.Classes == 0 && (q.Reason || q.Basis == policy.ByLaw) {
			return yes, nil
		}
	case policy.SelfReading, policy.Delegate:
		if q.Classes == 0 || q.SteppedUp && q.Basis == policy.SelfReading {
			return yes, nil
		}
	case policy.Presence, policy.ByReferral:
		if treats && open && !q.Denied && slices.Contains([]policy.Action{policy.List, policy.Read, policy.Original, policy.Emergency}, q.Action) {
			return yes, nil
		}
	case policy.ByConsent:
		if treats && open && q.Permitted && !q.Denied {
			return yes, nil
		}
	case policy.BreakGlass:
		if q.Staff && q.Reason && q.SteppedUp && q.Classes == 0 && !q.DeniedToo && slices.Contains([]policy.Action{policy.List, policy.Emergency}, q.Action) {
			return yes, nil
		}
	case policy.ByLink:
		if q.Action == policy.Share && q.Classes == 0 && !q.Denied {
			return yes, nil
		}
	}
	return no, nil
}
