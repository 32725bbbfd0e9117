package custody

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"lienthong/internal/bridge/signer"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/vault"
)

// SignCmd runs the signing process: another user than the hub's holds the keys.
type SignCmd struct {
	Keys    string `required:"" help:"Directory of master.key, log.key and receipt.pem; the hub keeps pepper-1.key and token.key." type:"path"`
	Socket  string `required:"" help:"Unix socket to answer on; its directory says who may connect." type:"path"`
	Unwraps int    `name:"unwraps-per-minute" default:"120000" help:"How many data keys are given out in a minute, which is how many records can be opened. 0: any number."`
	LogJSON bool   `name:"log-json" help:"Log as JSON."`
}

// Run answers until it is told to stop. A hangup signal has it read the master
// keys again: that is how a new one is taken into use.
func (c *SignCmd) Run(ctx context.Context, s *command.Streams) error {
	read := func(name string) ([]byte, error) { return command.ReadPrivate(filepath.Join(c.Keys, name)) }
	keys, err := keyring.ReadHeldKeys(read)
	if err != nil {
		return err
	}
	ring, err := vault.NewKeys(vault.RingConfig{Master: keys.Master, Retired: keys.Retired, Unwraps: c.Unwraps, Clock: clock.System{}})
	if err != nil {
		return err
	}
	seed, err := ledger.WitnessSeed(keys.LogSeed)
	if err != nil {
		return err
	}
	log := command.Logger(s.Err, c.LogJSON)
	server, err := signer.NewServer(signer.Held{Ring: ring, Receipt: keys.Receipt, Log: ed25519.NewKeyFromSeed(keys.LogSeed), Witness: ed25519.NewKeyFromSeed(seed)}, log)
	if err != nil {
		return err
	}
	l, err := listen(c.Socket)
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				masters, err := keyring.ReadMasters(read)
				if err == nil {
					err = ring.Turn(masters[len(masters)-1])
				}
				log.Info("master keys read again", "master", ring.Master(), "error", err)
			}
		}
	}()
	log.Info("signing process ready", "socket", c.Socket, "master", ring.Master(), "unwraps_per_minute", c.Unwraps)
	return server.Serve(ctx, l)
}

// listen opens the socket, in the place of one that nobody answers on.
func listen(path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		return nil, errors.Join(fmt.Errorf("somebody answers on %s already", path), conn.Close())
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil { // the group is the hub's
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
