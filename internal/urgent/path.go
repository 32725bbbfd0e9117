package urgent

import (
	"encoding/hex"
	"slices"
	"strings"

	"lienthong/internal/identity"
	"lienthong/internal/vault"
)

// pathDomain keeps the rounds of paths apart from all that is stored.
const pathDomain vault.Domain = "temporary path"

// rounds of the Feistel network, one more than Luby and Rackoff need.
const rounds = 4

// Path is how a number stands in addresses: the number itself names a patient,
// and addresses are kept by browsers and proxies. 32 hexadecimal digits that
// only the hub turns back (a Feistel network over the vault's keyed hash).
func (d *Desk) Path(number string) string {
	b := []byte(strings.ReplaceAll(number, "-", ""))[2:17] // without TT and check
	b = append(b, 0)
	l, r := b[:8], b[8:]
	for i := range rounds {
		l, r = r, mix(l, d.Vault.Hash(pathDomain, []byte{byte(i)}, r))
	}
	return hex.EncodeToString(slices.Concat(l, r))
}

// Number turns a path back. Fault: emergency.absent.
func (d *Desk) Number(path string) (string, error) {
	b, err := hex.DecodeString(path)
	if err != nil || len(b) != 16 {
		return "", ErrAbsent
	}
	for n := range d.Vault.HashAll(pathDomain, nil) { // each live pepper: a page may be open while it turns
		l, r := b[:8], b[8:]
		for i := rounds - 1; i >= 0; i-- {
			l, r = mix(r, d.Vault.HashAll(pathDomain, []byte{byte(i)}, l)[n]), l
		}
		digits := string(l) + string(r[:7])
		if r[7] != 0 {
			continue
		}
		for _, c := range checks {
			if number, err := identity.ParseNumber("TT" + digits + string(c)); err == nil {
				return number, nil
			}
		}
	}
	return "", ErrAbsent
}

const checks = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func mix(a []byte, k vault.Keyed) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ k[1+i]
	}
	return out
}
