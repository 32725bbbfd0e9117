package simulate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	csc "lienthong/internal/agent/signer/remote/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

type cscCmd struct {
	Listen  string `default:"127.0.0.1:0" help:"Address to answer at; port 0 takes a free one."`
	JSON    bool   `name:"json" help:"Print the address as JSON."`
	Dir     string `required:"" help:"Directory of its key and certificate, made where they are not." type:"path"`
	Name    string `default:"Simulated facility" help:"Name in a new certificate."`
	TaxCode string `name:"tax-code" help:"The facility's tax code in a new certificate."`
	PIN     string `name:"pin-file" help:"File with the PIN it wants; without it none." type:"existingfile"`
	Fault   string `help:"Status and CSC code to answer every signature with, for example 503:server_error."`
}

// Run answers as a remote signing service until it is told to stop. OAuth client
// lienthong, secret simulated.
func (c *cscCmd) Run(ctx context.Context, s *command.Streams) error {
	config := csc.Config{Clock: clock.System{}}
	var err error
	if config.Pair, err = c.pair(); err != nil {
		return err
	}
	if c.PIN != "" {
		b, err := os.ReadFile(c.PIN)
		if err != nil {
			return err
		}
		config.PIN = string(command.TrimNewline(b))
	}
	if c.Fault != "" {
		number, code, _ := strings.Cut(c.Fault, ":")
		status, err := strconv.Atoi(number)
		if err != nil || status < 300 || status > 599 {
			return errFault
		}
		config.Fault = func(path string) (int, string) {
			if strings.HasSuffix(path, "/signHash") {
				return status, code
			}
			return 0, ""
		}
	}
	service, err := csc.New(config)
	if err != nil {
		return err
	}
	if !c.JSON {
		if _, err := fmt.Fprintf(s.Out, "certificate: %s\n", filepath.Join(c.Dir, "cert.pem")); err != nil {
			return err
		}
	}
	return (&common{Listen: c.Listen, JSON: c.JSON}).serve(ctx, s, "csc", http.Handler(service))
}

// pair reads the key kept in the directory, or makes one there.
func (c *cscCmd) pair() (seal.KeyPair, error) {
	path := filepath.Join(c.Dir, "key.pem")
	b, err := os.ReadFile(path)
	if err == nil {
		return seal.LoadPEM(b)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return seal.KeyPair{}, err
	}
	pair, err := csc.NewPair(c.Name, c.TaxCode, clock.System{})
	if err != nil {
		return seal.KeyPair{}, err
	}
	both, cert, err := csc.Files(pair)
	if err == nil {
		err = os.MkdirAll(c.Dir, 0o700)
	}
	if err == nil { // the key last: with it the rest is there
		err = errors.Join(os.WriteFile(filepath.Join(c.Dir, "cert.pem"), cert, 0o644), os.WriteFile(path, both, 0o600))
	}
	return pair, err
}

var errFault = fault.New(fault.Invalid, "usage.value_form",
	"--fault: trạng thái từ 300 đến 599, ví dụ 503:server_error.",
	"--fault: a status from 300 to 599, for example 503:server_error.")
