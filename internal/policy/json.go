package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/role"
)

// ErrFacts: what is kept as the facts of an access cannot be read.
var ErrFacts = fault.New(fault.Invalid, "policy.facts",
	"Dữ kiện lưu cùng lượt xem không đọc được.",
	"The facts kept with the look cannot be read.")

// kept is a question as it is kept: small, and in words.
type kept struct {
	Action    Action          `json:"action"`
	Role      string          `json:"role"`
	Purpose   consent.Purpose `json:"purpose,omitempty"`
	Staff     bool            `json:"staff,omitempty"`
	Author    string          `json:"author"`
	Kind      string          `json:"kind,omitempty"`
	Classes   []string        `json:"classes,omitempty"`
	Basis     Basis           `json:"basis,omitempty"`
	Reason    bool            `json:"reason,omitempty"`
	SteppedUp bool            `json:"stepped_up,omitempty"`
	Permitted bool            `json:"permitted,omitempty"`
	Opened    []string        `json:"opened,omitempty"`
	Denied    bool            `json:"denied,omitempty"`
	DeniedToo bool            `json:"denied_in_emergency,omitempty"`
	Closed    bool            `json:"closed,omitempty"`
}

// MarshalJSON gives the facts in words, those that are not so left out.
func (q Question) MarshalJSON() ([]byte, error) {
	return json.Marshal(kept{q.Action, q.Role.String(), q.Purpose, q.Staff, string(q.Author), q.Kind, q.Classes.Names(), q.Basis,
		q.Reason, q.SteppedUp, q.Permitted, q.Opened.Names(), q.Denied, q.DeniedToo, q.Closed})
}

// UnmarshalJSON reads what MarshalJSON gave; ErrFacts for anything else.
func (q *Question) UnmarshalJSON(b []byte) error {
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return ErrFacts.Because(err)
	}
	kind, id, _ := strings.Cut(k.Role, ":")
	if _, ok := principals[role.Kind(kind)]; !ok || !slices.Contains(Actions(), k.Action) {
		return ErrFacts.Because(fmt.Errorf("role or action"))
	}
	classes, err := classesOf(k.Classes)
	if err != nil {
		return err
	}
	opened, err := classesOf(k.Opened)
	if err != nil {
		return err
	}
	*q = Question{Action: k.Action, Role: role.Role{Kind: role.Kind(kind), ID: id}, Purpose: k.Purpose, Staff: k.Staff, Author: care.FacilityCode(k.Author),
		Kind: k.Kind, Classes: classes, Basis: k.Basis, Reason: k.Reason, SteppedUp: k.SteppedUp, Permitted: k.Permitted, Opened: opened,
		Denied: k.Denied, DeniedToo: k.DeniedToo, Closed: k.Closed}
	return nil
}

func classesOf(names []string) (set care.Classes, err error) {
	for _, n := range names {
		c := care.ParseClass(n)
		if c == 0 {
			return 0, ErrFacts.Because(fmt.Errorf("a class"))
		}
		set |= c
	}
	return set, nil
}
