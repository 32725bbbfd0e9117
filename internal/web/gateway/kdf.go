package gateway

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost says how dear one guess at a password is (argon2id, RFC 9106).
type Cost struct {
	Memory uint32 // KiB
	Time   uint32 // passes
	Lanes  uint8  // in parallel
}

// HubCost takes 64 MiB and about 100 ms of one processor.
func HubCost() Cost { return Cost{Memory: 64 << 10, Time: 2, Lanes: 1} }

// AgentCost takes 7 MiB, for a process that has to stay small: the least memory,
// with the turns that go with it, of the usual advice (OWASP password storage).
func AgentCost() Cost { return Cost{Memory: 7 << 10, Time: 6, Lanes: 1} }

const (
	saltSize = 16
	keySize  = 32
)

// Hash makes what is kept of a password: argon2id of its MD5 in capitals,
// which is all a HIS ever sends. The form is the usual one,
// "$argon2id$v=19$m=65536,t=2,p=1$SALT$KEY".
func Hash(password string, c Cost) (string, error) {
	return hashOf(proofOf(password), c)
}

// proofOf is what a HIS sends as password: MD5 in capital hexadecimal.
func proofOf(password string) string {
	sum := md5.Sum([]byte(password))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func hashOf(proof string, c Cost) (string, error) {
	if !c.possible() {
		return "", errors.New("gateway: no such cost of a hash")
	}
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	return written(c, salt, argon2.IDKey([]byte(proof), salt, c.Time, c.Memory, c.Lanes, keySize)), nil
}

// fitsNobody makes a hash that costs as much to try as any other and that no
// password fits: its key is drawn and not derived.
func fitsNobody(c Cost) (string, error) {
	if !c.possible() {
		return "", errors.New("gateway: no such cost of a hash")
	}
	drawn := make([]byte, saltSize+keySize)
	if _, err := rand.Read(drawn); err != nil {
		return "", err
	}
	return written(c, drawn[:saltSize], drawn[saltSize:]), nil
}

func written(c Cost, salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// possible keeps a damaged row from taking the machine's memory.
func (c Cost) possible() bool {
	return c.Memory >= 8 && c.Memory <= 256<<10 && c.Time >= 1 && c.Time <= 16 && c.Lanes >= 1 && c.Lanes <= 8
}

// fits reports whether a proof is that of a hash. The error says that the hash
// is none.
func fits(hash, proof string) (bool, error) {
	c, salt, key, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey([]byte(proof), salt, c.Time, c.Memory, c.Lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}

// CheckHash returns an error for a text that is no hash made by Hash.
func CheckHash(hash string) error {
	_, _, _, err := parseHash(hash)
	return err
}

var errHash = errors.New("gateway: the hash kept of an account's password cannot be read")

func parseHash(hash string) (c Cost, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Lanes); err != nil || !c.possible() ||
		parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", c.Memory, c.Time, c.Lanes) {
		return c, nil, nil, errHash
	}
	if salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil || len(salt) != saltSize {
		return c, nil, nil, errHash
	}
	if key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(key) != keySize {
		return c, nil, nil, errHash
	}
	return c, salt, key, nil
}
