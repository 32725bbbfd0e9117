package courier

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/vault"
)

// Credentials opens the hub's own credentials for what reads from approved entries and
// carries no leg: braked as deliveries are, and each opening is logged.
type Credentials struct{ secrets *secrets }

// NewCredentials returns who opens them.
func NewCredentials(s Secrets, v *vault.Vault, log *slog.Logger) *Credentials {
	return &Credentials{newSecrets(s, v, told{log: log})}
}

// Of returns the hub's credential for an entry, nil where there is none. It is not to
// be kept. Fault: leg.secret_braked.
func (c *Credentials) Of(ctx context.Context, destination string) ([]byte, error) {
	defer c.secrets.forget() // it is asked seldom, and then for what holds now
	for tries := 0; ; tries++ {
		plain, err := c.secrets.of(ctx, destination, "")
		if !errors.Is(err, ErrBraked) || tries == 5 {
			return plain, err
		}
		if err := clock.Sleep(ctx, 2*time.Second/secretRate); err != nil { // its turn comes soon
			return nil, err
		}
	}
}

// told is an observer of openings only.
type told struct {
	Observer
	log *slog.Logger
}

func (t told) SecretOpened(destination string) {
	t.log.Info("credential opened", "destination", destination)
}
