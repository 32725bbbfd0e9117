package command

import (
	"context"
	"errors"
	"os"
	"strings"

	"lienthong/internal/agent"
	webadmin "lienthong/internal/web/admin"
)

// Actor is who acts on the command line, as acts keep it.
const Actor = "operator: command line"

// Prepare makes the tables and the first leaves, and returns the log's verifier key.
func (p *Place) Prepare(ctx context.Context) (string, error) {
	h, err := p.Start(ctx, Quiet())
	if err != nil {
		return "", err
	}
	key := h.LogKey.Verifier()
	return key, h.Close()
}

// Administer opens the place, lets do act, and gives it back.
func Administer(ctx context.Context, dir string, do func(webadmin.Acts) error) error {
	p, err := OpenPlace(dir)
	if err != nil {
		return err
	}
	acts, done, err := p.Acts(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(acts), done())
}

func NewCredential(ctx context.Context, a webadmin.Acts, hubName, code string) ([]byte, error) {
	key, spki, err := agent.NewKey()
	if err != nil {
		return nil, err
	}
	id, kid, err := a.AddClient(ctx, Actor, code, spki)
	if err != nil {
		return nil, err
	}
	return agent.MakeCredential(hubName, code, id, kid, key)
}

// WriteNew writes a secret to a file that is not there yet.
func WriteNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func LoginURL(base, token string) string {
	return strings.TrimSuffix(base, "/") + "/login?token=" + token
}
