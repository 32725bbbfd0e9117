package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"lienthong/internal/facility"
)

// Marks names what a change makes true, one mark a statement: 16 bytes of a
// SHA-256 in hexadecimal. The act that goes with the change keeps them in its
// detail, so that every row of the directory can be held against a leaf. A mark
// that begins with "~" may later give way to another (the date of a
// certificate pinned again, the name of a unit).
func (c *DirectoryChange) Marks(at time.Time) []string {
	marks := contentMarks(facility.Contents{Anchors: c.Anchors, Units: c.Units, Versions: c.Versions, Certificates: c.Certificates,
		Carriers: c.Carriers, Clients: c.Clients})
	if c.RevokeClient != "" {
		marks = append(marks, mark("", "client revoked", c.RevokeClient, at.UnixMicro()))
	}
	if c.RevokeCertificate != ([32]byte{}) {
		marks = append(marks, mark("~", "certificate revoked", c.RevokeCertificate[:], at.UnixMicro()))
	}
	return marks
}

// DirectoryMarks names what a directory says, in the same words.
func DirectoryMarks(c facility.Contents) []string { return contentMarks(c) }

func contentMarks(c facility.Contents) []string {
	var marks []string
	for _, der := range c.Anchors {
		marks = append(marks, mark("", "anchor", sum(der)))
	}
	for _, u := range c.Units {
		marks = append(marks, mark("", "unit", u.ID), mark("~", "unit is", u.ID, u.Name.VI, u.Name.EN, u.Kind))
	}
	for _, v := range c.Versions {
		before := make([]string, len(v.Predecessors))
		for i, p := range v.Predecessors {
			before[i] = string(p)
		}
		marks = append(marks, mark("", "version", string(v.Code), v.Name, string(v.Level), v.Type, v.Province, v.Ward, v.Unit, v.Vendor,
			v.TaxCode, v.Migrating, before, v.From.UnixMicro()))
	}
	for _, x := range c.Certificates {
		marks = append(marks, mark("", "certificate", string(x.Facility), x.Fingerprint[:], sum(x.DER)),
			mark("~", "pinned", string(x.Facility), x.Fingerprint[:], x.Since.UnixMicro()))
		if !x.Revoked.IsZero() {
			marks = append(marks, mark("~", "certificate revoked", x.Fingerprint[:], x.Revoked.UnixMicro()))
		}
	}
	for _, x := range c.Carriers {
		until := int64(0)
		if !x.To.IsZero() {
			until = x.To.UnixMicro()
		}
		kinds := append([]string{}, x.Kinds...)
		marks = append(marks, mark("", "carrier", x.Client, string(x.Facility), kinds, x.From.UnixMicro(), until))
	}
	for _, x := range c.Clients {
		marks = append(marks, mark("", "client", x.ID, string(x.Facility), x.KeyID, sum(x.PublicKey), x.Since.UnixMicro()))
		if x.Unit != "" {
			marks = append(marks, mark("", "client of", x.ID, x.Unit))
		}
		if !x.Revoked.IsZero() {
			marks = append(marks, mark("", "client revoked", x.ID, x.Revoked.UnixMicro()))
		}
	}
	return marks
}

func sum(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

func mark(sign string, said ...any) string {
	b, err := json.Marshal(said)
	if err != nil {
		panic(err) // texts, numbers and bytes always marshal
	}
	return sign + hex.EncodeToString(sum(b)[:16])
}
