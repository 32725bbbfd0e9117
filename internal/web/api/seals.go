package api

import (
	"cmp"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Seal is one signature of the file a record came in: whose, over what, and
// what was known of its certificate then and later. The receipt does not say
// it again: it names the bytes, and the signature is in them.
type Seal struct {
	Role        string   `json:"role"`        // "facility" or "person"
	Certificate string   `json:"certificate"` // SHA-256 of its DER, hexadecimal
	Subject     string   `json:"subject"`     // of a person to the record's facility and to operators only
	Serial      string   `json:"serial"`      // hexadecimal; empty in old records
	Issuer      string   `json:"issuer"`
	Algorithm   string   `json:"algorithm"`
	Covered     string   `json:"covered"` // "whole document", "whole document without later signatures", "exact bytes"
	Bound       string   `json:"bound"`   // "pinned", "chained"
	Expired     bool     `json:"expired"` // within the grace
	AtReceipt   string   `json:"revocation_at_receipt"`
	Later       *Recheck `json:"revocation_later"` // the newest answer, null while there is none
}

// Recheck is what a certificate's issuer answered later.
type Recheck struct {
	State   string     `json:"state"` // "good" or "revoked"
	AskedAt time.Time  `json:"asked_at"`
	Since   *time.Time `json:"revoked_since,omitempty"`
	Invalid *time.Time `json:"invalid_since,omitempty"` // since when the key may have been another's
	Kind    string     `json:"kind"`                    // "ocsp" or "crl"
}

// Rechecks tells the newest answer about a certificate; *notary.Checker is one.
type Rechecks interface {
	Newest(fingerprint [32]byte) (store.Revocation, bool)
}

// seals tells whose signatures a record's file carries.
func (a *API) seals(r *http.Request, who Caller, rec *store.Record) ([]Seal, error) {
	f, _, err := a.Slices.Records.File(r.Context(), rec.ID.Facility, rec.File)
	if errors.Is(err, store.ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	people := who.Role.Kind == role.Operator || who.Role == (role.Role{Kind: role.Facility, ID: string(rec.ID.Facility)})
	out := make([]Seal, len(f.Seals))
	for i := range f.Seals {
		out[i] = a.sealOf(&f.Seals[i], people)
	}
	return out, nil
}

// sealOf shows a note; the names in a person's certificate only to whom they concern.
func (a *API) sealOf(n *store.SealNote, people bool) Seal {
	s := Seal{Role: cmp.Or(n.Role, store.RoleFacility), Certificate: hex.EncodeToString(n.Fingerprint[:]), Serial: n.Serial, Issuer: n.Issuer,
		Algorithm: n.Algorithm, Covered: n.Covered, Bound: n.Bound, Expired: n.Expired, AtReceipt: n.Revocation}
	if people || s.Role == store.RoleFacility {
		s.Subject = n.Subject
	}
	if a.Rechecks == nil {
		return s
	}
	if r, ok := a.Rechecks.Newest(n.Fingerprint); ok {
		s.Later = &Recheck{State: r.State, AskedAt: r.At, Since: moment(&r.Since), Invalid: moment(&r.Invalid), Kind: r.Kind}
	}
	return s
}

func moment(t *time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return t
}
