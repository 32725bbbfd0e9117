// Package remote seals with a key that a remote signing service keeps, in the
// shape of the Cloud Signature Consortium's API, version 2 (CSC API v2.0):
// oauth2/token, credentials/list, credentials/info, credentials/authorize,
// signatures/signHash. Only the SHA-256 sum of what is signed leaves the machine,
// never the file.
//
// A service that wants a PIN for each authorisation (auth mode "explicit") makes
// the signer wait for it; one that asks the signer's telephone ("implicit") is
// waited for. One-time passwords cannot be used by a machine that signs alone:
// such a credential is refused. Timestamps, document signing and the
// asynchronous mode are not used.
package remote

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/clock"
)

// OIDs of CSC API v2 §11.
const (
	oidSHA256    = "2.16.840.1.101.3.4.2.1"
	oidRSA       = "1.2.840.113549.1.1.1"
	oidRSASHA256 = "1.2.840.113549.1.1.11"
	oidECSHA256  = "1.2.840.10045.4.3.2"
	oidEC        = "1.2.840.10045.2.1"
)

// maxAnswer is far more than any answer of these calls.
const maxAnswer = 1 << 20

// Config says which key of which service.
type Config struct {
	URL        string                 // base, for example https://rssp.example/csc/v2
	Credential string                 // credentialID; "" is the only one
	ClientID   string                 // OAuth client; "": Secret is a bearer token
	TokenURL   string                 // "" is URL/oauth2/token
	Secret     func() (string, error) // read anew for every login, so that it can be changed
	HTTP       *http.Client
	Clock      clock.Clock
}

// Source is a key at a service. It implements signer.Source.
type Source struct {
	cfg Config

	mu     sync.Mutex
	bearer string
	until  time.Time
}

// New returns a source; nothing is asked before it is opened.
func New(c Config) *Source {
	c.URL = strings.TrimRight(c.URL, "/")
	if c.TokenURL == "" {
		c.TokenURL = c.URL + "/oauth2/token"
	}
	client := *c.HTTP
	// A redirect would carry a bearer token elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.HTTP = &client
	return &Source{cfg: c}
}

// info is what credentials/info says, as far as it is needed.
type info struct {
	Key struct {
		Status string   `json:"status"`
		Algo   []string `json:"algo"`
	} `json:"key"`
	Cert struct {
		Status       string   `json:"status"`
		Certificates [][]byte `json:"certificates"` // standard base64 of DER
	} `json:"cert"`
	Auth struct {
		Mode    string `json:"mode"`
		Objects []struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"objects"`
	} `json:"auth"`
}

// Open implements signer.Source. A PIN is shown to the service at once, so that a
// wrong one is told to who typed it.
func (s *Source) Open(ctx context.Context, pin string) (*signer.Opened, error) {
	id, about, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	o, algorithm, err := opened(about)
	if err != nil {
		return nil, err
	}
	k := &key{source: s, id: id, algorithm: algorithm}
	switch about.Auth.Mode {
	case "implicit", "":
	case "explicit":
		// An id other than PIN is an OTP or something else that a person has to give
		// every time.
		if len(about.Auth.Objects) != 1 || !strings.EqualFold(about.Auth.Objects[0].ID, "PIN") {
			return nil, signer.ErrKey.Because(errors.New("the credential wants more than a PIN for each signature"))
		}
		if pin == "" {
			return nil, signer.ErrWaiting
		}
		k.pinID, k.pin = about.Auth.Objects[0].ID, pin
		if _, err := k.authorize(ctx, make([]byte, 32)); err != nil {
			return nil, err
		}
	default:
		return nil, signer.ErrKey.Because(fmt.Errorf("authorisation mode %q is not for machines", about.Auth.Mode))
	}
	o.Key = k
	return o, nil
}

// Peek implements signer.Source: services show certificates without PIN.
func (s *Source) Peek(ctx context.Context) *x509.Certificate {
	_, about, err := s.look(ctx)
	if err != nil {
		return nil // opening says why
	}
	o, _, err := opened(about)
	if err != nil {
		return nil
	}
	return o.Certificate
}

// Close implements signer.Source: it forgets the access token.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bearer = ""
	return nil
}

// look finds the credential and what the service says of it.
func (s *Source) look(ctx context.Context) (id string, about info, err error) {
	if id = s.cfg.Credential; id == "" {
		var list struct {
			IDs []string `json:"credentialIDs"`
		}
		if err := s.call(ctx, "credentials/list", map[string]any{}, &list); err != nil {
			return "", info{}, err
		}
		if len(list.IDs) != 1 {
			return "", info{}, signer.ErrKey.Because(fmt.Errorf("the service has %d credentials: name one", len(list.IDs)))
		}
		id = list.IDs[0]
	}
	err = s.call(ctx, "credentials/info", map[string]any{"credentialID": id, "certificates": "chain", "certInfo": false, "authInfo": true}, &about)
	return id, about, err
}

// opened reads key and certificates and chooses the algorithm.
func opened(about info) (*signer.Opened, string, error) {
	if about.Key.Status != "enabled" || about.Cert.Status != "" && about.Cert.Status != "valid" {
		return nil, "", signer.ErrKey.Because(fmt.Errorf("key %q, certificate %q", about.Key.Status, about.Cert.Status))
	}
	var certs []*x509.Certificate
	for _, der := range about.Cert.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, "", signer.ErrKey.Because(err)
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, "", signer.ErrKey.Because(errors.New("no certificate"))
	}
	o := &signer.Opened{Certificate: certs[0]}
	for _, c := range certs[1:] {
		if !bytes.Equal(c.RawIssuer, c.RawSubject) { // roots are not sent along
			o.Chain = append(o.Chain, c)
		}
	}
	algorithms := []string{oidRSASHA256, oidRSA}
	if o.Certificate.PublicKeyAlgorithm == x509.ECDSA {
		algorithms = []string{oidECSHA256, oidEC}
	}
	for _, a := range algorithms {
		if slices.Contains(about.Key.Algo, a) {
			return o, a, nil
		}
	}
	return nil, "", signer.ErrKey.Because(errors.New("the service offers no SHA-256 signature with this key"))
}

// key is one credential, with its PIN.
type key struct {
	source        *Source
	id, algorithm string
	pinID, pin    string
}

// Sign implements signer.Key: one authorisation, one signature.
func (k *key) Sign(ctx context.Context, sum []byte) ([]byte, error) {
	sad, err := k.authorize(ctx, sum)
	if err != nil {
		return nil, err
	}
	var out struct {
		Signatures [][]byte `json:"signatures"`
	}
	err = k.source.call(ctx, "signatures/signHash", map[string]any{
		"credentialID": k.id, "SAD": sad, "hashes": [][]byte{sum}, "hashAlgorithmOID": oidSHA256, "signAlgo": k.algorithm,
	}, &out)
	if err != nil {
		return nil, err
	}
	if len(out.Signatures) != 1 {
		return nil, signer.ErrSignature.Because(fmt.Errorf("%d signatures for one sum", len(out.Signatures)))
	}
	return out.Signatures[0], nil
}

// authorize returns the signature activation data for one sum.
func (k *key) authorize(ctx context.Context, sum []byte) (string, error) {
	ask := map[string]any{"credentialID": k.id, "numSignatures": 1, "hashes": [][]byte{sum}, "hashAlgorithmOID": oidSHA256}
	if k.pinID != "" {
		ask["authData"] = []map[string]string{{"id": k.pinID, "value": k.pin}}
	}
	var out struct {
		SAD string `json:"SAD"`
	}
	if err := k.source.call(ctx, "credentials/authorize", ask, &out); err != nil {
		return "", err
	}
	if out.SAD == "" {
		return "", signer.ErrUnavailable.Because(errors.New("no SAD in the answer"))
	}
	return out.SAD, nil
}

// call posts JSON and reads JSON. A bearer token that was refused is taken anew
// once.
func (s *Source) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("remote signing: %w", err)
	}
	for again := false; ; again = true {
		bearer, err := s.login(ctx, again)
		if err != nil {
			return err
		}
		status, b, err := s.post(ctx, s.cfg.URL+"/"+path, "application/json", bearer, body)
		if err != nil {
			return err
		}
		if status == http.StatusUnauthorized && !again && s.cfg.ClientID != "" {
			continue
		}
		if status != http.StatusOK {
			return refusal(path, status, b)
		}
		if err := json.Unmarshal(b, out); err != nil {
			return signer.ErrUnavailable.Because(fmt.Errorf("%s: the answer is not JSON of its form", path))
		}
		return nil
	}
}

// refusal maps the error codes of CSC API v2 §10. The service's own sentence is
// not repeated: it may hold what was sent.
func refusal(path string, status int, b []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(b, &said); err != nil {
		said.Error = ""
	}
	why := fmt.Errorf("%s: %d %.40q", path, status, said.Error)
	switch said.Error {
	case "invalid_pin":
		return signer.ErrPINWrong.Because(why)
	case "pin_locked", "credential_locked", "credential_suspended":
		return signer.ErrPINLocked.Because(why)
	}
	if status == http.StatusTooManyRequests || status >= 500 || status == http.StatusUnauthorized {
		return signer.ErrUnavailable.Because(why)
	}
	return signer.ErrKey.Because(why)
}

// login returns an access token (OAuth 2.0 client credentials, RFC 6749 §4.4).
func (s *Source) login(ctx context.Context, anew bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, err := s.cfg.Secret()
	if err != nil {
		return "", signer.ErrUnavailable.Because(err)
	}
	if s.cfg.ClientID == "" {
		return secret, nil
	}
	if s.bearer != "" && !anew && s.cfg.Clock.Now().Before(s.until) {
		return s.bearer, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.cfg.ClientID}, "client_secret": {secret}, "scope": {"service"}}
	status, b, err := s.post(ctx, s.cfg.TokenURL, "application/x-www-form-urlencoded", "", []byte(form.Encode()))
	if err != nil {
		return "", err
	}
	var said struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
	}
	if status != http.StatusOK || json.Unmarshal(b, &said) != nil || said.Token == "" || strings.ContainsAny(said.Token, " \r\n") {
		return "", signer.ErrUnavailable.Because(fmt.Errorf("login answered %d", status))
	}
	life := time.Duration(min(max(said.Expires, 0), 24*60*60)) * time.Second
	s.bearer, s.until = said.Token, s.cfg.Clock.Now().Add(life-life/10)
	return s.bearer, nil
}

func (s *Source) post(ctx context.Context, to, kind, bearer string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, signer.ErrUnavailable.Because(errors.New("the service's address is no URL"))
	}
	req.Header.Set("Content-Type", kind)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := s.cfg.HTTP.Do(req)
	if err != nil {
		return 0, nil, signer.ErrUnavailable.Because(err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return 0, nil, signer.ErrUnavailable.Because(err)
	}
	return resp.StatusCode, b, nil
}
