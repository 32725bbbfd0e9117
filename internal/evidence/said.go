package evidence

import (
	"encoding/binary"
	"errors"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Said is what a destination that gives receipts of its own (a hub above this
// one) said of a record.
type Said struct {
	Receipt []byte // its receipt document, byte for byte
	Person  string // its reference to the person, scoped to the record's facility; "" none
}

// ErrSaid is the answer to bytes that Said.Marshal did not write.
var ErrSaid = fault.New(fault.Broken, "leg.receipt", "Biên nhận của nơi nhận lưu tại đây không đọc được.", "The stored receipt of the destination cannot be read.")

const saidForm = 1

// Marshal returns it as bytes.
func (s Said) Marshal() []byte {
	out := binary.AppendUvarint([]byte{saidForm}, uint64(len(s.Person)))
	return append(append(out, s.Person...), s.Receipt...)
}

// ParseSaid reads what Marshal wrote, and shares its memory. Fault: leg.receipt.
func ParseSaid(b []byte) (Said, error) {
	if len(b) == 0 || b[0] != saidForm {
		return Said{}, ErrSaid.Because(errors.New("unknown form"))
	}
	n, used := binary.Uvarint(b[1:])
	if used <= 0 || n > uint64(len(b)-1-used) {
		return Said{}, ErrSaid.Because(errors.New("cut short"))
	}
	rest := b[1+used:]
	return Said{Person: string(rest[:n]), Receipt: rest[n:]}, nil
}

// LegName is what a destination's receipt of a record is bound to.
func LegName(id dossier.ID, destination string) []byte {
	return []byte("leg/" + id.String() + "/" + destination)
}
