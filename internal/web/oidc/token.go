package oidc

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// algorithms are those of ID tokens that are taken: never none, never one with a
// shared secret.
func algorithms() []string {
	return []string{gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.PS256, gooidc.PS384, gooidc.PS512, gooidc.EdDSA}
}

// claims are what is read of an ID token, or of userinfo.
type claims struct {
	Name     string   `json:"name"`
	Birth    string   `json:"birthdate"`
	Number   string   `json:"citizen_number"`
	Level    int      `json:"identity_level"`
	Licence  string   `json:"licence"`
	Facility string   `json:"facility"`
	Roles    []string `json:"roles"`
	ACR      string   `json:"acr"`
	AZP      string   `json:"azp"`
	AuthTime *int64   `json:"auth_time"`
}

// believe checks an ID token against the login it answers, and reads it.
func (o *Door) believe(ctx context.Context, p Provider, got published, f flow, token *oauth2.Token) (Identity, error) {
	no := func(why string) (Identity, error) { return Identity{}, ErrToken.Because(errors.New(why)) }
	raw, _ := token.Extra("id_token").(string)
	if raw == "" || len(raw) > longest {
		return no("no ID token")
	}
	now := o.d.Clock.Now()
	id, err := got.provider.VerifierContext(ctx, &gooidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algorithms(), Now: o.d.Clock.Now}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, ErrToken.Because(fmt.Errorf("ID token: %w", err))
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return no("claims")
	}
	switch {
	case len(id.Audience) != 1 || id.Audience[0] != p.ClientID || c.AZP != "" && c.AZP != p.ClientID:
		return no("for somebody else too")
	case id.Nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1:
		return no("nonce")
	case id.Subject == "" || len(id.Subject) > 255:
		return no("subject")
	case id.IssuedAt.After(now.Add(slack)) || id.IssuedAt.Before(f.At.Add(-slack)):
		return no("issued at another time")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return no("at_hash")
	case c.AuthTime == nil:
		return no("no auth_time")
	}
	at := time.Unix(*c.AuthTime, 0)
	if at.After(now.Add(slack)) || now.Sub(at) > maxAge+slack || f.Fresh && at.Before(f.At.Add(-slack)) {
		return no("auth_time")
	}
	if err := o.complete(ctx, p, got, token, id.Subject, &c); err != nil {
		return Identity{}, err
	}
	who := Identity{Provider: p.ID, For: p.For, Issuer: id.Issuer, Subject: id.Subject, Name: c.Name, At: at}
	switch p.For {
	case Citizens:
		who.Number, who.Birth, who.Level = c.Number, c.Birth, cmp.Or(p.Levels[c.ACR], 1)
		if c.Level == 1 { // the weaker of what it says twice
			who.Level = 1
		}
	case Staff:
		who.Licence, who.Facility, who.Roles, who.Level = c.Licence, c.Facility, c.Roles, 1
	}
	return who, nil
}

// complete asks userinfo where the ID token says too little.
func (o *Door) complete(ctx context.Context, p Provider, got published, token *oauth2.Token, subject string, c *claims) error {
	if c.Name != "" && (p.For != Citizens || c.Number != "" && c.Birth != "") || got.meta.Info == "" {
		return nil
	}
	info, err := got.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return ErrAway.Because(errors.New("userinfo"))
	}
	var more claims
	if err := info.Claims(&more); err != nil || info.Subject != subject {
		return ErrToken.Because(errors.New("userinfo of somebody else"))
	}
	c.Name, c.Birth, c.Number = cmp.Or(c.Name, more.Name), cmp.Or(c.Birth, more.Birth), cmp.Or(c.Number, more.Number)
	c.Licence, c.Facility, c.Level = cmp.Or(c.Licence, more.Licence), cmp.Or(c.Facility, more.Facility), cmp.Or(c.Level, more.Level)
	if len(c.Roles) == 0 {
		c.Roles = more.Roles
	}
	return nil
}
