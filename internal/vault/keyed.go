package vault

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"strconv"
	"sync"
)

// Domain keeps equal values of different meaning apart.
type Domain string

// The domains in use. Add one rather than share one.
const (
	Citizen  Domain = "citizen" // citizen, old and passport numbers
	Card     Domain = "card"    // insurance card and social insurance numbers
	Phone    Domain = "phone"
	Name     Domain = "name"    // folded names
	File     Domain = "file"    // bytes of a file, with its facility
	Content  Domain = "content" // ordered inner documents of a dossier
	Episode  Domain = "episode"
	Subject  Domain = "subject"  // facility + MA_BN
	Code     Domain = "code"     // prescription and slip codes
	Login    Domain = "login"    // issuer and subject of a provider of identities
	Licence  Domain = "licence"  // numbers of licences to practise
	Trait    Domain = "trait"    // what a person is looked for by where there is no number
	Presence Domain = "presence" // challenges by which somebody shows that they are there
)

// KeyedSize is the length of a Keyed in bytes.
const KeyedSize = 17

// Keyed is a keyed hash: the pepper's version, then 16 bytes of HMAC-SHA-256.
// Equal values of one domain have equal Keyeds of one version. It is no secret
// but names a person inside the hub, so it prints as its version only.
type Keyed [KeyedSize]byte

// KeyedFrom reads a stored Keyed. Fault: vault.opened_wrong when it has another length.
func KeyedFrom(b []byte) (Keyed, error) {
	if len(b) != KeyedSize {
		return Keyed{}, ErrOpenedWrong.Because(fmt.Errorf("a keyed hash of %d bytes", len(b)))
	}
	return Keyed(b), nil
}

// Bytes returns the 17 bytes as the store keeps them.
func (k Keyed) Bytes() []byte { return k[:] }

// Version returns the version of the pepper.
func (k Keyed) Version() int { return int(k[0]) }

// IsZero tells that there is no hash; versions begin at 1.
func (k Keyed) IsZero() bool { return k == Keyed{} }

// Compare orders Keyeds by bytes, for locks taken in one order.
func (k Keyed) Compare(o Keyed) int { return slices.Compare(k[:], o[:]) }

// String shows the version only.
func (k Keyed) String() string { return "keyed(v" + strconv.Itoa(int(k[0])) + ")" }

// GoString shows the version only.
func (k Keyed) GoString() string { return k.String() }

// LogValue shows the version only.
func (k Keyed) LogValue() slog.Value { return slog.StringValue(k.String()) }

// pepper is one live pepper with its pool of keyed HMAC states: setting up
// HMAC's two blocks costs more than hashing a number.
type pepper struct {
	version byte
	key     []byte
	states  sync.Pool // of *hmacState
}

type hmacState struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

func (v *Vault) setPeppers(peppers map[int][]byte, current int) error {
	for version, key := range peppers {
		if version < 1 || version > 255 {
			return ErrConfig.Because(fmt.Errorf("pepper version %d is not in 1..255", version))
		}
		if len(key) < KeySize {
			return ErrConfig.Because(fmt.Errorf("pepper %d has %d bytes, fewer than %d", version, len(key), KeySize))
		}
		v.peppers[version] = &pepper{version: byte(version), key: slices.Clone(key)}
		v.live = append(v.live, version)
	}
	if peppers[current] == nil {
		return ErrConfig.Because(fmt.Errorf("no pepper of the current version %d", current))
	}
	slices.SortFunc(v.live, func(a, b int) int {
		if (a == current) != (b == current) {
			if a == current {
				return -1
			}
			return 1
		}
		return cmp.Compare(b, a)
	})
	return nil
}

// Hash returns the keyed hash of the values, in order, under the current
// pepper. Values are length-prefixed: ("ab","c") and ("a","bc") differ.
func (v *Vault) Hash(domain Domain, values ...[]byte) Keyed {
	return v.peppers[v.live[0]].hash(domain, values)
}

// HashAll returns the keyed hash under every live pepper, the current one
// first: look-ups try each, since stored hashes may be of any.
func (v *Vault) HashAll(domain Domain, values ...[]byte) []Keyed {
	out := make([]Keyed, len(v.live))
	for i, version := range v.live {
		out[i] = v.peppers[version].hash(domain, values)
	}
	return out
}

func (p *pepper) hash(domain Domain, values [][]byte) Keyed {
	s, ok := p.states.Get().(*hmacState)
	if !ok {
		s = &hmacState{mac: hmac.New(sha256.New, p.key)}
	}
	s.mac.Reset()
	s.buf = append(s.buf[:0], "lienthong/keyed/v1\n"...)
	s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(len(domain)))
	s.buf = append(s.buf, domain...)
	for _, value := range values {
		s.buf = binary.BigEndian.AppendUint64(s.buf, uint64(len(value)))
		if len(value) <= 256 {
			s.buf = append(s.buf, value...)
			continue
		}
		s.mac.Write(s.buf)
		s.mac.Write(value)
		s.buf = s.buf[:0]
	}
	s.mac.Write(s.buf)
	var k Keyed
	k[0] = p.version
	copy(k[1:], s.mac.Sum(s.sum[:0]))
	clear(s.buf)
	p.states.Put(s)
	return k
}
