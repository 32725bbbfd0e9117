package proof

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lienthong/internal/bundle"
	"lienthong/internal/choice"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/ledger"
	"lienthong/internal/seal"
)

type VerifyCmd struct {
	Original     string   `help:"The file that was sent: its digest must be the receipt's." type:"existingfile"`
	Key          []string `name:"key" help:"Key of the hub's receipts, for the receipt of a choice (.jws): a public key (PEM or JWK), or a receipt document of the hub, which --log-key proves." type:"existingfile"`
	LogKey       []string `name:"log-key" help:"Verifier key of the hub's log, or a file that holds it; without it only consistency is checked and the exit code is 2."`
	TSARoot      []string `name:"tsa-root" help:"Root certificate (PEM) of a time-stamp authority that is trusted." type:"existingfile"`
	SignerRoot   []string `name:"signer-root" help:"Root certificate (PEM) of an authority that issues facilities' certificates." type:"existingfile"`
	Witness      []string `name:"witness-key" help:"Verifier key of a witness: whether it cosigned is told."`
	MustWitness  []string `name:"require-witness" help:"Verifier key of a witness that must have cosigned; one of those given is enough."`
	RequireStamp bool     `name:"require-stamp" help:"A time-stamp of a trusted authority must be there."`
	JSON         bool     `name:"json" help:"As JSON."`
	Receipt      string   `arg:"" name:"file" help:"Receipt document, evidence bundle (zip), or receipt of a citizen's choice (.jws)." type:"existingfile"`
}

// errUntrusted: it agrees with itself, and nothing says whose it is.
var errUntrusted = fault.New(fault.Invalid, "verify.no_log_key",
	"Chưa nêu --log-key: các phần khớp nhau, nhưng chưa biết là của ai.",
	"With no --log-key given it agrees with itself, and nothing says whose it is.")

// Run verifies offline: 0 it holds, 1 it does not, 2 it agrees with itself but
// no key says whose it is.
func (c *VerifyCmd) Run(s *command.Streams) error {
	data, err := readUpTo(c.Receipt, bundle.MaxBundle)
	if err != nil {
		return err
	}
	for _, list := range [][]string{c.LogKey, c.Witness, c.MustWitness} {
		for i, k := range list { // a key, or a file that holds it
			if b, err := os.ReadFile(k); err == nil {
				list[i] = string(command.TrimNewline(b))
			}
		}
	}
	if bytes.HasPrefix(data, []byte("PK")) || strings.EqualFold(filepath.Ext(c.Receipt), ".zip") { // an archive (APPNOTE 4.3.7), or meant to be one
		return c.bundle(s, data)
	}
	if jws := bytes.TrimSpace(data); choice.IsCompact(jws) {
		return c.say(s, jws)
	}
	return c.receipt(s, data)
}

// readUpTo reads a file whole, and no more than any of its kind has.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is longer than any receipt or bundle", path)
	}
	return b, err
}

func (c *VerifyCmd) receipt(s *command.Streams, doc []byte) (err error) {
	opts := ledger.VerifyOptions{LogKeys: c.LogKey, RequireWitness: c.MustWitness}
	if c.Original != "" {
		if opts.Original, err = os.ReadFile(c.Original); err != nil {
			return err
		}
	}
	r, err := ledger.Verify(doc, opts)
	if err != nil {
		return err
	}
	steps := make([]bundle.Step, len(r.Steps))
	for i, x := range r.Steps {
		steps[i] = bundle.Step{Name: x.Name, OK: x.OK, Text: x.Text}
	}
	return c.show(s, r, r.Says, steps, r.OK, r.Trusted)
}

func (c *VerifyCmd) bundle(s *command.Streams, data []byte) error {
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return err
	}
	o := bundle.Options{Kinds: hub.Kinds(), Seals: seals, LogKeys: c.LogKey, Witnesses: c.Witness, RequireWitness: c.MustWitness, RequireStamp: c.RequireStamp}
	for _, x := range []struct {
		files []string
		to    *[]*x509.Certificate
	}{{c.TSARoot, &o.TSARoots}, {c.SignerRoot, &o.SignerRoots}} {
		if *x.to, err = certificateFiles(x.files); err != nil {
			return err
		}
	}
	r, err := bundle.Verify(data, o)
	if err != nil {
		return err
	}
	return c.show(s, r, r.Says, r.Steps, r.OK, r.Trusted)
}

func certificateFiles(paths []string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		n := len(out)
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			out = append(out, cert)
		}
		if len(out) == n {
			return nil, fmt.Errorf("%s holds no certificate", path)
		}
	}
	return out, nil
}

// show prints what was found, a line for each step, and turns it into the exit code.
func (c *VerifyCmd) show(s *command.Streams, report any, says fault.Text, steps []bundle.Step, ok, trusted bool) error {
	if c.JSON {
		if err := command.WriteJSON(s.Out, report); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(s.Out, says.In(s.Lang))
		for _, step := range steps {
			mark := "✓"
			switch {
			case !step.OK:
				mark = "✗"
			case step.Open:
				mark = "?"
			}
			member := ""
			if step.Member != "" {
				member = step.Member + ": "
			}
			fmt.Fprintf(s.Out, "  %s %s%s\n", mark, member, step.Text.In(s.Lang))
		}
	}
	switch {
	case !ok:
		return command.ErrNo
	case !trusted:
		return errUntrusted
	}
	return nil
}
