package control

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// A killed agent leaves the address of its port behind, and every user of the
// machine may open a port of that number. So whoever answers there proves first
// that it has the token, before it is told the token or a PIN. A socket needs no
// proof: it lies in the agent's own directory.

const (
	helloPath   = "/hello"
	nonceHeader = "Control-Nonce"
)

type hello struct {
	Proof string `json:"proof"` // hex
}

func proofOf(token, nonce string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("lienthong/control/v1\x00" + nonce))
	return hex.EncodeToString(m.Sum(nil))
}

// meet makes sure that who answers at a port is the agent. Fault: agent.not_running.
func (c *Client) meet(ctx context.Context) error {
	if c.at.Network == "unix" {
		return nil
	}
	nonce := rand.Text()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent"+helloPath, nil)
	if err != nil {
		return fmt.Errorf("agent control: %w", err)
	}
	req.Header.Set(nonceHeader, nonce)
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrNotRunning.Because(err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return ErrNotRunning.Because(err)
	}
	var said hello
	if json.Unmarshal(b, &said) != nil || !hmac.Equal([]byte(said.Proof), []byte(proofOf(c.at.Token, nonce))) {
		return ErrNotRunning.Because(errors.New("another program answers at the agent's address"))
	}
	return nil
}
