package evidence

import (
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// The parts of a sealed record.
const (
	PartHead = 0 // Head
	PartBody = 1 // package body's frame of the inner documents
)

// FileName is what a file's sealed skeleton is bound to.
func FileName(hash vault.Keyed) []byte { return append([]byte("file/"), hash[:]...) }

// RecordName is what a record's sealed parts are bound to.
func RecordName(id dossier.ID) []byte { return []byte("record/" + id.String()) }

const referenceDomain vault.Domain = "person-reference"

// PersonReference is the name of a person that one facility sees: two
// facilities cannot tell from their references that they mean the same person.
func PersonReference(v *vault.Vault, facility care.FacilityCode, p store.PersonID) string {
	h := v.Hash(referenceDomain, []byte(facility), p[:])
	id := dossier.ID{Facility: facility}
	copy(id.Serial[:], h[1:])
	return "P-" + id.String()[len(facility)+1:]
}
