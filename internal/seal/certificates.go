package seal

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"sync"
)

// certificate is a parsed certificate with the SHA-256 of its DER.
type certificate struct {
	*x509.Certificate
	fingerprint [sha256.Size]byte
}

// certificates keeps parsed certificates by the hash of their DER in two
// generations: when the young one is full it becomes the old one, whose entries
// come back when asked for. It holds at most twice its size.
type certificates struct {
	size int

	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]*certificate
}

func newCertificates(size int) *certificates {
	return &certificates{size: size, young: map[[sha256.Size]byte]*certificate{}}
}

// get returns the certificate with this DER, parsed now or before. Certificates
// that do not parse are not kept.
func (c *certificates) get(der []byte) (*certificate, error) {
	if len(der) > maxDER {
		return nil, errors.New("certificate too long")
	}
	sum := sha256.Sum256(der)
	c.mu.RLock()
	cert, young := c.young[sum]
	if !young {
		cert = c.old[sum]
	}
	c.mu.RUnlock()
	if young {
		return cert, nil
	}
	if cert == nil {
		parsed, err := x509.ParseCertificate(bytes.Clone(der))
		if err != nil {
			return nil, err
		}
		cert = &certificate{parsed, sum}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[[sha256.Size]byte]*certificate, c.size)
	}
	c.young[sum] = cert
	return cert, nil
}
