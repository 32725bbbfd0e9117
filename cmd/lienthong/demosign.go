package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"lienthong/internal/command"
	"lienthong/internal/command/custody"
)

// holdKeys answers for the demo's keys on a socket, as lienthong sign does for a
// hub: every data key and signature comes over it. Here it is this process
// beside the hub; elsewhere it is another user's. stop ends it.
func holdKeys(ctx context.Context, p *command.Place, dir string, s *command.Streams) (stop func() error, err error) {
	sign := custody.SignCmd{Keys: p.Keys, Socket: filepath.Join(dir, "sign.sock"), Unwraps: 120_000}
	running, end := context.WithCancel(context.WithoutCancel(ctx)) // the hub signs until it is closed
	done := make(chan error, 1)
	go func() { done <- sign.Run(running, s) }()
	for range 500 {
		c, err := net.Dial("unix", sign.Socket)
		if err == nil {
			p.Sign = sign.Socket
			return func() error { end(); return <-done }, c.Close()
		}
		select {
		case err := <-done:
			end()
			return nil, err
		case <-ctx.Done():
			end()
			return nil, errors.Join(ctx.Err(), <-done)
		case <-time.After(10 * time.Millisecond):
		}
	}
	end()
	return nil, errors.Join(fmt.Errorf("demo: nobody answers on %s", sign.Socket), <-done)
}
