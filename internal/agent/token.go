package agent

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/fault"
)

// ErrLogin (token.assertion): the hub does not let this credential in.
var ErrLogin = fault.New(fault.Unauthenticated, "token.assertion",
	"Hub không cho đăng nhập bằng tệp khóa này: khóa đã thu hồi, sai hub, hoặc đồng hồ máy lệch quá nhiều.",
	"The hub does not let this credential in: withdrawn, of another hub, or this machine's clock is far off.")

const (
	tokenPath     = "/oauth2/token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLife is under the 5 minutes a hub allows (DESIGN §6), so that a
	// clock running ahead does not spoil it.
	assertionLife = 4 * time.Minute
	// tokenMargin is how long before its end a token is no longer used: a pack
	// takes a while to send.
	tokenMargin = 30 * time.Second
)

// Token returns a bearer token, taken anew when the last one is near its end.
// Faults: token.assertion when the hub refuses, hub.unreachable, hub.answer.
func (c *Client) Token(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.cfg.Clock.Now().Before(c.expiry) {
		return c.token, nil
	}
	assertion, err := c.assertion()
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	limited, cancel := context.WithTimeout(ctx, c.cfg.Stall)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, c.base+tokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("agent: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asked := c.cfg.Clock.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return "", unreachable(ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close() // read as far as it is wanted
	if err != nil {
		return "", unreachable(ctx, err)
	}
	return c.keep(resp.StatusCode, body, asked)
}

// keep reads the answer of the token endpoint (RFC 6749 §5) and keeps the token.
func (c *Client) keep(status int, body []byte, asked time.Time) (string, error) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusBadRequest, status == http.StatusForbidden:
		return "", ErrLogin
	case status >= 500, status == http.StatusTooManyRequests:
		return "", ErrUnreachable.Because(fmt.Errorf("token endpoint answered %d", status))
	case status != http.StatusOK:
		return "", ErrAnswer.Because(fmt.Errorf("token endpoint answered %d", status))
	}
	var said struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return "", ErrAnswer.Because(err)
	}
	if said.Token == "" || !strings.EqualFold(said.Type, "Bearer") || strings.ContainsAny(said.Token, " \r\n") {
		return "", ErrAnswer.Because(errors.New("no bearer token"))
	}
	life := time.Duration(min(max(said.Expires, 0), 24*60*60)) * time.Second
	c.token, c.expiry = said.Token, asked.Add(max(life-tokenMargin, life/2))
	return c.token, nil
}

// forget drops a token the hub has refused, unless another was taken since.
func (c *Client) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// assertion is the private_key_jwt of RFC 7523: who asks, for which endpoint, once.
func (c *Client) assertion() (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(c.cfg.Random, id[:]); err != nil {
		return "", fmt.Errorf("agent: %w", err)
	}
	who := c.cfg.Credential
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: who.key, KeyID: who.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("agent: %w", err)
	}
	now := c.cfg.Clock.Now()
	text, err := jwt.Signed(s).Claims(jwt.Claims{
		Issuer: who.ClientID, Subject: who.ClientID, Audience: jwt.Audience{c.base + tokenPath}, ID: hex.EncodeToString(id[:]),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("agent: %w", err)
	}
	return text, nil
}
