package ledger

import (
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

// ErrErasure: the bytes or values are not an erasure statement.
var ErrErasure = fault.New(fault.Invalid, "ledger.erasure",
	"Biên bản xóa không đúng dạng.", "The erasure statement is not in its prescribed form.")

// Erasure is the hub's statement that the record behind a leaf was erased: its
// key and salt are gone and the leaf can no longer be recomputed. Its leaf is
// StatementLeaf(LeafErasure, Canonical()); it lets the re-verifier tell erasure
// from tampering. It names no person and no record.
type Erasure struct {
	Origin string // the log of the erased receipt's leaf
	Index  uint64 // of that leaf
	At     time.Time
	Reason string // a code such as "retention" or "court_order", never free text
}

// Canonical returns the statement as RFC 8785 JSON.
func (e Erasure) Canonical() ([]byte, error) {
	y := e.At.UTC().Year()
	if e.Origin == "" || e.Reason == "" || !utf8.ValidString(e.Origin) || !utf8.ValidString(e.Reason) ||
		e.Index > MaxSize || y < 2000 || y > 9999 {
		return nil, ErrErasure.Because(errors.New("a member is empty or out of range"))
	}
	dst := e.At.UTC().AppendFormat([]byte(`{"at":"`), timeLayout)
	dst = strconv.AppendUint(append(dst, `","index":`...), e.Index, 10)
	dst = jcs.AppendString(append(dst, `,"origin":`...), e.Origin)
	dst = jcs.AppendString(append(dst, `,"reason":`...), e.Reason)
	return append(dst, `,"v":1}`...), nil
}

// ParseErasure reads Canonical's bytes back; anything else is ErrErasure.
func ParseErasure(data []byte) (Erasure, error) {
	v, err := jcs.Parse(data)
	if err != nil {
		return Erasure{}, ErrErasure.Because(err)
	}
	m := jcs.Object(v)
	e := Erasure{Origin: m.Text("origin"), Index: indexOf(m), Reason: m.Text("reason")}
	if m.Int("v") != 1 {
		m.Fail("v", "is not 1")
	}
	if e.At, err = time.Parse(timeLayout, m.Text("at")); err != nil {
		m.Fail("at", "is not a time in microseconds, UTC")
	}
	if err := m.Close(); err != nil {
		return Erasure{}, ErrErasure.Because(err)
	}
	if again, err := e.Canonical(); err != nil || string(again) != string(data) {
		return Erasure{}, ErrErasure.Because(errors.New("not in RFC 8785 form"))
	}
	return e, nil
}
