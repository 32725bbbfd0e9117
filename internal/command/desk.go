package command

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"lienthong/internal/hub"
	"lienthong/internal/hub/house"
	webadmin "lienthong/internal/web/admin"
)

// AtDesk lets do ask the running hub of a directory, or one started for it that
// serves nobody.
func AtDesk(ctx context.Context, dir string, cfg hub.Config, do func(webadmin.Databases) error) error {
	p, err := OpenPlace(dir)
	if err != nil {
		return err
	}
	client, err := webadmin.Dial(filepath.Join(p.Dir, SocketFile))
	if err == nil {
		return do(client)
	}
	if !errors.Is(err, webadmin.ErrNotRunning) {
		return err
	}
	h, err := p.Start(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(h.Administer()), h.Close())
}

// Ask asks one thing of a desk about files, nights and cleaning.
func Ask(ctx context.Context, acts webadmin.Databases, what string, q house.DeskAsk) (house.DeskSaid, error) {
	return Asked[house.DeskSaid](ctx, acts, what, q)
}

// Asked asks a question of any desk, and reads what it says.
func Asked[Said, Question any](ctx context.Context, acts webadmin.Databases, what string, q Question) (said Said, err error) {
	b, err := json.Marshal(q)
	if err != nil {
		return said, err
	}
	if b, err = acts.Databases(ctx, Actor, what, b); err != nil {
		return said, err
	}
	return said, json.Unmarshal(b, &said)
}

// Beside does work, and look again and again until it is done.
func Beside(ctx context.Context, every time.Duration, look func(context.Context), work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				look(ctx)
			}
		}
	}()
	err := work(ctx)
	stop()
	<-looked
	return err
}
