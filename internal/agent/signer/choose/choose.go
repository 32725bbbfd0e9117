// Package choose makes the signer that an agent's configuration names. It is
// apart from package signer only because the signers of all kinds import that.
package choose

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/remote"
	"lienthong/internal/agent/signer/token"
	"lienthong/internal/clock"
)

// Signer returns the signer of an agent. A key that is away or waits for its PIN
// is told by State. Fault: agent.config.
func Signer(ctx context.Context, h *home.Home, c clock.Clock) (*signer.Sealer, error) {
	source, err := Source(h, c)
	if err != nil {
		return nil, err
	}
	return signer.New(ctx, source, h, c), nil
}

// Source returns where the key is, by the configuration. Fault: agent.config.
func Source(h *home.Home, c clock.Clock) (signer.Source, error) {
	switch cfg := h.Config().Signer; cfg.Type {
	case home.SignerNone:
		return signer.None{}, nil
	case home.SignerPEM:
		return signer.PEM{Key: cfg.Key, Certificate: cfg.Certificate}, nil
	case home.SignerPKCS12:
		return signer.PKCS12{File: cfg.File}, nil
	case home.SignerPKCS11:
		return token.New(token.Config{Helper: cfg.Helper, Module: cfg.Module, Token: cfg.Slot, Label: cfg.Label}), nil
	case home.SignerRemote:
		transport, err := h.Transport()
		if err != nil {
			return nil, err
		}
		return remote.New(remote.Config{
			URL: cfg.URL, Credential: cfg.Credential, ClientID: cfg.ClientID, TokenURL: cfg.TokenURL, Clock: c,
			Secret: func() (string, error) {
				b, err := home.ReadPrivate(cfg.SecretFile)
				return strings.TrimSpace(string(b)), err
			},
			HTTP: &http.Client{Transport: transport, Timeout: 2 * time.Minute},
		}), nil
	}
	return nil, home.ErrConfig.Because(errors.New("signer: unknown type"))
}
