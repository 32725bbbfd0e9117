package simulate

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/command"
)

type insurerCmd struct {
	common
	Accounts     string        `help:"JSON file: [{\"user\",\"password_hash\" (MD5, upper-case hex),\"facilities\":[...]}]. Without it everybody may log in." type:"path"`
	Certificates string        `help:"Directory with CODE.crt or CODE.pem for each facility whose seals are checked." type:"path"`
	Cards        string        `help:"JSON file of cards instead of the synthetic ones." type:"path"`
	Hold         []string      `help:"Dossier files, or directories of them, held from the start." type:"path"`
	PerFile      int           `name:"per-file" default:"1" help:"Dossiers a file may hold."`
	TokenLife    time.Duration `name:"token-life" default:"10m" help:"How long a token is good."`
	VNeID        string        `name:"vneid" help:"URL of the simulated health book that dossiers are passed on to."`
}

// Run answers as the insurer until it is told to stop.
func (c *insurerCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	config := simulator.Config{PerFile: c.PerFile, TokenLife: c.TokenLife, Faults: c.faults()}
	if err := readJSON(c.Accounts, &config.Accounts); err != nil {
		return err
	}
	if err := readJSON(c.Cards, &config.Cards); err != nil {
		return err
	}
	if config.Certificates, err = certificates(c.Certificates); err != nil {
		return err
	}
	if c.VNeID != "" {
		config.PassOn = simulator.PassOnTo(&http.Client{Timeout: 5 * time.Second}, c.VNeID)
	}
	earlier, journal, end, err := c.journal()
	if err != nil {
		return err
	}
	defer closing(end, &err)
	config.Earlier, config.Journal = earlier, journal
	sim, err := simulator.New(config)
	if err != nil {
		return err
	}
	for _, name := range c.Hold {
		if err := hold(sim, name); err != nil {
			return err
		}
	}
	return c.serve(ctx, s, "insurer", sim)
}

// hold has a file held, or all of a directory.
func hold(sim *simulator.Simulator, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	files := []string{name}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(name, "*.xml")); err != nil {
			return err
		}
	}
	for _, f := range files {
		doc, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := sim.Hold(doc); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}

// certificates reads CODE.crt and CODE.pem of a directory, by CODE.
func certificates(dir string) (map[string][]*x509.Certificate, error) {
	found := map[string][]*x509.Certificate{}
	if dir == "" {
		return found, nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		ext := filepath.Ext(f.Name())
		if ext != ".crt" && ext != ".pem" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name(), err)
			}
			code := strings.TrimSuffix(f.Name(), ext)
			found[code] = append(found[code], cert)
		}
	}
	return found, nil
}
