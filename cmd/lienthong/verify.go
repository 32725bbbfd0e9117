package main

import (
	"errors"
	"fmt"
	"os"

	"lienthong/internal/ledger"
)

type verifyCmd struct {
	Original string   `help:"The file that was sent: its digest must be the receipt's." type:"existingfile"`
	LogKey   []string `name:"log-key" help:"Verifier key of the hub's log, or a file that holds it; without it only consistency is checked and the exit code is 2."`
	Witness  []string `name:"require-witness" help:"Verifier key of a witness that must have cosigned; one of those given is enough."`
	JSON     bool     `name:"json" help:"As JSON."`
	Receipt  string   `arg:"" help:"Receipt document." type:"existingfile"`
}

// Run verifies offline: 0 it holds, 1 it does not, 2 it agrees with itself but
// no key says whose it is.
func (c *verifyCmd) Run(s *streams) error {
	doc, err := os.ReadFile(c.Receipt)
	if err != nil {
		return err
	}
	opts := ledger.VerifyOptions{RequireWitness: c.Witness}
	for _, k := range c.LogKey {
		if b, err := os.ReadFile(k); err == nil {
			k = string(trimNewline(b))
		}
		opts.LogKeys = append(opts.LogKeys, k)
	}
	if c.Original != "" {
		if opts.Original, err = os.ReadFile(c.Original); err != nil {
			return err
		}
	}
	report, err := ledger.Verify(doc, opts)
	if err != nil {
		return err
	}
	if err := c.show(s, report); err != nil {
		return err
	}
	switch {
	case !report.OK:
		return errNo
	case !report.Trusted:
		return errors.New("no --log-key given: the receipt agrees with itself, and nothing says whose it is")
	}
	return nil
}

func (c *verifyCmd) show(s *streams, r ledger.Report) error {
	if c.JSON {
		return writeJSON(s.out, r)
	}
	fmt.Fprintln(s.out, r.Says.In(s.lang))
	for _, step := range r.Steps {
		mark := "✓"
		if !step.OK {
			mark = "✗"
		}
		fmt.Fprintf(s.out, "  %s %s\n", mark, step.Text.In(s.lang))
	}
	return nil
}
