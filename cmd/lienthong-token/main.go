// Command lienthong-token lets lienthong's agent sign with a key on a PKCS#11
// token. It loads the token maker's library, which is C, and answers the agent
// over its standard input and output (package agent/signer/token); the agent
// starts and ends it. Built without the tag pkcs11 it can only say so.
package main

import (
	"fmt"
	"io"
	"os"

	"lienthong/internal/agent/signer/token"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lienthong-token:", err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer) error {
	d := newDevice()
	err := token.Serve(in, out, d)
	d.Close()
	return err
}
