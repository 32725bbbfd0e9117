package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"lienthong/internal/fault"
	"software.sslmate.com/src/go-pkcs12"
)

// KeyPair is a signing key with its certificate, and the certificates between
// that one and a root, to be sent along.
type KeyPair struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
	Chain       []*x509.Certificate
}

// LoadPEM reads an unencrypted private key (PKCS #8, PKCS #1 or SEC 1) and its
// certificate, then its chain, from the PEM blocks of one or more files' bytes,
// in any order; the certificate is the one with the key's public key. Errors are
// ErrKey.
func LoadPEM(files ...[]byte) (KeyPair, error) {
	var pair KeyPair
	var certs []*x509.Certificate
	for _, rest := range files {
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			switch block.Type {
			case "CERTIFICATE":
				cert, err := x509.ParseCertificate(block.Bytes)
				if err != nil {
					return KeyPair{}, ErrKey.Because(err)
				}
				certs = append(certs, cert)
			case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
				if pair.Key != nil {
					return KeyPair{}, because(ErrKey, "two private keys")
				}
				key, err := parseKey(block.Bytes)
				if err != nil {
					return KeyPair{}, ErrKey.Because(err)
				}
				pair.Key = key
			case "ENCRYPTED PRIVATE KEY":
				return KeyPair{}, because(ErrKey, "an encrypted PEM key; use PKCS #12")
			}
		}
	}
	return pair.with(certs)
}

// LoadPKCS12 reads a PFX file's bytes. Errors are ErrKey, a wrong password too.
func LoadPKCS12(pfx []byte, password string) (KeyPair, error) {
	key, cert, chain, err := pkcs12.DecodeChain(pfx, password)
	if err != nil {
		return KeyPair{}, ErrKey.Because(err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return KeyPair{}, because(ErrKey, "not a signing key")
	}
	return KeyPair{Key: signer}.with(append([]*x509.Certificate{cert}, chain...))
}

// EncodePKCS12 returns the pair as a PFX file under the password (AES-256,
// PBKDF2-HMAC-SHA-256).
func (k KeyPair) EncodePKCS12(password string) ([]byte, error) {
	pfx, err := pkcs12.Modern2023.Encode(k.Key, k.Certificate, k.Chain, password)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return pfx, nil
}

func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("not a signing key")
	}
	return signer, nil
}

// with finds the key's certificate among certs and keeps the rest as the chain.
func (k KeyPair) with(certs []*x509.Certificate) (KeyPair, error) {
	if k.Key == nil {
		return KeyPair{}, because(ErrKey, "no private key")
	}
	for _, c := range certs {
		if k.Certificate == nil && samePublicKey(k.Key, c) {
			k.Certificate = c
		} else {
			k.Chain = append(k.Chain, c)
		}
	}
	if _, err := k.algorithm(); err != nil {
		return KeyPair{}, err
	}
	return k, nil
}

func samePublicKey(key crypto.Signer, c *x509.Certificate) bool {
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return public.Equal(c.PublicKey)
	case *ecdsa.PublicKey:
		return public.Equal(c.PublicKey)
	}
	return false
}

// algorithm returns what the pair signs with, ErrKey when it is not fit for it.
func (k KeyPair) algorithm() (Algorithm, error) {
	if k.Key == nil || k.Certificate == nil || !samePublicKey(k.Key, k.Certificate) {
		return "", because(ErrKey, "key and certificate are not a pair")
	}
	for _, a := range []Algorithm{RSASHA256, ECDSASHA256} {
		if err := keyFits(k.Key.Public(), a); err == nil {
			return a, nil
		} else if fault.Of(err).Code == ErrAlgorithm.Code {
			return "", ErrKey.Because(err)
		}
	}
	return "", because(ErrKey, "neither RSA nor ECDSA")
}

func (k KeyPair) certificates() []*x509.Certificate {
	return append([]*x509.Certificate{k.Certificate}, k.Chain...)
}
