package store

import (
	"encoding/json"
	"fmt"
)

// Canonical returns the row as the bytes its minute's leaf covers: JSON with
// the members in this order. The id, which the store gives, is not among them.
func (d *Disclosure) Canonical() []byte {
	b, err := json.Marshal(struct {
		At       int64  `json:"at"` // microseconds UTC
		Reader   string `json:"reader"`
		Role     string `json:"role"`
		Record   string `json:"record"`
		Person   string `json:"person"`
		Facility string `json:"facility"`
		Basis    string `json:"basis"`
		Policy   string `json:"policy"`
		Reason   string `json:"reason"`
		Route    string `json:"route"`
		Count    int    `json:"count"`
		Staff    string `json:"staff,omitempty"` // since release 5; rows without have the bytes they had
		Opening  string `json:"opening,omitempty"`
		Purpose  string `json:"purpose,omitempty"`
		Facts    string `json:"facts,omitempty"`
	}{d.At.UnixMicro(), d.Reader, d.Role, d.Record.String(), fmt.Sprintf("%x", d.Person), string(d.Facility), d.Basis, d.Policy, d.Reason, d.Route, d.Count,
		named(d.Staff), named(d.Opening), d.Purpose, d.Facts})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return b
}

// named is sixteen bytes in hexadecimal, "" for none.
func named(b [16]byte) string {
	if b == [16]byte{} {
		return ""
	}
	return fmt.Sprintf("%x", b)
}
