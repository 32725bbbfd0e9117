// Package control is how the commands of one machine speak to the agent that
// runs on it: its state, and the PIN for the signer. It is a Unix socket in the
// agent's directory, or a loopback port where there are none (Windows, a path too
// long for a socket); either way the caller shows a token from a file that only
// the agent's own user, and root, can read.
//
// It is not for other machines, nor for a HIS (package agent/station).
package control

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// ErrNotRunning (agent.not_running): nobody answers for the agent on this machine.
var ErrNotRunning = fault.New(fault.Absent, "agent.not_running",
	"Trạm gửi không chạy trên máy này. Khởi động dịch vụ, hoặc chạy lienthong agent run.",
	"The agent is not running on this machine. Start the service, or run lienthong agent run.")

var errToken = fault.New(fault.Unauthenticated, "agent.control_token",
	"Không được phép điều khiển trạm gửi này.", "You may not control this agent.")

const (
	endpointFile = "control.json"
	socketFile   = "control.sock"
	tokenHeader  = "Control-Token"
	maxBody      = 1 << 20
	// maxSocket is under the 104 bytes of a Unix socket's path (BSD; Linux has 108).
	maxSocket = 100
)

// Status is what a running agent says of itself.
type Status struct {
	Version  string    `json:"version"`
	Process  int       `json:"process"`
	Started  time.Time `json:"started"`
	Healthy  bool      `json:"healthy"` // it works; that it waits for a PIN or a line does not make it ill
	Hub      string    `json:"hub"`
	Facility string    `json:"facility"`
	Signer   Signer    `json:"signer"`
	// Station is what agent/station says: counters, line, slot.
	Station json.RawMessage `json:"station,omitempty"`
}

// Signer is the state of the signer.
type Signer struct {
	Phase       signer.Phase `json:"state"`
	Code        string       `json:"code,omitempty"`
	Message     *fault.Text  `json:"message,omitempty"`
	TriesLeft   int          `json:"tries_left"`
	Certificate *Certificate `json:"certificate,omitempty"`
}

// Certificate is the sealing certificate, as people know it.
type Certificate struct {
	Subject string    `json:"subject"`
	Issuer  string    `json:"issuer"`
	Serial  string    `json:"serial"` // hex
	Ends    time.Time `json:"not_after"`
}

// SignerOf tells a signer's state.
func SignerOf(s signer.Signer) Signer {
	at := s.State()
	out := Signer{Phase: at.Phase, TriesLeft: at.TriesLeft}
	if at.Fault != nil {
		out.Code, out.Message = at.Fault.Code, &at.Fault.Text
	}
	if c := s.Certificate(); c != nil {
		subject := c.Subject.CommonName
		if subject == "" {
			subject = c.Subject.String()
		}
		out.Certificate = &Certificate{subject, c.Issuer.String(), fmt.Sprintf("%X", c.SerialNumber), c.NotAfter.UTC()}
	}
	return out
}

// Agent is the running agent that is spoken to.
type Agent struct {
	Version string
	Clock   clock.Clock
	Signer  *signer.Sealer
	// Station tells what agent/station has to say and whether it works; nil: nothing.
	Station func(ctx context.Context) (said json.RawMessage, healthy bool)
	// Pages lets browsers look (agent/page); nil: there are no pages.
	Pages Pages
	// Reload takes up agent.json again, as far as that can be done while it runs; nil: nothing can.
	Reload func(ctx context.Context) error
}

// Server answers for one agent.
type Server struct {
	home    *home.Home
	agent   Agent
	started time.Time
	token   string
	listen  net.Listener
	release func() error
	once    sync.Once
}

// endpoint is control.json: where the server is.
type endpoint struct {
	Network string `json:"network"`
	Address string `json:"address"`
	Token   string `json:"token"`
}

// Listen makes this process the one that runs the agent and opens its control.
// Fault: agent.running.
func Listen(h *home.Home, a Agent) (*Server, error) {
	release, err := h.Lock()
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, agent: a, started: a.Clock.Now(), token: rand.Text(), release: release}
	e := endpoint{Network: "unix", Address: h.Path(socketFile), Token: s.token}
	if len(e.Address) > maxSocket || runtime.GOOS == "windows" {
		e = endpoint{Network: "tcp", Address: "127.0.0.1:0", Token: s.token}
	} else if err := os.Remove(e.Address); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed
		return nil, errors.Join(fmt.Errorf("agent control: %w", err), release())
	}
	if s.listen, err = net.Listen(e.Network, e.Address); err != nil {
		return nil, errors.Join(fmt.Errorf("agent control: %w", err), release())
	}
	if e.Network == "unix" {
		err = os.Chmod(e.Address, 0o600)
	} else {
		e.Address = s.listen.Addr().String()
	}
	var b []byte
	if err == nil {
		b, err = json.Marshal(e)
	}
	if err == nil {
		err = h.Write(endpointFile, b)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("agent control: %w", err), s.Close())
	}
	return s, nil
}

// Close ends a server that was not served; after Serve, and again, it does nothing.
func (s *Server) Close() error { return s.end(true) }

// end lets go of listener and lock, once.
func (s *Server) end(listener bool) (err error) {
	s.once.Do(func() {
		if listener {
			err = s.listen.Close()
		}
		if e := os.Remove(s.home.Path(endpointFile)); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
		err = errors.Join(err, s.release())
	})
	return err
}

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("POST /pin", s.pin)
	mux.HandleFunc("POST /forgive", s.forgive)
	mux.HandleFunc("POST /pages/link", s.link)
	mux.HandleFunc("POST /pages/end", s.endPages)
	mux.HandleFunc("POST /reload", s.reload)
	srv := &http.Server{Handler: s.guarded(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	err := srv.Serve(s.listen)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.end(false)) // srv has closed the listener
}

func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == helloPath {
			answer(w, http.StatusOK, hello{proofOf(s.token, r.Header.Get(nonceHeader))})
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(s.token)) != 1 {
			answer(w, http.StatusUnauthorized, errorBody{errToken.Code, errToken.Text})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	c := s.home.Config()
	out := Status{
		Version: s.agent.Version, Process: os.Getpid(), Started: s.started, Healthy: true,
		Hub: c.Hub, Facility: string(c.Facility), Signer: SignerOf(s.agent.Signer),
	}
	if s.agent.Station != nil {
		out.Station, out.Healthy = s.agent.Station(r.Context())
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) pin(w http.ResponseWriter, r *http.Request) {
	var in struct {
		PIN string `json:"pin"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, signer.ErrPINWrong)
		return
	}
	if err := s.agent.Signer.Unlock(r.Context(), in.PIN); err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, SignerOf(s.agent.Signer))
}

func (s *Server) forgive(w http.ResponseWriter, _ *http.Request) {
	if err := s.agent.Signer.Forgive(); err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, SignerOf(s.agent.Signer))
}

type errorBody struct {
	Code string     `json:"code"`
	Text fault.Text `json:"message"`
}

func refuse(w http.ResponseWriter, err error) {
	f := fault.Of(err)
	answer(w, http.StatusConflict, errorBody{f.Code, f.Text})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone when this fails
}

// Client speaks to the agent that runs on this machine.
type Client struct {
	at   endpoint
	http *http.Client
}

// Dial finds the agent of a directory. Faults: agent.not_running, agent.modes.
func Dial(h *home.Home) (*Client, error) {
	b, err := h.Read(endpointFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	c := &Client{}
	if err := json.Unmarshal(b, &c.at); err != nil {
		return nil, ErrNotRunning.Because(err)
	}
	if host, _, err := net.SplitHostPort(c.at.Address); c.at.Network != "unix" && (err != nil || host != "127.0.0.1") {
		return nil, ErrNotRunning.Because(errors.New("not an address of this machine"))
	}
	c.http = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, c.at.Network, c.at.Address)
		},
	}}
	return c, nil
}

// Status asks how the agent is. Fault: agent.not_running.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var out Status
	return out, c.ask(ctx, http.MethodGet, "/status", "", &out)
}

// Unlock hands over the PIN. Faults: those of signer.Signer.Unlock, agent.not_running.
func (c *Client) Unlock(ctx context.Context, pin string) (Signer, error) {
	b, err := json.Marshal(map[string]string{"pin": pin})
	if err != nil {
		return Signer{}, fmt.Errorf("agent control: %w", err)
	}
	var out Signer
	return out, c.ask(ctx, http.MethodPost, "/pin", string(b), &out)
}

// Forgive allows PINs to be tried again. Fault: agent.not_running.
func (c *Client) Forgive(ctx context.Context) (Signer, error) {
	var out Signer
	return out, c.ask(ctx, http.MethodPost, "/forgive", "", &out)
}

func (c *Client) ask(ctx context.Context, method, path, body string, out any) error {
	if err := c.meet(ctx); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("agent control: %w", err)
	}
	req.Header.Set(tokenHeader, c.at.Token)
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrNotRunning.Because(err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return ErrNotRunning.Because(err)
	}
	if resp.StatusCode != http.StatusOK {
		var e errorBody
		if err := json.Unmarshal(b, &e); err != nil || e.Code == "" {
			return ErrNotRunning.Because(fmt.Errorf("answered %d", resp.StatusCode))
		}
		return fault.New(fault.Withheld, e.Code, e.Text.VI, e.Text.EN)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return ErrNotRunning.Because(err)
	}
	return nil
}
