// Package keys derives keys from a seed, the same at every run, for synthetic
// facilities. Whoever knows the seed has the keys: nothing real may trust them.
package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
)

// EC derives a P-256 key: a hash that is no scalar is hashed on.
func EC(seed uint64, what string) (*ecdsa.PrivateKey, error) {
	for counter := uint32(0); ; counter++ {
		d := secret(seed, "p256/"+what, counter)
		if k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:]); err == nil || counter > 16 {
			return k, err
		}
	}
}

// RSA derives an RSA-2048 key. crypto/rsa makes no key from a seed, so the
// primes are searched for here: good enough for keys that anybody may know.
func RSA(seed uint64, what string) (*rsa.PrivateKey, error) {
	counter := uint32(0)
	prime := func() *big.Int {
		var b []byte
		for len(b) < 128 {
			d := secret(seed, "rsa/"+what, counter)
			counter++
			b = append(b, d[:]...)
		}
		b[0] |= 0xC0 // two such primes have a product of 2048 bits
		b[127] |= 1
		two := big.NewInt(2)
		for p := new(big.Int).SetBytes(b); ; p.Add(p, two) {
			if p.ProbablyPrime(8) {
				return p
			}
		}
	}
	const exponent = 65537
	for range 16 {
		p, q := prime(), prime()
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(exponent), phi)
		if d == nil {
			continue
		}
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent}, D: d, Primes: []*big.Int{p, q}}
		k.Precompute()
		return k, k.Validate()
	}
	return nil, fmt.Errorf("keys: no RSA key for %s", what)
}

// Serial derives a positive serial number of 16 bytes.
func Serial(seed uint64, what string) *big.Int {
	b := secret(seed, "serial/"+what, 0)
	b[0] = b[0]&0x7F | 0x40
	return new(big.Int).SetBytes(b[:16])
}

// secret derives bytes for a key.
func secret(seed uint64, what string, counter uint32) [sha256.Size]byte {
	b := binary.BigEndian.AppendUint64([]byte("lienthong/synth/v1\n"), seed)
	b = binary.BigEndian.AppendUint32(b, counter)
	return sha256.Sum256(append(b, what...))
}
