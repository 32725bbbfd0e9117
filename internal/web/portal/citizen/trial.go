package citizen

import (
	"context"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// trial is what a facility would see.
type trial struct {
	Name   string
	Effect disclose.Effect
	Before *disclose.Effect // as things are now, when a change is tried
}

// same reports whether the change makes no difference to this facility: what is
// closed was closed to it already.
func (t *trial) same() bool { return t.Before != nil && *t.Before == t.Effect }

// try simulates: what would a facility have, with a change or without. It is
// decided as reading is; nothing is opened.
func (x *Room) try(ctx context.Context, person care.Person, text string, with []consent.Consent) (*trial, error) {
	code, err := x.place(text)
	if err != nil {
		return nil, err
	}
	as := disclose.Reader{Role: role.Role{Kind: role.Clinician, ID: string(code)}, Purpose: consent.Treatment}
	t := &trial{Name: x.name(code)}
	if t.Effect, err = x.Book.Would(ctx, as, store.PersonID(person), with); err != nil || len(with) == 0 {
		return t, err
	}
	now, err := x.Book.Would(ctx, as, store.PersonID(person), nil)
	t.Before = &now
	return t, err
}

// place finds a facility by its code or by its name, or part of it.
func (x *Room) place(text string) (care.FacilityCode, error) {
	text = strings.TrimSpace(text)
	if code, err := care.ParseFacilityCode(text); err == nil {
		if _, ok := x.Places.Name(code); ok {
			return code, nil
		}
	}
	found := x.Places.Find(text, mostPlaces+1)
	switch len(found) {
	case 0:
		return "", errPlace
	case 1:
		return found[0], nil
	}
	var names []string
	for _, code := range found[:min(mostPlaces, len(found))] {
		names = append(names, x.name(code)+" ("+string(code)+")")
	}
	list := strings.Join(names, "; ")
	return "", fault.New(fault.Invalid, "choice.facilities", "Có nhiều cơ sở khớp tên. Ghi rõ hơn, hoặc ghi mã trong ngoặc: "+list+".", "Several facilities have such a name. Write more of it, or the code in brackets: "+list+".")
}

// mostPlaces is how many facilities of a name are told.
const mostPlaces = 6
