package home

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/ledger/jcs"
)

// DefaultListen is where the agent's page, local endpoint and gateway answer.
const DefaultListen = "127.0.0.1:8085"

// Config is agent.json. It holds no secret: what is secret has a file of its own
// or, a PIN, none at all. Zero members are defaults.
type Config struct {
	Hub      string            `json:"hub"`      // https URL; http only to this machine
	Facility care.FacilityCode `json:"facility"` // whose agent this is
	Listen   string            `json:"listen"`   // page, local endpoint and gateway; loopback only; default DefaultListen
	// Secure is where the same is answered over TLS, for a HIS whose host name is
	// built in (package agent/local); loopback only, for example 127.0.0.1:443; "" off.
	Secure   string         `json:"secure,omitempty"`
	Folders  []Folder       `json:"folders"`
	Signer   SignerConfig   `json:"signer"`
	Proxy    string         `json:"proxy"`    // "" as the environment says, "direct", or a URL; its password is in the file proxy.password
	Software string         `json:"software"` // name/version of the HIS, sent as the header Software
	Gateway  *GatewayConfig `json:"gateway"`  // nil: off
	Update   *UpdateConfig  `json:"update,omitempty"`
}

// Folder is a watched folder.
type Folder struct {
	Path    string `json:"path"`              // absolute
	Lane    string `json:"lane,omitempty"`    // "urgent", "routine" (also ""), "backlog"
	Done    string `json:"done,omitempty"`    // where taken files go; "" is Path/da-gui
	Pattern string `json:"pattern,omitempty"` // as path.Match, of the file's name; "" is every file
}

// Types of a signer.
const (
	SignerNone   = "none"
	SignerPEM    = "pem"
	SignerPKCS12 = "pkcs12"
	SignerPKCS11 = "pkcs11"
	SignerRemote = "remote"
)

// SignerConfig says what seals. Which members are read depends on Type.
type SignerConfig struct {
	Type        string `json:"type"`                  // "" is none
	Certificate string `json:"certificate,omitempty"` // pem: file with the certificate and its chain
	Key         string `json:"key,omitempty"`         // pem: file with the key, mode 0600
	File        string `json:"file,omitempty"`        // pkcs12: the file
	Module      string `json:"module,omitempty"`      // pkcs11: the maker's library
	Helper      string `json:"helper,omitempty"`      // pkcs11: program lienthong-token; "" is the one beside this program
	Slot        string `json:"slot,omitempty"`        // pkcs11: label of the token; "" is the only one
	Label       string `json:"label,omitempty"`       // pkcs11: label of key and certificate; "" is the only pair
	URL         string `json:"url,omitempty"`         // remote: base of the service's API, https
	Credential  string `json:"credential,omitempty"`  // remote: credentialID; "" is the only one
	ClientID    string `json:"client_id,omitempty"`   // remote: OAuth client; its secret is in the file SecretFile
	SecretFile  string `json:"secret_file,omitempty"` // remote: mode 0600; the client's secret, or without ClientID a bearer token
	TokenURL    string `json:"token_url,omitempty"`   // remote: OAuth token endpoint; "" is URL/oauth2/token
}

// GatewayConfig is the account of the local drop-in gateway.
type GatewayConfig struct {
	User string `json:"user"`
	Hash string `json:"hash"` // of the password, as package web/gateway makes it
}

// UpdateConfig says whose updates are taken.
type UpdateConfig struct {
	Key  string `json:"key"`            // verifier key of the releases, C2SP signed-note: name+hash+base64
	From string `json:"from,omitempty"` // where manifests are: URL or path
}

// ParseConfig reads the bytes of agent.json, strictly: known members, each once.
// Fault: agent.config; its cause names what is wrong.
func ParseConfig(b []byte) (Config, error) {
	if len(b) > maxFile {
		return Config{}, ErrConfig.Because(errors.New("too long"))
	}
	if _, err := jcs.Parse(b); err != nil { // a member twice, bad UTF-8, something behind
		return Config{}, ErrConfig.Because(err)
	}
	var c Config
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Config{}, ErrConfig.Because(err)
	}
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return Config{}, ErrConfig.Because(err)
	}
	return c, nil
}

// Check returns agent.config when Save would, but for the facility where it is
// not known yet.
func (c Config) Check() error {
	c = c.withDefaults()
	if c.Facility == "" {
		c.Facility = "00000"
	}
	if err := c.check(); err != nil {
		return ErrConfig.Because(err)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Signer.Type == "" {
		c.Signer.Type = SignerNone
	}
	return c
}

func (c Config) check() error {
	if err := checkURL(c.Hub, "hub"); err != nil {
		return err
	}
	if _, err := care.ParseFacilityCode(string(c.Facility)); err != nil {
		return fmt.Errorf("facility: %w", err)
	}
	if err := checkListen(c.Listen, "listen"); err != nil {
		return err
	}
	if c.Secure != "" {
		if err := checkListen(c.Secure, "secure"); err != nil {
			return err
		}
	}
	if err := checkProxy(c.Proxy); err != nil {
		return err
	}
	if strings.ContainsFunc(c.Software, func(r rune) bool { return r < ' ' || r > '~' }) || len(c.Software) > 200 {
		return errors.New("software: at most 200 printable ASCII characters")
	}
	if g := c.Gateway; g != nil && (g.User == "" || g.Hash == "") {
		return errors.New("gateway: user and hash are both needed")
	}
	if u := c.Update; u != nil && u.Key == "" {
		return errors.New("update: key is needed")
	}
	if err := checkFolders(c.Folders); err != nil {
		return err
	}
	return c.Signer.check()
}

func checkFolders(folders []Folder) error {
	seen := map[string]bool{}
	for i, f := range folders {
		path := filepath.Clean(f.Path)
		switch {
		case !filepath.IsAbs(f.Path) || f.Done != "" && !filepath.IsAbs(f.Done):
			return fmt.Errorf("folders[%d]: paths are absolute", i)
		case seen[path]:
			return fmt.Errorf("folders[%d]: named twice", i)
		case !slices.Contains([]string{"", "urgent", "routine", "backlog"}, f.Lane):
			return fmt.Errorf("folders[%d]: lane is urgent, routine or backlog", i)
		case f.Done != "" && filepath.Clean(f.Done) == path:
			return fmt.Errorf("folders[%d]: taken files cannot stay where they are taken from", i)
		}
		if _, err := filepath.Match(f.Pattern, ""); err != nil {
			return fmt.Errorf("folders[%d]: pattern: %w", i, err)
		}
		seen[path] = true
	}
	return nil
}

func (s SignerConfig) check() error {
	need := map[string]map[string]string{
		SignerNone:   {},
		SignerPEM:    {"certificate": s.Certificate, "key": s.Key},
		SignerPKCS12: {"file": s.File},
		SignerPKCS11: {"module": s.Module},
		SignerRemote: {"url": s.URL, "secret_file": s.SecretFile},
	}
	members, ok := need[s.Type]
	if !ok {
		return errors.New("signer: type is none, pem, pkcs12, pkcs11 or remote")
	}
	for name, value := range members {
		if value == "" {
			return fmt.Errorf("signer: %s needs %s", s.Type, name)
		}
	}
	for _, path := range []string{s.Certificate, s.Key, s.File, s.Module, s.Helper, s.SecretFile} {
		if path != "" && !filepath.IsAbs(path) {
			return errors.New("signer: paths are absolute")
		}
	}
	if s.Type != SignerRemote {
		return nil
	}
	if s.TokenURL != "" {
		if err := checkBase(s.TokenURL, "signer: token_url"); err != nil {
			return err
		}
	}
	return checkBase(s.URL, "signer: url")
}

// checkURL wants the address of a host, without anything behind.
func checkURL(text, what string) error {
	if err := checkBase(text, what); err != nil {
		return err
	}
	if u, err := url.Parse(text); err != nil || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("%s: no path", what)
	}
	return nil
}

// checkBase wants https, or http to this machine, and no password.
func checkBase(text, what string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil: // not repeated: what is no URL may hold a password
		return fmt.Errorf("%s: not a URL", what)
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: a URL with host, without user or query", what)
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%s: https is needed", what)
}

func checkListen(text, what string) error {
	host, _, err := net.SplitHostPort(text)
	if err != nil || !loopback(host) {
		return fmt.Errorf("%s: an address of this machine only, for example %s", what, DefaultListen)
	}
	return nil
}

func checkProxy(text string) error {
	if text == "" || text == ProxyDirect {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return errors.New("proxy: empty, direct, or http://host:port")
	}
	if _, secret := u.User.Password(); secret {
		return fmt.Errorf("proxy: the password belongs into the file %s", proxyFile)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
