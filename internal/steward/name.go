package steward

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/registry"
	"lienthong/internal/vault"
)

// newName makes the name of a grant or an import: "cs-20261122-k3x9a7c2".
func newName(kind string, at time.Time) string {
	var b [5]byte
	rand.Read(b[:]) //nolint:errcheck // never fails (crypto/rand)
	return kind + "-" + at.In(clock.Hanoi).Format("20060102") + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// EntryText is an entry's name as pages and interfaces write it: 32 hexadecimal digits.
func EntryText(id registry.EntryID) string { return hex.EncodeToString(id[:]) }

// ParseEntry reads what EntryText wrote; ErrAbsent for anything else.
func ParseEntry(text string) (id registry.EntryID, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) || hex.EncodeToString(b) != text {
		return id, ErrAbsent
	}
	return registry.EntryID(b), nil
}

// SealName is what the sealed values of an entry are bound to.
func SealName(database registry.ID, entry registry.EntryID) []byte {
	return []byte("lienthong/entry/v1\n" + string(database) + "\n" + EntryText(entry))
}

// SealNameOf is SealName by the key of a row of store.RekeyTables.
func SealNameOf(key []string) ([]byte, error) {
	if len(key) < 2 {
		return nil, ErrAbsent
	}
	id, err := ParseEntry(strings.ToLower(key[1]))
	return SealName(registry.ID(key[0]), id), err
}

// Contents are the keyed hashes that an entry's values may have: by the pepper in
// use, then by older ones.
func Contents(v *vault.Vault, database registry.ID, values registry.Values) []vault.Keyed {
	return v.HashAll(contentDomain, append([]byte(database+"\x00"), flat(values)...))
}

// NameOf is the name of the entry that has a key (Live.Key), by the pepper in use.
func (s *Steward) NameOf(key []byte) registry.EntryID { return s.entryIDs(key)[0] }

// entryIDs are the names an entry may have: by the pepper in use, then by older ones.
func (s *Steward) entryIDs(key []byte) []registry.EntryID {
	hashes := s.Vault.HashAll(entryDomain, key)
	out := make([]registry.EntryID, len(hashes))
	for i, h := range hashes {
		out[i] = registry.EntryID(h[1:])
	}
	return out
}

// DayKey is what the day of a sealed moment is found by, beside the moment: no field
// has such a name.
func DayKey(field string) string { return field + ".day" }

// SearchKeys are the keyed hashes a sealed field's value may have.
func SearchKeys(v *vault.Vault, database registry.ID, field, value string) [][]byte {
	hashes := v.HashAll(searchDomain, []byte(database), []byte(field), []byte(value))
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i].Bytes()
	}
	return out
}
