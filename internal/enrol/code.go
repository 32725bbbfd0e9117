package enrol

import (
	"crypto/sha256"
	"io"
	"strings"
)

// A code is 128 bits in Crockford's base 32, 26 characters, and 2 characters
// that check them, in seven groups of four, to be read out over a telephone:
// there is no I, L, O or U, small letters and O, I, L for 0, 1, 1 are taken too.
// The check is a cyclic one of 10 bits: one wrong character, or two neighbours
// changed over, is always noticed, before anything is asked of the hub.
const (
	alphabet  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeBits  = 128
	codeChars = 26
	checkBits = 10
	group     = 4
	// polynomial is CRC-10/ATM's: every burst of at most 10 bits is noticed.
	polynomial = 0x233
)

// Code is what lets one agent enrol.
type Code [codeBits / 8]byte

// NewCode makes a code.
func NewCode(random io.Reader) (c Code, err error) {
	_, err = io.ReadFull(random, c[:])
	return c, err
}

// String returns the code as people read it: "4F7K-...".
func (c Code) String() string {
	digits := append(c.digits(), c.check()...)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[d])
	}
	return b.String()
}

// digits cuts the code into pieces of 5 bits, the last filled up with zeros.
func (c Code) digits() []byte {
	out := make([]byte, codeChars, codeChars+2)
	for i := range out {
		for bit := range 5 {
			out[i] = out[i]<<1 | c.bit(5*i+bit)
		}
	}
	return out
}

func (c Code) bit(n int) byte {
	if n >= codeBits {
		return 0
	}
	return c[n/8] >> (7 - n%8) & 1
}

func (c Code) check() []byte {
	crc := uint16(0)
	for n := range 5 * codeChars {
		top := crc>>(checkBits-1)&1 ^ uint16(c.bit(n))
		crc = crc << 1 & (1<<checkBits - 1)
		if top == 1 {
			crc ^= polynomial
		}
	}
	return []byte{byte(crc >> 5), byte(crc & 31)}
}

// ParseCode reads a code however people write it: small letters, other groups,
// spaces. Fault: invite.invalid.
func ParseCode(s string) (Code, error) {
	if len(s) > 100 {
		return Code{}, ErrInvite
	}
	var digits []byte
	for _, r := range strings.ToUpper(s) {
		switch r {
		case '-', ' ', '\t', '\n', '\r', '.':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		d := strings.IndexRune(alphabet, r)
		if d < 0 || len(digits) == codeChars+2 {
			return Code{}, ErrInvite
		}
		digits = append(digits, byte(d))
	}
	if len(digits) != codeChars+2 {
		return Code{}, ErrInvite
	}
	var c Code
	for n := range codeBits {
		c[n/8] = c[n/8]<<1 | digits[n/5]>>(4-n%5)&1
	}
	if got := append(c.digits(), c.check()...); string(got) != string(digits) {
		return Code{}, ErrInvite
	}
	return c, nil
}

// Hash is what the hub keeps of a code. 128 bits need no slow hash.
func (c Code) Hash() [32]byte {
	return sha256.Sum256(append([]byte("lienthong/invite/v1\n"), c[:]...))
}
