package control_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/agent/control"
	"lienthong/internal/fault"
)

// A killed agent left its port's number behind, and another user of the machine
// listens there now.
func TestAnotherProgramAtTheAgentsPortLearnsNothing(t *testing.T) {
	t.Parallel()
	const token = "TOKENOFTHEAGENT"
	var mu sync.Mutex
	var heard strings.Builder
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if err := r.Header.Write(&heard); err != nil {
			t.Error(err)
		}
		if _, err := io.Copy(&heard, r.Body); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"proof":"`+strings.Repeat("0", 64)+`","state":"ready"}`)
	}))
	defer thief.Close()
	h := setup(t, "agent")
	b, err := json.Marshal(map[string]string{"network": "tcp", "address": thief.Listener.Addr().String(), "token": token})
	if err == nil {
		err = h.Write("control.json", b)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.Dial(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Unlock(t.Context(), "mật khẩu"); fault.Of(err).Code != "agent.not_running" {
		t.Errorf("a PIN was handed over: %v", err)
	}
	if _, err := c.Status(t.Context()); fault.Of(err).Code != "agent.not_running" {
		t.Errorf("believed: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if said := heard.String(); said == "" || strings.Contains(said, token) || strings.Contains(said, "khẩu") {
		t.Errorf("it heard %q", said)
	}
}

// The proof is good for its nonce alone, and only of who has the token.
func TestTheAgentProvesItselfAtAPort(t *testing.T) {
	t.Parallel()
	h := setup(t, strings.Repeat("long", 30)) // too long for a socket
	run(t, h)
	b, err := h.Read("control.json")
	if err != nil {
		t.Fatal(err)
	}
	var e struct{ Network, Address, Token string }
	if err := json.Unmarshal(b, &e); err != nil || e.Network != "tcp" {
		t.Fatalf("%+v, %v", e, err)
	}
	if host, _, err := net.SplitHostPort(e.Address); err != nil || host != "127.0.0.1" {
		t.Errorf("%s", e.Address)
	}
	other := setup(t, "other")
	e.Token = "another"
	if b, err = json.Marshal(map[string]string{"network": e.Network, "address": e.Address, "token": e.Token}); err == nil {
		err = other.Write("control.json", b)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.Dial(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); fault.Of(err).Code != "agent.not_running" {
		t.Errorf("another token: %v", err)
	}
}
