package kind

import (
	"lienthong/internal/care"
	"lienthong/internal/identity"
	"lienthong/internal/vault"
)

// Told is what a dossier says of its patient, as package identity looks for people.
func (p Patient) Told() identity.Told {
	t := identity.Told{Name: p.Name, Commune: p.Ward}
	if p.Phone != "" {
		t.Phones = []string{p.Phone}
	}
	if m, err := care.ParseMoment(p.Birth); err == nil {
		t.Birth = m
	}
	if s, err := care.ParseSex(p.Sex); err == nil {
		t.Sex = s
	}
	return t
}

// Features are the keyed hashes, under the newest pepper, that a person is
// found by later.
func Features(v *vault.Vault, traits []identity.Trait) []identity.Feature {
	out := make([]identity.Feature, len(traits))
	for i, t := range traits {
		out[i] = identity.Feature{Kind: t.Kind, Hash: v.Hash(vault.Trait, values(t)...)}
	}
	return out
}

// Wanted are the hashes to look for under every live pepper, one list for each trait.
func Wanted(v *vault.Vault, traits []identity.Trait) [][]identity.Feature {
	out := make([][]identity.Feature, len(traits))
	for i, t := range traits {
		for _, k := range v.HashAll(vault.Trait, values(t)...) {
			out[i] = append(out[i], identity.Feature{Kind: t.Kind, Hash: k})
		}
	}
	return out
}

func values(t identity.Trait) [][]byte {
	out := make([][]byte, 0, len(t.Values)+1)
	out = append(out, []byte(t.Kind))
	for _, v := range t.Values {
		out = append(out, []byte(v))
	}
	return out
}
