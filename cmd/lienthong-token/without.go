//go:build !pkcs11 || !cgo

package main

import "lienthong/internal/agent/signer/token"

// device is what a build without PKCS#11 has.
type device struct{}

func newDevice() device { return device{} }

var errWithout = &token.Refusal{Failure: token.Away, Detail: "this lienthong-token was built without PKCS#11: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/lienthong-token"}

// Peek says that nothing can be done.
func (device) Peek(token.Request) ([]byte, [][]byte, error) { return nil, nil, errWithout }

// Open says that nothing can be done.
func (device) Open(token.Request) ([]byte, [][]byte, error) { return nil, nil, errWithout }

// Sign says that nothing can be done.
func (device) Sign([]byte) ([]byte, error) { return nil, errWithout }

// Close has nothing to let go of.
func (device) Close() {}
