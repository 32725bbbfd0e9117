//go:build pkcs11 && cgo

package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"lienthong/internal/agent/signer/token"
)

// device is one token, reached through its maker's library.
type device struct {
	ctx     *pkcs11.Ctx
	module  string
	session pkcs11.SessionHandle
	slot    uint
	open    bool // a session is
	key     pkcs11.ObjectHandle
	rsa     bool
	ready   bool // logged in, with a key
}

func newDevice() *device { return &device{} }

// Close logs out and lets go of the library.
func (d *device) Close() {
	if d.ctx == nil {
		return
	}
	// The process ends; a library that refuses here loses nothing.
	_ = d.ctx.Logout(d.session)
	_ = d.ctx.CloseSession(d.session)
	_ = d.ctx.Finalize()
	d.ctx.Destroy()
	d.ctx = nil
}

// Peek implements token.Device.
func (d *device) Peek(r token.Request) ([]byte, [][]byte, error) {
	if err := d.reach(r); err != nil {
		return nil, nil, err
	}
	cert, chain, _, err := d.certificate(r.Label)
	return cert, chain, err
}

// Open implements token.Device. A token that says this try may be its last is
// left alone.
func (d *device) Open(r token.Request) ([]byte, [][]byte, error) {
	if err := d.reach(r); err != nil {
		return nil, nil, err
	}
	info, err := d.ctx.GetTokenInfo(d.slot)
	if err != nil {
		return nil, nil, refusal(err)
	}
	switch {
	case info.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return nil, nil, &token.Refusal{Failure: token.PINLocked, Detail: "the token is locked"}
	case info.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return nil, nil, &token.Refusal{Failure: token.PINLastTry, Detail: "the token has one try left"}
	}
	if err := d.ctx.Login(d.session, pkcs11.CKU_USER, r.PIN); err != nil && !is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		return nil, nil, refusal(err)
	}
	cert, chain, id, err := d.certificate(r.Label)
	if err != nil {
		return nil, nil, err
	}
	if err := d.findKey(id); err != nil {
		return nil, nil, err
	}
	d.ready = true
	return cert, chain, nil
}

// Sign implements token.Device.
func (d *device) Sign(sum []byte) ([]byte, error) {
	if !d.ready {
		return nil, &token.Refusal{Failure: token.Away, Detail: "not open"}
	}
	mechanism, data := uint(pkcs11.CKM_ECDSA), sum
	if d.rsa { // DigestInfo of RFC 8017 §9.2 for SHA-256
		mechanism = pkcs11.CKM_RSA_PKCS
		data = append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum...)
	}
	if err := d.ctx.SignInit(d.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, d.key); err != nil {
		return nil, refusal(err)
	}
	value, err := d.ctx.Sign(d.session, data)
	if err != nil {
		return nil, refusal(err)
	}
	return value, nil
}

// reach loads the library and opens a session with the token, once.
func (d *device) reach(r token.Request) error {
	if d.open {
		return nil
	}
	if d.ctx == nil {
		ctx := pkcs11.New(r.Module)
		if ctx == nil {
			return &token.Refusal{Failure: token.Away, Detail: "the library cannot be loaded"}
		}
		if err := ctx.Initialize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
			ctx.Destroy()
			return refusal(err)
		}
		d.ctx = ctx
	}
	slots, err := d.ctx.GetSlotList(true)
	if err != nil {
		return refusal(err)
	}
	var found []uint
	for _, slot := range slots {
		info, err := d.ctx.GetTokenInfo(slot)
		if err != nil || info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue // a reader with something else in it
		}
		if r.Token == "" || strings.TrimRight(info.Label, " \x00") == r.Token {
			found = append(found, slot)
		}
	}
	if len(found) != 1 {
		return &token.Refusal{Failure: token.Away, Detail: fmt.Sprintf("%d tokens of %d fit", len(found), len(slots))}
	}
	d.slot = found[0]
	if d.session, err = d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
		return refusal(err)
	}
	d.open = true
	return nil
}

// certificate finds the certificate to sign with: the one with the label, or the
// only one that is no authority's. Authorities' are the chain.
func (d *device) certificate(label string) (cert []byte, chain [][]byte, id []byte, err error) {
	objects, err := d.find(pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE))
	if err != nil {
		return nil, nil, nil, err
	}
	fits := 0
	for _, o := range objects {
		a, err := d.ctx.GetAttributeValue(d.session, o, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil), pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
		if err != nil {
			return nil, nil, nil, refusal(err)
		}
		c, err := x509.ParseCertificate(a[0].Value)
		switch {
		case err != nil:
			continue // not X.509
		case c.IsCA:
			if !bytes.Equal(c.RawIssuer, c.RawSubject) { // roots are not sent along
				chain = append(chain, c.Raw)
			}
		case label == "" || label == string(a[2].Value):
			fits++
			cert, id = a[0].Value, a[1].Value
		}
	}
	if fits != 1 {
		return nil, nil, nil, &token.Refusal{Failure: token.NoKey, Detail: fmt.Sprintf("%d certificates fit", fits)}
	}
	return cert, chain, id, nil
}

// findKey finds the private key that goes with a certificate by its CKA_ID.
func (d *device) findKey(id []byte) error {
	keys, err := d.find(pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	if err != nil {
		return err
	}
	if len(keys) != 1 {
		return &token.Refusal{Failure: token.NoKey, Detail: fmt.Sprintf("%d keys go with the certificate", len(keys))}
	}
	a, err := d.ctx.GetAttributeValue(d.session, keys[0], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, nil)})
	if err != nil {
		return refusal(err)
	}
	d.key = keys[0]
	d.rsa = bytes.Equal(a[0].Value, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA).Value)
	return nil
}

func (d *device) find(like ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := d.ctx.FindObjectsInit(d.session, like); err != nil {
		return nil, refusal(err)
	}
	objects, _, err := d.ctx.FindObjects(d.session, 64)
	if e := d.ctx.FindObjectsFinal(d.session); err == nil {
		err = e
	}
	if err != nil {
		return nil, refusal(err)
	}
	return objects, nil
}

func is(err error, code uint) bool {
	var e pkcs11.Error
	return errors.As(err, &e) && uint(e) == code
}

// refusal says what a PKCS#11 error means to the agent.
func refusal(err error) error {
	out := &token.Refusal{Failure: token.Away, Detail: err.Error()}
	switch {
	case is(err, pkcs11.CKR_PIN_INCORRECT), is(err, pkcs11.CKR_PIN_LEN_RANGE), is(err, pkcs11.CKR_PIN_INVALID):
		out.Failure = token.PINWrong
	case is(err, pkcs11.CKR_PIN_LOCKED):
		out.Failure = token.PINLocked
	case is(err, pkcs11.CKR_KEY_TYPE_INCONSISTENT), is(err, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED), is(err, pkcs11.CKR_MECHANISM_INVALID):
		out.Failure = token.NoKey
	}
	return out
}
