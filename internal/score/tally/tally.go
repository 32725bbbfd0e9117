// Package tally is how marks and counts of quality are written: two bits a check for
// a record, two numbers a check for many. It knows no check and no word; package
// score says what they mean. Stores add tallies up by it.
package tally

import (
	"encoding/binary"
	"encoding/hex"

	"lienthong/internal/fault"
)

// Mark is what one check says of one record.
type Mark byte

// The marks.
const (
	NotApplicable Mark = 0
	Passed        Mark = 1
	Failed        Mark = 2
)

// Marks are the marks of one record or entry: the id of its sheet, then two bits a
// check, the first check in the lowest bits. Trailing zero bytes are left out. Nil
// marks say that nobody marked it.
type Marks []byte

// MaxChecks bounds a sheet.
const MaxChecks = 400

// ID names a sheet by its content: the first bytes of the SHA-256 of its JSON.
type ID [4]byte

// String returns the id as eight hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// NewMarks returns marks of a sheet with that many checks, none applicable yet.
// Finish with Trim.
func NewMarks(sheet ID, checks int) Marks {
	m := make(Marks, len(sheet)+(checks+3)/4)
	copy(m, sheet[:])
	return m
}

// ErrMarks (score.marks): bytes that are no marks of the sheet.
var ErrMarks = fault.New(fault.Invalid, "score.marks", "Dấu chất lượng không đọc được.", "These quality marks cannot be read.")

// Sheet returns the id of the sheet they are of. Fault: score.marks.
func (m Marks) Sheet() (ID, error) {
	var id ID
	if len(m) < len(id) || len(m) > len(id)+(MaxChecks+3)/4 {
		return id, ErrMarks
	}
	copy(id[:], m)
	for _, b := range m[len(id):] {
		if b&(b>>1)&0x55 != 0 { // both bits of one check
			return id, ErrMarks
		}
	}
	return id, nil
}

// Get returns mark i.
func (m Marks) Get(i int) Mark {
	at := len(ID{}) + i/4
	if at >= len(m) {
		return NotApplicable
	}
	return Mark(m[at] >> (2 * (i % 4)) & 3)
}

// Set sets mark i of marks as NewMarks returned them.
func (m Marks) Set(i int, mark Mark) {
	at, shift := len(ID{})+i/4, 2*(i%4)
	m[at] = m[at]&^(3<<shift) | byte(mark)<<shift
}

// Trim leaves trailing zero bytes out.
func (m Marks) Trim() Marks {
	n := len(m)
	for n > len(ID{}) && m[n-1] == 0 {
		n--
	}
	return m[:n]
}

// Tally says of every check of a sheet, in order, how often it applied and how
// often it failed. Counts may be below zero in a tally that is to be added to
// another. A tally may be shorter than its sheet: what is absent is zero.
type Tally []Count

// Count is of one check.
type Count struct{ Applied, Failed int64 }

// Add adds marks n times; n is -1 for a record that counts no longer.
func (t *Tally) Add(m Marks, n int64) {
	for at := len(ID{}); at < len(m); at++ {
		b := m[at]
		for k := 0; b != 0; k, b = k+1, b>>2 {
			if b&3 == 0 {
				continue
			}
			i := (at-len(ID{}))*4 + k
			t.grow(i + 1)
			(*t)[i].Applied += n
			if Mark(b&3) == Failed {
				(*t)[i].Failed += n
			}
		}
	}
}

// Plus adds another tally of the same sheet.
func (t *Tally) Plus(o Tally) {
	t.grow(len(o))
	for i, c := range o {
		(*t)[i].Applied += c.Applied
		(*t)[i].Failed += c.Failed
	}
}

// Minus subtracts another tally of the same sheet.
func (t *Tally) Minus(o Tally) {
	t.grow(len(o))
	for i, c := range o {
		(*t)[i].Applied -= c.Applied
		(*t)[i].Failed -= c.Failed
	}
}

func (t *Tally) grow(n int) {
	for len(*t) < n {
		*t = append(*t, Count{})
	}
}

// IsZero reports whether nothing is counted.
func (t Tally) IsZero() bool {
	for _, c := range t {
		if c != (Count{}) {
			return false
		}
	}
	return true
}

// Marshal returns the tally in few bytes: for each check the change of Applied from
// the check before and Failed, as signed varints; zeros at the end left out.
func (t Tally) Marshal() []byte {
	n := len(t)
	for n > 0 && t[n-1] == (Count{}) {
		n--
	}
	b := make([]byte, 0, 3*n)
	last := int64(0)
	for _, c := range t[:n] {
		b = binary.AppendVarint(b, c.Applied-last)
		b = binary.AppendVarint(b, c.Failed)
		last = c.Applied
	}
	return b
}

// ErrTally (score.tally): bytes that are no tally.
var ErrTally = fault.New(fault.Invalid, "score.tally", "Số đếm chất lượng không đọc được.", "These quality counts cannot be read.")

// PlusBytes adds a tally that Marshal wrote, without making one of it first.
// Fault: score.tally.
func (t *Tally) PlusBytes(b []byte) error {
	last := int64(0)
	for i := 0; len(b) > 0; i++ {
		step, n := binary.Varint(b)
		if n <= 0 || i >= MaxChecks {
			return ErrTally
		}
		failed, m := binary.Varint(b[n:])
		if m <= 0 {
			return ErrTally
		}
		b = b[n+m:]
		last += step
		t.grow(i + 1)
		(*t)[i].Applied += last
		(*t)[i].Failed += failed
	}
	return nil
}

// PlusOne adds one check of a tally that Marshal wrote to the first of t: who asks
// for one check of many rows needs no room for the others. Fault: score.tally.
func (t *Tally) PlusOne(b []byte, check int) error {
	last := int64(0)
	for i := 0; len(b) > 0 && i <= check; i++ {
		step, n := binary.Varint(b)
		if n <= 0 || i >= MaxChecks {
			return ErrTally
		}
		failed, m := binary.Varint(b[n:])
		if m <= 0 {
			return ErrTally
		}
		b = b[n+m:]
		if last += step; i == check {
			t.grow(1)
			(*t)[0].Applied += last
			(*t)[0].Failed += failed
		}
	}
	return nil
}
