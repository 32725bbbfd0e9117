package file

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/vault"
)

// Micros is a moment as a column holds it.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// MicrosOrNull is Micros, null for the zero time.
func MicrosOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// Time reads a column written by Micros.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// TimeOrZero reads a column written by MicrosOrNull.
func TimeOrZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return Time(us.Int64)
}

// Serial is the serial of a record as a column holds it, null for the zero id.
func Serial(id dossier.ID) any {
	if id.IsZero() {
		return nil
	}
	return id.Serial[:]
}

// ID reads a serial column of a facility's record, the zero id for null.
func ID(f care.FacilityCode, serial []byte) (dossier.ID, error) {
	if serial == nil {
		return dossier.ID{}, nil
	}
	if len(serial) != 16 {
		return dossier.ID{}, fmt.Errorf("a serial of %d bytes", len(serial))
	}
	return dossier.ID{Facility: f, Serial: [16]byte(serial)}, nil
}

// Keyed is a keyed hash as a column holds it, null for the zero hash.
func Keyed(k vault.Keyed) any {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

// KeyedOf reads a column written by Keyed.
func KeyedOf(b []byte) (vault.Keyed, error) {
	if b == nil {
		return vault.Keyed{}, nil
	}
	return vault.KeyedFrom(b)
}

// Person is a person as a column holds it, null for nobody.
func Person(p store.PersonID) any {
	if p == (store.PersonID{}) {
		return nil
	}
	return p[:]
}

// PersonOf reads a column written by Person.
func PersonOf(b []byte) (store.PersonID, error) {
	if b == nil {
		return store.PersonID{}, nil
	}
	if len(b) != len(store.PersonID{}) {
		return store.PersonID{}, fmt.Errorf("a person of %d bytes", len(b))
	}
	return store.PersonID(b), nil
}

// Findings is a verdict's findings as a column holds them: position and code,
// never a hint; null without any.
func Findings(all []dossier.Finding) (any, error) {
	if len(all) == 0 {
		return nil, nil
	}
	rows := make([][7]any, len(all))
	for i, f := range all {
		if err := store.CheckText(f.Code, string(f.Severity), f.Table, f.Field); err != nil {
			return nil, err
		}
		blocks := f.Blocks
		if blocks == nil {
			blocks = []dossier.Purpose{}
		}
		rows[i] = [7]any{f.Code, f.Severity, blocks, f.Table, f.Row, f.Field, f.Line}
	}
	b, err := json.Marshal(rows)
	return string(b), err
}

// FindingsOf reads a column written by Findings.
func FindingsOf(text sql.NullString) ([]dossier.Finding, error) {
	if !text.Valid {
		return nil, nil
	}
	return form.ListedFindings(text.String)
}

// Bool is a yes or no as a column holds it.
func Bool(b bool) any {
	if b {
		return int64(1)
	}
	return int64(0)
}

// Blob is bytes as a column holds them, null for nil.
func Blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// Seal is a note on a seal as the table seal keeps it: in JSON, with the
// fingerprint, which hides the note's own, in hexadecimal.
type Seal struct {
	Fingerprint string
	store.SealNote
}

// SealOf is a note as the table keeps it.
func SealOf(n store.SealNote) Seal { return Seal{hex.EncodeToString(n.Fingerprint[:]), n} }

// MicrosOrZero is Micros, 0 for the zero time.
func MicrosOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Moment reads a column written by MicrosOrZero.
func Moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return Time(us)
}

// Some is bytes as a column holds them, null where there are none or all are zero.
func Some(b []byte) any {
	for _, x := range b {
		if x != 0 {
			return b
		}
	}
	return nil
}

// Fill reads a column written by Some into the whole of to.
func Fill(to, column []byte) error {
	if column != nil && len(column) != len(to) {
		return fmt.Errorf("%d bytes of a column, not %d", len(column), len(to))
	}
	copy(to, column)
	return nil
}
