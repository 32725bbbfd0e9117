package evidence

import (
	"encoding/json"

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

// FileName is what a file's sealed skeleton is bound to: the whole row. No
// receipt says who sent a file, when it came again or what its seals were found
// to be; so bound, none of it can be changed by whoever has not the keys.
func FileName(f *store.File) []byte {
	certificates := make([][]byte, len(f.Certificates))
	for i := range f.Certificates {
		certificates[i] = f.Certificates[i].Hash[:]
	}
	b, err := json.Marshal(struct {
		Facility     string
		Hash, Digest []byte
		Size         int64
		Received     int64 // microseconds UTC
		Sender       string
		Lane         int
		Class        string
		Month        int
		Certificates [][]byte
		Seals        []store.SealNote
		Dossiers     int
	}{string(f.Facility), f.Hash[:], f.Digest[:], f.Size, f.Received.UnixMicro(), f.Sender, int(f.Lane), f.Class, f.Month,
		certificates, append([]store.SealNote{}, f.Seals...), f.Dossiers})
	if err != nil {
		panic(err) // texts, numbers and bytes always marshal
	}
	return append([]byte("lienthong/file/v1\n"), b...)
}

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

const refusalDomain vault.Domain = "refusal"

// RefusalMark is what the name of a refusal ends in: a keyed hash of its row,
// as no leaf covers a file that was refused.
func RefusalMark(v *vault.Vault, r *store.Refusal) [6]byte {
	return mark(v.Hash(refusalDomain, refusalRow(r)))
}

// IsRefusal reports whether the row of a refusal is as it was kept.
func IsRefusal(v *vault.Vault, r *store.Refusal) bool {
	for _, k := range v.HashAll(refusalDomain, refusalRow(r)) {
		if m := mark(k); string(m[:]) == string(r.ID.Serial[10:]) {
			return true
		}
	}
	return false
}

func mark(k vault.Keyed) [6]byte { return [6]byte(k[1:7]) }

func refusalRow(r *store.Refusal) []byte {
	b, err := json.Marshal([]any{string(r.ID.Facility), r.ID.Serial[:10], r.At.UnixMicro(), r.Sender, r.Size, r.Digest[:], r.Code, int(r.Lane), r.FacilityVersion})
	if err != nil {
		panic(err) // texts, numbers and bytes always marshal
	}
	return b
}
