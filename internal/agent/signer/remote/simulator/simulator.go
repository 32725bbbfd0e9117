// Package simulator is a remote signing service to try package remote with, in
// the shape of the Cloud Signature Consortium's API v2. It keeps one key of its
// own, worth nothing to anybody, and does what a service does: takes a bearer
// token, wants a PIN, gives activation data for exactly the sums named, once, and
// locks after wrong PINs. Faults are chosen by whoever runs it.
package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/seal"
)

// CredentialID names the one key.
const CredentialID = "SIM-01"

// Config says how the service behaves; zero values are defaults.
type Config struct {
	Pair         seal.KeyPair
	ClientID     string // default "lienthong"
	ClientSecret string // default "simulated"
	PIN          string // "" authorises without (auth mode "implicit")
	OTP          bool   // wants a one-time password too
	Life         time.Duration
	Clock        clock.Clock
	// Fault is asked before each call with its path: a status other than 0 is
	// answered, with the code. May be nil.
	Fault func(path string) (status int, code string)
}

// Service is the simulated service. It is an http.Handler.
type Service struct {
	cfg Config
	mux *http.ServeMux

	mu      sync.Mutex
	bearers map[string]time.Time
	sads    map[string][]string // SAD to the sums it is for
	wrong   int
	signed  int
}

// maxPINs is how many wrong PINs lock the credential.
const maxPINs = 5

// life of a SAD.
const sadSeconds = 300

// New returns a service.
func New(c Config) (*Service, error) {
	if c.Pair.Key == nil || c.Pair.Certificate == nil || c.Clock == nil {
		return nil, errors.New("simulator: a key, its certificate and a clock are needed")
	}
	if c.ClientID == "" {
		c.ClientID = "lienthong"
	}
	if c.ClientSecret == "" {
		c.ClientSecret = "simulated"
	}
	if c.Life == 0 {
		c.Life = time.Hour
	}
	s := &Service{cfg: c, mux: http.NewServeMux(), bearers: map[string]time.Time{}, sads: map[string][]string{}}
	s.mux.HandleFunc("POST /csc/v2/oauth2/token", s.token)
	s.mux.HandleFunc("POST /csc/v2/credentials/list", s.list)
	s.mux.HandleFunc("POST /csc/v2/credentials/info", s.info)
	s.mux.HandleFunc("POST /csc/v2/credentials/authorize", s.authorize)
	s.mux.HandleFunc("POST /csc/v2/signatures/signHash", s.sign)
	return s, nil
}

// Signed returns how many signatures were made.
func (s *Service) Signed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signed
}

// Forget makes every access token worthless, as a restart of a service does.
func (s *Service) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.bearers)
}

// ServeHTTP answers.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Fault != nil {
		if status, code := s.cfg.Fault(r.URL.Path); status != 0 {
			refuse(w, status, code)
			return
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	s.mux.ServeHTTP(w, r)
}

func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if !same(id, s.cfg.ClientID) || !same(secret, s.cfg.ClientSecret) {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	bearer := rand.Text()
	s.mu.Lock()
	s.bearers[bearer] = s.cfg.Clock.Now().Add(s.cfg.Life)
	s.mu.Unlock()
	answer(w, map[string]any{"access_token": bearer, "token_type": "Bearer", "expires_in": int(s.cfg.Life.Seconds())})
}

// read checks the bearer token and reads the request; false when it answered.
func (s *Service) read(w http.ResponseWriter, r *http.Request, in any) bool {
	const scheme = "Bearer "
	h := r.Header.Get("Authorization")
	s.mu.Lock()
	until, known := s.bearers[h[min(len(scheme), len(h)):]]
	s.mu.Unlock()
	if !known || !s.cfg.Clock.Now().Before(until) {
		refuse(w, http.StatusUnauthorized, "invalid_token")
		return false
	}
	if err := json.NewDecoder(r.Body).Decode(in); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return false
	}
	return true
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) {
	if s.read(w, r, &struct{}{}) {
		answer(w, map[string]any{"credentialIDs": []string{CredentialID}})
	}
}

func (s *Service) info(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID string `json:"credentialID"`
	}
	if !s.read(w, r, &in) {
		return
	}
	if in.ID != CredentialID {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	algo := []string{"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"}
	if _, ok := s.cfg.Pair.Key.(*ecdsa.PrivateKey); ok {
		algo = []string{"1.2.840.10045.4.3.2"}
	}
	auth := map[string]any{"mode": "implicit"}
	if s.cfg.PIN != "" {
		objects := []map[string]any{{"id": "PIN", "type": "Password", "format": "N"}}
		if s.cfg.OTP {
			objects = append(objects, map[string]any{"id": "OTP", "type": "Password", "format": "N", "generator": "totp"})
		}
		auth = map[string]any{"mode": "explicit", "expression": "PIN", "objects": objects}
	}
	certs := []string{base64.StdEncoding.EncodeToString(s.cfg.Pair.Certificate.Raw)}
	for _, c := range s.cfg.Pair.Chain {
		certs = append(certs, base64.StdEncoding.EncodeToString(c.Raw))
	}
	answer(w, map[string]any{
		"key": map[string]any{"status": "enabled", "algo": algo}, "auth": auth, "SCAL": "2", "multisign": 1,
		"cert": map[string]any{"status": "valid", "certificates": certs},
	})
}

func (s *Service) authorize(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID     string   `json:"credentialID"`
		Number int      `json:"numSignatures"`
		Hashes []string `json:"hashes"`
		Auth   []struct {
			ID    string `json:"id"`
			Value string `json:"value"`
		} `json:"authData"`
	}
	if !s.read(w, r, &in) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case in.ID != CredentialID || in.Number != len(in.Hashes) || in.Number < 1:
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	case s.cfg.PIN == "":
	case s.wrong >= maxPINs:
		refuse(w, http.StatusBadRequest, "credential_locked")
		return
	case len(in.Auth) != 1 || in.Auth[0].ID != "PIN" || !same(in.Auth[0].Value, s.cfg.PIN):
		s.wrong++
		refuse(w, http.StatusBadRequest, "invalid_pin")
		return
	default:
		s.wrong = 0
	}
	sad := rand.Text()
	s.sads[sad] = in.Hashes
	answer(w, map[string]any{"SAD": sad, "expiresIn": sadSeconds})
}

func (s *Service) sign(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID     string   `json:"credentialID"`
		SAD    string   `json:"SAD"`
		Hashes []string `json:"hashes"`
		Hash   string   `json:"hashAlgorithmOID"`
		Algo   string   `json:"signAlgo"`
	}
	if !s.read(w, r, &in) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sums, ok := s.sads[in.SAD]
	delete(s.sads, in.SAD) // once
	if !ok || in.ID != CredentialID || !slices.Equal(sums, in.Hashes) || in.Hash != "2.16.840.1.101.3.4.2.1" || in.Algo == "" {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	var out []string
	for _, text := range in.Hashes {
		sum, err := base64.StdEncoding.DecodeString(text)
		var value []byte
		if err == nil {
			value, err = s.cfg.Pair.Key.Sign(rand.Reader, sum, crypto.SHA256)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, "invalid_request")
			return
		}
		out = append(out, base64.StdEncoding.EncodeToString(value))
	}
	s.signed += len(out)
	answer(w, map[string]any{"signatures": out})
}

// Files returns the service's key and certificate in one PEM, to be kept and given
// to seal.LoadPEM again, and the certificate alone, to be registered at a hub.
func Files(p seal.KeyPair) (both, cert []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("simulator: %w", err)
	}
	cert = block("CERTIFICATE", p.Certificate.Raw)
	return slices.Concat(block("PRIVATE KEY", der), cert), cert, nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the caller is gone when this fails
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "simulated"})
}
