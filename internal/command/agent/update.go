package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/agent/control"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/service"
	"lienthong/internal/agent/update"
	"lienthong/internal/clock"
	"lienthong/internal/command"
)

type updateCmd struct {
	in
	From       string        `help:"Manifest of the update: URL or path; default as set up."`
	AllowOlder bool          `name:"allow-older" help:"Take a signed older version too."`
	Rollback   bool          `help:"Go back to the previous version."`
	Wait       time.Duration `default:"60s" help:"How long the new version may take to be well."`
	JSON       bool          `name:"json" help:"As JSON."`
}

// Run updates, or goes back. The answer is no when the new version does not work
// and the previous one was put back.
func (c *updateCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	u, err := c.updater(ctx, h)
	if err != nil {
		return err
	}
	if pending, err := u.Settle(ctx); err != nil {
		return c.sick(s, err)
	} else if pending {
		say(s, "Lần cập nhật trước bị ngắt giữa chừng, nay đã hoàn tất.", "An update that had broken off is now complete.")
	}
	var out update.Outcome
	if c.Rollback {
		out, err = u.Rollback(ctx)
	} else {
		from := c.From
		if from == "" && h.Config().Update != nil {
			from = h.Config().Update.From
		}
		if from == "" {
			return update.ErrFetch.Because(errors.New("--from is needed"))
		}
		out, err = u.Apply(ctx, from, c.AllowOlder)
	}
	if err != nil {
		return c.sick(s, err)
	}
	switch {
	case c.JSON:
		return command.WriteJSON(s.Out, out)
	case out.Changed:
		say(s, "Đã chuyển từ bản %s sang bản %s.", "Changed from version %s to version %s.", out.From, out.To)
	default:
		say(s, "Đang chạy bản %s, không có gì mới.", "Version %s runs already.", out.To)
	}
	return nil
}

// sick tells that a version was taken back; other errors go on.
func (c *updateCmd) sick(s *command.Streams, err error) error {
	if !errors.Is(err, update.ErrSick) {
		return err
	}
	command.Report(s.Err, s.Lang, err)
	return command.ErrNo
}

func (c *updateCmd) updater(ctx context.Context, h *home.Home) (*update.Updater, error) {
	cfg := update.Config{Wait: c.Wait}
	if u := h.Config().Update; u != nil {
		cfg.Key = u.Key
	}
	transport, err := h.Transport()
	if err != nil {
		return nil, err
	}
	cfg.HTTP = &http.Client{Transport: transport}
	at, err := service.StatusOf(ctx, "")
	if err != nil {
		return nil, err
	}
	if at.Installed {
		cfg.Binary, cfg.Restart = at.Binary, service.Restart
		cfg.Healthy = func(ctx context.Context, version string) error { return healthy(ctx, h, version) }
		if now, err := running(ctx, h); err == nil {
			cfg.Current = now.Version
		}
		return update.New(cfg)
	}
	if cfg.Binary, err = os.Executable(); err != nil {
		return nil, update.ErrPlace.Because(err)
	}
	return update.New(cfg)
}

// healthy asks the agent that runs now.
func healthy(ctx context.Context, h *home.Home, version string) error {
	now, err := running(ctx, h)
	switch {
	case err != nil:
		return err
	case now.Version != version:
		return control.ErrNotRunning.Because(fmt.Errorf("version %s runs", now.Version))
	case !now.Healthy:
		return control.ErrNotRunning.Because(errors.New("it is not well"))
	}
	return nil
}

type releaseCmd struct {
	Key     string            `required:"" help:"File with the key that signs releases (mode 0600)." type:"path"`
	NewKey  string            `name:"new-key" help:"Make that file for this name, and print the key that agents check with." placeholder:"NAME"`
	Version string            `help:"Version, for example 1.4.0."`
	Out     string            `short:"o" help:"Manifest to write; the programs are to lie beside it." type:"path"`
	Program map[string]string `arg:"" optional:"" help:"Programs: linux/amd64=FILE."`
}

// Run makes a key, or signs a manifest.
func (c *releaseCmd) Run(s *command.Streams) error {
	if c.NewKey != "" {
		secret, public, err := note.GenerateKey(rand.Reader, c.NewKey)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(c.Key, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // never over another key
		if err != nil {
			return err
		}
		_, err = f.WriteString(secret + "\n")
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, public)
		return nil
	}
	secret, err := command.ReadPrivate(c.Key)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(command.TrimNewline(secret)))
	if err != nil {
		return update.ErrKey // its error may repeat the key
	}
	m := update.Manifest{Version: c.Version, Issued: clock.System{}.Now()}
	for platform, path := range c.Program {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m.Programs = append(m.Programs, update.Program{Platform: platform, Name: filepath.Base(path), Size: int64(len(b)), Sum: sha256.Sum256(b)})
	}
	slices.SortFunc(m.Programs, func(a, b update.Program) int { return slices.Compare([]byte(a.Platform), []byte(b.Platform)) })
	text, err := m.Sign(signer)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Out, text, 0o644)
}
