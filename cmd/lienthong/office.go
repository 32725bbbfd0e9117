package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"lienthong/internal/agent"
	webadmin "lienthong/internal/web/admin"
)

// actor is who acts on the command line, as acts keep it.
const actor = "operator: command line"

// prepare makes the tables and the first leaves, and returns the log's verifier key.
func (p *place) prepare(ctx context.Context) (string, error) {
	h, err := p.start(ctx, quiet())
	if err != nil {
		return "", err
	}
	key := h.LogKey.Verifier()
	return key, h.Close()
}

// administer opens the place, lets do act, and gives it back.
func administer(ctx context.Context, dir string, do func(webadmin.Acts) error) error {
	p, err := openPlace(dir)
	if err != nil {
		return err
	}
	acts, done, err := p.acts(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(acts), done())
}

func newCredential(ctx context.Context, a webadmin.Acts, hubName, code string) ([]byte, error) {
	key, spki, err := agent.NewKey()
	if err != nil {
		return nil, err
	}
	id, kid, err := a.AddClient(ctx, actor, code, spki)
	if err != nil {
		return nil, err
	}
	return agent.MakeCredential(hubName, code, id, kid, key)
}

// writeNew writes a secret to a file that is not there yet.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func loginURL(base, token string) string {
	return strings.TrimSuffix(base, "/") + "/login?token=" + token
}
