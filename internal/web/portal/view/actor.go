package view

import (
	"strings"

	"lienthong/internal/role"
)

// ActorWord names who did or may do something, in the page's language: units by their
// names, provinces by theirs, facilities by code and name. It reads what acts, steps and
// grants keep: a role ("unit:kcb", "province:79", "operator"), a role with who it was
// ("unit:kcb/3f2a…", "portal unit:kcb 3f2a…"), a system ("client:ID", "via:SORT:ID"), a
// session, the hub itself, and whom a declaration shares with ("*", "province:*"). What
// it does not know it shows as it is written. Who it was within a role is not shown.
func ActorWord(p Page, actor string) string {
	switch actor {
	case "*":
		return p.W.T("actor.everybody")
	case "hub", "night", "program":
		return p.W.T("actor.hub")
	}
	name := strings.TrimPrefix(actor, "portal ")
	name, _, _ = strings.Cut(name, "/")
	if name == actor || strings.HasPrefix(actor, "portal ") {
		name, _, _ = strings.Cut(name, " ")
	}
	kind, id, _ := strings.Cut(name, ":")
	switch kind {
	case "client", "via":
		return p.W.T("actor.system", id[strings.LastIndexByte(id, ':')+1:])
	case "session":
		return p.W.T("actor.session")
	case "operator": // "operator: command line"
		return p.W.T("role.operator")
	}
	if id == "*" && p.W.Has("actor.every."+kind) {
		return p.W.T("actor.every." + kind)
	}
	r, err := role.Parse(name)
	if err != nil {
		return actor
	}
	if r.Kind == role.Facility && p.Facility != nil {
		if known := p.Facility(r.ID); known != "" {
			return r.ID + " " + known
		}
	}
	return RoleWord(p, r)
}

// RoleWord names a role in the page's language; a unit is called by its name.
func RoleWord(p Page, r role.Role) string {
	switch r.Kind {
	case role.Province:
		return p.W.T("role.province", provinceName(r.ID, p.W))
	case role.Unit:
		if name := p.UnitWord(r.ID); name != r.ID {
			return name
		}
	}
	return p.W.T("role."+string(r.Kind), r.ID)
}

// UnitWord is what a unit is called in the page's language, its id where nobody knows.
func (p Page) UnitWord(id string) string {
	if p.Unit != nil {
		if name := p.Unit(id); name != "" {
			return name
		}
	}
	return id
}

// corner is who sits here: by name where a provider named them.
func (p Page) corner() string {
	if p.Reader.named() && p.Reader.Name != "" {
		return p.Reader.Name
	}
	return RoleWord(p, p.Reader.Role)
}

// lookRole is in which role somebody looked.
func lookRole(p Page, l Look) string {
	r, err := role.Parse(l.Role)
	if err != nil {
		return l.Role
	}
	return RoleWord(p, r)
}
