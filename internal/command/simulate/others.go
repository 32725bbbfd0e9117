package simulate

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	axis "lienthong/internal/bridge/axis/simulator"
	prescription "lienthong/internal/bridge/prescription/simulator"
	webhook "lienthong/internal/bridge/webhook/simulator"
	"lienthong/internal/command"
)

type prescriptionCmd struct {
	common
	Logins     string `help:"JSON file of facilities and doctors: [{\"name\",\"password\",\"facility\"}]. Without it everybody may log in." type:"path"`
	Pharmacies string `help:"JSON file of pharmacies' programs: [{\"name\",\"password\"}]. Without it everybody may ask." type:"path"`
}

// Run answers as the prescription system until it is told to stop.
func (c *prescriptionCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	config := prescription.Config{Faults: c.faults()}
	if err := readJSON(c.Logins, &config.Logins); err != nil {
		return err
	}
	if err := readJSON(c.Pharmacies, &config.Pharmacies); err != nil {
		return err
	}
	earlier, journal, end, err := c.journal()
	if err != nil {
		return err
	}
	defer closing(end, &err)
	config.Earlier, config.Journal = earlier, journal
	sim, err := prescription.New(config)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "prescription", sim)
}

type axisCmd struct {
	common
	Senders string `help:"JSON file: [{\"gln\",\"user\",\"password\",\"role\",\"key\" (PEM file of a public key or certificate),\"certificates\" (PEM files of whose seals are checked)}]; files beside it. Without it everybody may push." type:"path"`
}

// sender is a sender as its file has it.
type sender struct {
	GLN          string   `json:"gln"`
	User         string   `json:"user"`
	Password     string   `json:"password"`
	Role         string   `json:"role"`
	Key          string   `json:"key"`
	Certificates []string `json:"certificates"`
}

// Run answers as the axis until it is told to stop.
func (c *axisCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	config := axis.Config{Faults: c.faults()}
	if config.Senders, err = senders(c.Senders); err != nil {
		return err
	}
	earlier, journal, end, err := c.journal()
	if err != nil {
		return err
	}
	defer closing(end, &err)
	config.Earlier, config.Journal = earlier, journal
	sim, err := axis.New(config)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "axis", sim)
}

func senders(name string) ([]axis.Sender, error) {
	var listed []sender
	if err := readJSON(name, &listed); err != nil {
		return nil, err
	}
	var all []axis.Sender
	for _, l := range listed {
		to := axis.Sender{GLN: l.GLN, User: l.User, Password: l.Password, Role: l.Role}
		if l.Key != "" {
			key, _, err := readPEM(beside(name, l.Key))
			if err != nil {
				return nil, err
			}
			to.Key = key
		}
		for _, f := range l.Certificates {
			_, cert, err := readPEM(beside(name, f))
			if err != nil {
				return nil, err
			}
			if cert == nil {
				return nil, fmt.Errorf("%s: no certificate", f)
			}
			to.Certificates = append(to.Certificates, cert)
		}
		all = append(all, to)
	}
	return all, nil
}

func beside(name, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(name), file)
}

// readPEM reads a public key or a certificate; the key is nil where it is not RSA
// and a certificate is there.
func readPEM(name string) (*rsa.PublicKey, *x509.Certificate, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, nil, fmt.Errorf("%s: no PEM", name)
	}
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		key, _ := cert.PublicKey.(*rsa.PublicKey)
		return key, cert, nil
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, nil, fmt.Errorf("%s: no RSA key", name)
	}
	return key, nil, nil
}

type webhookCmd struct {
	common
	Secret string `name:"secret-file" required:"" help:"File with the secret of the signatures: whsec_BASE64, or the secret itself." type:"path"`
}

// Run takes deliveries until it is told to stop.
func (c *webhookCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	raw, err := os.ReadFile(c.Secret)
	if err != nil {
		return err
	}
	config := webhook.Config{Secret: []byte(strings.TrimSpace(string(raw))), Faults: c.faults()}
	if packed, ok := strings.CutPrefix(string(config.Secret), "whsec_"); ok {
		if config.Secret, err = base64.StdEncoding.DecodeString(packed); err != nil {
			return errors.New("the secret is not whsec_ and base64")
		}
	}
	earlier, journal, end, err := c.journal()
	if err != nil {
		return err
	}
	defer closing(end, &err)
	config.Earlier, config.Journal = earlier, journal
	sim, err := webhook.New(config)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "webhook", sim)
}
