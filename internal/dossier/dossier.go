// Package dossier holds the words every part of the hub shares about one
// dossier: its content as fields with places, the findings of judging it, its
// verdict, and the record it becomes. It reads no bytes (kind/ does) and keeps
// nothing (store does).
package dossier

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// Severity says how much a finding weighs. Warning and above make a dossier
// accepted_with_warnings; Error marks what rejects or blocks a purpose.
type Severity string

// The severities, lightest first.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Purpose is a use that a finding can hold back.
type Purpose string

// The purposes a finding can block.
const (
	Payment    Purpose = "payment"
	Statistics Purpose = "statistics"
)

// Finding is one rule broken at one place. It never holds a value, except that
// Hint may carry a computed suggestion to whoever sent the dossier; Hint is
// not stored and not part of the receipt.
type Finding struct {
	Code     string    // stable: "time.future", "XML1.T_THUOC.sum"
	Severity Severity  //
	Blocks   []Purpose // sorted; nil where it blocks nothing
	Table    string    // "XML1", "" where it concerns the whole dossier
	Row      int       // from 1; 0 where it concerns the whole table
	Field    string    // "" where it concerns the whole row
	Line     int       // line of the inner document, from 1; 0 unknown
	Hint     fault.Text
}

// State is what became of a dossier.
type State string

// The verdicts, and the states a record takes later.
const (
	Accepted             State = "accepted"
	AcceptedWithWarnings State = "accepted_with_warnings"
	Rejected             State = "rejected"
	Superseded           State = "superseded" // a newer version is current
	Withdrawn            State = "withdrawn"  // by its own facility
	Erased               State = "erased"

	Standing State = "standing" // accepted, and none of the last three: of lists and counts only
)

// IsAccepted reports whether the dossier counts as accepted.
func (s State) IsAccepted() bool { return s == Accepted || s == AcceptedWithWarnings }

// Verdict is the outcome of judging one dossier, with what it was judged by.
type Verdict struct {
	State      State
	Findings   []Finding
	Pack       string // rule pack and version
	TrustEpoch int64  // state of trust anchors and facility certificates
}

// ID names a record: the facility it belongs to and 16 bytes that grow with
// time. Its text is "79901-" and 26 lower-case base32 characters.
type ID struct {
	Facility care.FacilityCode
	Serial   [16]byte
}

var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ErrID is the answer to a text that cannot be a record id. It is Absent, as
// no record has such a name.
var ErrID = fault.New(fault.Absent, "record.absent", "Không có hồ sơ này.", "There is no such record.")

// NewID makes an id for a record of facility received at t: 48 bits of
// milliseconds, then 80 bits from random.
func NewID(facility care.FacilityCode, t time.Time, random io.Reader) (ID, error) {
	id := ID{Facility: facility}
	if random == nil {
		random = rand.Reader
	}
	if _, err := io.ReadFull(random, id.Serial[6:]); err != nil {
		return ID{}, err
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
	copy(id.Serial[:6], ms[2:])
	return id, nil
}

// ParseID reads the text form; ErrID for anything else.
func ParseID(s string) (ID, error) {
	code, serial, ok := strings.Cut(s, "-")
	if !ok || len(serial) != 26 {
		return ID{}, ErrID
	}
	facility, err := care.ParseFacilityCode(code)
	if err != nil {
		return ID{}, ErrID
	}
	id := ID{Facility: facility}
	b, err := idText.DecodeString(serial)
	if err != nil || len(b) != 16 || idText.EncodeToString(b) != serial {
		return ID{}, ErrID
	}
	copy(id.Serial[:], b)
	return id, nil
}

// String returns the text form, "" for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return string(id.Facility) + "-" + idText.EncodeToString(id.Serial[:])
}

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Older reports whether a version ordered by a is older than the one ordered
// by b. Orders of different sorts (a sequence, a date, none) do not compare:
// then the one that arrives later is the newer.
func Older(a, b string) bool {
	return a != "" && b != "" && a[0] == b[0] && a < b
}
