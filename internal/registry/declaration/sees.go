package declaration

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/role"
)

// Permission is a share or a grant that holds.
type Permission struct {
	ID      string // "share-1" for the declaration's own, from 1; a grant's id else
	To      string // role as package role writes it, "*" or "unit:*"
	Fields  []string
	Purpose string
}

// Shares returns a declaration's own permissions that hold at a moment.
func Shares(d *registry.Declaration, at time.Time) []Permission {
	var out []Permission
	for i, s := range d.Sharing {
		if s.Until.IsZero() || at.Before(s.Until) {
			out = append(out, Permission{ID: "share-" + strconv.Itoa(i+1), To: s.To, Fields: s.Fields, Purpose: s.Purpose})
		}
	}
	return out
}

// Sight is what a reader sees of a database.
type Sight struct {
	Fields  []string // in the declaration's order
	By      string   // "steward", or the ids of the permissions that decide, with commas
	Purpose string   // of the first of them
}

// Sees says which fields a reader sees by the permissions that hold (Shares, and the
// grants of the store); false where it may not know the database's entries at all.
// A steward sees all. A permission without a list gives what is not sensitive; one
// for everybody ("*") gives open fields only, whatever it lists.
func Sees(d *registry.Declaration, r role.Role, holding []Permission) (Sight, bool) {
	if r.Kind == role.Unit && r.ID == d.Steward {
		return Sight{Fields: namesOf(d, func(*registry.Field) bool { return true }), By: "steward"}, true
	}
	given := map[string]bool{}
	var by []string
	purpose := ""
	for _, p := range holding {
		if !matches(p.To, r) {
			continue
		}
		by = append(by, p.ID)
		if purpose == "" {
			purpose = p.Purpose
		}
		for i := range d.Fields {
			f := &d.Fields[i]
			listed := p.Fields == nil && f.Class != registry.Sensitive || slices.Contains(p.Fields, f.Name)
			if listed && (p.To != "*" || f.Class == registry.Open) {
				given[f.Name] = true
			}
		}
	}
	if len(given) == 0 {
		return Sight{}, false
	}
	return Sight{Fields: namesOf(d, func(f *registry.Field) bool { return given[f.Name] }), By: strings.Join(by, ","), Purpose: purpose}, true
}

func matches(to string, r role.Role) bool {
	kind, id, _ := strings.Cut(to, ":")
	return to == "*" || to == r.String() || id == "*" && kind == string(r.Kind)
}

func namesOf(d *registry.Declaration, takes func(*registry.Field) bool) []string {
	var names []string
	for i := range d.Fields {
		if takes(&d.Fields[i]) {
			names = append(names, d.Fields[i].Name)
		}
	}
	return names
}
